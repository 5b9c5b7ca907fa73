//! Reads events: filtered, in either order, page by page.

use std::net::IpAddr;

use prost::Message;
use redb::ReadTransaction;
use secbeat_engine::report::Event;

use super::{StoreError, StoredEvent, tables::EVENTS};

/// Events looked at for one page. A rare filter on a large store gives short pages; `next` goes on.
const MAX_SCANNED: usize = 100_000;

/// Which way events are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Newest first.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// What to list. What is absent is no condition.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// Which way.
    pub order: Order,
    /// The last event of the page before.
    pub after: Option<u64>,
    /// Events of one page.
    pub limit: usize,
    /// Refused requests only, or others only.
    pub blocked: Option<bool>,
    /// Requests that this rule matched.
    pub rule: Option<u32>,
    /// Requests that a rule of this category matched.
    pub category: Option<String>,
    /// Requests of this client.
    pub client: Option<IpAddr>,
    /// Requests that passed this Envoy.
    pub node: Option<String>,
    /// The request with this id.
    pub request_id: Option<String>,
    /// At this time or later, in nanoseconds since 1970.
    pub since: Option<u64>,
    /// Before this time, in nanoseconds since 1970.
    pub until: Option<u64>,
}

impl EventQuery {
    fn matches(&self, stored: &StoredEvent, event: &Event) -> bool {
        self.blocked.is_none_or(|blocked| event.blocked == blocked)
            && self
                .rule
                .is_none_or(|rule| event.matches.iter().any(|found| found.rule == rule))
            && self
                .category
                .as_ref()
                .is_none_or(|name| event.matches.iter().any(|found| found.category == *name))
            && self
                .client
                .is_none_or(|client| event.client.parse() == Ok(client))
            && self.node.as_ref().is_none_or(|node| stored.node == *node)
            && self.request_id.as_ref().is_none_or(|id| event.request_id == *id)
            && self.since.is_none_or(|since| event.time >= since)
            && self.until.is_none_or(|until| event.time < until)
    }
}

/// One page of events.
#[derive(Debug, Clone, Default)]
pub struct EventPage {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// Where the next page starts; absent at the end.
    pub next: Option<u64>,
}

pub(super) fn one(transaction: &ReadTransaction, id: u64) -> Result<Option<StoredEvent>, StoreError> {
    match transaction.open_table(EVENTS)?.get(id)? {
        Some(found) => decode(id, found.value()).map(Some),
        None => Ok(None),
    }
}

pub(super) fn page(transaction: &ReadTransaction, query: &EventQuery) -> Result<EventPage, StoreError> {
    let events = transaction.open_table(EVENTS)?;
    match query.order {
        Order::Descending => collect(query, events.range(..query.after.unwrap_or(u64::MAX))?.rev()),
        Order::Ascending => collect(
            query,
            events.range(query.after.map_or(0, |after| after.saturating_add(1))..)?,
        ),
    }
}

type Entry<'a> = (redb::AccessGuard<'a, u64>, redb::AccessGuard<'a, &'static [u8]>);

fn collect<'a>(
    query: &EventQuery,
    entries: impl Iterator<Item = Result<Entry<'a>, redb::StorageError>>,
) -> Result<EventPage, StoreError> {
    let mut page = EventPage::default();
    let mut last = None;
    for (scanned, entry) in entries.enumerate() {
        if page.events.len() >= query.limit || scanned >= MAX_SCANNED {
            page.next = last;
            break;
        }
        let (id, found) = entry?;
        let id = id.value();
        let stored = decode(id, found.value())?;
        if stored
            .event
            .as_ref()
            .is_some_and(|event| query.matches(&stored, event))
        {
            page.events.push(stored);
        }
        last = Some(id);
    }
    Ok(page)
}

fn decode(id: u64, bytes: &[u8]) -> Result<StoredEvent, StoreError> {
    let mut stored =
        StoredEvent::decode(bytes).map_err(|error| StoreError::corrupt("events", &id, &error))?;
    stored.id = id;
    Ok(stored)
}
