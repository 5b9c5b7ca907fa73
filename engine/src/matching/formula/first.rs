//! The bytes with which a value begins that an anchored expression matches.

use regex_syntax::hir::{Hir, HirKind, Look};

use super::{ByteSet, class::class_bytes};

/// The bytes with which a value must begin for an expression to match it; none if the expression is not anchored, or
/// matches a value without bytes.
pub(crate) fn first_bytes(hir: &Hir) -> Option<ByteSet> {
    if !hir.properties().look_set_prefix().contains(Look::Start) {
        return None;
    }
    let (bytes, may_be_empty) = first(hir);
    (!may_be_empty).then_some(bytes)
}

/// The first bytes of what a part matches, and whether it may match no byte at all.
fn first(hir: &Hir) -> (ByteSet, bool) {
    let mut all = ByteSet::EMPTY;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => (all, true),
        HirKind::Literal(literal) => match literal.0.first() {
            Some(byte) => {
                all.insert(*byte);
                (all, false)
            }
            None => (all, true),
        },
        HirKind::Class(class) => (class_bytes(class), false),
        HirKind::Capture(capture) => first(&capture.sub),
        HirKind::Repetition(repetition) => {
            let (bytes, may_be_empty) = first(&repetition.sub);
            (bytes, may_be_empty || repetition.min == 0)
        }
        HirKind::Concat(parts) => {
            for part in parts {
                let (bytes, may_be_empty) = first(part);
                all.union(&bytes);
                if !may_be_empty {
                    return (all, false);
                }
            }
            (all, true)
        }
        HirKind::Alternation(parts) => {
            let mut any_empty = false;
            for part in parts {
                let (bytes, may_be_empty) = first(part);
                all.union(&bytes);
                any_empty |= may_be_empty;
            }
            (all, any_empty)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Expression, Flags};

    fn of(expression: &str) -> Option<String> {
        let flags = Flags {
            ignore_case: false,
            groups: false,
        };
        let expression = Expression::new(expression, flags).unwrap();
        first_bytes(expression.hir()).map(|bytes| bytes.iter().map(char::from).collect())
    }

    #[test]
    fn anchored_expressions_tell_their_first_bytes() {
        assert_eq!(of("^abc").as_deref(), Some("a"));
        assert_eq!(of("^ *'?(?:ab|[c-e]x)").as_deref(), Some(" 'acde"));
        assert_eq!(of("^(?:a*b|c+)").as_deref(), Some("abc"));
        assert_eq!(of(r"^\bx|^y").as_deref(), Some("xy"));
        assert_eq!(of("(?i)^j").as_deref(), Some("Jj"));
        assert_eq!(of("(?R)^a").as_deref(), Some("a"));
        assert_eq!(of("^[^a]").map(|bytes| bytes.chars().count()), Some(255));
        assert!(of(r"^\xe9").is_some_and(|bytes| bytes == "\u{e9}"));
        assert!(of(r"(?u:^é)").is_some_and(|bytes| bytes.contains('\u{c3}')));
    }

    #[test]
    fn others_tell_nothing() {
        for expression in [
            "abc", "^a|b", "^a*", "(?m)^a", "(?Rm)^a", "^", "^$", "^(?:a|)", "a^b",
        ] {
            assert_eq!(of(expression), None, "{expression}");
        }
    }
}
