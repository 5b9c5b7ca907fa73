//! Traces: what they show, what they keep back, and that they end.

use proptest::prelude::*;

use super::*;
use crate::{
    config::Severity,
    trace::{Outcome, Trace, TraceStep, TraceValue},
};

fn explained(config: &PolicyConfig, path: &str, headers: &[(&str, &str)]) -> Trace {
    let mut transaction = transaction(config);
    head(&mut transaction, path, headers, true);
    transaction.explain()
}

fn value<'a>(trace: &'a Trace, target: &str) -> &'a TraceValue {
    let found = trace.values.iter().find(|value| value.target == target);
    found.unwrap_or_else(|| panic!("no {target} in {trace}"))
}

fn shown(step: &TraceStep) -> (String, String) {
    let text = step.value.as_ref().map_or("-".to_owned(), ToString::to_string);
    (step.after.join(" "), text)
}

fn union() -> PolicyConfig {
    PolicyConfig {
        patterns: vec![
            pattern(1, "union\\s+select", &["query_values"]),
            PatternConfig {
                transformations: vec!["url_decode_uni".into(), "lowercase".into(), "hex_encode".into()],
                action: PatternAction::Detect,
                ..pattern(2, "^31", &["query_values"])
            },
        ],
        ..PolicyConfig::default()
    }
}

#[test]
fn each_step_that_changes_a_value_is_shown_with_who_looked_and_who_matched() {
    let trace = explained(&union(), "/?id=1%2520UNION+select", &[]);
    assert_eq!(
        (trace.verdict, trace.status, trace.rule),
        (Outcome::Deny, Some(403), Some(1))
    );
    assert_eq!(trace.reason, "rule 1 refuses (pattern 1)");
    assert_eq!(trace.phases, ["request_headers"]);
    let id = value(&trace, "query_values:id");
    assert_eq!(id.rules, 2);
    let steps: Vec<_> = id.steps.iter().map(shown).collect();
    let text = |after: &str, text: &str| (after.to_owned(), text.to_owned());
    assert_eq!(
        steps,
        [
            text("", "1%20UNION select"),
            text("url_decode_uni", "1 UNION select"),
            text("url_decode_uni lowercase", "1 union select"),
            text(
                "url_decode_uni lowercase hex_encode",
                "3120756e696f6e2073656c656374"
            ),
        ]
    );
    let found: Vec<_> = id.steps.iter().flat_map(|step| &step.matched).collect();
    assert_eq!((found[0].rule, found[0].span), (1, Some([2, 14])));
    assert_eq!(found[0].matched.as_ref().unwrap().to_string(), "UNION select");
    assert_eq!(found[1].rule, 2);
    assert_eq!(id.steps[0].asked, [] as [u32; 0]);
}

#[test]
fn a_rule_that_is_a_candidate_and_not_worth_asking_is_not_asked() {
    let mut config = union();
    config
        .patterns
        .push(pattern(3, "needle[0-9]{40}", &["query_values"]));
    let trace = explained(&config, "/?a=needle1&b=plain", &[]);
    let step = &value(&trace, "query_values:a").steps[0];
    assert_eq!(
        (step.candidates, step.asked.as_slice()),
        (1 + usize::from(step.asked.contains(&2)), &[][..])
    );
    assert_eq!(value(&trace, "query_values:b").steps[0].candidates, 0);
    assert_eq!(trace.reason, "nothing matched");
}

#[test]
fn a_rule_without_its_most_telling_byte_is_not_asked() {
    let config = PolicyConfig {
        patterns: vec![pattern(3, "needle.{0,9}<", &["query_values"])],
        ..PolicyConfig::default()
    };
    for (value_of_a, asked) in [("needle and more", &[][..]), ("needle < more", &[3])] {
        let trace = explained(&config, &format!("/?a={}", value_of_a.replace(' ', "+")), &[]);
        let step = &value(&trace, "query_values:a").steps[0];
        assert_eq!(
            (step.candidates, step.asked.as_slice()),
            (1, asked),
            "{value_of_a}"
        );
    }
}

