//! Strings of JSON.

use std::borrow::Cow;

use crate::transform::hex_digit;

/// Where the string ends whose opening quote was seen.
pub(super) fn end(input: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', input.get(from..)?)?;
        if input.get(at) == Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

/// Undoes escapes; tells too whether one of them was unknown. Of an unknown one the backslash goes, as lenient readers
/// do it, and `\xHH` is decoded.
pub(super) fn unescape(input: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let Some(first) = memchr::memchr(b'\\', input) else {
        return (Cow::Borrowed(input), false);
    };
    let (head, mut rest) = input.split_at_checked(first).unwrap_or((input, &[]));
    let mut output = Vec::with_capacity(input.len());
    output.extend_from_slice(head);
    let mut is_broken = false;
    loop {
        rest = match rest {
            [b'\\', b'u', after @ ..] if let Some((code, after)) = code(after) => {
                output.extend_from_slice(code.encode_utf8(&mut [0; 4]).as_bytes());
                after
            }
            [b'\\', byte, after @ ..] if let Some(plain) = letter(*byte) => {
                output.push(plain);
                after
            }
            [b'\\', b'x', high, low, after @ ..]
                if let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low)) =>
            {
                is_broken = true;
                output.push(high << 4 | low);
                after
            }
            [b'\\', after @ ..] => {
                is_broken = true;
                after
            }
            [byte, after @ ..] => {
                output.push(*byte);
                after
            }
            [] => return (Cow::Owned(output), is_broken),
        };
    }
}

fn letter(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// `\u` was seen: the character, of which a second escape may be part.
fn code(input: &[u8]) -> Option<(char, &[u8])> {
    let (first, after) = quad(input)?;
    if (0xd800..0xdc00).contains(&first)
        && let [b'\\', b'u', second @ ..] = after
        && let Some((second @ 0xdc00..=0xdfff, after)) = quad(second)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return Some((char::from_u32(code)?, after));
    }
    Some((
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
        after,
    ))
}

fn quad(input: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, after) = input.split_first_chunk::<4>()?;
    let code = digits
        .iter()
        .try_fold(0, |code, &byte| Some(code << 4 | u32::from(hex_digit(byte)?)))?;
    Some((code, after))
}
