//! Processor time of the calling thread: waiting does not count.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Processor time that the calling thread has used.
pub fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// The shortest of so many runs: what else the machine does only ever makes one longer.
pub fn fastest(runs: usize, mut run: impl FnMut()) -> Duration {
    let times = (0..runs.max(1)).map(|_| {
        let before = thread_time();
        run();
        thread_time().saturating_sub(before)
    });
    times.min().unwrap_or_default()
}
