//! How much memory the automata of an expression may take, told from its syntax tree.
//!
//! The count follows Thompson's construction as `regex_automata` does it (Ken Thompson, "Regular Expression Search
//! Algorithm", 1968), so that it is close, and rounds up where that depends on more than the tree. It takes
//! microseconds where building takes a hundred, and does not depend on the width of a pointer: whoever accepts a
//! policy and whoever loads it come to the same answer.

use regex_syntax::hir::{Capture, Class, Hir, HirKind, Repetition};

/// How much memory the automata of an expression may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bound {
    states: u64,
    /// States that exist only while the automaton is built.
    empty: u64,
    /// Bytes of transitions and alternatives beside the states.
    heap: u64,
}

/// Bytes of a state while it is built, and of one that is built, where pointers have 64 bits.
const STATE: u64 = 32;
const BUILT_STATE: u64 = 24;
const TRANSITION: u64 = 8;
const ALTERNATIVE: u64 = 4;
/// UTF-8 sequences into which one range of characters falls: 1 + 3 + 5 + 7 by their lengths, and 5 around surrogates.
const SEQUENCES: u64 = 21;
const SEQUENCE_LEN: u64 = 4;

impl Bound {
    /// Counts what an expression needs.
    pub(super) fn of(hir: &Hir, groups: bool) -> Self {
        // Around it: the search for where it begins, the implicit group, the state of a match.
        let frame = Self {
            states: 5,
            empty: 1,
            heap: TRANSITION + 2 * ALTERNATIVE,
        };
        frame.plus(count(hir, groups))
    }

    /// Bytes taken while one automaton is built.
    pub(super) fn building(self) -> u64 {
        let states = self.states.saturating_add(self.empty);
        states.saturating_mul(STATE).saturating_add(self.heap)
    }

    /// Bytes of the two automata, forward and backward.
    pub(super) fn built(self) -> u64 {
        let one = self.states.saturating_mul(BUILT_STATE).saturating_add(self.heap);
        one.saturating_mul(2)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            states: self.states.saturating_add(other.states),
            empty: self.empty.saturating_add(other.empty),
            heap: self.heap.saturating_add(other.heap),
        }
    }

    fn times(self, factor: u64) -> Self {
        Self {
            states: self.states.saturating_mul(factor),
            empty: self.empty.saturating_mul(factor),
            heap: self.heap.saturating_mul(factor),
        }
    }
}

const EMPTY: Bound = Bound {
    states: 0,
    empty: 1,
    heap: 0,
};
const STATE_ONLY: Bound = Bound {
    states: 1,
    empty: 0,
    heap: 0,
};
/// A choice between two.
const CHOICE: Bound = Bound {
    states: 1,
    empty: 0,
    heap: 2 * ALTERNATIVE,
};

fn count(hir: &Hir, groups: bool) -> Bound {
    match hir.kind() {
        HirKind::Empty => EMPTY,
        HirKind::Look(_) => STATE_ONLY,
        HirKind::Literal(literal) => STATE_ONLY.times(literal.0.len() as u64),
        HirKind::Class(class) => count_class(class),
        HirKind::Capture(Capture { sub, .. }) => {
            let around = if groups {
                STATE_ONLY.times(2)
            } else {
                Bound::default()
            };
            around.plus(count(sub, groups))
        }
        HirKind::Repetition(repetition) => count_repetition(repetition, groups),
        HirKind::Concat(parts) => parts
            .iter()
            .fold(EMPTY, |sum, part| sum.plus(count(part, groups))),
        HirKind::Alternation(parts) => count_alternation(parts, groups),
    }
}

fn count_class(class: &Class) -> Bound {
    let sparse = |ranges: usize| Bound {
        states: 1,
        empty: 1,
        heap: TRANSITION * ranges as u64,
    };
    match class {
        Class::Bytes(class) => sparse(class.ranges().len()),
        Class::Unicode(class) if class.is_ascii() => sparse(class.ranges().len()),
        Class::Unicode(class) => {
            let range = Bound {
                states: SEQUENCES * SEQUENCE_LEN,
                empty: 0,
                heap: SEQUENCES * (SEQUENCE_LEN * TRANSITION + ALTERNATIVE),
            };
            EMPTY
                .plus(STATE_ONLY.times(2))
                .plus(range.times(class.ranges().len() as u64))
        }
    }
}

fn count_repetition(repetition: &Repetition, groups: bool) -> Bound {
    let part = count(&repetition.sub, groups);
    match (u64::from(repetition.min), repetition.max.map(u64::from)) {
        (0, None) => part.plus(CHOICE.times(2)).plus(EMPTY),
        (min, None) => part.times(min).plus(CHOICE),
        (min, Some(max)) => {
            let optional = part.plus(CHOICE).times(max.saturating_sub(min));
            part.times(min).plus(optional).plus(EMPTY.times(2))
        }
    }
}

