//! The boundary that a content type names, and the delimiters that it makes of a body.

use crate::parse::parameters::Parameters;

/// Longest boundary (RFC 2046).
const LONGEST: usize = 70;

/// The boundary that a content type names; nothing when it is missing, repeated, malformed, or when a careless reader
/// could find another one.
pub(super) fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let (_, parameters) = Parameters::read(content_type);
    let mut boundaries = parameters.all(b"boundary");
    let boundary = boundaries.next()?;
    let is_sole = boundaries.next().is_none();
    let is_clean = (1..=LONGEST).contains(&boundary.len()) && boundary.iter().all(|&byte| is_allowed(byte));
    let is_valid = is_sole && is_clean && !boundary.ends_with(b" ") && !parameters.is_ambiguous;
    // Some readers search for the word.
    (is_valid && first_word_is_the_name(content_type)).then(|| boundary.to_vec())
}

fn first_word_is_the_name(content_type: &[u8]) -> bool {
    let folded = content_type.to_ascii_lowercase();
    let Some((before, from)) =
        memchr::memmem::find(&folded, b"boundary").and_then(|at| folded.split_at_checked(at))
    else {
        return false;
    };
    from.starts_with(b"boundary=") && before.trim_ascii_end().ends_with(b";")
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte)
}

/// A line that separates parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delimiter {
    /// Where it begins: with the line end before it, where there is one.
    pub(super) begin: usize,
    /// Where the next part begins.
    pub(super) end: usize,
    /// Whether it ends the last part.
    pub(super) is_last: bool,
    /// Whether a strict reader would not take it for a delimiter.
    pub(super) is_loose: bool,
}

impl Delimiter {
    /// Every delimiter of a body, in order.
    pub(super) fn all<'b>(body: &'b [u8], boundary: &[u8]) -> Delimiters<'b> {
        Delimiters {
            body,
            finder: memchr::memmem::Finder::new(&[b"--", boundary].concat()).into_owned(),
            from: 0,
            has_impostors: false,
        }
    }

    /// The delimiter whose dashes stand at `at`; nothing when the line is another.
    fn at(body: &[u8], at: usize, length: usize) -> Option<Self> {
        let (before, from) = body.split_at_checked(at)?;
        let (begin, is_bare) = match before {
            [] => (0, false),
            [.., b'\r', b'\n'] => (at - 2, false),
            [.., b'\n'] => (at - 1, true),
            _ => return None,
        };
        let tail = from.get(length..)?;
        let (tail, is_last) = tail
            .strip_prefix(b"--")
            .map_or((tail, false), |tail| (tail, true));
        let padded = tail;
        let tail = padded.get(
            padded
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'\t'))
                .count()..,
        )?;
        let is_padded = tail.len() != padded.len();
        let (rest, is_bare_end) = match tail {
            [b'\r', b'\n', rest @ ..] => (rest, false),
            [b'\n', rest @ ..] => (rest, true),
            [] if is_last => (tail, false),
            _ => return None,
        };
        Some(Self {
            begin,
            end: body.len() - rest.len(),
            is_last,
            is_loose: is_bare || is_bare_end || is_padded,
        })
    }
}

/// Finds the delimiters of a body.
pub(super) struct Delimiters<'b> {
    body: &'b [u8],
    finder: memchr::memmem::Finder<'static>,
    from: usize,
    has_impostors: bool,
}

impl Delimiters<'_> {
    /// Whether the boundary also occurred where it separates nothing.
    pub(super) fn has_impostors(&self) -> bool {
        self.has_impostors
    }
}

impl Iterator for Delimiters<'_> {
    type Item = Delimiter;

    fn next(&mut self) -> Option<Delimiter> {
        let length = self.finder.needle().len();
        loop {
            let at = self.from + self.finder.find(self.body.get(self.from..)?)?;
            self.from = at + length;
            match Delimiter::at(self.body, at, length) {
                Some(delimiter) => return Some(delimiter),
                None => self.has_impostors = true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_boundaries_are_found() {
        for (header, expected) in [
            (
                "multipart/form-data; boundary=----WebKitFormBoundaryAbC123",
                "----WebKitFormBoundaryAbC123",
            ),
            ("multipart/form-data; Boundary=\"a b:c\"", "a b:c"),
            ("multipart/form-data; charset=utf-8; boundary=x", "x"),
            ("multipart/form-data;boundary=x", "x"),
        ] {
            assert_eq!(
                boundary(header.as_bytes()).as_deref(),
                Some(expected.as_bytes()),
                "{header}"
            );
        }
    }

    #[test]
    fn doubtful_boundaries_are_none() {
        let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
        for header in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary=a; BOUNDARY=a",
            "multipart/form-data; boundary=\"a \"",
            "multipart/form-data; boundary=\"a\\\"b\"",
            "multipart/form-data; boundary=a,b",
            "multipart/form-data; boundary =a",
            "multipart/form-data; xboundary=a; boundary=b",
            "multipart/form-data; x=\"boundary=a\"; boundary=b",
            "multipart/form-data; boundary=\"a<b\"",
            "multipart/form-data, boundary=a",
            &long,
        ] {
            assert_eq!(boundary(header.as_bytes()), None, "{header}");
        }
    }

    #[test]
    fn loose_delimiters_are_told() {
        for (body, begin, end, is_last) in [
            (&b"x\n--b\r\ny"[..], 1, 7, false),
            (b"x\r\n--b\ny", 1, 7, false),
            (b"x\r\n--b \t\r\ny", 1, 10, false),
            (b"x\r\n--b-- \n", 1, 10, true),
            (b"\n--b--", 0, 6, true),
        ] {
            let expected = Delimiter {
                begin,
                end,
                is_last,
                is_loose: true,
            };
            let found: Vec<_> = Delimiter::all(body, b"b").collect();
            assert_eq!(found, [expected], "{}", body.escape_ascii());
        }
        for body in [&b"x--b\r\n"[..], b"--bc\r\n", b"--b", b"--b-", b"--b\r"] {
            let mut none = Delimiter::all(body, b"b");
            assert_eq!(none.next(), None, "{}", body.escape_ascii());
            assert!(none.has_impostors());
        }
    }

    #[test]
    fn delimiters_stand_on_lines_of_their_own() {
        let body = b"--b\r\nx--b\r\n--bc\r\n--b--";
        let mut delimiters = Delimiter::all(body, b"b");
        assert_eq!(
            delimiters.next(),
            Some(Delimiter {
                begin: 0,
                end: 5,
                is_last: false,
                is_loose: false
            })
        );
        assert_eq!(
            delimiters.next(),
            Some(Delimiter {
                begin: 15,
                end: 22,
                is_last: true,
                is_loose: false
            })
        );
        assert_eq!(delimiters.next(), None);
        assert!(delimiters.has_impostors());
    }
}
