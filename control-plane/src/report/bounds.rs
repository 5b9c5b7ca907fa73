//! Bounds of a report. They are wider than what the filter keeps to, so that only a foreign or broken sender meets
//! them.

use secbeat_engine::report::{Event, EventMatch, ReportRequest};

/// Events of one report.
const MAX_EVENTS: usize = 1_024;
/// Rules of one event.
const MAX_MATCHES: usize = 256;
/// Categories of one event.
const MAX_CATEGORIES: usize = 64;
/// Bytes of a node id.
const MAX_NODE_BYTES: usize = 256;
/// Bytes of names, addresses and the like.
const MAX_NAME_BYTES: usize = 512;
/// Bytes of texts and captured bytes.
const MAX_TEXT_BYTES: usize = 4_096;

/// A field of a report that is out of bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum OutOfBounds {
    /// A field is empty.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// A field is too long.
    #[error("{field} must have at most {limit}, found {found}")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Bytes or members at most.
        limit: usize,
        /// Bytes or members found.
        found: usize,
    },
    /// Events do not ascend.
    #[error("events.seq must ascend from 1 on, found {found} after {after}")]
    Order {
        /// The sequence number.
        found: u64,
        /// The one before.
        after: u64,
    },
}

/// Checks every bound of a report.
pub(super) fn check(report: &ReportRequest) -> Result<(), OutOfBounds> {
    if report.node.is_empty() {
        return Err(OutOfBounds::Empty("node"));
    }
    at_most("node", report.node.len(), MAX_NODE_BYTES)?;
    at_most("module_version", report.module_version.len(), MAX_NAME_BYTES)?;
    at_most("error", report.error.len(), MAX_TEXT_BYTES)?;
    at_most("events", report.events.len(), MAX_EVENTS)?;
    let mut after = 0;
    for event in &report.events {
        if event.seq <= after {
            return Err(OutOfBounds::Order {
                found: event.seq,
                after,
            });
        }
        after = event.seq;
        check_event(event)?;
    }
    Ok(())
}

fn check_event(event: &Event) -> Result<(), OutOfBounds> {
    at_most("events.request_id", event.request_id.len(), MAX_NAME_BYTES)?;
    at_most("events.client", event.client.len(), MAX_NAME_BYTES)?;
    at_most("events.method", event.method.len(), MAX_NAME_BYTES)?;
    at_most("events.host", event.host.len(), MAX_NAME_BYTES)?;
    at_most("events.path", event.path.len(), MAX_TEXT_BYTES)?;
    at_most("events.limit", event.limit.len(), MAX_NAME_BYTES)?;
    at_most("events.matches", event.matches.len(), MAX_MATCHES)?;
    at_most(
        "events.category_scores",
        event.category_scores.len(),
        MAX_CATEGORIES,
    )?;
    for scored in &event.category_scores {
        at_most(
            "events.category_scores.category",
            scored.category.len(),
            MAX_NAME_BYTES,
        )?;
    }
    event.matches.iter().try_for_each(check_match)
}

fn check_match(found: &EventMatch) -> Result<(), OutOfBounds> {
    at_most("events.matches.message", found.message.len(), MAX_TEXT_BYTES)?;
    at_most("events.matches.category", found.category.len(), MAX_NAME_BYTES)?;
    at_most("events.matches.severity", found.severity.len(), MAX_NAME_BYTES)?;
    at_most("events.matches.target", found.target.len(), MAX_TEXT_BYTES)?;
    at_most("events.matches.matched", found.matched.len(), MAX_TEXT_BYTES)
}

fn at_most(field: &'static str, found: usize, limit: usize) -> Result<(), OutOfBounds> {
    if found > limit {
        Err(OutOfBounds::TooLong { field, limit, found })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use secbeat_engine::report::CategoryScore;

    use super::*;

    fn report(events: Vec<Event>) -> ReportRequest {
        ReportRequest {
            node: "n".to_owned(),
            events,
            ..ReportRequest::default()
        }
    }

    fn event(seq: u64) -> Event {
        Event {
            seq,
            ..Event::default()
        }
    }

    #[test]
    fn report_within_bounds_passes() {
        let found = EventMatch {
            matched: vec![0; MAX_TEXT_BYTES],
            ..EventMatch::default()
        };
        let full = Event {
            matches: vec![found; MAX_MATCHES],
            path: vec![0; MAX_TEXT_BYTES],
            ..event(9)
        };
        assert_eq!(check(&report(vec![event(1), event(2), full])), Ok(()));
    }

    #[test]
    fn report_out_of_bounds_names_the_field() {
        let long = |len| "x".repeat(len);
        let cases = [
            (ReportRequest::default(), "node must not be empty"),
            (
                ReportRequest {
                    node: long(257),
                    ..report(Vec::new())
                },
                "node must have at most 256, found 257",
            ),
            (
                ReportRequest {
                    error: long(4_097),
                    ..report(Vec::new())
                },
                "error must have at most 4096, found 4097",
            ),
            (
                report((1..=1_025).map(event).collect()),
                "events must have at most 1024, found 1025",
            ),
            (
                report(vec![event(0)]),
                "events.seq must ascend from 1 on, found 0 after 0",
            ),
            (
                report(vec![event(2), event(2)]),
                "events.seq must ascend from 1 on, found 2 after 2",
            ),
            (
                report(vec![Event {
                    path: vec![0; 4_097],
                    ..event(1)
                }]),
                "events.path must have at most 4096, found 4097",
            ),
            (
                report(vec![Event {
                    category_scores: vec![CategoryScore::default(); 65],
                    ..event(1)
                }]),
                "events.category_scores must have at most 64, found 65",
            ),
            (
                report(vec![Event {
                    category_scores: vec![CategoryScore {
                        category: long(513),
                        score: 1,
                    }],
                    ..event(1)
                }]),
                "events.category_scores.category must have at most 512, found 513",
            ),
            (
                report(vec![Event {
                    matches: vec![EventMatch::default(); 257],
                    ..event(1)
                }]),
                "events.matches must have at most 256, found 257",
            ),
        ];
        for (report, expected) in cases {
            assert_eq!(check(&report).unwrap_err().to_string(), expected);
        }
    }
}
