//! Percent encoding, once. Codes that are broken stay as they are.

use std::borrow::Cow;

use super::{hex, rewrite, unicode};

/// Undoes `%XX`, and writes `plus` for `+`; tells too whether a `%` stood for nothing. Borrows when nothing changes.
pub(crate) fn percent_decode(input: &[u8], plus: u8) -> (Cow<'_, [u8]>, bool) {
    if memchr::memchr2(b'%', b'+', input).is_none() {
        return (Cow::Borrowed(input), false);
    }
    // No sign that is a part of a code is a plus, so that these can be written all at once.
    let mut output: Vec<u8> = input
        .iter()
        .map(|&byte| if byte == b'+' { plus } else { byte })
        .collect();
    let is_broken = undo_codes(&mut output);
    (Cow::Owned(output), is_broken)
}

/// Undoes `%XX` in place; tells whether a `%` stood for nothing.
fn undo_codes(bytes: &mut Vec<u8>) -> bool {
    let (mut read, mut written, mut is_broken) = (0, 0, false);
    while let Some(run) = memchr::memchr(b'%', bytes.get(read..).unwrap_or_default()) {
        let code = read + run;
        bytes.copy_within(read..code, written);
        written += run;
        let digits = bytes.get(code + 1..).and_then(<[u8]>::first_chunk);
        let byte = digits.and_then(|[high, low]| hex::pair(*high, *low));
        if let Some(place) = bytes.get_mut(written) {
            *place = byte.unwrap_or(b'%');
        }
        written += 1;
        is_broken |= byte.is_none();
        read = code + if byte.is_some() { 3 } else { 1 };
    }
    bytes.copy_within(read.., written);
    bytes.truncate(written + bytes.len().saturating_sub(read));
    is_broken
}

/// As the parsers of query and form decode.
pub(super) fn url_decode(input: &[u8]) -> Vec<u8> {
    percent_decode(input, b' ').0.into_owned()
}

/// Decodes Microsoft's `%uXXXX` too: full-width forms become the ASCII that they look like, and so do the signs that
/// Windows maps to ASCII; of all others the lower byte stays, as the manual says.
pub(super) fn url_decode_uni(input: &[u8]) -> Vec<u8> {
    decode_uni(input, b' ')
}

/// As [`url_decode_uni`], and writes `plus` for `+`.
pub(super) fn decode_uni(input: &[u8], plus: u8) -> Vec<u8> {
    rewrite(input, [b'%', b'+'], |from, output| {
        let (byte, after) = match from {
            [b'%', b'u' | b'U', a, b, c, d, after @ ..] if let Some(code) = hex::quad([*a, *b, *c, *d]) => {
                (unicode::best_fit(code), after)
            }
            [b'%', high, low, after @ ..] if let Some(byte) = hex::pair(*high, *low) => (byte, after),
            [b'+', after @ ..] => (plus, after),
            [byte, after @ ..] => (*byte, after),
            [] => return from,
        };
        output.push(byte);
        after
    })
}

/// As forms of old are sent: only letters, digits and `*` stay.
pub(super) fn url_encode(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    for &byte in input {
        match byte {
            b' ' => output.push(b'+'),
            b'*' => output.push(byte),
            _ if byte.is_ascii_alphanumeric() => output.push(byte),
            _ => output.extend([b'%', hex::nibble(byte >> 4), hex::nibble(byte & 0xf)]),
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_and_plus_are_decoded_once() {
        assert_eq!(url_decode(b"a%20b+c%2B%41%3c%3E"), b"a b c+A<>");
        assert_eq!(url_decode(b"%253c"), b"%3c");
        assert_eq!(url_decode(b"%00"), b"\0");
        assert_eq!(url_decode(b"%u0041"), b"%u0041");
    }

    #[test]
    fn broken_codes_stay_and_are_told() {
        for broken in [&b"100%"[..], b"%4", b"%zz", b"%%", b"a%2"] {
            let (decoded, is_broken) = percent_decode(broken, b' ');
            assert_eq!(decoded, broken);
            assert!(is_broken);
        }
        assert_eq!(percent_decode(b"%%41", b' '), (Cow::Owned(b"%A".to_vec()), true));
        assert_eq!(
            percent_decode(b"a+%2b", b'+'),
            (Cow::Owned(b"a++".to_vec()), false)
        );
        assert_eq!(percent_decode(b"%41", b' '), (Cow::Owned(b"A".to_vec()), false));
    }

    #[test]
    fn unicode_codes_shrink_to_a_byte() {
        assert_eq!(url_decode_uni(b"%u003cscript%U003E"), b"<script>");
        assert_eq!(url_decode_uni(b"%uff1cscript%uFF1e"), b"<script>");
        assert_eq!(url_decode_uni(b"%uff01%uff5e"), b"!~");
        assert_eq!(url_decode_uni(b"..%u2216%u2215%u2019"), b"..\\/'");
        assert_eq!(url_decode_uni(b"%u013c"), b"<");
        assert_eq!(url_decode_uni(b"%u00g1%u123%3c+"), b"%u00g1%u123< ");
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(input in prop::collection::vec(any::<u8>(), 0..64)) {
            let encoded = hex::encode(&input).chunks(2).flat_map(|code| [b"%", code].concat()).collect::<Vec<_>>();
            prop_assert_eq!(percent_decode(&encoded, b' '), (Cow::Owned::<[u8]>(input.clone()), false));
            prop_assert_eq!(url_decode(&url_encode(&input)), &*input);
            prop_assert_eq!(url_decode_uni(&encoded), input);
        }
    }
}
