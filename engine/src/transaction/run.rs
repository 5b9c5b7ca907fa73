//! Runs the rules of one phase, in order, over what the gates found and over what no gate can tell.

mod copies;
mod link;
mod scope;

use std::sync::Arc;

use super::{
    Transaction,
    fields::Field,
    scores::{Direction, Mark},
    variables::Readable,
};
use crate::{
    Denial, Disposition, RuleMatch, Verdict,
    matching::Hit,
    plan::{Plan, PlannedRule},
    rule::{Action, Collection, Effect, Link, Phase, Rule},
};
pub(super) use copies::Copies;
use link::Matched;
pub(super) use link::target;
use scope::Scope;

impl Transaction {
    /// Status of the answer to a request that a rule cannot judge, because its expression could not be built.
    const BROKEN_STATUS: u16 = 403;

    /// Status of the answer to a request whose score has reached its threshold.
    const SCORE_STATUS: u16 = 403;

    /// Evaluates a phase; `None` when nothing speaks against the transaction.
    pub(super) fn evaluate(&mut self, phase: Phase) -> Option<Verdict> {
        if self.control.is_off() || self.control.is_released(phase) {
            return None;
        }
        if let Some(evaluated) = self.evaluated.get_mut(phase.index()) {
            *evaluated = true;
        }
        let policy = Arc::clone(&self.policy);
        let hits = self.scan(&policy.plan, phase, 0);
        let denied = self.run(&policy.plan, phase, &hits, policy.plan.eager(phase));
        denied.or_else(|| self.judge_phase(phase))
    }

    /// Evaluates fields that came after a phase was over, from `first` on. Only rules that look at such a field
    /// take part, and what they found in an earlier piece they do not report again.
    pub(super) fn evaluate_streamed(&mut self, phase: Phase, first: u32) -> Option<Verdict> {
        if self.control.is_off() || self.control.is_released(phase) {
            return None;
        }
        let policy = Arc::clone(&self.policy);
        let mut hits = self.scan(&policy.plan, phase, first);
        let is_known = |hit: &Hit| {
            let rule = policy.plan.rules.get(hit.rule as usize);
            rule.is_some_and(|planned| self.matches.iter().any(|known| known.rule == planned.rule.id))
        };
        hits.retain(|hit| !is_known(hit));
        let denied = self.run(&policy.plan, phase, &hits, &[]);
        denied.or_else(|| self.judge_phase(phase))
    }

    /// Judges the score at the end of a phase. Without early blocking that of a request waits for the body.
    fn judge_phase(&mut self, phase: Phase) -> Option<Verdict> {
        let waits = phase == Phase::RequestHeaders && !self.policy.scoring.early_blocking;
        if waits || self.control.is_off() || self.control.is_released(phase) {
            return None;
        }
        self.judge(Direction::of(phase)?)
    }

    /// Refuses the transaction if its score has reached the threshold.
    pub(super) fn judge(&mut self, direction: Direction) -> Option<Verdict> {
        let rule = self.scores.decided_by(direction)?;
        if !self.control.is_on() {
            self.would_block = true;
            return None;
        }
        if let Some(found) = self.matches.iter_mut().find(|found| found.rule == rule) {
            found.disposition = Disposition::Blocked;
        }
        let denial = Denial {
            status: match direction {
                Direction::Inbound => Self::SCORE_STATUS,
                Direction::Outbound => Self::BAD_RESPONSE,
            },
            rule: Some(rule),
        };
        self.denial = Some(denial);
        Some(Verdict::Deny(denial))
    }

