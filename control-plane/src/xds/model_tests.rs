//! The protocol machines against a small model of a client, in random order: whatever happens, the client ends up
//! with the newest content that it does not refuse, and never gets what it refused again.

use std::collections::{BTreeMap, BTreeSet};

use envoy_types::pb::{
    envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest},
    google::rpc::Status,
};
use proptest::prelude::*;

use super::{
    delta::Delta,
    protocol::{Protocol, Response},
    resource::{Resource, World},
    sotw::Sotw,
    type_url::{CLUSTER, ENDPOINT, EXTENSION},
};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
/// A client refuses resources of this version, whatever their name.
const BAD: u8 = 0;

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    /// A resource gets a version, or goes.
    Put(usize, Option<u8>),
    Subscribe(usize),
    Unsubscribe(usize),
    /// The client answers what it received.
    Answer,
    /// The client repeats an answer that it gave before, with a change of subscription in it.
    AnswerStale(usize),
    /// The server may send.
    Poll,
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    prop_oneof![
        4 => (name.clone(), proptest::option::weighted(0.9, BAD..5)).prop_map(|(name, version)| Step::Put(name, version)),
        2 => name.clone().prop_map(Step::Subscribe),
        1 => name.clone().prop_map(Step::Unsubscribe),
        4 => Just(Step::Answer),
        1 => name.prop_map(Step::AnswerStale),
        4 => Just(Step::Poll),
        1 => Just(Step::Reconnect),
    ]
}

/// How one protocol variant is spoken.
trait Speaker: Protocol + std::fmt::Debug {
    /// A request of the client, which has just changed its names by `added` and `removed`.
    fn request(client: &Client<Self>, change: Change<'_>) -> Self::Request;
}

/// What a request says beside the client's state.
#[derive(Default)]
struct Change<'a> {
    added: Option<&'a str>,
    removed: Option<&'a str>,
    nonce: &'a str,
    refuses: bool,
    is_first: bool,
}

fn refusal(refuses: bool) -> Option<Status> {
    refuses.then(|| Status {
        code: 13,
        message: "no".to_owned(),
        ..Status::default()
    })
}

impl Speaker for Delta {
    fn request(client: &Client<Self>, change: Change<'_>) -> DeltaDiscoveryRequest {
        let names = |name: Option<&str>| name.map(str::to_owned).into_iter().collect::<Vec<_>>();
        let initial = client.held.iter().filter(|_| change.is_first);
        DeltaDiscoveryRequest {
            type_url: client.type_url.to_owned(),
            resource_names_subscribe: if change.is_first {
                client.names.iter().cloned().collect()
            } else {
                names(change.added)
            },
            // A first request without names would be a wildcard; giving up a name that is not there is nothing.
            resource_names_unsubscribe: if change.is_first && client.names.is_empty() {
                vec!["none".to_owned()]
            } else {
                names(change.removed)
            },
            initial_resource_versions: initial
                .map(|(name, version)| (name.clone(), version.clone()))
                .collect(),
            response_nonce: change.nonce.to_owned(),
            error_detail: refusal(change.refuses),
            ..DeltaDiscoveryRequest::default()
        }
    }
}

impl Speaker for Sotw {
    fn request(client: &Client<Self>, change: Change<'_>) -> DiscoveryRequest {
        DiscoveryRequest {
            type_url: client.type_url.to_owned(),
            // Named always, so that an empty list never means everything.
            resource_names: client.names.iter().cloned().chain(["none".to_owned()]).collect(),
            response_nonce: change.nonce.to_owned(),
            error_detail: refusal(change.refuses),
            ..DiscoveryRequest::default()
        }
    }
}

/// A client as the protocol describes it, and the world that it should come to see.
#[derive(Debug)]
struct Client<P> {
    type_url: &'static str,
    server: P,
    versions: BTreeMap<&'static str, u8>,
    names: BTreeSet<String>,
    held: BTreeMap<String, String>,
    received: Option<Response>,
    last_nonce: String,
    /// What was refused on this stream and not asked for again since, by name.
    refused: BTreeMap<String, String>,
}

impl<P: Speaker> Client<P> {
    fn new(type_url: &'static str) -> Self {
        let mut client = Self {
            type_url,
            server: P::default(),
            versions: BTreeMap::new(),
            names: BTreeSet::new(),
            held: BTreeMap::new(),
            received: None,
            last_nonce: String::new(),
            refused: BTreeMap::new(),
        };
        client.connect();
        client
    }

    fn connect(&mut self) {
        self.server = P::default();
        self.received = None;
        self.last_nonce.clear();
        self.refused.clear();
        self.send(Change {
            is_first: true,
            ..Change::default()
        });
    }

    fn world(&self) -> World {
        self.versions
            .iter()
            .fold(World::default(), |world, (name, version)| {
                let version = version.to_string();
                let any = version.clone().into();
                world.with(
                    self.type_url,
                    Resource {
                        name: (*name).to_owned(),
                        version,
                        any,
                    },
                )
            })
    }

