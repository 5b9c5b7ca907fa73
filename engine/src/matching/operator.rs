//! Operators in the form in which they are asked.

mod card;
mod text;

use std::{borrow::Cow, net::IpAddr, ops::Range};

use aho_corasick::AhoCorasick;
use memchr::memchr_iter;

use super::ByteSet;
use crate::{
    injection,
    rule::{self, Comparison, ExpressionError, IpRanges, Operator, Regex, Template, TextTest},
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
    IpMatch(IpRanges),
    /// A byte outside of the set occurs.
    Bytes(ByteSet),
    NotUtf8,
    UrlEncoding,
    Cc(Regex),
    Sqli,
    Xss,
    Guarded(Box<Guarded>),
    Always,
    Never,
}

/// A test with conditions on the same value.
#[derive(Debug)]
pub(crate) struct Guarded {
    test: Test,
    when: Option<Regex>,
    unless: Option<Regex>,
}

impl Guarded {
    fn new(operator: &rule::Guarded) -> Result<Self, aho_corasick::BuildError> {
        Ok(Self {
            test: Test::new(&operator.operator)?,
            when: operator.when.as_ref().map(Regex::lazy),
            unless: operator.unless.as_ref().map(Regex::lazy),
        })
    }

    fn find(&self, value: &[u8], environment: &impl Environment) -> Option<Range<usize>> {
        let found = self
            .is_asked(value)
            .then(|| self.test.find(value, environment))??;
        (!self.is_excused(value)).then_some(found)
    }

    fn is_asked(&self, value: &[u8]) -> bool {
        self.when.as_ref().is_none_or(|when| when.is_match(value))
    }

    /// What could not be built speaks against the value.
    fn is_excused(&self, value: &[u8]) -> bool {
        let unless = self.unless.as_ref();
        unless.is_some_and(|unless| unless.is_match(value) && !unless.is_broken())
    }
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
            Operator::IpMatch(ranges) => Self::IpMatch(IpRanges::new(ranges)),
            Operator::ValidateByteRange(ranges) => {
                Self::Bytes((0..=u8::MAX).filter(|byte| ranges.contains(*byte)).collect())
            }
            Operator::ValidateUtf8 => Self::NotUtf8,
            Operator::ValidateUrlEncoding => Self::UrlEncoding,
            Operator::VerifyCc(expression) => Self::Cc(Regex::lazy(expression)),
            Operator::DetectSqli => Self::Sqli,
            Operator::DetectXss => Self::Xss,
            Operator::Guarded(guarded) => Self::Guarded(Box::new(Guarded::new(guarded)?)),
            Operator::UnconditionalMatch => Self::Always,
            Operator::NoMatch => Self::Never,
        })
    }

    /// Asks; the answer is the part of the value that matched, which may be empty.
    pub(crate) fn find(&self, value: &[u8], environment: &impl Environment) -> Option<Range<usize>> {
        match self {
            Self::Rx(regex) => regex.find(value),
            Self::Pm(phrases) => phrases.find(value).map(|found| found.range()),
            Self::Text(test, other) => text::find(*test, value, &environment.expand(other)),
            Self::Number(comparison, right) => comparison
                .holds(number(value), number(&environment.expand(right)))
                .then_some(0..value.len()),
            Self::IpMatch(ranges) => {
                let address: IpAddr = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
                ranges.contains(address).then_some(0..value.len())
            }
            Self::Bytes(allowed) => value
                .iter()
                .position(|byte| !allowed.contains(*byte))
                .map(|position| position..position + 1),
            Self::NotUtf8 => {
                let position = std::str::from_utf8(value).err()?.valid_up_to();
                Some(position..position + 1)
            }
            Self::UrlEncoding => find_bad_percent(value),
            Self::Cc(regex) => card::find(regex, value),
            Self::Sqli => injection::is_sqli(value).then_some(0..value.len()),
            Self::Xss => injection::is_xss(value).then_some(0..value.len()),
            Self::Guarded(guarded) => guarded.find(value, environment),
            Self::Always => Some(0..value.len()),
            Self::Never => None,
        }
    }

    /// The parts of the value that match, from left to right, at most so many.
    pub(crate) fn find_all(
        &self,
        value: &[u8],
        limit: usize,
        environment: &impl Environment,
    ) -> Vec<Range<usize>> {
        match self {
            Self::Rx(regex) => regex.find_all(value, limit),
            Self::Pm(phrases) => phrases
                .find_iter(value)
                .map(|found| found.range())
                .take(limit)
                .collect(),
            Self::Text(test, other) => text::find_all(*test, value, &environment.expand(other), limit),
            Self::Bytes(allowed) => (0..value.len())
                .zip(value)
                .filter(|(_, byte)| !allowed.contains(**byte))
                .map(|(position, _)| position..position + 1)
                .take(limit)
                .collect(),
            Self::Cc(regex) => card::find_all(regex, value, limit),
            Self::Guarded(guarded) if !guarded.is_asked(value) || guarded.is_excused(value) => Vec::new(),
            Self::Guarded(guarded) => guarded.test.find_all(value, limit, environment),
            _ => self.find(value, environment).into_iter().collect(),
        }
    }

    /// Whether the answer depends on the value alone.
    pub(crate) fn is_pure(&self) -> bool {
        match self {
            Self::Text(_, text) | Self::Number(_, text) => text.as_literal().is_some(),
            Self::Guarded(guarded) => guarded.test.is_pure(),
            _ => true,
        }
    }

    /// Shows the expressions that it consists of.
    pub(crate) fn regexes<'a>(&'a self, see: &mut impl FnMut(&'a Regex)) {
        match self {
            Self::Rx(regex) | Self::Cc(regex) => see(regex),
            Self::Guarded(guarded) => {
                guarded.when.iter().chain(&guarded.unless).for_each(&mut *see);
                guarded.test.regexes(see);
            }
            _ => {}
        }
    }

    /// Builds now what would be built when it is asked first.
    pub(crate) fn build(&self) -> Result<(), ExpressionError> {
        match self {
            Self::Rx(regex) | Self::Cc(regex) => regex.build(),
            Self::Guarded(guarded) => {
                let mut conditions = guarded.when.iter().chain(&guarded.unless);
                conditions.try_for_each(Regex::build)?;
                guarded.test.build()
            }
            _ => Ok(()),
        }
    }

    /// Whether it was asked and could not be built; then it says that everything matches.
    pub(crate) fn is_broken(&self) -> bool {
        match self {
            Self::Rx(regex) | Self::Cc(regex) => regex.is_broken(),
            Self::Guarded(guarded) => {
                let mut conditions = guarded.when.iter().chain(&guarded.unless);
                conditions.any(Regex::is_broken) || guarded.test.is_broken()
            }
            _ => false,
        }
    }
}

