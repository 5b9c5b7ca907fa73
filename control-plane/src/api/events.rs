//! Events: what the filters refused or reported, filtered and page by page.

mod shown;

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::Timestamp;
use secbeat_engine::config::Category;
use serde::Serialize;

use super::{
    Api,
    params::{Params, integer, one_of},
    problem::Problem,
};
use crate::store::{EventQuery, Order};

pub(super) use shown::Shown;

/// One page of events.
#[derive(Serialize)]
pub(super) struct Page {
    events: Vec<Shown>,
    next: Option<u64>,
}

pub(super) async fn list(State(api): State<Api>, mut params: Params) -> Result<Json<Page>, Problem> {
    let order = params.take(
        "order",
        one_of(&[("desc", Order::Descending), ("asc", Order::Ascending)]),
    );
    let limit = params.limit();
    let after = params.take("after", integer(0, u64::MAX));
    let query = EventQuery {
        order: order.unwrap_or_default(),
        limit,
        after,
        ..filters(&mut params)
    };
    params.finish()?;
    let page = api.parts.store.events(query).await?;
    Ok(Json(Page {
        events: page.events.into_iter().map(Shown::from).collect(),
        next: page.next,
    }))
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Shown>, Problem> {
    params.finish()?;
    let found = match id.parse() {
        Ok(id) => api.parts.store.event(id).await?,
        Err(_) => None,
    };
    found
        .map(Shown::from)
        .map(Json)
        .ok_or_else(|| Problem::not_found("there is no such event, or it was pruned"))
}

/// Takes the parameters that say which events are meant.
pub(super) fn filters(params: &mut Params) -> EventQuery {
    let categories = Category::ALL
        .iter()
        .map(|category| (category.as_str(), *category))
        .collect::<Vec<_>>();
    EventQuery {
        blocked: params.take("action", one_of(&[("blocked", true), ("detected", false)])),
        rule: params
            .take("rule", integer(1, u64::from(u32::MAX)))
            .and_then(|rule| u32::try_from(rule).ok()),
        category: params
            .take("category", one_of(&categories))
            .map(|category| category.as_str().to_owned()),
        client: params.take("client", |text| {
            text.parse().map_err(|_| "expected an IP address".to_owned())
        }),
        node: params.take("node", |text| Ok(text.to_owned())),
        request_id: params.take("request_id", |text| Ok(text.to_owned())),
        since: params.take("since", time),
        until: params.take("until", time),
        ..EventQuery::default()
    }
}

fn time(text: &str) -> Result<u64, String> {
    let time = text
        .parse::<Timestamp>()
        .map_err(|_| "expected a time such as 2030-01-31T12:00:00Z".to_owned())?;
    Ok(u64::try_from(time.as_nanosecond()).unwrap_or_default())
}