    fn send(&mut self, change: Change<'_>) {
        let request = P::request(self, change);
        let world = self.world();
        self.server.receive(request, &world).unwrap();
    }

    fn take(&mut self, step: &Step) {
        if self.type_url == CLUSTER && !matches!(step, Step::Answer | Step::Poll) {
            // Clusters go all together, so that a change of one is a reason to send all.
            self.refused.clear();
        }
        match step {
            Step::Put(name, Some(version)) => {
                self.versions.insert(NAMES[*name], *version);
            }
            Step::Put(name, None) => {
                self.versions.remove(NAMES[*name]);
            }
            Step::Subscribe(name) => self.subscribe(NAMES[*name], ""),
            Step::Unsubscribe(name) => {
                let name = NAMES[*name];
                self.names.remove(name);
                self.held.remove(name);
                self.refused.remove(name);
                self.send(Change {
                    removed: Some(name),
                    ..Change::default()
                });
            }
            Step::Answer => self.answer(),
            Step::AnswerStale(name) => {
                let nonce = self.last_nonce.clone();
                self.subscribe(NAMES[*name], &nonce);
            }
            Step::Poll => self.poll(),
            Step::Reconnect => self.connect(),
        }
    }

    fn subscribe(&mut self, name: &str, nonce: &str) {
        self.names.insert(name.to_owned());
        // Who asks again is answered again.
        self.refused.remove(name);
        self.send(Change {
            added: Some(name),
            nonce,
            ..Change::default()
        });
    }

    fn poll(&mut self) {
        let world = self.world();
        let Some(response) = self.server.poll(&world) else {
            return;
        };
        assert!(self.received.is_none(), "a second response is outstanding");
        let names: Vec<_> = response
            .resources
            .iter()
            .map(|resource| &resource.name)
            .chain(&response.removed)
            .collect();
        assert_eq!(
            names.iter().collect::<BTreeSet<_>>().len(),
            names.len(),
            "a name twice: {response:?}"
        );
        if self.type_url == EXTENSION {
            assert!(response.resources.len() <= 1, "{response:?}");
        }
        if let [resource] = response.resources.as_slice() {
            let refused = self.refused.get(&resource.name);
            assert_ne!(
                refused,
                Some(&resource.version),
                "sent again what was refused: {response:?}"
            );
        }
        self.received = Some(response);
    }

    fn answer(&mut self) {
        let Some(response) = self.received.take() else {
            return;
        };
        let refuses = response
            .resources
            .iter()
            .any(|resource| resource.version == BAD.to_string());
        let wanted = response
            .resources
            .iter()
            .filter(|resource| self.names.contains(&resource.name));
        for resource in wanted {
            let (name, version) = (resource.name.clone(), resource.version.clone());
            if !refuses {
                self.refused.remove(&name);
                self.held.insert(name, version);
            } else if response.resources.len() == 1 {
                self.refused.insert(name, version);
            }
        }
        if !refuses {
            for name in &response.removed {
                self.held.remove(name);
            }
        }
        self.last_nonce.clone_from(&response.nonce);
        self.send(Change {
            nonce: &response.nonce,
            refuses,
            ..Change::default()
        });
    }

    /// Lets the conversation come to rest, and checks what the client holds.
    fn converge(&mut self, removes: bool) {
        for name in NAMES {
            // What is good at last must arrive, whatever was refused before.
            self.versions
                .entry(name)
                .and_modify(|version| *version = (*version).max(1));
        }
        self.answer();
        for _ in 0..64 {
            self.poll();
            if self.received.is_none() {
                break;
            }
            self.answer();
        }
        assert!(self.received.is_none(), "the conversation never ends");
        let wanted: BTreeMap<String, String> = self
            .versions
            .iter()
            .filter(|(name, _)| self.names.contains(**name))
            .map(|(name, version)| ((*name).to_owned(), version.to_string()))
            .collect();
        if !removes {
            // In this variant what is gone goes without saying.
            self.held
                .retain(|name, _| self.versions.contains_key(name.as_str()));
        }
        assert_eq!(self.held, wanted);
    }
}

fn play<P: Speaker>(type_url: &'static str, steps: &[Step], removes: bool) {
    let mut client = Client::<P>::new(type_url);
    for step in steps {
        client.take(step);
    }
    client.converge(removes);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn delta_client_ends_up_with_the_newest_content(
        type_url in prop_oneof![Just(EXTENSION), Just(ENDPOINT)],
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        play::<Delta>(type_url, &steps, true);
    }

    #[test]
    fn sotw_client_ends_up_with_the_newest_content(
        type_url in prop_oneof![Just(EXTENSION), Just(ENDPOINT), Just(CLUSTER)],
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        play::<Sotw>(type_url, &steps, false);
    }
}
