//! Collects gates, and arranges them for scanning.

use std::{ops::Range, sync::Arc};

use super::{
    super::{
        Bits, ChainId, Chains, Classes, Outline, Test,
        condition::{ConditionId, Conditions},
        literals::LiteralsBuilder,
        need::Need,
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
        let mut openings = vec![vec![Vec::new(); literals.len()]; Phase::ALL.len()];
        let mut last = None;
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
            let Planned {
                link,
                need,
                may_be_plain,
            } = planned;
            let first = passages.len() as u32;
            // Rules of one pattern share what was written for the first of them.
            let (wanted, common) = match last.take() {
                Some((twin, ways, wanted, common)) if Arc::ptr_eq(&twin, &need) => {
                    passages.extend_from_within(ways);
                    (wanted, common)
                }
                _ => {
                    let write = |way| Passage::new(&need, way, &mut conditions);
                    let (wanted, written): (Vec<_>, Vec<_>) = need.ways.iter().map(write).unzip();
                    passages.extend(written);
                    (wanted, conditions.add(&need.common))
                }
            };
            let mut untriggered = Vec::new();
            for ((number, way), wanted) in (first..).zip(&need.ways).zip(&wanted) {
                let opened = Opened {
                    wanted: *wanted,
                    gate: index as u32,
                    number,
                };
                let Some(trigger) = &way.trigger else {
                    untriggered.push(opened);
                    continue;
                };
                let Some(of_literals) = openings.get_mut(link.phase.index()) else {
                    continue;
                };
                for literal in trigger {
                    if let Some(gates) = of_literals.get_mut(*literal as usize) {
                        gates.push(opened);
                    }
                }
            }
            last = Some((need, first as usize..passages.len(), wanted, common));
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
            all.push(Gate::new(link, common, first..passages.len() as u32));
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
            conditions,
            openings: openings.collect(),
            passages,
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
