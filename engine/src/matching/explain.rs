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

    /// What a copy of a value comes to before any operator is asked.
    pub(crate) fn approach<'a>(&'a self, copy: &'a [u8]) -> Approach<'a> {
        let mut seen = Marks::new(self.literals.len());
        self.literals.scan(copy, &mut seen);
        let opened = seen.members().iter().flat_map(|literal| self.opened(*literal));
        let mut ways: Vec<Opened> = opened.chain(self.untriggered()).copied().collect();
        ways.sort_unstable_by_key(|way| way.number);
        ways.dedup_by_key(|way| way.number);
        Approach {
            gates: self,
            copy,
            classes: Classes::of(copy),
            seen: seen.into_bits(),
            ways,
        }
    }
}

/// A copy of a value before the gates.
pub(crate) struct Approach<'a> {
    gates: &'a Gates,
    copy: &'a [u8],
    classes: Classes,
    seen: Bits,
    /// The ways to which its literals lead, and those that need none, in order.
    ways: Vec<Opened>,
}

impl Approach<'_> {
    /// Whether a way leads to a gate.
    pub(crate) fn reaches(&self, gate: &Gate) -> bool {
        !self.ways_to(gate).is_empty()
    }

    /// Whether all holds that must hold before the operator of a gate is worth asking.
    pub(crate) fn opens(&self, gate: &Gate) -> bool {
        let classes = self.classes.or(Classes::ANY);
        let is_open = |way: &Opened| {
            way.wanted.meets(classes)
                && self
                    .gates
                    .is_open(way.number, self.copy.len(), classes, &self.seen)
        };
        gate.may_begin(self.copy)
            && self.gates.conditions.hold(gate.common, classes, &self.seen)
            && self.ways_to(gate).iter().any(is_open)
    }

    fn ways_to(&self, gate: &Gate) -> &[Opened] {
        let place = |number| self.ways.partition_point(|way| way.number < number);
        let ways = self.ways.get(place(gate.ways.start)..place(gate.ways.end));
        ways.unwrap_or_default()
    }
}

impl Test {
    /// Asks what needs nothing but the value.
    pub(crate) fn find_alone(&self, copy: &[u8]) -> Option<Range<usize>> {
        self.find(copy, &Nothing)
    }
}
