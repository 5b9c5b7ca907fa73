//! What is counted about xDS, reports and nodes.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, core::Collector};

/// What is counted about xDS, reports and nodes. Labels come from closed sets.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Responses sent, by type.
    pub(crate) pushes: IntCounterVec,
    /// Bytes of responses sent, by type.
    pub(crate) pushed_bytes: IntCounterVec,
    /// Responses acknowledged, by type.
    pub(crate) acks: IntCounterVec,
    /// Responses refused, by type.
    pub(crate) nacks: IntCounterVec,
    /// Requests that answered a response other than the latest.
    pub(crate) stale_nonces: IntCounter,
    /// Open streams.
    pub(crate) streams: IntGauge,
    /// Nodes by state.
    nodes: IntGaugeVec,
    /// Nodes refused, because too many are known.
    pub(crate) nodes_refused: IntCounter,
    /// Epochs raised to make Envoy build new VMs.
    pub(crate) epoch_bumps: IntCounter,
    /// Reports taken in.
    pub(crate) reports: IntCounter,
    /// Reports refused or not stored.
    pub(crate) reports_failed: IntCounter,
    /// Events received, repeated ones included.
    pub(crate) events: IntCounter,
}

/// How many nodes are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NodeCounts {
    /// An xDS stream is open.
    pub(crate) connected: usize,
    /// Connected, and every worker applies the latest revision.
    pub(crate) in_sync: usize,
    /// Connected, but no worker reports.
    pub(crate) stale: usize,
    /// Known, but no xDS stream is open.
    pub(crate) disconnected: usize,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let by_type = |name: &str, help: &str| {
            register(registry, IntCounterVec::new(Opts::new(name, help), &["type"])?)
        };
        let counter = |name: &str, help: &str| register(registry, IntCounter::new(name, help)?);
        Ok(Self {
            pushes: by_type("secbeat_xds_pushes_total", "xDS responses sent")?,
            pushed_bytes: by_type("secbeat_xds_pushed_bytes_total", "Bytes of xDS responses sent")?,
            acks: by_type("secbeat_xds_acks_total", "xDS responses acknowledged")?,
            nacks: by_type("secbeat_xds_nacks_total", "xDS responses refused")?,
            stale_nonces: counter(
                "secbeat_xds_stale_nonces_total",
                "xDS requests that answered an outdated response",
            )?,
            streams: register(
                registry,
                IntGauge::new("secbeat_xds_streams", "Open xDS streams")?,
            )?,
            nodes: register(
                registry,
                IntGaugeVec::new(Opts::new("secbeat_nodes", "Known Envoys by state"), &["state"])?,
            )?,
            nodes_refused: counter(
                "secbeat_nodes_refused_total",
                "Nodes refused because too many are known",
            )?,
            epoch_bumps: counter(
                "secbeat_epoch_bumps_total",
                "Times that an Envoy was told to build new VMs",
            )?,
            reports: counter("secbeat_reports_total", "Reports of filter workers taken in")?,
            reports_failed: counter(
                "secbeat_reports_failed_total",
                "Reports of filter workers refused or not stored",
            )?,
            events: counter(
                "secbeat_events_received_total",
                "Events received from filter workers, repeated ones included",
            )?,
        })
    }

    pub(super) fn set_nodes(&self, counts: NodeCounts) {
        let states = [
            ("connected", counts.connected),
            ("in_sync", counts.in_sync),
            ("stale", counts.stale),
            ("disconnected", counts.disconnected),
        ];
        for (state, count) in states {
            self.nodes
                .with_label_values(&[state])
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
