//! Bytes of a request as text for people and programs, with nothing in it that a terminal would obey.

use std::fmt::Write as _;

/// Writes bytes as text: printable UTF-8 as it is, every other byte as `\xNN`, a backslash doubled, so that the
/// bytes can be had back.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                // Characters that turn the direction of text hide what follows them.
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    escape(&mut text, character);
                }
                character if character.is_control() => escape(&mut text, character),
                character => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            // Writing into a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The bytes that [`printable`] wrote; none when it did not write this.
pub(crate) fn from_printable(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'\\' {
            bytes.push(*first);
        } else if let Some(behind) = rest.strip_prefix(b"\\") {
            bytes.push(b'\\');
            rest = behind;
        } else {
            let (digits, behind) = rest.strip_prefix(b"x")?.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = behind;
        }
    }
    Some(bytes)
}

fn escape(text: &mut String, character: char) {
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(from_printable(&printable(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn other_text_is_told_apart() {
        for text in ["\\", "\\x1", "\\y", "\\xzz"] {
            assert_eq!(from_printable(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_become_text_that_can_be_had_back() {
        assert_eq!(printable("größe' OR 1=1".as_bytes()), "größe' OR 1=1");
        assert_eq!(printable(b"a\xff\x00\x1b[2J\\n"), "a\\xff\\x00\\x1b[2J\\\\n");
        assert_eq!(printable("a\u{202e}b".as_bytes()), "a\\xe2\\x80\\xaeb");
    }
}
