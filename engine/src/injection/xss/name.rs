//! Tags and attributes that run scripts.

use crate::injection::table;

/// What an attribute does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attribute {
    Harmless,
    /// It runs its value, or whatever it holds is dangerous.
    Script,
    /// It takes a URL.
    Url,
    /// It takes the name of an attribute.
    Name,
}

/// Tags that run scripts or change what the page is; so does every name that begins with `svg` or `xsl`.
const TAGS: &[&[u8]] = &[
    b"applet",
    b"base",
    b"comment",
    b"embed",
    b"frame",
    b"frameset",
    b"handler",
    b"iframe",
    b"import",
    b"isindex",
    b"link",
    b"listener",
    b"meta",
    b"noscript",
    b"object",
    b"script",
    b"style",
    b"vmlframe",
    b"xml",
    b"xss",
];

/// Attributes that run scripts, but for those of events and of namespaces.
const ATTRIBUTES: &[&[u8]] = &[
    b"action",
    b"attributename",
    b"background",
    b"by",
    b"dataformatas",
    b"datasrc",
    b"dynsrc",
    b"filter",
    b"folder",
    b"formaction",
    b"from",
    b"handler",
    b"href",
    b"lowsrc",
    b"poster",
    b"src",
    b"style",
    b"to",
    b"values",
    b"xlink:href",
];

/// Events in upper case, ordered, none the beginning of another: an attribute that begins with `on` and one of these is
/// that of an event.
static EVENTS: [&[u8]; 254] = table::lines(include_str!("../data/events.txt"));

/// Whether a tag of this name, in which browsers may leave out NULs, runs scripts.
pub(super) fn is_tag(name: &[u8]) -> bool {
    let begins = |word: &[u8]| {
        name.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    name.len() >= 3 && (TAGS.iter().any(|tag| is(name, tag)) || begins(b"svg") || begins(b"xsl"))
}

/// What an attribute of this name does.
pub(super) fn attribute(name: &[u8]) -> Attribute {
    let begins = |word: &[u8]| {
        name.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    if name.len() >= 5 && (begins(b"on") && is_event(name) || begins(b"xmlns") || begins(b"xlink")) {
        return Attribute::Script;
    }
    if name.len() < 2 {
        return Attribute::Harmless;
    }
    match ATTRIBUTES.iter().copied().find(|known| is(name, known)) {
        None => Attribute::Harmless,
        Some(b"dataformatas" | b"datasrc" | b"filter" | b"style") => Attribute::Script,
        Some(b"attributename") => Attribute::Name,
        Some(_) => Attribute::Url,
    }
}

fn is_event(name: &[u8]) -> bool {
    let Some(event) = name.get(2..) else {
        return false;
    };
    let upper = event.iter().map(u8::to_ascii_uppercase);
    // As none is the beginning of another, the only one that may be the beginning of this stands right before it.
    let behind = EVENTS.partition_point(|known| known.iter().copied().le(upper.clone()));
    let known = behind.checked_sub(1).and_then(|before| EVENTS.get(before));
    known.is_some_and(|known| {
        let head = event.get(..known.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(known))
    })
}

/// Whether a name is this one in lower case, NULs left out.
fn is(name: &[u8], known: &[u8]) -> bool {
    let mut bytes = name.iter().filter(|byte| **byte != 0).map(u8::to_ascii_lowercase);
    known.iter().all(|byte| bytes.next() == Some(*byte)) && bytes.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_in_order_and_each_is_found() {
        assert!(EVENTS.is_sorted_by(|left, right| left < right && !right.starts_with(left)));
        for event in EVENTS {
            let name = [b"oN", event.to_ascii_lowercase().as_slice(), b"more"].concat();
            assert_eq!(attribute(&name), Attribute::Script, "{}", name.escape_ascii());
            let name = [b"on", &event[..event.len() - 1]].concat();
            let is_other = EVENTS
                .iter()
                .any(|other| event[..event.len() - 1].starts_with(other));
            assert!(is_other || attribute(&name) == Attribute::Harmless);
        }
    }

    #[test]
    fn names_are_told_apart() {
        assert!(is_tag(b"ScR\0ipt") && is_tag(b"svgfoo") && !is_tag(b"scripts") && !is_tag(b"b"));
        assert_eq!(attribute(b"HREF"), Attribute::Url);
        assert_eq!(attribute(b"hreflang"), Attribute::Harmless);
        assert_eq!(attribute(b"Style"), Attribute::Script);
        assert_eq!(attribute(b"attributeName"), Attribute::Name);
        assert_eq!(attribute(b"xmlns:x"), Attribute::Script);
        assert_eq!(attribute(b"on"), Attribute::Harmless);
        assert_eq!(attribute(b"once"), Attribute::Harmless);
    }
}
