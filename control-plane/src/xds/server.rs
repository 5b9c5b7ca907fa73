//! The listener that Envoys connect to: discovery and reports on one port, and the work that goes on beside them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tonic::transport;

use super::{module::Module, service::Discovery, session::Context, snapshot::Snapshot};
use crate::{
    events::EventSink, fleet::Fleet, last_known_good::LastKnownGood, listener::BoundedListener,
    report::ReportService, revision::Revision,
};

/// How often an idle connection is probed, and how long the answer may take. Half-open connections would keep a
/// node "connected" for hours.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// How often the fleet looks for what is due with time.
const TICK: Duration = Duration::from_millis(100);
/// How often the fleet's gauges are brought up to date.
const MEASURE: Duration = Duration::from_secs(1);
/// Streams of one connection. Envoy needs one for discovery and one for each report in flight.
const MAX_STREAMS: u32 = 1_024;

/// What the xDS server has to know from the settings.
#[derive(Debug, Clone)]
pub struct Options {
    /// The filter module, by the path by which Envoy opens it.
    pub wasm_module: PathBuf,
    /// Bootstraps that are rendered with the last known good policy.
    pub bootstrap_templates: Vec<PathBuf>,
    /// Folder for the last known good policy and the rendered bootstraps.
    pub storage: PathBuf,
}

/// Why the xDS server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The first revision cannot be encoded.
    #[error("revision cannot be encoded")]
    Encode(#[from] serde_json::Error),
    /// The listener failed.
    #[error("xds listener failed")]
    Transport(#[from] transport::Error),
}

/// Serves discovery and reports until `shutdown`; returns when every stream has ended.
///
/// Everything runs within this future, apart from the connections, which the transport owns.
pub async fn serve<S: EventSink>(
    listener: TcpListener,
    options: Options,
    mut revisions: watch::Receiver<Arc<Revision>>,
    fleet: Fleet,
    sink: S,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let mut module = Module::new(options.wasm_module);
    let first = Snapshot::new(Arc::clone(&revisions.borrow_and_update()), &mut module)?;
    fleet.publish(first.revision().number);
    let (publisher, snapshots) = watch::channel(Arc::new(first));
    let last_known_good = LastKnownGood::new(options.storage, options.bootstrap_templates);

    let context = Context {
        fleet: fleet.clone(),
        snapshots: snapshots.clone(),
        shutdown: shutdown.clone(),
    };
    let incoming = BoundedListener::for_envoys(listener).incoming();
    let transport = transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .max_concurrent_streams(MAX_STREAMS)
        .add_service(Discovery::new(context))
        .add_service(ReportService::new(fleet.clone(), sink))
        .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());

    let beside = async {
        tokio::join!(
            publish(revisions, publisher, module, &fleet),
            every(TICK, || fleet.tick()),
            every(MEASURE, || fleet.measure()),
            last_known_good.follow(snapshots, &fleet),
        )
    };
    // What goes on beside the listener never ends by itself, but it ends with it.
    let served = async {
        tokio::select! {
            served = transport => served,
            _ = beside => Ok(()),
        }
    };
    Ok(served.await?)
}

/// Turns each new revision into a snapshot. Revisions that come while one is being encoded are skipped but for the
/// last.
async fn publish(
    mut revisions: watch::Receiver<Arc<Revision>>,
    publisher: watch::Sender<Arc<Snapshot>>,
    mut module: Module,
    fleet: &Fleet,
) {
    while revisions.changed().await.is_ok() {
        let revision = Arc::clone(&revisions.borrow_and_update());
        let number = revision.number;
        match Snapshot::new(revision, &mut module) {
            Ok(snapshot) => {
                fleet.publish(number);
                publisher.send_replace(Arc::new(snapshot));
                tracing::info!(revision = number, "snapshot published");
            }
            Err(error) => tracing::error!(revision = number, %error, "revision cannot be encoded"),
        }
    }
    // The owner of state has ended; what was published last stays.
    std::future::pending::<()>().await;
}

async fn every(period: Duration, work: impl Fn()) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work();
    }
}
