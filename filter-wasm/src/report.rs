//! Tells the control plane which revision this worker really applied, and what it saw.
//!
//! A pure state machine: the worker asks what is [`due`](Reporter::due), makes the call, and says how it went.
//! One report is in flight at a time; events stay until acknowledged and keep their numbers, so that a report
//! that was lost, or whose reply was, is simply sent again.

mod buffer;
mod pacing;

use prost::Message;
use secbeat_engine::report::{Event, ReportReply, ReportRequest};

use buffer::EventBuffer;
use pacing::Pacing;

/// What a report says about policies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    pub(crate) applied: Option<u64>,
    pub(crate) offered: u64,
    pub(crate) error: String,
}

/// Who reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) node: String,
    pub(crate) process: u64,
}

/// The reports of one worker.
#[derive(Debug)]
pub(crate) struct Reporter {
    instance: u64,
    cluster: Option<String>,
    requests: u64,
    blocked: u64,
    detected: u64,
    events: EventBuffer,
    pacing: Pacing,
    told: Option<State>,
}

impl Reporter {
    /// Starts with no destination.
    pub(crate) fn new(instance: u64) -> Self {
        Self {
            instance,
            cluster: None,
            requests: 0,
            blocked: 0,
            detected: 0,
            events: EventBuffer::default(),
            pacing: Pacing::default(),
            told: None,
        }
    }

    /// Sets where reports go, and gives up the report in flight, whose reply would go to a context that has been
    /// replaced. Without a destination nothing is kept; returns how many events that cost.
    pub(crate) fn send_to(&mut self, cluster: Option<String>) -> u64 {
        self.cluster = cluster;
        self.pacing = Pacing::default();
        self.told = None;
        if self.cluster.is_some() {
            0
        } else {
            self.events.clear()
        }
    }

    /// Where reports go.
    pub(crate) fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// Counts a request.
    pub(crate) fn count_request(&mut self) {
        self.requests += 1;
    }

    /// Counts a request that was refused.
    pub(crate) fn count_blocked(&mut self) {
        self.blocked += 1;
    }

    /// Counts a request that was reported and not refused.
    pub(crate) fn count_detected(&mut self) {
        self.detected += 1;
    }

    /// Keeps an event for the next report. Returns how many older ones had to make room.
    pub(crate) fn keep(&mut self, event: Event) -> u64 {
        self.events.push(event)
    }

    /// Whether a report should be sent now.
    pub(crate) fn is_due(&self, now: u64, state: &State) -> bool {
        let has_news = self.told.as_ref() != Some(state) || !self.events.is_empty();
        self.cluster.is_some() && self.pacing.is_due(now, has_news)
    }

    /// Whether so many events wait that the next report should follow a reply at once.
    pub(crate) fn is_behind(&self) -> bool {
        self.events.len() >= EventBuffer::BATCH
    }

    /// Writes the next report.
    pub(crate) fn report(&self, sender: Sender, state: State) -> Vec<u8> {
        ReportRequest {
            node: sender.node,
            process: sender.process,
            instance: self.instance,
            module_version: env!("CARGO_PKG_VERSION").to_owned(),
            applied: state.applied,
            offered: state.offered,
            error: state.error,
            requests: self.requests,
            blocked: self.blocked,
            detected: self.detected,
            events_dropped: self.events.dropped(),
            events: self.events.batch(),
        }
        .encode_to_vec()
    }

    /// Notes that a report with this state is in flight, or (without a token) that it could not be sent.
    pub(crate) fn sent(&mut self, token: Option<u32>, state: State, now: u64) {
        match token {
            Some(token) => {
                self.told = Some(state);
                self.pacing.sent(token, now);
            }
            None => self.pacing.failed(now),
        }
    }

    /// Takes in how a report ended: the reply's bytes, or `None` if it failed.
    pub(crate) fn replied(&mut self, token: u32, reply: Option<&[u8]>, now: u64) {
        let reply = reply.and_then(|bytes| ReportReply::decode(bytes).ok());
        // Whichever report it was, what is acknowledged is stored.
        if let Some(reply) = reply {
            self.events.acknowledge(reply.acknowledged);
        }
        if self.pacing.is_in_flight(token) {
            if reply.is_some() {
                self.pacing.succeeded();
            } else {
                self.told = None;
                self.pacing.failed(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn reporter() -> Reporter {
        let mut reporter = Reporter::new(7);
        reporter.send_to(Some("control".to_owned()));
        reporter
    }

    fn state(applied: u64) -> State {
        State {
            applied: Some(applied),
            offered: applied,
            error: String::new(),
        }
    }

    fn decode(reporter: &Reporter) -> ReportRequest {
        let sender = Sender {
            node: "n".to_owned(),
            process: 1,
        };
        ReportRequest::decode(reporter.report(sender, state(1)).as_slice()).unwrap()
    }

    fn reply(acknowledged: u64) -> Vec<u8> {
        ReportReply { acknowledged }.encode_to_vec()
    }

    #[test]
    fn events_stay_until_they_are_acknowledged() {
        let mut reporter = reporter();
        for _ in 0..3 {
            reporter.keep(Event::default());
        }
        assert_eq!(
            decode(&reporter)
                .events
                .iter()
                .map(|event| event.seq)
                .collect::<Vec<_>>(),
            [1, 2, 3]
        );
        reporter.sent(Some(1), state(1), 0);
        reporter.replied(1, None, 0);
        assert_eq!(decode(&reporter).events.len(), 3, "a lost report loses nothing");
        reporter.replied(9, Some(&reply(2)), 0);
        assert_eq!(
            decode(&reporter)
                .events
                .iter()
                .map(|event| event.seq)
                .collect::<Vec<_>>(),
            [3]
        );
    }

    #[test]
    fn a_changed_revision_is_news_and_an_unchanged_one_waits_for_the_heartbeat() {
        let mut reporter = reporter();
        assert!(reporter.is_due(0, &state(1)));
        reporter.sent(Some(1), state(1), 0);
        assert!(!reporter.is_due(1, &state(2)), "one report in flight at a time");
        reporter.replied(1, Some(&reply(0)), 1);
        assert!(!reporter.is_due(2, &state(1)));
        assert!(reporter.is_due(2, &state(2)));
        assert!(reporter.is_due(1_001 * MS, &state(1)));
    }

    #[test]
    fn without_a_destination_nothing_is_kept_or_sent() {
        let mut reporter = reporter();
        reporter.keep(Event::default());
        assert_eq!(reporter.send_to(None), 1);
        assert!(!reporter.is_due(u64::MAX, &state(1)));
        assert_eq!(decode(&reporter).events.len(), 0);
    }

    #[test]
    fn a_reply_that_is_none_counts_as_a_failure() {
        let mut reporter = reporter();
        reporter.sent(Some(1), state(1), 0);
        reporter.replied(1, Some(b"\xff\xff"), 0);
        assert!(!reporter.is_due(1, &state(1)), "backs off");
        assert!(
            reporter.is_due(300 * MS, &state(1)),
            "and tells again what was never confirmed"
        );
    }
}
