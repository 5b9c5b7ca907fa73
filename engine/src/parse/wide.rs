//! UTF-16 and UTF-32, which readers of JSON and XML detect by themselves.

/// Rewrites wide encodings as UTF-8; nothing when the text is in none. They are told by their byte order mark or, as JSON
/// and XML begin with ASCII, by the zero bytes among the first four. A byte order mark goes.
pub(super) fn to_utf8(input: &[u8]) -> Option<Vec<u8>> {
    let text = match input {
        [0, 0, 0xfe, 0xff, text @ ..] => from_utf32(text, u32::from_be_bytes),
        [0xff, 0xfe, 0, 0, text @ ..] => from_utf32(text, u32::from_le_bytes),
        [0xfe, 0xff, text @ ..] => from_utf16(text, u16::from_be_bytes),
        [0xff, 0xfe, text @ ..] => from_utf16(text, u16::from_le_bytes),
        [0, 0, 0, _, ..] => from_utf32(input, u32::from_be_bytes),
        [_, 0, 0, 0, ..] => from_utf32(input, u32::from_le_bytes),
        [0, _, ..] => from_utf16(input, u16::from_be_bytes),
        [_, 0, ..] => from_utf16(input, u16::from_le_bytes),
        _ => return None,
    };
    Some(text.into_bytes())
}

fn from_utf16(input: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (units, odd) = input.as_chunks::<2>();
    let text = char::decode_utf16(units.iter().map(|&bytes| unit(bytes)))
        .map(|code| code.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    with_remainder(text, odd)
}

fn from_utf32(input: &[u8], unit: fn([u8; 4]) -> u32) -> String {
    let (units, odd) = input.as_chunks::<4>();
    let text = units
        .iter()
        .map(|&bytes| char::from_u32(unit(bytes)).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    with_remainder(text, odd)
}

/// Bytes that make no unit stay as the characters that they would be alone, so that nothing is dropped.
fn with_remainder(mut text: String, odd: &[u8]) -> String {
    text.extend(odd.iter().map(|&byte| char::from(byte)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "[é]".encode_utf16().flat_map(bytes).collect()
    }

    fn utf32(bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
        "[é]".chars().flat_map(|code| bytes(u32::from(code))).collect()
    }

    #[test]
    fn every_width_and_order_is_told() {
        for (mark, text) in [
            (&b"\xfe\xff"[..], utf16(u16::to_be_bytes)),
            (b"\xff\xfe", utf16(u16::to_le_bytes)),
            (b"\0\0\xfe\xff", utf32(u32::to_be_bytes)),
            (b"\xff\xfe\0\0", utf32(u32::to_le_bytes)),
        ] {
            assert_eq!(to_utf8(&text).as_deref(), Some("[é]".as_bytes()));
            assert_eq!(
                to_utf8(&[mark, &text].concat()).as_deref(),
                Some("[é]".as_bytes())
            );
        }
        assert_eq!(to_utf8(b"[\0]").as_deref(), Some("[]".as_bytes()));
    }

    #[test]
    fn utf8_is_left_alone() {
        assert_eq!(to_utf8("{\"é\":1}".as_bytes()), None);
        assert_eq!(to_utf8(b"1"), None);
        assert_eq!(to_utf8(b""), None);
    }
}
