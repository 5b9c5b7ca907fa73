//! State-of-the-world xDS: each request names everything the client wants, a response for clusters and listeners
//! holds everything there is.
//!
//! Follows Envoy's "xDS REST and gRPC protocol", basic variant. A request with a stale nonce is not answered as an
//! answer, but the names that it carries count. An empty list of names is a wildcard only until the stream named a
//! resource of the type.

use std::{collections::BTreeSet, sync::Arc};

use envoy_types::pb::envoy::{config::core::v3::Node, service::discovery::v3::DiscoveryRequest};
use sha2::{Digest, Sha256};

use super::{
    frame::Frame,
    ledger::{Answer, Ledger},
    protocol::{MAX_RESPONSE_BYTES, Outcome, Protocol, Response, Types, Violation, check_names, refusal},
    resource::{Resource, World},
    type_url,
};
use crate::revision::hex;

/// One state-of-the-world ADS stream.
#[derive(Debug, Default)]
pub(super) struct Sotw {
    types: Types<Subscription>,
}

/// One type on the stream.
#[derive(Debug, Default)]
struct Subscription {
    wildcard: bool,
    /// The stream has named a resource of this type, so that an empty list means nothing instead of everything.
    has_named: bool,
    names: BTreeSet<String>,
    ledger: Ledger,
    /// Names to answer whatever the client holds.
    due: BTreeSet<String>,
    /// The wildcard subscription has had no answer yet, not even an empty one.
    wildcard_due: bool,
}

impl Protocol for Sotw {
    type Request = DiscoveryRequest;

    fn node(request: &Self::Request) -> Option<&Node> {
        request.node.as_ref()
    }

    fn held<'a>(request: &'a Self::Request, type_url: &str, _name: &str) -> Option<&'a str> {
        // One version for the type as a whole: of the last response, which for a type that is sent singly is that
        // of its last resource.
        let version = request.version_info.as_str();
        (request.type_url == type_url && !version.is_empty()).then_some(version)
    }

    fn frame(response: &Response) -> Frame {
        Frame::sotw(response)
    }

    fn receive(&mut self, request: Self::Request, _world: &World) -> Result<Vec<Outcome>, Violation> {
        check_names("resource_names", request.resource_names.iter())?;
        let (is_first, subscription) = self.types.open(&request.type_url)?;
        Ok(subscription.receive(is_first, request).into_iter().collect())
    }

    fn poll(&mut self, world: &World) -> Option<Response> {
        self.types
            .first_response(|type_url, subscription, nonce| subscription.poll(type_url, nonce, world))
    }
}

impl Subscription {
    fn receive(&mut self, is_first: bool, request: DiscoveryRequest) -> Option<Outcome> {
        // The names count first, so that an acknowledged resource that is no longer wanted is not held.
        self.subscribe(request.resource_names);
        // On a new stream a nonce belongs to the stream before it.
        if request.response_nonce.is_empty() || is_first {
            return None;
        }
        let (wildcard, names) = (self.wildcard, &self.names);
        let error = request.error_detail;
        let keep = |name: &str| wildcard || names.contains(name);
        let type_url = request.type_url;
        Some(
            match self.ledger.settle(&request.response_nonce, error.is_some(), keep) {
                Answer::Stale => Outcome::Stale,
                Answer::Current(resources) => match error {
                    None => Outcome::Ack { type_url, resources },
                    Some(status) => Outcome::Nack {
                        type_url,
                        resources,
                        message: refusal(&status),
                    },
                },
            },
        )
    }

    fn subscribe(&mut self, wanted: Vec<String>) {
        let is_wildcard = if wanted.is_empty() {
            !self.has_named
        } else {
            wanted.iter().any(|name| name == "*")
        };
        self.has_named |= !wanted.is_empty();
        let names: BTreeSet<String> = wanted.into_iter().filter(|name| name != "*").collect();
        self.wildcard_due = is_wildcard && (self.wildcard_due || !self.wildcard);
        self.wildcard = is_wildcard;
        self.due.retain(|name| names.contains(name));
        self.due.extend(names.difference(&self.names).cloned());
        self.names = names;
        let names = &self.names;
        self.ledger.retain(|name| is_wildcard || names.contains(name));
    }

    fn poll(&mut self, type_url: &str, nonce: &str, world: &World) -> Option<Response> {
        if self.ledger.is_waiting() {
            return None;
        }
        let wanted: Vec<&Arc<Resource>> = world
            .of_type(type_url)
            .filter(|resource| self.wildcard || self.names.contains(&resource.name))
            .collect();
        let offer = if type_url::is_full_state(type_url) {
            self.full_state(&wanted, world, type_url)
        } else {
            self.partial_state(&wanted, type_url)
        };
        let (resources, removed) = match offer {
            Some(offer) => offer,
            None if self.wildcard_due => (Vec::new(), Vec::new()),
            None => return None,
        };
        self.wildcard_due = false;
        if type_url::is_full_state(type_url) {
            // The answer covers the names that do not exist, too.
            self.due.clear();
        }
        for resource in &resources {
            self.due.remove(&resource.name);
        }
        self.ledger.sent(nonce.to_owned(), resources.clone(), removed);
        Some(Response {
            type_url: type_url.to_owned(),
            version: version(&resources),
            nonce: nonce.to_owned(),
            resources,
            removed: Vec::new(),
        })
    }

    /// Everything, when any of it is news or something is gone.
    fn full_state(
        &self,
        wanted: &[&Arc<Resource>],
        world: &World,
        type_url: &str,
    ) -> Option<(Vec<Arc<Resource>>, Vec<String>)> {
        let gone: Vec<String> = self
            .ledger
            .held_names()
            .filter(|name| world.find(type_url, name).is_none())
            .cloned()
            .collect();
        let has_news = wanted.iter().any(|resource| self.ledger.is_news(resource));
        let is_due = !self.due.is_empty() || self.wildcard_due;
        (has_news || is_due || !gone.is_empty())
            .then(|| (wanted.iter().copied().map(Arc::clone).collect(), gone))
    }

    /// The next resources that are news; what is gone goes without saying in this variant.
    fn partial_state(
        &self,
        wanted: &[&Arc<Resource>],
        type_url: &str,
    ) -> Option<(Vec<Arc<Resource>>, Vec<String>)> {
        let mut bytes = 0;
        let mut resources = Vec::new();
        for resource in wanted {
            if !self.due.contains(&resource.name) && !self.ledger.is_news(resource) {
                continue;
            }
            bytes += resource.any.len();
            if !resources.is_empty() && (bytes > MAX_RESPONSE_BYTES || type_url::is_sent_singly(type_url)) {
                break;
            }
            resources.push(Arc::clone(resource));
        }
        (!resources.is_empty()).then_some((resources, Vec::new()))
    }
}

/// The version of a response: that of its only resource, or a hash over all of them.
fn version(resources: &[Arc<Resource>]) -> String {
    if let [resource] = resources {
        return resource.version.clone();
    }
    let mut hasher = Sha256::new();
    for resource in resources {
        for text in [&resource.name, &resource.version] {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
    }
    let mut version = hex(&hasher.finalize());
    version.truncate(16);
    version
}
