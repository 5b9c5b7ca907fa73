//! White space: blank, tab, line feed, vertical tab, form feed, carriage return. Removing and compressing
//! count the non-breaking space (0xA0 as a byte) too, as the manual says; trimming does not.

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

fn is_any_space(byte: u8) -> bool {
    is_space(byte) || byte == 0xa0
}

pub(super) fn remove(input: &[u8]) -> Vec<u8> {
    input
        .iter()
        .copied()
        .filter(|&byte| !is_any_space(byte))
        .collect()
}

pub(super) fn compress(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    for &byte in input {
        if !is_any_space(byte) {
            output.push(byte);
        } else if output.last() != Some(&b' ') {
            output.push(b' ');
        }
    }
    output
}

/// Whether anything but single blanks is in the way.
pub(super) fn may_compress(input: &[u8]) -> bool {
    let mut after_blank = false;
    input.iter().any(|&byte| {
        let repeated = after_blank && byte == b' ';
        after_blank = byte == b' ';
        repeated || (byte != b' ' && is_any_space(byte))
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
    use super::*;

    #[test]
    fn every_kind_of_space_goes() {
        assert_eq!(remove(b" a\tb\nc\x0bd\x0ce\rf\xa0g "), b"abcdefg");
    }

    #[test]
    fn runs_become_one_blank() {
        assert_eq!(compress(b"  union \t\r\n all\xa0select "), b" union all select ");
        assert!(!may_compress(b"a b c"));
        assert!(may_compress(b"a\tb"));
        assert!(may_compress(b"a  b"));
    }

    #[test]
    fn only_the_ends_are_trimmed() {
        assert_eq!(trim(b" \t a b \r\n"), b"a b");
        assert_eq!(trim_left(b" a "), b"a ");
        assert_eq!(trim_right(b" a "), b" a");
        assert_eq!(trim(b" \n "), b"");
    }
}
