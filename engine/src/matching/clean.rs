//! Remembers short values that no gate found anything in, for honest clients send the same ones again and again:
//! `user-agent`, `accept`, `sec-ch-ua` and their like, names of parameters, and those of their values that are choices.

use crate::{
    rule::{Collection, Phase},
    words::{is_same, little_endian},
};

/// Short values that were found clean under one policy. Bounded; a new value takes the place of an old one.
///
/// Values are kept and compared whole, so that no two are taken for each other, whatever an attacker sends: with
/// values of his own he can only make others be looked at again.
#[derive(Debug, Default)]
pub(super) struct Clean {
    /// By the hash of a key, the one used last first; empty until the first value is seen.
    sets: Vec<[Option<Slot>; 2]>,
    /// By the hash of a key: another part of the hash that was last seen there. What never comes again gets no further.
    seen: Vec<u32>,
    /// Where the key that was asked for last belongs.
    last: u64,
}

#[derive(Debug)]
struct Slot {
    hash: u64,
    place: (Phase, Collection),
    name_len: usize,
    /// Name and value.
    bytes: Box<[u8]>,
}

impl Clean {
    /// Pairs of values remembered, a power of two.
    const SETS: usize = 256;
    /// Hashes kept of values that were seen once, a power of two.
    const SEEN: usize = 1_024;
    /// Bytes of name and value of a header beyond which nothing is remembered.
    const LIMIT: usize = 320;
    /// The same for other values, of which those that come again are choices and not texts.
    const SHORT: usize = 64;

    /// Whether the value is known to be clean.
    pub(super) fn contains(&mut self, place: (Phase, Collection), name: &[u8], value: &[u8]) -> bool {
        if !is_eligible(place.1, name, value) {
            return false;
        }
        self.last = hash(place, name, value);
        let Some(set) = self.sets.get_mut(self.last as usize % Self::SETS) else {
            return false;
        };
        let is_it = |slot: &Option<Slot>| {
            slot.as_ref().is_some_and(|slot| {
                slot.hash == self.last
                    && slot.place == place
                    && slot.name_len == name.len()
                    && slot
                        .bytes
                        .split_at_checked(name.len())
                        .is_some_and(|(known, rest)| is_same(known, name) && is_same(rest, value))
            })
        };
        let [first, second] = set;
        if is_it(first) {
            return true;
        }
        let is_second = is_it(second);
        if is_second {
            std::mem::swap(first, second);
        }
        is_second
    }

    /// Remembers the value that was asked for last, unless this is the first time that it was.
    pub(super) fn insert(&mut self, place: (Phase, Collection), name: &[u8], value: &[u8]) {
        if !is_eligible(place.1, name, value) {
            return;
        }
        if self.sets.is_empty() {
            self.sets.resize_with(Self::SETS, Default::default);
            self.seen.resize(Self::SEEN, 0);
        }
        let (hash, tag) = (self.last, (self.last >> u32::BITS) as u32);
        let Some(seen) = self.seen.get_mut(hash as usize % Self::SEEN) else {
            return;
        };
        if std::mem::replace(seen, tag) != tag {
            return;
        }
        if let Some([first, second]) = self.sets.get_mut(hash as usize % Self::SETS) {
            *second = first.replace(Slot {
                hash,
                place,
                name_len: name.len(),
                bytes: [name, value].concat().into(),
            });
        }
    }
}

/// Whether a value may come again.
fn is_eligible(collection: Collection, name: &[u8], value: &[u8]) -> bool {
    let limit = match collection {
        Collection::Headers => Clean::LIMIT,
        _ => Clean::SHORT,
    };
    name.len() + value.len() <= limit
}

/// Multiplicative hashing over words of eight bytes; only speed counts, for keys are compared whole.
fn hash(place: (Phase, Collection), name: &[u8], value: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let add = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    let mut hash = (place.0.index() as u64) << 32 | (place.1.index() as u64) << 16 | name.len() as u64;
    for bytes in [name, value] {
        for word in bytes.as_chunks::<8>().0 {
            hash = add(hash, u64::from_le_bytes(*word));
        }
        // The last word overlaps the one before it.
        let last = bytes.last_chunk().map(|last| u64::from_le_bytes(*last));
        hash = add(hash, last.unwrap_or_else(|| little_endian(bytes)));
    }
    let hash = (hash ^ hash >> 32).wrapping_mul(MULTIPLIER);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: (Phase, Collection) = (Phase::RequestHeaders, Collection::Headers);

    fn remember(clean: &mut Clean, place: (Phase, Collection), name: &[u8], value: &[u8]) {
        for _ in 0..2 {
            assert!(!clean.contains(place, name, value));
            clean.insert(place, name, value);
        }
    }

    #[test]
    fn a_value_is_known_in_its_place_under_its_name_only() {
        let mut clean = Clean::default();
        remember(&mut clean, PLACE, b"accept", b"*/*");
        assert!(clean.contains(PLACE, b"accept", b"*/*"));
        assert!(!clean.contains(PLACE, b"accept*", b"/*"));
        assert!(!clean.contains(PLACE, b"accept", b"*/* "));
        assert!(!clean.contains((Phase::RequestHeaders, Collection::Cookies), b"accept", b"*/*"));
        assert!(!clean.contains((Phase::RequestBody, Collection::Headers), b"accept", b"*/*"));
    }

    #[test]
    fn what_is_long_or_came_once_is_not_remembered() {
        let mut clean = Clean::default();
        let long = [b'x'; Clean::LIMIT];
        for _ in 0..3 {
            assert!(!clean.contains(PLACE, b"a", &long));
            clean.insert(PLACE, b"a", &long);
        }
        clean.insert(PLACE, b"a", b"b");
        assert!(!clean.contains(PLACE, b"a", b"b"));
    }

    #[test]
    fn what_comes_again_and_again_outlives_what_comes_once() {
        let mut clean = Clean::default();
        let known: Vec<String> = (0..40).map(|number| format!("known {number}")).collect();
        for value in &known {
            remember(&mut clean, PLACE, b"a", value.as_bytes());
        }
        for number in 0..if cfg!(miri) { 2_000 } else { 10_000 } {
            assert!(!clean.contains(PLACE, b"b", format!("{number}").as_bytes()));
            clean.insert(PLACE, b"b", format!("{number}").as_bytes());
        }
        let kept = known
            .iter()
            .filter(|value| clean.contains(PLACE, b"a", value.as_bytes()));
        let kept = kept.count();
        assert!(kept >= 38, "{kept}");
    }

    #[test]
    fn memory_is_bounded() {
        let mut clean = Clean::default();
        for number in 0..if cfg!(miri) { 2_000 } else { 10_000 } {
            remember(&mut clean, PLACE, b"cookie", format!("{number}").as_bytes());
        }
        assert_eq!((clean.sets.len(), clean.seen.len()), (Clean::SETS, Clean::SEEN));
    }
}
