//! What can be told of an operator without asking it: which values it cannot match.

use regex_syntax::hir::Properties;

use super::{
    ByteSet, Classes,
    formula::{self, Formula},
};
use crate::rule::{Operator, TextTest};

/// What can be told of an operator without asking it. It is all that a policy needs of an expression's syntax tree.
#[derive(Debug)]
pub(crate) struct Outline {
    /// Bytes that a value needs at least to match.
    pub(super) min_len: usize,
    /// What must occur in a value for it to match.
    pub(super) formula: Formula,
    /// Bytes with one of which a value must begin to match, if that is so.
    pub(super) first: Option<ByteSet>,
    /// Whether a value of plain bytes may match.
    pub(super) may_be_plain: bool,
}

impl Outline {
    pub(crate) fn of(operator: &Operator) -> Self {
        let plain: ByteSet = Classes::PLAIN_BYTES.iter().copied().collect();
        Self {
            min_len: min_len(operator),
            formula: formula(operator),
            first: first(operator),
            may_be_plain: is_feasible(operator, |byte| plain.contains(byte)),
        }
    }

    /// Whether a value may match, as far as it tells; slow, to check what is found quickly elsewhere.
    pub(crate) fn allows(&self, value: &[u8]) -> bool {
        let is_plain = |byte: &u8| Classes::PLAIN_BYTES.contains(byte);
        value.len() >= self.min_len
            && self.first.is_none_or(|first| begins_with(value, &first))
            && (self.may_be_plain || !value.iter().all(is_plain))
            && self.formula.holds(value)
    }
}

/// What is not part of a word: without any, a value is at most a number and a word to SQL, which is no attack.
const SQL_BYTES: ByteSet = {
    let mut set = ByteSet::EMPTY;
    let mut byte = u8::MIN;
    while byte < u8::MAX {
        if !byte.is_ascii_alphanumeric() && byte != b'_' {
            set.insert(byte);
        }
        byte += 1;
    }
    set.insert(u8::MAX);
    set
};

/// What a tag or the value of an attribute begins with: without either, there is nothing but text and names to HTML.
const HTML_BYTES: ByteSet = {
    let mut set = ByteSet::EMPTY;
    set.insert(b'<');
    set.insert(b'=');
    set
};

fn min_len(operator: &Operator) -> usize {
    match operator {
        Operator::Rx(expression) | Operator::VerifyCc(expression) => least(expression.hir().properties()),
        Operator::Pm(phrases) => phrases
            .iter()
            .map(|phrase| phrase.len())
            .min()
            .unwrap_or(usize::MAX),
        Operator::Text(TextTest::Within, _) | Operator::Number(..) | Operator::UnconditionalMatch => 0,
        Operator::Text(_, text) => text.as_literal().map_or(0, <[u8]>::len),
        Operator::IpMatch(_) | Operator::DetectSqli => 2,
        Operator::DetectXss => 3,
        Operator::ValidateByteRange(_) | Operator::ValidateUtf8 | Operator::ValidateUrlEncoding => 1,
        Operator::Guarded(guarded) => {
            let when = guarded.when.as_ref();
            min_len(&guarded.operator).max(when.map_or(0, |when| least(when.hir().properties())))
        }
        Operator::NoMatch => usize::MAX,
    }
}

fn least(properties: &Properties) -> usize {
    properties.minimum_len().unwrap_or(usize::MAX)
}

fn formula(operator: &Operator) -> Formula {
    match operator {
        Operator::Rx(expression) | Operator::VerifyCc(expression) => Formula::of(expression.hir()),
        Operator::Pm(phrases) => Formula::any_of(phrases.iter().map(|phrase| &**phrase)),
        Operator::Text(how, other) if *how != TextTest::Within => other
            .as_literal()
            .map_or(Formula::True, |text| Formula::any_of([text])),
        Operator::ValidateByteRange(allowed) => {
            Formula::any_of_bytes((0..=u8::MAX).filter(|byte| !allowed.contains(*byte)).collect())
        }
        Operator::ValidateUtf8 => Formula::any_of_bytes((0x80..=u8::MAX).collect()),
        Operator::ValidateUrlEncoding => Formula::any_of([&b"%"[..]]),
        // Either is necessary; the expression tells more.
        Operator::Guarded(guarded) => match &guarded.when {
            Some(when) => Formula::of(when.hir()),
            None => formula(&guarded.operator),
        },
        Operator::DetectSqli => Formula::any_of_bytes(SQL_BYTES),
        Operator::DetectXss => Formula::any_of_bytes(HTML_BYTES),
        Operator::Text(..)
        | Operator::Number(..)
        | Operator::IpMatch(_)
        | Operator::UnconditionalMatch
        | Operator::NoMatch => Formula::True,
    }
}

fn first(operator: &Operator) -> Option<ByteSet> {
    match operator {
        Operator::Rx(expression) => formula::first_bytes(expression.hir()),
        Operator::Guarded(guarded) => {
            let when = guarded.when.as_ref();
            let when = when.and_then(|when| formula::first_bytes(when.hir()));
            when.or_else(|| first(&guarded.operator))
        }
        _ => None,
    }
}

/// Whether a value begins with one of these bytes.
pub(super) fn begins_with(value: &[u8], first: &ByteSet) -> bool {
    value.first().is_some_and(|byte| first.contains(*byte))
}

/// Whether a value that consists of bytes from `alphabet` only may match.
fn is_feasible(operator: &Operator, alphabet: impl Fn(u8) -> bool + Copy) -> bool {
    let all = |text: &[u8]| text.iter().all(|byte| alphabet(*byte));
    match operator {
        Operator::Rx(expression) | Operator::VerifyCc(expression) => {
            formula::is_feasible(expression.hir(), alphabet)
        }
        Operator::Pm(phrases) => {
            let either =
                |byte: &u8| alphabet(byte.to_ascii_lowercase()) || alphabet(byte.to_ascii_uppercase());
            phrases.iter().any(|phrase| phrase.iter().all(either))
        }
        Operator::Text(how, text) => *how == TextTest::Within || text.as_literal().is_none_or(all),
        Operator::ValidateByteRange(allowed) => {
            (0..=u8::MAX).any(|byte| alphabet(byte) && !allowed.contains(byte))
        }
        Operator::ValidateUtf8 => (0x80..=u8::MAX).any(alphabet),
        Operator::ValidateUrlEncoding => alphabet(b'%'),
        Operator::DetectSqli => SQL_BYTES.iter().any(alphabet),
        Operator::DetectXss => HTML_BYTES.iter().any(alphabet),
        Operator::Guarded(guarded) => {
            let when = guarded.when.as_ref();
            is_feasible(&guarded.operator, alphabet)
                && when.is_none_or(|when| formula::is_feasible(when.hir(), alphabet))
        }
        Operator::NoMatch => false,
        Operator::Number(..) | Operator::IpMatch(_) | Operator::UnconditionalMatch => true,
    }
}
