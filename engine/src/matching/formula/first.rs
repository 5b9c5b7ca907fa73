//! The bytes with which a value begins that an anchored expression matches.

use regex_syntax::hir::{Hir, HirKind, Look};

use super::{ByteSet, class::class_bytes};

/// The bytes with which a value must begin for an expression to match it; none if the expression is not anchored, or
/// matches a value without bytes.
pub(crate) fn first_bytes(hir: &Hir) -> Option<ByteSet> {
    let is_anchored = hir.properties().look_set_prefix().contains(Look::Start);
    let (bytes, may_be_empty) = first(hir);
    (is_anchored && !may_be_empty).then_some(bytes)
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
    use proptest::prelude::*;

    use super::*;

    fn of(expression: &str) -> Option<String> {
        let hir = regex_syntax::ParserBuilder::new()
            .utf8(false)
            .unicode(false)
            .build()
            .parse(expression)
            .unwrap();
        first_bytes(&hir).map(|bytes| bytes.iter().map(char::from).collect())
    }

    #[test]
    fn anchored_expressions_tell_their_first_bytes() {
        assert_eq!(of("^abc").as_deref(), Some("a"));
        assert_eq!(of("^ *'?(?:ab|[c-e]x)").as_deref(), Some(" 'acde"));
        assert_eq!(of("^(?:a*b|c+)").as_deref(), Some("abc"));
        assert_eq!(of(r"^\bx|^y").as_deref(), Some("xy"));
        assert_eq!(of("(?i)^j").as_deref(), Some("Jj"));
    }

    #[test]
    fn others_tell_nothing() {
        for expression in ["abc", "^a|b", "^a*", "(?m)^a", "^", "^$", "^(?:a|)", "a^b"] {
            assert_eq!(of(expression), None, "{expression}");
        }
    }

    proptest! {
        #[test]
        fn what_is_matched_begins_with_one_of_them(
            expression in r"(\^|\^\^|)([ab]|\[ab\]|\(\^?a\|b\??\)|\$)([*+?]|)([abc]|\(c\|\^b\))[abc]?",
            value in "[abcd]{0,4}",
        ) {
            let parsed = regex_syntax::Parser::new().parse(&expression);
            prop_assume!(parsed.is_ok());
            let matches = regex_automata::meta::Regex::new(&expression).unwrap().is_match(&value);
            if let (true, Some(first)) = (matches, first_bytes(&parsed.unwrap())) {
                prop_assert!(value.bytes().next().is_some_and(|byte| first.contains(byte)));
            }
        }
    }
}
