//! An event as the API shows it: text for people and programs, with nothing in it that a terminal would obey.

use jiff::Timestamp;
use secbeat_engine::{printable, report::EventMatch};
use serde::Serialize;

use crate::store::StoredEvent;

/// An event as the API shows it.
#[derive(Debug, Serialize)]
pub(in crate::api) struct Shown {
    pub(in crate::api) id: u64,
    time: Option<Timestamp>,
    received: Option<Timestamp>,
    node: String,
    instance: String,
    seq: u64,
    request_id: String,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    revision: u64,
    client: String,
    method: String,
    host: String,
    path: String,
    matches: Vec<Match>,
}

#[derive(Debug, Serialize)]
struct Match {
    rule: u32,
    message: String,
    category: String,
    severity: String,
    target: String,
    matched: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    masked: bool,
    action: &'static str,
}

impl From<StoredEvent> for Shown {
    fn from(stored: StoredEvent) -> Self {
        let event = stored.event.unwrap_or_default();
        Self {
            id: stored.id,
            time: time(event.time),
            received: time(stored.received),
            node: stored.node,
            instance: format!("{:016x}", stored.instance),
            seq: event.seq,
            request_id: event.request_id,
            action: action(event.blocked),
            status: (event.status != 0).then_some(event.status),
            limit: (!event.limit.is_empty()).then_some(event.limit),
            revision: event.revision,
            client: event.client,
            method: printable(&event.method),
            host: printable(&event.host),
            path: printable(&event.path),
            matches: event.matches.into_iter().map(Match::from).collect(),
        }
    }
}

impl From<EventMatch> for Match {
    fn from(found: EventMatch) -> Self {
        Self {
            rule: found.rule,
            message: found.message,
            category: found.category,
            severity: found.severity,
            target: printable(found.target.as_bytes()),
            matched: printable(&found.matched),
            masked: found.masked,
            action: if found.overwritten {
                "masked"
            } else {
                action(found.blocked)
            },
        }
    }
}

fn action(is_blocked: bool) -> &'static str {
    if is_blocked { "blocked" } else { "detected" }
}

fn time(nanoseconds: u64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()
}
