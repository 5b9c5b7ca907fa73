//! Transactions from the outside: what is refused, held, let go and reported.

mod bodies;
mod broken;
mod explain;
mod masks;
mod program;
mod properties;
mod responses;
mod scoring;
mod streams;

use super::*;
use crate::{
    compile,
    config::{BodyPolicy, OverLimit, PatternAction, PatternConfig, PolicyConfig},
};

pub(super) fn pattern(id: u32, text: &str, targets: &[&str]) -> PatternConfig {
    PatternConfig {
        id,
        name: format!("pattern {id}"),
        pattern: text.into(),
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        enabled: true,
        ..PatternConfig::default()
    }
}

pub(super) fn transaction(config: &PolicyConfig) -> Transaction {
    Transaction::new(Arc::new(compile(config).unwrap()))
}

fn with(patterns: Vec<PatternConfig>) -> Transaction {
    transaction(&PolicyConfig {
        patterns,
        ..PolicyConfig::default()
    })
}

pub(super) fn head(
    transaction: &mut Transaction,
    path: &str,
    headers: &[(&str, &str)],
    end: bool,
) -> Verdict {
    let mut all: Vec<(&[u8], &[u8])> = vec![
        (b":method", if end { b"GET" } else { b"POST" }),
        (b":path", path.as_bytes()),
        (b":authority", b"shop.example"),
    ];
    all.extend(
        headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
    );
    transaction.request_headers(
        &RequestHead {
            client: "192.0.2.7".parse().ok(),
            headers: &all,
        },
        end,
    )
}

fn denied(rule: u32) -> Verdict {
    Verdict::Deny(Denial {
        status: 403,
        rule: Some(crate::rule::RuleId(rule)),
    })
}

#[test]
fn attack_in_the_query_is_refused_with_rule_target_and_bytes() {
    let mut transaction = with(vec![pattern(1, r"union\s+select", &[])]);
    assert_eq!(
        head(&mut transaction, "/x?id=1%20UNION%20SELECT%202&b=c", &[], true),
        denied(1)
    );
    let found = &transaction.matches()[0];
    assert_eq!(
        (found.target.as_str(), found.matched.as_slice()),
        ("query_values:id", &b"UNION SELECT"[..])
    );
    assert_eq!(found.disposition, crate::Disposition::Blocked);
    assert_eq!(transaction.path(), b"/x");
    assert_eq!(transaction.host(), b"shop.example");
    assert_eq!(transaction.method(), b"GET");
}

#[test]
fn double_encoding_is_undone() {
    let mut transaction = with(vec![pattern(1, "<script", &[])]);
    assert_eq!(
        head(&mut transaction, "/?q=%253Cscript%253E", &[], true),
        denied(1)
    );
}

