//! The literals of all rules, found in one pass over a value.
//!
//! Each literal has an anchor: those two to four bytes of it that honest text is least likely to have. The pass asks
//! two small tables at each place whether an anchor may stand there, and compares literals only where one does.
//! Unlike an automaton's, the tables fit the nearest cache, and no look-up waits for the one before it: in a proxy
//! that did something else a moment ago, the misses of an automaton cost more than all its steps.

mod anchor;
mod filter;

use std::{collections::BTreeMap, ops::Range};

use anchor::Anchor;
use filter::Filter;

/// Collects literals, numbers them, and arranges them in bounded pieces.
#[derive(Debug, Default)]
pub(crate) struct LiteralsBuilder {
    numbers: BTreeMap<Vec<u8>, u32>,
    ordered: Vec<Vec<u8>>,
    /// By anchor: the literals that have it, each with the anchor's place in it.
    groups: BTreeMap<Anchor, Vec<(u32, u32)>>,
    grouped: usize,
}

/// Finds literals regardless of ASCII case.
#[derive(Debug, Default)]
pub(crate) struct Literals {
    filter: Filter,
    /// Positions in `groups`, and one more, by the hash of their anchor; 0 is empty.
    slots: Vec<u32>,
    groups: Vec<Group>,
    entries: Vec<Entry>,
    /// All literals in lower case, one behind the other.
    text: Vec<u8>,
    count: usize,
}

/// The literals of one anchor.
#[derive(Debug)]
struct Group {
    anchor: Anchor,
    entries: Range<usize>,
}

#[derive(Debug)]
struct Entry {
    literal: u32,
    /// Bytes of the literal before its anchor.
    before: usize,
    text: Range<usize>,
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
            let load = |anchor: &Anchor| self.groups.get(anchor).map_or(0, Vec::len);
            if let Some((anchor, before)) = Anchor::of(literal, load) {
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
            filter: Filter::new(self.groups.keys()),
            slots: vec![0; (self.groups.len() * 2).next_power_of_two()],
            groups: Vec::with_capacity(self.groups.len()),
            entries: Vec::with_capacity(self.ordered.len()),
            text: Vec::new(),
            count: self.ordered.len(),
        };
        for (anchor, members) in self.groups {
            let first = literals.entries.len();
            for (number, before) in members {
                let text = self.ordered.get(number as usize).map_or(&[][..], Vec::as_slice);
                let start = literals.text.len();
                literals.text.extend_from_slice(text);
                literals.entries.push(Entry {
                    literal: number,
                    before: before as usize,
                    text: start..literals.text.len(),
                });
            }
            literals.groups.push(Group {
                anchor,
                entries: first..literals.entries.len(),
            });
            literals.place(anchor);
        }
        literals
    }
}

impl Literals {
    /// How many literals there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Calls `found` for each place where a literal stands in a value.
    pub(crate) fn scan(&self, value: &[u8], mut found: impl FnMut(u32)) {
        self.filter.scan(value, |start, anchor| {
            for entry in self.entries(anchor) {
                let text = self.text.get(entry.text.clone()).unwrap_or_default();
                let place = start
                    .checked_sub(entry.before)
                    .and_then(|start| value.get(start..start + text.len()));
                if place.is_some_and(|place| place.eq_ignore_ascii_case(text)) {
                    found(entry.literal);
                }
            }
        });
    }

    /// Bytes that the tables take.
    pub(crate) fn size(&self) -> usize {
        self.filter.size()
            + self.slots.len() * size_of::<u32>()
            + self.groups.len() * size_of::<Group>()
            + self.entries.len() * size_of::<Entry>()
            + self.text.len()
    }

    /// The literals that have an anchor.
    fn entries(&self, anchor: Anchor) -> &[Entry] {
        let mut at = anchor.hash() as usize;
        // Half of the slots are empty, so that a search ends.
        while let Some(group) = self.slot(at).checked_sub(1) {
            match self.groups.get(group as usize) {
                Some(group) if group.anchor == anchor => {
                    return self.entries.get(group.entries.clone()).unwrap_or_default();
                }
                _ => at += 1,
            }
        }
        &[]
    }

    fn slot(&self, at: usize) -> u32 {
        let mask = self.slots.len().wrapping_sub(1);
        self.slots.get(at & mask).copied().unwrap_or(0)
    }

    /// Puts the group added last into its slot.
    fn place(&mut self, anchor: Anchor) {
        let mut at = anchor.hash() as usize;
        while self.slot(at) != 0 {
            at += 1;
        }
        let (mask, group) = (self.slots.len().wrapping_sub(1), self.groups.len() as u32);
        if let Some(slot) = self.slots.get_mut(at & mask) {
            *slot = group;
        }
    }
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
        let mut seen = Vec::new();
        literals.scan(value, |literal| seen.push(literal));
        seen.sort_unstable();
        seen.dedup();
        seen
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
