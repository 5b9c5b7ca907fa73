//! A point in time, on both clocks: the steady one decides, the wall clock is shown.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A point in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// For comparison.
    pub(crate) at: Instant,
    /// For people.
    pub(crate) wall: Timestamp,
}

impl Moment {
    /// Reads both clocks.
    pub(crate) fn now() -> Self {
        Self {
            at: Instant::now(),
            wall: Timestamp::now(),
        }
    }

    /// How long ago `earlier` was; nothing if it was later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.at.saturating_duration_since(earlier.at)
    }

    /// A later moment.
    #[cfg(test)]
    pub(crate) fn plus(self, millis: u64) -> Self {
        let duration = Duration::from_millis(millis);
        Self {
            at: self.at + duration,
            wall: self.wall + duration,
        }
    }
}
