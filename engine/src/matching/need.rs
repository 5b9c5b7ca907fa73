//! Necessary conditions in the form in which they are checked: a list of clauses that must all hold.

use super::{ByteSet, Classes, formula::Formula};

/// What must hold for a value before an operator is worth asking.
#[derive(Debug, Default)]
pub(crate) struct Need {
    /// Bytes that the value must have at least.
    pub(crate) min_len: usize,
    /// What must occur in it; the first clause is the most telling one.
    pub(crate) clauses: Vec<Clause>,
}

/// One of these literals, or a byte of one of these classes, must occur.
#[derive(Debug)]
pub(crate) struct Clause {
    /// Literals by their number in the policy.
    pub(crate) literals: Box<[u32]>,
    /// Byte classes.
    pub(crate) classes: Classes,
}

impl Need {
    /// Clauses kept of one condition; the most telling ones.
    const CLAUSES: usize = 4;
    /// Literals of the most telling clause beyond which it is not kept.
    const LITERALS: usize = 512;
    /// The same for the other clauses, which do not decide whether a rule is looked at.
    const MORE_LITERALS: usize = 16;

    /// Turns a formula into clauses; `intern` gives a literal its number.
    pub(crate) fn new(min_len: usize, formula: &Formula, mut intern: impl FnMut(&[u8]) -> u32) -> Self {
        let mut drafts = Vec::new();
        collect(formula, &mut drafts);
        drafts.retain(|draft| draft.literals.len() <= Self::LITERALS && draft.weight < 1.0);
        drafts.sort_by(|left, right| left.weight.total_cmp(&right.weight));
        let mut drafts = drafts.into_iter();
        let first = drafts.next();
        let others = drafts.filter(|draft| draft.literals.len() <= Self::MORE_LITERALS);
        let clauses = first
            .into_iter()
            .chain(others)
            .take(Self::CLAUSES)
            .map(|draft| Clause {
                literals: draft.literals.iter().map(|literal| intern(literal)).collect(),
                classes: Classes::of_set(&draft.bytes),
            })
            .collect();
        Self { min_len, clauses }
    }

    /// The literals of which one must have been seen, if literals alone can tell.
    pub(crate) fn trigger(&self) -> Option<&[u32]> {
        let clause = self.clauses.first()?;
        (clause.classes == Classes::default()).then_some(&clause.literals)
    }

    /// Whether a value of this length and these classes, in which these literals were seen, may match.
    pub(crate) fn holds(&self, len: usize, classes: Classes, seen: impl Fn(u32) -> bool) -> bool {
        len >= self.min_len
            && self.clauses.iter().all(|clause| {
                clause.classes.meets(classes) || clause.literals.iter().any(|literal| seen(*literal))
            })
    }
}

/// A clause before its literals are numbered.
#[derive(Default)]
struct Draft {
    literals: Vec<Vec<u8>>,
    bytes: ByteSet,
    /// How likely the clause holds for honest text, roughly: the lower, the more it tells.
    weight: f64,
}

fn collect(formula: &Formula, drafts: &mut Vec<Draft>) {
    match formula {
        Formula::And(members) => members.iter().for_each(|member| collect(member, drafts)),
        other => drafts.extend(relaxed(other)),
    }
}

/// The most telling single clause that follows from a formula.
fn relaxed(formula: &Formula) -> Option<Draft> {
    match formula {
        Formula::True => None,
        Formula::Bytes(bytes) => {
            let weight = bytes.iter().map(|byte| frequency(byte) * 8.0).sum();
            Some(Draft {
                literals: Vec::new(),
                bytes: *bytes,
                weight,
            })
        }
        Formula::Literal(literal) => Some(Draft {
            literals: vec![literal.clone()],
            bytes: ByteSet::default(),
            weight: weight(literal),
        }),
        Formula::And(members) => members
            .iter()
            .filter_map(relaxed)
            .min_by(|left, right| left.weight.total_cmp(&right.weight)),
        Formula::Or(members) => {
            let mut union = Draft::default();
            for member in members {
                let draft = relaxed(member)?;
                union.literals.extend(draft.literals);
                union.bytes.union(&draft.bytes);
                union.weight += draft.weight;
            }
            union.literals.sort();
            union.literals.dedup();
            Some(union)
        }
    }
}

fn weight(literal: &[u8]) -> f64 {
    // A text has many places where a literal may stand; 64 is the length of a longer honest value.
    64.0 * literal.iter().map(|byte| frequency(*byte)).product::<f64>()
}

/// How often a byte occurs in honest values; rough, for only the order matters.
pub(super) fn frequency(byte: u8) -> f64 {
    match byte.to_ascii_lowercase() {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 0.07,
        b'a'..=b'z' => 0.03,
        b'0'..=b'9' => 0.02,
        b' ' => 0.12,
        b'/' | b'.' | b'-' | b'=' | b'_' | b':' | b',' | b';' => 0.015,
        _ => 0.003,
    }
}
