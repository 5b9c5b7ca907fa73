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

    /// The word of this number; zero beyond the bound.
    pub(crate) fn word(&self, number: usize) -> u64 {
        self.words.get(number).copied().unwrap_or(0)
    }

    /// The words of a set of these indices that are not empty, in order, each with its number.
    pub(crate) fn words_of(indices: &[u32]) -> BTreeMap<u32, u64> {
        let mut words = BTreeMap::new();
        for index in indices {
            *words.entry(index / 64).or_insert(0) |= 1 << (index % 64);
        }
        words
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(crate) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Becomes what one set has and another lacks, all three of the same bound.
    pub(crate) fn assign_rest(&mut self, of: &Self, without: &Self) {
        for (word, (of, without)) in self.words.iter_mut().zip(of.words.iter().zip(&without.words)) {
            *word = of & !without;
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

    /// Every index, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words
            .iter()
            .enumerate()
            .flat_map(|(position, word)| Ones(*word).map(move |bit| position * 64 + bit))
    }
}

/// A set that also lists its members, so that emptying it costs no more than filling it did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    bits: Bits,
    members: Vec<u32>,
}

impl Marks {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            bits: Bits::new(bound),
            members: Vec::new(),
        }
    }

    /// Adds an index below the bound; false if it was there before.
    pub(crate) fn insert(&mut self, index: u32) -> bool {
        let is_new = !self.contains(index);
        if is_new {
            self.bits.insert(index as usize);
            self.members.push(index);
        }
        is_new
    }

    pub(crate) fn contains(&self, index: u32) -> bool {
        self.bits.contains(index as usize)
    }

    pub(crate) const fn bits(&self) -> &Bits {
        &self.bits
    }

    pub(crate) fn into_bits(self) -> Bits {
        self.bits
    }

    /// The members, in the order in which they came.
    pub(crate) fn members(&self) -> &[u32] {
        &self.members
    }

    pub(crate) fn clear(&mut self) {
        for index in self.members.drain(..) {
            self.bits.remove(index as usize);
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
    fn marks_are_kept_once_and_go_all_together() {
        let mut marks = Marks::new(100);
        assert!(marks.insert(70) && marks.insert(3) && !marks.insert(70));
        assert_eq!(marks.members(), [70, 3]);
        assert_eq!(marks.bits().iter().collect::<Vec<_>>(), [3, 70]);
        marks.clear();
        assert!(!marks.contains(70) && marks.members().is_empty() && marks.bits().is_empty());
    }

    #[test]
    fn sets_are_put_together_word_by_word() {
        let set = |indices: &[usize]| {
            let mut bits = Bits::new(130);
            for index in indices {
                bits.insert(*index);
            }
            bits
        };
        let (left, right) = (set(&[1, 64, 129]), set(&[64, 65]));
        let mut bits = set(&[0]);
        bits.union(&left);
        bits.intersect(&right);
        assert_eq!(bits, set(&[64]));
        bits.assign_rest(&left, &right);
        assert_eq!(bits, set(&[1, 129]));
        bits.union(&right);
        assert_eq!(bits, set(&[1, 64, 65, 129]));
    }

    #[test]
    fn indices_come_back_in_order() {
        let mut bits = Bits::new(200);
        for index in [199, 0, 63, 64, 130] {
            bits.insert(index);
        }
        bits.insert(10_000);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 130, 199]);
        let words = Bits::words_of(&[130, 199, 0, 63, 64]);
        assert!(
            words
                .iter()
                .all(|(number, word)| bits.word(*number as usize) == *word)
        );
        assert_eq!((words.len(), bits.word(1_000)), (4, 0));
    }
}
