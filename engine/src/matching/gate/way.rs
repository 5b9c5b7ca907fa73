//! The ways through gates, arranged so that little of each is looked at before most are ruled out.

use super::super::{
    Classes,
    condition::{ConditionId, Conditions},
    need::{Need, Way},
};

/// A way through a gate. Those that a literal or a collection leads to stand side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened {
    /// Classes of which a byte must occur, the most telling ones; [`Classes::ANY`] where anything may.
    pub(crate) wanted: Classes,
    pub(crate) gate: u32,
    /// Number of the way among those of all gates.
    pub(crate) number: u32,
}

/// Which gates literals may open.
#[derive(Debug)]
pub(crate) struct Openings {
    /// In order of literals.
    opened: Vec<Opened>,
    /// Where in `opened` the gates of each literal begin; and where the last ones end.
    starts: Vec<u32>,
}

impl Openings {
    /// Those of a phase without gates.
    pub(super) const NONE: &Self = &Self {
        opened: Vec::new(),
        starts: Vec::new(),
    };

    /// From the gates of each literal.
    pub(super) fn new(of_literals: &[Vec<Opened>]) -> Self {
        let mut openings = Self {
            opened: of_literals.concat(),
            starts: Vec::new(),
        };
        if openings.opened.is_empty() {
            return openings;
        }
        let ends = of_literals.iter().scan(0, |end, gates| {
            *end += gates.len() as u32;
            Some(*end)
        });
        openings.starts.extend([0].into_iter().chain(ends));
        openings
    }

    /// The gates that a literal may open.
    pub(crate) fn opened(&self, literal: u32) -> &[Opened] {
        let bounds = self.starts.get(literal as usize..).and_then(<[u32]>::first_chunk);
        let opened = bounds.and_then(|[start, end]| self.opened.get(*start as usize..*end as usize));
        opened.unwrap_or_default()
    }

    pub(super) fn size(&self) -> usize {
        size_of_val(self.opened.as_slice()) + size_of_val(self.starts.as_slice())
    }
}

/// What must hold for a way to be open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passage {
    pub(super) condition: ConditionId,
    /// Bytes that the value must have at least.
    min_len: u32,
    /// More sets of classes, of each of which a byte must occur; those not needed are [`Classes::ANY`].
    wanted: [Classes; Need::WANTED - 1],
}

impl Passage {
    /// With the most telling classes.
    pub(super) fn new(min_len: usize, way: &Way, conditions: &mut Conditions) -> (Classes, Self) {
        let mut wanted = [Classes::ANY; Need::WANTED];
        wanted
            .iter_mut()
            .zip(&way.wanted)
            .for_each(|(to, from)| *to = *from);
        let [first, wanted @ ..] = wanted;
        let passage = Self {
            condition: conditions.add(&way.condition),
            min_len: min_len.try_into().unwrap_or(u32::MAX),
            wanted,
        };
        (first, passage)
    }

    /// Whether a value may pass that has this length and these classes, [`Classes::ANY`] among them.
    pub(super) fn may_hold(&self, len: usize, classes: Classes) -> bool {
        len >= self.min_len as usize && self.wanted.iter().all(|wanted| wanted.meets(classes))
    }
}

/// Ways that are looked at whatever literals there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Untriggered {
    /// Without a byte of these, none is open.
    wanted: Classes,
    ways: Vec<Opened>,
}

impl Untriggered {
    pub(super) fn extend(&mut self, ways: &[Opened]) {
        self.ways.extend_from_slice(ways);
        self.wanted = ways.iter().fold(self.wanted, |all, way| all.or(way.wanted));
    }

    pub(super) fn ways(&self) -> &[Opened] {
        &self.ways
    }

    /// Those that a value may pass that has these classes, [`Classes::ANY`] among them.
    pub(crate) fn open_to(&self, classes: Classes) -> impl Iterator<Item = &Opened> {
        let ways: &[Opened] = if self.wanted.meets(classes) {
            &self.ways
        } else {
            &[]
        };
        ways.iter().filter(move |way| way.wanted.meets(classes))
    }
}
