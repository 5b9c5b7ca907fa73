//! Base64 (RFC 4648, the standard alphabet).

/// Decodes up to the first byte that is no digit; what is left over counts as far as it makes whole bytes.
pub(super) fn decode(input: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(input.len());
    for digit in input.iter().map_while(|&byte| digit(byte)) {
        decoder.push(digit);
    }
    decoder.output
}

/// Decodes as lenient decoders do: bytes that are no digits are skipped, `=` starts anew.
pub(crate) fn decode_ext(input: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(input.len());
    for &byte in input {
        match digit(byte) {
            Some(digit) => decoder.push(digit),
            None if byte == b'=' => decoder.bits = 0,
            None => {}
        }
    }
    decoder.output
}

pub(super) fn encode(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len().div_ceil(3) * 4);
    for group in input.chunks(3) {
        let bits = [16, 8, 0]
            .into_iter()
            .zip(group)
            .fold(0, |bits, (shift, &byte)| bits | u32::from(byte) << shift);
        output.extend(
            [18, 12, 6, 0]
                .into_iter()
                .take(group.len() + 1)
                .map(|shift| letter(bits >> shift)),
        );
        output.extend(std::iter::repeat_n(b'=', 3 - group.len()));
    }
    output
}

/// The digit of the lowest six bits.
fn letter(bits: u32) -> u8 {
    match (bits & 0x3f) as u8 {
        value @ 0..=25 => b'A' + value,
        value @ 26..=51 => b'a' + (value - 26),
        value @ 52..=61 => b'0' + (value - 52),
        62 => b'+',
        _ => b'/',
    }
}

struct Decoder {
    buffer: u32,
    bits: u32,
    output: Vec<u8>,
}

impl Decoder {
    fn new(input: usize) -> Self {
        Self {
            buffer: 0,
            bits: 0,
            output: Vec::with_capacity(input / 4 * 3 + 3),
        }
    }

    fn push(&mut self, digit: u32) {
        self.buffer = self.buffer << 6 | digit;
        self.bits += 6;
        if self.bits >= 8 {
            self.bits -= 8;
            self.output.push((self.buffer >> self.bits) as u8);
        }
    }
}

pub(super) const fn digit(byte: u8) -> Option<u32> {
    match byte {
        b'A'..=b'Z' => Some((byte - b'A') as u32),
        b'a'..=b'z' => Some((byte - b'a') as u32 + 26),
        b'0'..=b'9' => Some((byte - b'0') as u32 + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_decode() {
        for (encoded, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode(encoded.as_bytes()), plain.as_bytes());
            assert_eq!(decode_ext(encoded.as_bytes()), plain.as_bytes());
            assert_eq!(encode(plain.as_bytes()), encoded.as_bytes());
        }
        assert_eq!(decode(b"+/+/"), b"\xfb\xff\xbf");
    }

    #[test]
    fn padding_may_be_missing() {
        assert_eq!(decode(b"Zm8"), b"fo");
        assert_eq!(decode(b"Zg"), b"f");
    }

    #[test]
    fn only_the_lenient_decoder_skips() {
        assert_eq!(decode(b"Zm.9v"), b"f");
        assert_eq!(decode_ext(b"Z m\r\n9.v"), b"foo");
        assert_eq!(decode_ext(b"Zg==Zg=="), b"ff");
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(input in prop::collection::vec(any::<u8>(), 0..64)) {
            let encoded = encode(&input);
            prop_assert_eq!(encoded.len(), input.len().div_ceil(3) * 4);
            prop_assert_eq!(decode(&encoded), &*input);
            prop_assert_eq!(decode_ext(&encoded), input);
        }
    }
}
