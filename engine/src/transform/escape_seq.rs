//! The escapes of C: `\a`, `\b`, `\f`, `\n`, `\r`, `\t`, `\v`, `\xHH`, octal of up to three digits (of a number beyond
//! a byte the lower eight bits stay). A backslash before anything else goes, one at the end stays.

use super::{hex, rewrite};

pub(super) fn escape_seq_decode(input: &[u8]) -> Vec<u8> {
    rewrite(input, [b'\\'], |from, output| {
        let (byte, after) = match from {
            [b'\\', b'x' | b'X', high, low, after @ ..] if let Some(byte) = hex::pair(*high, *low) => {
                (byte, after)
            }
            [b'\\', digits @ ..] if let Some((code, after)) = octal(digits, 0o777) => (code as u8, after),
            [b'\\', byte, after @ ..] => (letter(*byte), after),
            [byte, after @ ..] => (*byte, after),
            [] => return from,
        };
        output.push(byte);
        after
    })
}

/// One to three octal digits, as many as stay within the limit.
pub(super) fn octal(input: &[u8], limit: u16) -> Option<(u16, &[u8])> {
    let (&first, mut rest) = input.split_first()?;
    let mut code = u16::from(hex::octal_digit(first)?);
    for _ in 0..2 {
        if let [byte, after @ ..] = rest
            && let Some(digit) = hex::octal_digit(*byte)
            && code << 3 | u16::from(digit) <= limit
        {
            code = code << 3 | u16::from(digit);
            rest = after;
        }
    }
    Some((code, rest))
}

/// What a single letter stands for behind a backslash.
pub(super) fn letter(byte: u8) -> u8 {
    match byte {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_decoded() {
        assert_eq!(escape_seq_decode(br"\x3c\X3E\74\074\0741"), b"<><<<1");
        assert_eq!(escape_seq_decode(br"\666\0123"), b"\xb6\n3");
        assert_eq!(escape_seq_decode(br"\7"), b"\x07");
    }

    #[test]
    fn letters_are_control_characters_or_themselves() {
        assert_eq!(
            escape_seq_decode(br#"\a\b\f\n\r\t\v\?\'\"\\\q"#),
            b"\x07\x08\x0c\n\r\t\x0b?'\"\\q"
        );
    }

    #[test]
    fn broken_codes_lose_their_backslash() {
        assert_eq!(escape_seq_decode(br"\8\xag\x0"), b"8xagx0");
        assert_eq!(escape_seq_decode(b"a\\"), b"a\\");
    }
}
