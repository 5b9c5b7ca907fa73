//! When to make Envoy build new VMs: a configuration that fails on a worker only is acknowledged all the same, and
//! leaves that worker without the filter until the VM's key changes.

use std::time::Duration;

use super::moment::Moment;

/// How long a worker has after the ACK to report that it was offered the revision. One that has the filter does so
/// within 100 ms.
pub(super) const PATIENCE: Duration = Duration::from_millis(600);
/// How long a worker has after the ACK whose VM is new: it compiles the policy before it says anything.
pub(super) const NEW_VM_PATIENCE: Duration = Duration::from_millis(1_500);
/// How long after all VMs were replaced as many of them are expected as there were before.
pub(super) const REBUILD: Duration = Duration::from_secs(5);
/// Least time between two attempts.
const INTERVAL: Duration = Duration::from_secs(2);
/// Attempts for one revision.
const MAX_ATTEMPTS: u32 = 5;

/// The attempts that were made for a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Recovery {
    revision: u64,
    attempts: u32,
    last: Option<Moment>,
}

impl Recovery {
    /// Takes an attempt if one is left and the last one is long enough ago.
    pub(super) fn attempt(&mut self, revision: u64, now: Moment) -> bool {
        if self.revision != revision {
            self.revision = revision;
            self.attempts = 0;
        }
        let is_early = self.last.is_some_and(|last| now.since(last) < INTERVAL);
        if is_early || self.attempts >= MAX_ATTEMPTS {
            return false;
        }
        self.attempts += 1;
        self.last = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_bounded_by_revision_and_spaced_in_time() {
        let start = Moment::now();
        let mut recovery = Recovery::default();
        let taken = (0..200)
            .filter(|tick| recovery.attempt(1, start.plus(tick * 100)))
            .collect::<Vec<_>>();
        assert_eq!(taken, [0, 20, 40, 60, 80]);
        assert!(recovery.attempt(2, start.plus(20_000)));
        assert!(!recovery.attempt(3, start.plus(21_999)));
        assert!(recovery.attempt(3, start.plus(22_000)));
    }
}
