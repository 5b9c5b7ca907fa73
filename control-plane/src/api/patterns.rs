//! Patterns: list, show, add, replace, alter, remove.

mod input;

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use secbeat_engine::config::{Category, PatternConfig};
use serde::Serialize;

use super::{
    Api,
    body::{Body, NoBody},
    params::{Params, integer, one_of},
    problem::Problem,
    write::{Show, Wait, answer},
};
use crate::{
    change::{Change, FieldError},
    revision::Content,
};

/// A pattern in force, and where it comes from.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    pattern: PatternConfig,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pack: Option<String>,
}

/// One page of patterns, by ascending id.
#[derive(Serialize)]
pub(super) struct Page {
    revision: u64,
    total: usize,
    patterns: Vec<Listed>,
    next: Option<u32>,
}

/// Where patterns come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Api,
    Pack,
}

pub(super) async fn list(State(api): State<Api>, mut params: Params) -> Result<Json<Page>, Problem> {
    let limit = params.limit();
    let after = params
        .take("after", integer(0, u64::from(u32::MAX)))
        .unwrap_or_default();
    let categories = Category::ALL
        .iter()
        .map(|category| (category.as_str(), *category))
        .collect::<Vec<_>>();
    let category = params.take("category", one_of(&categories));
    let source = params.take("source", one_of(&[("api", Source::Api), ("pack", Source::Pack)]));
    let pack = params.take("pack", |name| Ok(name.to_owned()));
    params.finish()?;
    let revision = api.parts.state.latest();
    let mut all = everything(&revision.content)
        .filter(|(from, pattern)| {
            category.is_none_or(|category| pattern.category == category)
                && source.is_none_or(|source| (source == Source::Pack) == from.is_some())
                && pack.as_deref().is_none_or(|pack| *from == Some(pack))
        })
        .collect::<Vec<_>>();
    all.sort_by_key(|(_, pattern)| pattern.id);
    let total = all.len();
    let mut rest = all
        .into_iter()
        .filter(|(_, pattern)| u64::from(pattern.id) > after);
    let patterns = rest.by_ref().take(limit).map(listed).collect::<Vec<_>>();
    let next = rest
        .next()
        .and_then(|_| patterns.last().map(|last| last.pattern.id));
    Ok(Json(Page {
        revision: revision.number,
        total,
        patterns,
        next,
    }))
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<impl Serialize>, Problem> {
    params.finish()?;
    let id = input::id(&id)?;
    let revision = api.parts.state.latest();
    let found = everything(&revision.content)
        .find(|(_, pattern)| pattern.id == id)
        .map(listed);
    found
        .map(Json)
        .ok_or_else(|| Problem::not_found(format!("there is no pattern {id}")))
}

pub(super) async fn add(
    State(api): State<Api>,
    mut params: Params,
    Body(body): Body,
) -> Result<Response, Problem> {
    let wait = Wait::take(&mut params);
    params.finish()?;
    let (shape, patterns) = input::patterns(&body)?;
    let change = api.parts.state.change(Change::Add(patterns)).await;
    let outcome = change.map_err(|error| Problem::from_change(error, |error| shape.place(error)))?;
    Ok(answer(&api, outcome, wait, Show::Patterns).await)
}

pub(super) async fn remove_text(
    State(api): State<Api>,
    mut params: Params,
    Body(body): Body,
) -> Result<Response, Problem> {
    let wait = Wait::take(&mut params);
    params.finish()?;
    let (text, category) = input::text(&body)?;
    let change = api.parts.state.change(Change::RemoveText(text, category)).await;
    let outcome = change.map_err(|error| Problem::from_change(error, whole))?;
    Ok(answer(&api, outcome, wait, Show::Nothing).await)
}

pub(super) async fn put(
    State(api): State<Api>,
    Path(id): Path<String>,
    mut params: Params,
    Body(body): Body,
) -> Result<Response, Problem> {
    let wait = Wait::take(&mut params);
    params.finish()?;
    let pattern = input::pattern(input::id(&id)?, &body)?;
    let change = api.parts.state.change(Change::Put(Box::new(pattern))).await;
    let outcome = change.map_err(|error| Problem::from_change(error, whole))?;
    Ok(answer(&api, outcome, wait, Show::Patterns).await)
}

pub(super) async fn patch(
    State(api): State<Api>,
    Path(id): Path<String>,
    mut params: Params,
    Body(body): Body,
) -> Result<Response, Problem> {
    let wait = Wait::take(&mut params);
    params.finish()?;
    let id = input::id(&id)?;
    let change = api
        .parts
        .state
        .change(Change::Patch(id, Box::new(input::patch(id, &body)?)))
        .await;
    let outcome = change.map_err(|error| Problem::from_change(error, whole))?;
    Ok(answer(&api, outcome, wait, Show::Patterns).await)
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(id): Path<String>,
    mut params: Params,
    _: NoBody,
) -> Result<Response, Problem> {
    let wait = Wait::take(&mut params);
    params.finish()?;
    let change = api.parts.state.change(Change::Remove(input::id(&id)?)).await;
    let outcome = change.map_err(|error| Problem::from_change(error, whole))?;
    Ok(answer(&api, outcome, wait, Show::Nothing).await)
}

/// The place of an error in a request that is one pattern.
fn whole(error: &FieldError) -> String {
    error.field.clone()
}

fn everything(content: &Content) -> impl Iterator<Item = (Option<&str>, &PatternConfig)> {
    let packs = content.packs.iter();
    let packs = packs.flat_map(|pack| {
        pack.patterns
            .iter()
            .map(|pattern| (Some(pack.name.as_str()), pattern))
    });
    packs.chain(content.patterns.iter().map(|pattern| (None, pattern)))
}

fn listed((pack, pattern): (Option<&str>, &PatternConfig)) -> Listed {
    Listed {
        pattern: pattern.clone(),
        source: if pack.is_some() { "pack" } else { "api" },
        pack: pack.map(str::to_owned),
    }
}
