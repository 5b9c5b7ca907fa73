//! Asks one operator about values, without rules, transformations or a transaction: for tools and tests.

use std::ops::Range;

use crate::{
    matching::{Nothing, Outline, Test},
    rule::Operator,
};

/// An operator that can be asked.
#[derive(Debug)]
pub struct Question {
    test: Test,
    outline: Outline,
}

impl Question {
    /// Builds what asking an operator takes; `None` when that is too much. Macros in the operator expand to nothing.
    pub fn new(operator: &Operator) -> Option<Self> {
        let test = Test::new(operator).ok()?;
        test.build().ok()?;
        let outline = Outline::of(operator);
        Some(Self { test, outline })
    }

    /// The part of a value that the operator matches.
    pub fn find(&self, value: &[u8]) -> Option<Range<usize>> {
        self.test.find(value, &Nothing)
    }

    /// Whether what is known of the operator without asking it allows a match. Where [`Question::find`] finds something,
    /// it must.
    pub fn allows(&self, value: &[u8]) -> bool {
        self.outline.allows(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Template, TextTest};

    #[test]
    fn an_operator_is_asked() {
        let operator = Operator::Text(TextTest::Contains, Template::literal(*b"b"));
        let question = Question::new(&operator).unwrap();
        for (value, found, is_allowed) in [
            (&b"abc"[..], Some(1..2), true),
            (b"a", None, false),
            (b"B", None, true),
        ] {
            assert_eq!(question.find(value), found);
            assert_eq!(question.allows(value), is_allowed);
        }
    }
}
