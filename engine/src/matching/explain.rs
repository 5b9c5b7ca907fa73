//! What the gates make of a value, told step by step rather than acted on. Nothing here is on the way of a transaction.

use std::ops::Range;

use super::{Bits, Classes, Gates, Test, bits::Marks, gate::Gate, operator::Nothing};
use crate::rule::{Collection, Phase};

impl Gates {
    /// The gates that look at a value in a phase.
    pub(crate) fn looking_at(
        &self,
        phase: Phase,
        collection: Collection,
        name: &[u8],
    ) -> impl Iterator<Item = &Gate> {
        let indexes = self
            .lane(phase, collection)
            .into_iter()
            .flat_map(|lane| lane.gates.iter());
        indexes
            .filter_map(|index| self.all.get(index))
            .filter(move |gate| gate.selects(collection, name))
    }

    /// Every literal that occurs in a copy of a value.
    pub(crate) fn literals_in(&self, copy: &[u8]) -> Bits {
        let mut seen = Marks::new(self.literals.len());
        self.literals.scan(copy, &mut seen);
        seen.into_bits()
    }
}

impl Gate {
    /// Whether the literals in a copy of a value open the gate.
    pub(crate) fn is_opened_by(&self, seen: &Bits) -> bool {
        let opens = |literals: &[u32]| literals.iter().any(|literal| seen.contains(*literal as usize));
        let mut ways = self.need.ways().iter();
        ways.any(|way| way.trigger().is_none_or(opens))
    }

    /// Whether all holds that must hold before the operator is worth asking.
    pub(crate) fn is_worth_asking(&self, copy: &[u8], seen: &Bits) -> bool {
        let classes = Classes::of(copy);
        let mut ways = self.need.ways().iter();
        self.need.may_hold(copy.len(), classes)
            && self.need.holds(classes, seen)
            && ways.any(|way| way.holds(classes, seen))
    }
}

impl Test {
    /// Asks what needs nothing but the value.
    pub(crate) fn find_alone(&self, copy: &[u8]) -> Option<Range<usize>> {
        self.find(copy, &Nothing)
    }
}
