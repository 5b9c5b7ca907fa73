//! One stored event, and what a report turns into before it is written.

use jiff::Timestamp;
use prost::Message;
use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};
use secbeat_engine::report::{Event, ReportRequest};

use super::{
    StoreError,
    tables::{EVENTS, EVENTS_PRUNED, INSTANCES, NEWEST_EVENT, NUMBERS, count, prune},
};

/// Filter instances whose high-water marks are kept; beyond it the quarter goes that was silent longest.
const MAX_INSTANCES: u64 = 16_384;
/// Matches and categories kept of one event, bytes kept of its long and of its short fields. The filter keeps to smaller
/// bounds; these are for reports that come from elsewhere.
const MAX_MATCHES: usize = 32;
const MAX_CATEGORIES: usize = 32;
const MAX_LONG: usize = 2_048;
const MAX_SHORT: usize = 256;

/// One event as it is stored.
#[derive(Clone, PartialEq, Message)]
pub struct StoredEvent {
    /// Given by the store, ascending in the order of arrival; kept in the key, not in the record.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Envoy's node id.
    #[prost(string, tag = "2")]
    pub node: String,
    /// The filter instance that saw the request.
    #[prost(fixed64, tag = "3")]
    pub instance: u64,
    /// When it arrived, in nanoseconds since 1970.
    #[prost(fixed64, tag = "4")]
    pub received: u64,
    /// What the filter reported.
    #[prost(message, optional, tag = "5")]
    pub event: Option<Event>,
}

/// The events of one report, on their way to the writer.
#[derive(Debug)]
pub(super) struct Batch {
    instance: u64,
    received: u64,
    events: Vec<StoredEvent>,
}

impl Batch {
    pub(super) fn new(report: &ReportRequest, received: Timestamp) -> Self {
        let received = u64::try_from(received.as_nanosecond()).unwrap_or_default();
        let stored = |event: &Event| StoredEvent {
            id: 0,
            node: clip(&report.node, MAX_SHORT),
            instance: report.instance,
            received,
            event: Some(bound(event.clone())),
        };
        Self {
            instance: report.instance,
            received,
            events: report.events.iter().map(stored).collect(),
        }
    }

    /// Stores what is not stored yet, and returns the highest stored sequence number of the instance.
    pub(super) fn append(&self, transaction: &WriteTransaction, keep: u64) -> Result<u64, StoreError> {
        let mut instances = transaction.open_table(INSTANCES)?;
        let old = instances.get(self.instance)?.map_or(0, |mark| mark.value().0);
        let mut mark = old;
        let mut events = transaction.open_table(EVENTS)?;
        let mut numbers = transaction.open_table(NUMBERS)?;
        let mut id = numbers.get(NEWEST_EVENT)?.map_or(0, |found| found.value());
        for stored in &self.events {
            let seq = stored.event.as_ref().map_or(0, |event| event.seq);
            if seq > mark {
                id += 1;
                events.insert(id, stored.encode_to_vec().as_slice())?;
                mark = seq;
            }
        }
        if mark > old {
            numbers.insert(NEWEST_EVENT, id)?;
            if old == 0 && instances.len()? >= MAX_INSTANCES {
                forget_silent(&mut instances)?;
            }
            instances.insert(self.instance, (mark, self.received))?;
        }
        drop(numbers);
        let pruned = prune(&mut events, keep)?;
        count(transaction, EVENTS_PRUNED, pruned)?;
        Ok(mark)
    }
}

fn forget_silent(instances: &mut redb::Table<'_, u64, (u64, u64)>) -> Result<(), StoreError> {
    let mut times = Vec::new();
    for entry in instances.iter()? {
        times.push(entry?.1.value().1);
    }
    times.sort_unstable();
    let limit = times.get(times.len() / 4).copied().unwrap_or_default();
    instances.retain(|_, (_, time)| time > limit)?;
    Ok(())
}

fn bound(mut event: Event) -> Event {
    event.matches.truncate(MAX_MATCHES);
    event.category_scores.truncate(MAX_CATEGORIES);
    for scored in &mut event.category_scores {
        scored.category = clip(&scored.category, MAX_SHORT);
    }
    for text in [&mut event.request_id, &mut event.client, &mut event.limit] {
        *text = clip(text, MAX_SHORT);
    }
    event.method.truncate(MAX_SHORT);
    event.host.truncate(MAX_LONG);
    event.path.truncate(MAX_LONG);
    for found in &mut event.matches {
        for text in [
            &mut found.message,
            &mut found.category,
            &mut found.severity,
            &mut found.target,
        ] {
            *text = clip(text, MAX_SHORT);
        }
        found.matched.truncate(MAX_LONG);
    }
    event
}

fn clip(text: &str, limit: usize) -> String {
    text.get(..text.floor_char_boundary(limit))
        .unwrap_or_default()
        .to_owned()
}
