//! The one rule model: every front end compiles into it, the compiler lowers it, the transaction executes it.
//!
//! The shape is that of SecLang: phases, targets with selectors, exclusions and counts, transformation chains,
//! operators with negation and captures, chained links, effects on transaction variables and on the engine
//! itself, markers to skip to. Nothing here matches anything, and nothing here is text that still has to be parsed.

mod action;
mod collection;
mod effect;
mod expression;
mod ip_range;
mod operator;
mod phase;
mod regex;
mod target;
mod template;

use std::sync::Arc;

pub use action::{Action, Meta};
pub use collection::Collection;
pub use effect::{Control, Effect, EngineMode, RuleSelection};
pub use expression::{Expression, ExpressionError, Flags};
pub use ip_range::IpRange;
pub(crate) use ip_range::IpRanges;
pub use operator::{ByteRanges, Comparison, Guarded, Operator, TextTest};
pub use phase::Phase;
pub use regex::Regex;
pub use target::{Selector, Target};
pub use template::{Macro, Template, TemplateError};

use crate::transform::Transformation;

/// Names a rule within a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

impl std::fmt::Display for RuleId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

/// One item of a program; the order of items is the order of execution within a phase.
#[derive(Debug, Clone)]
pub enum Item {
    /// A rule.
    Rule(Rule),
    /// A place to skip to (`SecMarker`).
    Marker(Arc<str>),
}

/// A rule: when every link of its chain matches, its action is taken.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Names the rule. Several rules may share an id when one pattern looks at more than one phase.
    pub id: RuleId,
    /// When the rule is evaluated.
    pub phase: Phase,
    /// What the rule is about.
    pub meta: Meta,
    /// The first link, whose matches are those of the rule.
    pub head: Link,
    /// Further links (`chain`), each evaluated only once all before it matched.
    pub chained: Vec<Link>,
    /// What a match leads to.
    pub action: Action,
    /// Whether a match is reported.
    pub log: bool,
    /// Marker behind which evaluation goes on after a match.
    pub skip_after: Option<Arc<str>>,
}

/// One condition of a rule, and what happens as soon as it holds.
#[derive(Debug, Clone)]
pub struct Link {
    /// Where to look; a link without targets is evaluated once, on nothing (`SecAction`).
    pub targets: Vec<Target>,
    /// What is done to each value before the operator sees it, in order.
    pub transformations: Vec<Transformation>,
    /// Whether the operator sees the value after each transformation, and not only after the last (`multiMatch`).
    pub multi_match: bool,
    /// What is asked of each value.
    pub operator: Operator,
    /// Whether the answer is turned around.
    pub negated: bool,
    /// Whether the groups of a regular expression are kept in the transaction variables `0` to `9`.
    pub capture: bool,
    /// What happens for each value that matched.
    pub effects: Vec<Effect>,
}

impl Link {
    /// A link that tests its targets with an operator and does nothing else.
    pub fn new(targets: Vec<Target>, operator: Operator) -> Self {
        Self {
            targets,
            transformations: Vec::new(),
            multi_match: false,
            operator,
            negated: false,
            capture: false,
            effects: Vec::new(),
        }
    }
}
