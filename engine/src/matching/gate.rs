//! Gates: the first links of rules that one value alone can decide, arranged for scanning.

use std::{ops::Range, sync::Arc};

use super::{
    Bits, ByteSet, ChainId, Chains, Classes, Outline, Test,
    condition::{ConditionId, Conditions},
    literals::{Literals, LiteralsBuilder},
    need::{Need, Way},
    outline::begins_with,
};
use crate::{
    rule::{Collection, Phase, Selector, Target},
    transform::{Transformation, Triggers},
};

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
    fn new(link: FirstLink, common: ConditionId, ways: Range<u32>) -> Self {
        let is_whole = |target: &Target| !target.exclude && matches!(target.selector, Selector::All);
        Self {
            rule: link.rule,
            chain: link.chain,
            common,
            ways,
            first: link.outline.first.map(Box::new),
            is_open: link.targets.iter().all(is_whole),
            test: link.test,
            targets: link.targets,
            once: link.once,
        }
    }

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
    /// The gates that literals may open, in order of literals.
    opened: Vec<Opened>,
    /// Where in `opened` the gates of each literal begin; and where the last ones end.
    triggers: Vec<u32>,
    /// What must hold for the ways through all gates, by number.
    passages: Vec<Passage>,
    /// Gates by chain.
    pub(crate) by_chain: Vec<Bits>,
    /// By phase and collection.
    lanes: Vec<Option<Lane>>,
}

/// A way through a gate. Those that a literal or a collection leads to stand side by side, and little of each is looked
/// at before most are ruled out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    /// Classes of which a byte must occur, the most telling ones; [`Classes::ANY`] where anything may.
    pub(super) wanted: Classes,
    pub(super) gate: u32,
    /// Number of the way among those of all gates.
    pub(super) number: u32,
}

/// What must hold for a way to be open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passage {
    condition: ConditionId,
    /// Bytes that the value must have at least.
    min_len: u32,
    /// More sets of classes, of each of which a byte must occur; those not needed are [`Classes::ANY`].
    wanted: [Classes; Need::WANTED - 1],
}

impl Passage {
    /// With the most telling classes.
    fn new(need: &Need, way: &Way, conditions: &mut Conditions) -> (Classes, Self) {
        let mut wanted = [Classes::ANY; Need::WANTED];
        wanted
            .iter_mut()
            .zip(&way.wanted)
            .for_each(|(to, from)| *to = *from);
        let [first, wanted @ ..] = wanted;
        let passage = Self {
            condition: conditions.add(&way.condition),
            min_len: need.min_len.try_into().unwrap_or(u32::MAX),
            wanted,
        };
        (first, passage)
    }
}

/// Ways that are looked at whatever literals there are.
#[derive(Debug, Clone, Default)]
pub(super) struct Untriggered {
    /// Without a byte of these, none is open.
    wanted: Classes,
    ways: Vec<Opened>,
}

impl Untriggered {
    fn extend(&mut self, ways: &[Opened]) {
        self.ways.extend_from_slice(ways);
        self.wanted = ways.iter().fold(self.wanted, |all, way| all.or(way.wanted));
    }

    /// Those that a value may pass that has these classes, [`Classes::ANY`] among them.
    pub(super) fn open_to(&self, classes: Classes) -> impl Iterator<Item = &Opened> {
        let ways: &[Opened] = if self.wanted.meets(classes) {
            &self.ways
        } else {
            &[]
        };
        ways.iter().filter(move |way| way.wanted.meets(classes))
    }
}

/// What is to be done with the values of one collection in one phase.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
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
    /// Adds a gate that looks at a collection, once.
    fn add(
        &mut self,
        index: usize,
        link: &FirstLink,
        collection: Collection,
        untriggered: &[Opened],
        chains: &Chains,
    ) {
        if self.gates.contains(index) {
            return;
        }
        let excluded = excluded(&link.targets, collection);
        if self.gates.is_empty() {
            self.ignored = excluded.map(Into::into).collect();
        } else {
            let excluded: Vec<_> = excluded.collect();
            self.ignored.retain(|name| excluded.contains(&&**name));
        }
        self.gates.insert(index);
        self.untriggered.extend(untriggered);
        if !self.chains.contains(&link.chain) {
            self.chains.extend(chains.path(link.chain));
        }
    }

    /// Whether no gate looks at the values of a name.
    pub(crate) fn ignores(&self, name: &[u8]) -> bool {
        self.ignored.iter().any(|ignored| **ignored == *name)
    }
}

