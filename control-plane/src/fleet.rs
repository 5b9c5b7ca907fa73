//! The fleet: every Envoy that is connected or was a moment ago, what it was sent, what it acknowledged, and what
//! its workers say they really apply.
//!
//! The xDS sessions and the report service feed it, the REST API and the last known good writer read it. All rules
//! are in [`registry`] and below, without I/O and with time as an argument; this file adds the clock, the lock
//! (never held across an await) and the waiting.

mod instance;
mod metrics;
mod moment;
mod node;
mod recovery;
mod registry;
mod status;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use secbeat_engine::report::ReportRequest;
use tokio::sync::watch;

pub use metrics::Metrics;
pub use registry::FleetError;
pub use status::{Applied, AppliedNode, ErrorSource, FleetTotals, InstanceStatus, NodeError, NodeStatus};

pub(crate) use node::NodeInfo;

use moment::Moment;
use registry::Registry;

/// Nodes that are kept in memory; a further one is refused.
pub const MAX_NODES: usize = 10_000;
/// How often a waiter looks again without a change: silence changes the answer, too.
const WAIT_INTERVAL: Duration = Duration::from_millis(250);

/// Every Envoy that the control plane knows. Clones share one registry.
#[derive(Debug, Clone)]
pub struct Fleet {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Mutex<Registry>,
    metrics: Metrics,
    /// Counts what may change an answer of [`Fleet::wait_applied`].
    changes: watch::Sender<u64>,
}

impl Fleet {
    /// Makes an empty fleet that counts into `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        let shared = Shared {
            registry: Mutex::new(Registry::new(Moment::now())),
            metrics,
            changes: watch::Sender::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Every node, by id.
    pub fn nodes(&self) -> Vec<NodeStatus> {
        self.registry().nodes(Moment::now())
    }

    /// One node.
    pub fn node(&self, id: &str) -> Option<NodeStatus> {
        self.registry().node(id, Moment::now())
    }

    /// What all workers counted, since the control plane started or the workers did, whichever is earlier.
    pub fn totals(&self) -> FleetTotals {
        self.registry().totals()
    }

    /// Waits until every connected node applies the revision or a newer one; ends early when a node cannot.
    pub async fn wait_applied(&self, revision: u64, timeout: Duration) -> Applied {
        let start = Instant::now();
        let mut changes = self.shared.changes.subscribe();
        loop {
            let now = Moment::now();
            let (answer, is_final) = self.registry().applied(revision, now);
            let waited = now.at.duration_since(start);
            if is_final || waited >= timeout {
                return answer;
            }
            let pause = WAIT_INTERVAL.min(timeout.saturating_sub(waited));
            // Either way the loop looks again; the sender lives as long as the fleet.
            let _ = tokio::time::timeout(pause, changes.changed()).await;
        }
    }

    /// The metrics that the fleet counts into.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Follows changes of what nodes apply.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Notes which revision is offered to every node from now on.
    pub(crate) fn publish(&self, revision: u64) {
        self.registry().publish(revision);
        self.changed();
    }

    /// Whether at least one node is connected and all connected ones apply the revision.
    pub(crate) fn has_applied(&self, revision: u64) -> bool {
        self.registry().applied(revision, Moment::now()).0.applied
    }

    /// Opens a stream of a node.
    pub(crate) fn connect(&self, info: NodeInfo) -> Result<NodeStream, FleetError> {
        let id = info.id.clone();
        let opened = self.registry().connect(info, Moment::now());
        let (stream, epoch) = opened.inspect_err(|_| self.shared.metrics.nodes_refused.inc())?;
        self.shared.metrics.streams.inc();
        self.changed();
        Ok(NodeStream {
            fleet: self.clone(),
            id,
            stream,
            epoch,
        })
    }

    /// Takes in what a worker reports about itself.
    pub(crate) fn report(&self, report: &ReportRequest) -> Result<(), FleetError> {
        let outcome = self.registry().report(report, Moment::now());
        let has_changed = outcome.inspect_err(|_| self.shared.metrics.nodes_refused.inc())?;
        if has_changed {
            self.changed();
        }
        Ok(())
    }

    /// Does what is due with time: recovers workers that lost the filter, forgets nodes that are long gone.
    pub(crate) fn tick(&self) {
        let bumped = self.registry().tick(Moment::now());
        for node in &bumped {
            self.shared.metrics.epoch_bumps.inc();
            tracing::warn!(
                ?node,
                "worker does not apply the acknowledged revision, new VMs requested"
            );
        }
    }

    /// Brings the gauges up to date.
    pub(crate) fn measure(&self) {
        let counts = self.registry().counts(Moment::now());
        self.shared.metrics.set_nodes(counts);
    }

    fn changed(&self) {
        self.shared
            .changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.shared
            .registry
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open xDS stream of a node; dropping it disconnects the node.
#[derive(Debug)]
pub(crate) struct NodeStream {
    fleet: Fleet,
    id: String,
    stream: u64,
    epoch: watch::Receiver<u32>,
}

impl NodeStream {
    /// The node's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The node's epoch now; [`Self::epoch_changed`] waits for the next one.
    pub(crate) fn epoch(&mut self) -> u32 {
        *self.epoch.borrow_and_update()
    }

    /// Waits until the node's epoch is another one than [`Self::epoch`] told.
    pub(crate) async fn epoch_changed(&mut self) {
        if self.epoch.changed().await.is_err() {
            // The registry forgot the node, which it does not while a stream is open.
            std::future::pending::<()>().await;
        }
    }

    /// Goes on with the epoch that the node holds, if it is ahead.
    pub(crate) fn resume(&self, epoch: u32) {
        self.fleet.registry().resume(&self.id, epoch);
    }

    /// Notes that a revision was sent.
    pub(crate) fn requested(&self, revision: u64) {
        self.fleet.registry().requested(&self.id, self.stream, revision);
    }

    /// Notes that a revision was acknowledged.
    pub(crate) fn acked(&self, revision: u64) {
        self.fleet
            .registry()
            .acked(&self.id, self.stream, revision, Moment::now());
        self.fleet.changed();
    }

    /// Notes that a revision was refused.
    pub(crate) fn nacked(&self, revision: u64, message: &str) {
        self.fleet
            .registry()
            .nacked(&self.id, self.stream, revision, message, Moment::now());
        self.fleet.changed();
    }
}

impl Drop for NodeStream {
    fn drop(&mut self) {
        self.fleet.shared.metrics.streams.dec();
        self.fleet
            .registry()
            .disconnect(&self.id, self.stream, Moment::now());
        self.fleet.changed();
        tracing::info!(node = ?self.id, "node disconnected");
    }
}
