//! What every write has in common: waiting until it is in force, and the answer.

use std::time::Duration;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use secbeat_engine::config::PatternConfig;
use serde::Serialize;

use super::{Api, params::Params};
use crate::{
    change::PackDiff,
    fleet::{Applied, AppliedNode},
    owner::Outcome,
};

/// How long `wait=applied` waits when nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it waits at most.
const MAX_TIMEOUT: Duration = Duration::from_mins(1);

/// Whether, and how long, a write waits until every connected node applies it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait(Option<Duration>);

impl Wait {
    /// Takes `wait` and `timeout`. Comes before the change, so that a wrong value changes nothing.
    pub(super) fn take(params: &mut Params) -> Self {
        let wait = params.take("wait", |text| match text {
            "applied" => Ok(()),
            _ => Err("expected applied".to_owned()),
        });
        let timeout = params.take("timeout", duration);
        if wait.is_none() && timeout.is_some() {
            params.fail("timeout", None, "needs wait=applied".to_owned());
        }
        Self(wait.map(|()| timeout.unwrap_or(DEFAULT_TIMEOUT)))
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text
        .parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok());
    parsed.filter(|duration| *duration <= MAX_TIMEOUT).ok_or_else(|| {
        format!(
            "expected a duration such as 500ms or 5s, at most {}s",
            MAX_TIMEOUT.as_secs()
        )
    })
}

/// The answer of a write.
#[derive(Serialize)]
struct Written {
    success: bool,
    message: String,
    timestamp: Timestamp,
    revision: u64,
    changed: bool,
    patterns_affected: usize,
    ids: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patterns: Option<Vec<PatternConfig>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packs: Option<Vec<PackDiff>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Vec<AppliedNode>>,
}

/// Waits until every connected node applies a revision, or time is up, or the process has to stop.
async fn applied(api: &Api, revision: u64, timeout: Duration) -> Applied {
    let fleet = &api.parts.fleet;
    tokio::select! {
        applied = fleet.wait_applied(revision, timeout) => applied,
        () = api.parts.shutdown.cancelled() => fleet.wait_applied(revision, Duration::ZERO).await,
    }
}

/// What a write's answer shows beside what every one shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// Nothing.
    Nothing,
    /// The patterns as they are now.
    Patterns,
    /// The rule packs that differ.
    Packs,
}

/// Waits if asked to, and words the answer: 200, or 202 when the change is not in force everywhere in time.
pub(super) async fn answer(api: &Api, outcome: Outcome, wait: Wait, show: Show) -> Response {
    let applied = match wait.0 {
        Some(timeout) => Some(applied(api, outcome.revision.number, timeout).await),
        None => None,
    };
    let is_late = applied.as_ref().is_some_and(|applied| !applied.applied);
    let patterns = &outcome.revision.content.patterns;
    let written = Written {
        success: true,
        message: if outcome.is_new {
            outcome.reason
        } else {
            format!("{}: nothing changed", outcome.reason)
        },
        timestamp: Timestamp::now(),
        revision: outcome.revision.number,
        changed: outcome.is_new,
        patterns_affected: outcome.affected.len(),
        patterns: (show == Show::Patterns).then(|| {
            patterns
                .iter()
                .filter(|pattern| outcome.affected.contains(&pattern.id))
                .cloned()
                .collect()
        }),
        packs: (show == Show::Packs).then_some(outcome.packs),
        ids: outcome.affected,
        applied: applied.as_ref().map(|applied| applied.applied),
        nodes: applied.map(|applied| applied.nodes),
    };
    (
        if is_late {
            StatusCode::ACCEPTED
        } else {
            StatusCode::OK
        },
        Json(written),
    )
        .into_response()
}
