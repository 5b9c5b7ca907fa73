//! What must hold for an operator to match, split into what is common to all ways to match and each of them.

use super::{ByteSet, Classes, condition::Condition, formula::Formula};

/// What must hold for a value before an operator is worth asking: what is common to all ways to match, and one of them.
#[derive(Debug)]
pub(super) struct Need {
    /// Bytes that the value must have at least.
    pub(super) min_len: usize,
    pub(super) common: Condition,
    /// The ways to match, of which one must be open.
    pub(super) ways: Vec<Way>,
}

/// One way to match, as a branch of an alternation.
#[derive(Debug)]
pub(super) struct Way {
    /// Literals of which one must occur: what best tells honest text from the rest. Without them it is always looked at.
    pub(super) trigger: Option<Box<[u32]>>,
    /// Of each of these sets, a byte of some class must occur: quick to tell, and it rules out most.
    pub(super) wanted: Vec<Classes>,
    pub(super) condition: Condition,
}

impl Need {
    /// Literals of a trigger beyond which there is none.
    const TRIGGER: usize = 512;
    /// Sets of classes kept, the most telling ones.
    pub(super) const WANTED: usize = 4;

    /// Turns a formula into a need; `intern` gives a literal its number.
    pub(super) fn new(min_len: usize, formula: &Formula, mut intern: impl FnMut(&[u8]) -> u32) -> Self {
        let members = match formula {
            Formula::And(members) => by_likelihood(members.iter()),
            other => vec![other],
        };
        // The least likely part that literals alone can tell decides when to look at all.
        let told = |(place, member): (usize, &&Formula)| Some((trigger(member)?.weight, place));
        let first = members.iter().enumerate().filter_map(told);
        let first = first.min_by(|left, right| left.0.total_cmp(&right.0));
        let place = first.map_or(0, |(_, place)| place);
        let others = members.iter().enumerate().filter(|(other, _)| *other != place);
        let first = members.get(place).copied().unwrap_or(formula);
        let branches = match first {
            Formula::Or(branches) => branches.as_slice(),
            other => std::slice::from_ref(other),
        };
        let is_literal = |branch: &&Formula| matches!(branch, Formula::Literal(_));
        let literals: Box<[u32]> = branches
            .iter()
            .filter_map(|branch| match branch {
                Formula::Literal(literal) => Some(intern(literal)),
                _ => None,
            })
            .collect();
        let wanted = most_telling(wanted(formula));
        let mut ways: Vec<Way> = branches
            .iter()
            .filter(|branch| !is_literal(branch))
            .map(|branch| Way::new(branch, &wanted, &mut intern))
            .collect();
        if !literals.is_empty() {
            ways.push(Way {
                trigger: Some(literals),
                wanted,
                condition: Condition::Holds,
            });
        }
        let common = others.map(|(_, member)| Condition::of(member, &mut intern));
        Self {
            min_len,
            common: all(common),
            ways,
        }
    }
}

impl Way {
    /// The way of a formula; all ways want what is common to them too.
    fn new(formula: &Formula, common: &[Classes], intern: &mut impl FnMut(&[u8]) -> u32) -> Self {
        let trigger = trigger(formula);
        let literals = trigger.map(|draft| draft.literals.iter().map(|literal| intern(literal)).collect());
        let wanted = most_telling([common, &wanted(formula)].concat());
        let rest = common.iter().filter(|classes| !wanted.contains(classes));
        let rest = rest.map(|classes| Condition::Classes(*classes));
        let condition = all(rest.chain([Condition::of(formula, intern)]));
        Self {
            trigger: literals,
            wanted,
            condition,
        }
    }
}

impl Condition {
    /// Weight of a literal beyond which it is not looked for where something else has to stand beside it.
    const COMMON: f64 = 0.1;

