//! Scores, thresholds, paranoia levels: when matches add up to a refusal.

use super::*;
use crate::{
    Disposition,
    config::{Category, Scoring, Severity},
    rule::RuleId,
};

/// A pattern that scores when `text` stands in the query, a header or the body.
fn scores(id: u32, text: &str, severity: Severity) -> PatternConfig {
    PatternConfig {
        severity,
        action: PatternAction::Score,
        ..pattern(id, text, &[])
    }
}

fn level(paranoia: u8, pattern: PatternConfig) -> PatternConfig {
    PatternConfig { paranoia, ..pattern }
}

fn policy(scoring: Scoring, patterns: Vec<PatternConfig>) -> PolicyConfig {
    PolicyConfig {
        patterns,
        scoring,
        ..PolicyConfig::default()
    }
}

/// Two warnings, a notice, an error and something critical.
fn words() -> Vec<PatternConfig> {
    vec![
        scores(1, "warn-a", Severity::Warning),
        scores(2, "warn-b", Severity::Warning),
        scores(3, "note", Severity::Notice),
        scores(4, "error", Severity::Error),
        scores(5, "crit", Severity::Critical),
    ]
}

fn ids(transaction: &Transaction) -> Vec<u32> {
    transaction.matches().iter().map(|found| found.rule.0).collect()
}

fn blockers(transaction: &Transaction) -> Vec<u32> {
    let blocked = |found: &&RuleMatch| found.disposition == Disposition::Blocked;
    let matches = transaction.matches().iter().filter(blocked);
    matches.map(|found| found.rule.0).collect()
}

#[test]
fn a_request_is_refused_at_the_threshold_by_the_rule_that_reached_it() {
    for (threshold, query, score, verdict) in [
        (5, "warn-a", 3, Verdict::Allow),
        (5, "warn-a+warn-b", 6, denied(2)),
        (6, "warn-a+warn-b", 6, denied(2)),
        (7, "warn-a+warn-b", 6, Verdict::Allow),
        (5, "warn-a+note", 5, denied(3)),
        (5, "error", 4, Verdict::Allow),
        (5, "crit", 5, denied(5)),
        (5, "note&b=note&c=note", 2, Verdict::Allow),
        (1, "note+crit", 7, denied(3)),
        (5, "nothing", 0, Verdict::Allow),
    ] {
        let scoring = Scoring {
            inbound_threshold: threshold,
            ..Scoring::default()
        };
        let mut transaction = transaction(&policy(scoring, words()));
        let case = format!("{query} at {threshold}");
        assert_eq!(
            head(&mut transaction, &format!("/?a={query}"), &[], true),
            verdict,
            "{case}"
        );
        assert_eq!(transaction.inbound_score(), score, "{case}");
        assert!(!transaction.would_block(), "{case}");
        let rule = transaction.denial().and_then(|denial| denial.rule);
        assert_eq!(
            blockers(&transaction),
            rule.iter().map(|rule| rule.0).collect::<Vec<_>>(),
            "{case}"
        );
    }
}

#[test]
fn evaluation_goes_on_to_the_end_of_the_phase_and_tells_everything() {
    let patterns = vec![
        scores(1, "warn", Severity::Critical),
        PatternConfig {
            category: Category::Xss,
            score: Some(7),
            ..scores(2, "warn", Severity::Notice)
        },
    ];
    let mut transaction = transaction(&policy(Scoring::default(), patterns));
    assert_eq!(head(&mut transaction, "/?a=warn", &[], true), denied(1));
    assert_eq!((ids(&transaction), blockers(&transaction)), (vec![1, 2], vec![1]));
    let scores: Vec<_> = transaction.matches().iter().map(|found| found.score).collect();
    assert_eq!(scores, [5, 7]);
    assert_eq!(transaction.inbound_score(), 12);
    let categories: Vec<_> = transaction.category_scores().collect();
    assert_eq!(categories, [(Category::Xss, 7), (Category::Custom, 5)]);
}

