//! One stream of one Envoy: feeds the protocol with what arrives, sends what it answers, tells the fleet.
//!
//! A session runs only while the transport asks it for the next message. There is no queue between them: a slow
//! Envoy holds nobody up, and what it missed in between is never encoded.

use std::{sync::Arc, time::Duration};

use envoy_types::pb::envoy::config::core::v3::node::UserAgentVersionType;
use futures::{Stream, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::{
    ecds,
    frame::Frame,
    protocol::{Outcome, Protocol, Response, Violation},
    resource::{Resource, Version},
    snapshot::Snapshot,
    type_url,
};
use crate::fleet::{Fleet, NodeInfo, NodeStream};

/// Bytes of a node id.
const MAX_NODE_ID_BYTES: usize = 256;
/// Bytes that are kept of what a node says about itself.
const MAX_INFO_BYTES: usize = 64;

/// How long a stream may stay open before its first request names a node.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// What every session needs.
#[derive(Debug)]
pub(super) struct Context {
    /// The nodes.
    pub(super) fleet: Fleet,
    /// The latest revision, ready to be sent.
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Ends every session.
    pub(super) shutdown: CancellationToken,
}

/// One stream of one Envoy.
struct Session<P: Protocol> {
    context: Arc<Context>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    inbound: Streaming<P::Request>,
    protocol: P,
    node: Option<NodeStream>,
}

/// What happened next.
enum Event<R> {
    Request(R),
    Change,
}

/// Runs a session as the stream of its responses; it ends after the first error.
pub(super) fn run<P: Protocol>(
    context: Arc<Context>,
    inbound: Streaming<P::Request>,
) -> impl Stream<Item = Result<Frame, Status>> + Send {
    let snapshots = context.snapshots.clone();
    let session = Session {
        context,
        snapshots,
        inbound,
        protocol: P::default(),
        node: None,
    };
    stream::unfold(Some(session), |session| async {
        let mut session = session?;
        match session.next().await {
            Ok(Some(frame)) => Some((Ok(frame), Some(session))),
            Ok(None) => None,
            Err(status) => Some((Err(status), None)),
        }
    })
}

impl<P: Protocol> Session<P> {
    /// Waits for the next response to send; none when the client has ended the stream.
    async fn next(&mut self) -> Result<Option<Frame>, Status> {
        loop {
            if let Some(response) = self.poll() {
                return Ok(Some(self.send(&response)));
            }
            match self.event().await? {
                Some(Event::Request(request)) => self.receive(request)?,
                Some(Event::Change) => {}
                None => return Ok(None),
            }
        }
    }

    async fn event(&mut self) -> Result<Option<Event<P::Request>>, Status> {
        let own_event = async {
            if let Some(node) = &mut self.node {
                node.epoch_changed().await;
                Ok(Some(Event::Change))
            } else {
                tokio::time::sleep(FIRST_REQUEST).await;
                Err(Status::deadline_exceeded("first request is overdue"))
            }
        };
        tokio::select! {
            biased;
            () = self.context.shutdown.cancelled() => Err(Status::unavailable("control plane is shutting down")),
            request = self.inbound.message() => Ok(request?.map(Event::Request)),
            changed = self.snapshots.changed() => match changed {
                Ok(()) => Ok(Some(Event::Change)),
                Err(_) => Err(Status::unavailable("control plane is shutting down")),
            },
            event = own_event => event,
        }
    }

    fn poll(&mut self) -> Option<Response> {
        let node = self.node.as_mut()?;
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        self.protocol.poll(&snapshot.world(node.epoch()))
    }

    fn send(&self, response: &Response) -> Frame {
        let metrics = self.context.fleet.metrics();
        let label = type_url::label(&response.type_url);
        let frame = P::frame(response);
        metrics.pushes.with_label_values(&[label]).inc();
        metrics
            .pushed_bytes
            .with_label_values(&[label])
            .inc_by(frame.len() as u64);
        if let (Some(node), Some(revision)) = (&self.node, revision(&response.type_url, &response.resources))
        {
            node.requested(revision);
            tracing::debug!(node = ?node.id(), revision, version = %response.version, "revision sent");
        }
        frame
    }

    fn receive(&mut self, request: P::Request) -> Result<(), Status> {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let node = match &mut self.node {
            Some(node) => node,
            empty => empty.insert(connect::<P>(&self.context.fleet, &request)?),
        };
        if let Some(held) = P::held(&request, type_url::EXTENSION, ecds::NAME)
            && let Ok(version) = held.parse::<Version>()
        {
            node.resume(version.epoch);
        }
        let world = snapshot.world(node.epoch());
        let outcomes = self
            .protocol
            .receive(request, &world)
            .map_err(|violation| status(&violation))?;
        for outcome in outcomes {
            settle(&self.context.fleet, node, outcome);
        }
        Ok(())
    }
}

/// Tells the fleet and the metrics how the client answered.
fn settle(fleet: &Fleet, node: &NodeStream, outcome: Outcome) {
    let metrics = fleet.metrics();
    match outcome {
        Outcome::Holds(resource) => {
            if let Some(revision) = revision(type_url::EXTENSION, &[resource]) {
                node.acked(revision);
            }
        }
        Outcome::Ack { type_url, resources } => {
            metrics
                .acks
                .with_label_values(&[type_url::label(&type_url)])
                .inc();
            if let Some(revision) = revision(&type_url, &resources) {
                node.acked(revision);
                tracing::debug!(node = ?node.id(), revision, "revision acknowledged");
            }
        }
        Outcome::Nack {
            type_url,
            resources,
            message,
        } => {
            metrics
                .nacks
                .with_label_values(&[type_url::label(&type_url)])
                .inc();
            let revision = revision(&type_url, &resources);
            tracing::warn!(node = ?node.id(), revision, reason = ?message, "configuration refused");
            if let Some(revision) = revision {
                node.nacked(revision, &message);
            }
        }
        Outcome::Stale => metrics.stale_nonces.inc(),
    }
}

/// The revision that a response carries, if it carries one.
fn revision(type_url: &str, resources: &[Arc<Resource>]) -> Option<u64> {
    let resource = resources.iter().find(|resource| resource.name == ecds::NAME)?;
    let version: Version = resource.version.parse().ok()?;
    (type_url == type_url::EXTENSION).then_some(version.revision)
}

fn connect<P: Protocol>(fleet: &Fleet, request: &P::Request) -> Result<NodeStream, Status> {
    let node = P::node(request).filter(|node| !node.id.is_empty());
    let node = node.ok_or_else(|| status(&Violation::NodeMissing))?;
    if node.id.len() > MAX_NODE_ID_BYTES {
        return Err(Status::invalid_argument(format!(
            "node.id must have at most {MAX_NODE_ID_BYTES} bytes, found {}",
            node.id.len()
        )));
    }
    let version = match &node.user_agent_version_type {
        Some(UserAgentVersionType::UserAgentVersion(version)) => version.clone(),
        Some(UserAgentVersionType::UserAgentBuildVersion(build)) => build
            .version
            .map(|version| {
                format!(
                    "{}.{}.{}",
                    version.major_number, version.minor_number, version.patch
                )
            })
            .unwrap_or_default(),
        None => String::new(),
    };
    let info = NodeInfo {
        id: node.id.clone(),
        user_agent: bounded(node.user_agent_name.clone()),
        version: bounded(version),
    };
    let stream = fleet
        .connect(info)
        .map_err(|error| Status::resource_exhausted(error.to_string()))?;
    tracing::info!(node = ?stream.id(), "node connected");
    Ok(stream)
}

fn bounded(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_INFO_BYTES));
    text
}

fn status(violation: &Violation) -> Status {
    Status::invalid_argument(violation.to_string())
}
