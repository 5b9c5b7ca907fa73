//! The literals of all rules, found in one pass over a value.
//!
//! Each literal has an anchor: those three bytes of it that honest text is least likely to have side by side, or all
//! of a literal of two. The pass asks a small table at each place whether an anchor may stand there, and compares
//! literals only where one may. Unlike an automaton's, the table fits the nearest cache, and no look-up waits for the
//! one before it: in a proxy that did something else a moment ago, the misses of an automaton cost more than all its
//! steps.

mod anchor;
mod kind;
mod word;

use std::{collections::BTreeMap, ops::Range};

use super::bits::Marks;
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
    /// By the first two kinds of anchors: a bit for each kind that may follow; that of no byte stands for literals of
    /// two bytes.
    followers: Box<[u64; PAIRS]>,
    /// By the first two kinds of anchors: position in `groups` of the first anchor that begins with them.
    firsts: Vec<u32>,
    /// The literals of each anchor, in order of anchors; and one that stands behind the last.
    groups: Vec<Group>,
    entries: Vec<Entry>,
    /// By literal.
    full: Vec<Full>,
    /// All literals in lower case, one behind the other.
    text: Vec<u8>,
}

/// Pairs of kinds.
const PAIRS: usize = kind::COUNT * kind::COUNT;

/// The literals of one anchor.
#[derive(Debug)]
struct Group {
    /// Where in `entries` they begin.
    first: u32,
    /// The literal, if it is the only one and nothing but the anchor.
    alone: Option<u32>,
    /// What may stand before the anchor and behind it: most of what honest text has there shows that no literal does.
    before: kind::Few,
    behind: kind::Few,
}

#[derive(Debug)]
struct Entry {
    /// What the literal has around its anchor, as [`word::around`] tells it, and which part of a word that is.
    word: u64,
    mask: u64,
    literal: u32,
    /// Whether the word tells the whole literal.
    is_whole: bool,
}

/// A literal in full.
#[derive(Debug, Clone, Default)]
struct Full {
    text: Range<u32>,
    /// Bytes of the literal before its anchor.
    before: u32,
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
    #[expect(clippy::large_stack_arrays, reason = "the array is made in its box")]
    pub(crate) fn finish(self) -> Literals {
        let mut literals = Literals {
            followers: Box::new([0; PAIRS]),
            firsts: vec![0; PAIRS],
            groups: Vec::with_capacity(self.groups.len() + 1),
            entries: Vec::with_capacity(self.ordered.len()),
            full: vec![Full::default(); self.ordered.len()],
            text: Vec::new(),
        };
        for ((pair, third), members) in self.groups {
            let places = literals
                .followers
                .get_mut(pair)
                .zip(literals.firsts.get_mut(pair));
            if let Some((followers, first)) = places {
                if *followers == 0 {
                    *first = literals.groups.len() as u32;
                }
                *followers |= 1 << third;
            }
            let members: Vec<Member<'_>> = members
                .iter()
                .map(|(number, before)| Member {
                    number: *number,
                    before: *before as usize,
                    text: self.ordered.get(*number as usize).map_or(&[], Vec::as_slice),
                })
                .collect();
            let width = if third == kind::NONE { 2 } else { 3 };
            let first = literals.entries.len() as u32;
            literals.groups.push(Group::new(first, width, &members));
            for member in &members {
                literals.add(member);
            }
        }
        let end = literals.entries.len() as u32;
        literals.groups.push(Group::new(end, 0, &[]));
        literals
    }
}

/// A literal of a group, while the group is made.
struct Member<'a> {
    number: u32,
    /// Bytes of it before the anchor.
    before: usize,
    text: &'a [u8],
}

impl Group {
    /// Of literals with an anchor of `width` bytes.
    fn new(first: u32, width: usize, members: &[Member<'_>]) -> Self {
        let is_anchor = |text: &[u8]| text.len() == width && text.iter().all(u8::is_ascii_lowercase);
        let before = |member: &Member<'_>| member.text.get(member.before.checked_sub(1)?).copied();
        let behind = |member: &Member<'_>| member.text.get(member.before + width).copied();
        Self {
            first,
            alone: match members {
                [only] if is_anchor(only.text) => Some(only.number),
                _ => None,
            },
            before: members.iter().map(before).collect(),
            behind: members.iter().map(behind).collect(),
        }
    }
}

impl Literals {
    /// Places that are looked at together.
    const BLOCK: usize = 64;

    /// How many literals there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds the literals that stand in a value to those `seen`.
    pub(crate) fn scan(&self, value: &[u8], seen: &mut Marks) {
        let mut pair = pair(kind::NONE, kind::NONE);
        let mut end = 0;
        for block in value.chunks(Self::BLOCK) {
            let mut hits;
            (hits, pair) = self.anchors(block, pair);
            while hits != 0 {
                let at = end + hits.trailing_zeros() as usize;
                self.look_around(value, at - 2, seen);
                hits &= hits - 1;
            }
            end += block.len();
        }
        if self
            .followers
            .get(pair)
            .is_some_and(|followers| followers & 1 == 1)
        {
            self.look_around(value, value.len() - 2, seen);
        }
    }

