//! Case folding of ASCII letters.

pub(super) fn lowercase(input: &[u8]) -> Vec<u8> {
    input.to_ascii_lowercase()
}

pub(super) fn uppercase(input: &[u8]) -> Vec<u8> {
    input.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ascii_letters_fold() {
        assert_eq!(lowercase(b"SeLeCt \xc3\x89"), b"select \xc3\x89");
        assert_eq!(uppercase(b"SeLeCt \xc3\xa9"), b"SELECT \xc3\xa9");
    }
}
