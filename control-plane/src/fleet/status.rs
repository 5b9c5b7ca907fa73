//! What the fleet tells about itself, as the API shows it.

use jiff::Timestamp;
use serde::Serialize;

/// One Envoy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// Envoy's node id.
    pub id: String,
    /// Whether an xDS stream is open.
    pub connected: bool,
    /// What Envoy calls itself, usually `envoy`.
    pub user_agent: String,
    /// Envoy's version.
    pub version: String,
    /// Version of the filter module that its workers run.
    pub module_version: String,
    /// Revision last sent.
    pub requested: Option<u64>,
    /// Revision last acknowledged.
    pub acked: Option<u64>,
    /// Revision that every live worker applies at least.
    pub applied: Option<u64>,
    /// Whether every live worker applies the latest revision.
    pub in_sync: bool,
    /// Times that it was told to build new VMs.
    pub epoch: u32,
    /// Its workers' VMs, and that of its main thread.
    pub instances: Vec<InstanceStatus>,
    /// The last thing that went wrong.
    pub last_error: Option<NodeError>,
    /// When it was last heard of.
    pub last_seen: Timestamp,
}

/// One wasm VM of an Envoy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceStatus {
    /// Drawn once per VM, in hexadecimal.
    pub instance: String,
    /// Revision that it applies.
    pub applied: Option<u64>,
    /// Revision that it was last offered.
    pub offered: u64,
    /// Why the offered revision is not applied; empty when it is.
    pub error: String,
    /// Requests seen.
    pub requests: u64,
    /// Requests refused.
    pub blocked: u64,
    /// Requests reported but not refused.
    pub detected: u64,
    /// Events dropped because its buffer was full.
    pub events_dropped: u64,
    /// When it last reported.
    pub last_seen: Timestamp,
    /// Whether it reports; it is silent after 3 seconds.
    pub live: bool,
}

/// Something that went wrong on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeError {
    /// Who says so.
    pub source: ErrorSource,
    /// What it says.
    pub message: String,
    /// The revision that it concerns.
    pub revision: u64,
    /// When.
    pub time: Timestamp,
}

/// Who says that something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorSource {
    /// Envoy refused the configuration.
    Envoy,
    /// The filter could not load the policy.
    Filter,
    /// A worker fell silent behind an acknowledgement, and the control plane had its VM built anew.
    Recovery,
}

/// Whether a revision is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Whether at least one node is connected and all connected ones apply the revision.
    pub applied: bool,
    /// Every connected node.
    pub nodes: Vec<AppliedNode>,
}

/// Whether a revision is in force on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedNode {
    /// Envoy's node id.
    pub id: String,
    /// Whether every live worker applies the revision.
    pub applied: bool,
    /// Why not; empty when it is applied.
    pub reason: String,
}

/// What all workers counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct FleetTotals {
    /// Requests seen.
    pub requests: u64,
    /// Requests refused.
    pub blocked: u64,
    /// Requests reported but not refused.
    pub detected: u64,
    /// Events dropped because a buffer was full.
    pub events_dropped: u64,
}
