//! What is in force, in numbers.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use secbeat_engine::config::{Category, Mode, Scoring};
use serde::Serialize;

use super::{Api, params::Params, problem::Problem};
use crate::{fleet::FleetTotals, revision::Content};

/// The answer of `GET /api/v1/status/waf`.
#[derive(Serialize)]
pub(super) struct WafStatus {
    enabled: bool,
    mode: Mode,
    revision: u64,
    hash: String,
    scoring: Scoring,
    sql_patterns: usize,
    xss_patterns: usize,
    path_traversal_patterns: usize,
    command_injection_patterns: usize,
    custom_patterns: usize,
    total_patterns: usize,
    api_patterns: usize,
    categories: BTreeMap<&'static str, usize>,
    packs: Vec<Pack>,
    hits: FleetTotals,
    nodes: Nodes,
}

#[derive(Serialize)]
struct Pack {
    name: String,
    version: u32,
    patterns: usize,
}

#[derive(Serialize)]
struct Nodes {
    total: usize,
    connected: usize,
    in_sync: usize,
}

pub(super) async fn waf(State(api): State<Api>, params: Params) -> Result<Json<WafStatus>, Problem> {
    params.finish()?;
    let revision = api.parts.state.latest();
    let content = &revision.content;
    let categories = by_category(content);
    let count = |category: Category| categories.get(category.as_str()).copied().unwrap_or_default();
    let nodes = api.parts.fleet.nodes();
    let packs = content.packs.iter();
    Ok(Json(WafStatus {
        enabled: content.mode != Mode::Off,
        mode: content.mode,
        revision: revision.number,
        hash: revision.hash.clone(),
        scoring: content.scoring.clone(),
        sql_patterns: count(Category::SqlInjection),
        xss_patterns: count(Category::Xss),
        path_traversal_patterns: count(Category::PathTraversal),
        command_injection_patterns: count(Category::CommandInjection),
        custom_patterns: count(Category::Custom),
        total_patterns: categories.values().sum(),
        api_patterns: content.patterns.len(),
        packs: packs
            .map(|pack| Pack {
                name: pack.name.clone(),
                version: pack.version,
                patterns: pack.patterns.len(),
            })
            .collect(),
        hits: api.parts.fleet.totals(),
        nodes: Nodes {
            total: nodes.len(),
            connected: nodes.iter().filter(|node| node.connected).count(),
            in_sync: nodes.iter().filter(|node| node.connected && node.in_sync).count(),
        },
        categories,
    }))
}

/// Counts the patterns in force by category; every category is there.
pub(super) fn by_category(content: &Content) -> BTreeMap<&'static str, usize> {
    let mut counts = Category::ALL
        .iter()
        .map(|category| (category.as_str(), 0))
        .collect::<BTreeMap<_, _>>();
    for pattern in content
        .packs
        .iter()
        .flat_map(|pack| &pack.patterns)
        .chain(&content.patterns)
    {
        if pattern.enabled {
            *counts.entry(pattern.category.as_str()).or_default() += 1;
        }
    }
    counts
}
