//! Digests, as raw bytes: patterns look at them through `hex_encode`.

use md5::{Digest as _, Md5};
use sha1::Sha1;

pub(super) fn md5(input: &[u8]) -> Vec<u8> {
    Md5::digest(input).to_vec()
}

pub(super) fn sha1(input: &[u8]) -> Vec<u8> {
    Sha1::digest(input).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::hex;

    #[test]
    fn the_vectors_of_rfc_1321_come_out() {
        for (input, digest) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ] {
            assert_eq!(hex::encode(&md5(input.as_bytes())), digest.as_bytes());
        }
    }

    #[test]
    fn the_vectors_of_fips_180_come_out() {
        for (input, digest) in [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ] {
            assert_eq!(hex::encode(&sha1(input.as_bytes())), digest.as_bytes());
        }
    }
}
