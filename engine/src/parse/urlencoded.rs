//! Queries and forms: `a=1&b=2`.

use std::borrow::Cow;

use super::{Findings, ParseError, Sink, cut};
use crate::{config::Limits, transform::percent_decode};

/// Reads `application/x-www-form-urlencoded`, decoding `%XX` and `+` once.
///
/// Only `&` separates. Where an application splits at `;` too, the value that is inspected here holds all that the
/// application makes of it, so nothing hides. Broken codes stay as they are and raise
/// [`ParseError::BadPercentCode`]. A pair without `=` is a name; empty names stay; `&&` holds nothing.
pub fn urlencoded<S: Sink + ?Sized>(input: &[u8], limits: &Limits, sink: &mut S) {
    let mut found = Findings::arguments(sink, limits);
    let mut rest = input;
    while !rest.is_empty() {
        let (pair, after) = cut(rest, b'&');
        if !pair.is_empty() {
            let (name, value) = cut(pair, b'=');
            let name = decode(name, &mut found);
            let value = decode(value, &mut found);
            if !found.argument(&name, value) {
                found.error(ParseError::TooManyArguments);
                let rest = decode(rest, &mut found);
                found.leftover(rest);
                return;
            }
        }
        rest = after;
    }
}

fn decode<'a, S: Sink + ?Sized>(input: &'a [u8], found: &mut Findings<'_, S>) -> Cow<'a, [u8]> {
    let (decoded, is_broken) = percent_decode(input, b' ');
    if is_broken {
        found.error(ParseError::BadPercentCode);
    }
    decoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::collected::Collected;

    fn parse(input: &[u8]) -> Collected {
        parse_within(input, 1_000)
    }

    fn parse_within(input: &[u8], arguments: usize) -> Collected {
        let limits = Limits {
            arguments,
            ..Limits::default()
        };
        Collected::of(|sink| urlencoded(input, &limits, sink))
    }

    #[test]
    fn pairs_are_decoded_once() {
        let found = parse(b"a=1&b%20c=x+y%2B&d=%253c");
        assert_eq!(found.pairs(), [("a", "1"), ("b c", "x y+"), ("d", "%3c")]);
        assert_eq!(found.errors, []);
    }

    #[test]
    fn odd_pairs_are_kept() {
        let found = parse(b"&&flag&=v&a==b&c=&a=2&");
        assert_eq!(
            found.pairs(),
            [("flag", ""), ("", "v"), ("a", "=b"), ("c", ""), ("a", "2")]
        );
    }

    #[test]
    fn semicolons_stay_in_the_value() {
        assert_eq!(parse(b"a=1;b=<script>").pairs(), [("a", "1;b=<script>")]);
    }

    #[test]
    fn broken_codes_stay_and_raise_one_error() {
        let found = parse(b"a=100%&b=%zz%41");
        assert_eq!(found.pairs(), [("a", "100%"), ("b", "%zzA")]);
        assert_eq!(found.errors, [ParseError::BadPercentCode]);
    }

    #[test]
    fn what_lies_beyond_the_limit_stays_inspected() {
        let found = parse_within(b"a=1&b=2&c=%3Cscript%3E&d=4", 2);
        assert_eq!(found.pairs(), [("a", "1"), ("b", "2"), ("", "c=<script>&d=4")]);
        assert_eq!(found.errors, [ParseError::TooManyArguments]);
        assert_eq!(parse_within(b"a=1&b=2&", 2).errors, []);
    }

    #[test]
    fn lengths_beyond_the_limits_are_told_and_handed_on() {
        let limits = Limits {
            argument_name_length: 2,
            argument_length: 3,
            arguments_length: 10,
            ..Limits::default()
        };
        let read = |input: &[u8]| Collected::of(|sink| urlencoded(input, &limits, sink));
        assert_eq!(read(b"ab=123&ab=12%33").errors, []);
        for (input, error) in [
            (&b"abc=1"[..], ParseError::ArgumentNameLength),
            (b"a=1234&b=1234", ParseError::ArgumentLength),
            (b"ab=123&ab=123&a", ParseError::ArgumentsLength),
        ] {
            let found = read(input);
            assert_eq!(found.errors, [error]);
            assert_eq!(found.arguments.len(), input.split(|&byte| byte == b'&').count());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_within_bounds(input in prop::collection::vec(any::<u8>(), 0..256), limit in 0..8_usize) {
            prop_assert!(parse_within(&input, limit).bytes() <= input.len());
        }

        #[test]
        fn encoded_pairs_come_back(pairs in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..20)) {
            let encode = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
            let encoded: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
            prop_assert_eq!(parse(encoded.join("&").as_bytes()).arguments, pairs);
        }
    }
}
