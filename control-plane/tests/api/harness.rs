//! The API's router on a store in a folder of the test, without a socket.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails, wherever it is"
)]

use std::{fs, ops::RangeInclusive, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, BodyDataStream},
    http::{HeaderMap, Request, StatusCode},
};
use futures::StreamExt as _;
use secbeat::{
    api::{self, Auth, Parts},
    events::EventSink as _,
    fleet::{self, Fleet},
    metrics::Metrics,
    owner::Owner,
    settings::WafSettings,
    store::{Retention, Store},
};
use secbeat_engine::report::{Event, EventMatch, ReportRequest};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const MAX_BODY: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Harness {
    folder: TempDir,
    router: Router,
    store: Store,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rules")).unwrap();
        let pack = "[pack]\nname = \"local\"\nversion = 1\n[[pattern]]\nid = 100\nname = \"local\"\npattern = \"local-word\"\n";
        fs::write(folder.path().join("rules/local.toml"), pack).unwrap();
        Self::open(folder).await
    }

    /// Ends everything, and starts it again on the same store.
    pub(crate) async fn restart(self) -> Self {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
        let Self {
            folder,
            router,
            store,
            ..
        } = self;
        drop((router, store));
        Self::open(folder).await
    }

    async fn open(folder: TempDir) -> Self {
        let retention = Retention {
            events: 1_000,
            revisions: 100,
        };
        let store = Store::open(&folder.path().join("secbeat.redb"), retention)
            .await
            .unwrap();
        let settings = WafSettings {
            packs: Vec::new(),
            rules_dir: Some(folder.path().join("rules")),
            ..WafSettings::default()
        };
        let (owner, state) = Owner::start(store.clone(), settings).await.unwrap();
        let shutdown = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(owner.run(shutdown.clone()));
        let metrics = Metrics::new().unwrap();
        let fleet = Fleet::new(fleet::Metrics::new(metrics.registry()).unwrap());
        let router = api::router(Parts {
            state,
            store: store.clone(),
            fleet,
            metrics,
            auth: Arc::new(Auth::new(TOKEN)),
            max_body_bytes: MAX_BODY,
            public_metrics: false,
            shutdown: shutdown.clone(),
        });
        Self {
            folder,
            router,
            store,
            shutdown,
            tasks,
        }
    }

    pub(crate) fn stop(&self) {
        self.shutdown.cancel();
    }

    pub(crate) fn write_pack(&self, text: &str) {
        fs::write(self.folder.path().join("rules/local.toml"), text).unwrap();
    }

    pub(crate) fn anonymous(method: &str, path: &str) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap()
    }

    pub(crate) fn request(method: &str, path: &str, body: &Value) -> Request<Body> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {TOKEN}"));
        match body {
            Value::Null => request.body(Body::empty()).unwrap(),
            body => request
                .header("content-type", "application/json")
                .body(body.to_string().into())
                .unwrap(),
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        assert!(parts.headers.contains_key("x-request-id"));
        (parts.status, parts.headers, json)
    }

    /// Sends what must succeed with 200.
    pub(crate) async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, _, answer) = self.send(Self::request(method, path, &body)).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {answer}");
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ok("GET", path, Value::Null).await
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let response = self
            .router
            .clone()
            .oneshot(Self::request("GET", path, &Value::Null))
            .await
            .unwrap();
        let bytes = axum::body::to_bytes(response.into_body(), 64 << 20)
            .await
            .unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// Sends what must be refused with a whole problem document.
    pub(crate) async fn refused(&self, method: &str, path: &str, body: Value, status: StatusCode) -> Value {
        let (found, headers, problem) = self.send(Self::request(method, path, &body)).await;
        assert_eq!(found, status, "{method} {path}: {problem}");
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(problem["status"], status.as_u16());
        assert_eq!(problem["success"], false);
        for key in ["type", "title", "detail", "message", "request_id"] {
            assert!(
                problem[key].as_str().is_some_and(|text| !text.is_empty()),
                "{key}: {problem}"
            );
        }
        assert_eq!(headers["x-request-id"], problem["request_id"].as_str().unwrap());
        problem
    }

    pub(crate) async fn revision(&self) -> u64 {
        self.get("/api/v1/status/waf").await["revision"].as_u64().unwrap()
    }

    /// Stores events as the report service does; those with an even number were refused.
    pub(crate) async fn report(&self, instance: u64, numbers: RangeInclusive<u64>, client: &str) -> u64 {
        let events = numbers.map(|seq| Event {
            seq,
            time: seq * 1_000_000_000,
            blocked: seq % 2 == 0,
            client: client.to_owned(),
            path: b"/a\xff".to_vec(),
            matches: vec![EventMatch {
                rule: 7_001_000 + u32::try_from(seq).unwrap(),
                category: "sql_injection".to_owned(),
                ..EventMatch::default()
            }],
            ..Event::default()
        });
        let report = ReportRequest {
            instance,
            node: "n".to_owned(),
            events: events.collect(),
            ..ReportRequest::default()
        };
        self.store.append(&report).await.unwrap()
    }

    pub(crate) async fn stream(&self, path: &str) -> Stream {
        let response = self
            .router
            .clone()
            .oneshot(Self::request("GET", path, &Value::Null))
            .await
            .unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }
}

pub(crate) struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    /// The ids of the next events.
    pub(crate) async fn ids(&mut self, count: usize) -> Vec<u64> {
        let read = async {
            while self.text.matches("\n\n").count() < count {
                self.text
                    .push_str(std::str::from_utf8(&self.body.next().await.unwrap().unwrap()).unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap();
        let text = std::mem::take(&mut self.text);
        text.lines()
            .filter_map(|line| line.strip_prefix("id: "))
            .map(|id| id.parse().unwrap())
            .collect()
    }

    pub(crate) async fn is_over(&mut self) -> bool {
        tokio::time::timeout(PATIENCE, self.body.next())
            .await
            .unwrap()
            .is_none()
    }
}

/// The fields that a problem complains about.
pub(crate) fn fields(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect()
}
