//! Delta xDS: the client says what it wants in changes, the server answers in changes.
//!
//! Follows Envoy's "xDS REST and gRPC protocol", incremental variant. A stale nonce never loses a change of
//! subscription; a name that is subscribed again is always answered; a name that does not exist is answered as
//! removed at once and sent when it appears; a refused version is not sent again until its content changes.

use std::{collections::BTreeSet, sync::Arc};

use envoy_types::pb::envoy::{config::core::v3::Node, service::discovery::v3::DeltaDiscoveryRequest};

use super::{
    frame::Frame,
    ledger::{Answer, Ledger},
    protocol::{
        MAX_NAMES, MAX_RESPONSE_BYTES, Outcome, Protocol, Response, Types, Violation, check_names, refusal,
    },
    resource::{Resource, World},
    type_url,
};

/// One delta ADS stream.
#[derive(Debug, Default)]
pub(super) struct Delta {
    types: Types<Subscription>,
}

/// One type on the stream: a world of its own, with its own subscription and its own response in flight.
#[derive(Debug, Default)]
struct Subscription {
    wildcard: bool,
    names: BTreeSet<String>,
    ledger: Ledger,
    /// Names to answer whatever the client holds.
    due: BTreeSet<String>,
    /// The wildcard subscription has had no answer yet, not even an empty one.
    wildcard_due: bool,
}

impl Protocol for Delta {
    type Request = DeltaDiscoveryRequest;

    fn node(request: &Self::Request) -> Option<&Node> {
        request.node.as_ref()
    }

    fn held<'a>(request: &'a Self::Request, type_url: &str, name: &str) -> Option<&'a str> {
        let versions = Some(&request.initial_resource_versions).filter(|_| request.type_url == type_url)?;
        versions.get(name).map(String::as_str)
    }

    fn frame(response: &Response) -> Frame {
        Frame::delta(response)
    }

    fn receive(&mut self, request: Self::Request, world: &World) -> Result<Vec<Outcome>, Violation> {
        check_names(
            "resource_names_subscribe",
            request.resource_names_subscribe.iter(),
        )?;
        check_names(
            "resource_names_unsubscribe",
            request.resource_names_unsubscribe.iter(),
        )?;
        check_names(
            "initial_resource_versions",
            request.initial_resource_versions.keys(),
        )?;
        check_names(
            "initial_resource_versions",
            request.initial_resource_versions.values(),
        )?;
        let (is_first, subscription) = self.types.open(&request.type_url)?;
        subscription.receive(is_first, request, world)
    }

    fn poll(&mut self, world: &World) -> Option<Response> {
        self.types
            .first_response(|type_url, subscription, nonce| subscription.poll(type_url, nonce, world))
    }
}

impl Subscription {
    fn receive(
        &mut self,
        is_first: bool,
        request: DeltaDiscoveryRequest,
        world: &World,
    ) -> Result<Vec<Outcome>, Violation> {
        let mut outcomes = Vec::new();
        outcomes.extend(self.settle(&request));
        if is_first {
            self.ledger.restore(request.initial_resource_versions);
            let is_legacy_wildcard =
                request.resource_names_subscribe.is_empty() && request.resource_names_unsubscribe.is_empty();
            self.wildcard = is_legacy_wildcard;
            self.wildcard_due = is_legacy_wildcard;
        }
        let may_skip = is_first && type_url::may_skip_held(&request.type_url);
        for name in request.resource_names_subscribe {
            self.subscribe(name, may_skip);
        }
        for name in &request.resource_names_unsubscribe {
            self.unsubscribe(name);
        }
        if self.names.len() > MAX_NAMES {
            return Err(Violation::TooManyNames {
                found: self.names.len(),
            });
        }
        if is_first {
            let (wildcard, names) = (self.wildcard, &self.names);
            self.ledger.retain(|name| wildcard || names.contains(name));
            let held = self
                .ledger
                .held_names()
                .filter_map(|name| world.find(&request.type_url, name))
                .filter(|resource| self.ledger.holds_version(resource));
            outcomes.extend(held.cloned().map(Outcome::Holds));
        }
        Ok(outcomes)
    }

