//! When the next report may go: one in flight, news at once, a heartbeat otherwise, growing pauses after failures.

const MS: u64 = 1_000_000;

/// When the next report may go. Times are nanoseconds since 1970 and may jump.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    in_flight: Option<InFlight>,
    last_sent: Option<u64>,
    failed_at: u64,
    pause: u64,
}

#[derive(Debug)]
struct InFlight {
    token: u32,
    since: u64,
}

impl Pacing {
    /// Without news a report goes this often, so that the control plane knows that the worker lives.
    const HEARTBEAT: u64 = 1_000 * MS;
    /// First pause after a failure; it doubles up to [`Pacing::LONGEST_PAUSE`].
    const FIRST_PAUSE: u64 = 200 * MS;
    const LONGEST_PAUSE: u64 = 2_000 * MS;
    /// A reply that takes longer never comes; the call itself times out before.
    const LOST: u64 = 5_000 * MS;

    pub(super) fn is_due(&self, now: u64, has_news: bool) -> bool {
        if let Some(flight) = &self.in_flight {
            return now.abs_diff(flight.since) >= Self::LOST;
        }
        if now.abs_diff(self.failed_at) < self.pause {
            return false;
        }
        has_news
            || self
                .last_sent
                .is_none_or(|sent| now.abs_diff(sent) >= Self::HEARTBEAT)
    }

    pub(super) fn is_in_flight(&self, token: u32) -> bool {
        self.in_flight
            .as_ref()
            .is_some_and(|flight| flight.token == token)
    }

    pub(super) fn sent(&mut self, token: u32, now: u64) {
        self.in_flight = Some(InFlight { token, since: now });
        self.last_sent = Some(now);
    }

    pub(super) fn succeeded(&mut self) {
        self.in_flight = None;
        self.pause = 0;
    }

    pub(super) fn failed(&mut self, now: u64) {
        self.in_flight = None;
        self.failed_at = now;
        self.pause = (self.pause * 2).clamp(Self::FIRST_PAUSE, Self::LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_two_seconds_and_end_with_success() {
        let mut pacing = Pacing::default();
        let mut now = 10_000 * MS;
        for pause in [200, 400, 800, 1_600, 2_000, 2_000] {
            assert!(pacing.is_due(now, true));
            pacing.sent(1, now);
            pacing.failed(now);
            assert!(!pacing.is_due(now + (pause - 1) * MS, true), "{pause}");
            now += pause * MS;
        }
        pacing.sent(1, now);
        pacing.succeeded();
        assert!(pacing.is_due(now, true));
        assert!(!pacing.is_due(now, false));
        assert!(pacing.is_due(now + 1_000 * MS, false));
    }

    #[test]
    fn a_reply_that_never_comes_does_not_silence_the_worker() {
        let mut pacing = Pacing::default();
        pacing.sent(1, 0);
        assert!(!pacing.is_due(4_999 * MS, true));
        assert!(pacing.is_due(5_000 * MS, true));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_silence_the_worker() {
        let mut pacing = Pacing::default();
        pacing.sent(1, u64::MAX);
        pacing.succeeded();
        assert!(pacing.is_due(0, false));
    }
}
