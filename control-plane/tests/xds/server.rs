//! A server of its own for each test, on a free port, with a sink that a test can make fail.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use secbeat::{
    events::{EventSink, StoreError},
    fleet::{Fleet, Metrics},
    revision::{Content, Revision},
    xds::{self, Options, ServeError},
};
use secbeat_engine::{config::PatternConfig, report::ReportRequest};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::{Channel, Endpoint};

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A running server.
pub(crate) struct Server {
    pub(crate) fleet: Fleet,
    pub(crate) sink: Sink,
    endpoint: Endpoint,
    content: Content,
    revisions: watch::Sender<Arc<Revision>>,
    shutdown: CancellationToken,
    task: Option<JoinHandle<Result<(), ServeError>>>,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server that serves an empty policy.
    pub(crate) async fn start(revision: u64) -> Self {
        Self::start_with_patterns(revision, 0).await
    }

    /// Starts a server that serves a policy with so many patterns.
    pub(crate) async fn start_with_patterns(revision: u64, patterns: u32) -> Self {
        let pattern = |id| PatternConfig {
            id,
            pattern: format!("pattern number {id}"),
            ..PatternConfig::default()
        };
        let content = Content {
            patterns: (1..=patterns).map(pattern).collect(),
            ..Content::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let fleet = Fleet::new(Metrics::new(&prometheus::Registry::new()).unwrap());
        let sink = Sink::default();
        let (revisions, receiver) = watch::channel(make(revision, &content));
        let shutdown = CancellationToken::new();
        let options = Options {
            wasm_module: PathBuf::from("filter.wasm"),
            bootstrap_templates: Vec::new(),
            storage: folder.path().to_owned(),
        };
        let serving = xds::serve(
            listener,
            options,
            receiver,
            fleet.clone(),
            sink.clone(),
            shutdown.clone(),
        );
        let task = Some(TaskTracker::new().spawn(serving));
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self {
            fleet,
            sink,
            endpoint,
            content,
            revisions,
            shutdown,
            task,
            folder,
        }
    }

    /// A connection of its own.
    pub(crate) async fn channel(&self) -> Channel {
        timeout(DEADLINE, self.endpoint.connect()).await.unwrap().unwrap()
    }

    /// Publishes a revision.
    pub(crate) fn publish(&self, revision: u64) {
        self.revisions.send_replace(make(revision, &self.content));
    }

    /// Where the server writes.
    pub(crate) fn storage(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Waits for a condition.
    pub(crate) async fn wait(&self, what: &str, condition: impl Fn(&Fleet) -> bool) {
        let waiting = async {
            while !condition(&self.fleet) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(
            timeout(DEADLINE, waiting).await.is_ok(),
            "waited in vain for {what}"
        );
    }

    /// Ends the server and waits for it.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        let task = self.task.take().unwrap();
        timeout(DEADLINE, task).await.unwrap().unwrap().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn make(number: u64, content: &Content) -> Arc<Revision> {
    Arc::new(Revision::new(
        number,
        "test",
        "test",
        Timestamp::UNIX_EPOCH,
        content.clone(),
    ))
}

/// Keeps the events in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sink {
    state: Arc<Mutex<(bool, Vec<u64>)>>,
}

impl Sink {
    /// Makes the sink fail, or not.
    pub(crate) fn fail(&self, fails: bool) {
        self.state.lock().unwrap().0 = fails;
    }

    /// The sequence numbers that were stored.
    pub(crate) fn seqs(&self) -> Vec<u64> {
        self.state.lock().unwrap().1.clone()
    }
}

impl EventSink for Sink {
    async fn append(&self, report: &ReportRequest) -> Result<u64, StoreError> {
        let mut state = self.state.lock().unwrap();
        if state.0 {
            return Err(StoreError::Closed);
        }
        state.1.extend(report.events.iter().map(|event| event.seq));
        Ok(state.1.last().copied().unwrap_or_default())
    }
}
