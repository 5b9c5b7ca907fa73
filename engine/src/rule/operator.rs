//! What a link asks of a value.

use super::{Expression, IpRange, Template};

/// What a link asks of a value.
#[derive(Debug, Clone)]
pub enum Operator {
    /// A regular expression matches somewhere in it (`@rx`).
    Rx(Expression),
    /// One of these phrases occurs in it, regardless of ASCII case (`@pm`).
    Pm(Vec<Box<[u8]>>),
    /// It compares with a text, byte by byte.
    Text(TextTest, Template),
    /// Its number, 0 when it is none, compares with another.
    Number(Comparison, Template),
    /// It is an address in one of these ranges (`@ipMatch`).
    IpMatch(Vec<IpRange>),
    /// It has a byte outside of these (`@validateByteRange`).
    ValidateByteRange(ByteRanges),
    /// It is not UTF-8 (`@validateUtf8Encoding`).
    ValidateUtf8,
    /// It changes the SQL statement into which an application puts it (`@detectSQLi`).
    DetectSqli,
    /// It runs scripts in the page into which an application puts it (`@detectXSS`).
    DetectXss,
    /// Always yes (`@unconditionalMatch`).
    UnconditionalMatch,
    /// Always no (`@noMatch`).
    NoMatch,
}

/// How a value compares with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTest {
    /// The text occurs in the value (`@contains`).
    Contains,
    /// The text occurs in the value, with no ASCII word character right before or after it (`@containsWord`).
    ContainsWord,
    /// The value begins with the text (`@beginsWith`).
    BeginsWith,
    /// The value ends with the text (`@endsWith`).
    EndsWith,
    /// The value is the text (`@streq`).
    Equals,
    /// The value occurs in the text (`@within`). An empty value does.
    Within,
}

/// How a number compares with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Greater or equal.
    Ge,
    /// Greater.
    Gt,
    /// Less or equal.
    Le,
    /// Less.
    Lt,
}

impl Comparison {
    /// Compares.
    pub const fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Eq => left == right,
            Self::Ge => left >= right,
            Self::Gt => left > right,
            Self::Le => left <= right,
            Self::Lt => left < right,
        }
    }
}

/// A set of bytes, given as ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ByteRanges(pub Vec<std::ops::RangeInclusive<u8>>);

impl ByteRanges {
    /// Whether a byte belongs to the set.
    pub fn contains(&self, byte: u8) -> bool {
        self.0.iter().any(|range| range.contains(&byte))
    }
}