#[test]
fn a_pattern_that_blocks_refuses_at_once_whatever_the_score() {
    let patterns = vec![
        PatternConfig {
            severity: Severity::Notice,
            ..pattern(1, "stop", &[])
        },
        scores(2, "stop", Severity::Critical),
    ];
    let mut transaction = transaction(&policy(Scoring::default(), patterns));
    assert_eq!(head(&mut transaction, "/?a=stop", &[], true), denied(1));
    assert_eq!(ids(&transaction), [1]);
    assert_eq!(transaction.inbound_score(), 2);
}

#[test]
fn a_pattern_that_detects_adds_nothing() {
    let patterns = vec![PatternConfig {
        action: PatternAction::Detect,
        ..pattern(1, "crit", &[])
    }];
    let mut transaction = transaction(&policy(Scoring::default(), patterns));
    assert_eq!(head(&mut transaction, "/?a=crit", &[], true), Verdict::Allow);
    assert_eq!((ids(&transaction), transaction.inbound_score()), (vec![1], 0));
    assert_eq!(transaction.matches()[0].score, 0);
}

#[test]
fn paranoia_levels_tell_what_refuses_what_reports_and_what_is_not_evaluated() {
    let block = level(2, pattern(1, "word", &[]));
    let score = level(2, scores(2, "word", Severity::Critical));
    for (blocking, executing, matched, score_of_all, verdict) in [
        (1, None, vec![], 0, Verdict::Allow),
        (1, Some(1), vec![], 0, Verdict::Allow),
        (1, Some(2), vec![1, 2], 0, Verdict::Allow),
        (1, Some(4), vec![1, 2], 0, Verdict::Allow),
        (2, None, vec![1], 5, denied(1)),
        (4, None, vec![1], 5, denied(1)),
    ] {
        let scoring = Scoring {
            paranoia_level: blocking,
            executing_paranoia_level: executing,
            ..Scoring::default()
        };
        let mut transaction = transaction(&policy(scoring, vec![block.clone(), score.clone()]));
        let case = format!("{blocking} {executing:?}");
        assert_eq!(head(&mut transaction, "/?a=word", &[], true), verdict, "{case}");
        assert_eq!(ids(&transaction), matched, "{case}");
        assert_eq!(transaction.inbound_score(), score_of_all, "{case}");
        assert!(!transaction.would_block(), "{case}");
        assert!(transaction.matches().iter().all(|found| found.paranoia == 2));
    }
}

const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];

#[test]
fn scores_of_head_and_body_add_up() {
    let mut transaction = transaction(&policy(Scoring::default(), words()));
    assert_eq!(head(&mut transaction, "/?a=warn-a", FORM, false), Verdict::Hold);
    assert_eq!(transaction.request_body(b"a=warn-a&b=", false), Verdict::Hold);
    assert_eq!(transaction.request_body(b"note", true), denied(3));
    assert_eq!(ids(&transaction), [1, 1, 3]);
    assert_eq!(transaction.inbound_score(), 5);
}

#[test]
fn early_blocking_refuses_before_the_body_and_late_blocking_behind_it() {
    for (early_blocking, at_head, matched) in [(true, denied(5), vec![5]), (false, Verdict::Hold, vec![5, 1])]
    {
        let scoring = Scoring {
            early_blocking,
            ..Scoring::default()
        };
        let mut transaction = transaction(&policy(scoring, words()));
        assert_eq!(head(&mut transaction, "/?a=crit", FORM, false), at_head);
        assert_eq!(transaction.request_body(b"a=warn-a", true), denied(5));
        assert_eq!(ids(&transaction), matched, "{early_blocking}");
        assert_eq!(blockers(&transaction), [5]);
    }
}

