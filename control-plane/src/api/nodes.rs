//! Nodes: every Envoy, and what it applies.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;

use super::{Api, params::Params, problem::Problem};
use crate::fleet::NodeStatus;

/// One page of nodes, by id.
#[derive(Serialize)]
pub(super) struct Page {
    revision: u64,
    total: usize,
    connected: usize,
    in_sync: usize,
    nodes: Vec<NodeStatus>,
    next: Option<String>,
}

pub(super) async fn list(State(api): State<Api>, mut params: Params) -> Result<Json<Page>, Problem> {
    let limit = params.limit();
    let after = params.take("after", |text| Ok(text.to_owned()));
    params.finish()?;
    let mut nodes = api.parts.fleet.nodes();
    nodes.sort_by(|one, other| one.id.cmp(&other.id));
    let total = nodes.len();
    let connected = nodes.iter().filter(|node| node.connected).count();
    let in_sync = nodes.iter().filter(|node| node.connected && node.in_sync).count();
    nodes.retain(|node| after.as_ref().is_none_or(|after| node.id > *after));
    let has_more = nodes.len() > limit;
    nodes.truncate(limit);
    let next = nodes.last().filter(|_| has_more).map(|last| last.id.clone());
    Ok(Json(Page {
        revision: api.parts.state.latest().number,
        total,
        connected,
        in_sync,
        nodes,
        next,
    }))
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<NodeStatus>, Problem> {
    params.finish()?;
    api.parts
        .fleet
        .node(&id)
        .map(Json)
        .ok_or_else(|| Problem::not_found("there is no such node"))
}
