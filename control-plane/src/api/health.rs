//! Whether the control plane lives, is ready, and what it depends on. Needs no token, and tells no secret.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use jiff::Timestamp;
use serde::Serialize;

use super::{Api, params::Params, problem::Problem};

/// The answer of `GET /api/v1/health`.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    timestamp: Timestamp,
    uptime_seconds: u64,
    revision: u64,
    dependencies: Dependencies,
}

#[derive(Serialize)]
struct Dependencies {
    store: Store,
    nodes: Nodes,
}

#[derive(Serialize)]
struct Store {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Nodes {
    status: &'static str,
    connected: usize,
    in_sync: usize,
}

pub(super) async fn health(State(api): State<Api>, params: Params) -> Result<impl IntoResponse, Problem> {
    params.finish()?;
    let nodes = api.parts.fleet.nodes();
    let connected = nodes.iter().filter(|node| node.connected).count();
    let in_sync = nodes.iter().filter(|node| node.connected && node.in_sync).count();
    let failure = store_failure(&api).await;
    let is_up = failure.is_none();
    let health = Health {
        status: match (is_up, in_sync == connected) {
            (false, _) => "down",
            (true, false) => "degraded",
            (true, true) => "ok",
        },
        service: "secbeat",
        version: env!("CARGO_PKG_VERSION"),
        timestamp: Timestamp::now(),
        uptime_seconds: api.started.elapsed().as_secs(),
        revision: api.parts.state.latest().number,
        dependencies: Dependencies {
            store: Store {
                status: if is_up { "ok" } else { "down" },
                error: failure,
            },
            nodes: Nodes {
                status: if in_sync == connected { "ok" } else { "degraded" },
                connected,
                in_sync,
            },
        },
    };
    Ok((
        if is_up {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        Json(health),
    ))
}

pub(super) async fn live(params: Params) -> Result<&'static str, Problem> {
    params.finish()?;
    Ok("ok\n")
}

pub(super) async fn ready(State(api): State<Api>, params: Params) -> Result<&'static str, Problem> {
    params.finish()?;
    if api.parts.shutdown.is_cancelled() {
        return Err(Problem::busy("the control plane is stopping"));
    }
    match store_failure(&api).await {
        Some(_) => Err(Problem::busy("the store failed")),
        None => Ok("ok\n"),
    }
}

/// Why the store does not work; a read is tried, for a failed disk may be noticed by nobody else.
async fn store_failure(api: &Api) -> Option<String> {
    let store = &api.parts.store;
    match (store.failure(), store.counts().await) {
        (Some(error), _) | (None, Err(error)) => Some(error.to_string()),
        (None, Ok(_)) => None,
    }
}
