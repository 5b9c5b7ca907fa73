//! URLs that run scripts.

/// The schemes that do, in upper case; what stands behind these beginnings does not matter.
const SCHEMES: [&[u8]; 4] = [b"DATA", b"VIEW-SOURCE", b"JAVA", b"VBSCRIPT"];
/// The largest number of a character reference.
const LARGEST: u32 = 0x10_00ff;

/// Whether a URL runs scripts. Browsers undo character references in it, and leave out NULs and line ends.
pub(super) fn is_script(url: &[u8]) -> bool {
    let is_skipped = |byte: &u8| *byte <= b' ' || *byte >= 0x7f;
    let start = url.iter().take_while(|byte| is_skipped(byte)).count();
    let url = url.get(start..).unwrap_or_default();
    SCHEMES.iter().any(|scheme| begins(url, scheme))
}

fn begins(url: &[u8], scheme: &[u8]) -> bool {
    let mut characters = Characters(url).skip_while(|character| *character <= u32::from(b' '));
    let mut characters = characters
        .by_ref()
        .filter(|character| !matches!(character, 0 | 10));
    // A character beyond a byte counts as its lowest byte.
    scheme.iter().all(|letter| {
        characters
            .next()
            .is_some_and(|character| match u8::try_from(character) {
                Ok(byte) => byte.to_ascii_uppercase() == *letter,
                Err(_) => character as u8 == *letter,
            })
    })
}

/// The characters of a text, references undone.
struct Characters<'a>(&'a [u8]);

impl Iterator for Characters<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (first, rest) = self.0.split_first()?;
        if *first == b'&'
            && let Some((character, behind)) = reference(rest)
        {
            self.0 = behind;
            return Some(character);
        }
        self.0 = rest;
        Some(u32::from(*first))
    }
}

/// The character that a numeric reference behind `&` names, and what stands behind the reference.
fn reference(text: &[u8]) -> Option<(u32, &[u8])> {
    let (radix, mut rest) = match text {
        [b'#', b'x' | b'X', rest @ ..] => (16, rest),
        [b'#', rest @ ..] => (10, rest),
        _ => return None,
    };
    let mut character = None;
    while let Some((byte, behind)) = rest.split_first() {
        let Some(digit) = char::from(*byte).to_digit(radix) else {
            break;
        };
        let next = character.unwrap_or(0) * radix + digit;
        if next > LARGEST {
            return None;
        }
        character = Some(next);
        rest = behind;
    }
    Some((character?, rest.strip_prefix(b";").unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_what_browsers_leave_out_are_undone() {
        for url in [
            "javascript:x",
            " \x01JaVa",
            "&#106;avascript:",
            "&#x6A;ava",
            "j\nav\0a",
            "&#00000106ava",
            "view-source:x",
            "data:,",
            "&#32;vbscript:",
        ] {
            assert!(is_script(url.as_bytes()), "{url}");
        }
        for url in ["", "java", "https://a/java", "&#x;java", "jav", "dat&#a"] {
            assert_eq!(is_script(url.as_bytes()), url == "java", "{url}");
        }
    }
}
