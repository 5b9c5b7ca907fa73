//! White space: blank, tab, line feed, vertical tab, form feed, carriage return. Removing and compressing
//! count the non-breaking space too, as the byte 0xA0, which the manual says, and as UTF-8; trimming does not.

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

fn is_any_space(byte: u8) -> bool {
    is_space(byte) || byte == 0xa0
}

/// Splits off one white space: a byte, or the non-breaking space as UTF-8 writes it.
fn any_space(input: &[u8]) -> Option<&[u8]> {
    match input {
        [0xc2, 0xa0, after @ ..] => Some(after),
        [byte, after @ ..] if is_any_space(*byte) => Some(after),
        _ => None,
    }
}

pub(super) fn remove(input: &[u8]) -> Vec<u8> {
    replace(input, |_| {})
}

pub(super) fn compress(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some(run) = rest.iter().position(|&byte| is_any_space(byte) || byte == 0xc2) {
        let (before, from) = rest.split_at_checked(run).unwrap_or((rest, &[]));
        output.extend_from_slice(before);
        if let Some(after) = any_space(from) {
            if output.last() != Some(&b' ') {
                output.push(b' ');
            }
            rest = after;
        } else {
            // The first half of another character.
            output.extend(from.first());
            rest = from.get(1..).unwrap_or_default();
        }
    }
    output.extend_from_slice(rest);
    output
}

fn replace(input: &[u8], at_space: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        if let Some(after) = any_space(rest) {
            at_space(&mut output);
            rest = after;
        } else if let [byte, after @ ..] = rest {
            output.push(*byte);
            rest = after;
        } else {
            return output;
        }
    }
}

/// Whether anything but single blanks is in the way. In blocks, which compilers turn into wide instructions.
pub(super) fn may_compress(input: &[u8]) -> bool {
    const BLOCK: usize = 64;
    let is_other = |byte: u8| byte.wrapping_sub(b'\t') <= b'\r' - b'\t' || byte == 0xa0;
    let behind = input.get(1..).unwrap_or_default();
    input.last().is_some_and(|last| is_other(*last))
        || input
            .chunks(BLOCK)
            .zip(behind.chunks(BLOCK))
            .any(|(block, behind)| {
                let pairs = block.iter().zip(behind);
                pairs.fold(0, |seen, (&byte, &next)| {
                    seen | u8::from(is_other(byte)) | (u8::from(byte == b' ') & u8::from(next == b' '))
                }) != 0
            })
}

pub(super) fn trim(input: &[u8]) -> Vec<u8> {
    without_trailing(without_leading(input)).to_vec()
}

pub(super) fn trim_left(input: &[u8]) -> Vec<u8> {
    without_leading(input).to_vec()
}

pub(super) fn trim_right(input: &[u8]) -> Vec<u8> {
    without_trailing(input).to_vec()
}

fn without_leading(mut input: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = input
        && is_space(*first)
    {
        input = rest;
    }
    input
}

fn without_trailing(mut input: &[u8]) -> &[u8] {
    while let [rest @ .., last] = input
        && is_space(*last)
    {
        input = rest;
    }
    input
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_of_space_goes() {
        assert_eq!(remove(b" a\tb\nc\x0bd\x0ce\rf\xa0g\xc2\xa0h"), b"abcdefgh");
    }

    #[test]
    fn runs_become_one_blank() {
        assert_eq!(compress(b"  union \t\r\n all\xa0select "), b" union all select ");
        assert_eq!(compress("union\u{a0}\u{a0}select".as_bytes()), b"union select");
        assert!(!may_compress(b"a b c"));
        assert!(may_compress(b"a\tb"));
        assert!(may_compress(b"a  b"));
        assert!(
            may_compress(b"a\tb\tc") && may_compress(b"a  b  c"),
            "twice as well"
        );
    }

    #[test]
    fn only_the_ends_are_trimmed() {
        assert_eq!(trim(b" \t a b \r\n"), b"a b");
        assert_eq!(trim_left(b" a "), b"a ");
        assert_eq!(trim_right(b" a "), b" a");
        assert_eq!(trim(b" \n "), b"");
    }

    proptest! {
        #[test]
        fn what_will_be_compressed_is_told_exactly(input in prop::collection::vec(prop_oneof![
            8 => b'a'..=b'z',
            1 => prop::sample::select(b" \t\r\x08\x0e\x1f\xc2\xa0".to_vec()),
        ], 0..200)) {
            prop_assert_eq!(may_compress(&input), compress(&input) != input);
        }
    }
}
