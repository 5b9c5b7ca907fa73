//! Sets of strings that stand for parts of an expression.

use super::{
    super::{ByteSet, need::frequency},
    Formula, bytes_formula, or,
};

/// Members of an exact set beyond which it becomes a formula.
pub(super) const EXACT_LIMIT: usize = 96;
/// The same for the branches of an alternation, where each is worth having.
pub(super) const ALTERNATION_LIMIT: usize = 500;
/// Bytes of a literal beyond which it is not made longer.
pub(super) const LITERAL_LIMIT: usize = 24;
/// Bytes of a literal that tells too little alone.
pub(super) const SHORT: usize = 2;

/// Strings in order, each once.
pub(super) type Strings = Vec<Vec<u8>>;

/// All of these strings, unless they are too many.
pub(super) fn union<'a>(sets: impl Iterator<Item = &'a [Vec<u8>]>, limit: usize) -> Option<Strings> {
    let all = in_order(sets.flatten().cloned().collect());
    (all.len() <= limit).then_some(all)
}

pub(super) fn nothing() -> Strings {
    vec![Vec::new()]
}

/// Whether one of these strings gains by another one at its side.
pub(super) fn is_short(strings: &[Vec<u8>]) -> bool {
    strings.iter().any(|string| string.len() <= SHORT)
}

/// How likely it is that one of these strings stands at a place of honest text, roughly.
pub(super) fn likelihood(strings: &Strings) -> f64 {
    let chance = |string: &Vec<u8>| string.iter().map(|byte| frequency(*byte)).product::<f64>();
    strings.iter().map(chance).sum()
}

pub(super) fn is_nothing(strings: &[Vec<u8>]) -> bool {
    matches!(strings, [string] if string.is_empty())
}

pub(super) fn in_order(mut strings: Strings) -> Strings {
    strings.sort_unstable();
    strings.dedup();
    strings
}

/// Every string of the one set followed by every string of the other; `left` again if they become too many or too long.
pub(super) fn concatenated(mut left: Strings, right: &Strings) -> Result<Strings, Strings> {
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

pub(super) fn from_exact(mut strings: Strings) -> Formula {
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
