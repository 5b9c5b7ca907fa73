//! The path of a request.

use std::borrow::Cow;

use super::{ParseError, Sink};
use crate::transform::percent_decode;

/// Undoes the percent codes of a path, once; `+` means itself. Broken codes stay and raise
/// [`ParseError::BadPercentCode`].
pub fn path<'a, S: Sink + ?Sized>(input: &'a [u8], sink: &mut S) -> Cow<'a, [u8]> {
    let (decoded, is_broken) = percent_decode(input, b'+');
    if is_broken {
        sink.error(ParseError::BadPercentCode);
    }
    decoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::collected::Collected;

    #[test]
    fn paths_are_decoded_once() {
        let mut found = Collected::default();
        assert_eq!(&*path(b"/a+b/%2e%2e/%252e", &mut found), b"/a+b/../%2e");
        assert_eq!(found.errors, []);
        assert_eq!(&*path(b"/100%", &mut found), b"/100%");
        assert_eq!(found.errors, [ParseError::BadPercentCode]);
    }

    proptest! {
        #[test]
        fn encoded_paths_come_back(input in prop::collection::vec(any::<u8>(), 0..64)) {
            let encoded = input.iter().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            let mut found = Collected::default();
            prop_assert_eq!(&*path(encoded.as_bytes(), &mut found), &*input);
            prop_assert_eq!(&found.errors, &[]);
            prop_assert!(path(&input, &mut found).len() <= input.len());
        }
    }
}
