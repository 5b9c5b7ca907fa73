//! Zero bytes, which end strings in C and vanish in many places beyond.

use super::rewrite;

pub(super) fn remove(input: &[u8]) -> Vec<u8> {
    rewrite(input, [0], |from, _| from.get(1..).unwrap_or_default())
}

pub(super) fn replace(input: &[u8]) -> Vec<u8> {
    input
        .iter()
        .map(|&byte| if byte == 0 { b' ' } else { byte })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_go_or_become_spaces() {
        assert_eq!(remove(b"\0se\0lect\0"), b"select");
        assert_eq!(replace(b"a\0\0b"), b"a  b");
    }
}
