//! Events as they come (server-sent events): from the store, so that none is lost between two of them.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::Stream;

use super::{
    Api,
    events::{Shown, filters},
    params::{Params, integer},
    problem::Problem,
};
use crate::store::{EventQuery, Order};

/// Streams at a time; a further one is answered with 503.
pub(super) const MAX_STREAMS: usize = 64;
/// Events read from the store at a time.
const BATCH: usize = 100;
/// How often a silent stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn stream(
    State(api): State<Api>,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    let after = params.take("after", integer(0, u64::MAX));
    let query = filters(&mut params);
    params.finish()?;
    let resumed = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .map(str::parse::<u64>);
    let after =
        match resumed {
            Some(Ok(id)) => Some(id),
            Some(Err(_)) => {
                return Err(
                    Problem::new(StatusCode::BAD_REQUEST, "the header Last-Event-ID is not valid")
                        .with_error("last-event-id", None, "expected an event's id"),
                );
            }
            None => after,
        };
    let permit = Arc::clone(&api.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Problem::busy("too many event streams at a time"))?;
    let after = after.unwrap_or_else(|| *api.parts.store.newest_event().borrow());
    let query = EventQuery {
        order: Order::Ascending,
        limit: BATCH,
        after: Some(after),
        ..query
    };
    let events = follow(api, query, permit);
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

/// Reads on whenever something was stored; ends when the process stops or the store fails.
fn follow(
    api: Api,
    query: EventQuery,
    permit: tokio::sync::OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let newest = api.parts.store.newest_event();
    let begin = (api, query, newest, std::collections::VecDeque::new(), permit);
    futures::stream::unfold(
        begin,
        |(api, mut query, mut newest, mut ready, permit)| async move {
            loop {
                if let Some(shown) = ready.pop_front() {
                    let event = to_event(&shown);
                    return Some((Ok(event), (api, query, newest, ready, permit)));
                }
                let seen = *newest.borrow_and_update();
                if query.after.is_none_or(|after| after < seen) {
                    let page = match api.parts.store.events(query.clone()).await {
                        Ok(page) => page,
                        Err(error) => {
                            tracing::error!(error = %crate::chain(&error), "event stream ended");
                            return None;
                        }
                    };
                    query.after = page
                        .next
                        .or(Some(seen))
                        .max(page.events.last().map(|last| last.id));
                    ready.extend(page.events.into_iter().map(Shown::from));
                    continue;
                }
                tokio::select! {
                    () = api.parts.shutdown.cancelled() => return None,
                    changed = newest.changed() => changed.ok()?,
                }
            }
        },
    )
}

fn to_event(shown: &Shown) -> Event {
    let event = Event::default().event("event").id(shown.id.to_string());
    event.json_data(shown).unwrap_or_default()
}