#[test]
fn masked_values_show_neither_bytes_nor_lengths() {
    let mut config = union();
    config.mode = Mode::Detect;
    let path = "/?token=hunter2+union+select&q=x";
    let trace = explained(
        &config,
        path,
        &[("cookie", "a=hunter2"), ("authorization", "hunter2")],
    );
    let json = serde_json::to_string(&trace).unwrap();
    assert!(
        !json.contains("hunter2") && !trace.to_string().contains("hunter2"),
        "{json}"
    );
    for target in [
        "uri",
        "query",
        "query_values:token",
        "headers:cookie",
        "headers:authorization",
    ] {
        let value = value(&trace, target);
        assert!(
            value.masked && value.steps.iter().all(|step| step.length.is_none()),
            "{target}"
        );
    }
    assert_eq!(value(&trace, "query_values:token").steps[0].matched[0].span, None);
    assert!(trace.matches[0].masked);
    assert_eq!(
        trace.reason,
        "score 5 reaches the threshold 5 with rule 1 (pattern 1); mode detect lets it pass"
    );
}

#[test]
fn a_score_that_refuses_is_told_with_the_rule_that_completed_it() {
    let scored = |id, text, severity| PatternConfig {
        action: PatternAction::Score,
        severity,
        ..pattern(id, text, &["query_values"])
    };
    let config = PolicyConfig {
        patterns: vec![
            scored(1, "one", Severity::Warning),
            scored(2, "two", Severity::Warning),
        ],
        ..PolicyConfig::default()
    };
    let trace = explained(&config, "/?a=one", &[]);
    assert_eq!(trace.reason, "1 matched, which is not enough to refuse");
    assert_eq!((trace.score.inbound, trace.score.inbound_threshold), (3, 5));
    let trace = explained(&config, "/?a=one&b=two", &[]);
    assert_eq!(
        trace.reason,
        "score 6 reaches the threshold 5 with rule 2 (pattern 2)"
    );
    assert_eq!((trace.verdict, trace.rule), (Outcome::Deny, Some(2)));
    assert_eq!(trace.score.categories["custom"], 6);
    assert_eq!(trace.matches.iter().map(|found| found.score).sum::<u32>(), 6);
    assert!(!trace.would_block);
    let detects = PolicyConfig {
        mode: Mode::Detect,
        ..config
    };
    let trace = explained(&detects, "/?a=one&b=two", &[]);
    assert_eq!(
        trace.reason,
        "score 6 reaches the threshold 5 with rule 2 (pattern 2); mode detect lets it pass"
    );
    assert_eq!((trace.verdict, trace.would_block), (Outcome::Allow, true));
    let blocks = PolicyConfig {
        patterns: vec![PatternConfig {
            severity: Severity::Notice,
            ..pattern(1, "one", &[])
        }],
        ..detects
    };
    let trace = explained(&blocks, "/?a=one", &[]);
    assert_eq!(
        trace.reason,
        "a rule that blocks matched; mode detect lets it pass"
    );
}

#[test]
fn the_score_of_a_response_is_told_with_its_own_threshold() {
    let scored = |id, text, target: &str| PatternConfig {
        action: PatternAction::Score,
        ..pattern(id, text, &[target])
    };
    let mut config = PolicyConfig {
        patterns: vec![
            scored(1, "one", "query_values"),
            scored(2, "leak", "response_headers"),
        ],
        ..PolicyConfig::default()
    };
    config.scoring.inbound_threshold = 6;
    let mut transaction = transaction(&config);
    head(&mut transaction, "/?a=one", &[], true);
    let response = ResponseHead {
        headers: &[(b":status", b"200"), (b"x-debug", b"leak")],
    };
    transaction.response_headers(&response, true);
    let trace = transaction.explain();
    assert_eq!(
        trace.reason,
        "score 5 reaches the threshold 4 with rule 2 (pattern 2)"
    );
    assert_eq!(
        (trace.status, trace.score.inbound, trace.score.outbound),
        (Some(502), 5, 5)
    );
}

#[test]
fn what_a_rule_overwrites_in_the_response_is_masked() {
    let config = PolicyConfig {
        patterns: vec![PatternConfig {
            action: PatternAction::Mask,
            ..pattern(1, "key-[0-9]+", &["response_headers"])
        }],
        ..PolicyConfig::default()
    };
    let mut transaction = transaction(&config);
    head(&mut transaction, "/", &[], true);
    let response = ResponseHead {
        headers: &[(b":status", b"200"), (b"x-debug", b"key-123")],
    };
    assert_eq!(transaction.response_headers(&response, true), Verdict::Allow);
    let trace = transaction.explain();
    assert_eq!(trace.reason, "1 matched, 1 of them overwritten in the response");
    assert_eq!(trace.matches[0].action, "masked");
    let value = value(&trace, "response_headers:x-debug");
    assert!(value.masked && value.steps.iter().all(|step| step.value.is_none()));
}