impl Gates {
    pub(crate) fn lane(&self, phase: Phase, collection: Collection) -> Option<&Lane> {
        self.lanes.get(lane_index(phase, collection))?.as_ref()
    }

    /// The gates that a literal may open.
    pub(super) fn opened(&self, literal: u32) -> &[Opened] {
        let bounds = self
            .triggers
            .get(literal as usize..)
            .and_then(<[u32]>::first_chunk);
        let opened = bounds.and_then(|[start, end]| self.opened.get(*start as usize..*end as usize));
        opened.unwrap_or_default()
    }

    /// How many ways there are through all gates.
    pub(super) fn ways(&self) -> usize {
        self.passages.len()
    }

    /// Whether the way of a number is open to a value of this length and these classes, [`Classes::ANY`] among them, in
    /// which these literals were seen.
    pub(super) fn is_open(&self, way: u32, len: usize, classes: Classes, seen: &Bits) -> bool {
        self.passages.get(way as usize).is_some_and(|passage| {
            len >= passage.min_len as usize
                && passage.wanted.iter().all(|wanted| wanted.meets(classes))
                && self.conditions.hold(passage.condition, classes, seen)
        })
    }

    /// Ways that need no literal to open, some more than once.
    pub(super) fn untriggered(&self) -> impl Iterator<Item = &Opened> {
        let lanes = self.lanes.iter().flatten();
        lanes.flat_map(|lane| &lane.untriggered.ways)
    }

    /// Bytes that the tables take.
    pub(crate) fn size(&self) -> usize {
        self.literals.size()
            + self.conditions.size()
            + size_of_val(self.opened.as_slice())
            + size_of_val(self.passages.as_slice())
    }
}

fn lane_index(phase: Phase, collection: Collection) -> usize {
    phase.index() * Collection::COUNT + collection.index()
}

/// What a gate is made of.
#[derive(Debug)]
pub(crate) struct FirstLink {
    pub(crate) phase: Phase,
    /// Position of the rule in its program.
    pub(crate) rule: u32,
    pub(crate) chain: ChainId,
    pub(crate) test: Arc<Test>,
    /// What can be told of the test.
    pub(crate) outline: Arc<Outline>,
    pub(crate) targets: Arc<[Target]>,
    /// Whether a second match of the rule adds nothing to the first.
    pub(crate) once: bool,
}

/// Collects gates and builds what they share, in bounded pieces.
#[derive(Debug, Default)]
pub(crate) struct GatesBuilder {
    links: Vec<Planned>,
    literals: LiteralsBuilder,
}

/// A first link, and what can be told of it.
#[derive(Debug)]
struct Planned {
    link: FirstLink,
    need: Arc<Need>,
    /// Whether a value of plain bytes may match.
    may_be_plain: bool,
}

impl GatesBuilder {
    /// Adds the first link of a rule.
    pub(crate) fn add(&mut self, link: FirstLink, chains: &Chains) {
        // One pattern in several phases is several rules with one test.
        let twin = self.links.last();
        let twin = twin.filter(|last| Arc::ptr_eq(&last.link.test, &link.test));
        let need = if let Some(twin) = twin {
            Arc::clone(&twin.need)
        } else {
            let (outline, literals) = (&link.outline, &mut self.literals);
            Arc::new(Need::new(outline.min_len, &outline.formula, |literal| {
                literals.intern(literal)
            }))
        };
        // A transformation may make others of plain bytes.
        let may_be_plain = link.outline.may_be_plain || !chains.transformations(link.chain).all(keeps_plain);
        self.links.push(Planned {
            link,
            need,
            may_be_plain,
        });
    }

    /// Builds one more piece; says whether there is more to build.
    pub(crate) fn step(&mut self) -> bool {
        self.literals.step()
    }

