//! Regular expressions over bytes, matched in linear time.

use std::{fmt, sync::Arc};

use regex_automata::{meta, nfa::thompson::WhichCaptures, util::captures::Captures};
use regex_syntax::hir::Hir;

/// A regular expression over bytes, in the syntax of the `regex` crate without Unicode: classes such as `\w` are
/// those of ASCII, `.` is any byte. It is matched in time linear in the length of the value.
///
/// Clones share the compiled form.
#[derive(Clone)]
pub struct Expression {
    inner: Arc<Inner>,
}

struct Inner {
    text: Box<str>,
    hir: Hir,
    regex: meta::Regex,
}

/// How an expression is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags {
    /// Whether ASCII case is ignored.
    pub ignore_case: bool,
    /// Whether groups are kept, for [`crate::rule::Link::capture`]; costs memory and time.
    pub groups: bool,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is not written in the syntax.
    #[error("{0}")]
    Syntax(String),
    /// It compiles into more than [`Expression::SIZE_LIMIT`].
    #[error("compiled expression must be at most {limit} bytes; shorten counted repetitions", limit = Expression::SIZE_LIMIT)]
    Size,
    /// It uses what the matcher has not.
    #[error("{0}")]
    Unsupported(String),
}

impl Expression {
    /// Bytes that the automaton of one expression may take.
    pub const SIZE_LIMIT: usize = 512 * 1024;
    /// Depth to which groups, repetitions and classes may nest.
    pub const NEST_LIMIT: u32 = 64;
    /// Bytes that the lazily built states of one expression may take while it matches; beyond, it goes on more slowly.
    const CACHE_LIMIT: usize = 512 * 1024;

    /// Reads and compiles an expression.
    pub fn new(text: &str, flags: Flags) -> Result<Self, ExpressionError> {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(flags.ignore_case)
            .dot_matches_new_line(true)
            .nest_limit(Self::NEST_LIMIT)
            .build()
            .parse(text)
            .map_err(|error| ExpressionError::Syntax(syntax_reason(&error)))?;
        let captures = if flags.groups {
            WhichCaptures::All
        } else {
            WhichCaptures::Implicit
        };
        let config = meta::Config::new()
            .utf8_empty(false)
            .nfa_size_limit(Some(Self::SIZE_LIMIT))
            .hybrid_cache_capacity(Self::CACHE_LIMIT)
            .which_captures(captures);
        let regex = meta::Builder::new()
            .configure(config)
            .build_from_hir(&hir)
            .map_err(|error| {
                if error.size_limit().is_some() {
                    ExpressionError::Size
                } else {
                    ExpressionError::Unsupported(error.to_string())
                }
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                text: text.into(),
                hir,
                regex,
            }),
        })
    }

    /// The text that it was read from.
    pub fn as_str(&self) -> &str {
        &self.inner.text
    }

    /// Whether both share their compiled form.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Whether it matches somewhere in a value.
    pub fn is_match(&self, value: &[u8]) -> bool {
        self.inner.regex.is_match(value)
    }

    /// The leftmost match.
    pub(crate) fn find(&self, value: &[u8]) -> Option<std::ops::Range<usize>> {
        self.inner.regex.find(value).map(|found| found.range())
    }

    /// The groups of the leftmost match, of which group 0 is the match itself.
    pub(crate) fn captures(&self, value: &[u8]) -> Captures {
        let mut captures = self.inner.regex.create_captures();
        self.inner.regex.captures(value, &mut captures);
        captures
    }

    /// The syntax tree, for what can be told without matching.
    pub(crate) fn hir(&self) -> &Hir {
        &self.inner.hir
    }

    /// Bytes that the compiled form takes.
    pub(crate) fn size(&self) -> usize {
        self.inner.regex.memory_usage()
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(out)
    }
}

/// The reason without the drawing that `regex_syntax` puts around it, with the position in bytes.
fn syntax_reason(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => {
            format!("{} at byte {}", error.kind(), error.span().start.offset)
        }
        regex_syntax::Error::Translate(error) => {
            format!("{} at byte {}", error.kind(), error.span().start.offset)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(text: &str) -> Result<Expression, ExpressionError> {
        Expression::new(
            text,
            Flags {
                ignore_case: true,
                groups: false,
            },
        )
    }

    #[test]
    fn any_byte_is_matched_and_case_is_ignored() {
        let found = expression(r"UNION.+sel\xFFect").unwrap();
        assert!(found.is_match(b"\xfe union\n\x80Sel\xffECT"));
        assert!(!found.is_match(b"union"));
    }

    #[test]
    fn syntax_error_names_its_position() {
        assert_eq!(
            expression("ab(c").unwrap_err().to_string(),
            "unclosed group at byte 2"
        );
    }

    #[test]
    fn bomb_is_refused_by_size() {
        assert_eq!(
            expression(r"((\w{100}){100}){100}").unwrap_err(),
            ExpressionError::Size
        );
    }
}
