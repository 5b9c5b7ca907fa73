//! References to characters and to the entities that every XML document knows.

use std::borrow::Cow;

/// Longest reference that is undone: leading zeros are allowed, but nobody needs this many.
const LONGEST: usize = 64;

/// Undoes references, once; tells too whether one of them stood for nothing, in which case it stays.
pub(super) fn decode(input: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let mut output = Vec::new();
    let mut rest = input;
    let mut is_broken = false;
    while let Some((before, from)) = memchr::memchr(b'&', rest).and_then(|at| rest.split_at_checked(at)) {
        output.extend_from_slice(before);
        if let Some((character, after)) = reference(from) {
            output.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = after;
        } else {
            is_broken = true;
            output.push(b'&');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    if output.is_empty() {
        return (Cow::Borrowed(rest), is_broken);
    }
    output.extend_from_slice(rest);
    (Cow::Owned(output), is_broken)
}

/// The character that a reference at the beginning of the input stands for, and what follows it.
fn reference(input: &[u8]) -> Option<(char, &[u8])> {
    let head = input.get(..LONGEST).unwrap_or(input);
    let end = memchr::memchr(b';', head)?;
    let name = head.get(1..end)?;
    let character = match name {
        b"lt" => '<',
        b"gt" => '>',
        b"amp" => '&',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x', digits @ ..] => number(digits, 16)?,
        [b'#', digits @ ..] => number(digits, 10)?,
        _ => return None,
    };
    Some((character, input.get(end + 1..)?))
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    let value = |byte: u8| char::from(byte).to_digit(radix);
    let code = digits.iter().try_fold(0_u32, |code, &byte| {
        Some(code.saturating_mul(radix).saturating_add(value(byte)?))
    })?;
    (!digits.is_empty()).then(|| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(input: &str) -> (String, bool) {
        let (output, is_broken) = decode(input.as_bytes());
        (String::from_utf8(output.into_owned()).unwrap(), is_broken)
    }

    #[test]
    fn characters_and_known_entities_are_undone_once() {
        assert_eq!(
            decoded("&lt;a&gt;&amp;lt;&quot;&apos;&#60;&#x3c;&#x1F600;&#0000060;"),
            ("<a>&lt;\"'<<😀<".to_owned(), false)
        );
        assert!(matches!(decode(b"plain"), (Cow::Borrowed(_), false)));
    }

    #[test]
    fn what_stands_for_nothing_stays_and_is_told() {
        for broken in [
            "&", "a & b", "&nbsp;", "&lt", "&#;", "&#x;", "&#60", "&LT;", "&#X3c;", "&#6g;", "&&",
        ] {
            assert_eq!(decoded(broken), (broken.to_owned(), true), "{broken}");
        }
        assert_eq!(decoded("&&lt;"), ("&<".to_owned(), true));
    }

    #[test]
    fn impossible_characters_are_replaced() {
        assert_eq!(decoded("&#xd800;&#99999999999;").0, "\u{fffd}\u{fffd}");
    }
}