    /// The places of a block behind which anchors may end, as bits; and the pair that the block ends with.
    #[inline(never)]
    #[expect(clippy::indexing_slicing, reason = "the index is a remainder of the length")]
    fn anchors(&self, block: &[u8], mut pair: usize) -> (u64, usize) {
        let mut hits = 0;
        for (number, byte) in block.iter().enumerate() {
            let kind = kind::of(*byte);
            let followers = self.followers[pair % PAIRS];
            // No anchor begins with the kind of no byte, whose bit is the lowest.
            hits |= ((followers >> kind | followers) & 1) << number;
            pair = next(pair, kind);
        }
        (hits, pair)
    }

    /// Bytes that the tables take.
    pub(crate) fn size(&self) -> usize {
        size_of_val(self.followers.as_slice())
            + size_of_val(self.firsts.as_slice())
            + size_of_val(self.groups.as_slice())
            + self.entries.len() * (size_of::<Entry>() + size_of::<Full>())
            + self.text.len()
    }

    /// Compares the literals whose anchor may stand at a place with what stands there.
    #[inline]
    fn look_around(&self, value: &[u8], at: usize, seen: &mut Marks) {
        let kind = |place| value.get(place).map_or(kind::NONE, |byte| kind::of(*byte));
        let (pair, third) = (pair(kind(at), kind(at + 1)), kind(at + 2));
        let (Some(&followers), Some(&first)) = (self.followers.get(pair), self.firsts.get(pair)) else {
            return;
        };
        if followers & 1 == 1 {
            self.compare(first, 2, value, at, seen);
        }
        if third != kind::NONE && followers >> third & 1 == 1 {
            let before = followers & ((1 << third) - 1);
            self.compare(first + before.count_ones(), 3, value, at, seen);
        }
    }

    /// Compares the literals of one anchor, of `width` bytes.
    #[inline]
    fn compare(&self, group: u32, width: usize, value: &[u8], at: usize, seen: &mut Marks) {
        let groups = self.groups.get(group as usize..).and_then(<[Group]>::first_chunk);
        let Some([group, next]) = groups else { return };
        if let Some(literal) = group.alone {
            seen.insert(literal);
            return;
        }
        let before = at.checked_sub(1).and_then(|place| value.get(place).copied());
        if !group.behind.may_hold(value.get(at + width).copied()) || !group.before.may_hold(before) {
            return;
        }
        let word = word::around(value, at);
        let entries = self.entries.get(group.first as usize..next.first as usize);
        for entry in entries.unwrap_or_default() {
            if word & entry.mask == entry.word
                && !seen.contains(entry.literal)
                && (entry.is_whole || self.stands(entry.literal, value, at))
            {
                seen.insert(entry.literal);
            }
        }
    }

    /// Whether a literal stands where its anchor does.
    #[inline(never)]
    fn stands(&self, literal: u32, value: &[u8], at: usize) -> bool {
        let Some(full) = self.full.get(literal as usize) else {
            return false;
        };
        let text = self.text.get(full.text.start as usize..full.text.end as usize);
        let text = text.unwrap_or_default();
        let place = at
            .checked_sub(full.before as usize)
            .and_then(|start| value.get(start..start + text.len()));
        place.is_some_and(|place| place.eq_ignore_ascii_case(text))
    }

    /// Adds a literal to those of the last anchor.
    fn add(&mut self, member: &Member<'_>) {
        let (at, text) = (member.before, member.text);
        let end = text.len().min(at + word::BEHIND);
        let held = (end - at + usize::from(at > 0)) as u32;
        let skipped = u8::BITS * u32::from(at == 0);
        let mask = u64::MAX >> (u64::BITS - u8::BITS * held) << skipped;
        let first = self.text.len() as u32;
        self.text.extend_from_slice(text);
        if let Some(full) = self.full.get_mut(member.number as usize) {
            full.text = first..self.text.len() as u32;
            full.before = at as u32;
        }
        self.entries.push(Entry {
            word: word::around(text, at) & mask,
            mask,
            literal: member.number,
            // What is no byte looks like a byte of zero.
            is_whole: held as usize == text.len() && !text.contains(&0),
        });
    }
}

/// A place in the table for two kinds.
const fn pair(first: u8, second: u8) -> usize {
    first as usize * kind::COUNT + second as usize
}

/// The pair of the second one of a pair and what follows.
const fn next(pair: usize, kind: u8) -> usize {
    pair * kind::COUNT % PAIRS + kind as usize
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
        let mut seen = Marks::new(literals.len());
        literals.scan(value, &mut seen);
        let mut found = seen.members().to_vec();
        found.sort_unstable();
        found
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
        const COUNT: u32 = if cfg!(miri) { 3_000 } else { 20_000 };
        let mut builder = LiteralsBuilder::default();
        for number in 0..COUNT {
            builder.intern(format!("literal{number}x").as_bytes());
        }
        let mut steps = 1;
        while builder.step() {
            steps += 1;
        }
        assert!(steps > COUNT / 2_000);
        let seen = found(
            &builder.finish(),
            format!("a LITERAL{}x b literal0x", COUNT - 1).as_bytes(),
        );
        assert_eq!(seen, [0, COUNT - 1]);
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
