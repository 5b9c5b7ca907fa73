//! Scans values and reports which rules' first links match.

use super::{
    Bits, ChainId, Chains, Classes, Gates,
    chains::Copies,
    clean::Clean,
    gate::{Lane, Opened},
    operator::Nothing,
};
use crate::{
    rule::{Collection, Phase},
    transform::base64_text,
};

/// One value that the first link of a rule matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// Position of the rule in its program.
    pub(crate) rule: u32,
    /// Number of the value, as given to [`Scratch::scan`].
    pub(crate) field: u32,
    /// First matched byte of the transformed value.
    pub(crate) start: u32,
    /// End of the match in the transformed value.
    pub(crate) end: u32,
}

/// Working memory of scans, so that a value costs no allocation; and what the scans found.
#[derive(Debug)]
pub(crate) struct Scratch {
    clean: Clean,
    copies: Copies,
    active: Bits,
    allowed: Bits,
    candidates: Bits,
    /// Ways that were looked at for the copy at hand.
    tried: Bits,
    /// Gates that need not be opened again.
    done: Bits,
    is_any_done: bool,
    seen: Bits,
    touched: Vec<u32>,
    hits: Vec<Hit>,
}

/// A value on its way through the gates.
#[derive(Clone, Copy)]
struct Subject<'a> {
    collection: Collection,
    name: &'a [u8],
    field: u32,
    bytes: &'a [u8],
    classes: Classes,
}

impl Scratch {
    pub(crate) fn new(gates: &Gates) -> Self {
        let set = || Bits::new(gates.all.len());
        Self {
            clean: Clean::default(),
            copies: Copies::default(),
            active: set(),
            allowed: set(),
            candidates: set(),
            tried: Bits::new(gates.ways),
            done: set(),
            is_any_done: false,
            seen: Bits::new(gates.literals.len()),
            touched: Vec::new(),
            hits: Vec::new(),
        }
    }

    /// Scans one value.
    pub(crate) fn scan(
        &mut self,
        gates: &Gates,
        chains: &Chains,
        phase: Phase,
        (collection, name, field): (Collection, &[u8], u32),
        value: &[u8],
    ) {
        let Some(lane) = gates.lane(phase, collection) else {
            return;
        };
        if lane.ignores(name) || self.clean.contains((phase, collection), name, value) {
            return;
        }
        let (found_before, is_all) = (self.hits.len(), !self.is_any_done);
        let classes = Classes::of(value);
        let is_base64 = base64_text(value).is_some();
        if classes.is_within(Classes::PLAIN) && !is_base64 {
            let Some(plain) = &lane.plain else {
                return;
            };
            self.active.assign(plain);
        } else {
            self.active.assign(&lane.gates);
        }
        if self.is_any_done {
            self.active.subtract(&self.done);
            if self.active.is_empty() {
                return;
            }
        }
        let mut copies = std::mem::take(&mut self.copies);
        if is_base64 || value.is_empty() || lane.touchy.meets(classes) {
            copies.make(chains, &lane.chains, value);
        } else {
            copies.clear();
        }
        let subject = Subject {
            collection,
            name,
            field,
            bytes: value,
            classes,
        };
        if copies.is_unchanged() {
            self.allowed.assign(&self.active);
            self.scan_copy(gates, lane, subject);
        } else {
            self.allow(
                gates,
                lane.chains.iter().copied().chain([ChainId::NONE]),
                &copies,
                ChainId::NONE,
            );
            self.scan_copy(gates, lane, subject);
            for (owner, bytes) in copies.changed() {
                self.allow(gates, lane.chains.iter().copied(), &copies, owner);
                self.scan_copy(
                    gates,
                    lane,
                    Subject {
                        bytes,
                        classes: Classes::of(bytes),
                        ..subject
                    },
                );
            }
        }
        self.copies = copies;
        // Of gates that were not asked nothing is known.
        if is_all && self.hits.len() == found_before {
            self.clean.insert((phase, collection), name, value);
        }
    }

    /// What was found, ordered by rule and value; the scratch forgets it.
    pub(crate) fn take_hits(&mut self) -> Vec<Hit> {
        self.is_any_done = false;
        self.done.clear();
        let mut hits = std::mem::take(&mut self.hits);
        hits.sort_unstable();
        hits
    }

    /// Allows the active gates of all chains that share one copy.
    fn allow(
        &mut self,
        gates: &Gates,
        chains: impl Iterator<Item = ChainId>,
        copies: &Copies,
        owner: ChainId,
    ) {
        self.allowed.clear();
        for chain in chains.filter(|chain| copies.shared(*chain) == owner) {
            if let Some(of_chain) = gates.by_chain.get(chain.index()) {
                self.allowed.union(of_chain);
            }
        }
        self.allowed.intersect(&self.active);
    }

    /// Finds the allowed gates that a copy passes.
    fn scan_copy(&mut self, gates: &Gates, lane: &Lane, subject: Subject<'_>) {
        if self.allowed.is_empty() {
            return;
        }
        gates
            .literals
            .scan(subject.bytes, &mut self.seen, &mut self.touched);
        self.open(gates, lane, subject);
        for index in self.candidates.iter() {
            let Some(gate) = gates.all.get(index) else {
                continue;
            };
            let may_match = gate.need.holds(subject.classes, &self.seen)
                && gate.selects(subject.collection, subject.name);
            if !may_match {
                continue;
            }
            let Some(found) = gate.test.find(subject.bytes, &Nothing) else {
                continue;
            };
            self.hits.push(Hit {
                rule: gate.rule,
                field: subject.field,
                start: found.start as u32,
                end: found.end as u32,
            });
            if gate.once {
                self.done.insert(index);
                self.is_any_done = true;
            }
        }
        for literal in self.touched.drain(..) {
            self.seen.remove(literal as usize);
        }
    }

    /// Makes candidates of the allowed gates to which what was seen opens a way.
    fn open(&mut self, gates: &Gates, lane: &Lane, subject: Subject<'_>) {
        self.candidates.clear();
        self.tried.clear();
        let classes = subject.classes.or(Classes::ANY);
        for literal in &self.touched {
            for opened in gates.opened(*literal) {
                let number = opened.number as usize;
                // Another literal may have led here before.
                if opened.may_hold(classes) && !self.tried.contains(number) {
                    self.tried.insert(number);
                    if self.is_open(gates, opened, subject) {
                        self.candidates.insert(opened.gate as usize);
                    }
                }
            }
        }
        for opened in &lane.untriggered {
            if opened.may_hold(classes) && self.is_open(gates, opened, subject) {
                self.candidates.insert(opened.gate as usize);
            }
        }
    }

    /// Whether a way through an allowed gate is open that is no candidate yet.
    fn is_open(&self, gates: &Gates, opened: &Opened, subject: Subject<'_>) -> bool {
        let index = opened.gate as usize;
        if !self.allowed.contains(index) || self.candidates.contains(index) {
            return false;
        }
        let need = gates.all.get(index).map(|gate| &gate.need);
        let need = need.filter(|need| need.may_hold(subject.bytes.len(), subject.classes));
        let way = need.and_then(|need| need.ways().get(opened.way as usize));
        way.is_some_and(|way| way.holds(subject.classes, &self.seen))
    }
}
