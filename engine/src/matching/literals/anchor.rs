//! The bytes by which a literal is noticed.

use super::{super::need::frequency, kind};

/// The kinds of an anchor: the place of the first two in a table, and the third one, or that of no byte.
pub(super) type Anchor = (usize, u8);

/// A literal's anchor and its place in the literal: the bytes that honest text has least. None for a literal of less
/// than two bytes.
pub(super) fn choose(literal: &[u8]) -> Option<(Anchor, usize)> {
    let width = literal.len().clamp(2, 3);
    let rated = literal.windows(width).enumerate();
    let rated = rated.map(|(place, bytes)| (likelihood(bytes), bytes, place));
    let (_, bytes, place) = rated.min_by(|left, right| left.0.total_cmp(&right.0))?;
    let [first, second] = bytes.first_chunk()?.map(kind::of);
    let third = bytes.get(2).map_or(kind::NONE, |byte| kind::of(*byte));
    Some(((super::pair(first, second), third), place))
}

/// How often these bytes stand side by side in honest text, roughly; only the order matters.
fn likelihood(bytes: &[u8]) -> f64 {
    let pairs = bytes.windows(2).map(factor).product::<f64>();
    pairs * bytes.iter().map(|byte| frequency(*byte)).product::<f64>()
}

/// How much more often two bytes stand side by side than by chance, roughly.
fn factor(pair: &[u8]) -> f64 {
    let is_word = pair.iter().all(u8::is_ascii_alphabetic);
    let is_common = is_word && COMMON.iter().any(|common| common.eq_ignore_ascii_case(pair));
    match (is_word, is_common) {
        (true, true) => 4.0,
        (true, false) => 0.5,
        // Numbers have several digits.
        _ if pair.iter().all(u8::is_ascii_digit) => 20.0,
        _ => 1.0,
    }
}

/// The pairs of letters that make up half of an English text.
const COMMON: &[[u8; 2]] = b"thheineranrendatonnthaesstenedtoitoueahiisortiasteetngofaldeselesasi\
    arveraldurionemellilromommacoriiclaomecechoch"
    .as_chunks()
    .0;
