//! Regular expressions over bytes as they are written: read, checked and bounded, not yet built.

mod bound;

use std::{fmt, sync::Arc};

use regex_syntax::hir::Hir;

use bound::Bound;

/// A regular expression over bytes, in the syntax of the `regex` crate without Unicode: classes such as `\w` are
/// those of ASCII, `.` is any byte. [`super::Regex`] matches it.
///
/// Everything that may speak against an expression is found here, without building its automaton: what it takes is
/// told from the syntax tree, in the same bytes on every machine.
///
/// Clones share the syntax tree, which takes more memory than the automaton; a policy does not keep it.
#[derive(Clone)]
pub struct Expression {
    inner: Arc<Inner>,
}

struct Inner {
    text: Arc<str>,
    flags: Flags,
    hir: Hir,
    bound: Bound,
}

/// How an expression is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// It may compile into more than [`Expression::SIZE_LIMIT`].
    #[error("compiled expression must be at most {limit} bytes; shorten counted repetitions", limit = Expression::SIZE_LIMIT)]
    Size,
    /// It uses what the matcher has not.
    #[error("{0}")]
    Unsupported(String),
}

impl Expression {
    /// Bytes that building the automaton of one expression may take, in either direction.
    pub const SIZE_LIMIT: usize = 512 * 1024;
    /// Depth to which groups, repetitions and classes may nest.
    pub const NEST_LIMIT: u32 = 64;

    /// Reads and checks an expression.
    pub fn new(text: &str, flags: Flags) -> Result<Self, ExpressionError> {
        let hir = parse(text, flags)?;
        if hir.properties().look_set().contains_word_unicode() {
            let reason = "Unicode word boundaries are not supported";
            return Err(ExpressionError::Unsupported(reason.to_owned()));
        }
        let bound = Bound::of(&hir, flags.groups);
        if bound.building() > Self::SIZE_LIMIT as u64 {
            return Err(ExpressionError::Size);
        }
        Ok(Self {
            inner: Arc::new(Inner {
                text: text.into(),
                flags,
                hir,
                bound,
            }),
        })
    }

    /// The text that it was read from.
    pub fn as_str(&self) -> &str {
        &self.inner.text
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.inner.text
    }

    pub(crate) fn flags(&self) -> Flags {
        self.inner.flags
    }

    /// Whether both are clones of one expression.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// The syntax tree, for what can be told without matching.
    pub(crate) fn hir(&self) -> &Hir {
        &self.inner.hir
    }

    /// Bytes that the automata take at most, once they are built.
    pub(crate) fn size(&self) -> usize {
        usize::try_from(self.inner.bound.built()).unwrap_or(usize::MAX)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(out)
    }
}

/// Reads an expression.
pub(super) fn parse(text: &str, flags: Flags) -> Result<Hir, ExpressionError> {
    regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(flags.ignore_case)
        .dot_matches_new_line(true)
        .nest_limit(Expression::NEST_LIMIT)
        .build()
        .parse(text)
        .map_err(|error| ExpressionError::Syntax(syntax_reason(&error)))
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

    #[test]
    fn what_the_matcher_has_not_is_refused() {
        assert_eq!(
            expression(r"(?u:\b)x").unwrap_err().to_string(),
            "Unicode word boundaries are not supported"
        );
    }
}
