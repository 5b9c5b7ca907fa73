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

pub(super) fn digit(byte: u8) -> Option<u32> {
    match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
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
}
