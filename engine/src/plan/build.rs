//! Lowers a program into a plan, in bounded pieces.

use std::{collections::BTreeMap, sync::Arc};

use super::{Plan, PlannedLink, PlannedRule};
use crate::{
    matching::{Bits, Chains, FirstLink, GatesBuilder, Outline, Test, Workspace},
    rule::{
        Collection, Effect, Expression, ExpressionError, Item, Link, Macro, Operator, Phase, Rule, RuleId,
        Template,
    },
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
    waiting: Vec<(u32, Arc<Outline>)>,
    /// The expression planned last, for equal ones next to each other (one pattern in several phases) are one.
    last: Option<Known>,
    /// Whether expressions are built at once, rather than when they are needed first.
    builds: bool,
    has_control: bool,
    size: usize,
}

/// An expression with what was made of it.
#[derive(Debug)]
struct Known {
    expression: Expression,
    test: Arc<Test>,
    outline: Arc<Outline>,
}

/// Why a program is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("no marker `{0}` behind it")]
    NoMarker(Arc<str>),
    #[error("{0}")]
    Automaton(String),
    #[error(transparent)]
    Expression(#[from] ExpressionError),
}

impl From<aho_corasick::BuildError> for PlanError {
    fn from(error: aho_corasick::BuildError) -> Self {
        Self::Automaton(error.to_string())
    }
}

impl PlanBuilder {
    /// Starts a plan whose expressions are all built before it is there.
    pub(crate) fn thorough() -> Self {
        Self {
            builds: true,
            ..Self::default()
        }
    }

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

    /// Bytes that the compiled rules take at most, so far.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Does one more piece of what has to be done once every item is known; says whether there is more to do.
    pub(crate) fn step(&mut self) -> bool {
        /// Rules whose necessary conditions are taken in in one step.
        const RULES: usize = 8;
        if self.waiting.is_empty() {
            return self.gates.step();
        }
        let rest = self.waiting.split_off(self.waiting.len().min(RULES));
        for (position, outline) in std::mem::replace(&mut self.waiting, rest) {
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
                outline,
                targets: rule.head.targets.as_slice().into(),
                once,
            };
            self.gates.add(link, &self.chains);
        }
        true
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
            workspace: Workspace::default(),
            eager: self.eager,
            phases,
            used,
        })
    }

    fn push_rule(&mut self, mut rule: Rule) -> Result<(), PlanError> {
        let position = self.rules.len() as u32;
        let (head, outline) = self.plan(&mut rule.head)?;
        let mut chained = Vec::with_capacity(rule.chained.len());
        for link in &mut rule.chained {
            chained.push(self.plan(link)?.0);
        }
        let is_gated = is_gated(&rule.head, &head.test);
        if is_gated {
            self.waiting.push((position, outline));
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

    /// Lowers a link. Its operator is taken out: a syntax tree takes more memory than all that is made of it.
    fn plan(&mut self, link: &mut Link) -> Result<(PlannedLink, Arc<Outline>), PlanError> {
        self.note(link);
        let operator = std::mem::replace(&mut link.operator, Operator::NoMatch);
        let (test, outline) = self.test(operator)?;
        let planned = PlannedLink {
            chain: self.chains.intern(&link.transformations),
            test,
        };
        Ok((planned, outline))
    }

    fn test(&mut self, operator: Operator) -> Result<(Arc<Test>, Arc<Outline>), PlanError> {
        if let (Operator::Rx(expression), Some(last)) = (&operator, &self.last)
            && last.expression.is_same(expression)
        {
            return Ok((Arc::clone(&last.test), Arc::clone(&last.outline)));
        }
        let test = Arc::new(Test::new(&operator)?);
        if self.builds {
            test.build()?;
        }
        self.size += match (&operator, &*test) {
            (Operator::Rx(expression) | Operator::VerifyCc(expression), _) => expression.size(),
            (_, Test::Pm(automaton)) => automaton.memory_usage(),
            _ => 0,
        };
        let outline = Arc::new(Outline::of(&operator));
        if let Operator::Rx(expression) = operator {
            self.last = Some(Known {
                expression,
                test: Arc::clone(&test),
                outline: Arc::clone(&outline),
            });
        }
        Ok((test, outline))
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
