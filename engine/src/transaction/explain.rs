//! Derives the trace of a transaction from its fields and its plan, after the fact.
//!
//! Values are asked about again here, so that the transaction itself has nothing to note down. The verdict, and what it
//! rests on, are the transaction's own. Chunks of a streamed body are not kept by a transaction and in no trace.

mod copies;

use std::collections::BTreeSet;

use super::{Transaction, body::Body, fields::Field, run, scores::Direction};
use crate::{
    Disposition, RuleMatch,
    config::Mode,
    matching::{ChainId, Gate},
    plan::PlannedRule,
    rule::{Action, Collection, Phase, RuleId},
    trace::{
        Bounded, Outcome, Room, Shown, Trace, TraceFound, TraceMatch, TraceScore, TraceStep, TraceValue,
    },
};
use copies::{Copies, Copy};

/// A rule that looks at a value.
struct Look<'a> {
    planned: &'a PlannedRule,
    /// Absent for a rule that no gate stands for.
    gate: Option<&'a Gate>,
    chain: ChainId,
}

impl Transaction {
    /// Derives the trace of what happened so far. Takes a few times as long as the transaction itself took: values that
    /// are not shown are not looked at either, but for those that bear the name of a match.
    pub fn explain(&self) -> Trace {
        let half = Trace::VALUES_LIMIT / 2;
        let mut values = Bounded::new(
            Room {
                items: Trace::VALUES,
                cost: half,
            },
            Room {
                items: RuleMatch::PER_TRANSACTION,
                cost: half,
            },
        );
        // Every match is shown in some value; one is enough.
        let mut unshown: Vec<&RuleMatch> = self.matches.iter().collect();
        let elements = self.elements();
        for field in self.fields.iter() {
            if values.is_closed() && !is_among(&field, &unshown) {
                values.pass();
                continue;
            }
            let value = self.explain_field(&field, &elements);
            let before = unshown.len();
            unshown.retain(|found| !value.shows(found));
            let size = serde_json::to_vec(&value).map_or(usize::MAX, |json| json.len() + 1);
            values.offer(value, unshown.len() < before, size);
        }
        let verdict = match (self.denial, &self.body) {
            (Some(_), _) => Outcome::Deny,
            (None, Body::Held(_)) => Outcome::Hold,
            (None, _) => Outcome::Allow,
        };
        Trace {
            verdict,
            status: self.denial.map(|denial| denial.status),
            rule: self.denial.and_then(|denial| Some(denial.rule?.0)),
            limit: self.limit_exceeded.map(str::to_owned),
            reason: self.reason(),
            would_block: self.would_block(),
            mode: self.policy.mode,
            revision: self.policy.revision,
            rules: self.policy.rules(),
            score: self.explain_score(),
            phases: self.evaluated().map(|phase| phase.as_str().to_owned()).collect(),
            matches: self.matches.iter().map(TraceMatch::from).collect(),
            matches_beyond: self.matches_beyond,
            values: values.items,
            values_beyond: values.beyond,
        }
    }

    fn evaluated(&self) -> impl Iterator<Item = Phase> {
        let phases = Phase::ALL.into_iter().zip(self.evaluated);
        phases.filter_map(|(phase, was_evaluated)| was_evaluated.then_some(phase))
    }

