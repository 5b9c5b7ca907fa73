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
    /// By the hash of a key; empty until the first value is seen.
    sets: Vec<Set>,
    /// Where the key that was asked for last belongs.
    last: u64,
}

/// What is remembered of values whose hashes lead to one place. The first value and what goes before it is one line of a
/// cache, for most values are found there or nowhere.
#[derive(Debug, Default)]
#[repr(C, align(64))]
struct Set {
    /// Other parts of the hashes of the values that came last and were not known: what never comes again gets no
    /// further. Two, lest two values that come in turns forget each other.
    seen: [u32; 2],
    /// The one used last first.
    known: [Slot; 2],
}

#[derive(Debug)]
#[repr(C)]
struct Slot {
    hash: u32,
    name_len: u16,
    /// Bytes of name and value.
    len: u16,
    /// As [`number`] tells it; [`Slot::FREE`] in a slot that is not taken.
    place: u16,
    /// Name and value, if they fit.
    short: [u8; Slot::INLINE],
    /// Name and value otherwise.
    long: Option<Box<[u8]>>,
}

// On every target: what is most often asked for lies in one line.
const _: () = assert!(align_of::<Set>() == 64 && size_of::<Set>() == 128);
const _: () = assert!(std::mem::offset_of!(Set, known) + size_of::<Slot>() <= 64);

impl Slot {
    /// Bytes of name and value that are kept without a piece of memory of their own.
    const INLINE: usize = 46 - size_of::<Box<[u8]>>();
    /// The number of no place.
    const FREE: u16 = u16::MAX;

    fn new(hash: u32, place: (Phase, Collection), name: &[u8], value: &[u8]) -> Self {
        let len = name.len() + value.len();
        let mut short = [0; Self::INLINE];
        let long = if let Some(short) = short.get_mut(..len) {
            let (first, second) = short.split_at_mut(name.len());
            first.copy_from_slice(name);
            second.copy_from_slice(value);
            None
        } else {
            Some([name, value].concat().into())
        };
        Self {
            hash,
            name_len: name.len() as u16,
            len: len as u16,
            place: number(place),
            short,
            long,
        }
    }

    #[inline]
    fn holds(&self, hash: u32, place: (Phase, Collection), name: &[u8], value: &[u8]) -> bool {
        if self.hash != hash
            || self.place != number(place)
            || usize::from(self.name_len) != name.len()
            || usize::from(self.len) != name.len() + value.len()
        {
            return false;
        }
        let bytes = self.long.as_deref().or_else(|| self.short.get(..self.len.into()));
        let parts = bytes.and_then(|bytes| bytes.split_at_checked(name.len()));
        parts.is_some_and(|(known, rest)| is_same(known, name) && is_same(rest, value))
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            hash: 0,
            name_len: 0,
            len: 0,
            place: Self::FREE,
            short: [0; Self::INLINE],
            long: None,
        }
    }
}

impl Clean {
    /// Pairs of values remembered, a power of two.
    const SETS: usize = 512;
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
        let tag = self.tag();
        let Some(set) = self.sets.get_mut(self.last as usize % Self::SETS) else {
            return false;
        };
        let [first, second] = &mut set.known;
        if first.holds(tag, place, name, value) {
            return true;
        }
        let is_second = second.holds(tag, place, name, value);
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
        }
        let tag = self.tag();
        let Some(set) = self.sets.get_mut(self.last as usize % Self::SETS) else {
            return;
        };
        if set.seen.contains(&tag) {
            let [first, second] = &mut set.known;
            *second = std::mem::replace(first, Slot::new(tag, place, name, value));
        } else {
            let [last, before] = &mut set.seen;
            *before = std::mem::replace(last, tag);
        }
    }

    /// The part of the hash that does not tell the set.
    const fn tag(&self) -> u32 {
        (self.last >> u32::BITS) as u32
    }
}

/// A number of its own for each place.
const fn number((phase, collection): (Phase, Collection)) -> u16 {
    (phase.index() << 8 | collection.index()) as u16
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
    let lens = (name.len() as u64) << 16 | value.len() as u64;
    let mut hash = 1 << 48 | u64::from(number(place)) << 32 | lens;
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
    fn values_that_come_in_turns_do_not_forget_each_other() {
        let mut clean = Clean::default();
        let values: Vec<String> = (0..200).map(|number| format!("value {number}")).collect();
        for _ in 0..3 {
            for value in &values {
                if !clean.contains(PLACE, b"a", value.as_bytes()) {
                    clean.insert(PLACE, b"a", value.as_bytes());
                }
            }
        }
        let known = values
            .iter()
            .filter(|value| clean.contains(PLACE, b"a", value.as_bytes()));
        let known = known.count();
        assert!(known > 180, "{known}");
    }

    #[test]
    fn long_and_short_values_are_kept_whole() {
        let mut clean = Clean::default();
        for len in [0, 1, Slot::INLINE - 1, Slot::INLINE, Slot::INLINE + 1, 200] {
            let value = vec![b'x'; len];
            remember(&mut clean, PLACE, b"", &value);
            assert!(clean.contains(PLACE, b"", &value), "{len}");
            if let Some((last, rest)) = value.split_last() {
                let other = [rest, &[last ^ 1]].concat();
                assert!(!clean.contains(PLACE, b"", &other), "{len}");
            }
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut clean = Clean::default();
        for number in 0..if cfg!(miri) { 2_000 } else { 10_000 } {
            let value = format!("{number:>0$}", Clean::LIMIT - b"cookie".len());
            remember(&mut clean, PLACE, b"cookie", value.as_bytes());
        }
        let slots = || clean.sets.iter().flat_map(|set| &set.known);
        let bytes: usize = slots()
            .map(|slot| slot.long.as_ref().map_or(0, |long| long.len()))
            .sum();
        assert_eq!(slots().count(), 2 * Clean::SETS);
        assert!(bytes > 0 && bytes <= 2 * Clean::SETS * Clean::LIMIT, "{bytes}");
    }
}
