//! One wasm VM, as its reports describe it.

use std::time::Duration;

use secbeat_engine::report::ReportRequest;

use super::{
    moment::Moment,
    status::{FleetTotals, InstanceStatus},
};

/// Silence after which an instance counts as gone; it reports every second.
const STALE: Duration = Duration::from_secs(3);
/// Silence after which an instance is suspected, since a heartbeat is overdue.
const SUSPECT: Duration = Duration::from_millis(1_300);

/// One wasm VM.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) applied: Option<u64>,
    pub(super) offered: u64,
    pub(super) error: String,
    pub(super) last_seen: Moment,
    /// New VMs were requested, so that it is probably gone.
    pub(super) is_superseded: bool,
    counters: FleetTotals,
}

impl Instance {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            applied: None,
            offered: 0,
            error: String::new(),
            last_seen: now,
            is_superseded: false,
            counters: FleetTotals::default(),
        }
    }

    /// Takes a report in; adds to `totals` what was counted since the last one, and tells whether anything changed
    /// that decides about being applied.
    pub(super) fn report(&mut self, report: &ReportRequest, now: Moment, totals: &mut FleetTotals) -> bool {
        let was_counted = self.is_counted(now);
        let has_changed =
            self.applied != report.applied || self.offered != report.offered || self.error != report.error;
        self.applied = report.applied;
        self.offered = report.offered;
        if self.error != report.error {
            self.error.clone_from(&report.error);
        }
        self.last_seen = now;
        let counters = &mut self.counters;
        for (total, known, reported) in [
            (&mut totals.requests, &mut counters.requests, report.requests),
            (&mut totals.blocked, &mut counters.blocked, report.blocked),
            (&mut totals.detected, &mut counters.detected, report.detected),
            (
                &mut totals.events_dropped,
                &mut counters.events_dropped,
                report.events_dropped,
            ),
        ] {
            *total = total.saturating_add(reported.saturating_sub(*known));
            *known = reported.max(*known);
        }
        has_changed || !was_counted
    }

    /// Whether it was heard of lately.
    pub(super) fn is_live(&self, now: Moment) -> bool {
        now.since(self.last_seen) < STALE
    }

    /// Whether it takes part in the question what the node applies.
    pub(super) fn is_counted(&self, now: Moment) -> bool {
        self.is_live(now) && !self.is_superseded
    }

    /// Whether a heartbeat is overdue.
    pub(super) fn is_suspect(&self, now: Moment) -> bool {
        now.since(self.last_seen) >= SUSPECT
    }

    /// Whether it applies the revision. A number above the latest one comes from another control plane's history.
    pub(super) fn applies(&self, revision: u64, latest: u64) -> bool {
        self.applied
            .is_some_and(|applied| (revision..=latest.max(revision)).contains(&applied))
    }

    /// Whether it tells that it could not load the revision.
    pub(super) fn has_failed(&self, revision: u64) -> bool {
        !self.error.is_empty() && self.offered >= revision
    }

    pub(super) fn status(&self, id: u64, now: Moment) -> InstanceStatus {
        InstanceStatus {
            instance: format!("{id:016x}"),
            applied: self.applied,
            offered: self.offered,
            error: self.error.clone(),
            requests: self.counters.requests,
            blocked: self.counters.blocked,
            detected: self.counters.detected,
            events_dropped: self.counters.events_dropped,
            last_seen: self.last_seen.wall,
            live: self.is_counted(now),
        }
    }
}
