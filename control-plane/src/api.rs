//! The REST API: HTTP in, changes and questions to the rest of the control plane out.
//!
//! ```text
//! request ─▶ envelope (request id, metrics, problem+json) ─▶ auth ─▶ handler ─▶ owner of state, store, fleet
//! ```
//!
//! Only this module and those below it know HTTP. A handler decides nothing: it reads the whole request, asks,
//! and words the answer. Whatever goes wrong becomes a [`problem::Problem`], and only the envelope writes those.

mod auth;
mod body;
mod envelope;
mod events;
mod health;
mod mode;
mod nodes;
mod params;
mod patterns;
mod problem;
mod reload;
mod revisions;
mod scrape;
mod status;
mod stream;
mod test;
mod write;

use std::{sync::Arc, time::Instant};

use axum::{
    Router, middleware,
    routing::{get, post},
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{fleet::Fleet, metrics::Metrics, owner::State, store::Store};

pub use auth::{Auth, AuthError};

/// Requests that are served at a time; a further one is answered with 503.
const MAX_REQUESTS: usize = 512;

/// What the API reaches.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The owner of state.
    pub state: State,
    /// The store.
    pub store: Store,
    /// The fleet.
    pub fleet: Fleet,
    /// Metrics.
    pub metrics: Metrics,
    /// Who may ask.
    pub auth: Arc<Auth>,
    /// Bytes of a request body that are taken.
    pub max_body_bytes: usize,
    /// Whether `/metrics` answers without a token.
    pub public_metrics: bool,
    /// Cancelled when the process was told to stop.
    pub shutdown: CancellationToken,
}

/// State of the router.
#[derive(Debug, Clone)]
struct Api {
    parts: Parts,
    started: Instant,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    bench: Arc<test::Bench>,
}

/// Builds the router.
pub fn router(parts: Parts) -> Router {
    let api = Api {
        parts,
        started: Instant::now(),
        requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
        streams: Arc::new(Semaphore::new(stream::MAX_STREAMS)),
        bench: Arc::default(),
    };
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(scrape::metrics))
        .route("/api/v1/health", get(health::health))
        .route("/api/v1/status/waf", get(status::waf))
        .route(
            "/api/v1/waf/patterns",
            get(patterns::list)
                .post(patterns::add)
                .delete(patterns::remove_text),
        )
        .route(
            "/api/v1/waf/patterns/{id}",
            get(patterns::show)
                .put(patterns::put)
                .patch(patterns::patch)
                .delete(patterns::remove),
        )
        .route(
            "/api/v1/waf/mode",
            get(mode::show).put(mode::put).delete(mode::reset),
        )
        .route("/api/v1/waf/test", post(test::test))
        .route("/api/v1/waf/reload", post(reload::reload))
        .route("/api/v1/revisions", get(revisions::list))
        .route("/api/v1/revisions/{number}", get(revisions::show))
        .route("/api/v1/nodes", get(nodes::list))
        .route("/api/v1/nodes/{id}", get(nodes::show))
        .route("/api/v1/events", get(events::list))
        .route("/api/v1/events/stream", get(stream::stream))
        .route("/api/v1/events/{id}", get(events::show))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(middleware::from_fn_with_state(api.clone(), auth::check))
        .layer(middleware::from_fn_with_state(api.clone(), envelope::wrap))
        .with_state(api)
}