#[test]
fn late_blocking_lets_no_request_go_on_unjudged() {
    let late = Scoring {
        early_blocking: false,
        ..Scoring::default()
    };
    let no_body = BodyPolicy {
        inspect: false,
        ..BodyPolicy::default()
    };
    let small = |over_limit| BodyPolicy {
        limit: 4,
        over_limit,
        ..BodyPolicy::default()
    };
    let grpc = &[("content-type", "application/grpc"), ("te", "trailers")][..];
    let upgrade = &[("upgrade", "websocket"), ("connection", "upgrade")][..];
    let length = &[("content-length", "100")][..];
    for (body, headers, end) in [
        (BodyPolicy::default(), &[][..], true),
        (no_body, FORM, false),
        (small(OverLimit::Skip), length, false),
        (BodyPolicy::default(), grpc, false),
        (BodyPolicy::default(), upgrade, false),
    ] {
        let config = PolicyConfig {
            body,
            ..policy(late.clone(), words())
        };
        let mut transaction = transaction(&config);
        assert_eq!(
            head(&mut transaction, "/?a=crit", headers, end),
            denied(5),
            "{headers:?}"
        );
    }
    for over_limit in [OverLimit::Skip, OverLimit::InspectPrefix] {
        let config = PolicyConfig {
            body: small(over_limit),
            ..policy(late.clone(), words())
        };
        let mut transaction = transaction(&config);
        assert_eq!(head(&mut transaction, "/?a=crit", FORM, false), Verdict::Hold);
        assert_eq!(transaction.request_body(b"a=123456", false), denied(5));
    }
}

#[test]
fn a_stream_is_refused_where_its_score_reaches_the_threshold() {
    let grpc = &[("content-type", "application/grpc"), ("te", "trailers")];
    let mut transaction = transaction(&policy(Scoring::default(), words()));
    assert_eq!(head(&mut transaction, "/?a=warn-a", grpc, false), Verdict::Allow);
    assert_eq!(
        transaction.request_body(b"\0\0\0\0\x06warn-a", false),
        Verdict::Allow
    );
    assert_eq!(transaction.request_body(b"\0\0\0\0\x06warn-b", false), denied(2));
    assert_eq!(transaction.inbound_score(), 6);
}

#[test]
fn detection_tells_what_blocking_would_have_done() {
    for (query, would_block) in [
        ("warn-a", false),
        ("warn-a+warn-b", true),
        ("stop", true),
        ("nothing", false),
    ] {
        let mut patterns = words();
        patterns.push(pattern(6, "stop", &[]));
        let config = PolicyConfig {
            mode: Mode::Detect,
            ..policy(Scoring::default(), patterns)
        };
        let mut transaction = transaction(&config);
        let path = format!("/?a={query}");
        assert_eq!(head(&mut transaction, &path, &[], true), Verdict::Allow);
        assert_eq!(transaction.would_block(), would_block, "{query}");
        assert!(blockers(&transaction).is_empty());
    }
    let mut transaction = transaction(&PolicyConfig {
        mode: Mode::Detect,
        body: BodyPolicy {
            limit: 4,
            ..BodyPolicy::default()
        },
        ..PolicyConfig::default()
    });
    head(&mut transaction, "/", FORM, false);
    assert_eq!(transaction.request_body(b"a=123456", true), Verdict::Allow);
    assert!(transaction.would_block(), "the body is over its limit");
}

#[test]
fn responses_have_a_score_and_a_threshold_of_their_own() {
    let leaked = Denial {
        status: 502,
        rule: Some(RuleId(9)),
    };
    let leak = |id, severity| PatternConfig {
        targets: vec!["response_headers".to_owned()],
        ..scores(id, "leak", severity)
    };
    for (severity, verdict) in [
        (Severity::Warning, Verdict::Allow),
        (Severity::Error, Verdict::Deny(leaked)),
    ] {
        let mut patterns = words();
        patterns.push(leak(9, severity));
        let mut transaction = transaction(&policy(Scoring::default(), patterns));
        assert_eq!(head(&mut transaction, "/?a=error", &[], true), Verdict::Allow);
        let response = ResponseHead {
            headers: &[(b":status", b"200"), (b"x-debug", b"leak")],
        };
        assert_eq!(transaction.response_headers(&response, true), verdict);
        assert_eq!(transaction.inbound_score(), 4);
        assert_eq!(transaction.outbound_score(), severity.score());
    }
}

#[test]
fn the_decisive_match_is_kept_among_many() {
    let note = |id| PatternConfig {
        score: Some(1),
        ..scores(id, "word", Severity::Notice)
    };
    let scoring = Scoring {
        inbound_threshold: 40,
        ..Scoring::default()
    };
    let mut transaction = transaction(&policy(scoring, (1..=50).map(note).collect()));
    assert_eq!(head(&mut transaction, "/?a=word", &[], true), denied(40));
    assert_eq!(transaction.matches().len(), RuleMatch::PER_TRANSACTION);
    assert_eq!(transaction.matches_beyond(), 50 - RuleMatch::PER_TRANSACTION);
    assert_eq!(blockers(&transaction), [40]);
    assert_eq!(transaction.inbound_score(), 50);
}

