//! Runs the corpus on the engine alone: the same cases that go through a real Envoy elsewhere.

#![expect(
    clippy::panic,
    reason = "a corpus or a pack that cannot be read fails every test here"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use secbeat_e2e::corpus::{Case, Expectation};
use secbeat_engine::{
    Disposition, Policy, RequestHead, RuleMatch, Transaction, Verdict, compile,
    config::{Category, PatternAction, PolicyConfig},
    packs,
    rule::RuleId,
    trace::{Outcome, Trace, TraceValue},
};

const PACK: &str = "core";

fn corpus() -> Vec<Case> {
    Case::load_all().unwrap_or_else(|errors| panic!("the corpus is not sound:\n{errors}"))
}

fn policy() -> Arc<Policy> {
    let config = PolicyConfig {
        packs: vec![PACK.to_owned()],
        ..PolicyConfig::default()
    };
    Arc::new(compile(&config).unwrap_or_else(|errors| panic!("the pack does not compile: {errors}")))
}

/// Feeds a case to the engine as Envoy would, its body in pieces.
fn run(policy: &Arc<Policy>, case: &Case) -> (Verdict, Vec<RuleMatch>) {
    let (verdict, transaction) = transact(policy, case);
    (verdict, transaction.matches().to_vec())
}

fn transact(policy: &Arc<Policy>, case: &Case) -> (Verdict, Transaction) {
    let pairs = case.envoy_headers();
    let headers: Vec<(&[u8], &[u8])> = pairs
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
        .collect();
    let mut transaction = Transaction::new(Arc::clone(policy));
    let body = case.body.as_deref().unwrap_or_default();
    let mut verdict = transaction.request_headers(
        &RequestHead {
            client: None,
            headers: &headers,
        },
        case.body.is_none(),
    );
    let mut pieces = body.chunks(16 * 1024).peekable();
    while verdict == Verdict::Hold {
        let piece = pieces.next().unwrap_or_default();
        verdict = transaction.request_body(piece, pieces.peek().is_none());
    }
    (verdict, transaction)
}

/// What is not as expected of a case, if anything.
fn complaint(policy: &Arc<Policy>, case: &Case) -> Option<String> {
    let (verdict, matches) = run(policy, case);
    let blockers: Vec<String> = matches
        .iter()
        .filter(|found| found.disposition == Disposition::Blocked)
        .map(|found| {
            format!(
                "{} at {} by {:?}",
                found.rule,
                found.target,
                String::from_utf8_lossy(&found.matched)
            )
        })
        .collect();
    let reason = match case.expectation {
        Expectation::Pass if verdict == Verdict::Allow && blockers.is_empty() => return None,
        Expectation::Pass => format!("expected to pass, found {verdict:?}: {}", blockers.join(", ")),
        Expectation::Block { category, rule } => {
            let hit = matches.iter().any(|found| {
                found.disposition == Disposition::Blocked && found.rule == rule && found.category == category
            });
            if hit && matches!(verdict, Verdict::Deny(_)) {
                return None;
            }
            format!(
                "expected {rule} ({}) to block, found {verdict:?}: {}",
                category.as_str(),
                blockers.join(", ")
            )
        }
    };
    Some(format!("{} [{}]: {reason}", case.file.display(), case.id))
}

fn assert_as_expected(kind: impl Fn(&Case) -> bool) {
    let policy = policy();
    let cases: Vec<Case> = corpus().into_iter().filter(kind).collect();
    assert!(
        cases.len() >= 200,
        "the corpus has shrunk to {} cases",
        cases.len()
    );
    let complaints: Vec<String> = cases.iter().filter_map(|case| complaint(&policy, case)).collect();
    assert!(
        complaints.is_empty(),
        "{} of {} cases:\n{}",
        complaints.len(),
        cases.len(),
        complaints.join("\n")
    );
}

#[test]
fn benign_requests_match_no_blocking_rule() {
    assert_as_expected(|case| case.expectation == Expectation::Pass);
}

