//! All nodes, bounded: who is known, who is forgotten, and what holds for all of them together.

use std::{collections::BTreeMap, time::Duration};

use secbeat_engine::report::ReportRequest;
use tokio::sync::watch;

use super::{
    MAX_NODES,
    metrics::NodeCounts,
    moment::Moment,
    node::{MAX_STREAMS, Node, NodeInfo},
    status::{Applied, AppliedNode, FleetTotals, NodeStatus},
};

/// How long a node may take to come back, after it went or the control plane was started.
const RECONNECT: Duration = Duration::from_secs(3);
/// How long a node that is gone stays visible.
const RETENTION: Duration = Duration::from_mins(10);

/// Why a node is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FleetError {
    /// Too many nodes are connected or report.
    #[error("at most {MAX_NODES} nodes are served, all of them are connected")]
    Full,
    /// A node id has too many open streams; probably several Envoys share it.
    #[error("at most {MAX_STREAMS} streams are served for one node id")]
    TooManyStreams,
}

/// All nodes.
#[derive(Debug)]
pub(super) struct Registry {
    started: Moment,
    nodes: BTreeMap<String, Node>,
    latest: u64,
    streams: u64,
    totals: FleetTotals,
}

impl Registry {
    /// Starts without nodes.
    pub(super) fn new(now: Moment) -> Self {
        Self {
            started: now,
            nodes: BTreeMap::new(),
            latest: 0,
            streams: 0,
            totals: FleetTotals::default(),
        }
    }

    pub(super) fn publish(&mut self, revision: u64) {
        self.latest = revision;
    }

    pub(super) fn connect(
        &mut self,
        info: NodeInfo,
        now: Moment,
    ) -> Result<(u64, watch::Receiver<u32>), FleetError> {
        self.streams += 1;
        let stream = self.streams;
        let node = self.admit(&info.id, now)?;
        if node.streams() >= MAX_STREAMS {
            return Err(FleetError::TooManyStreams);
        }
        Ok((stream, node.connect(info, stream, now)))
    }

    pub(super) fn disconnect(&mut self, id: &str, stream: u64, now: Moment) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.disconnect(stream, now);
        }
    }

    pub(super) fn resume(&mut self, id: &str, epoch: u32) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.resume(epoch);
        }
    }

    pub(super) fn requested(&mut self, id: &str, stream: u64, revision: u64) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.requested(stream, revision);
        }
    }

    pub(super) fn acked(&mut self, id: &str, stream: u64, revision: u64, now: Moment) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.acked(stream, revision, now);
        }
    }

    pub(super) fn nacked(&mut self, id: &str, stream: u64, revision: u64, message: &str, now: Moment) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.nacked(stream, revision, message, now);
        }
    }

    pub(super) fn report(&mut self, report: &ReportRequest, now: Moment) -> Result<bool, FleetError> {
        let mut totals = self.totals;
        let has_changed = self.admit(&report.node, now)?.report(report, now, &mut totals);
        self.totals = totals;
        Ok(has_changed)
    }

    /// Finds a node or takes it in, in place of one that is gone if need be.
    fn admit(&mut self, id: &str, now: Moment) -> Result<&mut Node, FleetError> {
        if !self.nodes.contains_key(id) && self.nodes.len() >= MAX_NODES {
            let gone = self
                .nodes
                .iter()
                .filter(|(_, node)| !node.is_connected() && !node.is_live(now))
                .min_by_key(|(_, node)| node.last_seen().at)
                .map(|(id, _)| id.clone())
                .ok_or(FleetError::Full)?;
            self.nodes.remove(&gone);
        }
        Ok(self.nodes.entry(id.to_owned()).or_insert_with(|| {
            Node::new(
                NodeInfo {
                    id: id.to_owned(),
                    ..NodeInfo::default()
                },
                now,
            )
        }))
    }

    /// Recovers what is to be recovered and forgets what is gone; names the nodes whose epoch was raised.
    pub(super) fn tick(&mut self, now: Moment) -> Vec<String> {
        self.nodes
            .retain(|_, node| node.is_connected() || now.since(node.last_seen()) < RETENTION);
        let latest = self.latest;
        self.nodes
            .iter_mut()
            .filter_map(|(id, node)| node.recover(latest, now).then(|| id.clone()))
            .collect()
    }

    /// Whether all connected nodes apply the revision, and whether waiting can change the answer.
    pub(super) fn applied(&self, revision: u64, now: Moment) -> (Applied, bool) {
        let mut can_change = false;
        let nodes: Vec<AppliedNode> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.is_connected())
            .map(|(id, node)| {
                let gap = node.applied(revision, self.latest, now).err();
                can_change |= gap.as_ref().is_some_and(|gap| !gap.is_final());
                AppliedNode {
                    id: id.clone(),
                    applied: gap.is_none(),
                    reason: gap.map_or_else(String::new, |gap| gap.to_string()),
                }
            })
            .collect();
        let applied = !nodes.is_empty() && nodes.iter().all(|node| node.applied);
        let is_final = if nodes.is_empty() {
            !self.awaits_nodes(now)
        } else {
            !can_change
        };
        (Applied { applied, nodes }, is_final)
    }

    /// Whether a node may be on its way back.
    fn awaits_nodes(&self, now: Moment) -> bool {
        let heard = self.nodes.values().map(Node::last_seen);
        heard
            .chain([self.started])
            .any(|moment| now.since(moment) < RECONNECT)
    }

    pub(super) fn counts(&self, now: Moment) -> NodeCounts {
        self.nodes
            .values()
            .fold(NodeCounts::default(), |mut counts, node| {
                if node.is_connected() {
                    counts.connected += 1;
                    counts.stale += usize::from(!node.is_live(now));
                    counts.in_sync += usize::from(node.applied(self.latest, self.latest, now).is_ok());
                } else {
                    counts.disconnected += 1;
                }
                counts
            })
    }

    pub(super) fn nodes(&self, now: Moment) -> Vec<NodeStatus> {
        self.nodes
            .values()
            .map(|node| node.status(self.latest, now))
            .collect()
    }

    pub(super) fn node(&self, id: &str, now: Moment) -> Option<NodeStatus> {
        self.nodes.get(id).map(|node| node.status(self.latest, now))
    }

    pub(super) fn totals(&self) -> FleetTotals {
        self.totals
    }
}
