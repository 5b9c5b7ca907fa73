//! Compares values with texts. Takes time linear in both, whatever they are, for macros may put a client's words into a text.

use std::ops::Range;

use memchr::memmem;

use crate::rule::TextTest;

/// The part of a value that a text matches.
pub(super) fn find(how: TextTest, value: &[u8], text: &[u8]) -> Option<Range<usize>> {
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

/// The parts of a value that a text matches, from left to right, at most so many.
pub(super) fn find_all(how: TextTest, value: &[u8], text: &[u8], limit: usize) -> Vec<Range<usize>> {
    let part = |start: usize| start..start + text.len();
    match how {
        TextTest::Contains => memmem::find_iter(value, text).map(part).take(limit).collect(),
        TextTest::ContainsWord if !text.is_empty() => words(value, text).map(part).take(limit).collect(),
        _ => find(how, value, text).into_iter().take(limit).collect(),
    }
}

fn find_word(value: &[u8], text: &[u8]) -> Option<usize> {
    if text.is_empty() {
        return Some(0);
    }
    words(value, text).next()
}

/// Where a text occurs as a word: one ends where no letter follows, as in ModSecurity 3; digits and underscores do not
/// belong to it.
fn words<'a>(value: &'a [u8], text: &'a [u8]) -> impl Iterator<Item = usize> {
    let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    let is_word = move |start: &usize| {
        let before = start.checked_sub(1).and_then(|position| value.get(position));
        !is_letter(before) && !is_letter(value.get(start + text.len()))
    };
    let first = memmem::find(value, text);
    let occurrences = first.map(|first| Occurrences::new(value, text, first));
    occurrences.into_iter().flatten().filter(is_word)
}

/// All places where a text occurs, overlapping ones too; each byte of the value is read once (Knuth, Morris, Pratt).
struct Occurrences<'a> {
    value: &'a [u8],
    text: &'a [u8],
    /// By length of a beginning of the text, less one: the length of the longest shorter one that it ends in.
    borders: Vec<usize>,
    at: usize,
    /// Bytes of the text that end at the current place.
    len: usize,
}

impl<'a> Occurrences<'a> {
    fn new(value: &'a [u8], text: &'a [u8], from: usize) -> Self {
        let mut borders = Vec::with_capacity(text.len());
        let mut len = 0;
        borders.push(0);
        for byte in text.iter().skip(1) {
            len = longer(text, &borders, len, *byte);
            borders.push(len);
        }
        Self {
            value,
            text,
            borders,
            at: from,
            len: 0,
        }
    }
}

impl Iterator for Occurrences<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let byte = self.value.get(self.at)?;
            self.at += 1;
            self.len = longer(self.text, &self.borders, self.len, *byte);
            if self.len == self.text.len() {
                return Some(self.at - self.len);
            }
        }
    }
}

/// How long a beginning of the text ends in a byte, when one of this length stands before it.
fn longer(text: &[u8], borders: &[usize], mut len: usize, byte: u8) -> usize {
    while text.get(len) != Some(&byte) {
        let Some(border) = len.checked_sub(1).and_then(|last| borders.get(last)) else {
            return 0;
        };
        len = *border;
    }
    len + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_compared_byte_by_byte() {
        for (how, value, text, expected) in [
            (TextTest::Contains, "abc", "b", Some(1..2)),
            (TextTest::Contains, "abc", "B", None),
            (TextTest::BeginsWith, "abc", "ab", Some(0..2)),
            (TextTest::BeginsWith, "abc", "bc", None),
            (TextTest::BeginsWith, "ab", "abc", None),
            (TextTest::EndsWith, "abc", "bc", Some(1..3)),
            (TextTest::EndsWith, "abc", "ab", None),
            (TextTest::EndsWith, "bc", "abc", None),
            (TextTest::Equals, "abc", "abc", Some(0..3)),
            (TextTest::Equals, "ab", "abc", None),
            (TextTest::Equals, "abc", "ab", None),
            (TextTest::Within, "POST", "GET POST", Some(0..4)),
            (TextTest::Within, "PUT", "GET POST", None),
            (TextTest::Within, "post", "GET POST", None),
        ] {
            let found = find(how, value.as_bytes(), text.as_bytes());
            assert_eq!(found, expected, "{how:?} {value} {text}");
        }
    }

    #[test]
    fn nothing_is_found_everywhere_but_is_no_other_text() {
        for how in [
            TextTest::Contains,
            TextTest::ContainsWord,
            TextTest::BeginsWith,
            TextTest::EndsWith,
        ] {
            let end = usize::from(how == TextTest::EndsWith);
            assert_eq!(find(how, b"a", b""), Some(end..end), "{how:?}");
            assert_eq!(find(how, b"", b""), Some(0..0), "{how:?}");
            assert_eq!(find(how, b"", b"a"), None, "{how:?}");
        }
        assert_eq!(find(TextTest::Equals, b"a", b""), None);
        assert_eq!(find(TextTest::Equals, b"", b""), Some(0..0));
        assert_eq!(find(TextTest::Within, b"", b"GET"), Some(0..0));
        assert_eq!(find(TextTest::Within, b"a", b""), None);
    }

    #[test]
    fn words_have_borders() {
        for (value, text, expected) in [
            ("for or", "or", Some(4)),
            ("for ora nor", "or", None),
            ("for or1", "or", Some(4)),
            ("_or", "or", Some(1)),
            ("or", "or", Some(0)),
            ("orb or", "or", Some(4)),
            ("a1-1-1", "1-1", Some(3)),
            ("a1-1-1b1-1", "1-1", None),
            ("b1a1a1", "1a1", None),
            ("aabaab", "aab", None),
            ("xaab-aab", "aab", Some(5)),
        ] {
            let found = find(TextTest::ContainsWord, value.as_bytes(), text.as_bytes());
            assert_eq!(
                found,
                expected.map(|start| start..start + text.len()),
                "{value} {text}"
            );
        }
    }

    #[test]
    fn a_text_that_overlaps_itself_everywhere_is_read_once() {
        let size = if cfg!(miri) { 64 } else { 16 * 1024 };
        let text = "1a".repeat(size);
        let value = format!("b{}-{text}", "1a".repeat(3 * size));
        assert_eq!(
            find(TextTest::ContainsWord, value.as_bytes(), text.as_bytes()),
            Some(value.len() - text.len()..value.len()),
        );
    }

    proptest! {
        #[test]
        fn occurrences_are_those_that_looking_everywhere_finds(value in "[ab1]{0,24}", text in "[ab1]{1,4}", from in 0..8_usize) {
            let (value, text) = (value.as_bytes(), text.as_bytes());
            let expected: Vec<usize> = (from..value.len()).filter(|start| value[*start..].starts_with(text)).collect();
            prop_assert_eq!(Occurrences::new(value, text, from).collect::<Vec<_>>(), expected);
        }
    }
}