fn count_alternation(parts: &[Hir], groups: bool) -> Bound {
    let literal = |part: &Hir| match part.kind() {
        HirKind::Literal(literal) => Some(literal.0.len() as u64),
        _ => None,
    };
    let literals: Option<u64> = parts.iter().map(literal).sum();
    let count_parts = parts.len() as u64;
    if let Some(bytes) = literals {
        // They become a trie with a choice at each of its nodes.
        return Bound {
            states: 2 * bytes + count_parts + 2,
            empty: 1,
            heap: (TRANSITION + ALTERNATIVE) * bytes + 2 * ALTERNATIVE * (count_parts + 1),
        };
    }
    let choice = Bound {
        states: 1,
        empty: 1,
        heap: ALTERNATIVE * count_parts,
    };
    parts
        .iter()
        .fold(choice, |sum, part| sum.plus(count(part, groups)))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};
    use regex_automata::nfa::thompson::{Compiler, Config, NFA, WhichCaptures};

    use super::*;
    use crate::rule::{Flags, expression::parse};

    fn build(hir: &Hir, limit: u64, groups: bool, reverse: bool) -> Option<NFA> {
        let captures = match (reverse, groups) {
            (true, _) => WhichCaptures::None,
            (_, true) => WhichCaptures::All,
            (_, false) => WhichCaptures::Implicit,
        };
        let config = Config::new()
            .utf8(false)
            .reverse(reverse)
            .which_captures(captures)
            .nfa_size_limit(Some(limit as usize));
        Compiler::new().configure(config).build_from_hir(hir).ok()
    }

    /// The bytes that both automata really take, after checking that neither exceeds what was foretold.
    fn check(text: &str, flags: Flags) -> Result<(u64, u64), TestCaseError> {
        let hir = parse(text, flags).unwrap();
        let bound = Bound::of(&hir, flags.groups);
        let mut real = 0;
        for reverse in [false, true] {
            let nfa = build(&hir, bound.building(), flags.groups, reverse);
            prop_assert!(nfa.is_some(), "{text}: {bound:?} reverse={reverse}");
            real += nfa.unwrap().memory_usage() as u64;
        }
        // Beside its states an automaton has 256 bytes of byte classes and such.
        prop_assert!(real <= bound.built() + 2 * 1024, "{text}: {real}, {bound:?}");
        Ok((real, bound.built()))
    }

    fn text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            4 => "[a-z]{1,6}",
            1 => select(&[r"\s", r"\w", r"\W", "[a-c<]", "[^a]", ".", r"\d", r"\b", "^", "$", "", "[^\\x00-\\xff]"][..]).prop_map(str::to_owned),
            1 => select(&[r"(?u:[à-ÿ])", r"(?u:[^a])", r"(?u:.)", r"(?u:[\x{7f}-\x{10ffff}])", r"(?u:é)"][..]).prop_map(str::to_owned),
        ];
        leaf.prop_recursive(5, 32, 6, |inner| {
            prop_oneof![
                3 => vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
                2 => vec(inner.clone(), 2..6).prop_map(|parts| format!("(?:{})", parts.join("|"))),
                1 => inner.clone().prop_map(|part| format!("({part})")),
                2 => (inner, select(&["?", "*", "+", "*?", "{2}", "{1,3}", "{0,2}?", "{0}", "{3,}", "{1}"][..]))
                    .prop_map(|(part, times)| format!("(?:{part}){times}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 10 } else { 500 }, ..ProptestConfig::default() })]

        #[test]
        fn automata_never_take_more_than_foretold(
            text in text(), ignore_case in any::<bool>(), groups in any::<bool>(),
        ) {
            check(&text, Flags { ignore_case, groups })?;
        }

        #[test]
        fn tries_never_take_more_than_foretold(words in vec("[a-c]{1,5}", 2..40)) {
            check(&words.join("|"), Flags { ignore_case: false, groups: false })?;
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "builds every expression of the core pack")]
    fn what_is_foretold_for_the_core_pack_is_close() {
        let pack = crate::packs::find("core").unwrap().config().unwrap();
        let flags = Flags {
            ignore_case: true,
            groups: false,
        };
        let (mut real, mut foretold) = (0, 0);
        for pattern in pack.patterns {
            let found = check(&pattern.pattern, flags).unwrap();
            real += found.0;
            foretold += found.1;
        }
        assert!(foretold < real * 3 / 2, "{foretold} for {real}");
    }
}
