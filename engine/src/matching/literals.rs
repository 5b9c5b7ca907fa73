//! The literals of all rules, found in one pass over a value.
//!
//! Each literal has an anchor: those three bytes of it that honest text is least likely to have side by side, or all
//! of a literal of two. The pass asks a small table at each place whether an anchor may stand there, and compares
//! literals only where one may. Unlike an automaton's, the table fits the nearest cache, and no look-up waits for the
//! one before it: in a proxy that did something else a moment ago, the misses of an automaton cost more than all its
//! steps.

mod anchor;
mod kind;

use std::{collections::BTreeMap, ops::Range};

use super::Bits;
use anchor::Anchor;

/// Collects literals, numbers them, and arranges them in bounded pieces.
#[derive(Debug, Default)]
pub(crate) struct LiteralsBuilder {
    numbers: BTreeMap<Vec<u8>, u32>,
    ordered: Vec<Vec<u8>>,
    /// By an anchor's kinds: the literals that have it, each with the anchor's place in it.
    groups: BTreeMap<Anchor, Vec<(u32, u32)>>,
    grouped: usize,
}

/// Finds literals regardless of ASCII case.
#[derive(Debug)]
pub(crate) struct Literals {
    /// By the first two kinds of anchors.
    pairs: Vec<Pair>,
    /// Where in `entries` the literals of each anchor begin, in order of anchors; and where the last ones end.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// All literals in lower case, one behind the other.
    text: Vec<u8>,
}

/// The anchors that begin with two kinds.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    /// A bit for each kind that may follow; that of no byte stands for literals of two bytes.
    followers: u64,
    /// Position in `starts` of the first one.
    first: u32,
}

#[derive(Debug)]
struct Entry {
    literal: u32,
    /// Bytes of the literal before its anchor.
    before: u32,
    text: Range<u32>,
    /// What the literal has around its anchor, as [`word`] tells it, and which part of a word that is.
    word: u64,
    mask: u64,
}

impl LiteralsBuilder {
    /// Literals whose anchors are chosen in one step of building.
    const STEP: usize = 1_024;

    /// Gives a literal in lower case, of at least two bytes, its number.
    pub(crate) fn intern(&mut self, literal: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(literal) {
            return *number;
        }
        let number = self.ordered.len() as u32;
        self.numbers.insert(literal.to_vec(), number);
        self.ordered.push(literal.to_vec());
        number
    }

    /// Arranges some more literals; says whether there are more.
    pub(crate) fn step(&mut self) -> bool {
        let rest = self.ordered.iter().enumerate().skip(self.grouped);
        for (number, literal) in rest.take(Self::STEP) {
            if let Some((anchor, before)) = anchor::choose(literal) {
                let group = self.groups.entry(anchor).or_default();
                group.push((number as u32, before as u32));
            }
        }
        self.grouped = (self.grouped + Self::STEP).min(self.ordered.len());
        self.grouped < self.ordered.len()
    }

    /// The literals; to be called after the last step.
    pub(crate) fn finish(self) -> Literals {
        let mut literals = Literals {
            pairs: vec![Pair::default(); Literals::PAIRS],
            starts: Vec::with_capacity(self.groups.len() + 1),
            entries: Vec::with_capacity(self.ordered.len()),
            text: Vec::new(),
        };
        for ((pair, third), members) in self.groups {
            if let Some(pair) = literals.pairs.get_mut(pair) {
                if pair.followers == 0 {
                    pair.first = literals.starts.len() as u32;
                }
                pair.followers |= 1 << third;
            }
            literals.starts.push(literals.entries.len() as u32);
            for (number, before) in members {
                let text = self.ordered.get(number as usize).map_or(&[][..], Vec::as_slice);
                literals.add(number, before, text);
            }
        }
        literals.starts.push(literals.entries.len() as u32);
        literals
    }
}

impl Literals {
    /// Pairs of kinds.
    const PAIRS: usize = kind::COUNT * kind::COUNT;

    /// How many literals there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds the literals that stand in a value to those `seen`, and those that were not among them to `new`.
    pub(crate) fn scan(&self, value: &[u8], seen: &mut Bits, new: &mut Vec<u32>) {
        let mut place = pair(kind::NONE, kind::NONE);
        for (at, byte) in value.iter().enumerate() {
            let kind = kind::of(*byte);
            let pair = self.pairs.get(place).copied().unwrap_or_default();
            // No anchor begins with the kind of no byte.
            if pair.followers & (1 << kind | 1 << kind::NONE) != 0 {
                self.look_around(value, at - 2, pair, kind, seen, new);
            }
            place = next(place, kind);
        }
        let pair = self.pairs.get(place).copied().unwrap_or_default();
        if pair.followers & 1 << kind::NONE != 0 {
            self.look_around(value, value.len() - 2, pair, kind::NONE, seen, new);
        }
    }

    /// Bytes that the tables take.
    pub(crate) fn size(&self) -> usize {
        size_of_val(self.pairs.as_slice())
            + size_of_val(self.starts.as_slice())
            + self.entries.len() * size_of::<Entry>()
            + self.text.len()
    }