    fn settle(&mut self, request: &DeltaDiscoveryRequest) -> Option<Outcome> {
        if request.response_nonce.is_empty() {
            return None;
        }
        let (wildcard, names) = (self.wildcard, &self.names);
        let error = request.error_detail.as_ref();
        let keep = |name: &str| wildcard || names.contains(name);
        let type_url = request.type_url.clone();
        Some(
            match self.ledger.settle(&request.response_nonce, error.is_some(), keep) {
                Answer::Stale => Outcome::Stale,
                Answer::Current(resources) => match error {
                    None => Outcome::Ack { type_url, resources },
                    Some(status) => Outcome::Nack {
                        type_url,
                        resources,
                        message: refusal(status),
                    },
                },
            },
        )
    }

    fn subscribe(&mut self, name: String, may_skip: bool) {
        if name == "*" {
            self.wildcard_due |= !self.wildcard;
            self.wildcard = true;
            return;
        }
        // What the client holds is compared with the world when the response is made.
        if !(may_skip && self.ledger.holds(&name)) {
            self.due.insert(name.clone());
        }
        self.names.insert(name);
    }

    fn unsubscribe(&mut self, name: &str) {
        if name == "*" {
            self.wildcard = false;
            self.wildcard_due = false;
            let names = &self.names;
            self.ledger.retain(|name| names.contains(name));
        } else if self.names.remove(name) {
            self.due.remove(name);
            if self.wildcard {
                // Still wanted through the wildcard: the client dropped it and must hear of it again.
                self.due.insert(name.to_owned());
            } else {
                self.ledger.retain(|kept| kept != name);
            }
        }
    }

    fn poll(&mut self, type_url: &str, nonce: &str, world: &World) -> Option<Response> {
        if self.ledger.is_waiting() {
            return None;
        }
        let (resources, removed) = self.offer(type_url, world);
        if resources.is_empty() && removed.is_empty() && !self.wildcard_due {
            return None;
        }
        self.wildcard_due = false;
        for name in resources.iter().map(|resource| &resource.name).chain(&removed) {
            self.due.remove(name);
        }
        self.ledger
            .sent(nonce.to_owned(), resources.clone(), removed.clone());
        Some(Response {
            type_url: type_url.to_owned(),
            version: resources
                .last()
                .map_or_else(String::new, |resource| resource.version.clone()),
            nonce: nonce.to_owned(),
            resources,
            removed,
        })
    }

    /// What the client should hear next, within the bounds of one response.
    fn offer(&self, type_url: &str, world: &World) -> (Vec<Arc<Resource>>, Vec<String>) {
        let mut resources = Vec::new();
        let mut removed = Vec::new();
        let mut bytes = 0;
        for name in self.candidates(type_url, world) {
            let is_due = self.due.contains(name);
            match world.find(type_url, name) {
                Some(resource) if is_due || self.ledger.is_news(resource) => {
                    bytes += resource.any.len();
                    if !resources.is_empty()
                        && (bytes > MAX_RESPONSE_BYTES || type_url::is_sent_singly(type_url))
                    {
                        break;
                    }
                    resources.push(Arc::clone(resource));
                }
                None if is_due || self.ledger.holds(name) => removed.push(name.to_owned()),
                _ => {}
            }
        }
        if type_url::is_sent_singly(type_url) && !resources.is_empty() {
            // A refusal of the resource must not take the removals down with it; they follow.
            removed.clear();
        }
        (resources, removed)
    }

    /// Every name that could need an answer, each once, in order.
    fn candidates<'a>(&'a self, type_url: &str, world: &'a World) -> BTreeSet<&'a str> {
        let mut names: BTreeSet<&str> = self.names.iter().chain(&self.due).map(String::as_str).collect();
        if self.wildcard {
            names.extend(self.ledger.held_names().map(String::as_str));
            names.extend(world.of_type(type_url).map(|resource| resource.name.as_str()));
        }
        names
    }
}