    pub(crate) fn finish(self, chains: &Chains) -> Gates {
        let count = self.links.len();
        let literals = self.literals.finish();
        let (mut all, mut passages) = (Vec::with_capacity(count), Vec::new());
        let mut conditions = Conditions::default();
        let mut triggers = vec![Vec::new(); literals.len()];
        let mut plain = Bits::new(count);
        let mut by_chain = vec![Bits::new(count); chains.len()];
        let mut lanes = vec![
            Lane {
                gates: Bits::new(count),
                plain: None,
                untriggered: Untriggered::default(),
                chains: Vec::new(),
                touchy: Classes::default(),
                ignored: Vec::new(),
            };
            Phase::ALL.len() * Collection::COUNT
        ];
        for (index, planned) in self.links.into_iter().enumerate() {
            let Planned {
                link,
                need,
                may_be_plain,
            } = planned;
            let first = passages.len() as u32;
            let mut untriggered = Vec::new();
            for way in &need.ways {
                let (wanted, passage) = Passage::new(&need, way, &mut conditions);
                let opened = Opened {
                    wanted,
                    gate: index as u32,
                    number: passages.len() as u32,
                };
                passages.push(passage);
                let Some(trigger) = &way.trigger else {
                    untriggered.push(opened);
                    continue;
                };
                for literal in trigger {
                    if let Some(gates) = triggers.get_mut(*literal as usize) {
                        gates.push(opened);
                    }
                }
            }
            if may_be_plain {
                plain.insert(index);
            }
            if let Some(gates) = by_chain.get_mut(link.chain.index()) {
                gates.insert(index);
            }
            let selected = link.targets.iter();
            for target in selected.filter(|target| !target.exclude && !target.count) {
                if let Some(lane) = lanes.get_mut(lane_index(link.phase, target.collection)) {
                    lane.add(index, &link, target.collection, &untriggered, chains);
                }
            }
            let common = conditions.add(&need.common);
            all.push(Gate::new(link, common, first..passages.len() as u32));
        }
        let touchy: Vec<Classes> = chains
            .last_steps()
            .map(|step| step.map_or(Classes::default(), reacting))
            .collect();
        for lane in &mut lanes {
            lane.chains.sort_unstable();
            lane.chains.dedup();
            let touchy = lane.chains.iter().filter_map(|chain| touchy.get(chain.index()));
            lane.touchy = touchy.fold(Classes::default(), |all, one| all.or(*one));
            let mut passable = Bits::new(count);
            passable.assign_common(&plain, &lane.gates);
            lane.plain = Some(passable).filter(|passable| !passable.is_empty());
        }
        let lanes = lanes
            .into_iter()
            .map(|lane| Some(lane).filter(|lane| !lane.gates.is_empty()));
        let (mut opened, mut starts) = (Vec::new(), vec![0]);
        for gates in triggers {
            opened.extend(gates);
            starts.push(opened.len() as u32);
        }
        Gates {
            all,
            literals,
            conditions,
            opened,
            triggers: starts,
            passages,
            by_chain,
            lanes: lanes.collect(),
        }
    }
}

/// Names that targets exclude from a collection.
fn excluded(targets: &[Target], collection: Collection) -> impl Iterator<Item = &[u8]> {
    let excluded = targets
        .iter()
        .filter(move |target| target.exclude && target.collection == collection);
    excluded.map(Target::name).filter(|name| !name.is_empty())
}

/// The classes of the bytes to which a transformation reacts.
fn reacting(transformation: Transformation) -> Classes {
    let bytes = (0..=u8::MAX).filter(|byte| transformation.reacts_to(*byte));
    Classes::of_set(&bytes.collect())
}

/// Whether a transformation makes plain bytes of plain bytes only.
fn keeps_plain(transformation: Transformation) -> bool {
    matches!(
        transformation,
        // Plain text in Base64 is told apart before the scan.
        Transformation::Lowercase | Transformation::Uppercase | Transformation::Decode
    ) || !transformation
        .triggers()
        .intersects(Triggers::of(Classes::PLAIN_BYTES))
}
