//! Lowers a program into a plan, in bounded pieces.

use std::{collections::BTreeMap, sync::Arc};

use super::{Plan, PlannedLink, PlannedRule};
use crate::{
    matching::{Bits, Chains, FirstLink, GatesBuilder, Test},
    rule::{Collection, Effect, Item, Link, Macro, Operator, Phase, Rule, RuleId, Template},
};

/// Lowers a program into a plan: first item by item, then in steps, at last whole.
#[derive(Debug, Default)]
pub(crate) struct PlanBuilder {
    rules: Vec<PlannedRule>,
    chains: Chains,
    gates: GatesBuilder,
    eager: [Vec<u32>; Phase::ALL.len()],
    used: Option<Bits>,
    /// By marker: the position behind it, last one first.
    markers: BTreeMap<Arc<str>, Vec<u32>>,
    /// First links that gates shall stand for, until it is known whether one match of each is enough.
    waiting: Vec<u32>,
    has_control: bool,
    size: usize,
}

/// Why a program is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("no marker `{0}` behind it")]
    NoMarker(Arc<str>),
    #[error("{0}")]
    Automaton(String),
}

impl From<aho_corasick::BuildError> for PlanError {
    fn from(error: aho_corasick::BuildError) -> Self {
        Self::Automaton(error.to_string())
    }
}

impl PlanBuilder {
    /// Appends one item of the program.
    pub(crate) fn push(&mut self, item: Item) -> Result<(), PlanError> {
        match item {
            Item::Marker(name) => {
                self.markers
                    .entry(name)
                    .or_default()
                    .push(self.rules.len() as u32);
                Ok(())
            }
            Item::Rule(rule) => self.push_rule(rule),
        }
    }

    /// How many rules there are so far.
    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    /// Bytes that the compiled rules take so far.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Does one more piece of what has to be done once every item is known; says whether there is more to do.
    pub(crate) fn step(&mut self) -> Result<bool, PlanError> {
        /// Rules whose necessary conditions are derived in one step.
        const RULES: usize = 2;
        if self.waiting.is_empty() {
            return Ok(self.gates.step()?);
        }
        let rest = self.waiting.split_off(self.waiting.len().min(RULES));
        for position in std::mem::replace(&mut self.waiting, rest) {
            let Some(planned) = self.rules.get(position as usize) else {
                continue;
            };
            let rule = &planned.rule;
            let once = !self.has_control
                && rule.chained.is_empty()
                && rule.head.effects.is_empty()
                && !rule.head.capture;
            let link = FirstLink {
                phase: rule.phase,
                rule: position,
                chain: planned.head.chain,
                test: Arc::clone(&planned.head.test),
                targets: rule.head.targets.as_slice().into(),
                once,
            };
            self.gates.add(link, &self.chains);
        }
        Ok(true)
    }

    /// The plan; to be called after the last step. Errors come with the id of their rule.
    pub(crate) fn finish(mut self) -> Result<Plan, Vec<(RuleId, PlanError)>> {
        let mut errors = Vec::new();
        for (position, planned) in self.rules.iter_mut().enumerate() {
            let position = position as u32;
            let Some(marker) = &planned.rule.skip_after else {
                continue;
            };
            let behind = self
                .markers
                .get(marker)
                .into_iter()
                .flatten()
                .find(|target| **target > position);
            match behind {
                Some(target) => planned.skip_to = Some(*target),
                None => errors.push((planned.rule.id, PlanError::NoMarker(Arc::clone(marker)))),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let gates = self.gates.finish(&self.chains);
        let used = self.used.unwrap_or_default();
        let phases = Phase::ALL.map(|phase| self.rules.iter().any(|planned| planned.rule.phase == phase));
        Ok(Plan {
            rules: self.rules,
            gates,
            chains: self.chains,
            eager: self.eager,
            phases,
            used,
        })
    }

    fn push_rule(&mut self, rule: Rule) -> Result<(), PlanError> {
        let position = self.rules.len() as u32;
        let head = self.plan(&rule.head)?;
        let chained = rule
            .chained
            .iter()
            .map(|link| self.plan(link))
            .collect::<Result<_, _>>()?;
        let is_gated = is_gated(&rule.head, &head.test);
        if is_gated {
            self.waiting.push(position);
        } else if let Some(eager) = self.eager.get_mut(rule.phase.index()) {
            eager.push(position);
        }
        self.rules.push(PlannedRule {
            rule,
            head,
            chained,
            skip_to: None,
            is_gated,
        });
        Ok(())
    }

    fn plan(&mut self, link: &Link) -> Result<PlannedLink, PlanError> {
        let test = self.test(&link.operator)?;
        self.note(link);
        Ok(PlannedLink {
            chain: self.chains.intern(&link.transformations),
            test,
        })
    }

    /// Compiles an operator; equal expressions next to each other (one pattern in several phases) are one.
    fn test(&mut self, operator: &Operator) -> Result<Arc<Test>, PlanError> {
        if let (Operator::Rx(expression), Some(last)) = (operator, self.rules.last())
            && let Test::Rx(known) = &*last.head.test
            && known.is_same(expression)
        {
            return Ok(Arc::clone(&last.head.test));
        }
        let test = Test::new(operator)?;
        self.size += test.size();
        Ok(Arc::new(test))
    }

    /// Notes what a link looks at and whether it changes which rules are evaluated.
    fn note(&mut self, link: &Link) {
        let used = self.used.get_or_insert_with(|| Bits::new(Collection::COUNT));
        for target in &link.targets {
            used.insert(target.collection.index());
        }
        let mut note_template = |template: &Template| {
            for name in template.macros() {
                if let Macro::Field(collection, _) = name {
                    used.insert(collection.index());
                }
            }
        };
        if let Operator::Text(_, template) | Operator::Number(_, template) = &link.operator {
            note_template(template);
        }
        for effect in &link.effects {
            match effect {
                Effect::Set { name, value } | Effect::Add { name, value, .. } => {
                    note_template(name);
                    note_template(value);
                }
                Effect::Unset { name } => note_template(name),
                Effect::Control(_) => self.has_control = true,
            }
        }
    }
}

/// Whether one value alone decides whether the link matches it.
fn is_gated(link: &Link, test: &Test) -> bool {
    let is_value = |target: &crate::rule::Target| target.collection.is_input() && !target.count;
    !link.targets.is_empty()
        && !link.negated
        && !link.multi_match
        && test.is_pure()
        && link.targets.iter().all(is_value)
}
