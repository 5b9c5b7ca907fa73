//! The parameters of a header value: `; name="value"; name=value`.

use std::borrow::Cow;

/// Most parameters that are read of one header.
const LIMIT: usize = 16;

/// The parameters of a header value, and whether other readers could read them otherwise.
#[derive(Debug, Default)]
pub(super) struct Parameters<'a> {
    pairs: Vec<(Vec<u8>, Cow<'a, [u8]>)>,
    pub(super) is_ambiguous: bool,
}

impl<'a> Parameters<'a> {
    /// Reads a header value; gives what stands before its first `;`, in lower case, and the parameters.
    pub(super) fn read(header: &'a [u8]) -> (Vec<u8>, Self) {
        let (head, mut rest) = super::cut(header, b';');
        let mut read = Self::default();
        while !rest.trim_ascii().is_empty() {
            if read.pairs.len() == LIMIT {
                read.is_ambiguous = true;
                break;
            }
            rest = read.parameter(rest);
        }
        (head.trim_ascii().to_ascii_lowercase(), read)
    }

    /// The values of every parameter with this name, which is in lower case.
    pub(super) fn all<'s>(&'s self, name: &'s [u8]) -> impl Iterator<Item = &'s Cow<'a, [u8]>> {
        self.pairs
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value)
    }

    /// The names, in lower case.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.pairs.iter().map(|(name, _)| &**name)
    }

    /// Reads one parameter and gives back what follows it.
    fn parameter(&mut self, input: &'a [u8]) -> &'a [u8] {
        let end = memchr::memchr2(b'=', b';', input).unwrap_or(input.len());
        let (name, from) = input.split_at_checked(end).unwrap_or((input, &[]));
        let name = name.trim_ascii_start();
        if let [b';', after @ ..] = from
            && name.is_empty()
        {
            return after;
        }
        self.is_ambiguous |= name.is_empty() || !name.iter().all(|&byte| is_token(byte));
        let name = name.trim_ascii_end().to_ascii_lowercase();
        let Some(value) = from.strip_prefix(b"=") else {
            // No `=`: a name without a value.
            self.is_ambiguous = true;
            self.pairs.push((name, Cow::Borrowed(&[])));
            return from.get(1..).unwrap_or_default();
        };
        let (value, after) = match value.trim_ascii_start() {
            [b'"', quoted @ ..] => {
                self.is_ambiguous |= !value.starts_with(b"\"");
                self.quoted(quoted)
            }
            _ => self.token(value),
        };
        self.pairs.push((name, value));
        after
    }

    fn token(&mut self, input: &'a [u8]) -> (Cow<'a, [u8]>, &'a [u8]) {
        let (value, after) = super::cut(input, b';');
        let value = value.trim_ascii_end();
        self.is_ambiguous |= value.is_empty() || !value.iter().all(|&byte| is_token(byte));
        (Cow::Borrowed(value.trim_ascii_start()), after)
    }

    /// The opening quote was seen. `\"` and `\\` are undone; other backslashes stay, as browsers send them in paths.
    fn quoted(&mut self, input: &'a [u8]) -> (Cow<'a, [u8]>, &'a [u8]) {
        let mut value = Vec::new();
        let mut rest = input;
        loop {
            rest = match rest {
                [b'\\', byte @ (b'"' | b'\\'), after @ ..] => {
                    self.is_ambiguous = true;
                    value.push(*byte);
                    after
                }
                [b'"', after @ ..] => {
                    let (between, after) = super::cut(after, b';');
                    self.is_ambiguous |= !between.trim_ascii().is_empty();
                    return (Cow::Owned(value), after);
                }
                [byte, after @ ..] => {
                    value.push(*byte);
                    after
                }
                [] => {
                    self.is_ambiguous = true;
                    return (Cow::Owned(value), rest);
                }
            };
        }
    }
}

/// The characters of a token (RFC 9110), without `'`, which PHP takes for a quote.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> (String, Vec<(String, String)>, bool) {
        let (head, read) = Parameters::read(header.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pairs = read
            .pairs
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect();
        (text(&head), pairs, read.is_ambiguous)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn clean_headers_are_read() {
        let (head, pairs, is_ambiguous) = read("Form-Data; Name=\"a;b\"; filename=x.txt ;");
        assert_eq!(head, "form-data");
        assert_eq!(pairs, [pair("name", "a;b"), pair("filename", "x.txt")]);
        assert!(!is_ambiguous);
    }

    #[test]
    fn paths_of_old_browsers_keep_their_backslashes() {
        let (_, pairs, is_ambiguous) = read(r#"x; filename="C:\dir\a.txt""#);
        assert_eq!(pairs, [pair("filename", r"C:\dir\a.txt")]);
        assert!(!is_ambiguous);
    }

    #[test]
    fn what_readers_disagree_about_is_told() {
        for header in [
            r#"x; name="a\"; filename=\"b""#,
            r#"x; name="a"b; c=d"#,
            r#"x; name="a"#,
            "x; name='a;b'",
            "x; name=a b",
            "x; name =a",
            "x; name= \"a\"",
            "x; name=",
            "x; =a",
            "x; name",
        ] {
            assert!(read(header).2, "{header}");
            let (_, twice) = header.split_once("; ").unwrap();
            assert!(read(&format!("{header}; {twice}")).2, "{header} twice");
        }
    }
}
