//! The bytes by which a literal is noticed.

use super::super::need::frequency;

/// Two, three or four bytes in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Anchor {
    /// Two bytes, the first one in the higher bits.
    Two(u16),
    /// Three bytes in the lower bits.
    Three(u32),
    /// Four bytes.
    Four(u32),
}

impl Anchor {
    /// The anchor of a literal and its place in it: the bytes that honest text has least, among equals those that
    /// fewer literals have, as `load` tells. None for a literal of less than two bytes.
    pub(super) fn of(literal: &[u8], load: impl Fn(&Self) -> usize) -> Option<(Self, usize)> {
        let len = literal.len().clamp(2, 4);
        let rated = literal.windows(len).enumerate().map(|(place, bytes)| {
            let anchor = Self::new(bytes);
            let honest: f64 = bytes.iter().map(|byte| frequency(*byte)).product();
            // Sharing an anchor costs a comparison wherever it stands, which is worth a little rareness.
            let rate = honest * f64::from(u32::try_from(1 + load(&anchor)).unwrap_or(u32::MAX));
            (rate, anchor, place)
        });
        let (_, anchor, place) = rated.min_by(|left, right| left.0.total_cmp(&right.0))?;
        Some((anchor, place))
    }

    /// A number that spreads anchors evenly.
    pub(super) fn hash(self) -> u32 {
        let mixed = match self {
            Self::Two(bytes) => mix(u32::from(bytes)),
            Self::Three(bytes) => mix(bytes | 1 << 24),
            Self::Four(bytes) => mix(bytes ^ 0x5a5a_5a5a),
        };
        mixed ^ mixed >> 15
    }

    fn new(bytes: &[u8]) -> Self {
        let number = bytes.iter().fold(0, |number, byte| {
            number << 8 | u32::from(byte.to_ascii_lowercase())
        });
        match bytes.len() {
            4 => Self::Four(number),
            3 => Self::Three(number),
            _ => Self::Two(number as u16),
        }
    }
}

/// Multiplicative hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4): the high bits are spread.
pub(super) const fn mix(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b1)
}