    /// Compares the literals of two bytes and those whose anchor is of these kinds with what stands at a place.
    fn look_around(
        &self,
        value: &[u8],
        at: usize,
        pair: Pair,
        third: u8,
        seen: &mut Bits,
        new: &mut Vec<u32>,
    ) {
        let pairs = self.of_anchor(pair, kind::NONE);
        let longer = if third == kind::NONE {
            &[]
        } else {
            self.of_anchor(pair, third)
        };
        let word = word(value, at);
        for entry in pairs.iter().chain(longer) {
            if word & entry.mask != entry.word || seen.contains(entry.literal as usize) {
                continue;
            }
            let text = self.text.get(entry.text.start as usize..entry.text.end as usize);
            let text = text.unwrap_or_default();
            let place = at
                .checked_sub(entry.before as usize)
                .and_then(|start| value.get(start..start + text.len()));
            if place.is_some_and(|place| place.eq_ignore_ascii_case(text)) {
                seen.insert(entry.literal as usize);
                new.push(entry.literal);
            }
        }
    }

    /// The literals of one anchor.
    fn of_anchor(&self, pair: Pair, third: u8) -> &[Entry] {
        let bit = 1 << third;
        if pair.followers & bit == 0 {
            return &[];
        }
        let position = pair.first + (pair.followers & (bit - 1)).count_ones();
        let mut range = self.starts.iter().skip(position as usize);
        match (range.next(), range.next()) {
            (Some(start), Some(end)) => self
                .entries
                .get(*start as usize..*end as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }

    /// Adds a literal to those of the last anchor.
    fn add(&mut self, literal: u32, before: u32, text: &[u8]) {
        let at = before as usize;
        let end = text.len().min(at + WORD_BEHIND);
        let held = (end - at + usize::from(before > 0)) as u32;
        let skipped = 8 * u32::from(before == 0);
        let mask = u64::MAX >> (u64::BITS - 8 * held) << skipped;
        let first = self.text.len() as u32;
        self.text.extend_from_slice(text);
        self.entries.push(Entry {
            literal,
            before,
            text: first..self.text.len() as u32,
            word: word(text, at) & mask,
            mask,
        });
    }
}

/// A place in the table for two kinds.
const fn pair(first: u8, second: u8) -> usize {
    first as usize * kind::COUNT + second as usize
}

/// The pair of the second one of a pair and what follows.
const fn next(pair: usize, kind: u8) -> usize {
    pair * kind::COUNT % Literals::PAIRS + kind as usize
}

/// Bytes of a word from an anchor on.
const WORD_BEHIND: usize = 7;

/// The byte before a place, or zero, and those from there on, so that both cases of a letter are the same, as are some
/// other bytes.
#[inline]
fn word(text: &[u8], at: usize) -> u64 {
    let around = at
        .checked_sub(1)
        .and_then(|start| text.get(start..)?.first_chunk());
    let bytes = around.copied().unwrap_or_else(|| {
        let mut bytes = [0; 8];
        let before = at
            .checked_sub(1)
            .and_then(|before| text.get(before))
            .unwrap_or(&0);
        let behind = text.get(at..).unwrap_or_default();
        bytes
            .iter_mut()
            .zip([before].into_iter().chain(behind))
            .for_each(|(to, from)| *to = *from);
        bytes
    });
    u64::from_le_bytes(bytes) | u64::from_le_bytes([0x20; 8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn literals(all: &[&[u8]]) -> Literals {
        let mut builder = LiteralsBuilder::default();
        for literal in all {
            builder.intern(literal);
        }
        while builder.step() {}
        builder.finish()
    }

    fn found(literals: &Literals, value: &[u8]) -> Vec<u32> {
        let (mut seen, mut new) = (Bits::new(literals.len()), Vec::new());
        literals.scan(value, &mut seen, &mut new);
        new.sort_unstable();
        assert_eq!(new, seen.iter().map(|literal| literal as u32).collect::<Vec<_>>());
        new
    }

    #[test]
    fn overlapping_literals_are_all_found_in_any_case() {
        let mut builder = LiteralsBuilder::default();
        let all = [&b"union"[..], b"on s", b"select", b"ion", b"on"].map(|literal| builder.intern(literal));
        assert_eq!(builder.intern(b"union"), all[0]);
        assert!(!builder.step());
        assert_eq!(found(&builder.finish(), b"UNION Select"), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn many_literals_are_arranged_in_several_steps() {
        let mut builder = LiteralsBuilder::default();
        for number in 0..20_000 {
            builder.intern(format!("literal{number}x").as_bytes());
        }
        let mut steps = 1;
        while builder.step() {
            steps += 1;
        }
        assert!(steps > 10);
        let seen = found(&builder.finish(), b"a LITERAL19999x b literal0x");
        assert_eq!(seen, [0, 19_999]);
    }

    #[test]
    fn no_literals_are_never_found() {
        assert_eq!(found(&literals(&[]), b"anything"), [0u32; 0]);
    }

    proptest! {
        #[test]
        fn what_occurs_is_found_and_nothing_else(
            all in prop::collection::btree_set(prop::collection::vec(prop::sample::select(b"ab'(=\xff\x00".to_vec()), 2..7), 1..40),
            value in prop::collection::vec(prop::sample::select(b"abAB'(=\xff\x00".to_vec()), 0..40),
        ) {
            let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
            let lower = value.to_ascii_lowercase();
            let expected: Vec<u32> = (0..)
                .zip(&all)
                .filter(|(_, literal)| lower.windows(literal.len()).any(|window| window == **literal))
                .map(|(number, _)| number)
                .collect();
            prop_assert_eq!(found(&literals(&all), &value), expected);
        }
    }
}
