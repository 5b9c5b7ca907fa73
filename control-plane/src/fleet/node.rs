//! One Envoy: its streams, its workers, and whether a revision is in force on it.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use secbeat_engine::report::ReportRequest;
use tokio::sync::watch;

use super::{
    instance::Instance,
    moment::Moment,
    recovery::{NEW_VM_PATIENCE, PATIENCE, REBUILD, Recovery},
    status::{ErrorSource, FleetTotals, NodeError, NodeStatus},
};

/// VMs of one node that are remembered; beyond it, the one unheard of the longest is forgotten.
const MAX_INSTANCES: usize = 1_024;
/// Open streams of one node. One is normal; lost connections take up to 40 seconds to be noticed, while Envoy comes
/// back every two.
pub(super) const MAX_STREAMS: usize = 64;
/// Former processes that are remembered, so that their last reports do not count.
const MAX_RETIRED: usize = 8;
/// How long a new process has until its first reports count as all of them: every worker reports within 100 ms.
const SETTLE: Duration = Duration::from_millis(500);
/// How long an instance may be silent and still explain a refusal.
const RECENT: Duration = Duration::from_secs(10);

/// What a node tells about itself in its first request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeInfo {
    /// Envoy's node id.
    pub(crate) id: String,
    /// What Envoy calls itself.
    pub(crate) user_agent: String,
    /// Envoy's version.
    pub(crate) version: String,
}

/// One Envoy.
#[derive(Debug)]
pub(super) struct Node {
    info: NodeInfo,
    module_version: String,
    /// Open streams; the newest one counts, since an older one may be the half-open rest of a lost connection.
    streams: BTreeMap<u64, Stream>,
    /// What the newest stream had when it closed.
    last_stream: Stream,
    process: Option<(u64, Moment)>,
    retired: VecDeque<u64>,
    instances: BTreeMap<u64, Instance>,
    last_error: Option<NodeError>,
    epoch: watch::Sender<u32>,
    recovery: Recovery,
    /// When all VMs were last replaced by new ones, and how many there were before.
    rebuilt: Option<(Moment, usize)>,
    last_seen: Moment,
}

/// What one stream was sent and answered.
#[derive(Debug, Clone, Default)]
struct Stream {
    opened: Option<Moment>,
    requested: Option<u64>,
    acked: Option<u64>,
    refused: Option<(u64, String)>,
    answered: Option<Moment>,
}

/// Why a revision is not in force on a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Gap {
    /// No stream is open.
    #[error("not connected")]
    Disconnected,
    /// Envoy has not answered yet.
    #[error("revision {0} is not acknowledged yet")]
    Unacknowledged(u64),
    /// Envoy refused it.
    #[error("Envoy refused revision {0}: {1}")]
    Refused(u64, String),
    /// No worker reports.
    #[error("no worker reports")]
    Silent,
    /// The process or its VMs are so new that more workers may be about to report.
    #[error("{found} of at least {expected} workers have reported")]
    Incomplete {
        /// How many apply the revision.
        found: usize,
        /// How many are expected at least.
        expected: usize,
    },
    /// A worker could not load it.
    #[error("worker {0:016x} could not load revision {1}: {2}")]
    Failed(u64, u64, String),
    /// A worker applies something older.
    #[error("worker {0:016x} applies {1}")]
    Behind(u64, String),
}

impl Gap {
    /// Whether waiting cannot help.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Refused(..) | Self::Failed(..))
    }
}

impl Node {
    pub(super) fn new(info: NodeInfo, now: Moment) -> Self {
        Self {
            info,
            module_version: String::new(),
            streams: BTreeMap::new(),
            last_stream: Stream::default(),
            process: None,
            retired: VecDeque::new(),
            instances: BTreeMap::new(),
            last_error: None,
            epoch: watch::Sender::new(0),
            recovery: Recovery::default(),
            rebuilt: None,
            last_seen: now,
        }
    }

    pub(super) fn connect(&mut self, info: NodeInfo, stream: u64, now: Moment) -> watch::Receiver<u32> {
        self.info = info;
        self.last_seen = now;
        let opened = Stream {
            opened: Some(now),
            ..Stream::default()
        };
        self.streams.insert(stream, opened);
        self.epoch.subscribe()
    }

    /// Goes on with the epoch that the node holds. Without it, a control plane that was restarted would make every
    /// node that was ever recovered build its VMs anew for nothing.
    pub(super) fn resume(&self, held: u32) {
        self.epoch.send_if_modified(|epoch| {
            let is_behind = *epoch < held;
            *epoch = held.max(*epoch);
            is_behind
        });
    }

    pub(super) fn disconnect(&mut self, stream: u64, now: Moment) {
        self.last_seen = now;
        if let Some(closed) = self.streams.remove(&stream)
            && self.streams.is_empty()
        {
            self.last_stream = closed;
        }
    }

