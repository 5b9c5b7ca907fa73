//! Kinds of bytes: few enough for a small table by three of them, so many that honest text rarely hits it.

/// How many kinds there are, a power of two.
pub(super) const COUNT: usize = 64;

/// The kind of no byte: what stands before and behind a value.
pub(super) const NONE: u8 = 0;

/// The kind of a byte, from 1 below [`COUNT`]. Both cases of a letter are one kind.
#[inline]
#[expect(clippy::indexing_slicing, reason = "the table has an entry for every byte")]
pub(super) fn of(byte: u8) -> u8 {
    KINDS[byte as usize]
}

/// Kinds of what may stand at a place, two by two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Few(u32);

impl Few {
    fn bit(byte: Option<u8>) -> u32 {
        1 << (byte.map_or(NONE, of) / 2)
    }

    /// Whether this may stand there, or nothing.
    #[inline]
    pub(super) fn may_hold(self, byte: Option<u8>) -> bool {
        self.0 & Self::bit(byte) != 0
    }
}

/// From what each of several has there; where one has nothing, anything may stand.
impl FromIterator<Option<u8>> for Few {
    fn from_iter<T: IntoIterator<Item = Option<u8>>>(bytes: T) -> Self {
        let of_one = |byte: Option<u8>| byte.map_or(u32::MAX, |byte| Self::bit(Some(byte)));
        Self(bytes.into_iter().fold(0, |all, byte| all | of_one(byte)))
    }
}

static KINDS: [u8; 256] = table();

#[expect(clippy::indexing_slicing, reason = "the loop ends at the length of the table")]
const fn table() -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = kind(byte as u8);
        byte += 1;
    }
    table
}

const fn kind(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte - b'A' + 1,
        b'a'..=b'z' => byte - b'a' + 1,
        b'0' => 27,
        b'1' | b'2' => 28,
        b'3'..=b'5' => 29,
        b'6'..=b'9' => 30,
        b' ' => 31,
        b'\t'..=b'\r' => 32,
        0..=0x1f | 0x7f => 33,
        0x80..=0xbf => 34,
        0xc0.. => 35,
        b'!'..=b'/' => byte - b'!' + 36,
        b':'..=b'=' => byte - b':' + 51,
        b'>' | b'?' => 55,
        b'@' | b'^' | b'~' => 56,
        b'[' => 57,
        b'\\' => 58,
        b']' => 59,
        b'_' => 60,
        b'`' => 61,
        b'{' | b'}' => 62,
        b'|' => 63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_kind_and_case_makes_no_difference() {
        for byte in 0..=u8::MAX {
            assert!((1..COUNT).contains(&usize::from(of(byte))), "{byte}");
            assert_eq!(of(byte), of(byte.to_ascii_uppercase()));
        }
    }
}
