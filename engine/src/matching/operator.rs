//! Operators in the form in which they are asked.

use std::{borrow::Cow, net::IpAddr, ops::Range};

use aho_corasick::AhoCorasick;
use memchr::memmem;

use super::ByteSet;
use crate::{
    injection,
    rule::{Comparison, ExpressionError, IpRange, Operator, Regex, Template, TextTest},
};

/// What a test may ask of the transaction around it.
pub(crate) trait Environment {
    /// Expands the macros of a text.
    fn expand<'a>(&self, template: &'a Template) -> Cow<'a, [u8]>;
}

/// The environment of tests that need none.
pub(crate) struct Nothing;

impl Environment for Nothing {
    fn expand<'a>(&self, template: &'a Template) -> Cow<'a, [u8]> {
        Cow::Borrowed(template.as_literal().unwrap_or_default())
    }
}

/// An operator in the form in which it is asked.
#[derive(Debug)]
pub(crate) enum Test {
    Rx(Regex),
    Pm(AhoCorasick),
    Text(TextTest, Template),
    Number(Comparison, Template),
    IpMatch(Vec<IpRange>),
    /// A byte outside of the set occurs.
    Bytes(ByteSet),
    NotUtf8,
    Sqli,
    Xss,
    Always,
    Never,
}

impl Test {
    /// Takes an operator; a regular expression is built when it is asked first.
    pub(crate) fn new(operator: &Operator) -> Result<Self, aho_corasick::BuildError> {
        Ok(match operator {
            Operator::Rx(expression) => Self::Rx(Regex::lazy(expression)),
            Operator::Pm(phrases) => {
                let automaton = AhoCorasick::builder()
                    .ascii_case_insensitive(true)
                    .build(phrases.iter())?;
                Self::Pm(automaton)
            }
            Operator::Text(test, other) => Self::Text(*test, other.clone()),
            Operator::Number(comparison, number) => Self::Number(*comparison, number.clone()),
            Operator::IpMatch(ranges) => Self::IpMatch(ranges.clone()),
            Operator::ValidateByteRange(ranges) => {
                Self::Bytes((0..=u8::MAX).filter(|byte| ranges.contains(*byte)).collect())
            }
            Operator::ValidateUtf8 => Self::NotUtf8,
            Operator::DetectSqli => Self::Sqli,
            Operator::DetectXss => Self::Xss,
            Operator::UnconditionalMatch => Self::Always,
            Operator::NoMatch => Self::Never,
        })
    }

    /// Asks; the answer is the part of the value that matched, which may be empty.
    pub(crate) fn find(&self, value: &[u8], environment: &impl Environment) -> Option<Range<usize>> {
        match self {
            Self::Rx(regex) => regex.find(value),
            Self::Pm(phrases) => phrases.find(value).map(|found| found.range()),
            Self::Text(test, other) => find_text(*test, value, &environment.expand(other)),
            Self::Number(comparison, right) => comparison
                .holds(number(value), number(&environment.expand(right)))
                .then_some(0..value.len()),
            Self::IpMatch(ranges) => {
                let address: IpAddr = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
                ranges
                    .iter()
                    .any(|range| range.contains(address))
                    .then_some(0..value.len())
            }
            Self::Bytes(allowed) => value
                .iter()
                .position(|byte| !allowed.contains(*byte))
                .map(|position| position..position + 1),
            Self::NotUtf8 => {
                let position = std::str::from_utf8(value).err()?.valid_up_to();
                Some(position..position + 1)
            }
            Self::Sqli => injection::is_sqli(value).then_some(0..value.len()),
            Self::Xss => injection::is_xss(value).then_some(0..value.len()),
            Self::Always => Some(0..value.len()),
            Self::Never => None,
        }
    }

    /// Whether the answer depends on the value alone.
    pub(crate) fn is_pure(&self) -> bool {
        match self {
            Self::Text(_, text) | Self::Number(_, text) => text.as_literal().is_some(),
            _ => true,
        }
    }

    /// Builds now what would be built when it is asked first.
    pub(crate) fn build(&self) -> Result<(), ExpressionError> {
        match self {
            Self::Rx(regex) => regex.build(),
            _ => Ok(()),
        }
    }

    /// Whether it was asked and could not be built; then it says that everything matches.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::Rx(regex) if regex.is_broken())
    }
}

fn find_text(how: TextTest, value: &[u8], text: &[u8]) -> Option<Range<usize>> {
    let start = match how {
        TextTest::Contains => memmem::find(value, text)?,
        TextTest::ContainsWord => find_word(value, text)?,
        TextTest::BeginsWith => value.starts_with(text).then_some(0)?,
        TextTest::EndsWith => value.ends_with(text).then(|| value.len() - text.len())?,
        TextTest::Equals => (value == text).then_some(0)?,
        TextTest::Within => return memmem::find(text, value).map(|_| 0..value.len()),
    };
    Some(start..start + text.len())
}

