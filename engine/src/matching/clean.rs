//! Remembers short values that no gate found anything in, for honest clients send the same ones again and again:
//! `user-agent`, `accept`, `sec-ch-ua` and their like, and the names of parameters.

use crate::rule::{Collection, Phase};

/// Short values that were found clean under one policy. Bounded; a new value takes the place of an old one.
///
/// Values are kept and compared whole, so that no two are taken for each other, whatever an attacker sends: with
/// values of his own he can only make others be looked at again.
#[derive(Debug, Default)]
pub(super) struct Clean {
    /// By the hash of a key; empty until the first value is remembered.
    slots: Vec<Option<Slot>>,
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
    /// Values remembered, a power of two.
    const SLOTS: usize = 512;
    /// Bytes of name and value beyond which nothing is remembered.
    const LIMIT: usize = 320;

    /// Whether the value is known to be clean.
    pub(super) fn contains(&mut self, place: (Phase, Collection), name: &[u8], value: &[u8]) -> bool {
        if !is_eligible(place.1, name, value) {
            return false;
        }
        self.last = hash(place, name, value);
        let slot = self.slots.get(self.last as usize % Self::SLOTS);
        slot.and_then(Option::as_ref).is_some_and(|slot| {
            slot.hash == self.last
                && slot.place == place
                && slot.name_len == name.len()
                && slot.bytes.split_at_checked(name.len()) == Some((name, value))
        })
    }

    /// Remembers the value that was asked for last.
    pub(super) fn insert(&mut self, place: (Phase, Collection), name: &[u8], value: &[u8]) {
        if !is_eligible(place.1, name, value) {
            return;
        }
        if self.slots.is_empty() {
            self.slots.resize_with(Self::SLOTS, || None);
        }
        if let Some(slot) = self.slots.get_mut(self.last as usize % Self::SLOTS) {
            *slot = Some(Slot {
                hash: self.last,
                place,
                name_len: name.len(),
                bytes: [name, value].concat().into(),
            });
        }
    }
}

/// Whether a value is likely to come again.
fn is_eligible(collection: Collection, name: &[u8], value: &[u8]) -> bool {
    let repeats = matches!(
        collection,
        Collection::Headers
            | Collection::HeaderNames
            | Collection::QueryNames
            | Collection::BodyNames
            | Collection::CookieNames
            | Collection::Cookies
            | Collection::Path
            | Collection::Uri
    );
    repeats && name.len() + value.len() <= Clean::LIMIT
}

/// Multiplicative hashing over words of eight bytes; only speed counts, for keys are compared whole.
fn hash(place: (Phase, Collection), name: &[u8], value: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let add = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    let mut hash = (place.0.index() as u64) << 32 | (place.1.index() as u64) << 16 | name.len() as u64;
    for bytes in [name, value] {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            hash = add(hash, u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        hash = add(hash, u64::from_le_bytes(last));
    }
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: (Phase, Collection) = (Phase::RequestHeaders, Collection::Headers);

    fn remember(clean: &mut Clean, place: (Phase, Collection), name: &[u8], value: &[u8]) {
        assert!(!clean.contains(place, name, value));
        clean.insert(place, name, value);
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
    fn what_is_long_or_never_repeats_is_not_remembered() {
        let mut clean = Clean::default();
        let long = [b'x'; Clean::LIMIT];
        clean.insert(PLACE, b"a", &long);
        clean.insert((Phase::RequestBody, Collection::BodyValues), b"a", b"b");
        assert!(clean.slots.is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let mut clean = Clean::default();
        for number in 0..10_000 {
            remember(&mut clean, PLACE, b"cookie", format!("{number}").as_bytes());
        }
        assert_eq!(clean.slots.len(), Clean::SLOTS);
    }
}
