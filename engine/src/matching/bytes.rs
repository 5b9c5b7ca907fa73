//! Sets of bytes, and the classes into which a value's bytes fall.

use std::ops::RangeInclusive;

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ByteSet([u64; 4]);

impl ByteSet {
    /// No byte.
    pub(crate) const EMPTY: Self = Self([0; 4]);
    /// The first byte of each word.
    const WORDS: [u8; 4] = [0, 64, 128, 192];

    #[expect(clippy::indexing_slicing, reason = "a byte shifted by six is at most three")]
    pub(crate) const fn insert(&mut self, byte: u8) {
        self.0[(byte >> 6) as usize] |= 1 << (byte & 63);
    }

    #[expect(clippy::indexing_slicing, reason = "a byte shifted by six is at most three")]
    pub(crate) const fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    pub(crate) fn insert_range(&mut self, range: RangeInclusive<u8>) {
        let (start, end) = range.into_inner();
        for (base, word) in Self::WORDS.into_iter().zip(&mut self.0) {
            let (first, last) = (start.max(base), end.min(base + 63));
            if first <= last {
                *word |= u64::MAX >> (63 - (last - first)) << (first - base);
            }
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    pub(crate) fn union(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word |= other;
        }
    }

    /// Every byte, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        Self::WORDS.into_iter().zip(self.0).flat_map(|(base, mut word)| {
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                word &= word.checked_sub(1)?;
                Some(base + bit as u8)
            })
        })
    }
}

impl FromIterator<u8> for ByteSet {
    fn from_iter<T: IntoIterator<Item = u8>>(bytes: T) -> Self {
        let mut set = Self::default();
        for byte in bytes {
            set.insert(byte);
        }
        set
    }
}

/// Which classes of bytes occur somewhere. Each ASCII punctuation mark is a class of its own, for these are what
/// attacks need and honest values lack; letters of either case are one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Classes(u64);

impl Classes {
    /// The classes of `[A-Za-z0-9_.-]`, of which most honest values consist.
    pub(crate) const PLAIN: Self =
        Self(class_of(b'a') | class_of(b'0') | class_of(b'_') | class_of(b'.') | class_of(b'-'));

    /// A class of no byte, for sets that every value shall meet: it goes with the value's own.
    pub(crate) const ANY: Self = Self(1 << 63);

    /// The bytes of [`Classes::PLAIN`].
    pub(crate) const PLAIN_BYTES: &[u8] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

    /// The classes that occur in a value.
    pub(crate) fn of(value: &[u8]) -> Self {
        Self(value.iter().fold(0, |classes, byte| classes | class(*byte)))
    }

    /// The classes of a set of bytes.
    pub(crate) fn of_set(set: &ByteSet) -> Self {
        Self(set.iter().fold(0, |classes, byte| classes | class(byte)))
    }

    /// A bit for each class.
    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// The union of two sets.
    #[must_use]
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// How likely honest text has a byte of one of these classes, roughly; only the order matters.
    pub(crate) const fn commonness(self) -> u32 {
        const USUAL: u64 = Classes::PLAIN.0 | class_of(b' ') | class_of(b',') | class_of(b'\n');
        1_000 * (self.0 & USUAL).count_ones() + self.0.count_ones()
    }

    /// Whether there is no class that `other` lacks.
    pub(crate) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

#[expect(clippy::indexing_slicing, reason = "the table has an entry for every byte")]
fn class(byte: u8) -> u64 {
    CLASS[byte as usize]
}

static CLASS: [u64; 256] = table();

#[expect(clippy::indexing_slicing, reason = "the loop ends at the length of the table")]
const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class_of(byte as u8);
        byte += 1;
    }
    table
}

/// 32 punctuation marks, and ten classes above them.
const fn class_of(byte: u8) -> u64 {
    let bit = match byte {
        b'!'..=b'/' => byte - b'!',
        b':'..=b'@' => byte - b':' + 15,
        b'['..=b'`' => byte - b'[' + 22,
        b'{'..=b'~' => byte - b'{' + 28,
        b'a'..=b'z' | b'A'..=b'Z' => 32,
        b'0'..=b'9' => 33,
        b' ' => 34,
        b'\t' => 35,
        b'\n' => 36,
        b'\r' => 37,
        0 => 38,
        0x80..=0xff => 39,
        _ => 40,
    };
    1 << bit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_what_it_says() {
        for byte in 0..=u8::MAX {
            let plain = byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            assert_eq!(Classes::of(&[byte]).is_within(Classes::PLAIN), plain, "{byte:#x}");
            assert_eq!(Classes::PLAIN_BYTES.contains(&byte), plain, "{byte:#x}");
        }
    }

    #[test]
    fn each_punctuation_mark_is_a_class() {
        let marks: Vec<u8> = (0..128u8).filter(u8::is_ascii_punctuation).collect();
        let mut all: Vec<u64> = marks.iter().map(|mark| class_of(*mark)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 32);
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let set: ByteSet = [0, 63, 64, 255].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 255]);
        assert_eq!(set.len(), 4);
        for (start, end) in [(0, 255), (0, 63), (64, 64), (3, 200), (255, 255), (9, 8)] {
            let mut set = ByteSet::default();
            set.insert_range(start..=end);
            assert!(set.iter().eq(start..=end));
        }
    }
}
