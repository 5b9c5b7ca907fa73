//! What must stand in a value for a regular expression to match it, told from the syntax tree.
//!
//! The idea is that of `FilteredRE2` (Russ Cox, "Regular Expression Matching with a Trigram Index", 2012): a formula
//! of literals that every match contains, extended by sets of bytes. All literals are in lower case and are to be
//! looked for regardless of ASCII case, which keeps the formula necessary for case-sensitive expressions too.

use std::ops::RangeInclusive;

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use super::{ByteSet, need::frequency};

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
        derive(hir).into_formula()
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

/// Members of an exact set beyond which it becomes a formula.
const EXACT_LIMIT: usize = 96;
/// The same for the branches of an alternation, where each is worth having.
const ALTERNATION_LIMIT: usize = 500;
/// Bytes of a literal beyond which it is not made longer.
const LITERAL_LIMIT: usize = 24;
/// Members of a class that is still spelt out.
const CLASS_LIMIT: usize = 4;
/// Bytes of a literal that tells too little alone.
const SHORT: usize = 2;
/// Strings that are kept of where an expression begins or ends.
const EDGE_LIMIT: usize = 24;
/// Members of a byte set beyond which it says too little.
const SET_LIMIT: u32 = 200;

/// Strings in order, each once.
type Strings = Vec<Vec<u8>>;

enum Derived {
    /// The expression matches exactly these, but for what surrounds them.
    Exact(Strings),
    /// All that is known.
    Partial(Partial),
}

/// What is known of an expression that matches too much to be spelt out.
struct Partial {
    head: Edge,
    formula: Formula,
    tail: Edge,
}

/// Strings with one of which every match begins, or ends; the empty one where nothing is known.
struct Edge {
    strings: Strings,
    /// Whether the formula says so already.
    is_told: bool,
}

impl Derived {
    /// Only a condition is known.
    fn condition(formula: Formula) -> Self {
        Self::Partial(Partial {
            head: Edge::unknown(),
            formula,
            tail: Edge::unknown(),
        })
    }

    fn into_formula(self) -> Formula {
        match self {
            Self::Exact(strings) => from_exact(strings),
            Self::Partial(partial) => partial.into_formula(),
        }
    }

    /// This, followed by something else.
    fn then(self, next: Self) -> Self {
        let partial = match (self, next) {
            (Self::Exact(left), Self::Exact(right)) => match concatenated(left, &right) {
                Ok(both) => return Self::Exact(both),
                Err(left) => Partial {
                    head: Edge::untold(left),
                    formula: Formula::True,
                    tail: Edge::untold(right),
                },
            },
            (Self::Exact(left), Self::Partial(right)) => match Edge::untold(left).joined(right.head) {
                Ok((head, parts)) => Partial {
                    head,
                    formula: and(vec![parts, right.formula]),
                    tail: right.tail,
                },
                Err((left, right_head)) => Partial {
                    head: left,
                    formula: and(vec![right_head.into_formula(), right.formula]),
                    tail: right.tail,
                },
            },
            (Self::Partial(left), Self::Exact(right)) => match left.tail.joined(Edge::untold(right)) {
                Ok((tail, parts)) => Partial {
                    head: left.head,
                    formula: and(vec![left.formula, parts]),
                    tail,
                },
                Err((left_tail, right)) => Partial {
                    head: left.head,
                    formula: and(vec![left.formula, left_tail.into_formula()]),
                    tail: right,
                },
            },
            (Self::Partial(left), Self::Partial(right)) => {
                let between = match left.tail.joined(right.head) {
                    Ok((both, parts)) => and(vec![both.into_formula(), parts]),
                    Err((left_tail, right_head)) => {
                        and(vec![left_tail.into_formula(), right_head.into_formula()])
                    }
                };
                Partial {
                    head: left.head,
                    formula: and(vec![left.formula, between, right.formula]),
                    tail: right.tail,
                }
            }
        };
        Self::Partial(partial)
    }

    /// What every match begins or ends with.
    fn edges(&self) -> (&[Vec<u8>], &[Vec<u8>]) {
        match self {
            Self::Exact(strings) => (strings, strings),
            Self::Partial(partial) => (&partial.head.strings, &partial.tail.strings),
        }
    }
}

impl Partial {
    fn into_formula(self) -> Formula {
        let head = self.head.into_formula();
        let tail = self.tail.into_formula();
        if head == tail {
            return and(vec![head, self.formula]);
        }
        and(vec![head, self.formula, tail])
    }
}

impl Edge {
    /// How likely one of several strings may be for them to tell more than their parts.
    const RARE: f64 = 0.001;

    fn unknown() -> Self {
        Self::untold(nothing())
    }

    fn untold(strings: Strings) -> Self {
        Self {
            strings,
            is_told: false,
        }
    }

    fn told(strings: Strings) -> Self {
        Self {
            strings,
            is_told: true,
        }
    }

    fn into_formula(self) -> Formula {
        if self.is_told {
            Formula::True
        } else {
            from_exact(self.strings)
        }
    }

