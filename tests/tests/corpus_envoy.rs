//! The corpus through a real Envoy: the same cases, with the same expectations, as on the engine alone.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use secbeat_e2e::{
    Context, Failure, Result, Stack,
    corpus::{Case, Expectation},
    ensure,
    volley::{Outcome, fire_all},
    wait,
};
use serde_json::Value;

fn cases(is_attack: bool) -> Result<Vec<Case>> {
    let cases = Case::load_all().map_err(|errors| Failure::new(errors.to_string()))?;
    Ok(cases
        .into_iter()
        .filter(|case| (case.expectation != Expectation::Pass) == is_attack)
        .collect())
}

fn name(outcome: &Outcome<'_>) -> String {
    format!(
        "{} [{}] ({})",
        outcome.case.file.display(),
        outcome.case.id,
        outcome.response.status
    )
}

#[test]
fn benign_corpus_passes() -> Result<()> {
    let stack = Stack::start()?;
    let cases = cases(false)?;
    let outcomes = fire_all(&cases, stack.envoy.address())?;
    let refused: Vec<String> = outcomes
        .iter()
        .filter(|outcome| outcome.is_blocked())
        .map(name)
        .collect();
    ensure!(
        refused.is_empty(),
        "{} of {} were refused:\n{}",
        refused.len(),
        cases.len(),
        refused.join("\n")
    );
    ensure!(
        stack.origin.requests() == cases.len() as u64,
        "the origin saw {} requests",
        stack.origin.requests()
    );
    Ok(())
}

#[test]
fn attack_corpus_is_refused_by_the_expected_rules() -> Result<()> {
    let stack = Stack::start()?;
    let cases = cases(true)?;
    let outcomes = fire_all(&cases, stack.envoy.address())?;
    let passed: Vec<String> = outcomes
        .iter()
        .filter(|outcome| !outcome.is_blocked())
        .map(name)
        .collect();
    ensure!(
        passed.is_empty(),
        "{} of {} passed:\n{}",
        passed.len(),
        cases.len(),
        passed.join("\n")
    );
    ensure!(
        stack.origin.bytes() == 0,
        "the origin saw {} bytes",
        stack.origin.bytes()
    );

    let blockers = blockers(&stack, outcomes.len())?;
    let wrong: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| {
            let Expectation::Block { rule, .. } = outcome.case.expectation else {
                return None;
            };
            let blockers = outcome.request_id().and_then(|id| blockers.get(&id));
            let is_expected = blockers.is_some_and(|rules| rules.contains(&u64::from(rule.0)));
            (!is_expected).then(|| format!("{}: expected {rule}, found {blockers:?}", name(outcome)))
        })
        .collect();
    ensure!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    Ok(())
}

/// The rules that refused each request, by request id, once so many events are in the store.
fn blockers(stack: &Stack, expected: usize) -> Result<HashMap<String, BTreeSet<u64>>> {
    let events = wait::until("the events", Duration::from_secs(10), || {
        let events = stack.api().events()?;
        ensure!(events.len() >= expected, "{} of {expected} events", events.len());
        Ok(events)
    })?;
    let rules = |event: &Value| -> Option<BTreeSet<u64>> {
        let matches = event.get("matches")?.as_array()?.iter();
        Some(
            matches
                .filter(|found| found.get("action") == Some(&Value::from("blocked")))
                .filter_map(|found| found.get("rule")?.as_u64())
                .collect(),
        )
    };
    events
        .iter()
        .map(|event| {
            let id = event
                .get("request_id")
                .and_then(Value::as_str)
                .context(format!("no request id in {event}"))?;
            Ok((
                id.to_owned(),
                rules(event).context(format!("no matches in {event}"))?,
            ))
        })
        .collect()
}
