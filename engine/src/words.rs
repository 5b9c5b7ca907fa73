//! Short texts, compared and copied by words.
//!
//! In wasm a copy or a comparison whose length is known only then is a call out of the module, or a loop of bytes, and
//! costs more than most names and values are worth. Compilers make such a call of every loop that copies bytes; hence
//! none stands here.

/// Up to eight bytes as a number, the first one lowest; of more, it is undefined which count.
#[inline]
pub(crate) fn little_endian(bytes: &[u8]) -> u64 {
    let place = |index: usize| 8 * index as u32;
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            let beyond = place(bytes.len() - size_of::<u32>());
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)).wrapping_shl(beyond)
        }
        _ => match bytes {
            [] => 0,
            [first, .., last] => {
                let middle = bytes.get(1).copied().unwrap_or_default();
                u64::from(*first) | u64::from(middle) << place(1) | u64::from(*last) << place(bytes.len() - 1)
            }
            [one] => u64::from(*one),
        },
    }
}

/// Whether two texts are the same.
#[inline]
pub(crate) fn is_same(left: &[u8], right: &[u8]) -> bool {
    const WORD: usize = size_of::<u64>();
    if left.len() != right.len() {
        return false;
    }
    let (Some(left_end), Some(right_end)) = (left.last_chunk::<WORD>(), right.last_chunk::<WORD>()) else {
        return little_endian(left) == little_endian(right);
    };
    let mut words = left.as_chunks::<WORD>().0.iter().zip(right.as_chunks::<WORD>().0);
    left_end == right_end && words.all(|(left, right)| left == right)
}

/// Appends bytes to others.
pub(crate) fn append(all: &mut Vec<u8>, mut bytes: &[u8]) {
    const BLOCK: usize = 16;
    const SHORT: usize = 8 * BLOCK;
    if bytes.len() > SHORT {
        all.extend_from_slice(bytes);
        return;
    }
    while let Some((block, rest)) = bytes.split_first_chunk::<BLOCK>() {
        all.extend_from_slice(block);
        bytes = rest;
    }
    let end = all.len() + bytes.len();
    all.extend_from_slice(&wide(bytes).to_le_bytes());
    all.truncate(end);
}

/// Up to sixteen bytes as a number, as [`little_endian`].
fn wide(bytes: &[u8]) -> u128 {
    let (low, high) = bytes.split_at_checked(8).unwrap_or((bytes, &[]));
    u128::from(little_endian(low)) | u128::from(little_endian(high)) << u64::BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_become_numbers() {
        let text = *b"\x01\x02\x03\x04\x05\x06\x07\x08";
        for length in 0..=8 {
            let mut expected = [0; 8];
            expected[..length].copy_from_slice(&text[..length]);
            assert_eq!(
                little_endian(&text[..length]),
                u64::from_le_bytes(expected),
                "{length}"
            );
        }
    }

    #[test]
    fn texts_are_the_same_in_length_and_every_byte() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..=text.len() {
            assert!(is_same(&text[..length], &text[..length]));
            assert!(!is_same(&text[..length], &[&text[..length], b"\0"].concat()));
            for at in 0..length {
                let mut other = text[..length].to_vec();
                other[at] ^= 0x80;
                assert!(!is_same(&text[..length], &other), "{length} {at}");
            }
        }
    }

    #[test]
    fn bytes_of_any_length_are_kept_as_they_are() {
        let text: Vec<u8> = (1..=200).collect();
        for length in 0..=text.len() {
            let mut all = b"before".to_vec();
            append(&mut all, &text[..length]);
            assert_eq!(all, [b"before", &text[..length]].concat());
        }
    }
}
