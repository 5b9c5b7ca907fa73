//! Responses: which are held, which are watched, what is refused and what is masked.

use super::*;
use crate::{
    Disposition,
    config::{Mode, ResponseOverLimit, ResponsePolicy},
    rule::RuleId,
};

/// A transaction whose request has passed, under patterns for its response.
fn asked(patterns: Vec<PatternConfig>, response: ResponsePolicy, mode: Mode) -> Transaction {
    let mut transaction = transaction(&PolicyConfig {
        mode,
        patterns,
        response,
        ..PolicyConfig::default()
    });
    assert_eq!(head(&mut transaction, "/", &[], true), Verdict::Allow);
    transaction
}

fn leak() -> Transaction {
    asked(vec![body_pattern()], ResponsePolicy::default(), Mode::Block)
}

fn body_pattern() -> PatternConfig {
    pattern(1, "stack trace", &["response_body"])
}

fn answer(transaction: &mut Transaction, headers: &[(&str, &str)], end: bool) -> Verdict {
    let headers: Vec<(&[u8], &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    transaction.response_headers(&ResponseHead { headers: &headers }, end)
}

const PAGE: &[(&str, &str)] = &[(":status", "200"), ("content-type", "text/html; charset=utf-8")];

fn refused(rule: u32) -> Verdict {
    Verdict::Deny(Denial {
        status: 502,
        rule: Some(RuleId(rule)),
    })
}

#[test]
fn leak_in_the_last_byte_of_a_page_is_refused_and_stays_refused() {
    let mut transaction = leak();
    assert_eq!(answer(&mut transaction, PAGE, false), Verdict::Hold);
    assert_eq!(transaction.response_body(b"<p>Stack ", false), Verdict::Hold);
    assert_eq!(transaction.response_body(b"tracE", true), refused(1));
    assert!(!transaction.wants_response_body());
    assert_eq!(transaction.response_body(b"more", true), refused(1));
    assert_eq!(transaction.matches()[0].target, "response_body");
}

#[test]
fn leak_in_a_header_is_refused_before_the_body_comes() {
    let patterns = vec![pattern(1, "secret", &["response_headers"])];
    let mut transaction = asked(patterns, ResponsePolicy::default(), Mode::Block);
    let headers = &[(":status", "200"), ("x-debug", "a Secret")];
    assert_eq!(answer(&mut transaction, headers, false), refused(1));
    assert_eq!(transaction.matches()[0].target, "response_headers:x-debug");
}

#[test]
fn responses_that_no_rule_looks_at_are_never_held() {
    let patterns = vec![
        pattern(1, "secret", &["response_headers"]),
        pattern(2, "x", &["query_values"]),
    ];
    let mut transaction = asked(patterns, ResponsePolicy::default(), Mode::Block);
    assert_eq!(answer(&mut transaction, PAGE, false), Verdict::Allow);
    assert!(!transaction.wants_response_body());
}

#[test]
fn what_streams_or_cannot_be_read_is_never_held() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("200", &[("content-type", "text/event-stream")]),
        ("200", &[("content-type", "application/grpc")]),
        ("200", &[("content-type", "image/png")]),
        (
            "200",
            &[("content-type", "text/html"), ("content-encoding", "gzip")],
        ),
        ("206", &[("content-type", "text/html")]),
        (
            "200",
            &[("content-type", "text/html"), ("content-range", "bytes 0-1/9")],
        ),
        ("101", &[("upgrade", "websocket")]),
        ("204", &[]),
        ("304", &[("content-type", "text/html")]),
    ];
    for (status, headers) in cases {
        let mut transaction = leak();
        let headers: Vec<_> = [(":status", *status)]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
        assert_eq!(
            answer(&mut transaction, &headers, false),
            Verdict::Allow,
            "{headers:?}"
        );
        assert!(!transaction.wants_response_body(), "{headers:?}");
        assert_eq!(transaction.response_body(b"stack trace", true), Verdict::Allow);
        let is_encoded = headers.iter().any(|(name, _)| *name == "content-encoding");
        assert_eq!(transaction.response_uninspected().is_some(), is_encoded);
    }
}

#[test]
fn configured_content_types_are_held_whatever_their_case_and_parameters() {
    for kind in ["text/html", "Text/HTML;charset=x", "application/problem+json", ""] {
        let headers = &[(":status", "500"), ("content-type", kind)];
        assert_eq!(answer(&mut leak(), headers, false), Verdict::Hold, "{kind}");
    }
    assert_eq!(
        answer(&mut leak(), &[(":status", "200")], false),
        Verdict::Hold,
        "no type"
    );
    assert_eq!(answer(&mut leak(), PAGE, true), Verdict::Allow, "no body");
    let identity = &[
        (":status", "200"),
        ("content-type", "text/html"),
        ("content-encoding", "identity"),
    ];
    assert_eq!(answer(&mut leak(), identity, false), Verdict::Hold);
}

#[test]
fn answer_to_head_is_not_waited_for() {
    let mut transaction = leak();
    transaction = Transaction::new(Arc::clone(transaction.policy()));
    let headers: &[(&[u8], &[u8])] = &[(b":method", b"HEAD"), (b":path", b"/")];
    transaction.request_headers(
        &RequestHead {
            client: None,
            headers,
        },
        true,
    );
    assert_eq!(answer(&mut transaction, PAGE, false), Verdict::Allow);
}

