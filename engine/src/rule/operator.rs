//! What a link asks of a value.

use super::{Expression, IpRange, Template};

/// What a link asks of a value.
#[derive(Debug, Clone)]
pub enum Operator {
    /// A regular expression matches somewhere in it (`@rx`).
    Rx(Expression),
    /// One of these phrases occurs in it, regardless of ASCII case (`@pm`, `@pmFromFile`).
    Pm(Vec<Box<[u8]>>),
    /// It compares with a text, byte by byte.
    Text(TextTest, Template),
    /// Its number, 0 when it is none, compares with another.
    Number(Comparison, Template),
    /// It is an address in one of these ranges (`@ipMatch`, `@ipMatchFromFile`).
    IpMatch(Vec<IpRange>),
    /// It has a byte outside of these (`@validateByteRange`).
    ValidateByteRange(ByteRanges),
    /// It is not UTF-8 (`@validateUtf8Encoding`).
    ValidateUtf8,
    /// It has a `%` without two hexadecimal digits behind it (`@validateUrlEncoding`).
    ValidateUrlEncoding,
    /// The expression matches somewhere what is the number of a payment card by its check digit (`@verifyCC`).
    VerifyCc(Expression),
    /// It changes the SQL statement into which an application puts it (`@detectSQLi`).
    DetectSqli,
    /// It runs scripts in the page into which an application puts it (`@detectXSS`).
    DetectXss,
    /// An operator with conditions on the same value.
    Guarded(Box<Guarded>),
    /// Always yes (`@unconditionalMatch`).
    UnconditionalMatch,
    /// Always no (`@noMatch`).
    NoMatch,
}

impl Operator {
    /// The phrases that stand in a file, one a line, but for empty lines and those that begin with `#`.
    pub fn pm_from_lines(text: &[u8]) -> Self {
        let lines = text.split(|byte| *byte == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        Self::Pm(lines.filter(|line| !is_comment(line)).map(Into::into).collect())
    }

    /// The ranges that stand in a file, one a line, but for empty lines and what begins with `#`.
    ///
    /// Every line that holds none is an error, which has its number, from 1.
    pub fn ip_match_from_lines(text: &str) -> Result<Self, Vec<(usize, String)>> {
        let (mut ranges, mut errors) = (Vec::new(), Vec::new());
        for (number, line) in (1..).zip(text.lines()) {
            let range = line.split('#').next().unwrap_or_default().trim();
            match range.parse() {
                _ if range.is_empty() => {}
                Ok(range) => ranges.push(range),
                Err(error) => errors.push((number, error)),
            }
        }
        if errors.is_empty() {
            Ok(Self::IpMatch(ranges))
        } else {
            Err(errors)
        }
    }
}

fn is_comment(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.is_empty() || line.starts_with(b"#")
}

/// An operator, and what else has to hold for the value that it is asked about.
#[derive(Debug, Clone)]
pub struct Guarded {
    /// The operator.
    pub operator: Operator,
    /// What has to match the value before the operator is asked.
    pub when: Option<Expression>,
    /// What must not match a value that the operator matched.
    pub unless: Option<Expression>,
}

/// How a value compares with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTest {
    /// The text occurs in the value (`@contains`, `@strmatch`).
    Contains,
    /// The text occurs in the value, with no ASCII letter right before or after it (`@containsWord`).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_lines() {
        let Operator::Pm(phrases) = Operator::pm_from_lines(b"# tools\r\nsqlmap\r\n\n two words \nlast")
        else {
            panic!("another operator");
        };
        let phrases: Vec<&[u8]> = phrases.iter().map(|phrase| &**phrase).collect();
        assert_eq!(phrases, [&b"sqlmap"[..], b" two words ", b"last"]);
    }

    #[test]
    fn ranges_are_lines_and_every_wrong_one_is_told() {
        let text = "# office\n10.0.0.0/8 # all\n\n 2001:db8::/32\n";
        let Ok(Operator::IpMatch(ranges)) = Operator::ip_match_from_lines(text) else {
            panic!("it was refused");
        };
        assert_eq!(ranges.len(), 2);
        let errors = Operator::ip_match_from_lines("10.0.0.0/33\n::1\nhost").unwrap_err();
        let lines: Vec<usize> = errors.into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 3]);
    }
}
