//! What a link does to the transaction for each value that it matched.

use std::{ops::RangeInclusive, sync::Arc};

use super::{RuleId, Target, Template};

/// What a link does to the transaction for each value that it matched.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Sets a transaction variable (`setvar:tx.name=value`).
    Set {
        /// Name, without `tx.`.
        name: Template,
        /// New value.
        value: Template,
    },
    /// Adds to a transaction variable, which counts as 0 when it is unset or no number (`setvar:tx.name=+value`).
    Add {
        /// Name, without `tx.`.
        name: Template,
        /// What is added; counts as 0 when it is no number.
        value: Template,
        /// Whether it is subtracted (`setvar:tx.name=-value`).
        negative: bool,
    },
    /// Removes a transaction variable (`setvar:!tx.name`).
    Unset {
        /// Name, without `tx.`.
        name: Template,
    },
    /// Changes how the rest of this transaction is evaluated (`ctl`).
    Control(Control),
}

/// Changes how the rest of a transaction is evaluated.
#[derive(Debug, Clone)]
pub enum Control {
    /// Changes the mode (`ctl:ruleEngine`).
    Engine(EngineMode),
    /// Takes rules out (`ctl:ruleRemoveById`, `ctl:ruleRemoveByTag`).
    RemoveRules(RuleSelection),
    /// Takes targets out of rules (`ctl:ruleRemoveTargetById`, `ctl:ruleRemoveTargetByTag`).
    RemoveTarget(RuleSelection, Target),
}

/// What happens with what the rules find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineMode {
    /// No rule is evaluated any more.
    Off,
    /// Nothing is refused.
    DetectionOnly,
    /// Rules refuse what they match.
    On,
}

/// Picks rules.
#[derive(Debug, Clone)]
pub enum RuleSelection {
    /// By a range of ids.
    Ids(RangeInclusive<RuleId>),
    /// By a tag.
    Tag(Arc<str>),
}
