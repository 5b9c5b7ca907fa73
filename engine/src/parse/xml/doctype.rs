//! Document types: told, looked through for entities, and skipped.

const NAME: &[u8] = b"DOCTYPE";

/// Whether a document type begins; `<!` was seen. XML wants capitals, HTML does not.
pub(super) fn is_doctype(input: &[u8]) -> bool {
    input
        .get(..NAME.len())
        .is_some_and(|name| name.eq_ignore_ascii_case(NAME))
}

/// Whether a document type declares an entity, or what may be one to a careless reader.
pub(super) fn declares_entity(input: &[u8]) -> bool {
    let inside = behind(input).map_or(input, |after| {
        input.get(..input.len() - after.len()).unwrap_or(input)
    });
    memchr::memmem::find(&inside.to_ascii_uppercase(), b"<!ENTITY").is_some()
}

/// What follows a document type; nothing when it does not end.
pub(super) fn behind(input: &[u8]) -> Option<&[u8]> {
    let mut rest = input;
    let mut is_in_subset = false;
    loop {
        rest = match rest {
            [quote @ (b'"' | b'\''), inside @ ..] => after(inside, &[*quote])?,
            [b'<', b'!', b'-', b'-', inside @ ..] => after(inside, b"-->")?,
            [b'<', b'?', inside @ ..] => after(inside, b"?>")?,
            [b'>', after @ ..] if !is_in_subset => return Some(after),
            [byte, after @ ..] => {
                match byte {
                    b'[' => is_in_subset = true,
                    b']' => is_in_subset = false,
                    _ => {}
                }
                after
            }
            [] => return None,
        };
    }
}

fn after<'a>(input: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    input.get(memchr::memmem::find(input, end)? + end.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_types_are_skipped_whole() {
        for doctype in [
            "DOCTYPE a>",
            "doctype html>",
            "DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN>\" 'x>'>",
            "DOCTYPE a [<!ELEMENT a ANY><!ENTITY x \"]>\"><!-- ]> ' --><?x ]> ?>]>",
        ] {
            assert!(is_doctype(doctype.as_bytes()), "{doctype}");
            assert_eq!(
                behind(format!("{doctype}<a/>").as_bytes()),
                Some(&b"<a/>"[..]),
                "{doctype}"
            );
        }
        for endless in ["DOCTYPE a", "DOCTYPE a [>", "DOCTYPE \">", "DOCTYPE [<!-- ]>"] {
            assert_eq!(behind(endless.as_bytes()), None, "{endless}");
        }
        assert!(!is_doctype(b"ENTITY"));
    }

    #[test]
    fn entities_are_told_from_other_declarations() {
        assert!(declares_entity(b"DOCTYPE a [<!ENTITY x 'y'>]>"));
        assert!(declares_entity(b"DOCTYPE a [<!entity % x SYSTEM 'y'>"));
        assert!(!declares_entity(b"DOCTYPE a [<!ELEMENT a ANY>]><!ENTITY"));
        assert!(!declares_entity(b"DOCTYPE a><b><!ENTITY</b>"));
    }
}
