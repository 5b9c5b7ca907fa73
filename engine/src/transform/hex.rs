//! Hexadecimal digits.

/// The value of a hexadecimal digit.
pub(crate) fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The value of an octal digit.
pub(crate) fn octal_digit(byte: u8) -> Option<u8> {
    matches!(byte, b'0'..=b'7').then(|| byte - b'0')
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn pair(high: u8, low: u8) -> Option<u8> {
    Some(digit(high)? << 4 | digit(low)?)
}

/// The number that four hexadecimal digits stand for.
pub(super) fn quad(digits: [u8; 4]) -> Option<u16> {
    let [a, b, c, d] = digits;
    Some(u16::from(pair(a, b)?) << 8 | u16::from(pair(c, d)?))
}

/// Decodes pair by pair; a pair that is not hexadecimal and an odd digit at the end are dropped.
pub(super) fn decode(input: &[u8]) -> Vec<u8> {
    let (pairs, _) = input.as_chunks::<2>();
    pairs.iter().filter_map(|&[high, low]| pair(high, low)).collect()
}

pub(super) fn encode(input: &[u8]) -> Vec<u8> {
    input
        .iter()
        .flat_map(|&byte| [nibble(byte >> 4), nibble(byte & 0xf)])
        .collect()
}

/// The lower-case digit of a value below 16.
pub(super) fn nibble(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'a' + (value - 10)
    }
}

/// Decodes each `0x` that is followed by at least one pair of digits.
pub(super) fn sql_decode(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        match rest {
            [b'0', b'x' | b'X', high, low, ..] if pair(*high, *low).is_some() => {
                let mut digits = rest.get(2..).unwrap_or_default();
                while let [high, low, after @ ..] = digits
                    && let Some(byte) = pair(*high, *low)
                {
                    output.push(byte);
                    digits = after;
                }
                rest = digits;
            }
            [byte, after @ ..] => {
                output.push(*byte);
                rest = after;
            }
            [] => return output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_round_trips() {
        assert_eq!(encode(b"\x00Az\xff"), b"00417aff");
        assert_eq!(decode(b"00417AFF"), b"\x00Az\xff");
        assert_eq!(decode(b"41zz4"), b"A");
    }

    #[test]
    fn sql_literals_become_text() {
        assert_eq!(sql_decode(b"select 0x414243, 0X44"), b"select ABC, D");
        assert_eq!(sql_decode(b"0x0x41 0xg"), b"0xA 0xg");
        assert_eq!(sql_decode(b"0x414"), b"A4");
    }
}
