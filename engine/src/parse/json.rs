//! JSON, flattened: `{"user":{"names":["a"]}}` is the argument `user.names.0` with the value `a`.

mod string;

use std::borrow::Cow;

use super::{Findings, ParseError, Sink, wide};
use crate::config::Limits;

/// Bytes of the way to a value that stand in its name, before its own key. A longer way is handed on once, as a
/// name of its own, and then cut, so that names stay bounded by the input.
const WAY_LIMIT: usize = 256;

/// Reads JSON (RFC 8259) from bytes, which need not be UTF-8.
///
/// Escapes in names and values are undone, a lone surrogate becomes U+FFFD. Numbers, `true`, `false` and `null` are
/// their own text. Repeated keys stay. An empty object or array is an argument with an empty value, so that its key
/// shows. A byte order mark is skipped. UTF-16 and UTF-32 raise [`ParseError::JsonEncoding`] and are read, after the raw
/// bytes were handed on.
///
/// Raw control characters and unknown escapes in strings raise [`ParseError::JsonSyntax`], and reading goes on. At
/// anything else that is no JSON it ends: what was read before stays, and the rest is handed on with its escapes undone.
pub fn json<S: Sink + ?Sized>(body: &[u8], limits: &Limits, sink: &mut S) {
    let mut found = Findings::document(sink, limits, body.len());
    let transcoded = wide::to_utf8(body);
    if transcoded.is_some() {
        // A zero byte near the beginning is enough to look like it: the bytes stay inspected as they are.
        found.error(ParseError::JsonEncoding);
        found.leftover(Cow::Borrowed(body));
    }
    let text = transcoded.as_deref().unwrap_or(body);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = Reader {
        found,
        rest: text,
        unseen: text,
        way: Vec::new(),
        open: Vec::new(),
        depth: limits.json_depth,
    };
    if let Err(error) = reader.document() {
        reader.found.error(error);
        let (rest, _) = string::unescape(reader.unseen);
        reader.found.leftover(rest);
    }
}

struct Reader<'a, 's, S: ?Sized> {
    found: Findings<'s, S>,
    rest: &'a [u8],
    /// Where the input begins that was not handed on yet.
    unseen: &'a [u8],
    /// Keys and indices that lead to the value, joined by dots.
    way: Vec<u8>,
    open: Vec<Container>,
    depth: usize,
}

/// An object or array that has begun and not ended.
struct Container {
    /// Length of the way that leads to it.
    way: usize,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Object,
    /// Holds the index of the next item.
    Array(usize),
}

