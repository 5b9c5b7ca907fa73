//! Traces of a few requests as people and programs read them, against golden files. To accept a change, look at
//! `INSTA_UPDATE=always cargo test -p secbeat --test trial` in the difference that it makes.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, wherever it is"
)]

use std::sync::Arc;

use secbeat::trial::{Trial, TrialResponse};
use secbeat_engine::{Policy, compile, config::PolicyConfig, trace::Trace};

/// Small, and not the rule packs: those change for reasons of their own.
const POLICY: &str = r#"{
    "revision": 7,
    "body": {"limit": 4096},
    "patterns": [
        {"id": 1, "name": "union select", "pattern": "union\\s+select", "category": "sql_injection",
         "transformations": ["url_decode_uni", "replace_comments", "compress_whitespace"]},
        {"id": 2, "name": "script tag", "pattern": "<script", "category": "xss"},
        {"id": 3, "name": "old scanner", "pattern": "^oldscan/", "category": "scanner", "targets": ["headers:user-agent"],
         "severity": "notice", "action": "detect"},
        {"id": 4, "name": "stack trace", "pattern": "traceback", "targets": ["response_headers"]}
    ]
}"#;

fn policy() -> Arc<Policy> {
    let config: PolicyConfig = serde_json::from_str(POLICY).unwrap();
    Arc::new(compile(&config).unwrap())
}

fn trial(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Trial {
    let headers = headers.iter();
    Trial {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: body.to_vec(),
        ..Trial::default()
    }
}

/// Compares with the golden files, and checks that nothing is lost on the way through JSON.
fn check(name: &str, trace: &Trace) {
    let json = serde_json::to_string_pretty(trace).unwrap();
    assert_eq!(serde_json::from_str::<Trace>(&json).unwrap(), *trace);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("trial");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!(format!("{name}.text"), trace.to_string());
        insta::assert_snapshot!(format!("{name}.json"), json);
    });
}

#[test]
fn an_attack_behind_two_encodings() {
    let trial = trial(
        "GET",
        "/items?id=1%2520union/**/select%25202&page=2",
        &[("Host", "shop.example"), ("User-Agent", "oldscan/1.0")],
        b"",
    );
    check("attack", &trial.run(policy()));
}

#[test]
fn a_login_whose_password_matches() {
    let body = b"user=anna&password=%3Cscript%3E";
    let headers = [
        ("host", "shop.example"),
        ("cookie", "session=5f3a"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    check("masked", &trial("POST", "/login", &headers, body).run(policy()));
}

#[test]
fn a_binary_body_of_no_known_type() {
    let headers = [
        ("host", "shop.example"),
        ("content-type", "application/octet-stream"),
    ];
    let body: Vec<u8> = (0..=u8::MAX).chain(*b"\x1b[2J\\").collect();
    check("binary", &trial("PUT", "/upload", &headers, &body).run(policy()));
}

#[test]
fn a_body_over_its_limit() {
    let headers = [("host", "shop.example"), ("content-type", "text/plain")];
    check(
        "limit",
        &trial("POST", "/", &headers, &[b'x'; 5_000]).run(policy()),
    );
}

#[test]
fn a_response_that_tells_too_much() {
    let response = TrialResponse {
        status: 500,
        headers: vec![(
            "X-Error".to_owned(),
            b"Traceback (most recent call last)".to_vec(),
        )],
        body: Vec::new(),
    };
    let trial = Trial {
        response: Some(response),
        ..trial("GET", "/", &[("host", "shop.example")], b"")
    };
    check("response", &trial.run(policy()));
}