#[test]
fn a_share_of_the_requests_is_inspected() {
    const DRAWS: u64 = if cfg!(miri) { 200 } else { 10_000 };
    for percent in [0, 1, 10, 50, 99, 100] {
        let scoring = Scoring {
            sampling_percent: percent,
            ..Scoring::default()
        };
        let policy = compile(&policy(scoring, Vec::new())).unwrap();
        let draws = (0..DRAWS).map(|draw| u64::MAX / (DRAWS - 1) * draw);
        let inspected = draws.filter(|draw| policy.samples(|| *draw)).count() as u64;
        let expected = DRAWS * u64::from(percent) / 100;
        assert!(inspected.abs_diff(expected) <= 1, "{percent}: {inspected}");
        assert_eq!(policy.samples(|| 0), percent > 0);
        assert_eq!(policy.samples(|| u64::MAX), percent == 100);
    }
}

#[test]
fn rules_of_a_program_read_the_scores_on_top_of_their_own_variables() {
    use crate::{
        compile_program,
        rule::{Action, Collection, Comparison, Effect, Item, Link, Operator, Selector, Target, Template},
    };
    let template = |text: &str| Template::parse(text).unwrap();
    let own = Effect::Set {
        name: template("inbound_anomaly_score_pl1"),
        value: template("4"),
    };
    let start = program::rule(
        1,
        Link {
            effects: vec![own],
            ..Link::new(Vec::new(), Operator::UnconditionalMatch)
        },
    );
    let limit = |id, name: &str, expected: &str| {
        let target = Target {
            selector: Selector::Name(name.as_bytes().into()),
            ..Target::all(Collection::Tx)
        };
        let operator = Operator::Number(Comparison::Ge, template(expected));
        let mut rule = program::rule(id, Link::new(vec![target], operator));
        rule.phase = Phase::RequestBody;
        rule
    };
    let mut deny = limit(2, "inbound_anomaly_score_pl1", "%{tx.wanted}7");
    deny.action = Action::Deny { status: 406 };
    let program = [
        start,
        limit(3, "custom_score", "3"),
        limit(4, "xss_score", "0"),
        deny,
    ];
    let config = policy(Scoring::default(), words());
    let policy = compile_program(&config, program.map(Item::Rule).into()).unwrap();
    let policy = Arc::new(policy);
    for (query, matched, denial) in [
        ("nothing", vec![1], None),
        ("warn-a", vec![1, 1, 3, 2], Some(406)),
    ] {
        let mut transaction = Transaction::new(Arc::clone(&policy));
        head(&mut transaction, &format!("/?a={query}"), &[], true);
        assert_eq!(ids(&transaction), matched, "{query}");
        assert_eq!(transaction.denial().map(|denial| denial.status), denial);
    }
}

/// A rule of a program that always matches and scores.
fn always(id: u32, score: u32) -> crate::rule::Rule {
    use crate::rule::{Link, Operator};
    let mut rule = program::rule(id, Link::new(Vec::new(), Operator::UnconditionalMatch));
    rule.meta.score = score;
    rule
}

/// Shows a request without body to a program.
fn run_program(rules: Vec<crate::rule::Rule>) -> (Verdict, Transaction) {
    let items = rules.into_iter().map(crate::rule::Item::Rule).collect();
    let policy = crate::compile_program(&PolicyConfig::default(), items).unwrap();
    let mut transaction = Transaction::new(Arc::new(policy));
    (head(&mut transaction, "/", &[], true), transaction)
}