fn find_word(value: &[u8], text: &[u8]) -> Option<usize> {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    memmem::find_iter(value, text).find(|start| {
        let before = start.checked_sub(1).and_then(|position| value.get(position));
        !is_word(before) && !is_word(value.get(start + text.len()))
    })
}

/// The number at the beginning of a value, as C's `atoi` reads it: 0 when there is none; saturating.
pub(crate) fn number(value: &[u8]) -> i64 {
    let value = value.trim_ascii_start();
    let (negative, digits) = match value.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, value),
    };
    let magnitude = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0i64, |number, digit| {
            number.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
        });
    if negative { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        matching::outline,
        rule::{ByteRanges, Expression, Flags},
    };

    fn find(operator: &Operator, value: &[u8]) -> Option<Range<usize>> {
        let test = Test::new(operator).unwrap();
        let found = test.find(value, &Nothing);
        if found.is_some() {
            outline::check(operator, value);
        }
        found
    }

    fn text(how: TextTest, text: &str) -> Operator {
        Operator::Text(how, Template::literal(text.as_bytes()))
    }

    #[test]
    fn texts_are_compared_byte_by_byte() {
        assert_eq!(find(&text(TextTest::Contains, "b"), b"abc"), Some(1..2));
        assert_eq!(find(&text(TextTest::Contains, "B"), b"abc"), None);
        assert_eq!(find(&text(TextTest::BeginsWith, "ab"), b"abc"), Some(0..2));
        assert_eq!(find(&text(TextTest::BeginsWith, "bc"), b"abc"), None);
        assert_eq!(find(&text(TextTest::EndsWith, "bc"), b"abc"), Some(1..3));
        assert_eq!(find(&text(TextTest::EndsWith, "ab"), b"abc"), None);
        assert_eq!(find(&text(TextTest::Equals, "abc"), b"abc"), Some(0..3));
        assert_eq!(find(&text(TextTest::Equals, "abc"), b"ab"), None);
        assert_eq!(find(&text(TextTest::Within, "GET POST"), b"POST"), Some(0..4));
        assert_eq!(find(&text(TextTest::Within, "GET POST"), b"PUT"), None);
    }

    #[test]
    fn words_have_borders() {
        assert_eq!(find(&text(TextTest::ContainsWord, "or"), b"for or"), Some(4..6));
        assert_eq!(find(&text(TextTest::ContainsWord, "or"), b"for _or or1"), None);
    }

    #[test]
    fn phrases_ignore_case() {
        let operator = Operator::Pm(vec![(*b"sqlmap").into(), (*b"nikto").into()]);
        assert_eq!(find(&operator, b"x NIKTO"), Some(2..7));
        assert_eq!(find(&operator, b"x"), None);
    }

    #[test]
    fn numbers_are_read_as_atoi_does() {
        for (text, expected) in [
            ("12", 12),
            (" -3x", -3),
            ("", 0),
            ("x", 0),
            ("+5", 5),
            ("99999999999999999999", i64::MAX),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{text}");
        }
        let ge = Operator::Number(Comparison::Ge, Template::literal(*b"5"));
        assert!(find(&ge, b"5").is_some() && find(&ge, b"4").is_none());
    }

    #[test]
    fn addresses_bytes_and_encodings_are_checked() {
        let ip = Operator::IpMatch(vec!["10.0.0.0/8".parse().unwrap()]);
        assert!(
            find(&ip, b"10.1.2.3").is_some() && find(&ip, b"11.1.2.3").is_none() && find(&ip, b"x").is_none()
        );
        let bytes = Operator::ValidateByteRange(ByteRanges(vec![32..=126]));
        assert_eq!(find(&bytes, b"ab\x01"), Some(2..3));
        assert_eq!(find(&bytes, b"ab"), None);
        assert_eq!(find(&Operator::ValidateUtf8, b"a\xff"), Some(1..2));
        assert_eq!(find(&Operator::ValidateUtf8, "é".as_bytes()), None);
    }

    #[test]
    fn constant_operators_are_constant() {
        assert_eq!(find(&Operator::UnconditionalMatch, b""), Some(0..0));
        assert_eq!(find(&Operator::NoMatch, b"a"), None);
    }

    #[test]
    fn expressions_find_the_leftmost_match() {
        let rx = Operator::Rx(
            Expression::new(
                "b+",
                Flags {
                    ignore_case: true,
                    groups: false,
                },
            )
            .unwrap(),
        );
        assert_eq!(find(&rx, b"aBbab"), Some(1..3));
    }
}
