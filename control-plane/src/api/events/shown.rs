//! An event as the API shows it: text for people and programs, with nothing in it that a terminal would obey.

use std::fmt::Write as _;

use jiff::Timestamp;
use secbeat_engine::report::EventMatch;
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
            method: escaped(&event.method),
            host: escaped(&event.host),
            path: escaped(&event.path),
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
            target: escaped(found.target.as_bytes()),
            matched: escaped(&found.matched),
            masked: found.masked,
            action: action(found.blocked),
        }
    }
}

fn action(is_blocked: bool) -> &'static str {
    if is_blocked { "blocked" } else { "detected" }
}

fn time(nanoseconds: u64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()
}

/// Writes bytes as text: printable UTF-8 as it is, every other byte as `\xNN`, a backslash doubled, so that the
/// bytes can be had back.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                // Characters that turn the direction of text hide what follows them.
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    escape(&mut text, character);
                }
                character if character.is_control() => escape(&mut text, character),
                character => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn escape(text: &mut String, character: char) {
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        // Writing into a string cannot fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_text_that_can_be_had_back() {
        assert_eq!(escaped("größe' OR 1=1".as_bytes()), "größe' OR 1=1");
        assert_eq!(escaped(b"a\xff\x00\x1b[2J\\n"), "a\\xff\\x00\\x1b[2J\\\\n");
        assert_eq!(escaped("a\u{202e}b".as_bytes()), "a\\xe2\\x80\\xaeb");
    }
}
