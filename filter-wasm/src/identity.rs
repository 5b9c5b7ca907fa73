//! Who reports: this VM, and the Envoy process that it is part of.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

use crate::host::WorkerHost;

/// Key under which all VMs of a process find the process's number.
const PROCESS_KEY: &str = "secbeat.process";
/// Conditional writes to that key can fail only because another VM wrote; twice is already rare.
const ATTEMPTS: usize = 8;

/// Draws a number that no other VM has, now or after a restart. Never 0.
pub(crate) fn draw(now: u64) -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(now);
    hasher.finish().max(1)
}

/// Reads the number of the Envoy process, or draws it if this VM is the first to ask.
///
/// A key that does not exist yet has no token, so that two VMs may both be first and the later write wins.
/// Therefore the number is read again for every report, never remembered.
pub(crate) fn process<H: WorkerHost>(host: &H) -> u64 {
    let mut drawn = 0;
    for _ in 0..ATTEMPTS {
        let (value, token) = host.shared(PROCESS_KEY);
        if let Some(known) = value.as_deref().and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()) {
            return u64::from_le_bytes(known);
        }
        drawn = draw(host.now());
        host.set_shared(PROCESS_KEY, &drawn.to_le_bytes(), token);
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    #[test]
    fn all_vms_of_a_process_agree_on_its_number() {
        let host = FakeHost::default();
        let number = process(&host);
        assert_ne!(number, 0);
        assert_eq!(process(&host), number);
        assert_ne!(process(&FakeHost::default()), number);
    }

    #[test]
    fn numbers_drawn_at_the_same_time_differ() {
        assert_ne!(draw(1), draw(1));
    }
}