/// The first `%` without two hexadecimal digits behind it, with what stands in their place.
fn find_bad_percent(value: &[u8]) -> Option<Range<usize>> {
    let is_bad = |start: &usize| {
        let digits = value.get(start + 1..start + 3);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    // Where the digits are right, neither of them is a percent sign.
    let start = memchr_iter(b'%', value).find(is_bad)?;
    Some(start..value.len().min(start + 3))
}

/// The number at the beginning of a value, as C's `atoi` reads it: 0 when there is none; saturating.
pub(crate) fn number(value: &[u8]) -> i64 {
    let blanks = value.iter().take_while(|byte| matches!(byte, b' ' | 9..=13));
    let value = value.get(blanks.count()..).unwrap_or_default();
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
        matching::Outline,
        rule::{ByteRanges, Expression, Flags},
    };

    const FLAGS: Flags = Flags {
        ignore_case: true,
        groups: false,
    };

    fn find(operator: &Operator, value: &[u8]) -> Option<Range<usize>> {
        let test = Test::new(operator).unwrap();
        let found = test.find(value, &Nothing);
        if found.is_some() {
            assert!(Outline::of(operator).allows(value), "{operator:?}");
        }
        found
    }

    fn text(how: TextTest, text: &str) -> Operator {
        Operator::Text(how, Template::literal(text.as_bytes()))
    }

    #[test]
    fn texts_compare_as_they_say() {
        for (how, value, expected) in [
            (TextTest::Contains, &b"xabx"[..], Some(1..3)),
            (TextTest::ContainsWord, b"xab ab", Some(4..6)),
            (TextTest::BeginsWith, b"abx", Some(0..2)),
            (TextTest::EndsWith, b"xab", Some(1..3)),
            (TextTest::Equals, b"ab", Some(0..2)),
            (TextTest::Within, b"b", Some(0..1)),
        ] {
            assert_eq!(find(&text(how, "ab"), value), expected, "{how:?}");
            assert_eq!(find(&text(how, "ab"), b"AB"), None, "{how:?}");
        }
    }

    #[test]
    fn nothing_to_look_for_is_not_found() {
        assert_eq!(find(&Operator::Pm(Vec::new()), b"a"), None);
        assert_eq!(find(&Operator::IpMatch(Vec::new()), b"::1"), None);
        assert_eq!(
            find(&Operator::ValidateByteRange(ByteRanges(Vec::new())), b""),
            None
        );
        assert_eq!(
            find(&Operator::ValidateByteRange(ByteRanges(Vec::new())), b"a"),
            Some(0..1)
        );
        assert_eq!(find(&Operator::ValidateUtf8, b""), None);
        assert_eq!(find(&Operator::UnconditionalMatch, b""), Some(0..0));
    }

    #[test]
    fn every_match_is_found() {
        let expression = |text| Expression::new(text, FLAGS).unwrap();
        let guarded = |unless| {
            Operator::Guarded(Box::new(rule::Guarded {
                operator: text(TextTest::Contains, "ab"),
                when: Some(expression("x")),
                unless: Some(expression(unless)),
            }))
        };
        for (operator, value, expected) in [
            (
                text(TextTest::Contains, "ab"),
                &b"ab xabab"[..],
                vec![[0, 2], [4, 6], [6, 8]],
            ),
            (
                text(TextTest::ContainsWord, "ab"),
                b"ab xab-ab",
                vec![[0, 2], [7, 9]],
            ),
            (text(TextTest::BeginsWith, "ab"), b"abab", vec![[0, 2]]),
            (
                Operator::Pm(vec![(*b"ab").into()]),
                b"AB ab",
                vec![[0, 2], [3, 5]],
            ),
            (Operator::Rx(expression("ab")), b"AB ab", vec![[0, 2], [3, 5]]),
            (
                Operator::VerifyCc(expression("[0-9]{2}")),
                b"18 19 26",
                vec![[0, 2], [6, 8]],
            ),
            (
                Operator::ValidateByteRange(ByteRanges(vec![b' '..=b'~'])),
                b"\ta\n",
                vec![[0, 1], [2, 3]],
            ),
            (guarded("y"), b"abxab", vec![[0, 2], [3, 5]]),
            (guarded("y"), b"abab", vec![]),
            (guarded("x"), b"abxab", vec![]),
            (Operator::UnconditionalMatch, b"ab", vec![[0, 2]]),
            (Operator::NoMatch, b"ab", vec![]),
        ] {
            let test = Test::new(&operator).unwrap();
            let found = |limit| -> Vec<_> {
                let found = test.find_all(value, limit, &Nothing).into_iter();
                found.map(|range| [range.start, range.end]).collect()
            };
            assert_eq!(found(9), expected, "{operator:?}");
            assert_eq!(
                found(1),
                expected.into_iter().take(1).collect::<Vec<_>>(),
                "{operator:?}"
            );
        }
    }

    #[test]
    fn macros_are_expanded_before_it_is_compared() {
        struct Tx;
        impl Environment for Tx {
            fn expand<'a>(&self, _: &'a Template) -> Cow<'a, [u8]> {
                Cow::Borrowed(b"12")
            }
        }
        let template = Template::parse("%{tx.a}").unwrap();
        let equals = Operator::Text(TextTest::Equals, template.clone());
        let less = Operator::Number(Comparison::Lt, template);
        for (operator, value, expected) in [
            (&equals, &b"12"[..], Some(0..2)),
            (&equals, b"13", None),
            (&less, b"11", Some(0..2)),
            (&less, b"12", None),
        ] {
            let test = Test::new(operator).unwrap();
            assert!(!test.is_pure() && Outline::of(operator).allows(value));
            assert_eq!(test.find(value, &Tx), expected, "{operator:?}");
        }
    }

    #[test]
    fn percent_signs_need_two_digits() {
        for (value, expected) in [
            (&b"a%2fb%aF"[..], None),
            (b"", None),
            (b"100%", Some(3..4)),
            (b"%4", Some(0..2)),
            (b"%41%zz%", Some(3..6)),
            (b"%%41", Some(0..3)),
        ] {
            assert_eq!(find(&Operator::ValidateUrlEncoding, value), expected);
        }
    }

    #[test]
    fn encodings_that_utf8_does_not_have_are_told() {
        for (value, expected) in [
            (&b"a\xc0\xaf"[..], Some(1..2)),
            (b"\xed\xa0\x80", Some(0..1)),
            (b"\xf5\x80\x80\x80", Some(0..1)),
            (b"\xf4\x8f\xbf\xbf", None),
            (b"ab\xe2\x82", Some(2..3)),
            (b"\x80", Some(0..1)),
        ] {
            assert_eq!(find(&Operator::ValidateUtf8, value), expected);
        }
    }

    #[test]
    fn injections_are_told_from_text() {
        for (operator, attack, text) in [
            (
                Operator::DetectSqli,
                &b"1' or 1=1 -- -"[..],
                &b"It's one or two"[..],
            ),
            (Operator::DetectXss, b"<script>", b"a < b, c = d"),
        ] {
            assert_eq!(find(&operator, attack), Some(0..attack.len()));
            assert_eq!(find(&operator, text), None);
        }
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
    fn conditions_hold_for_the_same_value() {
        let expression = |text| {
            let flags = Flags {
                ignore_case: true,
                groups: false,
            };
            Expression::new(text, flags).unwrap()
        };
        let guarded = Operator::Guarded(Box::new(rule::Guarded {
            operator: text(TextTest::Contains, "b"),
            when: Some(expression("a")),
            unless: Some(expression("c")),
        }));
        assert_eq!(find(&guarded, b"ab"), Some(1..2));
        assert_eq!(find(&guarded, b"b"), None);
        assert_eq!(find(&guarded, b"abc"), None);
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