#[test]
fn inspection_can_be_turned_off_for_bodies() {
    let policy = ResponsePolicy {
        inspect: false,
        ..ResponsePolicy::default()
    };
    let mut transaction = asked(vec![body_pattern()], policy, Mode::Block);
    assert_eq!(answer(&mut transaction, PAGE, false), Verdict::Allow);
    assert_eq!(transaction.response_body(b"stack trace", true), Verdict::Allow);
}

#[test]
fn long_body_follows_the_policy() {
    let policy = |over_limit| ResponsePolicy {
        limit: 16,
        over_limit,
        ..ResponsePolicy::default()
    };
    let long = [
        (":status", "200"),
        ("content-type", "text/html"),
        ("content-length", "99"),
    ];
    for (over_limit, headers, first, expected) in [
        (
            ResponseOverLimit::InspectPrefix,
            PAGE,
            "a stack trace of calls",
            refused(1),
        ),
        (
            ResponseOverLimit::InspectPrefix,
            PAGE,
            "a long page, a stack trace",
            Verdict::Allow,
        ),
        (
            ResponseOverLimit::Skip,
            PAGE,
            "a stack trace of calls",
            Verdict::Allow,
        ),
        (
            ResponseOverLimit::InspectPrefix,
            &long,
            "a stack trace of calls",
            refused(1),
        ),
        (
            ResponseOverLimit::Skip,
            &long,
            "a stack trace of calls",
            Verdict::Allow,
        ),
    ] {
        let mut transaction = asked(vec![body_pattern()], policy(over_limit), Mode::Block);
        let is_skipped = over_limit == ResponseOverLimit::Skip && headers.len() == 3;
        let verdict = answer(&mut transaction, headers, false);
        assert_eq!(verdict == Verdict::Allow, is_skipped, "{headers:?}");
        assert_eq!(
            transaction.response_body(first.as_bytes(), false),
            expected,
            "{first}"
        );
        assert!(!transaction.wants_response_body());
        assert_eq!(transaction.response_uninspected(), Some(Uninspected::OverLimit));
    }
}

#[test]
fn in_detect_mode_nothing_is_held_and_everything_is_reported() {
    let mut transaction = asked(vec![body_pattern()], ResponsePolicy::default(), Mode::Detect);
    assert_eq!(answer(&mut transaction, PAGE, false), Verdict::Allow);
    assert!(transaction.wants_response_body());
    assert_eq!(transaction.response_body(b"stack ", false), Verdict::Allow);
    assert_eq!(transaction.response_body(b"trace", true), Verdict::Allow);
    assert_eq!(transaction.matches()[0].disposition, Disposition::Detected);
}

pub(super) fn masking(id: u32, text: &str, targets: &[&str]) -> PatternConfig {
    PatternConfig {
        action: PatternAction::Mask,
        ..pattern(id, text, targets)
    }
}

#[test]
fn every_match_of_a_masking_rule_is_overwritten() {
    let patterns = vec![masking(1, r"\bkey-\d+", &["response_headers", "response_body"])];
    let mut transaction = asked(patterns, ResponsePolicy::default(), Mode::Block);
    let headers: &[(&[u8], &[u8])] = &[
        (b":status", b"200"),
        (b"content-length", b"key-1"),
        (b"x-one", b"no"),
        (b"x-two", b"is key-12, KEY-3"),
    ];
    let response = ResponseHead { headers };
    assert_eq!(transaction.response_headers(&response, false), Verdict::Hold);
    let masked = transaction.masked_headers(&response).unwrap();
    let values: Vec<&[u8]> = masked.iter().map(AsRef::as_ref).collect();
    assert_eq!(values, [&b"200"[..], b"key-1", b"no", b"is ******, *****"]);
    assert_eq!(
        transaction.response_body(b"a key-1 and monkey-2, ke", false),
        Verdict::Hold
    );
    assert_eq!(transaction.response_body(b"y-33 end", true), Verdict::Allow);
    assert_eq!(
        transaction.masked_body().unwrap(),
        b"a ***** and monkey-2, ******"
    );
    let found: Vec<_> = transaction
        .matches()
        .iter()
        .map(|found| (found.target.as_str(), found.disposition, found.matched.as_slice()))
        .collect();
    assert_eq!(
        found,
        [
            ("response_headers:x-two", Disposition::Masked, &b""[..]),
            ("response_body", Disposition::Masked, b""),
        ]
    );
}

#[test]
fn in_detect_mode_nothing_is_masked_and_the_event_still_tells_no_secret() {
    let patterns = vec![masking(1, r"key-\d+", &["response_body"])];
    let mut transaction = asked(patterns, ResponsePolicy::default(), Mode::Detect);
    answer(&mut transaction, PAGE, false);
    assert_eq!(transaction.response_body(b"key-123", true), Verdict::Allow);
    assert_eq!(transaction.masked_body(), None);
    let found = &transaction.matches()[0];
    assert_eq!(found.disposition, Disposition::Detected);
    assert!(found.masked && found.matched.is_empty());
}

#[test]
fn response_with_too_many_secrets_is_refused() {
    let mut transaction = asked(
        vec![masking(1, "key", &["response_body"])],
        ResponsePolicy::default(),
        Mode::Block,
    );
    answer(&mut transaction, PAGE, false);
    assert_eq!(
        transaction.response_body(&b"key ".repeat(1_001), true),
        refused(1)
    );
    let mut transaction = asked(
        vec![masking(1, "key", &["response_body"])],
        ResponsePolicy::default(),
        Mode::Block,
    );
    answer(&mut transaction, PAGE, false);
    assert_eq!(
        transaction.response_body(&b"key ".repeat(1_000), true),
        Verdict::Allow
    );
    assert_eq!(transaction.masked_body().unwrap().len(), 3_999);
}
