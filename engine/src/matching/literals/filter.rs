//! Tells where an anchor may stand, from tables that fit the nearest cache.

use super::anchor::{Anchor, mix};

/// Tells where an anchor may stand. It may say so where none stands, never the other way round.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// By the hash of two bytes: a bit. Empty without such anchors.
    pairs: Vec<u8>,
    /// By the hash of three bytes: a bit for each value of the three lowest bits of the fourth one.
    grams: Vec<u8>,
    /// By how much a hash is shifted to give a place in `grams`.
    shift: u32,
}

impl Filter {
    /// Bits for each anchor, so that one in 32 places is taken for an anchor by mistake.
    const BITS: usize = 32;
    const MIN_SIZE: usize = 4 * 1024;
    const MAX_SIZE: usize = 256 * 1024;
    /// Bits of a place in `pairs`, the lowest three of which are that of the bit.
    const PAIR_BITS: u32 = 13;

    pub(super) fn new<'a>(anchors: impl Iterator<Item = &'a Anchor> + Clone) -> Self {
        let wanted = anchors.clone().count() * Self::BITS / 8;
        let size = wanted.next_power_of_two().clamp(Self::MIN_SIZE, Self::MAX_SIZE);
        let mut filter = Self {
            pairs: Vec::new(),
            grams: vec![0; size],
            shift: u32::BITS - size.ilog2(),
        };
        for anchor in anchors {
            filter.insert(*anchor);
        }
        filter
    }

    /// Calls `found` with each place where an anchor may stand, and the anchor.
    pub(super) fn scan(&self, value: &[u8], mut found: impl FnMut(usize, Anchor)) {
        let mut last = 0u32;
        for (at, byte) in value.iter().enumerate() {
            last = last << 8 | fold(*byte);
            let is_gram = self.has_gram(last);
            if is_gram | self.has_pair(last) {
                if is_gram && let Some(start) = at.checked_sub(3) {
                    found(start, Anchor::Four(last));
                    found(start, Anchor::Three(last >> 8));
                }
                if let Some(start) = at.checked_sub(1) {
                    found(start, Anchor::Two(last as u16));
                }
            }
        }
        // Three bytes at the very end, which no fourth one follows.
        if let Some(start) = value.len().checked_sub(3) {
            found(start, Anchor::Three(last & 0xff_ffff));
        }
    }

    /// Bytes that the tables take.
    pub(super) fn size(&self) -> usize {
        self.pairs.len() + self.grams.len()
    }

    #[inline]
    fn has_gram(&self, bytes: u32) -> bool {
        let place = mix(bytes >> 8) >> self.shift;
        let bits = self.grams.get(place as usize).copied().unwrap_or(0);
        bits >> (bytes & 7) & 1 != 0
    }

    #[inline]
    fn has_pair(&self, bytes: u32) -> bool {
        let place = mix(bytes & 0xffff) >> (u32::BITS - Self::PAIR_BITS);
        let bits = self.pairs.get((place >> 3) as usize).copied().unwrap_or(0);
        bits >> (place & 7) & 1 != 0
    }

    fn insert(&mut self, anchor: Anchor) {
        match anchor {
            Anchor::Two(bytes) => {
                self.pairs.resize(1 << (Self::PAIR_BITS - 3), 0);
                let place = mix(u32::from(bytes)) >> (u32::BITS - Self::PAIR_BITS);
                if let Some(bits) = self.pairs.get_mut((place >> 3) as usize) {
                    *bits |= 1 << (place & 7);
                }
            }
            Anchor::Three(bytes) => self.insert_gram(bytes, u8::MAX),
            Anchor::Four(bytes) => self.insert_gram(bytes >> 8, 1 << (bytes & 7)),
        }
    }

    fn insert_gram(&mut self, three: u32, fourth: u8) {
        let place = mix(three) >> self.shift;
        if let Some(bits) = self.grams.get_mut(place as usize) {
            *bits |= fourth;
        }
    }
}

/// A byte in lower case.
#[inline]
fn fold(byte: u8) -> u32 {
    u32::from(byte.to_ascii_lowercase())
}
