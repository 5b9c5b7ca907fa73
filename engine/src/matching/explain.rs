//! What the gates make of a value, told step by step rather than acted on. Nothing here is on the way of a transaction.

use std::ops::Range;

use super::{
    Bits, Classes, Gates, Test,
    bits::Marks,
    gate::{Gate, Opened},
    operator::Nothing,
};
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

    /// Whether the literals in a copy of a value open a gate.
    pub(crate) fn is_opened(&self, gate: &Gate, seen: &Bits) -> bool {
        let leads_in = |opened: &Opened| gate.ways.contains(&opened.number);
        seen.iter()
            .any(|literal| self.opened(literal as u32).any(leads_in))
            || self.untriggered().any(leads_in)
    }

    /// Whether all holds that must hold before the operator of a gate is worth asking.
    pub(crate) fn is_worth_asking(&self, gate: &Gate, copy: &[u8], seen: &Bits) -> bool {
        let classes = Classes::of(copy);
        let is_open = |way| self.is_open(way, copy.len(), classes.or(Classes::ANY), seen);
        gate.may_begin(copy)
            && self.conditions.hold(gate.common, classes, seen)
            && gate.ways.clone().any(is_open)
    }
}

impl Test {
    /// Asks what needs nothing but the value.
    pub(crate) fn find_alone(&self, copy: &[u8]) -> Option<Range<usize>> {
        self.find(copy, &Nothing)
    }
}
