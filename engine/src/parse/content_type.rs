//! Content types, and the character sets that they claim.

use super::{ParseError, Sink, parameters::Parameters};

/// Looks at a `Content-Type` header for what would keep a body from being understood: [`ParseError::ContentType`]
/// when it can be read in more than one way, [`ParseError::ContentCharset`] when it claims a character set in which
/// text is not what its bytes look like.
pub fn content_type<S: Sink + ?Sized>(header: &[u8], sink: &mut S) {
    let (essence, parameters) = Parameters::read(header);
    let is_clean = essence.split(|&byte| byte == b'/').count() == 2
        && essence
            .iter()
            .all(|&byte| byte == b'/' || byte == b'+' || is_name(byte));
    if !is_clean || parameters.is_ambiguous || parameters.all(b"charset").count() > 1 {
        sink.error(ParseError::ContentType);
    }
    if !parameters
        .all(b"charset")
        .all(|charset| is_plain_charset(charset))
    {
        sink.error(ParseError::ContentCharset);
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_!#$&^*".contains(&byte)
}

/// Whether a character set is a superset of ASCII in which the bytes of ASCII mean nothing else: so not UTF-7, UTF-16
/// and EBCDIC, nor those of East Asia, whose characters may end in them.
pub(super) fn is_plain_charset(charset: &[u8]) -> bool {
    let charset = charset.trim_ascii().to_ascii_lowercase();
    match &*charset {
        b"utf-8" | b"utf8" | b"us-ascii" | b"ascii" | b"latin1" => true,
        _ => [&b"iso-8859-"[..], b"windows-125", b"koi8-"]
            .iter()
            .any(|family| charset.starts_with(family)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::collected::Collected;

    fn errors(header: &str) -> Vec<ParseError> {
        Collected::of(|sink| content_type(header.as_bytes(), sink)).errors
    }

    #[test]
    fn what_honest_clients_send_is_clean() {
        for header in [
            "application/json",
            "application/x-www-form-urlencoded; charset=UTF-8",
            "application/vnd.api+json;charset=utf-8",
            "multipart/form-data; boundary=----WebKitFormBoundaryAbC",
            "text/plain; charset=\"iso-8859-15\"",
            "application/soap+xml; charset=utf-8; action=\"urn:x#y\"",
        ] {
            assert_eq!(errors(header), [], "{header}");
        }
    }

    #[test]
    fn doubtful_types_are_told() {
        for header in [
            "",
            "json",
            "application/json, text/plain",
            "application /json",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json; charset",
        ] {
            assert!(errors(header).contains(&ParseError::ContentType), "{header}");
        }
    }

    #[test]
    fn character_sets_that_hide_ascii_are_told() {
        for charset in [
            "utf-7",
            "utf-16",
            "ibm037",
            "cp500",
            "x-unknown",
            "gb18030",
            "shift_jis",
            "\"\"",
        ] {
            let header = format!("application/x-www-form-urlencoded; charset={charset}");
            assert_eq!(errors(&header), [ParseError::ContentCharset], "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read(header in "[a-z/;=\"' \\\\,\\-0-9]{0,40}", charset in "[a-z0-9-]{1,12}") {
            Collected::of(|sink| content_type(header.as_bytes(), sink));
            let is_told = errors(&format!("text/plain; charset={charset}")) == [ParseError::ContentCharset];
            prop_assert_eq!(is_told, !is_plain_charset(charset.as_bytes()));
        }
    }
}
