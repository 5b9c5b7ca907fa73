//! The words and operators that mean something in SQL.

use super::token::Kind;
use crate::injection::table;

/// Each word in upper case behind the letter of its kind and a blank, ordered by word.
static WORDS: [&[u8]; 985] = table::lines(include_str!("../data/words.txt"));
/// Bytes of the longest word.
const LONGEST: usize = 29;

/// Places of the index, of which half stay free.
const PLACES: usize = 2_048;
/// Bits of an entry of the index that hold the number of a word, from 1; the others hold a part of its hash.
const NUMBER_BITS: u32 = 10;

/// By hash: the word. Words that share a place stand behind each other.
#[expect(
    clippy::indexing_slicing,
    reason = "the compiler evaluates it, and a wrong index is an error of the build"
)]
static INDEX: [u16; PLACES] = {
    let mut index = [0; PLACES];
    let mut number = 0;
    while number < WORDS.len() {
        let (_, word) = WORDS[number].split_at(2);
        let hash = hash(word);
        let mut place = hash as usize % PLACES;
        while index[place] != 0 {
            place = (place + 1) % PLACES;
        }
        number += 1;
        index[place] = tag(hash) | number as u16;
    }
    index
};

/// Hashes a word regardless of ASCII case (FNV-1a).
const fn hash(word: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    let mut rest = word;
    while let Some((byte, tail)) = rest.split_first() {
        hash = (hash ^ byte.to_ascii_uppercase() as u32).wrapping_mul(0x0100_0193);
        rest = tail;
    }
    hash
}

const fn tag(hash: u32) -> u16 {
    (hash >> 16) as u16 >> NUMBER_BITS << NUMBER_BITS
}

/// What a word or an operator of two bytes is, regardless of case; `None` for one that means nothing.
pub(super) fn find(word: &[u8]) -> Option<Kind> {
    entry(word).map(|(kind, _)| kind)
}

/// The same, and the word in upper case.
pub(super) fn entry(word: &[u8]) -> Option<(Kind, &'static [u8])> {
    if word.len() < 2 || word.len() > LONGEST {
        return None;
    }
    let hash = hash(word);
    let mut place = hash as usize % PLACES;
    loop {
        let entry = INDEX.get(place).copied().filter(|entry| *entry != 0)?;
        let number = entry & ((1 << NUMBER_BITS) - 1);
        if entry ^ number == tag(hash)
            && let Some([letter, _, known @ ..]) = WORDS.get(usize::from(number) - 1)
            && known.eq_ignore_ascii_case(word)
        {
            return Some((kind(*letter)?, known));
        }
        place = (place + 1) % PLACES;
    }
}

/// Whether what begins with a byte may make one with the word before it: only words of letters do.
pub(super) fn may_follow(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphabetic())
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
            let mut parts = word.split(|byte| *byte == b' ').skip(1);
            assert!(parts.all(|part| may_follow(part.first().copied())));
        }
    }

    #[test]
    fn other_words_mean_nothing() {
        for word in [&b""[..], b"s", b"selec", b"selects", b"\xff\xff", b"or\0"] {
            assert_eq!(find(word), None);
        }
    }
}
