//! Characters beyond ASCII.

use super::hex::nibble;

/// The byte that a 16-bit code stands for, as the manual says for JavaScript, CSS and `%uXXXX` alike: full-width
/// forms (U+FF01 to U+FF5E) become the ASCII that they look like, of all others the lower byte stays.
pub(super) fn to_byte(code: u16) -> u8 {
    let low = code as u8;
    if (0xff01..=0xff5e).contains(&code) {
        low.wrapping_add(0x20)
    } else {
        low
    }
}

/// Latin letters with marks, U+00C0 to U+00FF, as the letters that they are without; `?` where there is none.
const LATIN: &[u8; 64] = b"AAAAAAACEEEEIIIIDNOOOOO?OUUUUY??aaaaaaaceeeeiiii?nooooo?ouuuuy?y";

/// The byte that Windows makes of a 16-bit code in ASCII (code page 20127): letters lose their marks, and what looks
/// like a quote, a slash or a bracket becomes one. All others go the way of [`to_byte`], among them letters from U+0100 on,
/// whose lower byte is ASCII: programs that cut characters to a byte see that one.
pub(super) fn best_fit(code: u16) -> u8 {
    match code {
        0x00c0..=0x00ff => match LATIN.get(usize::from(code - 0xc0)) {
            None | Some(b'?') => to_byte(code),
            Some(letter) => *letter,
        },
        0x212a => b'K',
        0x2010..=0x2015 | 0x2212 => b'-',
        0x2024 | 0x2026 => b'.',
        0x02b9 | 0x02bc | 0x02c8 | 0x2018..=0x201a | 0x2032 => b'\'',
        0x02ba | 0x201c..=0x201e | 0x2033 | 0x301d..=0x301e => b'"',
        0x02cb | 0x2035 => b'`',
        0x00ab | 0x2039 | 0x2329 | 0x3008 => b'<',
        0x00bb | 0x203a | 0x232a | 0x3009 => b'>',
        0x2044 | 0x2215 => b'/',
        0x2216 => b'\\',
        0x2217 => b'*',
        0x2223 => b'|',
        0x2236 => b':',
        0x301a => b'[',
        0x301b => b']',
        0x2000..=0x200a | 0x3000 => b' ',
        _ => to_byte(code),
    }
}

/// Writes each character beyond ASCII as `%uXXXX` (five or six digits beyond U+FFFF). Overlong forms are decoded
/// as well, so that `C0 AF` shows as the slash that a careless decoder makes of it; bytes that are no UTF-8 stay.
pub(super) fn utf8_to_unicode(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len() * 2);
    let mut rest = input;
    loop {
        let (code, after) = match rest {
            [a @ 0xc0..=0xdf, b @ 0x80..=0xbf, after @ ..] => (join(*a & 0x1f, &[*b]), after),
            [a @ 0xe0..=0xef, b @ 0x80..=0xbf, c @ 0x80..=0xbf, after @ ..] => {
                (join(*a & 0x0f, &[*b, *c]), after)
            }
            [
                a @ 0xf0..=0xf7,
                b @ 0x80..=0xbf,
                c @ 0x80..=0xbf,
                d @ 0x80..=0xbf,
                after @ ..,
            ] => (join(*a & 0x07, &[*b, *c, *d]), after),
            [byte, after @ ..] => {
                output.push(*byte);
                rest = after;
                continue;
            }
            [] => return output,
        };
        write_code(code, &mut output);
        rest = after;
    }
}

fn join(lead: u8, continuation: &[u8]) -> u32 {
    continuation
        .iter()
        .fold(u32::from(lead), |code, &byte| code << 6 | u32::from(byte & 0x3f))
}

fn write_code(code: u32, output: &mut Vec<u8>) {
    output.extend_from_slice(b"%u");
    for shift in [20, 16, 12, 8, 4, 0] {
        if shift < 16 || code >> shift != 0 {
            output.push(nibble((code >> shift & 0xf) as u8));
        }
    }
}

/// Whether [`shortest`] may change a value.
pub(super) fn may_shorten(input: &[u8]) -> bool {
    !input.is_ascii()
        && input
            .windows(2)
            .any(|pair| matches!(pair, [0xc0 | 0xc1, _] | [0xe0 | 0xf0 | 0xf8 | 0xfc, 0x80]))
}

/// ASCII written in more bytes of UTF-8 than it needs (RFC 3629, section 10) becomes what lenient decoders take it for,
/// with signs of paths as the second byte of two too, as old servers of Microsoft read them.
pub(super) fn shortest(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    while let [byte, after @ ..] = rest {
        let (byte, after) = overlong(rest).unwrap_or((*byte, after));
        output.push(byte);
        rest = after;
    }
    output
}