impl<'a, S: Sink + ?Sized> Reader<'a, '_, S> {
    fn document(&mut self) -> Result<(), ParseError> {
        loop {
            self.value()?;
            if !self.next_value()? {
                break;
            }
        }
        self.skip_space();
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(ParseError::JsonSyntax)
        }
    }

    /// Reads a scalar, or the beginning of a container up to its first value.
    fn value(&mut self) -> Result<(), ParseError> {
        loop {
            self.skip_space();
            match self.rest {
                [b'{', after @ ..] => {
                    if !self.begin(Kind::Object, after)? {
                        return Ok(());
                    }
                    self.key()?;
                }
                [b'[', after @ ..] => {
                    if !self.begin(Kind::Array(1), after)? {
                        return Ok(());
                    }
                    self.step(b"0");
                }
                [b'"', after @ ..] => {
                    let value = self.string(after)?;
                    return self.argument(value);
                }
                scalar => {
                    let length = scalar.iter().take_while(|byte| is_scalar(**byte)).count();
                    let (text, after) = scalar.split_at_checked(length).unwrap_or_default();
                    if !matches!(text, b"true" | b"false" | b"null") && !is_number(text) {
                        return Err(ParseError::JsonSyntax);
                    }
                    self.rest = after;
                    return self.argument(Cow::Borrowed(text));
                }
            }
        }
    }

    /// Goes on to the next value, ending the containers that end before it; false at the end of the document.
    fn next_value(&mut self) -> Result<bool, ParseError> {
        while let Some(container) = self.open.last_mut() {
            self.way.truncate(container.way);
            self.rest = self.rest.trim_ascii_start();
            match (container.kind, self.rest) {
                (Kind::Object, [b',', after @ ..]) => {
                    self.rest = after;
                    self.key()?;
                    return Ok(true);
                }
                (Kind::Array(index), [b',', after @ ..]) => {
                    container.kind = Kind::Array(index + 1);
                    self.rest = after;
                    self.step(index.to_string().as_bytes());
                    return Ok(true);
                }
                (Kind::Object, [b'}', after @ ..]) | (Kind::Array(_), [b']', after @ ..]) => {
                    self.rest = after;
                    self.open.pop();
                }
                _ => return Err(ParseError::JsonSyntax),
            }
        }
        Ok(false)
    }

    /// Begins a container; false when it is empty and hence was handed on and ended.
    fn begin(&mut self, kind: Kind, after: &'a [u8]) -> Result<bool, ParseError> {
        if self.open.len() >= self.depth {
            return Err(ParseError::JsonDepth);
        }
        let end: &[u8] = if matches!(kind, Kind::Object) { b"}" } else { b"]" };
        if let Some(after) = after.trim_ascii_start().strip_prefix(end) {
            self.rest = after;
            self.argument(Cow::Borrowed(&[]))?;
            return Ok(false);
        }
        if self.way.len() > WAY_LIMIT {
            // The key is seen with this; the braces are nothing to inspect.
            self.rest = after;
            self.argument(Cow::Borrowed(&[]))?;
            self.way.truncate(WAY_LIMIT);
        }
        self.rest = after;
        self.open.push(Container {
            way: self.way.len(),
            kind,
        });
        Ok(true)
    }

    /// Reads `"key":` and takes the step that it names.
    fn key(&mut self) -> Result<(), ParseError> {
        self.skip_space();
        let quoted = self.rest.strip_prefix(b"\"").ok_or(ParseError::JsonSyntax)?;
        let key = self.string(quoted)?;
        self.skip_space();
        self.rest = self.rest.strip_prefix(b":").ok_or(ParseError::JsonSyntax)?;
        self.step(&key);
        Ok(())
    }

    fn step(&mut self, name: &[u8]) {
        if !self.way.is_empty() {
            self.way.push(b'.');
        }
        self.way.extend_from_slice(name);
    }

    /// Reads a string whose opening quote was seen.
    fn string(&mut self, quoted: &'a [u8]) -> Result<Cow<'a, [u8]>, ParseError> {
        let end = string::end(quoted).ok_or(ParseError::JsonSyntax)?;
        let (raw, from) = quoted.split_at_checked(end).ok_or(ParseError::JsonSyntax)?;
        self.rest = from.get(1..).unwrap_or_default();
        let (text, is_broken) = string::unescape(raw);
        if is_broken || raw.iter().any(|&byte| byte < b' ') {
            self.found.error(ParseError::JsonSyntax);
        }
        Ok(text)
    }

    fn argument(&mut self, value: Cow<'_, [u8]>) -> Result<(), ParseError> {
        if !self.found.argument(&self.way, value) {
            return Err(ParseError::TooManyArguments);
        }
        self.unseen = self.rest;
        Ok(())
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }
}

fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Whether the text is a number of JSON: no leading zero or plus, digits on both sides of the point.
fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (text, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => text.split_at_checked(at).unwrap_or_default(),
        None => (text, &b"e0"[..]),
    };
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(at) => text.split_at_checked(at).unwrap_or_default(),
        None => (text, &b".0"[..]),
    };
    let exponent = match exponent {
        [_, b'+' | b'-', digits @ ..] | [_, digits @ ..] => digits,
        [] => exponent,
    };
    let is_digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let fraction = fraction.strip_prefix(b".").unwrap_or_default();
    (whole == b"0" || (is_digits(whole) && !whole.starts_with(b"0")))
        && is_digits(fraction)
        && is_digits(exponent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::collected::Collected;

    fn parse(body: impl AsRef<[u8]>) -> Collected {
        parse_within(body, &Limits::default())
    }

    fn parse_within(body: impl AsRef<[u8]>, limits: &Limits) -> Collected {
        Collected::of(|sink| json(body.as_ref(), limits, sink))
    }

    #[test]
    fn documents_are_flattened() {
        let found =
            parse(r#" {"user":{"names":["a", "b"],"age":-1.5e3},"ok":true,"none":null,"a":{"b":[[1]]}} "#);
        let expected = [
            ("user.names.0", "a"),
            ("user.names.1", "b"),
            ("user.age", "-1.5e3"),
            ("ok", "true"),
            ("none", "null"),
            ("a.b.0.0", "1"),
        ];
        assert_eq!(found.pairs(), expected);
        assert_eq!(found.errors, []);
    }

    #[test]
    fn names_are_bounded_by_a_multiple_of_the_document() {
        let body = format!("{{\"{}\":[{}\"last\"]}}", "a".repeat(200), "1,".repeat(900));
        let found = parse(&body);
        let names: usize = found.arguments.iter().map(|(name, _)| name.len()).sum();
        assert!(names <= 4 * body.len() + 32 * 1024);
        assert_eq!(found.errors, [ParseError::TooManyArguments]);
        assert!(found.arguments.last().unwrap().1.ends_with(b"\"last\"]}"));
    }

    #[test]
    fn names_of_a_small_document_may_be_many_times_longer_than_it() {
        let body = format!("{{\"{}\":[{}1]}}", "a".repeat(200), "1,".repeat(140));
        let found = parse(&body);
        let names: usize = found.arguments.iter().map(|(name, _)| name.len()).sum();
        assert!(names > 50 * body.len());
        assert_eq!((found.arguments.len(), found.errors), (141, vec![]));
    }

    #[test]
    fn top_level_scalars_and_arrays_are_read() {
        assert_eq!(parse("\"x\"").pairs(), [("", "x")]);
        assert_eq!(parse(" 12 ").pairs(), [("", "12")]);
        assert_eq!(
            parse("[1,{\"a\":2},3]").pairs(),
            [("0", "1"), ("1.a", "2"), ("2", "3")]
        );
    }

    #[test]
    fn repeated_and_empty_keys_stay() {
        assert_eq!(
            parse(r#"{"a":1,"a":2,"":3,"b":{"":4}}"#).pairs(),
            [("a", "1"), ("a", "2"), ("", "3"), ("b.", "4")]
        );
    }

    #[test]
    fn keys_of_empty_containers_show() {
        assert_eq!(parse(r#"{"<x>":{},"y":[ ]}"#).pairs(), [("<x>", ""), ("y", "")]);
        assert_eq!(parse("{}").pairs(), [("", "")]);
    }

    #[test]
    fn escapes_are_undone_in_names_and_values() {
        let found = parse(r#"{"\u003ca\"":"\u003cb\/\\\n\b\f\r\t\ud83d\ude00"}"#);
        assert_eq!(found.pairs(), [("<a\"", "<b/\\\n\x08\x0c\r\t😀")]);
        assert_eq!(found.errors, []);
    }

    #[test]
    fn lone_surrogates_become_replacement_characters() {
        assert_eq!(
            parse(r#""\ud83dx\ude00\ud83d\u003c""#).pairs(),
            [("", "\u{fffd}x\u{fffd}\u{fffd}<")]
        );
    }

    #[test]
    fn blanks_in_strings_are_no_error() {
        let found = parse(r#"{"full name":" Ann Lee "}"#);
        assert_eq!(found.pairs(), [("full name", " Ann Lee ")]);
        assert_eq!(found.errors, []);
    }

    #[test]
    fn loose_strings_are_read_on() {
        let found = parse("{\"a\":\"x\ny\",\"b\":\"\\x3c\\q\",\"c\":1}");
        assert_eq!(found.pairs(), [("a", "x\ny"), ("b", "<q"), ("c", "1")]);
        assert_eq!(found.errors, [ParseError::JsonSyntax]);
    }

    #[test]
    fn what_is_no_json_stays_inspected() {
        for (body, rest) in [
            (r#"{"a":1,"b":'x'}"#, r#","b":'x'}"#),
            (r#"{"a":1,b:2}"#, ",b:2}"),
            (r#"{"a":1,"b":NaN}"#, r#","b":NaN}"#),
            (r#"{"a":1,"b":01}"#, r#","b":01}"#),
            (r#"{"a":1} {"b":"\u003c"}"#, r#"} {"b":"<"}"#),
            (r#"{"a":1,/*c*/"b":2}"#, r#",/*c*/"b":2}"#),
            (r#"{"a":1,"b":"open"#, r#","b":"open"#),
            (r#"{"a":1,"b":{"c":{"#, r#","b":{"c":{"#),
            (r#"{"a":1,}"#, ",}"),
            (r#"{"a":1]"#, "]"),
        ] {
            let found = parse(body);
            assert_eq!(found.pairs(), [("a", "1"), ("", rest)], "{body}");
            assert_eq!(found.errors, [ParseError::JsonSyntax], "{body}");
        }
    }

    #[test]
    fn an_empty_body_is_an_error() {
        assert_eq!(parse("").errors, [ParseError::JsonSyntax]);
        assert_eq!(parse("").arguments, []);
    }

    #[test]
    fn depth_is_limited() {
        let limits = Limits {
            json_depth: 2,
            ..Limits::default()
        };
        assert_eq!(parse_within("[[1]]", &limits).errors, []);
        let found = parse_within("[1,[[2]]]", &limits);
        assert_eq!(found.errors, [ParseError::JsonDepth]);
        assert_eq!(found.pairs(), [("0", "1"), ("", ",[[2]]]")]);
    }

    #[test]
    fn arguments_are_limited() {
        let limits = Limits {
            arguments: 2,
            ..Limits::default()
        };
        let found = parse_within(r#"{"a":1,"b":2,"c":"\u003c"}"#, &limits);
        assert_eq!(found.pairs(), [("a", "1"), ("b", "2"), ("", r#","c":"<"}"#)]);
        assert_eq!(found.errors, [ParseError::TooManyArguments]);
    }

    #[test]
    fn long_ways_are_seen_once_and_then_cut() {
        let key = "k".repeat(1_000);
        let found = parse(format!(r#"{{"{key}":{{"a":1,"b":2}}}}"#));
        let cut = key.get(..WAY_LIMIT).unwrap();
        assert_eq!(
            found.pairs(),
            [
                (&*key, ""),
                (&format!("{cut}.a"), "1"),
                (&format!("{cut}.b"), "2")
            ]
        );
    }

    #[test]
    fn a_way_as_long_as_the_limit_stays_whole() {
        let key = "k".repeat(WAY_LIMIT);
        let found = parse(format!(r#"{{"{key}":{{"a":1}}}}"#));
        assert_eq!(found.pairs(), [(&*format!("{key}.a"), "1")]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(parse("\u{feff}[1]").pairs(), [("0", "1")]);
        assert_eq!(parse("\u{feff}[1]").errors, []);
    }

    #[test]
    fn wide_encodings_are_read_and_told() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let body = utf16(r#"{"a":"\u003cé😀"}"#);
        let found = parse(&body);
        assert_eq!(found.arguments, [(vec![], body), (b"a".to_vec(), "<é😀".into())]);
        assert_eq!(found.errors, [ParseError::JsonEncoding]);
    }

    #[test]
    fn bytes_need_not_be_utf8() {
        let found = parse(b"{\"\xff\":\"\xc0\xaf\"}");
        assert_eq!(found.arguments, [(b"\xff".to_vec(), b"\xc0\xaf".to_vec())]);
        assert_eq!(found.errors, []);
    }

    #[test]
    fn numbers_follow_the_grammar() {
        for number in ["0", "-0", "12", "1.5", "1e5", "1E+5", "1.25e-7", "-10.0"] {
            assert!(is_number(number.as_bytes()), "{number}");
        }
        for other in [
            "", "-", "01", "+1", "1.", ".5", "1e", "1e+", "0x1", "1-2", "1.2.3", "Infinity", "e5",
        ] {
            assert!(!is_number(other.as_bytes()), "{other}");
        }
    }

    fn leaves(value: &serde_json::Value, way: &str, found: &mut Vec<(String, String)>) {
        use serde_json::Value;
        let join = |step: &str| {
            if way.is_empty() {
                step.to_owned()
            } else {
                format!("{way}.{step}")
            }
        };
        match value {
            Value::Object(members) if !members.is_empty() => {
                members
                    .iter()
                    .for_each(|(key, value)| leaves(value, &join(key), found));
            }
            Value::Array(items) if !items.is_empty() => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, value)| leaves(value, &join(&index.to_string()), found));
            }
            Value::Object(_) | Value::Array(_) => found.push((way.to_owned(), String::new())),
            Value::String(text) => found.push((way.to_owned(), text.clone())),
            scalar => found.push((way.to_owned(), scalar.to_string())),
        }
    }

    fn document() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,5}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn documents_come_back(document in document()) {
            let found = parse(document.to_string());
            let mut expected = Vec::new();
            leaves(&document, "", &mut expected);
            let arguments: Vec<_> = found.pairs().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            prop_assert_eq!(arguments, expected);
            prop_assert_eq!(found.errors, []);
        }

        #[test]
        fn any_bytes_are_read_within_bounds(body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..256),
            r#"[{}\[\],:"\\u0-9a-fe\-. \x00]{0,256}"#.prop_map(String::into_bytes),
        ]) {
            let found = parse(&body);
            let names = found.arguments.len() * (WAY_LIMIT + 24);
            prop_assert!(found.bytes() <= 4 * body.len() + names, "{}", found.bytes());
        }
    }
}
