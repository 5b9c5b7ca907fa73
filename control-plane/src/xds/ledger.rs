//! What a client confirmed, what it refused, and the one response that it has not answered: the part of a
//! subscription that both protocols share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::resource::Resource;

/// What a client confirmed, refused, and has not answered.
///
/// A version counts as held only when its response was acknowledged, never because it was sent.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    held: BTreeMap<String, String>,
    refused: BTreeMap<String, String>,
    /// Names that were refused together with others: they go one by one, so that only the bad one stays refused.
    isolated: BTreeSet<String>,
    in_flight: Option<InFlight>,
}

/// A response that was sent and not answered.
#[derive(Debug)]
struct InFlight {
    nonce: String,
    resources: Vec<Arc<Resource>>,
    removed: Vec<String>,
}

/// How an answer of the client relates to what was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It answers the response in flight, which held these resources.
    Current(Vec<Arc<Resource>>),
    /// It answers something older, or nothing that was ever sent.
    Stale,
}

impl Ledger {
    /// Takes over what the client says it holds on a new stream.
    pub(super) fn restore(&mut self, held: impl IntoIterator<Item = (String, String)>) {
        self.held = held.into_iter().collect();
    }

    /// Whether a response waits for its answer.
    pub(super) fn is_waiting(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Whether sending the resource would tell the client something new that it did not refuse.
    pub(super) fn is_news(&self, resource: &Resource) -> bool {
        let is =
            |versions: &BTreeMap<String, String>| versions.get(&resource.name) == Some(&resource.version);
        !is(&self.held) && !is(&self.refused)
    }

    /// Whether the name must be sent by itself.
    pub(super) fn is_isolated(&self, name: &str) -> bool {
        self.isolated.contains(name)
    }

    /// Whether the client holds any version of the name.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.held.contains_key(name)
    }

    /// Whether the client holds exactly this version.
    pub(super) fn holds_version(&self, resource: &Resource) -> bool {
        self.held.get(&resource.name) == Some(&resource.version)
    }

    /// The names that the client holds, in order.
    pub(super) fn held_names(&self) -> impl Iterator<Item = &String> {
        self.held.keys()
    }

    /// Forgets names that the client gave up.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.held.retain(|name, _| keep(name));
        self.refused.retain(|name, _| keep(name));
        self.isolated.retain(|name| keep(name));
    }

    /// Notes a response as sent.
    pub(super) fn sent(&mut self, nonce: String, resources: Vec<Arc<Resource>>, removed: Vec<String>) {
        self.in_flight = Some(InFlight {
            nonce,
            resources,
            removed,
        });
    }

    /// Settles the response in flight if the nonce names it. `keep` tells which names the client still wants.
    pub(super) fn settle(&mut self, nonce: &str, is_refusal: bool, keep: impl Fn(&str) -> bool) -> Answer {
        let Some(in_flight) = self.in_flight.take_if(|in_flight| in_flight.nonce == nonce) else {
            return Answer::Stale;
        };
        for name in &in_flight.removed {
            // A refused removal is not repeated either: the client knows.
            self.held.remove(name);
            self.refused.remove(name);
        }
        let is_alone = in_flight.resources.len() == 1;
        for resource in in_flight.resources.iter().filter(|resource| keep(&resource.name)) {
            let (name, version) = (resource.name.clone(), resource.version.clone());
            if is_refusal && !is_alone {
                self.isolated.insert(name);
                continue;
            }
            self.isolated.remove(&name);
            if is_refusal {
                self.refused.insert(name, version);
            } else {
                self.refused.remove(&name);
                self.held.insert(name, version);
            }
        }
        Answer::Current(in_flight.resources)
    }
}
