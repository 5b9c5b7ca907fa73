//! Revisions: what was in force when, by whom, and why.

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::Timestamp;
use secbeat_engine::config::Mode;
use serde::Serialize;

use super::{
    Api,
    params::{Params, integer},
    problem::Problem,
};
use crate::revision::Revision;

/// A revision without its content.
#[derive(Serialize)]
struct Summary {
    number: u64,
    hash: String,
    author: String,
    reason: String,
    created: Timestamp,
    mode: Mode,
    patterns: usize,
    in_force: bool,
}

/// One page of revisions, newest first.
#[derive(Serialize)]
pub(super) struct Page {
    revisions: Vec<Summary>,
    next: Option<u64>,
}

pub(super) async fn list(State(api): State<Api>, mut params: Params) -> Result<Json<Page>, Problem> {
    let limit = params.limit();
    let after = params.take("after", integer(1, u64::MAX));
    params.finish()?;
    let latest = api.parts.state.latest().number;
    let mut found = api.parts.store.revisions(after, limit + 1).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|last| last.number);
    let revisions = found
        .into_iter()
        .map(|revision| summary(revision, latest))
        .collect();
    Ok(Json(Page { revisions, next }))
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(number): Path<String>,
    params: Params,
) -> Result<Json<Revision>, Problem> {
    params.finish()?;
    let found = match number.parse() {
        Ok(number) => api.parts.store.revision(number).await?,
        Err(_) => None,
    };
    found
        .map(Json)
        .ok_or_else(|| Problem::not_found("there is no such revision, or it was pruned"))
}

fn summary(revision: Revision, latest: u64) -> Summary {
    let content = &revision.content;
    Summary {
        number: revision.number,
        mode: content.mode,
        patterns: content
            .packs
            .iter()
            .map(|pack| pack.patterns.len())
            .sum::<usize>()
            + content.patterns.len(),
        in_force: revision.number == latest,
        hash: revision.hash,
        author: revision.author,
        reason: revision.reason,
        created: revision.created,
    }
}
