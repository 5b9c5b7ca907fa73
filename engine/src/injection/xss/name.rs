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

/// Events in upper case, ordered, none the beginning of another: an attribute that begins with `on` and one of these is
/// that of an event.
static EVENTS: [&[u8]; 254] = table::lines(include_str!("../data/events.txt"));

/// A name in lower case, NULs left out; behind so many bytes it is cut, for no name that matters is that long.
struct Name {
    bytes: [u8; Name::LIMIT],
    len: usize,
}

impl Name {
    /// One more than the longest name that matters.
    const LIMIT: usize = 14;

    fn new(name: &[u8]) -> Self {
        let (mut bytes, mut len) = ([0; Self::LIMIT], 0);
        let letters = name.iter().filter(|byte| **byte != 0);
        for (slot, byte) in bytes.iter_mut().zip(letters) {
            *slot = byte.to_ascii_lowercase();
            len += 1;
        }
        Self { bytes, len }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Whether a tag of this name, in which browsers may leave out NULs, runs scripts or changes what the page is.
pub(super) fn is_tag(name: &[u8]) -> bool {
    let is_known = || {
        matches!(
            Name::new(name).as_bytes(),
            b"applet"
                | b"base"
                | b"comment"
                | b"embed"
                | b"frame"
                | b"frameset"
                | b"handler"
                | b"iframe"
                | b"import"
                | b"isindex"
                | b"link"
                | b"listener"
                | b"meta"
                | b"noscript"
                | b"object"
                | b"script"
                | b"style"
                | b"vmlframe"
                | b"xml"
                | b"xss"
        )
    };
    name.len() >= 3 && (begins(name, b"svg") || begins(name, b"xsl") || is_known())
}

/// What an attribute of this name does.
pub(super) fn attribute(name: &[u8]) -> Attribute {
    let is_namespace = || begins(name, b"xmlns") || begins(name, b"xlink");
    if name.len() >= 5 && (begins(name, b"on") && is_event(name) || is_namespace()) {
        return Attribute::Script;
    }
    match Name::new(name).as_bytes() {
        b"dataformatas" | b"datasrc" | b"filter" | b"style" => Attribute::Script,
        b"attributename" => Attribute::Name,
        b"action" | b"background" | b"by" | b"dynsrc" | b"folder" | b"formaction" | b"from" | b"handler"
        | b"href" | b"lowsrc" | b"poster" | b"src" | b"to" | b"values" | b"xlink:href" => Attribute::Url,
        _ => Attribute::Harmless,
    }
}

/// Whether a name begins with this word in lower case.
fn begins(name: &[u8], word: &[u8]) -> bool {
    let head = name.get(..word.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(word))
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
        assert_eq!(attribute(b"\0\0by\0"), Attribute::Url);
        assert_eq!(attribute(b"xl\0ink:href"), Attribute::Url);
        assert_eq!(attribute(b"attributename\0s"), Attribute::Harmless);
    }
}
