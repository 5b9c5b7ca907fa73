//! Gates: the first links of rules that one value alone can decide, arranged for scanning.

mod build;
mod way;

use std::{ops::Range, sync::Arc};

use super::{
    Bits, ByteSet, ChainId, Classes, Test,
    condition::{ConditionId, Conditions},
    literals::Literals,
    outline::begins_with,
};
use crate::rule::{Collection, Phase, Target};
pub(crate) use build::{FirstLink, GatesBuilder};
pub(super) use way::Opened;
use way::{Openings, Passage, Untriggered};

/// The first link of one rule.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Position of the rule in its program.
    pub(crate) rule: u32,
    /// What is done to a value first.
    pub(crate) chain: ChainId,
    /// What must hold before the test is worth asking, whatever the way.
    pub(super) common: ConditionId,
    /// Numbers of the ways through it.
    pub(super) ways: Range<u32>,
    /// Bytes with one of which a value must begin, if that is so.
    first: Option<Box<ByteSet>>,
    pub(crate) test: Arc<Test>,
    pub(crate) targets: Arc<[Target]>,
    /// Whether the targets are whole collections without exclusions.
    pub(crate) is_open: bool,
    /// Whether a second match of the rule adds nothing to the first.
    pub(crate) once: bool,
}

impl Gate {
    /// Whether a value begins as it must.
    pub(super) fn may_begin(&self, value: &[u8]) -> bool {
        let first = self.first.as_deref();
        first.is_none_or(|first| begins_with(value, first))
    }

    /// Whether the targets select a value of a collection that they name.
    pub(crate) fn selects(&self, collection: Collection, name: &[u8]) -> bool {
        self.is_open || selects(&self.targets, collection, name)
    }
}

/// Whether targets select a value: one of them does, and none excludes it.
pub(crate) fn selects(targets: &[Target], collection: Collection, name: &[u8]) -> bool {
    let mut selected = false;
    for target in targets.iter().filter(|target| target.selects(collection, name)) {
        if target.exclude {
            return false;
        }
        selected |= !target.count;
    }
    selected
}

/// Every gate of a policy.
#[derive(Debug)]
pub(crate) struct Gates {
    pub(crate) all: Vec<Gate>,
    pub(crate) literals: Literals,
    pub(super) conditions: Conditions,
    /// By phase.
    openings: Vec<Openings>,
    /// What must hold for the ways through all gates, by number.
    passages: Vec<Passage>,
    /// Gates by chain.
    pub(crate) by_chain: Vec<Bits>,
    /// By phase and collection.
    lanes: Vec<Option<Lane>>,
}

/// What is to be done with the values of one collection in one phase.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(super) phase: Phase,
    pub(crate) gates: Bits,
    /// Those of them that a plain value may pass, if there are any.
    pub(crate) plain: Option<Bits>,
    /// Ways that need no literal to open.
    pub(super) untriggered: Untriggered,
    /// The chains of these gates with their beginnings, parents first.
    pub(crate) chains: Vec<ChainId>,
    /// Classes without which none of the chains changes a value, Base64 and empty values aside.
    pub(crate) touchy: Classes,
    /// Names whose values no gate looks at, such as `cookie` among headers.
    ignored: Vec<Box<[u8]>>,
}

impl Lane {
    /// Whether no gate looks at the values of a name.
    pub(crate) fn ignores(&self, name: &[u8]) -> bool {
        self.ignored.iter().any(|ignored| **ignored == *name)
    }
}

impl Gates {
    pub(crate) fn lane(&self, phase: Phase, collection: Collection) -> Option<&Lane> {
        self.lanes.get(lane_index(phase, collection))?.as_ref()
    }

    /// The gates of a phase that literals may open.
    pub(super) fn openings(&self, phase: Phase) -> &Openings {
        self.openings.get(phase.index()).unwrap_or(Openings::NONE)
    }

    /// The gates of all phases that a literal may open.
    pub(super) fn opened(&self, literal: u32) -> impl Iterator<Item = &Opened> {
        let openings = self.openings.iter();
        openings.flat_map(move |openings| openings.opened(literal))
    }

    /// How many ways there are through all gates.
    pub(super) fn ways(&self) -> usize {
        self.passages.len()
    }

    /// Whether the way of a number is open to a value of this length and these classes, [`Classes::ANY`] among them, in
    /// which these literals were seen.
    pub(super) fn is_open(&self, way: u32, len: usize, classes: Classes, seen: &Bits) -> bool {
        self.passages.get(way as usize).is_some_and(|passage| {
            passage.may_hold(len, classes) && self.conditions.hold(passage.condition, classes, seen)
        })
    }

    /// Ways that need no literal to open, some more than once.
    pub(super) fn untriggered(&self) -> impl Iterator<Item = &Opened> {
        let lanes = self.lanes.iter().flatten();
        lanes.flat_map(|lane| lane.untriggered.ways())
    }

    /// Bytes that the tables take.
    pub(crate) fn size(&self) -> usize {
        self.literals.size()
            + self.conditions.size()
            + self.openings.iter().map(Openings::size).sum::<usize>()
            + size_of_val(self.passages.as_slice())
    }
}

fn lane_index(phase: Phase, collection: Collection) -> usize {
    phase.index() * Collection::COUNT + collection.index()
}