#[test]
fn limits_and_modes_are_told() {
    let mut config = union();
    config.body.limit = 3;
    let mut over = transaction(&config);
    head(&mut over, "/", &[], false);
    over.request_body(b"a=12", true);
    let trace = over.explain();
    assert_eq!(
        (trace.status, trace.limit.as_deref()),
        (Some(413), Some("body_over_limit"))
    );
    assert_eq!(trace.reason, "limit body_over_limit refuses");
    config.mode = Mode::Detect;
    let mut over = transaction(&config);
    head(&mut over, "/", &[], false);
    over.request_body(b"a=12", true);
    assert_eq!(
        over.explain().reason,
        "limit body_over_limit is exceeded; mode detect lets it pass"
    );
    config.mode = Mode::Block;
    let mut held = transaction(&config);
    head(&mut held, "/", &[], false);
    assert_eq!(held.explain().verdict, Outcome::Hold);
    config.mode = Mode::Off;
    let trace = explained(&config, "/?id=union+select", &[]);
    assert_eq!((trace.verdict, trace.values.len()), (Outcome::Allow, 0));
    assert_eq!(trace.reason, "nothing is inspected in mode off");
}

#[test]
fn the_first_values_are_shown_and_later_ones_that_matched() {
    // Rule 2 matches each of them, which the transaction tells once.
    let fill = "a=1&".repeat(900);
    let trace = explained(&union(), &format!("/?{fill}id=union+select"), &[]);
    assert!(trace.values.len() <= Trace::VALUES + RuleMatch::PER_TRANSACTION);
    assert_eq!(trace.values.last().unwrap().target, "query_values:id");
    assert!(trace.values_beyond > 900, "{}", trace.values_beyond);
}

#[test]
fn many_large_values_leave_the_trace_bounded() {
    let wide = "%25u0041%26%5c%00".repeat(200);
    let query = format!("n={wide}union select&").repeat(900);
    let config = PolicyConfig {
        mode: Mode::Detect,
        ..union()
    };
    let trace = explained(&config, &format!("/?{query}"), &[]);
    let json = serde_json::to_vec(&trace).unwrap();
    assert!(json.len() <= Trace::JSON_LIMIT, "{}", json.len());
    assert!(trace.values_beyond > 0 && !trace.values.is_empty());
}

proptest! {
    #[test]
    fn any_bytes_have_a_trace_that_is_bounded_and_tells_the_verdict(
        path in prop::collection::vec(any::<u8>(), 0..300),
        header in prop::collection::vec(any::<u8>(), 0..100),
        body in prop::collection::vec(any::<u8>(), 0..300),
        attack in any::<bool>(),
        kind in prop::sample::select(vec!["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=b", "application/grpc", ""]),
    ) {
        let mut config = union();
        config.patterns.push(pattern(3, "[\\x80-\\xff]{3}", &[]));
        config.patterns.push(pattern(4, "3", &["&cookies", "parse_errors"]));
        let mut transaction = transaction(&config);
        let path = [&b"/?"[..], &path, if attack { b"&x=union select" } else { b"" }].concat();
        let headers: [(&[u8], &[u8]); 6] = [
            (b":method", b"POST"),
            (b":path", &path),
            (b"cookie", &header),
            (b"x-header", &header),
            (b"te", b"trailers"),
            (b"content-type", kind.as_bytes()),
        ];
        let mut verdict = transaction.request_headers(&RequestHead { client: None, headers: &headers }, false);
        for (index, piece) in body.chunks(64).enumerate() {
            verdict = transaction.request_body(piece, (index + 1) * 64 >= body.len());
        }
        let trace = transaction.explain();
        prop_assert_eq!(trace.verdict, match verdict {
            Verdict::Allow => Outcome::Allow,
            Verdict::Hold => Outcome::Hold,
            Verdict::Deny(_) => Outcome::Deny,
        });
        prop_assert_eq!(trace.matches.len(), transaction.matches().len());
        let json = serde_json::to_vec(&trace).unwrap();
        prop_assert!(json.len() <= Trace::JSON_LIMIT);
        prop_assert_eq!(&serde_json::from_slice::<Trace>(&json).unwrap(), &trace);
        prop_assert!(trace.to_string().len() <= 2 * Trace::JSON_LIMIT);
    }
}
