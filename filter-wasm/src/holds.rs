//! How much of response bodies a worker keeps at a time, and which responses it has held for too long.

use std::collections::BTreeMap;

/// The responses of which a worker keeps something.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    by_stream: BTreeMap<u32, Hold>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Hold {
    bytes: usize,
    /// Nanoseconds since 1970 UTC; absent when it goes on as it comes.
    until: Option<u64>,
}

impl Holds {
    /// Bytes of response bodies that one worker keeps at a time.
    pub(crate) const LIMIT: usize = 64 * 1024 * 1024;

    /// Notes how many bytes of a stream's response are kept, and how long it may be held if it is. Tells whether there is
    /// room for them.
    pub(crate) fn keep(&mut self, stream: u32, bytes: usize, until: Option<u64>) -> bool {
        let hold = self.by_stream.entry(stream).or_default();
        self.bytes = self.bytes.saturating_sub(hold.bytes).saturating_add(bytes);
        *hold = Hold { bytes, until };
        self.bytes <= Self::LIMIT
    }

    /// Forgets a stream of whose response nothing is kept any more.
    pub(crate) fn forget(&mut self, stream: u32) {
        if let Some(hold) = self.by_stream.remove(&stream) {
            self.bytes = self.bytes.saturating_sub(hold.bytes);
        }
    }

    /// Streams whose responses were held for too long.
    pub(crate) fn overdue(&self, now: u64) -> Vec<u32> {
        let overdue = self
            .by_stream
            .iter()
            .filter(|(_, hold)| hold.until.is_some_and(|until| until <= now));
        overdue.map(|(stream, _)| *stream).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_shared_by_all_streams_and_given_back() {
        let mut holds = Holds::default();
        assert!(holds.keep(1, Holds::LIMIT - 10, None));
        assert!(holds.keep(2, 10, None));
        assert!(!holds.keep(2, 11, None));
        holds.forget(2);
        holds.forget(2);
        assert!(holds.keep(3, 10, None));
        assert!(holds.keep(1, 0, None));
        assert!(holds.keep(3, Holds::LIMIT, None));
    }

    #[test]
    fn only_what_is_held_is_overdue_at_some_time() {
        let mut holds = Holds::default();
        holds.keep(1, 0, Some(5));
        holds.keep(2, 0, Some(6));
        holds.keep(3, 0, None);
        assert_eq!(holds.overdue(4), [0; 0]);
        assert_eq!(holds.overdue(5), [1]);
        holds.keep(1, 0, None);
        assert_eq!(holds.overdue(9), [2]);
    }
}
