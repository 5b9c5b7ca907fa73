//! Necessary conditions in the form in which they are checked: a list of clauses that must all hold.

use super::{Bits, ByteSet, Classes, bits::SparseBits, formula::Formula};

/// What must hold for a value before an operator is worth asking.
#[derive(Debug, Default)]
pub(crate) struct Need {
    /// Bytes that the value must have at least.
    min_len: usize,
    /// Literals of which one must occur: what best tells honest text from the rest. Without them it is always looked at.
    trigger: Option<Box<[u32]>>,
    /// For each of these sets, some class of it must occur.
    classes: Vec<Classes>,
    condition: Condition,
}

/// A formula whose literals have numbers.
#[derive(Debug, Default, PartialEq)]
enum Condition {
    #[default]
    Holds,
    /// One of these literals occurs.
    Literals(SparseBits),
    /// A byte of one of these classes occurs.
    Classes(Classes),
    All(Box<[Condition]>),
    Any(Box<[Condition]>),
}

impl Need {
    /// Literals of the trigger beyond which there is none.
    const TRIGGER: usize = 512;
    /// Literals of the condition beyond which only the trigger is left.
    const LITERALS: usize = 1_024;
    /// Sets of classes kept, the most telling ones.
    const CLASSES: usize = 4;

    /// Turns a formula into a need; `intern` gives a literal its number.
    pub(crate) fn new(min_len: usize, formula: &Formula, mut intern: impl FnMut(&[u8]) -> u32) -> Self {
        let mut drafts = Vec::new();
        collect(formula, &mut drafts);
        drafts.retain(|draft| draft.weight < 1.0);
        drafts.sort_by(|left, right| left.weight.total_cmp(&right.weight));
        let trigger = drafts.iter().find(|draft| draft.bytes == ByteSet::default());
        let trigger = trigger.filter(|draft| draft.literals.len() <= Self::TRIGGER);
        let trigger: Option<Box<[u32]>> =
            trigger.map(|draft| draft.literals.iter().map(|literal| intern(literal)).collect());
        let condition = if literals(formula) <= Self::LITERALS {
            Condition::of(formula, &mut intern)
        } else {
            let trigger = trigger.clone();
            trigger.map_or(Condition::Holds, |literals| {
                Condition::Literals(literals.into_iter().collect())
            })
        };
        let mut classes = required(formula);
        classes.sort_by_key(|classes| classes.commonness());
        classes.dedup();
        classes.truncate(Self::CLASSES);
        Self {
            min_len,
            trigger,
            classes,
            condition,
        }
    }

    /// The literals of which one must have been seen, if literals alone can tell.
    pub(crate) fn trigger(&self) -> Option<&[u32]> {
        self.trigger.as_deref()
    }

    /// Sets of classes; of each one, some class must occur.
    pub(crate) fn classes(&self) -> &[Classes] {
        &self.classes
    }

    /// Whether a value of this length and these classes, in which these literals were seen, may match.
    pub(crate) fn holds(&self, len: usize, classes: Classes, seen: &Bits) -> bool {
        len >= self.min_len && self.condition.holds(classes, seen)
    }
}

impl Condition {
    fn of(formula: &Formula, intern: &mut impl FnMut(&[u8]) -> u32) -> Self {
        match formula {
            Formula::True => Self::Holds,
            Formula::Bytes(bytes) => Self::Classes(Classes::of_set(bytes)),
            Formula::Literal(literal) => Self::Literals([intern(literal)].into_iter().collect()),
            Formula::And(members) => {
                // What is least likely settles it first.
                let members = by_likelihood(members.iter());
                Self::All(
                    members
                        .into_iter()
                        .map(|member| Self::of(member, intern))
                        .collect(),
                )
            }
            Formula::Or(members) => {
                let is_literal = |member: &&Formula| matches!(member, Formula::Literal(_));
                let literals = members.iter().filter_map(|member| match member {
                    Formula::Literal(literal) => Some(intern(literal)),
                    _ => None,
                });
                let literals: SparseBits = literals.collect();
                let others = by_likelihood(members.iter().filter(|member| !is_literal(member)));
                let others = others.into_iter().rev();
                let mut any: Vec<Self> = others.map(|member| Self::of(member, intern)).collect();
                if any.is_empty() {
                    return Self::Literals(literals);
                }
                if !literals.is_empty() {
                    any.insert(0, Self::Literals(literals));
                }
                Self::Any(any.into())
            }
        }
    }

    fn holds(&self, classes: Classes, seen: &Bits) -> bool {
        match self {
            Self::Holds => true,
            Self::Literals(literals) => seen.meets(literals),
            Self::Classes(wanted) => wanted.meets(classes),
            Self::All(members) => members.iter().all(|member| member.holds(classes, seen)),
            Self::Any(members) => members.iter().any(|member| member.holds(classes, seen)),
        }
    }
}

/// Formulas by how likely they hold for honest text, the least likely first.
fn by_likelihood<'a>(formulas: impl Iterator<Item = &'a Formula>) -> Vec<&'a Formula> {
    let mut formulas: Vec<&Formula> = formulas.collect();
    let likelihood = |formula: &Formula| relaxed(formula).map_or(f64::INFINITY, |draft| draft.weight);
    formulas.sort_by(|left, right| likelihood(left).total_cmp(&likelihood(right)));
    formulas
}

/// How many literals a formula has.
fn literals(formula: &Formula) -> usize {
    match formula {
        Formula::True | Formula::Bytes(_) => 0,
        Formula::Literal(_) => 1,
        Formula::And(members) | Formula::Or(members) => members.iter().map(literals).sum(),
    }
}

/// Sets of classes of which some class must occur for a formula to hold.
fn required(formula: &Formula) -> Vec<Classes> {
    match formula {
        Formula::True => Vec::new(),
        Formula::Bytes(bytes) => vec![Classes::of_set(bytes)],
        Formula::Literal(literal) => literal.iter().map(|byte| Classes::of(&[*byte])).collect(),
        Formula::And(members) => members.iter().flat_map(required).collect(),
        Formula::Or(members) => {
            let mut union = Classes::default();
            for member in members {
                match required(member)
                    .into_iter()
                    .min_by_key(|classes| classes.commonness())
                {
                    Some(rarest) => union = union.or(rarest),
                    None => return Vec::new(),
                }
            }
            vec![union]
        }
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