#[test]
fn what_is_turned_off_or_let_go_is_not_judged() {
    use crate::rule::{Action, Control as Change, Effect, EngineMode};
    for (mode, verdict, would_block) in [
        (EngineMode::On, denied(1), false),
        (EngineMode::Off, Verdict::Allow, false),
        (EngineMode::DetectionOnly, Verdict::Allow, true),
    ] {
        let mut switch = always(2, 0);
        switch.head.effects = vec![Effect::Control(Change::Engine(mode))];
        let (found, transaction) = run_program(vec![always(1, 5), switch]);
        assert_eq!(found, verdict, "{mode:?}");
        assert_eq!(transaction.inbound_score(), 5);
        assert_eq!(transaction.would_block(), would_block, "{mode:?}");
    }
    for (action, verdict) in [
        (Action::Allow, Verdict::Allow),
        (Action::AllowRequest, Verdict::Allow),
        // The next phase judges it.
        (Action::AllowPhase, denied(1)),
    ] {
        let mut lets_go = always(2, 0);
        lets_go.action = action;
        let mut later = always(3, 1);
        later.phase = Phase::RequestBody;
        let (found, transaction) = run_program(vec![always(1, 5), lets_go, later]);
        assert_eq!(found, verdict, "{action:?}");
        let goes_on = verdict != Verdict::Allow;
        assert_eq!(ids(&transaction).contains(&3), goes_on, "{action:?}");
    }
}

#[test]
fn a_pattern_that_looks_twice_at_a_value_is_told_once() {
    // Comments may be part of a string, so that the value is looked at with them and without.
    let looks_twice = PatternConfig {
        transformations: vec!["replace_comments".to_owned()],
        targets: vec!["query_values".to_owned()],
        ..scores(1, "word", Severity::Notice)
    };
    let mut transaction = transaction(&policy(Scoring::default(), vec![looks_twice]));
    assert_eq!(transaction.policy().rules(), 2);
    assert_eq!(head(&mut transaction, "/?a=word", &[], true), Verdict::Allow);
    assert_eq!((ids(&transaction), transaction.inbound_score()), (vec![1], 2));
}

#[test]
fn a_silent_match_that_completes_the_score_is_told() {
    let silent = |id, score| {
        let mut rule = always(id, score);
        rule.log = false;
        rule
    };
    let (verdict, transaction) = run_program(vec![silent(1, 3), silent(2, 2), silent(3, 5)]);
    assert_eq!(verdict, denied(2));
    assert_eq!((ids(&transaction), blockers(&transaction)), (vec![2], vec![2]));
    assert_eq!(transaction.inbound_score(), 10);
}

#[test]
fn logging_adds_nothing_to_any_score() {
    let mut late = always(1, 5);
    late.phase = Phase::Logging;
    let (verdict, mut transaction) = run_program(vec![late]);
    transaction.finish();
    assert_eq!(ids(&transaction), [1]);
    assert_eq!((verdict, transaction.inbound_score()), (Verdict::Allow, 0));
}

#[test]
fn scoring_out_of_its_bounds_is_refused() {
    let wrong = Scoring {
        inbound_threshold: 0,
        outbound_threshold: 10_001,
        paranoia_level: 3,
        executing_paranoia_level: Some(2),
        sampling_percent: 101,
        ..Scoring::default()
    };
    let worse = PatternConfig {
        score: Some(101),
        ..level(5, pattern(1, "a", &[]))
    };
    let errors = compile(&policy(wrong, vec![worse])).unwrap_err();
    let errors: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "scoring.inbound_threshold: must be 1 to 10000, found 0",
            "scoring.outbound_threshold: must be 1 to 10000, found 10001",
            "scoring.executing_paranoia_level: must be 3 to 4, found 2",
            "scoring.sampling_percent: must be 0 to 100, found 101",
            "patterns[0].paranoia: must be 1 to 4, found 5",
            "patterns[0].score: must be 1 to 100, found 101",
        ]
    );
}

mod laws {
    use proptest::{collection::vec, prelude::*, sample::select, sample::subsequence};

    use super::*;

    const WORDS: &[&str] = &["alpha", "beta", "gamma", "delta"];

    fn any_pattern() -> impl Strategy<Value = PatternConfig> {
        let actions = vec![PatternAction::Block, PatternAction::Score, PatternAction::Detect];
        let targets = vec![&[][..], &["query"], &["body_values"], &["query", "body_values"]];
        (
            select(WORDS),
            select(targets),
            select(Severity::ALL),
            select(actions),
            1u8..=4,
            proptest::option::of(1u32..10),
        )
            .prop_map(
                |(word, targets, severity, action, paranoia, score)| PatternConfig {
                    severity,
                    action,
                    paranoia,
                    score,
                    ..pattern(0, word, targets)
                },
            )
    }