#[test]
fn attacks_are_refused_by_the_expected_rule() {
    assert_as_expected(|case| case.expectation != Expectation::Pass);
}

#[test]
fn traces_tell_the_verdict_show_what_matched_and_are_bounded() {
    let policy = policy();
    for case in corpus() {
        let (verdict, transaction) = transact(&policy, &case);
        let trace = transaction.explain();
        let expected = match verdict {
            Verdict::Allow => Outcome::Allow,
            Verdict::Hold => Outcome::Hold,
            Verdict::Deny(_) => Outcome::Deny,
        };
        let name = &case.id;
        assert_eq!(trace.verdict, expected, "{name}");
        assert!(
            serde_json::to_vec(&trace).unwrap().len() <= Trace::JSON_LIMIT,
            "{name}"
        );
        for found in transaction.matches() {
            let shows = |value: &TraceValue| {
                let mut matched = value.steps.iter().flat_map(|step| &step.matched);
                value.target == found.target && matched.any(|shown| shown.rule == found.rule.0)
            };
            // A count is no value.
            assert!(
                found.target.starts_with('&') || trace.values.iter().any(shows),
                "{name}: no value shows {} at {}",
                found.rule,
                found.target
            );
        }
    }
}

#[test]
fn every_rule_of_the_pack_has_two_attacks_and_two_near_misses() {
    let (mut attacks, mut misses) = (BTreeMap::new(), BTreeMap::new());
    for case in corpus() {
        if let Expectation::Block { rule, .. } = case.expectation {
            *attacks.entry(rule).or_default() += 1;
        }
        for rule in case.near {
            *misses.entry(rule).or_default() += 1;
        }
    }
    let pack = packs::find(PACK).unwrap().config().unwrap();
    let ids: BTreeSet<RuleId> = pack.patterns.iter().map(|pattern| RuleId(pattern.id)).collect();
    for (kind, cases) in [("attacks", attacks), ("near misses", misses)] {
        let cases: BTreeMap<RuleId, usize> = cases;
        let has_few = |rule: &&RuleId| cases.get(rule).is_none_or(|&count| count < 2);
        let bare: Vec<&RuleId> = ids.iter().filter(has_few).collect();
        assert!(bare.is_empty(), "rules with fewer than two {kind}: {bare:?}");
        let unknown: Vec<&RuleId> = cases.keys().filter(|rule| !ids.contains(rule)).collect();
        assert!(
            unknown.is_empty(),
            "{kind} of rules that are not in the pack: {unknown:?}"
        );
    }
}

#[test]
fn every_category_of_the_pack_has_twelve_attacks() {
    for &category in Category::ALL
        .iter()
        // Leaks are told from responses, which have cases of their own.
        .filter(|category| !matches!(category, Category::Custom | Category::DataLeak))
    {
        let count = corpus()
            .iter()
            .filter(|case| matches!(case.expectation, Expectation::Block { category: found, .. } if found == category))
            .count();
        assert!(count >= 12, "{} has {count} attacks", category.as_str());
    }
}

#[test]
fn ids_of_the_pack_lie_in_the_block_of_their_category() {
    let pack = packs::find(PACK).unwrap().config().unwrap();
    let mut seen = BTreeSet::new();
    for pattern in &pack.patterns {
        let block = Category::ALL
            .iter()
            .position(|&category| category == pattern.category)
            .unwrap() as u32
            + 1;
        assert_eq!(
            pattern.id / 1_000,
            7_000 + block,
            "{} ({})",
            pattern.id,
            pattern.category.as_str()
        );
        assert!(seen.insert(pattern.id), "{} appears twice", pattern.id);
        assert_eq!(pattern.action, PatternAction::Score, "{}", pattern.id);
        assert!(
            pattern.enabled && !pattern.name.is_empty() && !pattern.tags.is_empty(),
            "{}",
            pattern.id
        );
    }
}
