//! An event as the API shows it: text for people and programs, with nothing in it that a terminal would obey.

use std::collections::BTreeMap;

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
    /// Whether it was let pass only because the policy refuses nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    would_block: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    revision: u64,
    client: String,
    method: String,
    host: String,
    path: String,
    score: Score,
    matches: Vec<Match>,
    matches_beyond: u64,
}

/// What request and response scored, as far as it counts towards a threshold.
#[derive(Debug, Serialize)]
struct Score {
    inbound: u32,
    outbound: u32,
    categories: BTreeMap<String, u32>,
}

#[derive(Debug, Serialize)]
struct Match {
    rule: u32,
    message: String,
    category: String,
    severity: String,
    score: u32,
    paranoia: u32,
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
            would_block: event.would_block,
            status: (event.status != 0).then_some(event.status),
            limit: (!event.limit.is_empty()).then_some(event.limit),
            revision: event.revision,
            client: event.client,
            method: printable(&event.method),
            host: printable(&event.host),
            path: printable(&event.path),
            score: Score {
                inbound: event.inbound_score,
                outbound: event.outbound_score,
                categories: event
                    .category_scores
                    .into_iter()
                    .map(|scored| (scored.category, scored.score))
                    .collect(),
            },
            matches: event.matches.into_iter().map(Match::from).collect(),
            matches_beyond: event.matches_beyond,
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
            target: target(found.target),
            matched: printable(&found.matched),
            score: found.score,
            paranoia: found.paranoia,
            masked: found.masked,
            action: if found.overwritten {
                "masked"
            } else {
                action(found.blocked)
            },
        }
    }
}

/// Where a rule matched. The filter has escaped it already; whoever else reports is not trusted to have.
fn target(text: String) -> String {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~');
    if text.bytes().all(is_plain) {
        text
    } else {
        printable(text.as_bytes())
    }
}

fn action(is_blocked: bool) -> &'static str {
    if is_blocked { "blocked" } else { "detected" }
}

fn time(nanoseconds: u64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()
}
