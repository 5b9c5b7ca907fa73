//! Cookies: `a=1; b="two"`.

use std::borrow::Cow;

use super::{Findings, ParseError, Sink, cut};
use crate::{config::Limits, transform::octal_digit};

/// Reads one `Cookie` header. Names and values are trimmed and otherwise stay as they came: percent codes are
/// undone by transformations.
///
/// A value in quotes loses them. Servers differ in what quotes mean, so the other readings are handed on as well,
/// under the same name: with `\"` and `\074` undone where they occur, and, where the quotes span a `;`, the whole
/// quoted text next to the pieces.
pub fn cookies<S: Sink + ?Sized>(header: &[u8], limits: &Limits, sink: &mut S) {
    let mut found = Findings::cookies(sink, limits);
    let mut rest = header;
    while !rest.is_empty() {
        let (pair, after) = cut(rest, b';');
        if !pair.trim_ascii().is_empty() && !cookie(pair, rest, &mut found) {
            found.error(ParseError::TooManyCookies);
            found.leftover(Cow::Borrowed(rest));
            return;
        }
        rest = after;
    }
}

/// Hands one cookie on in every reading; false when the limit leaves no room for it.
fn cookie<S: Sink + ?Sized>(pair: &[u8], rest: &[u8], found: &mut Findings<'_, S>) -> bool {
    let (name, value) = cut(pair, b'=');
    let (name, value) = (name.trim_ascii(), value.trim_ascii());
    let Some(opened) = value.strip_prefix(b"\"") else {
        return found.argument(name, Cow::Borrowed(value));
    };
    let closed = opened.strip_suffix(b"\"").filter(|text| !ends_in_escape(text));
    if !found.argument(name, Cow::Borrowed(closed.unwrap_or(value))) {
        return false;
    }
    let quoted = match closed {
        Some(closed) => Some(closed),
        None => memchr::memchr(b'"', rest).and_then(|at| quoted(rest.get(at + 1..)?)),
    };
    let Some(quoted) = quoted else { return true };
    let has_escapes = memchr::memchr(b'\\', quoted).is_some();
    let other = if has_escapes {
        Cow::Owned(unescape(quoted))
    } else {
        Cow::Borrowed(quoted)
    };
    (closed.is_some() && !has_escapes) || found.argument(name, other)
}

/// Whether a backslash at the end belongs to what follows.
fn ends_in_escape(text: &[u8]) -> bool {
    text.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// The text up to the quote that ends it.
fn quoted(input: &[u8]) -> Option<&[u8]> {
    let mut is_escaped = false;
    let end = input.iter().position(|&byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })?;
    input.get(..end)
}

/// Undoes `\074` and `\"`, as Python and Java do.
fn unescape(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        rest = match rest {
            [b'\\', a @ b'0'..=b'3', b, c, after @ ..]
                if let (Some(a), Some(b), Some(c)) = (octal_digit(*a), octal_digit(*b), octal_digit(*c)) =>
            {
                output.push(a << 6 | b << 3 | c);
                after
            }
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                output.push(*byte);
                after
            }
            [] => return output,
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::collected::Collected;

    fn parse(header: &[u8]) -> Collected {
        parse_within(header, 200)
    }

    fn parse_within(header: &[u8], cookies: usize) -> Collected {
        let limits = Limits {
            cookies,
            ..Limits::default()
        };
        Collected::of(|sink| super::cookies(header, &limits, sink))
    }

    #[test]
    fn cookies_are_split_and_trimmed() {
        let found = parse(b"a=1;b = two ;; c=x=y; flag; =v; a=%3C");
        let expected = [
            ("a", "1"),
            ("b", "two"),
            ("c", "x=y"),
            ("flag", ""),
            ("", "v"),
            ("a", "%3C"),
        ];
        assert_eq!(found.pairs(), expected);
        assert_eq!(found.errors, []);
    }

    #[test]
    fn quotes_go() {
        assert_eq!(
            parse(b"a=\"b c\"; d=\"\"; e=\"").pairs(),
            [("a", "b c"), ("d", ""), ("e", "\"")]
        );
    }

    #[test]
    fn escapes_are_read_both_ways() {
        let found = parse(br#"a="\074script\076 \"x\"""#);
        assert_eq!(
            found.pairs(),
            [("a", r#"\074script\076 \"x\""#), ("a", "<script> \"x\"")]
        );
    }

    #[test]
    fn octal_escapes_may_have_any_first_digit() {
        assert_eq!(
            parse(br#"a="\101\377\400""#).arguments[1],
            (b"a".to_vec(), b"A\xff400".to_vec())
        );
    }

    #[test]
    fn an_escaped_quote_ends_no_text() {
        for header in [
            &br#"a="x\";y\\"; z""#[..],
            br#"a="x\" ;y\\"; z""#,
            br#"a="x\"-;y\\"; z""#,
        ] {
            let found = parse(header);
            let (_, quoted) = found.pairs()[1];
            assert!(quoted.starts_with("x\"") && quoted.ends_with(r";y\"), "{quoted}");
        }
        assert_eq!(parse(br#"a="x\\""#).pairs(), [("a", r"x\\"), ("a", r"x\")]);
        assert_eq!(parse(br#"a="x\""#).pairs(), [("a", r#""x\""#)]);
    }

    #[test]
    fn quotes_that_span_a_separator_are_read_both_ways() {
        let found = parse(b"a=\"1; drop table x\"; b=2");
        assert_eq!(
            found.pairs(),
            [
                ("a", "\"1"),
                ("a", "1; drop table x"),
                ("drop table x\"", ""),
                ("b", "2")
            ]
        );
    }

    #[test]
    fn what_lies_beyond_the_limit_stays_inspected() {
        let found = parse_within(b"a=1; b=2; c=<script>; d", 2);
        assert_eq!(found.pairs(), [("a", "1"), ("b", "2"), ("", " c=<script>; d")]);
        assert_eq!(found.errors, [ParseError::TooManyCookies]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_within_bounds(input in prop::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(parse(&input).bytes() <= 4 * input.len());
        }

        #[test]
        fn quotes_and_separators_stay_within_bounds(input in r#"[a=";\\ 0]{0,64}"#, limit in 0..8_usize) {
            prop_assert!(parse_within(input.as_bytes(), limit).bytes() <= 4 * input.len());
        }

        #[test]
        fn plain_cookies_come_back(pairs in prop::collection::vec(("[a-z]{1,8}", "[!#-+./0-9<>a-z]{0,8}"), 0..20)) {
            let header: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
            let found = parse(header.join("; ").as_bytes());
            prop_assert_eq!(found.pairs(), pairs);
        }
    }
}
