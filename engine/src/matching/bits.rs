//! Fixed-size bit sets over small indices.

use std::collections::BTreeMap;

/// A set of indices below a bound that is fixed when the set is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            words: vec![0; bound.div_ceil(64)],
        }
    }

    /// Adds an index; one beyond the bound is ignored.
    pub(crate) fn insert(&mut self, index: usize) {
        if let Some(word) = self.words.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    pub(crate) fn remove(&mut self, index: usize) {
        if let Some(word) = self.words.get_mut(index / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    pub(crate) fn contains(&self, index: usize) -> bool {
        self.words
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Whether any of these occurs.
    pub(crate) fn meets(&self, other: &SparseBits) -> bool {
        other.words.iter().any(|(position, mask)| {
            self.words
                .get(*position as usize)
                .is_some_and(|word| word & mask != 0)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(crate) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Becomes a copy of `other`, which has the same bound.
    pub(crate) fn assign(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word = *other;
        }
    }

    pub(crate) fn union(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    pub(crate) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// Every index, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words
            .iter()
            .enumerate()
            .flat_map(|(position, word)| Ones(*word).map(move |bit| position * 64 + bit))
    }
}

/// A set of indices of which few words have any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SparseBits {
    words: Box<[(u32, u64)]>,
}

impl SparseBits {
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

impl FromIterator<u32> for SparseBits {
    fn from_iter<T: IntoIterator<Item = u32>>(indices: T) -> Self {
        let mut words = BTreeMap::new();
        for index in indices {
            *words.entry(index / 64).or_insert(0) |= 1 << (index % 64);
        }
        Self {
            words: words.into_iter().collect(),
        }
    }
}

struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_come_back_in_order() {
        let mut bits = Bits::new(200);
        for index in [199, 0, 63, 64, 130] {
            bits.insert(index);
        }
        bits.insert(10_000);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 130, 199]);
        assert!(bits.meets(&[1, 130].into_iter().collect()));
        assert!(!bits.meets(&[1, 131, 10_000].into_iter().collect()));
        assert!(!bits.meets(&SparseBits::default()));
    }
}
