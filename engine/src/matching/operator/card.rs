//! Finds numbers of payment cards: what an expression matches, and whose check digit is right.

use std::ops::Range;

use crate::rule::Regex;

/// Bytes of a match that are looked at: the digits of a number may stand apart from each other.
const LONGEST: usize = 64;
/// Digits of a match that are looked at, at least: no card has more (ISO/IEC 7812-1).
const DIGITS: usize = 19;
/// Digits that a search may pass before it finds a match: more make each search longer, fewer make more of them.
const PASSED: usize = 8;
/// Matches that are no cards and may hold one, for instance behind their first digit. Behind so many, whatever stands
/// within a match counts as looked at.
const CANDIDATES: usize = 1_024;

/// The first match whose digits add up.
pub(super) fn find(regex: &Regex, value: &[u8]) -> Option<Range<usize>> {
    Cards::new(regex, value).next()
}

/// Such matches that do not overlap, from left to right, at most so many.
pub(super) fn find_all(regex: &Regex, value: &[u8], limit: usize) -> Vec<Range<usize>> {
    Cards::new(regex, value).take(limit).collect()
}

/// Looks for cards.
///
/// Each search sees a part of the value with a bounded number of digits, for otherwise an expression like `[0-9]+x|[0-9]`
/// would read all of what is left for each digit.
struct Cards<'a> {
    regex: &'a Regex,
    value: &'a [u8],
    from: usize,
    /// Matches that are no cards and may still be looked into.
    candidates: usize,
}

impl<'a> Cards<'a> {
    fn new(regex: &'a Regex, value: &'a [u8]) -> Self {
        let first = regex.find(value);
        Self {
            regex,
            value,
            from: first.map_or(value.len(), |found| found.start),
            candidates: CANDIDATES,
        }
    }
}

impl Iterator for Cards<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let Self { regex, value, .. } = *self;
        while self.from < value.len() {
            let from = self.from;
            let late = end_of(value, from, PASSED);
            let found = regex.find_in(value, from..end_of(value, late, DIGITS));
            // Of what begins late, not all was seen.
            let Some(found) = found.filter(|found| found.start < late) else {
                self.from = late;
                continue;
            };
            let is_card = regex.is_broken() || value.get(found.clone()).is_some_and(is_card);
            self.from = if is_card || self.candidates == 0 {
                found.end.max(found.start + 1)
            } else {
                self.candidates -= 1;
                found.start + 1
            };
            if is_card {
                return Some(found);
            }
        }
        None
    }
}

/// Where what begins somewhere ends at the latest: behind so many digits and what is none behind them.
fn end_of(value: &[u8], from: usize, digits: usize) -> usize {
    let mut left = digits;
    let is_within = |byte: &&u8| {
        let is_digit = byte.is_ascii_digit();
        let is_within = !is_digit || left > 0;
        left -= usize::from(is_digit && is_within);
        is_within
    };
    let text = value.iter().skip(from).take(LONGEST);
    from + text.take_while(is_within).count()
}

/// Whether the digits of a text add up (ISO/IEC 7812-1, Luhn's algorithm).
fn is_card(text: &[u8]) -> bool {
    let digits = text.iter().rev().filter(|byte| byte.is_ascii_digit());
    let (mut sum, mut count) = (0_u32, 0_u32);
    for digit in digits {
        let digit = u32::from(digit - b'0') << (count % 2);
        sum += if digit > 9 { digit - 9 } else { digit };
        count += 1;
    }
    count > 0 && sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Expression, Flags};

    fn regex(text: &str) -> Regex {
        let flags = Flags {
            ignore_case: true,
            groups: false,
        };
        Regex::new(&Expression::new(text, flags).unwrap()).unwrap()
    }

    #[test]
    fn cards_are_known_by_their_check_digit() {
        for (text, value, expected) in [
            (r"\d{13,16}", "card 4111111111111111.", Some(5..21)),
            (r"\b\d{13,16}", "card 4111111111111112.", None),
            // The first sixteen digits are no card, but those behind the first one are.
            (r"\d{13,16}", "94111111111111111", Some(1..17)),
            (r"\d{4}-\d{4}-\d{4}-\d{4}", "5500-0000-0000-0004", Some(0..19)),
            // What stands before the match is seen.
            (r"\b\d{16}", "94111111111111111", None),
            ("[a-z]+", "abc", None),
            ("x*", "abc", None),
            ("x*", "", None),
            (r"\d+", "0", Some(0..1)),
            (r"\d+", "1", None),
        ] {
            assert_eq!(find(&regex(text), value.as_bytes()), expected, "{text} {value}");
        }
    }

    #[test]
    fn check_digits_are_those_of_published_numbers() {
        for number in [
            "4111111111111111",
            "5500 0000 0000 0004",
            "340000000000009",
            "6011000000000004",
            "79927398713",
            "18",
        ] {
            assert!(is_card(number.as_bytes()), "{number}");
        }
        for number in [
            "",
            "-",
            "79927398710",
            "79927398712",
            "81",
            "1",
            "4111111111111121",
        ] {
            assert!(!is_card(number.as_bytes()), "{number}");
        }
    }

    #[test]
    fn a_card_is_found_wherever_it_stands() {
        let card = regex(r"\d{16}");
        for before in 0..3 * LONGEST {
            let value = [vec![b'a'; before].as_slice(), b"4111111111111111"].concat();
            assert_eq!(find(&card, &value), Some(before..before + 16));
            let value = [b"4111111111111112 ", value.as_slice()].concat();
            assert_eq!(find(&card, &value), Some(before + 17..before + 33));
        }
    }

    #[test]
    fn a_match_as_long_as_allowed_is_found_wherever_it_stands() {
        let dashes = "-".repeat(LONGEST - 3);
        let long = regex(&format!("1|z{dashes}18"));
        for before in 0..3 * LONGEST {
            let value = format!("1{}z{dashes}18", "-".repeat(before));
            assert_eq!(
                find(&long, value.as_bytes()),
                Some(before + 1..before + 1 + LONGEST)
            );
        }
    }

    #[test]
    fn the_longest_card_is_found_among_digits() {
        let digits = regex(r"\d+");
        for (value, expected) in [
            ("4000000000000000006", Some(0..19)),
            ("94000000000000000006", Some(1..20)),
        ] {
            assert_eq!(find(&digits, value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn all_cards_are_found() {
        let value = b"4111111111111111 4111111111111112 5500000000000004,340000000000009";
        let cards = regex(r"\b[0-9]{15,16}");
        assert_eq!(find_all(&cards, value, 9), [0..16, 34..50, 51..66]);
        assert_eq!(find_all(&cards, value, 2), [0..16, 34..50]);
    }

    #[test]
    fn what_is_no_card_hides_none_behind_it() {
        let digits = if cfg!(miri) { 64 } else { 64 * 1024 };
        let value = [vec![b'1'; digits].as_slice(), b" 4111111111111111"].concat();
        let expected = Some(value.len() - 16..value.len());
        assert_eq!(find(&regex(r"\b\d{16}\b|1"), &value), expected);
        assert_eq!(find(&regex(r"\d+x|\b4\d+|1"), &value), expected);
    }

    #[test]
    fn what_could_not_be_built_matches() {
        let broken = Regex::broken();
        assert_eq!(find(&broken, b"ab"), Some(0..2));
        assert_eq!(find_all(&broken, b"ab", 9).len(), 1);
    }
}