    fn of(formula: &Formula, intern: &mut impl FnMut(&[u8]) -> u32) -> Self {
        match formula {
            Formula::True => Self::Holds,
            Formula::Bytes(bytes) => Self::Classes(Classes::of_set(bytes)),
            Formula::Literal(literal) => Self::Literals(vec![intern(literal)]),
            Formula::And(members) => {
                // What stands in most texts settles nothing; of the rest, what is least likely settles it first.
                let is_common = |member: &Formula| match member {
                    Formula::Literal(literal) => weight(literal) > Self::COMMON,
                    _ => false,
                };
                let members = by_likelihood(members.iter().filter(|member| !is_common(member)));
                all(members.into_iter().map(|member| Self::of(member, intern)))
            }
            Formula::Or(members) => {
                let is_literal = |member: &&Formula| matches!(member, Formula::Literal(_));
                let literals = members.iter().filter_map(|member| match member {
                    Formula::Literal(literal) => Some(intern(literal)),
                    _ => None,
                });
                let literals: Vec<u32> = literals.collect();
                let others = by_likelihood(members.iter().filter(|member| !is_literal(member)));
                let others = others.into_iter().rev();
                let mut any: Vec<Self> = others.map(|member| Self::of(member, intern)).collect();
                if any.is_empty() {
                    return Self::Literals(literals);
                }
                if !literals.is_empty() {
                    any.insert(0, Self::Literals(literals));
                }
                Self::Any(any)
            }
        }
    }
}

/// All of these, each once; what is told in one step comes first.
fn all(conditions: impl Iterator<Item = Condition>) -> Condition {
    let mut members: Vec<Condition> = Vec::new();
    for condition in conditions {
        if condition != Condition::Holds && !members.contains(&condition) {
            members.push(condition);
        }
    }
    members.sort_by_key(|member| !matches!(member, Condition::Classes(_)));
    if members.len() < 2 {
        return members.pop().unwrap_or(Condition::Holds);
    }
    Condition::All(members)
}

/// The most telling literals of which one occurs if a formula holds; none if they tell too little.
fn trigger(formula: &Formula) -> Option<Draft> {
    let is_telling = |draft: &Draft| draft.weight < 1.0 && draft.literals.len() <= Need::TRIGGER;
    summed_up(formula, false).filter(is_telling)
}

/// Of sets of classes, the most telling ones.
fn most_telling(mut wanted: Vec<Classes>) -> Vec<Classes> {
    wanted.sort_by_key(|classes| classes.commonness());
    wanted.dedup();
    wanted.truncate(Need::WANTED);
    wanted
}

/// Sets of classes of which some class must occur for a formula to hold.
fn wanted(formula: &Formula) -> Vec<Classes> {
    match formula {
        Formula::True => Vec::new(),
        Formula::Bytes(bytes) => vec![Classes::of_set(bytes)],
        Formula::Literal(literal) => literal.iter().map(|byte| Classes::of(&[*byte])).collect(),
        Formula::And(members) => members.iter().flat_map(wanted).collect(),
        Formula::Or(members) => {
            let mut union = Classes::default();
            for member in members {
                let wanted = wanted(member);
                match wanted.into_iter().min_by_key(|classes| classes.commonness()) {
                    Some(rarest) => union = union.or(rarest),
                    None => return Vec::new(),
                }
            }
            vec![union]
        }
    }
}

/// Formulas by how likely they hold for honest text, the least likely first.
fn by_likelihood<'a>(formulas: impl Iterator<Item = &'a Formula>) -> Vec<&'a Formula> {
    let mut formulas: Vec<&Formula> = formulas.collect();
    formulas.sort_by(|left, right| likelihood(left).total_cmp(&likelihood(right)));
    formulas
}

fn likelihood(formula: &Formula) -> f64 {
    summed_up(formula, true).map_or(f64::INFINITY, |draft| draft.weight)
}

/// A clause before its literals are numbered.
#[derive(Default)]
struct Draft {
    literals: Vec<Vec<u8>>,
    bytes: ByteSet,
    /// How likely the clause holds for honest text, roughly: the lower, the more it tells.
    weight: f64,
}

/// The most telling single clause that follows from a formula, of literals and, if they are allowed, bytes.
fn summed_up(formula: &Formula, with_bytes: bool) -> Option<Draft> {
    match formula {
        Formula::Bytes(bytes) if with_bytes => {
            let weight = bytes.iter().map(|byte| frequency(byte) * 8.0).sum();
            Some(Draft {
                literals: Vec::new(),
                bytes: *bytes,
                weight,
            })
        }
        Formula::True | Formula::Bytes(_) => None,
        Formula::Literal(literal) => Some(Draft {
            literals: vec![literal.clone()],
            bytes: ByteSet::default(),
            weight: weight(literal),
        }),
        Formula::And(members) => members
            .iter()
            .filter_map(|member| summed_up(member, with_bytes))
            .min_by(|left, right| left.weight.total_cmp(&right.weight)),
        Formula::Or(members) => {
            let mut union = Draft::default();
            for member in members {
                let draft = summed_up(member, with_bytes)?;
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
