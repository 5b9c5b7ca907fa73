//! The fingerprints of known attacks.

use super::token::Kind;

/// How many there are.
const COUNT: usize = 8_367;
/// Bits of one kind in a packed fingerprint.
const BITS: u32 = 5;
/// The letters of the kinds in the table. A kind of Transact-SQL shares its letter with types.
const LETTERS: &[u8] = b"KUBETFN1VSO&CA(){}.,:;?X\\";

static KNOWN: [u32; COUNT] = pack_all(include_bytes!("../data/fingerprints.txt"));

/// Whether an attack has this fingerprint.
pub(super) fn is_known(kinds: impl Iterator<Item = Kind>) -> bool {
    let packed = kinds.fold(0, |packed, kind| packed << BITS | number(kind));
    KNOWN.binary_search(&packed).is_ok()
}

fn number(kind: Kind) -> u32 {
    NUMBERS
        .get(usize::from(letter(kind)))
        .copied()
        .unwrap_or(0)
        .into()
}

pub(super) const fn letter(kind: Kind) -> u8 {
    match kind {
        Kind::None => 0,
        Kind::Keyword => b'K',
        Kind::Union => b'U',
        Kind::Group => b'B',
        Kind::Expression => b'E',
        Kind::SqlType | Kind::Tsql => b'T',
        Kind::Function => b'F',
        Kind::Bareword => b'N',
        Kind::Number => b'1',
        Kind::Variable => b'V',
        Kind::String => b'S',
        Kind::Operator => b'O',
        Kind::Logic => b'&',
        Kind::Comment => b'C',
        Kind::Collate => b'A',
        Kind::LeftParenthesis => b'(',
        Kind::RightParenthesis => b')',
        Kind::LeftBrace => b'{',
        Kind::RightBrace => b'}',
        Kind::Dot => b'.',
        Kind::Comma => b',',
        Kind::Colon => b':',
        Kind::Semicolon => b';',
        Kind::Unknown => b'?',
        Kind::Evil => b'X',
        Kind::Backslash => b'\\',
    }
}

/// By letter: its position in [`LETTERS`], from 1; 0 for what is none.
#[expect(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const NUMBERS: [u8; 128] = {
    let mut numbers = [0; 128];
    let mut position = 0;
    while position < LETTERS.len() {
        numbers[LETTERS[position] as usize] = position as u8 + 1;
        position += 1;
    }
    numbers
};

#[expect(
    clippy::indexing_slicing,
    clippy::large_stack_arrays,
    reason = "the compiler evaluates it, and a wrong index is an error of the build"
)]
const fn pack_all(text: &[u8]) -> [u32; COUNT] {
    let mut all = [0; COUNT];
    let (mut index, mut rest) = (0, text);
    while let Some((letter, tail)) = rest.split_first() {
        if matches!(*letter, b' ' | b'\n') {
            index += 1;
        } else {
            let number = NUMBERS[*letter as usize];
            assert!(number > 0, "an unknown letter stands in the table");
            all[index] = all[index] << BITS | number as u32;
        }
        rest = tail;
    }
    assert!(index == COUNT, "the table has another number of fingerprints");
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(KNOWN.is_sorted_by(|left, right| left < right));
        assert!(LETTERS.len() < 1 << BITS);
    }

    #[test]
    fn attacks_are_known_and_others_are_not() {
        assert!(is_known([Kind::Evil].into_iter()));
        assert!(is_known(
            [Kind::Number, Kind::Union, Kind::Expression].into_iter()
        ));
        assert!(!is_known([Kind::Bareword].into_iter()));
        assert!(!is_known([].into_iter()));
        assert!(!is_known([Kind::LeftBrace, Kind::Dot].into_iter()));
    }
}
