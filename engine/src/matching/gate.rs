//! Gates: the first links of rules that one value alone can decide, arranged for scanning.

use std::sync::Arc;

use super::{
    Bits, ChainId, Chains, Classes, Outline, Test,
    literals::{Literals, LiteralsBuilder},
    need::{Need, Way},
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
    /// What must hold before the test is worth asking.
    pub(crate) need: Arc<Need>,
    pub(crate) test: Arc<Test>,
    pub(crate) targets: Arc<[Target]>,
    /// Whether the targets are whole collections without exclusions.
    pub(crate) is_open: bool,
    /// Whether a value of plain bytes may match.
    may_be_plain: bool,
    /// Whether a second match of the rule adds nothing to the first.
    pub(crate) once: bool,
}

impl Gate {
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
    /// The gates that literals may open, in order of literals.
    opened: Vec<Opened>,
    /// Where in `opened` the gates of each literal begin; and where the last ones end.
    triggers: Vec<u32>,
    /// How many ways there are through all gates.
    pub(crate) ways: usize,
    /// Gates by chain.
    pub(crate) by_chain: Vec<Bits>,
    /// By phase and collection.
    lanes: Vec<Option<Lane>>,
}

/// A gate that may open, and the way through it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) gate: u32,
    pub(crate) way: u32,
    /// Number of the way among those of all gates.
    pub(crate) number: u32,
    /// Sets of classes, of each of which a byte must occur; those not needed are [`Classes::ANY`]. They rule out most
    /// without a look at anything else.
    wanted: [Classes; Need::WANTED],
}

impl Opened {
    fn new(gate: u32, way: u32, number: u32, classes: &[Classes]) -> Self {
        let mut wanted = [Classes::ANY; Need::WANTED];
        wanted.iter_mut().zip(classes).for_each(|(to, from)| *to = *from);
        Self {
            gate,
            way,
            number,
            wanted,
        }
    }

    /// Whether a value may pass that has these classes, [`Classes::ANY`] among them.
    pub(crate) fn may_hold(&self, classes: Classes) -> bool {
        self.wanted.iter().all(|wanted| wanted.meets(classes))
    }
}

/// What is to be done with the values of one collection in one phase.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) gates: Bits,
    /// Those of them that a plain value may pass, if there are any.
    pub(crate) plain: Option<Bits>,
    /// Ways that need no literal to open.
    pub(crate) untriggered: Vec<Opened>,
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

    /// The gates that a literal may open.
    pub(crate) fn opened(&self, literal: u32) -> &[Opened] {
        let bounds = self
            .triggers
            .get(literal as usize..)
            .and_then(<[u32]>::first_chunk);
        let opened = bounds.and_then(|[start, end]| self.opened.get(*start as usize..*end as usize));
        opened.unwrap_or_default()
    }

    /// Bytes that the tables of literals take.
    pub(crate) fn size(&self) -> usize {
        self.literals.size()
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
    gates: Vec<(Phase, Gate)>,
    literals: LiteralsBuilder,
}

impl GatesBuilder {
    /// Adds the first link of a rule.
    pub(crate) fn add(&mut self, link: FirstLink, chains: &Chains) {
        let FirstLink {
            phase,
            rule,
            chain,
            test,
            outline,
            targets,
            once,
        } = link;
        // One pattern in several phases is several rules with one test.
        let twin = self
            .gates
            .last()
            .filter(|(_, last)| Arc::ptr_eq(&last.test, &test));
        let need = if let Some((_, twin)) = twin {
            Arc::clone(&twin.need)
        } else {
            let literals = &mut self.literals;
            Arc::new(Need::new(outline.min_len, &outline.formula, |literal| {
                literals.intern(literal)
            }))
        };
        // A transformation may make others of plain bytes.
        let may_be_plain = outline.may_be_plain || !chains.transformations(chain).all(keeps_plain);
        let is_open = targets
            .iter()
            .all(|target| !target.exclude && matches!(target.selector, Selector::All));
        self.gates.push((
            phase,
            Gate {
                rule,
                chain,
                need,
                test,
                targets,
                is_open,
                may_be_plain,
                once,
            },
        ));
    }

    /// Builds one more piece; says whether there is more to build.
    pub(crate) fn step(&mut self) -> bool {
        self.literals.step()
    }

    pub(crate) fn finish(self, chains: &Chains) -> Gates {
        let count = self.gates.len();
        let literals = self.literals.finish();
        let mut triggers = vec![Vec::new(); literals.len()];
        let mut plain = Bits::new(count);
        let mut by_chain = vec![Bits::new(count); chains.len()];
        let mut lanes = vec![
            Lane {
                gates: Bits::new(count),
                plain: None,
                untriggered: Vec::new(),
                chains: Vec::new(),
                touchy: Classes::default(),
                ignored: Vec::new(),
            };
            Phase::ALL.len() * Collection::COUNT
        ];
        let mut ways = 0;
        for (index, (phase, gate)) in self.gates.iter().enumerate() {
            let opened = |(way, number): (&Way, u32)| {
                let wanted = gate.need.wanted(way);
                Opened::new(index as u32, number, ways as u32 + number, &wanted)
            };
            for (way, number) in gate.need.ways().iter().zip(0..) {
                let Some(trigger) = way.trigger() else { continue };
                let opened = opened((way, number));
                for literal in trigger {
                    if let Some(gates) = triggers.get_mut(*literal as usize) {
                        gates.push(opened);
                    }
                }
            }
            if gate.may_be_plain {
                plain.insert(index);
            }
            if let Some(gates) = by_chain.get_mut(gate.chain.index()) {
                gates.insert(index);
            }
            for target in gate
                .targets
                .iter()
                .filter(|target| !target.exclude && !target.count)
            {
                if let Some(lane) = lanes.get_mut(lane_index(*phase, target.collection)) {
                    if lane.gates.contains(index) {
                        continue;
                    }
                    let excluded = excluded(&gate.targets, target.collection);
                    if lane.gates.is_empty() {
                        lane.ignored = excluded.map(Into::into).collect();
                    } else {
                        let excluded: Vec<_> = excluded.collect();
                        lane.ignored.retain(|name| excluded.contains(&&**name));
                    }
                    lane.gates.insert(index);
                    let untriggered = gate.need.ways().iter().zip(0..);
                    let untriggered = untriggered.filter(|(way, _)| way.trigger().is_none());
                    lane.untriggered.extend(untriggered.map(opened));
                    if !lane.chains.contains(&gate.chain) {
                        lane.chains.extend(chains.path(gate.chain));
                    }
                }
            }
            ways += gate.need.ways().len();
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
        let all = self.gates.into_iter().map(|(_, gate)| gate).collect();
        Gates {
            all,
            literals,
            opened,
            triggers: starts,
            ways,
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
