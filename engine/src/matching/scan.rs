//! Scans values and reports which rules' first links match.

use std::sync::Arc;

use super::{
    Bits, ChainId, Chains, Classes, Gates,
    bits::Marks,
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
    candidates: Marks,
    /// Ways that were looked at for the copy at hand.
    tried: Marks,
    /// Gates that need not be opened again.
    done: Marks,
    /// Literals that stand in the copy at hand.
    seen: Marks,
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
        let count = gates.all.len();
        Self {
            clean: Clean::default(),
            copies: Copies::default(),
            active: Bits::new(count),
            allowed: Bits::new(count),
            candidates: Marks::new(count),
            tried: Marks::new(gates.ways()),
            done: Marks::new(count),
            seen: Marks::new(gates.literals.len()),
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
        let classes = Classes::of(value);
        let is_base64 = base64_text(value).is_some();
        let is_plain = classes.is_within(Classes::PLAIN) && !is_base64;
        let of_lane = if is_plain {
            lane.plain.as_ref()
        } else {
            Some(&lane.gates)
        };
        let Some(of_lane) = of_lane else { return };
        let is_all = self.done.members().is_empty();
        let mut rest = std::mem::take(&mut self.active);
        let active = if is_all {
            of_lane
        } else {
            rest.assign_rest(of_lane, self.done.bits());
            &rest
        };
        if !active.is_empty() {
            let may_change = is_base64 || value.is_empty() || lane.touchy.meets(classes);
            let subject = Subject {
                collection,
                name,
                field,
                bytes: value,
                classes,
            };
            let found_before = self.hits.len();
            self.scan_copies(gates, chains, lane, active, may_change, subject);
            // Of gates that were not asked nothing is known.
            if is_all && self.hits.len() == found_before {
                self.clean.insert((phase, collection), name, value);
            }
        }
        self.active = rest;
    }

    /// Scans the distinct copies of a value, each for the active gates of the chains that made it.
    fn scan_copies(
        &mut self,
        gates: &Gates,
        chains: &Chains,
        lane: &Lane,
        active: &Bits,
        may_change: bool,
        subject: Subject<'_>,
    ) {
        if !may_change {
            self.scan_copy(gates, lane, active, subject);
            return;
        }
        let mut copies = std::mem::take(&mut self.copies);
        copies.make(chains, &lane.chains, subject.bytes);
        if copies.is_unchanged() {
            self.scan_copy(gates, lane, active, subject);
        } else {
            let mut allowed = std::mem::take(&mut self.allowed);
            let unchanged = lane.chains.iter().copied().chain([ChainId::NONE]);
            allow(&mut allowed, active, gates, unchanged, &copies, ChainId::NONE);
            self.scan_copy(gates, lane, &allowed, subject);
            for (owner, bytes) in copies.changed() {
                let changed = lane.chains.iter().copied();
                allow(&mut allowed, active, gates, changed, &copies, owner);
                let classes = Classes::of(bytes);
                let copy = Subject {
                    bytes,
                    classes,
                    ..subject
                };
                self.scan_copy(gates, lane, &allowed, copy);
            }
            self.allowed = allowed;
        }
        self.copies = copies;
    }

    /// What was found, ordered by rule and value; the scratch forgets it.
    pub(crate) fn take_hits(&mut self) -> Vec<Hit> {
        self.done.clear();
        let mut hits = std::mem::take(&mut self.hits);
        hits.sort_unstable();
        hits
    }

    /// Finds the allowed gates that a copy passes.
    fn scan_copy(&mut self, gates: &Gates, lane: &Lane, allowed: &Bits, subject: Subject<'_>) {
        if allowed.is_empty() {
            return;
        }
        gates.literals.scan(subject.bytes, &mut self.seen);
        self.open(gates, lane, allowed, subject);
        let mut missed = None;
        for index in self.candidates.members() {
            let Some(gate) = gates.all.get(*index as usize) else {
                continue;
            };
            let conditions = &gates.conditions;
            let may_match = gate.may_begin(subject.bytes)
                && conditions.hold(gate.common, subject.classes, self.seen.bits())
                && gate.selects(subject.collection, subject.name);
            // Rules of one pattern that differ in their transformations may look at one copy.
            if !may_match || missed.is_some_and(|missed| Arc::ptr_eq(missed, &gate.test)) {
                continue;
            }
            let Some(found) = gate.test.find(subject.bytes, &Nothing) else {
                missed = Some(&gate.test);
                continue;
            };
            self.hits.push(Hit {
                rule: gate.rule,
                field: subject.field,
                start: found.start as u32,
                end: found.end as u32,
            });
            if gate.once {
                self.done.insert(*index);
            }
        }
        self.candidates.clear();
        self.seen.clear();
    }

    /// Makes candidates of the allowed gates to which what was seen opens a way.
    fn open(&mut self, gates: &Gates, lane: &Lane, allowed: &Bits, subject: Subject<'_>) {
        let classes = subject.classes.or(Classes::ANY);
        let openings = gates.openings(lane.phase);
        for literal in self.seen.members() {
            let opened = openings.opened(*literal).iter();
            for opened in opened.filter(|opened| opened.wanted.meets(classes)) {
                // Another literal may have led here before.
                if self.is_wanted(allowed, opened)
                    && self.tried.insert(opened.number)
                    && self.is_open(gates, opened, subject.bytes.len(), classes)
                {
                    self.candidates.insert(opened.gate);
                }
            }
        }
        self.tried.clear();
        for opened in lane.untriggered.open_to(classes) {
            if self.is_wanted(allowed, opened) && self.is_open(gates, opened, subject.bytes.len(), classes) {
                self.candidates.insert(opened.gate);
            }
        }
    }

    /// Whether a way leads through an allowed gate that is no candidate yet.
    fn is_wanted(&self, allowed: &Bits, opened: &Opened) -> bool {
        allowed.contains(opened.gate as usize) && !self.candidates.contains(opened.gate)
    }

    fn is_open(&self, gates: &Gates, opened: &Opened, len: usize, classes: Classes) -> bool {
        gates.is_open(opened.number, len, classes, self.seen.bits())
    }
}

/// Allows the active gates of all chains that share one copy.
fn allow(
    allowed: &mut Bits,
    active: &Bits,
    gates: &Gates,
    chains: impl Iterator<Item = ChainId>,
    copies: &Copies,
    owner: ChainId,
) {
    allowed.clear();
    for chain in chains.filter(|chain| copies.shared(*chain) == owner) {
        if let Some(of_chain) = gates.by_chain.get(chain.index()) {
            allowed.union(of_chain);
        }
    }
    allowed.intersect(active);
}