fn overlong(input: &[u8]) -> Option<(u8, &[u8])> {
    let (high, low, after) = match input {
        [
            high @ (0xc0 | 0xc1),
            low @ (0x80..=0xbf | b'.' | b'/' | 0x1c | 0x5c),
            after @ ..,
        ]
        | [0xe0, high @ (0x80 | 0x81), low @ 0x80..=0xbf, after @ ..]
        | [0xf0, 0x80, high @ (0x80 | 0x81), low @ 0x80..=0xbf, after @ ..]
        | [
            0xf8,
            0x80,
            0x80,
            high @ (0x80 | 0x81),
            low @ 0x80..=0xbf,
            after @ ..,
        ]
        | [
            0xfc,
            0x80,
            0x80,
            0x80,
            high @ (0x80 | 0x81),
            low @ 0x80..=0xbf,
            after @ ..,
        ] => (*high, *low, after),
        _ => return None,
    };
    let byte = if low == b'\\' {
        low
    } else {
        (high & 1) << 6 | (low & 0x3f)
    };
    Some((byte, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_become_codes() {
        assert_eq!(utf8_to_unicode("aé€😀".as_bytes()), b"a%u00e9%u20ac%u1f600");
    }

    #[test]
    fn overlong_forms_show_what_they_hide() {
        assert_eq!(
            utf8_to_unicode(b"\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xbc"),
            b"%u002f%u002f%u003c"
        );
    }

    #[test]
    fn what_is_no_utf8_stays() {
        assert_eq!(utf8_to_unicode(b"\xff\xc3(\xe2\x82\x80"), b"\xff\xc3(%u2080");
        assert_eq!(utf8_to_unicode(b"\xc3"), b"\xc3");
    }

    #[test]
    fn letters_lose_their_marks() {
        let fit = |text: &str| text.encode_utf16().map(best_fit).collect::<Vec<_>>();
        assert_eq!(fit("ÀéøÿK"), b"AeoyK");
        assert_eq!(fit("×÷"), b"\xd7\xf7");
        assert_eq!(fit("—…"), b"-.");
    }

    #[test]
    fn signs_fit_what_they_look_like() {
        let fit = |text: &str| String::from_utf8(text.encode_utf16().map(best_fit).collect()).unwrap();
        assert_eq!(fit("\u{212a}"), "K");
        assert_eq!(fit("\u{2010}\u{2015}\u{2212}\u{2024}\u{2026}"), "---..");
        assert_eq!(fit("\u{2b9}\u{2bc}\u{2c8}\u{2018}\u{201a}\u{2032}"), "''''''");
        assert_eq!(
            fit("\u{2ba}\u{201c}\u{201e}\u{2033}\u{301d}\u{301e}"),
            "\"\"\"\"\"\""
        );
        assert_eq!(fit("\u{2cb}\u{2035}"), "``");
        assert_eq!(
            fit("\u{ab}\u{2039}\u{2329}\u{3008}\u{bb}\u{203a}\u{232a}\u{3009}"),
            "<<<<>>>>"
        );
        assert_eq!(fit("\u{2044}\u{2215}\u{2216}\u{2217}\u{2223}\u{2236}"), "//\\*|:");
        assert_eq!(fit("\u{301a}\u{301b}\u{2000}\u{200a}\u{3000}"), "[]   ");
    }

    #[test]
    fn full_width_forms_fold() {
        assert_eq!(to_byte(0xff1c), b'<');
        assert_eq!(to_byte(0x2f), b'/');
        assert_eq!(to_byte(0xff5f), 0x5f);
        assert_eq!(best_fit(0xff1c), b'<');
        assert_eq!(best_fit(0x0422), b'"');
        assert_eq!(best_fit(0x2216), b'\\');
    }

    #[test]
    fn overlong_ascii_becomes_short() {
        assert_eq!(
            shortest(b"\xc0\xae\xc0\xaf\xc1\x9c\xe0\x80\xaf\xf0\x80\x80\xaf\xfc\x80\x80\x80\x80\xae"),
            b"./\\//."
        );
        assert_eq!(shortest(b"\xc0/\xc1\x1c\xc0\x5c"), b"/\\\\");
        for text in ["é", "€", "ก", "😀", "Àà"] {
            assert!(!may_shorten(text.as_bytes()), "{text}");
            assert_eq!(shortest(text.as_bytes()), text.as_bytes());
        }
    }
}
