//! What rules changed about how the rest of a transaction is evaluated.

use crate::rule::{Action, Collection, Control as Change, EngineMode, Phase, Rule, RuleSelection, Target};

/// What rules changed about how the rest of a transaction is evaluated.
#[derive(Debug)]
pub(super) struct Control {
    mode: EngineMode,
    released: Released,
    removed: Vec<RuleSelection>,
    removed_targets: Vec<(RuleSelection, Target)>,
}

/// How far the transaction was let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Released {
    No,
    /// From the rest of one phase.
    Phase(Phase),
    /// From the rest of the request phases.
    Request,
    /// From all but logging.
    All,
}

impl Control {
    /// Removals that one transaction may collect; later ones are not made.
    const REMOVALS_LIMIT: usize = 1_024;

    pub(super) fn new(mode: EngineMode) -> Self {
        Self {
            mode,
            released: Released::No,
            removed: Vec::new(),
            removed_targets: Vec::new(),
        }
    }

    pub(super) fn is_off(&self) -> bool {
        self.mode == EngineMode::Off
    }

    /// Whether rules may refuse what they match.
    pub(super) fn is_on(&self) -> bool {
        self.mode == EngineMode::On
    }

    /// Whether no rule of a phase is evaluated any more.
    pub(super) fn is_released(&self, phase: Phase) -> bool {
        match self.released {
            Released::No => false,
            Released::Phase(released) => released == phase,
            Released::Request => phase <= Phase::RequestBody,
            Released::All => phase != Phase::Logging,
        }
    }

    /// Lets the transaction go as far as an action says.
    pub(super) fn release(&mut self, action: Action, phase: Phase) {
        match action {
            Action::Allow => self.released = Released::All,
            Action::AllowPhase => self.released = Released::Phase(phase),
            Action::AllowRequest => self.released = Released::Request,
            Action::Deny { .. } | Action::Mask | Action::Pass => {}
        }
    }

    pub(super) fn change(&mut self, change: &Change) {
        match change {
            Change::Engine(mode) => self.mode = *mode,
            Change::RemoveRules(selection) => {
                if self.removed.len() < Self::REMOVALS_LIMIT {
                    self.removed.push(selection.clone());
                }
            }
            Change::RemoveTarget(selection, target) => {
                if self.removed_targets.len() < Self::REMOVALS_LIMIT {
                    self.removed_targets.push((selection.clone(), target.clone()));
                }
            }
        }
    }

    /// Whether a rule was taken out.
    pub(super) fn removes(&self, rule: &Rule) -> bool {
        self.removed.iter().any(|selection| is_selected(selection, rule))
    }

    /// Whether a value was taken out of a rule's targets.
    pub(super) fn removes_target(&self, rule: &Rule, collection: Collection, name: &[u8]) -> bool {
        self.removed_targets
            .iter()
            .any(|(selection, target)| target.selects(collection, name) && is_selected(selection, rule))
    }
}

fn is_selected(selection: &RuleSelection, rule: &Rule) -> bool {
    match selection {
        RuleSelection::Ids(ids) => ids.contains(&rule.id),
        RuleSelection::Tag(tag) => rule.meta.tags.contains(tag),
    }
}
