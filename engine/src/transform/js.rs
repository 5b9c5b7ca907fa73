//! JavaScript's escapes: `\xHH`, `\uHHHH`, octal up to `\377`, the single letters; `\u{…}` goes beyond the manual.
//! A backslash before anything else goes, one at the end stays.

use super::{
    escape_seq::{letter, octal},
    hex, rewrite, unicode,
};

pub(super) fn js_decode(input: &[u8]) -> Vec<u8> {
    rewrite(input, [b'\\'], escape)
}

fn escape<'a>(from: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
    let (byte, after) = match from {
        [b'\\', b'u', a, b, c, d, after @ ..] if let Some(code) = hex::quad([*a, *b, *c, *d]) => {
            (unicode::to_byte(code), after)
        }
        [b'\\', b'u', b'{', digits @ ..] if let Some((code, after)) = braced(digits) => {
            (unicode::to_byte(code), after)
        }
        [b'\\', b'x', high, low, after @ ..] if let Some(byte) = hex::pair(*high, *low) => (byte, after),
        [b'\\', digits @ ..] if let Some((code, after)) = octal(digits, 0o377) => (code as u8, after),
        [b'\\', byte, after @ ..] => (letter(*byte), after),
        [byte, after @ ..] => (*byte, after),
        [] => return from,
    };
    output.push(byte);
    after
}

/// The escapes that stand for other characters in every reading: `\xHH`, `\uHHHH`, `\u{…}`, octal where it gives a sign,
/// or a letter by three digits,
/// and quotes and slashes with a backslash before them. Any other backslash stays, for it may belong to a path.
pub(super) fn codes(input: &[u8]) -> Vec<u8> {
    rewrite(input, [b'\\'], |from, output| {
        let (byte, after) = code(from).unwrap_or((b'\\', from.get(1..).unwrap_or_default()));
        output.push(byte);
        after
    })
}

/// The sign that an escape stands for in every reading.
fn code(from: &[u8]) -> Option<(u8, &[u8])> {
    Some(match from {
        [_, b'u' | b'U', b'{', digits @ ..] => {
            let (code, after) = braced(digits)?;
            (unicode::to_byte(code), after)
        }
        [_, b'u' | b'U', a, b, c, d, after @ ..] => (unicode::to_byte(hex::quad([*a, *b, *c, *d])?), after),
        [_, b'x' | b'X', high, low, after @ ..] => (hex::pair(*high, *low)?, after),
        [_, sign @ (b'"' | b'\'' | b'`' | b'/'), after @ ..] => (*sign, after),
        [_, b'0'..=b'7', ..] => {
            let digits = from.get(1..)?;
            let (code, after) = octal(digits, 0o377)?;
            let sign = u8::try_from(code).ok()?;
            let is_letter = sign.is_ascii_graphic() && digits.len() - after.len() == 3;
            if !sign.is_ascii_punctuation() && !is_letter {
                return None;
            }
            (sign, after)
        }
        _ => return None,
    })
}

/// `{` was seen: one to eight digits and `}`; of a code beyond 16 bits the lower ones stay.
fn braced(input: &[u8]) -> Option<(u16, &[u8])> {
    let end = input
        .iter()
        .take(9)
        .position(|&byte| byte == b'}')
        .filter(|&end| end > 0)?;
    let (digits, after) = input.split_at_checked(end)?;
    let code = digits.iter().try_fold(0_u32, |code, &byte| {
        Some(code << 4 | u32::from(hex::digit(byte)?))
    })?;
    Some((code as u16, after.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_decoded() {
        assert_eq!(js_decode(br"\x3c\u003e\uFF1c\74\074"), b"<><<<");
        assert_eq!(js_decode(br"\u{3c}\u{00003e}\u{}\u{zz}"), b"<>u{}u{zz}");
    }

    #[test]
    fn codes_leave_what_may_be_a_path() {
        assert_eq!(codes(br"\u003c\U003e\u{3c}\U{3e}\x3c\X3e\'\/"), b"<><><>'/");
        assert_eq!(codes(br"\74\074\101 \101"), b"<<A A");
        for path in [r"\61", r"\12", r"\0", r"\377", r"\new\u00\x0\u{zz}", r"C:\dir\"] {
            assert_eq!(codes(path.as_bytes()), path.as_bytes(), "{path}");
        }
    }

    #[test]
    fn octal_numbers_end_before_they_outgrow_a_byte() {
        assert_eq!(js_decode(br"\0\12\123\377\400"), b"\0\nS\xff\x200");
    }

    #[test]
    fn letters_are_control_characters_or_themselves() {
        assert_eq!(
            js_decode(br#"\a\b\f\n\r\t\v\?\'\"\q\\"#),
            b"\x07\x08\x0c\n\r\t\x0b?'\"q\\"
        );
    }

    #[test]
    fn broken_codes_lose_their_backslash() {
        assert_eq!(js_decode(br"\x\x0\u\u12"), b"xx0uu12");
        assert_eq!(js_decode(b"\\"), b"\\");
    }
}
