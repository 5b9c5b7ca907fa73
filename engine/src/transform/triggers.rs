//! Sets of bytes that a transformation reacts to, so that one look at a value tells which chains leave it alone.

/// A set of byte classes. A transformation whose classes do not occur in a value does not change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Triggers(u32);

impl Triggers {
    /// No class: what is never triggered.
    pub const NONE: Self = Self(0);
    /// Part of every value, even of an empty one.
    pub const ALWAYS: Self = Self(1);
    pub(super) const UPPER: Self = Self(1 << 1);
    pub(super) const LOWER: Self = Self(1 << 2);
    pub(super) const PERCENT: Self = Self(1 << 3);
    pub(super) const PLUS: Self = Self(1 << 4);
    pub(super) const AMPERSAND: Self = Self(1 << 5);
    pub(super) const BACKSLASH: Self = Self(1 << 6);
    pub(super) const NUL: Self = Self(1 << 7);
    pub(super) const SPACE: Self = Self(1 << 8);
    pub(super) const NBSP: Self = Self(1 << 9);
    pub(super) const HIGH: Self = Self(1 << 10);
    pub(super) const STAR: Self = Self(1 << 11);
    pub(super) const DASH_OR_HASH: Self = Self(1 << 12);
    pub(super) const SHELL: Self = Self(1 << 13);
    pub(super) const PATH: Self = Self(1 << 14);
    pub(super) const X: Self = Self(1 << 15);
    pub(super) const WHITESPACE: Self = Self::SPACE.or(Self::NBSP);
    pub(super) const COMMENT: Self = Self::STAR.or(Self::DASH_OR_HASH);
    pub(super) const COMMAND: Self = Self::UPPER.or(Self::SPACE).or(Self::BACKSLASH).or(Self::SHELL);

    /// The classes that occur in a value: one table look-up per byte.
    pub fn of(value: &[u8]) -> Self {
        value
            .iter()
            .fold(Self::ALWAYS, |seen, &byte| seen.or(Self::of_byte(byte)))
    }

    /// The union of two sets.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the two sets share a class.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn of_byte(byte: u8) -> Self {
        TABLE.get(usize::from(byte)).copied().unwrap_or(Self::ALWAYS)
    }
}

static TABLE: [Triggers; 256] = table();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time only: 0 <= byte < 256, the table's length"
)]
const fn table() -> [Triggers; 256] {
    let mut table = [Triggers::NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = classify(byte as u8);
        byte += 1;
    }
    table
}

const fn classify(byte: u8) -> Triggers {
    match byte {
        b'x' => Triggers::LOWER.or(Triggers::X),
        b'X' => Triggers::UPPER.or(Triggers::X),
        b'A'..=b'Z' => Triggers::UPPER,
        b'a'..=b'z' => Triggers::LOWER,
        b'%' => Triggers::PERCENT,
        b'+' => Triggers::PLUS,
        b'&' => Triggers::AMPERSAND,
        b'\\' => Triggers::BACKSLASH,
        0 => Triggers::NUL,
        b'\t'..=b'\r' | b' ' => Triggers::SPACE,
        0xa0 => Triggers::NBSP.or(Triggers::HIGH),
        0x80..=0xff => Triggers::HIGH,
        b'*' => Triggers::STAR,
        b'-' | b'#' => Triggers::DASH_OR_HASH,
        b'"' | b'\'' | b'^' | b',' | b';' => Triggers::SHELL,
        b'/' | b'.' => Triggers::PATH,
        _ => Triggers::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_trigger_letters_only() {
        let seen = Triggers::of(b"word_1");
        assert!(seen.intersects(Triggers::LOWER));
        assert!(!seen.intersects(Triggers::UPPER.or(Triggers::PERCENT).or(Triggers::COMMAND)));
    }

    #[test]
    fn an_empty_value_triggers_what_always_runs() {
        assert_eq!(Triggers::of(b""), Triggers::ALWAYS);
    }
}
