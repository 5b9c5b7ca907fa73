//! What stands around an anchor, as one number to compare.

use crate::words::little_endian;

/// Bytes of a word from an anchor on.
pub(super) const BEHIND: usize = 7;

/// The byte before a place and those from there on, in lower case; zero for what is no byte.
#[inline]
pub(super) fn around(text: &[u8], at: usize) -> u64 {
    let around = at
        .checked_sub(1)
        .and_then(|start| text.get(start..)?.first_chunk());
    lowercase(around.map_or_else(|| at_edge(text, at), |around| u64::from_le_bytes(*around)))
}

/// As [`around`], in any case, where a text begins or fewer than eight bytes are left of it.
fn at_edge(text: &[u8], at: usize) -> u64 {
    match at.checked_sub(1) {
        Some(before) => little_endian(text.get(before..).unwrap_or_default()),
        None => little_endian(text.get(..BEHIND).unwrap_or(text)) << u8::BITS,
    }
}

/// Eight bytes with the capital letters among them in lower case.
#[inline]
const fn lowercase(bytes: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const fn each(byte: u8) -> u64 {
        ONES * byte as u64
    }
    let low = bytes & each(0x7f);
    // The highest bit of each byte tells, and no sum reaches the next byte.
    let from_a = low + each(0x80 - b'A');
    let beyond_z = low + each(0x7f - b'Z');
    let is_capital = (from_a & !beyond_z) & !bytes & each(0x80);
    bytes | is_capital >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_what_stands_around_a_place_in_lower_case() {
        for text in [&b"aZ\xc1[@`\x00"[..], b"0123456789ABCDEFGHIJ", b"ABCDEFGH", b"Q"] {
            for at in 0..text.len() {
                let expected = (0..8).map(|place| {
                    let byte = (at + place).checked_sub(1).and_then(|place| text.get(place));
                    byte.map_or(0, u8::to_ascii_lowercase)
                });
                let expected: Vec<u8> = expected.collect();
                assert_eq!(around(text, at).to_le_bytes(), *expected, "{text:?} {at}");
            }
        }
    }
}
