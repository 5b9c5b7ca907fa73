//! Encodings that an XML body claims for itself, whatever its content type says.

use super::content_type::is_plain_charset;

/// `<?xm` in EBCDIC, by which XML parsers recognise it (XML 1.0, appendix F).
const EBCDIC: &[u8] = b"\x4c\x6f\xa7\x94";
/// Bytes in which an XML declaration has to end.
const DECLARATION_LIMIT: usize = 256;

/// Whether the body is XML in a character set in which text is not what its bytes look like: EBCDIC by its first
/// bytes, or whatever the XML declaration names, UTF-7 and EBCDIC among them.
///
/// UTF-16 and UTF-32 are none of these: their text shows once the zero bytes are gone, and honest programs claim them in
/// declarations of UTF-8. Neither are those of East Asia, which honest programs claim and which leave ASCII as it is.
pub fn is_xml_in_disguise(body: &[u8]) -> bool {
    if body.starts_with(EBCDIC) {
        return true;
    }
    declared(body).is_some_and(|charset| !is_plain_charset(charset) && !is_readable(charset))
}

/// The encoding that an XML declaration in ASCII names; up to the end of the body where its quote is not closed.
fn declared(body: &[u8]) -> Option<&[u8]> {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let rest = text.trim_ascii_start().strip_prefix(b"<?xml")?;
    let rest = rest.get(..DECLARATION_LIMIT).unwrap_or(rest);
    let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
    let rest = rest.get(..end)?;
    let at = memchr::memmem::find(rest, b"encoding")?;
    let value = rest.get(at + b"encoding".len()..)?.trim_ascii_start();
    let value = value.strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    matches!(quote, b'"' | b'\'').then_some(())?;
    let end = memchr::memchr(*quote, value).unwrap_or(value.len());
    value.get(..end)
}

fn is_readable(charset: &[u8]) -> bool {
    let charset = charset.to_ascii_lowercase();
    [
        &b"utf-16"[..],
        b"utf-32",
        b"iso-10646-ucs-",
        b"unicode",
        b"gb2312",
        b"gbk",
        b"gb18030",
        b"big5",
        b"euc-",
        b"shift_jis",
        b"windows-31j",
        b"windows-874",
        b"tis-620",
        b"ks_c_5601",
    ]
    .iter()
    .any(|family| charset.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_declarations_pass() {
        for body in [
            &b"<?xml version=\"1.0\"?><a/>"[..],
            b"<?xml version='1.0' encoding='utf-8'?><a/>",
            b"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            b"<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>",
            b"<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><a/>",
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-15\" standalone=\"yes\"?>",
            b"<?xml version=\"1.0\"?><a encoding=\"base64\"/>",
            b"<a encoding=\"utf-7\"/>",
            b"{}",
            b"",
        ] {
            assert!(!is_xml_in_disguise(body), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn encodings_that_hide_text_are_told() {
        for body in [
            &b"\x4c\x6f\xa7\x94\x93\x40"[..],
            b"<?xml version=\"1.0\" encoding=\"UTF-7\"?>+ADwAIQBE-",
            b" \n<?xml version='1.0' encoding = 'cp037'?>\x4c",
            b"<?xml version=\"1.0\" encoding=\"IBM037\x00\x3f",
            b"\xef\xbb\xbf<?xml encoding=\"x\"?>",
        ] {
            assert!(is_xml_in_disguise(body), "{}", body.escape_ascii());
        }
    }
}