#[test]
fn attack_in_the_body_is_refused_once_it_is_complete() {
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", "a=b&c=%3Cscript%3E"),
        ("application/json", r#"{"a":["b",{"c":"\u003cscript>"}]}"#),
        ("text/plain", "hello <script>"),
        ("text/plain", r#"{"a":"\u003cscript>"}"#),
        ("application/x-www-form-urlencoded", r#"{"a":"\u003cscript>"}"#),
        ("application/json", "a=%3Cscript%3E"),
    ] {
        let mut transaction = with(vec![pattern(1, "<script", &[])]);
        assert_eq!(
            head(&mut transaction, "/", &[("content-type", content_type)], false),
            Verdict::Hold
        );
        let (first, last) = body.as_bytes().split_at(body.len() - 1);
        assert_eq!(transaction.request_body(first, false), Verdict::Hold);
        assert_eq!(transaction.request_body(last, true), denied(1), "{body}");
    }
}

#[test]
fn clean_request_is_let_go() {
    let mut transaction = with(vec![pattern(1, "<script", &[])]);
    assert_eq!(
        head(
            &mut transaction,
            "/?q=a",
            &[("content-type", "application/json")],
            false
        ),
        Verdict::Hold
    );
    assert!(transaction.wants_body());
    assert_eq!(
        transaction.request_body(br#"{"a":"O'Reilly"}"#, true),
        Verdict::Allow
    );
    assert!(!transaction.wants_body() && !transaction.has_findings());
}

#[test]
fn detection_reports_and_refuses_nothing() {
    let detect = PatternConfig {
        action: crate::config::PatternAction::Detect,
        ..pattern(1, "<script", &[])
    };
    let block = pattern(1, "<script", &[]);
    for (mode, pattern) in [(Mode::Block, detect), (Mode::Detect, block)] {
        let mut transaction = transaction(&PolicyConfig {
            mode,
            patterns: vec![pattern],
            ..PolicyConfig::default()
        });
        assert_eq!(head(&mut transaction, "/?q=<script>", &[], true), Verdict::Allow);
        assert_eq!(transaction.matches()[0].disposition, crate::Disposition::Detected);
    }
}

#[test]
fn nothing_is_inspected_when_off() {
    let patterns = vec![pattern(1, "<script", &[])];
    let mut transaction = transaction(&PolicyConfig {
        mode: Mode::Off,
        patterns,
        ..PolicyConfig::default()
    });
    assert_eq!(head(&mut transaction, "/?q=<script>", &[], false), Verdict::Allow);
    assert!(!transaction.wants_body());
    assert_eq!(transaction.request_body(b"<script", true), Verdict::Allow);
}

#[test]
fn body_over_the_limit_follows_the_policy() {
    let big = [b"a=", [b'x'; 100].as_slice()].concat();
    for (over_limit, declared, expected) in [
        (
            OverLimit::Reject,
            false,
            Verdict::Deny(Denial {
                status: 413,
                rule: None,
            }),
        ),
        (
            OverLimit::Reject,
            true,
            Verdict::Deny(Denial {
                status: 413,
                rule: None,
            }),
        ),
        (OverLimit::InspectPrefix, false, Verdict::Allow),
        (OverLimit::InspectPrefix, true, Verdict::Allow),
        (OverLimit::Skip, false, Verdict::Allow),
        (OverLimit::Skip, true, Verdict::Allow),
    ] {
        let body = BodyPolicy {
            limit: 50,
            over_limit,
            ..BodyPolicy::default()
        };
        let mut transaction = transaction(&PolicyConfig {
            body,
            ..PolicyConfig::default()
        });
        let length = big.len().to_string();
        let headers: &[(&str, &str)] = if declared {
            &[("content-length", &length)]
        } else {
            &[]
        };
        let at_head = head(&mut transaction, "/", headers, false);
        let at_once = declared && over_limit != OverLimit::InspectPrefix;
        assert_eq!(at_head, if at_once { expected } else { Verdict::Hold });
        assert_eq!(
            transaction.request_body(&big, true),
            expected,
            "{over_limit:?} {declared}"
        );
        assert_eq!(transaction.limit_exceeded(), Some("body_over_limit"));
    }
}

#[test]
fn second_content_type_hides_nothing() {
    let types = [
        ("content-type", "multipart/form-data; boundary=x"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    // To a multipart parser the form's value is the content of a file, which is not inspected.
    let body = b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n&q=%75nion+select\r\n--x--\r\n";
    let mut transaction = with(vec![pattern(1, r"union\s+select", &[])]);
    assert_eq!(head(&mut transaction, "/", &types, false), Verdict::Hold);
    assert_eq!(transaction.request_body(body, true), denied(1));
}

#[test]
fn field_name_of_a_file_is_inspected() {
    let types = [("content-type", "multipart/form-data; boundary=x")];
    let body =
        b"--x\r\nContent-Disposition: form-data; name=\"union select\"; filename=\"a\"\r\n\r\nz\r\n--x--\r\n";
    let mut transaction = with(vec![pattern(1, r"union\s+select", &["body_names"])]);
    assert_eq!(head(&mut transaction, "/", &types, false), Verdict::Hold);
    assert_eq!(transaction.request_body(body, true), denied(1));
}

/// To a database `'/*'` is a string: what follows it is no comment, and may run up to a `*/` of the attacker's choice.
#[test]
fn what_looks_like_a_comment_hides_nothing() {
    let union = PatternConfig {
        transformations: vec!["replace_comments".into()],
        ..pattern(1, r"union\s+select", &["query_values"])
    };
    for query in [
        "id=union/**/select",
        "id='/*'=''+union+select+1",
        "id='/*'=''+union+select+1+where+'*/'=''",
    ] {
        let mut transaction = with(vec![union.clone()]);
        assert_eq!(
            head(&mut transaction, &format!("/?{query}"), &[], true),
            denied(1),
            "{query}"
        );
    }
    let mut transaction = transaction(&PolicyConfig {
        mode: Mode::Detect,
        patterns: vec![union],
        ..PolicyConfig::default()
    });
    head(&mut transaction, "/?id=union+select", &[], true);
    assert_eq!(
        transaction.matches().len(),
        1,
        "what both readings show is told once"
    );
}