    /// Transaction variables as rules read them.
    fn readable(&self) -> Readable<'_> {
        Readable {
            variables: &self.variables,
            scores: &self.scores,
        }
    }

    fn run(&mut self, plan: &Plan, phase: Phase, mut hits: &[Hit], mut eager: &[u32]) -> Option<Verdict> {
        let mut from = 0;
        loop {
            let position = match (hits.first(), eager.first()) {
                (Some(hit), Some(eager)) => hit.rule.min(*eager),
                (Some(hit), None) => hit.rule,
                (None, Some(eager)) => *eager,
                (None, None) => return None,
            };
            let found = hits.iter().take_while(|hit| hit.rule == position).count();
            let (mine, rest) = hits.split_at_checked(found).unwrap_or_default();
            hits = rest;
            if eager.first() == Some(&position) {
                eager = eager.get(1..).unwrap_or_default();
            }
            let Some(planned) = plan.rules.get(position as usize).filter(|_| position >= from) else {
                continue;
            };
            if self.control.removes(&planned.rule) {
                continue;
            }
            let Some(matched) = self.evaluate_rule(plan, planned, mine) else {
                continue;
            };
            if let Some(denial) = self.conclude(planned, &matched) {
                self.denial = Some(denial);
                return Some(Verdict::Deny(denial));
            }
            if self.control.is_off() || self.control.is_released(phase) {
                return None;
            }
            from = planned.skip_to.unwrap_or(from);
        }
    }

    /// Scans the fields from `first` on for the gates of a phase.
    fn scan(&self, plan: &Plan, phase: Phase, first: u32) -> Vec<Hit> {
        plan.workspace.with(&plan.gates, |scratch| {
            for (index, field) in (0..).zip(self.fields.iter()).skip(first as usize) {
                let place = (field.collection, field.name, index);
                scratch.scan(&plan.gates, &plan.chains, phase, place, field.value);
            }
            scratch.take_hits()
        })
    }

    /// What the rule's first link matched, if all its links match.
    fn evaluate_rule(&mut self, plan: &Plan, planned: &PlannedRule, hits: &[Hit]) -> Option<Matched> {
        let rule = &planned.rule;
        let mut matched = if planned.is_gated {
            self.matched_by_gate(plan, planned, hits)
        } else {
            self.matched_by_link(plan, planned, &rule.head, &planned.head, &[])
        };
        if matched.is_empty() {
            return None;
        }
        self.take_effect(planned, &rule.head, &planned.head, &matched);
        let first = matched.first().cloned();
        for (link, compiled) in rule.chained.iter().zip(&planned.chained) {
            matched = self.matched_by_link(plan, planned, link, compiled, &matched);
            if matched.is_empty() {
                return None;
            }
            self.take_effect(planned, link, compiled, &matched);
        }
        first
    }

    /// Applies the effects of a link, once for each value that it matched.
    fn take_effect(
        &mut self,
        planned: &PlannedRule,
        link: &Link,
        compiled: &crate::plan::PlannedLink,
        matched: &[Matched],
    ) {
        if link.effects.is_empty() && !link.capture {
            return;
        }
        for value in matched {
            if link.capture && !link.negated {
                self.capture(&compiled.test, value);
            }
            for effect in &link.effects {
                self.apply(planned, effect, value);
            }
        }
    }

    fn apply(&mut self, planned: &PlannedRule, effect: &Effect, matched: &Matched) {
        let scope = Scope {
            fields: &self.fields,
            variables: self.readable(),
            rule: &planned.rule,
            matched: Some(matched),
        };
        match effect {
            Effect::Set { name, value } => {
                let (name, value) = (scope.name(name), scope.value(value));
                self.variables.set(&name, &value);
            }
            Effect::Add {
                name,
                value,
                negative,
            } => {
                let name = scope.name(name);
                let amount = crate::matching::number(&scope.value(value));
                let before = self.variables.value(&name).map_or(0, crate::matching::number);
                let after = if *negative {
                    before.saturating_sub(amount)
                } else {
                    before.saturating_add(amount)
                };
                self.variables.set(&name, after.to_string().as_bytes());
            }
            Effect::Unset { name } => {
                let name = scope.name(name);
                self.variables.unset(&name);
            }
            Effect::Control(change) => self.control.change(change),
        }
    }

    /// Records a match of a whole rule and takes its action.
    fn conclude(&mut self, planned: &PlannedRule, matched: &Matched) -> Option<Denial> {
        let rule = &planned.rule;
        let is_on = self.control.is_on();
        let action = if planned.is_broken() {
            let status = if rule.phase.is_response() {
                Self::BAD_RESPONSE
            } else {
                Self::BROKEN_STATUS
            };
            Action::Deny { status }
        } else {
            rule.action
        };
        let denial = match action {
            Action::Deny { status } if is_on && rule.phase != Phase::Logging => Some(Denial {
                status,
                rule: Some(rule.id),
            }),
            Action::Deny { .. } => {
                self.would_block |= rule.phase != Phase::Logging;
                None
            }
            Action::Mask if is_on => self.overwrite(planned),
            action => {
                if is_on {
                    self.control.release(action, rule.phase);
                }
                None
            }
        };
        let decides = self.count(rule);
        let disposition = match (denial, action) {
            (Some(_), _) => Disposition::Blocked,
            (None, Action::Mask) if is_on => Disposition::Masked,
            _ => Disposition::Detected,
        };
        if rule.log || decides || denial.is_some() {
            self.record(planned, matched, disposition, decides);
        }
        denial
    }

    /// Adds a match to the scores. Tells whether it is the one that reached the threshold.
    fn count(&mut self, rule: &Rule) -> bool {
        let Some(direction) = Direction::of(rule.phase) else {
            return false;
        };
        let mark = Mark {
            rule: rule.id,
            direction,
            category: rule.meta.category,
            paranoia: rule.meta.paranoia,
            score: rule.meta.score,
        };
        self.scores.add(&mark, &self.policy.scoring)
    }

    /// Keeps a match for the report; one that refuses or decides is kept whatever else there is.
    fn record(&mut self, planned: &PlannedRule, matched: &Matched, disposition: Disposition, decides: bool) {
        let (id, target) = (planned.rule.id, matched.target());
        let is_blocked = disposition == Disposition::Blocked;
        // One pattern may be several rules that look at the same value.
        let is_known = |known: &RuleMatch| known.rule == id && known.target == target;
        if !is_blocked && !decides && self.matches.iter().any(is_known) {
            return;
        }
        if self.matches.len() >= RuleMatch::PER_TRANSACTION {
            self.matches_beyond += 1;
            if !is_blocked && !decides {
                return;
            }
            // The match that decided is the one nobody must miss.
            self.matches.pop();
        }
        let meta = &planned.rule.meta;
        // What no client shall see is not for the events either.
        let masked = planned.rule.action == Action::Mask || self.is_known_hidden(matched);
        let excerpt = if masked {
            &[]
        } else {
            matched.excerpt(RuleMatch::MATCHED_LIMIT)
        };
        self.matches.push(RuleMatch {
            rule: id,
            message: Arc::clone(&meta.message),
            category: meta.category,
            severity: meta.severity,
            score: meta.score,
            paranoia: meta.paranoia,
            target,
            matched: excerpt.to_vec(),
            masked,
            disposition,
        });
    }

    /// As [`Self::is_hidden`], and remembers it of a value that more rules may match.
    fn is_known_hidden(&mut self, matched: &Matched) -> bool {
        let Some(origin) = matched.origin().filter(|_| !matched.is_count) else {
            return self.is_hidden(matched);
        };
        let changes = self.fields.changes();
        if let Some(is_hidden) = self.hidden.answer(changes, origin) {
            return is_hidden;
        }
        let is_hidden = self.is_hidden(matched);
        self.hidden.remember(changes, origin, is_hidden);
        is_hidden
    }

    /// Whether what matched is shown to nobody. A variable may hold anything that was seen.
    fn is_hidden(&self, matched: &Matched) -> bool {
        let mask = &self.policy.mask;
        let is_meant = |field: &Field<'_>| match matched.origin() {
            None | Some((Collection::Tx | Collection::Matched, _)) => true,
            Some(origin) => origin == (field.collection, field.name),
        };
        if matched.is_count {
            return false;
        }
        let mut meant = self.fields.iter().filter(is_meant);
        meant.any(|field| mask.hides(field.collection, field.name, field.value))
            || matches!(matched.origin(), Some((Collection::BodyValues, name)) if self.hides_within(name))
    }

    /// Whether a value of the body, as that of an element, holds another one that is shown to nobody.
    fn hides_within(&self, name: &[u8]) -> bool {
        let values = self
            .fields
            .iter()
            .filter(|field| field.collection == Collection::BodyValues);
        self.policy
            .mask
            .hides_within(name, values.map(|field| field.name))
    }
}
