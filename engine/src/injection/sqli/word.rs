//! The words and operators that mean something in SQL.

use super::token::Kind;
use crate::injection::table;

/// Each word in upper case behind the letter of its kind and a blank, ordered by word.
static WORDS: [&[u8]; 985] = table::lines(include_str!("../data/words.txt"));
/// Bytes of the longest word.
const LONGEST: usize = 29;

/// What a word or an operator of two bytes is, regardless of case; `None` for one that means nothing.
pub(super) fn find(word: &[u8]) -> Option<Kind> {
    if word.len() < 2 || word.len() > LONGEST {
        return None;
    }
    let upper = word.iter().map(u8::to_ascii_uppercase);
    let text = |entry: &'static [u8]| entry.get(2..).unwrap_or_default();
    let place = WORDS.binary_search_by(|entry| text(entry).iter().copied().cmp(upper.clone()));
    let entry = WORDS.get(place.ok()?)?;
    kind(*entry.first()?)
}

fn kind(letter: u8) -> Option<Kind> {
    Some(match letter {
        b'k' => Kind::Keyword,
        b'U' => Kind::Union,
        b'B' => Kind::Group,
        b'E' => Kind::Expression,
        b't' => Kind::SqlType,
        b'f' => Kind::Function,
        b'n' => Kind::Bareword,
        b'1' => Kind::Number,
        b'v' => Kind::Variable,
        b'o' => Kind::Operator,
        b'&' => Kind::Logic,
        b'A' => Kind::Collate,
        b'T' => Kind::Tsql,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_every_word_is_found() {
        assert!(WORDS.is_sorted_by(|left, right| left[2..] < right[2..]));
        for entry in WORDS {
            let word = &entry[2..];
            assert!((2..=LONGEST).contains(&word.len()));
            assert_eq!(
                find(&word.to_ascii_lowercase()),
                kind(entry[0]),
                "{}",
                entry.escape_ascii()
            );
            assert!(kind(entry[0]).is_some());
        }
    }

    #[test]
    fn other_words_mean_nothing() {
        for word in [&b""[..], b"s", b"selec", b"selects", b"\xff\xff", b"or\0"] {
            assert_eq!(find(word), None);
        }
    }
}
