//! Collects gates, and arranges them for scanning.

use std::{ops::Range, sync::Arc};

use super::{
    super::{
        Bits, ChainId, Chains, Classes, Outline, Test,
        condition::{ConditionId, Conditions},
        literals::LiteralsBuilder,
        need::{Need, Way},
    },
    Gate, Gates, Lane, lane_index,
    way::{Opened, Openings, Passage, Untriggered},
};
use crate::{
    rule::{Collection, Phase, Selector, Target},
    transform::{Transformation, Triggers},
};

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
    conditions: Conditions,
    passages: Vec<Passage>,
}

/// A first link, and what can be told of it.
#[derive(Debug)]
struct Planned {
    link: FirstLink,
    /// What must hold whatever the way.
    common: ConditionId,
    /// Number of the first way.
    first: u32,
    entrances: Arc<[Entrance]>,
    /// Whether a value of plain bytes may match.
    may_be_plain: bool,
}

impl Planned {
    /// Numbers of the ways through the gate.
    fn ways(&self) -> Range<u32> {
        self.first..self.first + self.entrances.len() as u32
    }
}

/// Where a way through a gate begins.
#[derive(Debug)]
struct Entrance {
    wanted: Classes,
    trigger: Option<Box<[u32]>>,
}

impl GatesBuilder {
    /// Adds the first link of a rule.
    pub(crate) fn add(&mut self, link: FirstLink, chains: &Chains) {
        let first = self.passages.len() as u32;
        // One pattern in several phases is several rules with one test; what was written for the first serves all.
        let twin = self.links.last();
        let twin = twin.filter(|last| Arc::ptr_eq(&last.link.test, &link.test));
        let (common, entrances) = if let Some(twin) = twin {
            let ways = twin.ways();
            self.passages
                .extend_from_within(ways.start as usize..ways.end as usize);
            (twin.common, Arc::clone(&twin.entrances))
        } else {
            self.write(&link.outline)
        };
        // A transformation may make others of plain bytes.
        let may_be_plain = link.outline.may_be_plain || !chains.transformations(link.chain).all(keeps_plain);
        self.links.push(Planned {
            link,
            common,
            first,
            entrances,
            may_be_plain,
        });
    }

    /// Writes down what an outline asks for, way by way; returns what is common to all, and where each begins.
    fn write(&mut self, outline: &Outline) -> (ConditionId, Arc<[Entrance]>) {
        let literals = &mut self.literals;
        let need = Need::new(outline.min_len, &outline.formula, |literal| {
            literals.intern(literal)
        });
        let enter = |way: Way| {
            let (wanted, passage) = Passage::new(need.min_len, &way, &mut self.conditions);
            self.passages.push(passage);
            Entrance {
                wanted,
                trigger: way.trigger,
            }
        };
        let entrances = need.ways.into_iter().map(enter).collect();
        (self.conditions.add(&need.common), entrances)
    }

    /// Builds one more piece; says whether there is more to build.
    pub(crate) fn step(&mut self) -> bool {
        self.literals.step()
    }

    pub(crate) fn finish(self, chains: &Chains) -> Gates {
        let count = self.links.len();
        let literals = self.literals.finish();
        let mut all = Vec::with_capacity(count);
        let mut openings = vec![vec![Vec::new(); literals.len()]; Phase::ALL.len()];
        let mut plain = Bits::new(count);
        let mut by_chain = vec![Bits::new(count); chains.len()];
        let lane = |phase| Lane {
            phase,
            gates: Bits::new(count),
            plain: None,
            untriggered: Untriggered::default(),
            chains: Vec::new(),
            touchy: Classes::default(),
            ignored: Vec::new(),
        };
        let phases = Phase::ALL.into_iter();
        let mut lanes: Vec<Lane> = phases
            .flat_map(|phase| std::iter::repeat_n(lane(phase), Collection::COUNT))
            .collect();
        for (index, planned) in self.links.into_iter().enumerate() {
            let ways = planned.ways();
            let mut untriggered = Vec::new();
            let mut of_phase = openings.get_mut(planned.link.phase.index());
            for (number, entrance) in ways.clone().zip(&*planned.entrances) {
                let opened = Opened {
                    wanted: entrance.wanted,
                    gate: index as u32,
                    number,
                };
                let Some(trigger) = &entrance.trigger else {
                    untriggered.push(opened);
                    continue;
                };
                for literal in trigger {
                    let of_literal = of_phase.as_mut().and_then(|all| all.get_mut(*literal as usize));
                    if let Some(gates) = of_literal {
                        gates.push(opened);
                    }
                }
            }
            let link = planned.link;
            if planned.may_be_plain {
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
            all.push(Gate::new(link, planned.common, ways));
        }
        let touchy: Vec<Classes> = chains
            .last_steps()
            .map(|step| step.map_or(Classes::default(), reacting))
            .collect();
        for lane in &mut lanes {
            lane.settle(&touchy, &plain);
        }
        let lanes = lanes
            .into_iter()
            .map(|lane| Some(lane).filter(|lane| !lane.gates.is_empty()));
        let openings = openings.iter().map(|of_literals| Openings::new(of_literals));
        Gates {
            all,
            literals,
            conditions: self.conditions,
            openings: openings.collect(),
            passages: self.passages,
            by_chain,
            lanes: lanes.collect(),
        }
    }
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

    /// Works out what follows from the gates, once all are there: `touchy` are the classes to which each chain's last
    /// step reacts, `plain` the gates that a plain value may pass.
    fn settle(&mut self, touchy: &[Classes], plain: &Bits) {
        self.chains.sort_unstable();
        self.chains.dedup();
        let touchy = self.chains.iter().filter_map(|chain| touchy.get(chain.index()));
        self.touchy = touchy.fold(Classes::default(), |all, one| all.or(*one));
        let mut passable = self.gates.clone();
        passable.intersect(plain);
        self.plain = Some(passable).filter(|passable| !passable.is_empty());
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
