//! Tells whose values are shown to nobody. Asked only where something is told: of a match, never of a mere value.

mod glob;

use crate::{config::MaskConfig, rule::Collection, transform::Transformation};
use glob::Glob;

/// Names whose values are shown to nobody, ready to be compared.
#[derive(Debug)]
pub(crate) struct Mask {
    names: Vec<Glob>,
}

impl Mask {
    pub(crate) fn new(config: &MaskConfig) -> Self {
        Self {
            names: config.0.iter().map(|name| Glob::new(name)).collect(),
        }
    }

    /// Whether the value of a field is shown to nobody.
    pub(crate) fn hides(&self, collection: Collection, name: &[u8], value: &[u8]) -> bool {
        if self.names.is_empty() {
            return false;
        }
        match collection {
            Collection::Method
            | Collection::Path
            | Collection::QueryNames
            | Collection::HeaderNames
            | Collection::CookieNames
            | Collection::BodyNames
            | Collection::FileNames
            | Collection::ParseErrors
            | Collection::Client
            | Collection::ResponseStatus
            // Whoever sets these knows no names; the transaction tells what they may hold.
            | Collection::Tx
            | Collection::Matched => false,
            // The parts of the header go with the header.
            Collection::Cookies => self.has(b"cookie") || self.has(name) || self.has_argument(value, false),
            Collection::QueryValues | Collection::BodyValues if name.is_empty() => self.mentions(value),
            Collection::QueryValues
            | Collection::BodyValues
            | Collection::Headers
            | Collection::ResponseHeaders => self.has(name) || self.has_argument(value, false),
            Collection::Uri | Collection::Query => self.has_argument(value, true),
            Collection::Body | Collection::ResponseBody => self.mentions(value),
        }
    }

    /// Whether a name, or a part of it, is one of those.
    fn has(&self, name: &[u8]) -> bool {
        let is_listed = |name: &[u8]| self.names.iter().any(|glob| glob.matches(name));
        is_listed(name)
            || name
                .split(|byte| b".[]:@".contains(byte))
                .any(|part| !part.is_empty() && part.len() < name.len() && is_listed(part))
    }

    /// Whether a text holds an argument with such a name, as in `/login?password=x`. A text that is made of arguments
    /// holds them from its first byte on, and their names may be anything.
    fn has_argument(&self, text: &[u8], is_made_of_them: bool) -> bool {
        let mut segments = text.split(|byte| b"?&;#".contains(byte));
        if !is_made_of_them {
            segments.next();
        }
        segments.any(|segment| {
            let Some(end) = memchr::memchr(b'=', segment) else {
                return false;
            };
            let name = segment.get(..end).unwrap_or_default();
            let name = Transformation::UrlDecode.apply(name.into());
            (is_made_of_them || name.iter().all(|byte| is_of_name(*byte))) && self.has(&name)
        })
    }

    /// Whether such a name stands anywhere in a text of unknown format, which may be UTF-16.
    fn mentions(&self, text: &[u8]) -> bool {
        let narrow = Transformation::RemoveNulls.apply(text.into());
        let mut words = narrow.split(|byte| !(byte.is_ascii_alphanumeric() || b"_-".contains(byte)));
        words.any(|word| !word.is_empty() && self.has(word)) || self.has_argument(&narrow, true)
    }

    /// Whether one of these names lies within an element of this name, whose text then holds theirs.
    pub(crate) fn hides_within<'n>(&self, name: &[u8], names: impl Iterator<Item = &'n [u8]>) -> bool {
        /// Names that are compared; beyond that, everything is taken to be hidden.
        const LIMIT: usize = 64;
        let is_within = |other: &&[u8]| {
            let rest = other.strip_prefix(name);
            rest.is_some_and(|rest| rest.first() == Some(&b'.'))
        };
        !self.names.is_empty()
            && names
                .filter(is_within)
                .enumerate()
                .any(|(index, other)| index >= LIMIT || self.has(other))
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_sensitive_names_are_hidden_and_others_are_not() {
        let mask = Mask::new(&MaskConfig::default());
        for (collection, name, value) in [
            (Collection::Headers, "Authorization", "Basic x"),
            (Collection::Headers, "x-api-key", "x"),
            (
                Collection::Headers,
                "referer",
                "https://shop.example/reset?token=x",
            ),
            (Collection::Cookies, "theme", "dark"),
            (Collection::QueryValues, "access_token", "x"),
            (Collection::QueryValues, "next", "/reset?reset-token=x"),
            (Collection::QueryValues, "", "\"password\": \"x"),
            (Collection::BodyValues, "user.password", "x"),
            (Collection::BodyValues, "user[pwd]", "x"),
            (Collection::Uri, "", "/login?a=1&my%20pass%77ord=x"),
            (Collection::Query, "", "Password=x"),
            (Collection::Body, "", "{\"user\": {\"password\": \"x\""),
            (Collection::Body, "", "a=1&pass%77ord=x"),
            (Collection::BodyValues, "", "<\0p\0w\0d\0>\0x"),
            (Collection::BodyValues, "login.ns:pwd", "x"),
            (Collection::BodyValues, "login.@pwd", "x"),
            (Collection::ResponseHeaders, "set-cookie", "a=b"),
            (Collection::ResponseHeaders, "location", "/cb#access_token=x"),
        ] {
            assert!(
                mask.hides(collection, name.as_bytes(), value.as_bytes()),
                "{collection:?} {name} {value}"
            );
        }
        for (collection, name, value) in [
            (Collection::Headers, "author", "x"),
            (Collection::Headers, "user-agent", "sqlmap"),
            (Collection::QueryNames, "password", "password"),
            (Collection::QueryValues, "q", "password"),
            (Collection::QueryValues, "q", "1'; update users set password='x'"),
            (Collection::BodyValues, "backpwd", "x"),
            (Collection::Uri, "", "/password/reset?q=1"),
            (Collection::Path, "", "/token"),
            (Collection::Body, "", "select 1"),
        ] {
            assert!(
                !mask.hides(collection, name.as_bytes(), value.as_bytes()),
                "{collection:?} {name} {value}"
            );
        }
    }

    #[test]
    fn an_empty_list_hides_nothing() {
        let mask = Mask::new(&MaskConfig(Vec::new()));
        assert!(!mask.hides(Collection::Cookies, b"cookie", b"cookie=1"));
    }

    #[test]
    fn cookies_are_shown_one_by_one_when_the_header_is_not_listed() {
        let mask = Mask::new(&MaskConfig(vec!["sid".to_owned()]));
        assert!(mask.hides(Collection::Cookies, b"SID", b"x"));
        assert!(!mask.hides(Collection::Cookies, b"theme", b"x"));
    }
}
