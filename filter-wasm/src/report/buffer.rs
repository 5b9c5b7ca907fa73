//! Events that wait for acknowledgement: bounded by count and by bytes, the oldest go first.

use std::collections::VecDeque;

use prost::Message;
use secbeat_engine::report::Event;

/// Events that wait for acknowledgement.
#[derive(Debug, Default)]
pub(super) struct EventBuffer {
    events: VecDeque<(usize, Event)>,
    bytes: usize,
    last_seq: u64,
    dropped: u64,
}

impl EventBuffer {
    /// Events that are kept.
    const CAPACITY: usize = 4_096;
    /// Bytes of events, as encoded, that are kept.
    const CAPACITY_BYTES: usize = 2 * 1024 * 1024;
    /// Events in one report.
    pub(super) const BATCH: usize = 256;
    /// Bytes of events in one report; servers of gRPC accept 4 MiB by default.
    const BATCH_BYTES: usize = 1024 * 1024;

    /// Numbers an event and keeps it. Returns how many older ones had to make room.
    pub(super) fn push(&mut self, mut event: Event) -> u64 {
        self.last_seq += 1;
        event.seq = self.last_seq;
        let size = event.encoded_len();
        self.bytes += size;
        self.events.push_back((size, event));
        let mut made_room = 0;
        while self.events.len() > Self::CAPACITY || self.bytes > Self::CAPACITY_BYTES {
            self.pop();
            made_room += 1;
        }
        self.dropped += made_room;
        made_room
    }

    /// Forgets every event up to this number.
    pub(super) fn acknowledge(&mut self, seq: u64) {
        while self.events.front().is_some_and(|(_, event)| event.seq <= seq) {
            self.pop();
        }
    }

    /// Drops everything and returns how much that was.
    pub(super) fn clear(&mut self) -> u64 {
        let count = self.events.len() as u64;
        self.events.clear();
        self.bytes = 0;
        self.dropped += count;
        count
    }

    /// The oldest events, as many as one report may carry; at least one if there is any.
    pub(super) fn batch(&self) -> Vec<Event> {
        let mut bytes = 0;
        let fits = |(size, _): &&(usize, Event)| {
            bytes += size;
            bytes <= Self::BATCH_BYTES || bytes == *size
        };
        self.events
            .iter()
            .take(Self::BATCH)
            .take_while(fits)
            .map(|(_, event)| event.clone())
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Events lost for want of room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn pop(&mut self) {
        if let Some((size, _)) = self.events.pop_front() {
            self.bytes = self.bytes.saturating_sub(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(size: usize) -> Event {
        Event {
            path: vec![b'a'; size],
            ..Event::default()
        }
    }

    #[test]
    fn the_oldest_events_make_room_and_are_counted() {
        let mut buffer = EventBuffer::default();
        for _ in 0..EventBuffer::CAPACITY + 10 {
            buffer.push(event(1));
        }
        assert_eq!(buffer.dropped(), 10);
        assert_eq!(buffer.len(), EventBuffer::CAPACITY);
        assert_eq!(buffer.batch().first().unwrap().seq, 11);
        assert_eq!(buffer.batch().len(), EventBuffer::BATCH);
    }

    #[test]
    fn large_events_are_bounded_by_bytes() {
        let mut buffer = EventBuffer::default();
        for _ in 0..100 {
            buffer.push(event(100_000));
        }
        assert_eq!(buffer.len(), 20, "20 times 100 kB are within 2 MiB, 21 are not");
        assert_eq!(buffer.batch().len(), 10, "10 times 100 kB are within 1 MiB");
        buffer.acknowledge(u64::MAX);
        assert!(buffer.is_empty());
        assert_eq!(buffer.bytes, 0);
    }

    #[test]
    fn an_event_larger_than_a_report_still_goes_out() {
        let mut buffer = EventBuffer::default();
        buffer.push(event(EventBuffer::BATCH_BYTES + 1));
        buffer.push(event(1));
        assert_eq!(buffer.batch().len(), 1);
    }
}
