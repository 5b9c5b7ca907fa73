//! Request bodies: bounded, JSON only, read whole before anything is decided.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, Method, StatusCode, header},
};
use futures::StreamExt as _;
use serde_json::Value;

use super::{Api, problem::Problem};

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a body over its limit that are read and thrown away, so that the client sees the answer rather than a
/// broken connection.
const DRAINED: usize = 16 * 1024 * 1024;

/// A JSON body.
#[derive(Debug)]
pub(super) struct Body(pub(super) Value);

/// The absence of a body; an empty JSON object counts as none.
#[derive(Debug)]
pub(super) struct NoBody;

impl FromRequest<Api> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        check_type(request.headers(), request.method())?;
        let bytes = read(request, api.parts.max_body_bytes).await?;
        crate::json::parse(&bytes).map(Self).map_err(|reason| {
            Problem::new(StatusCode::BAD_REQUEST, "the body is not JSON").with_error("", None, reason)
        })
    }
}

impl FromRequest<Api> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let bytes = read(request, api.parts.max_body_bytes).await?;
        match crate::json::parse(&bytes) {
            _ if bytes.trim_ascii().is_empty() => Ok(Self),
            Ok(Value::Object(fields)) if fields.is_empty() => Ok(Self),
            _ => Err(
                Problem::new(StatusCode::BAD_REQUEST, "this takes no body").with_error(
                    "",
                    None,
                    "expected no body",
                ),
            ),
        }
    }
}

fn check_type(headers: &HeaderMap, method: &Method) -> Result<(), Problem> {
    let found = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    let is_merge = *method == Method::PATCH && essence.eq_ignore_ascii_case("application/merge-patch+json");
    if essence.eq_ignore_ascii_case("application/json") || is_merge {
        return Ok(());
    }
    let found = (!found.is_empty()).then(|| crate::change::bounded(found));
    Err(
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be JSON").with_error(
            "content-type",
            found,
            "expected application/json",
        ),
    )
}

async fn read(request: Request, limit: usize) -> Result<Bytes, Problem> {
    match tokio::time::timeout(PATIENCE, collect(request, limit)).await {
        Ok(result) => result,
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body took too long to arrive",
        )),
    }
}

async fn collect(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let mut stream = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    let mut total = 0_usize;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, "the body broke off").with_error(
                "",
                None,
                error.to_string(),
            )
        })?;
        total = total.saturating_add(chunk.len());
        if total <= limit {
            bytes.extend_from_slice(&chunk);
        } else if total > limit.saturating_add(DRAINED) {
            break;
        }
    }
    if total > limit {
        let reason = format!("must be at most {limit} bytes");
        return Err(
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large").with_error("", None, reason),
        );
    }
    Ok(Bytes::from(bytes))
}
