//! What every request passes first and every answer last: request id, bounds, metrics, problem+json.

use std::{panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;

use super::{Api, problem::Problem};
use crate::revision::hex;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) async fn wrap(State(api): State<Api>, request: Request, next: Next) -> Response {
    let id = hex(&rand::random::<[u8; 16]>());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let begin = Instant::now();
    let mut response = match api.requests.try_acquire() {
        // A panic is a bug; it costs its own request and no other.
        Ok(_permit) => AssertUnwindSafe(next.run(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                tracing::error!(request_id = id, route, "a handler panicked");
                Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the request failed because of a defect in SecBeat",
                )
                .into_response()
            }),
        Err(_) => Problem::busy("too many requests at a time").into_response(),
    };
    if response.status().is_client_error() || response.status().is_server_error() {
        response = refuse(response, &id);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let status = response.status().as_u16();
    api.parts
        .metrics
        .api_request(&route, &method, status, begin.elapsed());
    tracing::debug!(request_id = id, %method, route, status, "request served");
    response
}

/// Writes a refusal as problem+json and keeps what its headers say.
fn refuse(mut response: Response, id: &str) -> Response {
    let mut written = Problem::of(&mut response).render(id);
    for name in [header::ALLOW, header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
        if let Some(value) = response.headers_mut().remove(&name) {
            written.headers_mut().entry(name).or_insert(value);
        }
    }
    written
}