    /// The names of all values of the body, sorted.
    fn elements(&self) -> Vec<&[u8]> {
        let values = self.fields.iter();
        let values = values.filter(|field| field.collection == Collection::BodyValues);
        let mut names: Vec<_> = values.map(|field| field.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn explain_score(&self) -> TraceScore {
        let scoring = &self.policy.scoring;
        let categories = self.category_scores();
        TraceScore {
            inbound: self.inbound_score(),
            inbound_threshold: scoring.inbound_threshold,
            outbound: self.outbound_score(),
            outbound_threshold: scoring.outbound_threshold,
            categories: categories
                .map(|(category, score)| (category.as_str().to_owned(), score))
                .collect(),
        }
    }

    fn reason(&self) -> String {
        if let Some(denial) = self.denial {
            return match denial.rule {
                Some(rule) => self.reason_of(rule),
                None => format!("limit {} refuses", self.limit_exceeded.unwrap_or_default()),
            };
        }
        let count = self.matches.len() + self.matches_beyond;
        let is_overwritten = |found: &&RuleMatch| found.disposition == Disposition::Masked;
        let overwritten = self.matches.iter().filter(is_overwritten).count();
        match self.policy.mode {
            Mode::Off => "nothing is inspected in mode off".to_owned(),
            _ if self.would_block => format!("{}; mode detect lets it pass", self.reason_spared()),
            _ if count == 0 => "nothing matched".to_owned(),
            _ if overwritten > 0 => {
                format!("{count} matched, {overwritten} of them overwritten in the response")
            }
            _ => format!("{count} matched, which is not enough to refuse"),
        }
    }

    /// How a rule led to the refusal: by itself, or by the score that it completed.
    fn reason_of(&self, rule: RuleId) -> String {
        let found = self.matches.iter().rfind(|found| found.rule == rule);
        let message = found.map_or("", |found| &found.message);
        let refuses = |planned: &PlannedRule| {
            let denies = matches!(planned.rule.action, Action::Deny { .. }) || planned.is_broken();
            planned.rule.id == rule && denies
        };
        if self.policy.plan.rules.iter().any(refuses) {
            return format!("rule {rule} refuses ({message})");
        }
        self.reason_of_score()
            .unwrap_or_else(|| format!("rule {rule} refuses"))
    }

    /// What it would be refused for if anything were.
    fn reason_spared(&self) -> String {
        let limit = || Some(format!("limit {} is exceeded", self.limit_exceeded?));
        self.reason_of_score()
            .or_else(limit)
            .unwrap_or_else(|| "a rule that blocks matched".to_owned())
    }

    /// Which score reached its threshold, and by which rule; the response is judged after the request.
    fn reason_of_score(&self) -> Option<String> {
        let directions = [Direction::Outbound, Direction::Inbound].into_iter();
        let mut decided =
            directions.filter_map(|direction| Some((direction, self.scores.decided_by(direction)?)));
        let (direction, rule) = decided.next()?;
        let score = self.scores.total(direction);
        let threshold = match direction {
            Direction::Inbound => self.policy.scoring.inbound_threshold,
            Direction::Outbound => self.policy.scoring.outbound_threshold,
        };
        let found = self.matches.iter().rfind(|found| found.rule == rule);
        let message = found.map_or("", |found| &found.message);
        Some(format!(
            "score {score} reaches the threshold {threshold} with rule {rule} ({message})"
        ))
    }

    fn explain_field(&self, field: &Field<'_>, elements: &[&[u8]]) -> TraceValue {
        let Field {
            collection,
            name,
            value,
        } = *field;
        let looks = self.looks(field);
        let mut copies = Copies::new(&self.policy.plan.chains, value);
        let mut by_copy: Vec<(usize, &Look<'_>)> = Vec::new();
        for look in &looks {
            let path = copies.path(look.chain);
            let skipped = if look.planned.rule.head.multi_match {
                0
            } else {
                path.len().saturating_sub(1)
            };
            by_copy.extend(path.into_iter().skip(skipped).map(|copy| (copy, look)));
        }
        let target = run::target(Some(collection), name, false);
        // A rule may hide what it matched, as one does that overwrites it in the response.
        let masked = self
            .matches
            .iter()
            .any(|found| found.masked && found.target == target)
            || self.policy.mask.hides(collection, name, value)
            || collection == Collection::BodyValues
                && self.policy.mask.hides_within(name, behind(elements, name));
        let room = Room {
            items: Trace::STEPS,
            cost: 0,
        };
        let mut steps = Bounded::new(room, room);
        for (index, copy) in copies.all().enumerate() {
            let looks = by_copy
                .iter()
                .filter(|(of, _)| *of == index)
                .map(|(_, look)| *look);
            let step = self.explain_copy(copy, looks, masked);
            let has_matched = !step.matched.is_empty();
            steps.offer(step, has_matched, 0);
        }
        let rules: BTreeSet<_> = looks.iter().map(|look| look.planned.rule.id).collect();
        TraceValue {
            target,
            masked,
            rules: rules.len(),
            steps: steps.items,
            steps_beyond: steps.beyond,
        }
    }

    /// Every rule that one value alone may make match, and that looks at this one.
    fn looks(&self, field: &Field<'_>) -> Vec<Look<'_>> {
        let plan = &self.policy.plan;
        let (collection, name) = (field.collection, field.name);
        let mut looks = Vec::new();
        for phase in self.evaluated() {
            looks.extend(plan.gates.looking_at(phase, collection, name).filter_map(|gate| {
                Some(Look {
                    planned: plan.rules.get(gate.rule as usize)?,
                    gate: Some(gate),
                    chain: gate.chain,
                })
            }));
            let others = plan
                .eager(phase)
                .iter()
                .filter_map(|position| plan.rules.get(*position as usize));
            looks.extend(
                others
                    .filter(|planned| planned.is_about(collection, name))
                    .map(|planned| Look {
                        planned,
                        gate: None,
                        chain: planned.head.chain,
                    }),
            );
        }
        looks.retain(|look| {
            let rule = &look.planned.rule;
            !self.control.removes(rule) && !self.control.removes_target(rule, collection, name)
        });
        looks
    }

    fn explain_copy<'a>(
        &self,
        copy: &Copy<'_>,
        looks: impl Iterator<Item = &'a Look<'a>>,
        masked: bool,
    ) -> TraceStep {
        let bytes = &*copy.bytes;
        let approach = self.policy.plan.gates.approach(bytes);
        let mut rules = [(); 3].map(|()| BTreeSet::new());
        let [looking, candidates, asked] = &mut rules;
        let mut matched_ids = BTreeSet::new();
        let mut matched = Bounded::plain(Trace::RULES);
        for look in looks {
            let id = look.planned.rule.id.0;
            looking.insert(id);
            if let Some(gate) = look.gate {
                if !approach.reaches(gate) {
                    continue;
                }
                candidates.insert(id);
                if !approach.opens(gate) {
                    continue;
                }
            } else {
                candidates.insert(id);
            }
            asked.insert(id);
            let Some(span) = look.planned.head.test.find_alone(bytes) else {
                continue;
            };
            if !matched_ids.insert(id) {
                continue;
            }
            let part = bytes.get(span.clone()).unwrap_or_default();
            let found = TraceFound {
                rule: id,
                message: look.planned.rule.meta.message.to_string(),
                span: (!masked).then_some([span.start, span.end]),
                matched: (!masked).then(|| Shown::beginning(part, RuleMatch::MATCHED_LIMIT)),
            };
            matched.offer(found, false, 0);
        }
        TraceStep {
            after: copy.after.iter().map(ToString::to_string).collect(),
            value: (!masked).then(|| Shown::beginning(bytes, Trace::VALUE_BYTES)),
            length: (!masked).then_some(bytes.len()),
            rules: looking.len(),
            candidates: candidates.len(),
            asked_beyond: asked.len().saturating_sub(Trace::RULES),
            asked: asked.iter().copied().take(Trace::RULES).collect(),
            matched: matched.items,
            matched_beyond: matched.beyond,
        }
    }
}

/// Whether a match may rest on a field.
fn is_among(field: &Field<'_>, matches: &[&RuleMatch]) -> bool {
    if matches.is_empty() {
        return false;
    }
    let target = run::target(Some(field.collection), field.name, false);
    matches.iter().any(|found| found.target == target)
}

/// Of sorted names those that begin with a name.
fn behind<'n>(sorted: &[&'n [u8]], name: &[u8]) -> impl Iterator<Item = &'n [u8]> {
    let start = sorted.partition_point(|other| *other < name);
    let behind = sorted.get(start..).unwrap_or_default().iter().copied();
    behind.take_while(move |other| other.starts_with(name))
}
