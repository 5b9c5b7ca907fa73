//! Numbers by which requests are picked for inspection. The engine decides, and has no randomness of its own.

use std::{
    cell::Cell,
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

/// Numbers that nobody foresees who does not know this VM's secret: a keyed hash (`SipHash`) of a counter. The key is
/// drawn from the host's randomness when the VM starts, and never told.
#[derive(Debug, Default)]
pub(crate) struct Draws {
    secret: RandomState,
    drawn: Cell<u64>,
}

impl Draws {
    /// Draws the next number.
    pub(crate) fn next(&self) -> u64 {
        let count = self.drawn.get().wrapping_add(1);
        self.drawn.set(count);
        let mut hasher = self.secret.build_hasher();
        hasher.write_u64(count);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_vms_draw_different_numbers_and_none_twice() {
        let (one, other) = (Draws::default(), Draws::default());
        let mut numbers: Vec<_> = (0..100).flat_map(|_| [one.next(), other.next()]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 200);
    }
}