    /// Every string of this one followed by every string of the other, and what is to be told of the two apart; both
    /// again if they become too many or too long.
    fn joined(self, next: Self) -> Result<(Self, Formula), (Self, Self)> {
        if is_nothing(&self.strings) || is_nothing(&next.strings) {
            return Err((self, next));
        }
        let Ok(both) = concatenated(self.strings.clone(), &next.strings) else {
            return Err((self, next));
        };
        let is_any_told = self.is_told || next.is_told;
        let gains = (!self.is_told || is_short(&next.strings)) && (!next.is_told || is_short(&self.strings));
        if !is_any_told || gains && likelihood(&both) < Self::RARE {
            return Ok((Self::untold(both), Formula::True));
        }
        if both.len() > EDGE_LIMIT {
            return Err((self, next));
        }
        let parts = and(vec![self.into_formula(), next.into_formula()]);
        Ok((Self::told(both), parts))
    }
}

fn derive(hir: &Hir) -> Derived {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Derived::Exact(nothing()),
        HirKind::Literal(literal) => Derived::Exact(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => derive_class(class),
        HirKind::Capture(capture) => derive(&capture.sub),
        HirKind::Repetition(repetition) => derive_repetition(repetition),
        HirKind::Concat(parts) => derive_concat(parts),
        HirKind::Alternation(parts) => derive_alternation(&nothing(), parts),
    }
}

fn derive_class(class: &Class) -> Derived {
    let bytes = class_bytes(class);
    let is_bytes = match class {
        Class::Bytes(_) => true,
        Class::Unicode(class) => class.is_ascii(),
    };
    // Both cases of a letter are one member.
    if is_bytes && bytes.len() <= 2 * EDGE_LIMIT as u32 {
        let folded: Strings = bytes.iter().map(|byte| vec![byte.to_ascii_lowercase()]).collect();
        let folded = in_order(folded);
        if folded.len() <= CLASS_LIMIT {
            return Derived::Exact(folded);
        }
        if folded.len() <= EDGE_LIMIT {
            return Derived::Partial(Partial {
                head: Edge::told(folded.clone()),
                formula: bytes_formula(bytes),
                tail: Edge::told(folded),
            });
        }
    }
    Derived::condition(bytes_formula(bytes))
}

fn derive_repetition(repetition: &Repetition) -> Derived {
    let inner = |repetition: &Repetition| derive(&repetition.sub);
    match (repetition.min, repetition.max) {
        (_, Some(0)) => Derived::Exact(nothing()),
        (0, Some(1)) => match inner(repetition) {
            Derived::Exact(mut strings) if strings.len() < EXACT_LIMIT => {
                strings.push(Vec::new());
                Derived::Exact(in_order(strings))
            }
            _ => Derived::condition(Formula::True),
        },
        (0, _) => Derived::condition(Formula::True),
        (min, max) => {
            let once = inner(repetition);
            let (head, tail) = once.edges();
            let (head, tail) = (Edge::told(head.to_vec()), Edge::told(tail.to_vec()));
            if let Derived::Exact(strings) = &once
                && max == Some(min)
                && min <= 8
            {
                let mut product = nothing();
                for _ in 0..min {
                    let Ok(longer) = concatenated(product, strings) else {
                        let formula = once.into_formula();
                        return Derived::Partial(Partial { head, formula, tail });
                    };
                    product = longer;
                }
                return Derived::Exact(product);
            }
            let formula = once.into_formula();
            Derived::Partial(Partial { head, formula, tail })
        }
    }
}

fn derive_concat(parts: &[Hir]) -> Derived {
    // Letters of either case are parts of their own: first the words that they make.
    let (mut whole, mut word) = (Derived::Exact(nothing()), nothing());
    for part in parts {
        let derived = match part.kind() {
            // What stands before branches is a part of each of them.
            HirKind::Alternation(parts) if is_short(&word) => {
                match derive_alternation(&std::mem::replace(&mut word, nothing()), parts) {
                    // Which is all of it then.
                    Derived::Exact(strings) => {
                        word = strings;
                        continue;
                    }
                    partial @ Derived::Partial(_) => partial,
                }
            }
            _ => derive(part),
        };
        match derived {
            Derived::Exact(strings) => match concatenated(word, &strings) {
                Ok(longer) => word = longer,
                Err(before) => {
                    whole = whole.then(Derived::Exact(before));
                    word = strings;
                }
            },
            partial @ Derived::Partial(_) => {
                let word = std::mem::replace(&mut word, nothing());
                whole = whole.then(Derived::Exact(word)).then(partial);
            }
        }
    }
    whole.then(Derived::Exact(word))
}

