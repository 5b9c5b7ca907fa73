//! A program in the form in which it is executed.

mod build;

use std::sync::Arc;

pub(crate) use build::PlanBuilder;

use crate::{
    matching::{Bits, ChainId, Chains, Gates, Test, Workspace, selects},
    rule::{Collection, Phase, Rule},
};

/// A program in the form in which it is executed: rules in order, and gates that tell which of them to look at.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) rules: Vec<PlannedRule>,
    pub(crate) gates: Gates,
    pub(crate) chains: Chains,
    pub(crate) workspace: Workspace,
    /// By phase: rules that no gate stands for; they are evaluated each time.
    eager: [Vec<u32>; Phase::ALL.len()],
    /// By phase: whether there is any rule.
    phases: [bool; Phase::ALL.len()],
    /// Collections that some rule looks at.
    used: Bits,
}

#[derive(Debug)]
pub(crate) struct PlannedRule {
    pub(crate) rule: Rule,
    pub(crate) head: PlannedLink,
    pub(crate) chained: Vec<PlannedLink>,
    /// Position at which evaluation goes on after a match, when the rule says so.
    pub(crate) skip_to: Option<u32>,
    /// Whether matches of the first link come from a gate.
    pub(crate) is_gated: bool,
}

impl PlannedRule {
    /// Whether the first link asks about a value by itself, and about this one.
    pub(crate) fn is_about(&self, collection: Collection, name: &[u8]) -> bool {
        let link = &self.rule.head;
        !link.negated && self.head.test.is_pure() && selects(&link.targets, collection, name)
    }

    /// Whether a test of the rule could not be built, so that the rule cannot judge what it matched.
    pub(crate) fn is_broken(&self) -> bool {
        let mut links = std::iter::once(&self.head).chain(&self.chained);
        links.any(|link| link.test.is_broken())
    }
}

/// What a link's model does not hold: its compiled form.
#[derive(Debug)]
pub(crate) struct PlannedLink {
    pub(crate) chain: ChainId,
    pub(crate) test: Arc<Test>,
}

impl Plan {
    /// Positions of the rules that are evaluated in a phase each time, ascending.
    pub(crate) fn eager(&self, phase: Phase) -> &[u32] {
        self.eager.get(phase.index()).map_or(&[], Vec::as_slice)
    }

    /// Whether there is any rule of a phase.
    pub(crate) fn has_rules(&self, phase: Phase) -> bool {
        self.phases.get(phase.index()).is_some_and(|has_rules| *has_rules)
    }

    /// Whether some rule looks at a collection.
    pub(crate) fn uses(&self, collection: Collection) -> bool {
        self.used.contains(collection.index())
    }
}
