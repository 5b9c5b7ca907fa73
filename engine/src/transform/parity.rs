//! Parity: the highest bit of each byte, computed from the seven others.

pub(super) fn even(input: &[u8]) -> Vec<u8> {
    input
        .iter()
        .map(|&byte| (byte & SEVEN) | odd_ones(byte) << 7)
        .collect()
}

pub(super) fn odd(input: &[u8]) -> Vec<u8> {
    input
        .iter()
        .map(|&byte| (byte & SEVEN) | (odd_ones(byte) ^ 1) << 7)
        .collect()
}

pub(super) fn zero(input: &[u8]) -> Vec<u8> {
    input.iter().map(|&byte| byte & SEVEN).collect()
}

const SEVEN: u8 = 0x7f;

/// 1 where the number of ones among the lower seven bits is odd.
fn odd_ones(byte: u8) -> u8 {
    (byte & SEVEN).count_ones() as u8 & 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_bits_make_the_eighth() {
        let input = b"\0\x01\x03\x7f\x80\x81\xffaC";
        assert_eq!(even(input), b"\0\x81\x03\xff\0\x81\xff\xe1\xc3");
        assert_eq!(odd(input), b"\x80\x01\x83\x7f\x80\x01\x7faC");
        assert_eq!(zero(input), b"\0\x01\x03\x7f\0\x01\x7faC");
    }
}