    fn any_scoring() -> impl Strategy<Value = Scoring> {
        (1u32..20, 1u8..=4, 0u8..=3, any::<bool>()).prop_map(|(threshold, level, more, early_blocking)| {
            Scoring {
                inbound_threshold: threshold,
                paranoia_level: level,
                executing_paranoia_level: Some((level + more).min(4)),
                early_blocking,
                ..Scoring::default()
            }
        })
    }

    fn any_request() -> impl Strategy<Value = (String, String)> {
        let words = || subsequence(WORDS, 0..=WORDS.len()).prop_map(|words| words.join("+"));
        (words(), words())
    }

    /// Shows a whole request and returns the transaction.
    fn run(config: &PolicyConfig, (query, body): &(String, String)) -> Transaction {
        let mut transaction = transaction(config);
        let verdict = head(&mut transaction, &format!("/?a={query}"), FORM, false);
        if verdict == Verdict::Hold {
            transaction.request_body(format!("a={body}").as_bytes(), true);
        }
        transaction
    }

    fn is_refused(config: &PolicyConfig, request: &(String, String)) -> bool {
        run(config, request).denial().is_some()
    }

    fn numbered(mut patterns: Vec<PatternConfig>) -> Vec<PatternConfig> {
        for (id, pattern) in (1..).zip(&mut patterns) {
            pattern.id = id;
        }
        patterns
    }

    proptest! {
        #[test]
        fn one_more_pattern_never_lets_pass_what_was_refused(
            patterns in vec(any_pattern(), 0..6),
            more in any_pattern(),
            scoring in any_scoring(),
            request in any_request(),
        ) {
            let mut all = patterns.clone();
            all.push(more);
            let fewer = policy(scoring.clone(), numbered(patterns));
            let more = policy(scoring, numbered(all));
            prop_assert!(is_refused(&more, &request) || !is_refused(&fewer, &request));
        }

        #[test]
        fn a_higher_threshold_or_a_lower_level_never_refuses_what_passed(
            patterns in vec(any_pattern(), 0..6),
            scoring in any_scoring(),
            by in 0u32..20,
            level in 1u8..=4,
            request in any_request(),
        ) {
            let milder = Scoring {
                inbound_threshold: scoring.inbound_threshold + by,
                paranoia_level: scoring.paranoia_level.min(level),
                ..scoring.clone()
            };
            let patterns = numbered(patterns);
            let (strict, mild) = (policy(scoring, patterns.clone()), policy(milder, patterns));
            prop_assert!(is_refused(&strict, &request) || !is_refused(&mild, &request));
        }

        #[test]
        fn early_and_late_blocking_refuse_the_same(
            patterns in vec(any_pattern(), 0..6),
            scoring in any_scoring(),
            request in any_request(),
        ) {
            let other = Scoring { early_blocking: !scoring.early_blocking, ..scoring.clone() };
            let patterns = numbered(patterns);
            let (one, other) = (policy(scoring, patterns.clone()), policy(other, patterns));
            prop_assert_eq!(is_refused(&one, &request), is_refused(&other, &request));
        }

        #[test]
        fn detection_tells_exactly_what_would_be_refused(
            patterns in vec(any_pattern(), 0..6),
            scoring in any_scoring(),
            request in any_request(),
        ) {
            let blocks = policy(scoring, numbered(patterns));
            let detects = PolicyConfig { mode: Mode::Detect, ..blocks.clone() };
            let blocked = run(&blocks, &request);
            let detected = run(&detects, &request);
            prop_assert!(detected.denial().is_none() && !blocked.would_block());
            prop_assert_eq!(detected.would_block(), blocked.denial().is_some());
            let blockers = blockers(&blocked);
            let rule = blocked.denial().and_then(|denial| denial.rule);
            prop_assert_eq!(blockers, rule.iter().map(|rule| rule.0).collect::<Vec<_>>());
        }
    }
}