    pub(super) fn requested(&mut self, stream: u64, revision: u64) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.requested = Some(revision);
            stream.answered = None;
        }
    }

    pub(super) fn acked(&mut self, stream: u64, revision: u64, now: Moment) {
        self.last_seen = now;
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.requested = stream.requested.or(Some(revision));
            stream.acked = Some(revision);
            stream.refused = None;
            stream.answered = Some(now);
        }
    }

    pub(super) fn nacked(&mut self, stream: u64, revision: u64, message: &str, now: Moment) {
        self.last_seen = now;
        self.fail(ErrorSource::Envoy, revision, message, now);
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.refused = Some((revision, message.to_owned()));
            stream.answered = Some(now);
        }
    }

    /// Takes a worker's report in; tells whether anything changed that decides about being applied.
    pub(super) fn report(&mut self, report: &ReportRequest, now: Moment, totals: &mut FleetTotals) -> bool {
        self.last_seen = now;
        if !self.is_current(report.process, now) {
            return false;
        }
        if self.module_version != report.module_version {
            self.module_version.clone_from(&report.module_version);
        }
        let is_rebuilding = self.is_rebuilding(now);
        let instance = self
            .instances
            .entry(report.instance)
            .or_insert_with(|| Instance::new(now));
        let is_new_error = !report.error.is_empty() && instance.error != report.error;
        let is_new = instance.applied.is_none();
        let has_changed = instance.report(report, now, totals) || is_new;
        instance.is_superseded &= is_rebuilding;
        if is_new_error {
            self.fail(ErrorSource::Filter, report.offered, &report.error, now);
        }
        self.bound_instances();
        has_changed
    }

    /// Whether the report comes from the node's present process; a new process retires the one before.
    ///
    /// A retired process that goes on reporting while the one that retired it has fallen silent was none: it counts
    /// again. Otherwise one stray report would shut a node out for good.
    fn is_current(&mut self, process: u64, now: Moment) -> bool {
        match self.process {
            Some((current, _)) if current == process => return true,
            Some(_) if self.retired.contains(&process) && self.is_live(now) => return false,
            Some((former, _)) => {
                self.retired.retain(|retired| *retired != process);
                self.retired.push_back(former);
                if self.retired.len() > MAX_RETIRED {
                    self.retired.pop_front();
                }
                self.rebuilt = self.is_same_envoy().then(|| (now, self.counted(now).count()));
                self.instances.clear();
            }
            None => {}
        }
        self.process = Some((process, now));
        true
    }

    /// Whether the Envoy that the known instances belong to is the one whose stream is open. Its VMs count as another
    /// process once they run other code, since what they share starts anew.
    fn is_same_envoy(&self) -> bool {
        let opened = self
            .streams
            .last_key_value()
            .and_then(|(_, stream)| stream.opened);
        opened.is_some_and(|opened| {
            self.instances
                .values()
                .any(|instance| instance.last_seen.at > opened.at)
        })
    }

    /// Whether Envoy may still be about to replace its VMs, so that a report of an old one tells nothing. One that
    /// reports after that was not replaced.
    fn is_rebuilding(&self, now: Moment) -> bool {
        let is_asked = self.rebuilt.is_some_and(|(since, _)| now.since(since) < REBUILD);
        is_asked
            && self
                .stream()
                .answered
                .is_none_or(|answered| now.since(answered) < SETTLE)
    }

    fn bound_instances(&mut self) {
        if self.instances.len() > MAX_INSTANCES {
            let oldest = self
                .instances
                .iter()
                .min_by_key(|(_, instance)| instance.last_seen.at);
            if let Some((&oldest, _)) = oldest {
                self.instances.remove(&oldest);
            }
        }
    }

    fn fail(&mut self, source: ErrorSource, revision: u64, message: &str, now: Moment) {
        self.last_error = Some(NodeError {
            source,
            message: message.to_owned(),
            revision,
            time: now.wall,
        });
    }

    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }

    pub(super) fn is_connected(&self) -> bool {
        !self.streams.is_empty()
    }

    /// Whether any worker reports.
    pub(super) fn is_live(&self, now: Moment) -> bool {
        self.instances.values().any(|instance| instance.is_live(now))
    }

    pub(super) fn last_seen(&self) -> Moment {
        self.last_seen
    }

    fn stream(&self) -> &Stream {
        self.streams
            .last_key_value()
            .map_or(&self.last_stream, |(_, stream)| stream)
    }

    fn counted(&self, now: Moment) -> impl Iterator<Item = (&u64, &Instance)> {
        self.instances
            .iter()
            .filter(move |(_, instance)| instance.is_counted(now))
    }

    /// Whether every live worker applies the revision, or what is missing.
    pub(super) fn applied(&self, revision: u64, latest: u64, now: Moment) -> Result<(), Gap> {
        if !self.is_connected() {
            return Err(Gap::Disconnected);
        }
        let stream = self.stream();
        if stream.acked.is_none_or(|acked| acked < revision) {
            return Err(match &stream.refused {
                Some((refused, message)) if *refused >= revision => Gap::Refused(*refused, message.clone()),
                _ => Gap::Unacknowledged(revision),
            });
        }
        let mut found = 0;
        for (&id, instance) in self.counted(now) {
            if instance.applies(revision, latest) {
                found += 1;
            } else if instance.has_failed(revision) {
                return Err(Gap::Failed(id, instance.offered, instance.error.clone()));
            } else {
                let applied = instance.applied.map_or_else(
                    || "no revision".to_owned(),
                    |applied| format!("revision {applied}"),
                );
                return Err(Gap::Behind(id, applied));
            }
        }
        if found == 0 {
            return Err(Gap::Silent);
        }
        let expected = self.expected(found, now);
        if found < expected {
            Err(Gap::Incomplete { found, expected })
        } else {
            Ok(())
        }
    }

    /// How many workers must report at least, given that `found` do.
    fn expected(&self, found: usize, now: Moment) -> usize {
        let is_settling = self.process.is_some_and(|(_, since)| now.since(since) < SETTLE);
        self.rebuilt_lately(now)
            .max(if is_settling { found + 1 } else { 0 })
    }

    /// How many VMs there were before they were all replaced, if that was so lately that they may still be coming.
    fn rebuilt_lately(&self, now: Moment) -> usize {
        self.rebuilt
            .filter(|(since, _)| now.since(*since) < REBUILD)
            .map_or(0, |(_, count)| count)
    }

    /// Raises the epoch if a worker lost the filter and an attempt to recover it is due.
    pub(super) fn recover(&mut self, latest: u64, now: Moment) -> bool {
        if !self.has_lost_worker(latest, now) || !self.recovery.attempt(latest, now) {
            return false;
        }
        let before = self.rebuilt_lately(now).max(self.counted(now).count());
        self.rebuilt = Some((now, before));
        if let Some(mut stream) = self.streams.last_entry() {
            stream.get_mut().answered = None;
        }
        self.fail(
            ErrorSource::Recovery,
            latest,
            "a worker lost the filter, new VMs requested",
            now,
        );
        for instance in self.instances.values_mut() {
            instance.is_superseded = true;
        }
        self.epoch.send_modify(|epoch| *epoch = epoch.wrapping_add(1));
        true
    }

    fn has_lost_worker(&self, latest: u64, now: Moment) -> bool {
        let stream = self.stream();
        let Some(answered) = stream.answered.filter(|_| stream.requested == Some(latest)) else {
            return false;
        };
        if !self.is_connected() || now.since(answered) < PATIENCE {
            return false;
        }
        if stream.refused.is_some() {
            // A VM that failed on a worker makes Envoy refuse whatever is sent to it next. Without a silent worker
            // the refusal has another reason, which new VMs would not heal.
            return self.instances.values().any(|instance| {
                !instance.is_superseded && instance.is_suspect(now) && now.since(instance.last_seen) < RECENT
            });
        }
        if stream.acked != Some(latest) || self.counted(now).any(|(_, instance)| instance.has_failed(latest))
        {
            return false;
        }
        let is_short =
            now.since(answered) >= NEW_VM_PATIENCE && self.counted(now).count() < self.rebuilt_lately(now);
        // A worker that was offered the revision and is alive is still compiling.
        is_short
            || self.counted(now).any(|(_, instance)| {
                !instance.applies(latest, latest) && (instance.offered < latest || instance.is_suspect(now))
            })
    }

    pub(super) fn status(&self, latest: u64, now: Moment) -> NodeStatus {
        let stream = self.stream();
        let applied = self
            .counted(now)
            .map(|(_, instance)| instance.applied)
            .min()
            .flatten();
        NodeStatus {
            id: self.info.id.clone(),
            connected: self.is_connected(),
            user_agent: self.info.user_agent.clone(),
            version: self.info.version.clone(),
            module_version: self.module_version.clone(),
            requested: stream.requested,
            acked: stream.acked,
            applied,
            in_sync: self.applied(latest, latest, now).is_ok(),
            epoch: *self.epoch.borrow(),
            instances: self
                .instances
                .iter()
                .filter(|(_, instance)| now.since(instance.last_seen) < RECENT)
                .map(|(&id, instance)| instance.status(id, now))
                .collect(),
            last_error: self.last_error.clone(),
            last_seen: self.last_seen.wall,
        }
    }
}
