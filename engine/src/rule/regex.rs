//! Regular expressions in the form in which they are matched, in linear time; built when they are needed first.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use regex_automata::{Input, meta, nfa::thompson::WhichCaptures, util::captures::Captures};

use super::{Expression, ExpressionError, Flags, expression::parse};

/// A regular expression in the form in which it is matched: in time linear in the length of the value.
///
/// Its automaton is built when it is asked first, for most expressions of a policy never are: what must occur in a
/// value is looked for first, and honest values lack it. Neither the automaton nor the syntax tree, of tens of
/// kilobytes each, is there before.
///
/// An [`Expression`] that was accepted can be built; should that ever fail, the regex is broken: it matches everything.
pub struct Regex {
    text: Arc<str>,
    flags: Flags,
    /// `None` inside when it could not be built. Shared with its states by the policies that have the same expression.
    automaton: OnceLock<Option<Arc<meta::Regex>>>,
}

impl Regex {
    /// Bytes that the lazily built states of one expression may take while it matches; beyond, it goes on more slowly.
    const CACHE_LIMIT: usize = 512 * 1024;

    /// Builds an expression.
    pub fn new(expression: &Expression) -> Result<Self, ExpressionError> {
        let regex = Self::lazy(expression);
        regex.build()?;
        Ok(regex)
    }

    /// Takes an expression that is built when it is asked first.
    pub fn lazy(expression: &Expression) -> Self {
        Self {
            text: Arc::clone(expression.text()),
            flags: expression.flags(),
            automaton: OnceLock::new(),
        }
    }

    /// Builds the automaton now, unless it is there.
    pub(crate) fn build(&self) -> Result<(), ExpressionError> {
        if self.automaton.get().is_none() {
            let automaton = build(&self.text, self.flags)?;
            // Who came first made the same.
            let _ = self.automaton.set(Some(Arc::new(automaton)));
        }
        Ok(())
    }

    /// What tells it from other expressions.
    pub(crate) fn key(&self) -> (&str, Flags) {
        (&self.text, self.flags)
    }

    /// Whether its automaton is there.
    pub(crate) fn is_built(&self) -> bool {
        matches!(self.automaton.get(), Some(Some(_)))
    }

    /// Builds the automaton, unless it is there or cannot be built, as if a value asked for it.
    pub(crate) fn prepare(&self) {
        self.automaton();
    }

    /// Takes the automaton of the same expression elsewhere, unless it has one.
    pub(crate) fn share(&self, other: &Self) {
        if self.key() == other.key()
            && let Some(Some(automaton)) = other.automaton.get()
        {
            // One of its own says the same.
            let _ = self.automaton.set(Some(Arc::clone(automaton)));
        }
    }

    /// Whether it matches somewhere in a value.
    pub fn is_match(&self, value: &[u8]) -> bool {
        self.automaton().is_none_or(|automaton| automaton.is_match(value))
    }

    /// The leftmost match.
    pub(crate) fn find(&self, value: &[u8]) -> Option<Range<usize>> {
        match self.automaton() {
            Some(automaton) => automaton.find(value).map(|found| found.range()),
            None => Some(0..value.len()),
        }
    }

    /// The leftmost match within a part of a value; what stands around the part is seen, too.
    pub(crate) fn find_in(&self, value: &[u8], part: Range<usize>) -> Option<Range<usize>> {
        if part.start > part.end || part.end > value.len() {
            return None;
        }
        match self.automaton() {
            Some(automaton) => {
                let found = automaton.find(Input::new(value).range(part));
                found.map(|found| found.range())
            }
            None => Some(0..value.len()),
        }
    }

    /// The matches from left to right that do not overlap, at most so many.
    pub(crate) fn find_all(&self, value: &[u8], limit: usize) -> Vec<Range<usize>> {
        match self.automaton() {
            Some(automaton) => automaton
                .find_iter(value)
                .map(|found| found.range())
                .take(limit)
                .collect(),
            None => std::iter::once(0..value.len()).collect(),
        }
    }

    /// The groups of the leftmost match, of which group 0 is the match itself.
    pub(crate) fn captures(&self, value: &[u8]) -> Option<Captures> {
        let automaton = self.automaton()?;
        let mut captures = automaton.create_captures();
        automaton.captures(value, &mut captures);
        Some(captures)
    }

    /// Whether it was needed and could not be built.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.automaton.get(), Some(None))
    }

    fn automaton(&self) -> Option<&meta::Regex> {
        self.automaton
            .get_or_init(|| build(&self.text, self.flags).ok().map(Arc::new))
            .as_deref()
    }

    /// One that could not be built.
    #[cfg(test)]
    pub(crate) fn broken() -> Self {
        Self {
            text: "broken".into(),
            flags: Flags {
                ignore_case: false,
                groups: false,
            },
            automaton: OnceLock::from(None),
        }
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(out)
    }
}

fn build(text: &str, flags: Flags) -> Result<meta::Regex, ExpressionError> {
    let captures = if flags.groups {
        WhichCaptures::All
    } else {
        WhichCaptures::Implicit
    };
    let config = meta::Config::new()
        .utf8_empty(false)
        .nfa_size_limit(Some(Expression::SIZE_LIMIT))
        .hybrid_cache_capacity(Regex::CACHE_LIMIT)
        .which_captures(captures);
    meta::Builder::new()
        .configure(config)
        .build_from_hir(&parse(text, flags)?)
        .map_err(|error| {
            if error.size_limit().is_some() {
                ExpressionError::Size
            } else {
                ExpressionError::Unsupported(error.to_string())
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_byte_is_matched_and_case_is_ignored() {
        let flags = Flags {
            ignore_case: true,
            groups: false,
        };
        let found = Regex::lazy(&Expression::new(r"UNION.+sel\xFFect", flags).unwrap());
        assert!(found.automaton.get().is_none());
        assert!(found.is_match(b"\xfe union\n\x80Sel\xffECT"));
        assert!(!found.is_match(b"union"));
        assert!(found.automaton.get().is_some() && !found.is_broken());
    }

    #[test]
    fn what_could_not_be_built_matches_everything() {
        let broken = Regex::broken();
        assert!(broken.is_broken() && broken.is_match(b"") && broken.find(b"ab") == Some(0..2));
    }
}
