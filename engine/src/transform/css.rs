//! The escapes of style sheets (CSS 2): a backslash and up to six hexadecimal digits with one white space behind them
//! stand for a character, of which the lower byte stays (full-width forms fold). A backslash before a line end joins
//! the lines; before anything else it goes.

use super::{hex, rewrite, unicode, whitespace::is_space};

pub(super) fn css_decode(input: &[u8]) -> Vec<u8> {
    rewrite(input, [b'\\'], |from, output| match from {
        [b'\\', digits @ ..] if let Some((code, after)) = code(digits) => {
            output.push(unicode::to_byte(code));
            without_one_space(after)
        }
        [b'\\', b'\n', after @ ..] => after,
        [b'\\', byte, after @ ..] => {
            output.push(*byte);
            after
        }
        _ => &[],
    })
}

fn code(input: &[u8]) -> Option<(u16, &[u8])> {
    let length = input
        .iter()
        .take(6)
        .take_while(|&&byte| hex::digit(byte).is_some())
        .count();
    let (digits, after) = input.split_at_checked(length)?;
    let code = digits
        .iter()
        .filter_map(|&byte| hex::digit(byte))
        .fold(0_u32, |code, digit| code << 4 | u32::from(digit));
    (length > 0).then_some((code as u16, after))
}

fn without_one_space(input: &[u8]) -> &[u8] {
    match input {
        [b'\r', b'\n', after @ ..] => after,
        [byte, after @ ..] if is_space(*byte) => after,
        _ => input,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_decoded_with_the_space_behind() {
        assert_eq!(css_decode(br"\6a avascript\3a alert"), b"javascript:alert");
        assert_eq!(css_decode(br"\00006aav\61 s"), b"javas");
        assert_eq!(css_decode(br"\ff1c\ff5e"), b"<~");
        assert_eq!(css_decode(br"\1234567"), b"V7");
        assert_eq!(css_decode(b"\\3c\r\n\nx"), b"<\nx");
    }

    #[test]
    fn other_backslashes_go() {
        assert_eq!(css_decode(b"ja\\vascr\\ipt\\\n!\\"), b"javascript!");
        assert_eq!(css_decode(br"\zx\\"), b"zx\\");
    }
}
