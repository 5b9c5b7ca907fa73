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
    protocol::{MAX_RESPONSE_BYTES, Outcome, Protocol, Response, Types, Violation, check_names},
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
    /// Version of a whole state that was refused.
    refused_state: Option<String>,
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
        let error = request.error_detail.as_ref();
        let keep = |name: &str| wildcard || names.contains(name);
        match self.ledger.settle(&request.response_nonce, error.is_some(), keep) {
            Answer::Stale => Some(Outcome::Stale),
            Answer::Current(resources) => {
                self.refused_state = error.is_some().then(|| version(&resources));
                if error.is_some() {
                    // Whoever asked again meanwhile has got the answer, and refused it.
                    self.due
                        .retain(|name| resources.iter().all(|resource| resource.name != *name));
                }
                Some(Outcome::answered(request.type_url, resources, error))
            }
        }
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
            // Of a type that goes as a whole, nothing would mean that everything is gone.
            None if self.wildcard_due && !type_url::is_full_state(type_url) => (Vec::new(), Vec::new()),
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

    /// Everything, when it differs from what the client holds and is not what it refused.
    fn full_state(
        &self,
        wanted: &[&Arc<Resource>],
        world: &World,
        type_url: &str,
    ) -> Option<(Vec<Arc<Resource>>, Vec<String>)> {
        let is_gone = |name: &&String| world.find(type_url, name).is_none();
        let gone: Vec<String> = self.ledger.held_names().filter(is_gone).cloned().collect();
        let state: Vec<Arc<Resource>> = wanted.iter().copied().map(Arc::clone).collect();
        let is_due = !self.due.is_empty() || self.wildcard_due;
        let differs = !gone.is_empty() || state.iter().any(|resource| !self.ledger.holds_version(resource));
        ((is_due || differs) && self.refused_state != Some(version(&state))).then_some((state, gone))
    }

    /// The next resources that are news; what is gone goes without saying in this variant.
    fn partial_state(
        &self,
        wanted: &[&Arc<Resource>],
        type_url: &str,
    ) -> Option<(Vec<Arc<Resource>>, Vec<String>)> {
        let is_alone = |name: &str| type_url::is_sent_singly(type_url) || self.ledger.is_isolated(name);
        let mut bytes = 0;
        let mut resources = Vec::new();
        for resource in wanted {
            if !self.due.contains(&resource.name) && !self.ledger.is_news(resource) {
                continue;
            }
            bytes += resource.any.len();
            if !resources.is_empty() && (is_alone(&resource.name) || bytes > MAX_RESPONSE_BYTES) {
                break;
            }
            resources.push(Arc::clone(resource));
            if is_alone(&resource.name) {
                break;
            }
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

#[cfg(test)]
mod tests {
    use envoy_types::pb::google::rpc::Status;

    use super::*;
    use crate::xds::type_url::{CLUSTER, ENDPOINT, EXTENSION, LISTENER, ROUTE};

    /// A client by hand, so that a test decides when it answers.
    #[derive(Default)]
    struct Client {
        sotw: Sotw,
        world: World,
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn want(type_url: &str, names: &[&str], nonce: &str) -> DiscoveryRequest {
        DiscoveryRequest {
            type_url: type_url.to_owned(),
            resource_names: strings(names),
            response_nonce: nonce.to_owned(),
            ..DiscoveryRequest::default()
        }
    }

    fn refuse(request: DiscoveryRequest) -> DiscoveryRequest {
        let status = Status {
            code: 13,
            message: "no".to_owned(),
            ..Status::default()
        };
        DiscoveryRequest {
            error_detail: Some(status),
            ..request
        }
    }

    impl Client {
        fn new(type_url: &str, resources: &[(&str, &str)]) -> Self {
            let mut client = Self::default();
            client.put(type_url, resources);
            client
        }

        fn put(&mut self, type_url: &str, resources: &[(&str, &str)]) {
            for &(name, version) in resources {
                let any = version.to_owned().into();
                let resource = Resource {
                    name: name.to_owned(),
                    version: version.to_owned(),
                    any,
                };
                self.world = self.world.clone().with(type_url, resource);
            }
        }

        fn send(&mut self, request: DiscoveryRequest) -> Vec<Outcome> {
            self.sotw.receive(request, &self.world).unwrap()
        }

        /// Expects a response with these resources, and returns its nonce.
        #[track_caller]
        fn expect(&mut self, resources: &[&str]) -> String {
            let response = self.sotw.poll(&self.world).expect("a response");
            let found: Vec<_> = response
                .resources
                .iter()
                .map(|resource| format!("{}={}", resource.name, resource.version))
                .collect();
            assert_eq!(found, strings(resources));
            assert!(!response.version.is_empty());
            response.nonce
        }

        #[track_caller]
        fn expect_nothing(&mut self) {
            assert_eq!(self.sotw.poll(&self.world), None);
        }
    }

    #[test]
    fn resource_is_sent_once_and_again_when_it_changes() {
        let mut client = Client::new(EXTENSION, &[("secbeat", "1")]);
        client.send(want(EXTENSION, &["secbeat"], ""));
        let nonce = client.expect(&["secbeat=1"]);
        client.put(EXTENSION, &[("secbeat", "2")]);
        client.expect_nothing();
        let outcomes = client.send(want(EXTENSION, &["secbeat"], &nonce));
        assert!(matches!(outcomes.as_slice(), [Outcome::Ack { .. }]));
        let nonce = client.expect(&["secbeat=2"]);
        client.send(want(EXTENSION, &["secbeat"], &nonce));
        client.expect_nothing();
    }

    #[test]
    fn refused_version_is_not_sent_again_until_the_content_changes() {
        for type_url in [EXTENSION, CLUSTER, ENDPOINT] {
            let mut client = Client::new(type_url, &[("a", "1")]);
            client.send(want(type_url, &["a"], ""));
            let nonce = client.expect(&["a=1"]);
            let outcomes = client.send(refuse(want(type_url, &["a"], &nonce)));
            assert!(
                matches!(outcomes.as_slice(), [Outcome::Nack { .. }]),
                "{type_url}"
            );
            client.expect_nothing();
            client.put(type_url, &[("a", "2")]);
            client.expect(&["a=2"]);
        }
    }

    #[test]
    fn new_stream_is_answered_whatever_the_client_holds() {
        let mut client = Client::new(EXTENSION, &[("secbeat", "1")]);
        let request = DiscoveryRequest {
            version_info: "1".to_owned(),
            ..want(EXTENSION, &["secbeat"], "9")
        };
        assert_eq!(client.send(request), [], "a nonce of another stream is no answer");
        client.expect(&["secbeat=1"]);
    }

    #[test]
    fn empty_wildcard_is_answered_at_once() {
        for type_url in [CLUSTER, LISTENER, ROUTE, ENDPOINT] {
            for names in [&[][..], &["*"]] {
                let mut client = Client::default();
                client.send(want(type_url, names, ""));
                let nonce = client.expect(&[]);
                client.send(want(type_url, names, &nonce));
                client.expect_nothing();
            }
        }
    }

    #[test]
    fn clusters_are_sent_as_a_whole() {
        let mut client = Client::new(CLUSTER, &[("a", "1"), ("b", "1")]);
        client.send(want(CLUSTER, &[], ""));
        let nonce = client.expect(&["a=1", "b=1"]);
        client.send(want(CLUSTER, &[], &nonce));
        client.put(CLUSTER, &[("b", "2")]);
        let nonce = client.expect(&["a=1", "b=2"]);
        client.send(want(CLUSTER, &[], &nonce));
        client.world = World::default();
        client.put(CLUSTER, &[("a", "1")]);
        let nonce = client.expect(&["a=1"]);
        client.send(want(CLUSTER, &[], &nonce));
        client.expect_nothing();
    }

    #[test]
    fn refused_state_is_sent_again_only_when_any_part_changes() {
        let mut client = Client::new(CLUSTER, &[("bad", "1"), ("good", "1")]);
        client.send(want(CLUSTER, &[], ""));
        let nonce = client.expect(&["bad=1", "good=1"]);
        client.send(refuse(want(CLUSTER, &[], &nonce)));
        client.expect_nothing();
        client.world = World::default();
        client.put(CLUSTER, &[("good", "1")]);
        client.expect(&["good=1"]);
    }

    #[test]
    fn refused_state_never_turns_into_an_empty_one() {
        let mut client = Client::new(CLUSTER, &[("a", "1")]);
        client.send(want(CLUSTER, &["a"], ""));
        let nonce = client.expect(&["a=1"]);
        client.send(refuse(want(CLUSTER, &["*"], &nonce)));
        client.expect_nothing();
        client.put(CLUSTER, &[("a", "2")]);
        client.expect(&["a=2"]);
    }

    #[test]
    fn unknown_cluster_is_answered_by_its_absence() {
        let mut client = Client::default();
        client.send(want(CLUSTER, &["a"], ""));
        let nonce = client.expect(&[]);
        client.send(want(CLUSTER, &["a"], &nonce));
        client.expect_nothing();
        client.put(CLUSTER, &[("a", "1")]);
        client.expect(&["a=1"]);
    }

    #[test]
    fn unknown_extension_is_sent_when_it_appears() {
        let mut client = Client::default();
        client.send(want(EXTENSION, &["secbeat"], ""));
        client.expect_nothing();
        client.put(EXTENSION, &[("secbeat", "1")]);
        client.expect(&["secbeat=1"]);
    }

    #[test]
    fn extension_configurations_go_one_by_one() {
        let mut client = Client::new(EXTENSION, &[("a", "1"), ("b", "1")]);
        client.send(want(EXTENSION, &["a", "b"], ""));
        let nonce = client.expect(&["a=1"]);
        client.send(refuse(want(EXTENSION, &["a", "b"], &nonce)));
        client.expect(&["b=1"]);
    }

    #[test]
    fn empty_list_means_everything_only_before_the_first_name() {
        let mut client = Client::new(CLUSTER, &[("a", "1"), ("b", "1")]);
        client.send(want(CLUSTER, &["a"], ""));
        let nonce = client.expect(&["a=1"]);
        client.send(want(CLUSTER, &[], &nonce));
        client.put(CLUSTER, &[("a", "2"), ("b", "2")]);
        client.expect_nothing();
        client.send(want(CLUSTER, &["*"], ""));
        client.expect(&["a=2", "b=2"]);
    }

    #[test]
    fn name_that_is_added_is_answered_and_one_given_up_is_not() {
        let mut client = Client::new(EXTENSION, &[("a", "1"), ("b", "1")]);
        client.send(want(EXTENSION, &["a"], ""));
        let nonce = client.expect(&["a=1"]);
        client.send(want(EXTENSION, &["a", "b"], &nonce));
        let nonce = client.expect(&["b=1"]);
        client.send(want(EXTENSION, &["b"], &nonce));
        client.put(EXTENSION, &[("a", "2")]);
        client.expect_nothing();
        client.send(want(EXTENSION, &["a", "b"], &nonce));
        client.expect(&["a=2"]);
    }

    #[test]
    fn stale_nonce_settles_nothing_and_loses_no_name() {
        let mut client = Client::new(EXTENSION, &[("a", "1"), ("b", "1")]);
        client.send(want(EXTENSION, &["a"], ""));
        let first = client.expect(&["a=1"]);
        client.send(want(EXTENSION, &["a"], &first));
        client.put(EXTENSION, &[("a", "2")]);
        let second = client.expect(&["a=2"]);
        assert_eq!(
            client.send(want(EXTENSION, &["a", "b"], &first)),
            [Outcome::Stale]
        );
        client.expect_nothing();
        client.send(want(EXTENSION, &["a", "b"], &second));
        client.expect(&["b=1"]);
    }

    #[test]
    fn version_of_a_whole_state_follows_its_parts() {
        let resource = |name: &str, version: &str| {
            Arc::new(Resource {
                name: name.to_owned(),
                version: version.to_owned(),
                any: prost::bytes::Bytes::new(),
            })
        };
        let one = version(&[resource("a", "1"), resource("b", "1")]);
        assert_eq!(one, version(&[resource("a", "1"), resource("b", "1")]));
        assert_ne!(one, version(&[resource("a", "1"), resource("b", "2")]));
        assert_ne!(version(&[]), "");
        assert_eq!(version(&[resource("a", "1")]), "1");
    }
}
