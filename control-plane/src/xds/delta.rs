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
    protocol::{MAX_NAMES, MAX_RESPONSE_BYTES, Outcome, Protocol, Response, Types, Violation, check_names},
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
        match self.ledger.settle(&request.response_nonce, error.is_some(), keep) {
            Answer::Stale => Some(Outcome::Stale),
            Answer::Current(resources) => {
                if error.is_some() {
                    // Whoever asked again meanwhile has got the answer, and refused it.
                    self.due
                        .retain(|name| resources.iter().all(|resource| resource.name != *name));
                }
                Some(Outcome::answered(request.type_url.clone(), resources, error))
            }
        }
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

    /// What the client should hear next, within the bounds of one response: what is there before what is gone, so
    /// that a refusal of the one does not take the other down with it.
    fn offer(&self, type_url: &str, world: &World) -> (Vec<Arc<Resource>>, Vec<String>) {
        let is_alone = |name: &str| type_url::is_sent_singly(type_url) || self.ledger.is_isolated(name);
        let mut resources = Vec::new();
        let mut removed = Vec::new();
        let mut bytes = 0;
        for name in self.candidates(type_url, world) {
            let is_due = self.due.contains(name);
            match world.find(type_url, name) {
                Some(resource) if is_due || self.ledger.is_news(resource) => {
                    bytes += resource.any.len();
                    if !resources.is_empty() && (is_alone(name) || bytes > MAX_RESPONSE_BYTES) {
                        break;
                    }
                    resources.push(Arc::clone(resource));
                    if is_alone(name) {
                        break;
                    }
                }
                None if is_due || self.ledger.holds(name) => removed.push(name.to_owned()),
                _ => {}
            }
        }
        if !resources.is_empty() {
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use envoy_types::pb::google::rpc::Status;

    use super::*;
    use crate::xds::type_url::{CLUSTER, ENDPOINT, EXTENSION, LISTENER};

    /// A client by hand, so that a test decides when it answers.
    #[derive(Default)]
    struct Client {
        delta: Delta,
        world: World,
    }

    fn resource(name: &str, version: &str) -> Resource {
        Resource {
            name: name.to_owned(),
            version: version.to_owned(),
            any: version.to_owned().into(),
        }
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn subscribe(type_url: &str, names: &[&str]) -> DeltaDiscoveryRequest {
        DeltaDiscoveryRequest {
            type_url: type_url.to_owned(),
            resource_names_subscribe: strings(names),
            ..DeltaDiscoveryRequest::default()
        }
    }

    fn unsubscribe(type_url: &str, names: &[&str]) -> DeltaDiscoveryRequest {
        DeltaDiscoveryRequest {
            type_url: type_url.to_owned(),
            resource_names_unsubscribe: strings(names),
            ..DeltaDiscoveryRequest::default()
        }
    }

    fn holding(request: DeltaDiscoveryRequest, versions: &[(&str, &str)]) -> DeltaDiscoveryRequest {
        let versions = versions
            .iter()
            .map(|&(name, version)| (name.to_owned(), version.to_owned()));
        DeltaDiscoveryRequest {
            initial_resource_versions: versions.collect::<HashMap<_, _>>(),
            ..request
        }
    }

    fn ack(type_url: &str, nonce: &str) -> DeltaDiscoveryRequest {
        DeltaDiscoveryRequest {
            response_nonce: nonce.to_owned(),
            ..subscribe(type_url, &[])
        }
    }

    fn nack(type_url: &str, nonce: &str) -> DeltaDiscoveryRequest {
        let status = Status {
            code: 13,
            message: "no".to_owned(),
            ..Status::default()
        };
        DeltaDiscoveryRequest {
            error_detail: Some(status),
            ..ack(type_url, nonce)
        }
    }

    impl Client {
        fn new(type_url: &str, resources: &[(&str, &str)]) -> Self {
            let mut client = Self::default();
            client.put(type_url, resources);
            client
        }

        /// Adds or replaces resources.
        fn put(&mut self, type_url: &str, resources: &[(&str, &str)]) {
            for (name, version) in resources {
                self.world = self.world.clone().with(type_url, resource(name, version));
            }
        }

        fn send(&mut self, request: DeltaDiscoveryRequest) -> Vec<Outcome> {
            self.delta.receive(request, &self.world).unwrap()
        }

        /// The next response as (type, resources, removed, nonce).
        fn next(&mut self) -> Option<(String, Vec<String>, Vec<String>, String)> {
            let response = self.delta.poll(&self.world)?;
            let resources = response
                .resources
                .iter()
                .map(|resource| format!("{}={}", resource.name, resource.version));
            Some((
                response.type_url,
                resources.collect(),
                response.removed,
                response.nonce,
            ))
        }

        /// Expects a response with these resources and removals, and returns its nonce.
        #[track_caller]
        fn expect(&mut self, resources: &[&str], removed: &[&str]) -> String {
            let (_, found, gone, nonce) = self.next().expect("a response");
            assert_eq!((found, gone), (strings(resources), strings(removed)));
            nonce
        }

        #[track_caller]
        fn expect_nothing(&mut self) {
            assert_eq!(self.next(), None);
        }
    }

    #[test]
    fn subscribed_resource_is_sent_once_and_again_when_it_changes() {
        let mut client = Client::new(EXTENSION, &[("secbeat", "1")]);
        assert_eq!(client.send(subscribe(EXTENSION, &["secbeat"])), []);
        let nonce = client.expect(&["secbeat=1"], &[]);
        let outcomes = client.send(ack(EXTENSION, &nonce));
        assert!(matches!(outcomes.as_slice(), [Outcome::Ack { resources, .. }] if resources.len() == 1));
        client.expect_nothing();
        client.put(EXTENSION, &[("secbeat", "2")]);
        client.expect(&["secbeat=2"], &[]);
    }

    #[test]
    fn only_one_response_is_outstanding_and_the_newest_follows() {
        let mut client = Client::new(EXTENSION, &[("secbeat", "1")]);
        client.send(subscribe(EXTENSION, &["secbeat"]));
        let nonce = client.expect(&["secbeat=1"], &[]);
        for version in ["2", "3", "4"] {
            client.put(EXTENSION, &[("secbeat", version)]);
            client.expect_nothing();
        }
        client.send(ack(EXTENSION, &nonce));
        client.expect(&["secbeat=4"], &[]);
    }

    #[test]
    fn refused_version_is_not_sent_again_until_the_content_changes() {
        let mut client = Client::new(EXTENSION, &[("secbeat", "1")]);
        client.send(subscribe(EXTENSION, &["secbeat"]));
        let nonce = client.expect(&["secbeat=1"], &[]);
        let outcomes = client.send(nack(EXTENSION, &nonce));
        assert!(matches!(outcomes.as_slice(), [Outcome::Nack { message, .. }] if message == "no"));
        client.expect_nothing();
        client.put(EXTENSION, &[("secbeat", "2")]);
        let nonce = client.expect(&["secbeat=2"], &[]);
        client.send(ack(EXTENSION, &nonce));
        // The refusal is over: the old content is news again.
        client.put(EXTENSION, &[("secbeat", "1")]);
        client.expect(&["secbeat=1"], &[]);
    }

    #[test]
    fn refusal_after_a_good_version_falls_back_to_it_in_silence() {
        let mut client = Client::new(EXTENSION, &[("secbeat", "1")]);
        client.send(subscribe(EXTENSION, &["secbeat"]));
        let nonce = client.expect(&["secbeat=1"], &[]);
        client.send(ack(EXTENSION, &nonce));
        client.put(EXTENSION, &[("secbeat", "2")]);
        let nonce = client.expect(&["secbeat=2"], &[]);
        client.send(nack(EXTENSION, &nonce));
        // A rollback to what the client still holds needs no push.
        client.put(EXTENSION, &[("secbeat", "1")]);
        client.expect_nothing();
    }

    #[test]
    fn reconnecting_client_is_sent_only_what_it_does_not_hold() {
        let mut client = Client::new(EXTENSION, &[("secbeat", "2")]);
        let request = holding(subscribe(EXTENSION, &["secbeat"]), &[("secbeat", "2")]);
        let outcomes = client.send(request);
        assert!(matches!(outcomes.as_slice(), [Outcome::Holds(resource)] if resource.version == "2"));
        client.expect_nothing();

        let mut client = Client::new(EXTENSION, &[("secbeat", "2")]);
        let request = holding(subscribe(EXTENSION, &["secbeat"]), &[("secbeat", "1")]);
        assert_eq!(client.send(request), []);
        client.expect(&["secbeat=2"], &[]);
    }

    #[test]
    fn reconnecting_client_is_always_answered_about_endpoints() {
        let mut client = Client::new(ENDPOINT, &[("a", "1")]);
        client.send(holding(subscribe(ENDPOINT, &["a"]), &[("a", "1")]));
        client.expect(&["a=1"], &[]);
    }

    #[test]
    fn reconnecting_client_is_told_what_is_gone() {
        let mut client = Client::new(CLUSTER, &[("a", "1")]);
        client.send(holding(subscribe(CLUSTER, &[]), &[("a", "1"), ("b", "1")]));
        client.expect(&[], &["b"]);
    }

    #[test]
    fn names_are_held_only_within_the_subscription() {
        let mut client = Client::new(EXTENSION, &[("a", "1")]);
        client.send(holding(
            subscribe(EXTENSION, &["a"]),
            &[("a", "1"), ("stray", "1")],
        ));
        client.expect_nothing();
    }

    #[test]
    fn unknown_name_is_answered_as_removed_and_sent_when_it_appears() {
        let mut client = Client::default();
        client.send(subscribe(EXTENSION, &["secbeat"]));
        let nonce = client.expect(&[], &["secbeat"]);
        client.send(ack(EXTENSION, &nonce));
        client.expect_nothing();
        client.put(EXTENSION, &[("secbeat", "1")]);
        client.expect(&["secbeat=1"], &[]);
    }

    #[test]
    fn extension_configurations_go_one_by_one_and_removals_by_themselves() {
        let mut client = Client::new(EXTENSION, &[("a", "1"), ("c", "1")]);
        client.send(subscribe(EXTENSION, &["a", "b", "c"]));
        let nonce = client.expect(&["a=1"], &[]);
        client.send(nack(EXTENSION, &nonce));
        let nonce = client.expect(&["c=1"], &[]);
        client.send(ack(EXTENSION, &nonce));
        let nonce = client.expect(&[], &["b"]);
        client.send(ack(EXTENSION, &nonce));
        client.expect_nothing();
    }

    #[test]
    fn bad_resource_does_not_take_the_good_ones_down_with_it() {
        let mut client = Client::new(CLUSTER, &[("bad", "1"), ("good", "1")]);
        client.send(subscribe(CLUSTER, &[]));
        let nonce = client.expect(&["bad=1", "good=1"], &[]);
        client.send(nack(CLUSTER, &nonce));
        let nonce = client.expect(&["bad=1"], &[]);
        client.send(nack(CLUSTER, &nonce));
        let nonce = client.expect(&["good=1"], &[]);
        client.send(ack(CLUSTER, &nonce));
        client.expect_nothing();
        client.put(CLUSTER, &[("bad", "2"), ("good", "2")]);
        client.expect(&["bad=2", "good=2"], &[]);
    }

    #[test]
    fn empty_wildcard_is_answered_at_once() {
        for type_url in [CLUSTER, LISTENER, "type.googleapis.com/made.up.Type"] {
            for names in [&[][..], &["*"]] {
                let mut client = Client::default();
                client.send(subscribe(type_url, names));
                let nonce = client.expect(&[], &[]);
                client.send(ack(type_url, &nonce));
                client.expect_nothing();
            }
        }
    }

    #[test]
    fn wildcard_stays_when_names_are_added_and_ends_when_given_up() {
        let mut client = Client::new(CLUSTER, &[("a", "1"), ("b", "1")]);
        client.send(subscribe(CLUSTER, &[]));
        let nonce = client.expect(&["a=1", "b=1"], &[]);
        client.send(DeltaDiscoveryRequest {
            response_nonce: nonce,
            ..subscribe(CLUSTER, &["a"])
        });
        let nonce = client.expect(&["a=1"], &[]);
        client.send(ack(CLUSTER, &nonce));
        client.put(CLUSTER, &[("b", "2")]);
        let nonce = client.expect(&["b=2"], &[]);
        client.send(DeltaDiscoveryRequest {
            response_nonce: nonce,
            ..unsubscribe(CLUSTER, &["*"])
        });
        client.put(CLUSTER, &[("a", "3"), ("b", "3")]);
        client.expect(&["a=3"], &[]);
    }

    #[test]
    fn name_given_up_under_a_wildcard_is_answered() {
        let mut client = Client::new(CLUSTER, &[("a", "1")]);
        client.send(subscribe(CLUSTER, &["*", "a", "gone"]));
        let nonce = client.expect(&["a=1"], &[]);
        client.send(ack(CLUSTER, &nonce));
        let nonce = client.expect(&[], &["gone"]);
        client.send(DeltaDiscoveryRequest {
            response_nonce: nonce,
            ..unsubscribe(CLUSTER, &["a", "gone"])
        });
        let nonce = client.expect(&["a=1"], &[]);
        client.send(ack(CLUSTER, &nonce));
        let nonce = client.expect(&[], &["gone"]);
        client.send(ack(CLUSTER, &nonce));
        client.expect_nothing();
    }

    #[test]
    fn name_that_was_never_subscribed_is_given_up_without_effect() {
        let mut client = Client::new(EXTENSION, &[("a", "1"), ("b", "1")]);
        client.send(subscribe(EXTENSION, &["a"]));
        let nonce = client.expect(&["a=1"], &[]);
        client.send(DeltaDiscoveryRequest {
            response_nonce: nonce,
            ..unsubscribe(EXTENSION, &["b"])
        });
        client.expect_nothing();
    }

    #[test]
    fn name_subscribed_again_is_answered_though_nothing_changed() {
        let mut client = Client::new(EXTENSION, &[("a", "1")]);
        client.send(subscribe(EXTENSION, &["a"]));
        let nonce = client.expect(&["a=1"], &[]);
        client.send(ack(EXTENSION, &nonce));
        client.send(unsubscribe(EXTENSION, &["a"]));
        client.send(subscribe(EXTENSION, &["a"]));
        let nonce = client.expect(&["a=1"], &[]);
        client.send(ack(EXTENSION, &nonce));
        client.send(subscribe(EXTENSION, &["a"]));
        client.expect(&["a=1"], &[]);
    }

    #[test]
    fn stale_nonce_settles_nothing_and_loses_no_subscription() {
        let mut client = Client::new(EXTENSION, &[("a", "1"), ("b", "1")]);
        client.send(subscribe(EXTENSION, &["a"]));
        let first = client.expect(&["a=1"], &[]);
        client.send(ack(EXTENSION, &first));
        client.put(EXTENSION, &[("a", "2")]);
        let second = client.expect(&["a=2"], &[]);
        let stale = DeltaDiscoveryRequest {
            response_nonce: first.clone(),
            ..subscribe(EXTENSION, &["b"])
        };
        assert_eq!(client.send(stale), [Outcome::Stale]);
        assert_eq!(client.send(nack(EXTENSION, &first)), [Outcome::Stale]);
        client.expect_nothing();
        client.send(ack(EXTENSION, &second));
        client.expect(&["b=1"], &[]);
    }

    #[test]
    fn answer_to_a_resource_given_up_meanwhile_leaves_nothing_behind() {
        let mut client = Client::new(EXTENSION, &[("a", "1")]);
        client.send(subscribe(EXTENSION, &["a"]));
        let nonce = client.expect(&["a=1"], &[]);
        client.send(unsubscribe(EXTENSION, &["a"]));
        client.send(ack(EXTENSION, &nonce));
        client.send(subscribe(EXTENSION, &["a"]));
        client.expect(&["a=1"], &[]);
    }

    #[test]
    fn types_are_independent_and_ordered_make_before_break() {
        let mut client = Client::new(EXTENSION, &[("secbeat", "1")]);
        client.put(CLUSTER, &[("c", "1")]);
        client.put(LISTENER, &[("l", "1")]);
        for (type_url, names) in [(EXTENSION, &["secbeat"][..]), (LISTENER, &[]), (CLUSTER, &[])] {
            client.send(subscribe(type_url, names));
        }
        let order: Vec<_> = std::iter::from_fn(|| client.next()).collect();
        let types: Vec<_> = order.iter().map(|(type_url, ..)| type_url.as_str()).collect();
        assert_eq!(types, [CLUSTER, LISTENER, EXTENSION]);
        // A refusal in one type, with its own nonce, leaves the others alone.
        client.send(nack(LISTENER, &order[1].3));
        assert_eq!(client.send(ack(CLUSTER, &order[2].3)), [Outcome::Stale]);
        client.put(CLUSTER, &[("c", "2")]);
        client.expect_nothing();
        client.send(ack(CLUSTER, &order[0].3));
        client.expect(&["c=2"], &[]);
    }

    #[test]
    fn large_states_are_split() {
        let mut client = Client::default();
        for name in ["a", "b", "c"] {
            let large = Resource {
                any: vec![0; MAX_RESPONSE_BYTES / 2].into(),
                ..resource(name, "1")
            };
            client.world = client.world.clone().with(CLUSTER, large);
        }
        client.send(subscribe(CLUSTER, &[]));
        let nonce = client.expect(&["a=1", "b=1"], &[]);
        client.send(ack(CLUSTER, &nonce));
        client.expect(&["c=1"], &[]);
    }

    #[test]
    fn requests_out_of_bounds_end_the_stream() {
        let receive = |request| Delta::default().receive(request, &World::default()).unwrap_err();
        assert_eq!(receive(subscribe("", &[])), Violation::TypeMissing);
        let names = DeltaDiscoveryRequest {
            resource_names_subscribe: vec!["x".to_owned(); MAX_NAMES + 1],
            ..subscribe(CLUSTER, &[])
        };
        assert_eq!(receive(names), Violation::TooManyNames { found: MAX_NAMES + 1 });
        let long = "x".repeat(1_025);
        let field = "resource_names_subscribe";
        assert_eq!(
            receive(subscribe(CLUSTER, &[&long])),
            Violation::TooLong { field, found: 1_025 }
        );
        assert_eq!(
            receive(holding(subscribe(CLUSTER, &[]), &[("a", &long)])),
            Violation::TooLong {
                field: "initial_resource_versions",
                found: 1_025
            }
        );
        let mut delta = Delta::default();
        for number in 0..super::super::protocol::MAX_TYPES {
            delta
                .receive(subscribe(&format!("t/{number}"), &[]), &World::default())
                .unwrap();
        }
        let error = delta.receive(subscribe("t/more", &[]), &World::default());
        assert_eq!(error, Err(Violation::TooManyTypes));
    }

    #[test]
    fn subscriptions_do_not_grow_over_many_requests() {
        let mut delta = Delta::default();
        let batch = |from: usize| DeltaDiscoveryRequest {
            resource_names_subscribe: (from..from + MAX_NAMES).map(|name| name.to_string()).collect(),
            ..subscribe(EXTENSION, &[])
        };
        assert!(delta.receive(batch(0), &World::default()).is_ok());
        let error = delta.receive(batch(1), &World::default());
        assert_eq!(error, Err(Violation::TooManyNames { found: MAX_NAMES + 1 }));
    }
}