/// Branches, each of which follows what stands before them all.
fn derive_alternation(before: &Strings, parts: &[Hir]) -> Derived {
    let branch = |part| Derived::Exact(before.clone()).then(derive(part));
    let derived: Vec<Derived> = parts.iter().map(branch).collect();
    if derived.iter().any(|part| matches!(part, Derived::Partial(_))) {
        let heads = union(derived.iter().map(|part| part.edges().0), EDGE_LIMIT);
        let tails = union(derived.iter().map(|part| part.edges().1), EDGE_LIMIT);
        return Derived::Partial(Partial {
            head: Edge::told(heads.unwrap_or_else(nothing)),
            formula: or(derived.into_iter().map(Derived::into_formula).collect()),
            tail: Edge::told(tails.unwrap_or_else(nothing)),
        });
    }
    let strings = derived.iter().map(|part| part.edges().0);
    match union(strings, ALTERNATION_LIMIT) {
        Some(strings) => Derived::Exact(strings),
        None => Derived::condition(or(derived.into_iter().map(Derived::into_formula).collect())),
    }
}

/// All of these strings, unless they are too many.
fn union<'a>(sets: impl Iterator<Item = &'a [Vec<u8>]>, limit: usize) -> Option<Strings> {
    let all = in_order(sets.flatten().cloned().collect());
    (all.len() <= limit).then_some(all)
}

fn nothing() -> Strings {
    vec![Vec::new()]
}

/// Whether one of these strings gains by another one at its side.
fn is_short(strings: &[Vec<u8>]) -> bool {
    strings.iter().any(|string| string.len() <= SHORT)
}

/// How likely it is that one of these strings stands at a place of honest text, roughly.
fn likelihood(strings: &Strings) -> f64 {
    let chance = |string: &Vec<u8>| string.iter().map(|byte| frequency(*byte)).product::<f64>();
    strings.iter().map(chance).sum()
}

fn is_nothing(strings: &[Vec<u8>]) -> bool {
    matches!(strings, [string] if string.is_empty())
}

fn in_order(mut strings: Strings) -> Strings {
    strings.sort_unstable();
    strings.dedup();
    strings
}

/// Every string of the one set followed by every string of the other; `left` again if they become too many or too long.
fn concatenated(mut left: Strings, right: &Strings) -> Result<Strings, Strings> {
    let longest = |strings: &Strings| strings.iter().map(Vec::len).max().unwrap_or(0);
    if is_nothing(&left) {
        return Ok(right.clone());
    }
    if is_nothing(right) {
        return Ok(left);
    }
    // What is common to all of an alternation multiplies nothing.
    let limit = if left.len() == 1 || right.len() == 1 {
        ALTERNATION_LIMIT
    } else {
        EXACT_LIMIT
    };
    if left.len() * right.len() > limit || longest(&left) + longest(right) > LITERAL_LIMIT {
        return Err(left);
    }
    if let [tail] = right.as_slice() {
        for head in &mut left {
            head.extend_from_slice(tail);
        }
        return Ok(in_order(left));
    }
    let heads = left.iter();
    let all = heads.flat_map(|head| right.iter().map(move |tail| [head.as_slice(), tail].concat()));
    Ok(in_order(all.collect()))
}

fn from_exact(mut strings: Strings) -> Formula {
    if strings.iter().any(Vec::is_empty) {
        return Formula::True;
    }
    // A string that contains another one adds nothing: where it stands, the other stands too.
    if (2..=ALTERNATION_LIMIT).contains(&strings.len()) {
        let mut lengths: Vec<usize> = strings.iter().map(Vec::len).collect();
        lengths.sort_unstable();
        lengths.dedup();
        let all = strings.clone();
        let is_known = |part: &[u8]| all.binary_search_by(|known| known.as_slice().cmp(part)).is_ok();
        strings.retain(|string| {
            let mut shorter = lengths.iter().take_while(|length| **length < string.len());
            !shorter.any(|length| string.windows(*length).any(is_known))
        });
    }
    let mut bytes = ByteSet::default();
    let mut members = Vec::new();
    for string in strings {
        match string.as_slice() {
            [byte] => {
                bytes.insert(*byte);
                bytes.insert(byte.to_ascii_uppercase());
            }
            _ => members.push(Formula::Literal(string)),
        }
    }
    if bytes.len() > 0 {
        members.push(bytes_formula(bytes));
    }
    or(members)
}

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

fn class_bytes(class: &Class) -> ByteSet {
    let mut bytes = ByteSet::default();
    class_ranges(class).for_each(|range| bytes.insert_range(range));
    bytes
}

/// The bytes of which characters of a class consist; for characters beyond ASCII, all that UTF-8 may need.
fn class_ranges(class: &Class) -> impl Iterator<Item = RangeInclusive<u8>> {
    const ASCII: u32 = 0x7f;
    let (bytes, characters) = match class {
        Class::Bytes(class) => (class.ranges(), &[][..]),
        Class::Unicode(class) => (&[][..], class.ranges()),
    };
    let bytes = bytes.iter().map(|range| range.start()..=range.end());
    let characters = characters.iter().flat_map(|range| {
        let (start, end) = (range.start() as u32, range.end() as u32);
        let ascii = (start <= ASCII).then(|| start as u8..=end.min(ASCII) as u8);
        let beyond = (end > ASCII).then_some(0x80..=u8::MAX);
        ascii.into_iter().chain(beyond)
    });
    bytes.chain(characters)
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
