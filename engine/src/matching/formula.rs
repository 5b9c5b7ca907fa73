//! What must stand in a value for a regular expression to match it, told from the syntax tree.
//!
//! The idea is that of `FilteredRE2` (Russ Cox, "Regular Expression Matching with a Trigram Index", 2012): a formula
//! of literals that every match contains, extended by sets of bytes. All literals are in lower case and are to be
//! looked for regardless of ASCII case, which keeps the formula necessary for case-sensitive expressions too.

mod class;
mod derive;
mod first;
mod strings;

use regex_syntax::hir::{Hir, HirKind};

use super::ByteSet;
use class::class_ranges;
pub(crate) use first::first_bytes;
use strings::from_exact;

/// A necessary condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Formula {
    /// Always holds.
    True,
    /// One of these bytes occurs.
    Bytes(ByteSet),
    /// This literal occurs, regardless of ASCII case.
    Literal(Vec<u8>),
    /// All hold.
    And(Vec<Formula>),
    /// One holds; without members, nothing matches.
    Or(Vec<Formula>),
}

impl Formula {
    /// Derives the condition of an expression.
    pub(crate) fn of(hir: &Hir) -> Self {
        derive::condition(hir)
    }

    /// One of these literals occurs.
    pub(crate) fn any_of<'a>(literals: impl IntoIterator<Item = &'a [u8]>) -> Self {
        from_exact(literals.into_iter().map(<[u8]>::to_ascii_lowercase).collect())
    }

    /// Whether it holds for a value; slow, to check what is found quickly elsewhere.
    pub(crate) fn holds(&self, value: &[u8]) -> bool {
        match self {
            Self::True => true,
            Self::Bytes(bytes) => value.iter().any(|byte| bytes.contains(*byte)),
            Self::Literal(literal) => {
                let mut windows = value.windows(literal.len().max(1));
                windows.any(|window| window.eq_ignore_ascii_case(literal))
            }
            Self::And(members) => members.iter().all(|member| member.holds(value)),
            Self::Or(members) => members.iter().any(|member| member.holds(value)),
        }
    }

    /// One of these bytes occurs.
    pub(crate) fn any_of_bytes(bytes: ByteSet) -> Self {
        bytes_formula(bytes)
    }
}

/// Whether some match of an expression consists of bytes from `alphabet` only.
pub(crate) fn is_feasible(hir: &Hir, alphabet: impl Fn(u8) -> bool + Copy) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => literal.0.iter().all(|byte| alphabet(*byte)),
        HirKind::Class(class) => class_ranges(class).any(|mut range| range.any(alphabet)),
        HirKind::Capture(capture) => is_feasible(&capture.sub, alphabet),
        HirKind::Repetition(repetition) => repetition.min == 0 || is_feasible(&repetition.sub, alphabet),
        HirKind::Concat(parts) => parts.iter().all(|part| is_feasible(part, alphabet)),
        HirKind::Alternation(parts) => parts.iter().any(|part| is_feasible(part, alphabet)),
    }
}

/// Members of a byte set beyond which it says too little.
const SET_LIMIT: u32 = 200;

fn bytes_formula(bytes: ByteSet) -> Formula {
    if bytes.len() > SET_LIMIT {
        Formula::True
    } else {
        Formula::Bytes(bytes)
    }
}

fn and(formulas: Vec<Formula>) -> Formula {
    let mut members: Vec<Formula> = Vec::new();
    for formula in formulas {
        let parts = match formula {
            Formula::True => continue,
            Formula::And(parts) => parts,
            other => vec![other],
        };
        for part in parts {
            if !members.contains(&part) {
                members.push(part);
            }
        }
    }
    match members.len() {
        0 => Formula::True,
        1 => members.pop().unwrap_or(Formula::True),
        _ => Formula::And(members),
    }
}

fn or(formulas: Vec<Formula>) -> Formula {
    let mut members = Vec::new();
    let mut bytes: Option<ByteSet> = None;
    for formula in formulas {
        match formula {
            Formula::True => return Formula::True,
            Formula::Bytes(set) => bytes.get_or_insert_default().union(&set),
            Formula::Or(inner) => {
                for formula in inner {
                    match formula {
                        Formula::Bytes(set) => bytes.get_or_insert_default().union(&set),
                        other => members.push(other),
                    }
                }
            }
            other => members.push(other),
        }
    }
    match bytes.map(bytes_formula) {
        Some(Formula::True) => return Formula::True,
        Some(formula) => members.push(formula),
        None => {}
    }
    if members.len() == 1 {
        members.pop().unwrap_or(Formula::True)
    } else {
        Formula::Or(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Expression, Flags};

    fn formula(text: &str) -> Formula {
        Formula::of(
            Expression::new(
                text,
                Flags {
                    ignore_case: true,
                    groups: false,
                },
            )
            .unwrap()
            .hir(),
        )
    }

    fn literal(text: &str) -> Formula {
        Formula::Literal(text.as_bytes().to_vec())
    }

    #[test]
    fn literals_are_found_through_case_folding() {
        assert_eq!(
            formula(r"UnIoN\s+SELECT"),
            Formula::And(vec![
                literal("union"),
                bytes(b"\t\n\x0b\x0c\r "),
                literal("select")
            ])
        );
    }

    #[test]
    fn alternation_needs_one_of_its_branches() {
        assert_eq!(
            formula(r"(?:sleep|benchmark)\("),
            Formula::Or(vec![literal("benchmark("), literal("sleep(")])
        );
    }

    #[test]
    fn parts_side_by_side_make_longer_literals() {
        let both = |texts: &[&str]| Formula::Or(texts.iter().map(|text| literal(text)).collect());
        assert_eq!(
            formula("'[=<]+"),
            Formula::And(vec![both(&["'<", "'="]), bytes(b"<=")])
        );
        assert_eq!(
            formula(r"[a-z]'\ ?(?:or|and)"),
            Formula::And(vec![
                bytes(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                both(&["' and", "' or", "'and", "'or"])
            ])
        );
        // Of what is common, no pair tells more than its parts.
        assert_eq!(formula("(?:e+|a+)t"), formula("(?:e|a)+t"));
    }

    #[test]
    fn optional_parts_are_not_needed() {
        assert_eq!(formula("ab?c"), Formula::Or(vec![literal("abc"), literal("ac")]));
        assert_eq!(formula("(?:foo)*x"), bytes(b"Xx"));
        assert_eq!(formula(".*"), Formula::True);
    }

    #[test]
    fn plain_alphabet_is_told_apart() {
        let plain = |byte: u8| byte.is_ascii_alphanumeric();
        let hir = |text| {
            Expression::new(
                text,
                Flags {
                    ignore_case: true,
                    groups: false,
                },
            )
            .unwrap()
            .hir()
            .clone()
        };
        assert!(is_feasible(&hir("ab|<"), plain));
        assert!(!is_feasible(&hir("(?:ab)+<"), plain));
        assert!(is_feasible(&hir("(?:<)*ab"), plain));
    }

    fn bytes(members: &[u8]) -> Formula {
        Formula::Bytes(members.iter().copied().collect())
    }
}
