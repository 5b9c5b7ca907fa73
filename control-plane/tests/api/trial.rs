//! `POST /api/v1/waf/test`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::harness::{Harness, fields};

const TEST: &str = "/api/v1/waf/test";

#[tokio::test]
async fn a_test_tells_verdict_matches_and_values() {
    let api = Harness::start().await;
    let body = json!({
        "method": "POST",
        "path": "/search?q=local-word&page=1",
        "headers": [["Host", "shop.example"], ["X-Twice", "a"], ["X-Twice", "b"]],
        "body": "a=1",
        "client": "192.0.2.7",
    });
    let answer = api.ok("POST", TEST, body).await;
    assert_eq!(answer["verdict"], "deny");
    assert_eq!((&answer["status"], &answer["rule"]), (&json!(403), &json!(100)));
    assert_eq!(answer["revision"], 1);
    assert_eq!(answer["matches"][0]["target"], "query_values:q");
    assert_eq!(answer["matches"][0]["matched"], "local-word");
    let targets: Vec<&str> = answer["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value["target"].as_str().unwrap())
        .collect();
    for target in ["path", "query_values:q", "query_values:page", "headers:host"] {
        assert!(targets.contains(&target), "{target} in {targets:?}");
    }
    assert_eq!(
        targets
            .iter()
            .filter(|target| **target == "headers:x-twice")
            .count(),
        2
    );

    let clean = api.ok("POST", TEST, json!({"path": "/"})).await;
    assert_eq!(
        (&clean["verdict"], &clean["status"]),
        (&json!("allow"), &Value::Null)
    );
}

#[tokio::test]
async fn bodies_come_as_text_or_base64_and_headers_as_object() {
    let api = Harness::start().await;
    let json = json!({"content-type": "application/json", "x-twice": ["a", "b"]});
    for body in [
        json!({"method": "POST", "path": "/", "headers": json, "body": "{\"a\": \"local-word\"}"}),
        json!({"method": "POST", "path": "/", "headers": json, "body_base64": "eyJhIjogImxvY2FsLXdvcmQifQ=="}),
    ] {
        let answer = api.ok("POST", TEST, body).await;
        assert_eq!(answer["matches"][0]["target"], "body_values:a", "{answer}");
    }
}

#[tokio::test]
async fn every_wrong_field_of_a_test_is_named_at_once() {
    let api = Harness::start().await;
    let body = json!({
        "method": "GE T", "path": "no slash", "headers": [["a b", "c"], ["d", "e\r\n"], ["f"], ["g", 1]],
        "body": "x", "body_base64": "?", "client": "localhost", "revision": -1, "a/b": 1,
        "response": {"status": 99, "other": 1},
    });
    let problem = api
        .refused("POST", TEST, body, StatusCode::UNPROCESSABLE_ENTITY)
        .await;
    let mut found = fields(&problem);
    found.sort();
    assert_eq!(
        found,
        [
            "/a~1b",
            "/body_base64",
            "/client",
            "/headers/0",
            "/headers/1",
            "/headers/2",
            "/headers/3",
            "/method",
            "/path",
            "/response/other",
            "/response/status",
            "/revision"
        ]
    );
    for (body, field) in [
        (json!([]), ""),
        (json!({}), "/path"),
        (json!({"path": "/", "headers": 1}), "/headers"),
        (json!({"path": "/", "headers": {"a": [1]}}), "/headers/a"),
        (json!({"path": "/", "headers": vec![["a", "b"]; 257]}), "/headers"),
        (
            json!({"path": "/", "body": "a", "body_base64": "YQ=="}),
            "/body_base64",
        ),
        (json!({"path": format!("/{}", "a".repeat(64 * 1024))}), "/path"),
    ] {
        let problem = api
            .refused("POST", TEST, body, StatusCode::UNPROCESSABLE_ENTITY)
            .await;
        assert_eq!(fields(&problem), [field], "{problem}");
    }
}

#[tokio::test]
async fn any_stored_revision_can_be_asked_and_nothing_changes() {
    let api = Harness::start().await;
    api.ok("POST", "/api/v1/waf/patterns", json!({"pattern": "new-word"}))
        .await;
    let before = api.get("/api/v1/status/waf").await;
    for (revision, verdict) in [(json!(null), "deny"), (json!(1), "allow"), (json!(2), "deny")] {
        let body = json!({"path": "/?q=new-word", "revision": revision});
        let answer = api.ok("POST", TEST, body).await;
        assert_eq!(answer["verdict"], verdict, "{revision}");
    }
    let missing = json!({"path": "/", "revision": 9});
    let problem = api.refused("POST", TEST, missing, StatusCode::NOT_FOUND).await;
    assert_eq!(fields(&problem), ["/revision"]);
    assert_eq!(api.get("/api/v1/status/waf").await, before);
    assert_eq!(api.get("/api/v1/events").await["events"], json!([]));
}

#[tokio::test]
async fn the_response_is_shown_to_rules_that_look_at_it() {
    let api = Harness::start().await;
    let pattern = json!({"pattern": "traceback", "targets": ["response_headers:x-error"]});
    api.ok("POST", "/api/v1/waf/patterns", pattern).await;
    let body = json!({"path": "/", "response": {"status": 500, "headers": {"X-Error": "Traceback"}}});
    let answer = api.ok("POST", TEST, body).await;
    assert_eq!(answer["matches"][0]["target"], "response_headers:x-error");
    assert_eq!(answer["verdict"], "deny");
}

#[tokio::test]
async fn many_tests_at_a_time_are_answered_or_told_to_come_back() {
    let api = Harness::start().await;
    let send = || api.send(Harness::request("POST", TEST, &json!({"path": "/?q=local-word"})));
    let answers = futures::future::join_all((0..64).map(|_| send())).await;
    assert!(answers.iter().any(|(status, ..)| *status == StatusCode::OK));
    for (status, headers, answer) in answers {
        if status == StatusCode::OK {
            assert_eq!(answer["verdict"], "deny");
        } else {
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
            assert!(headers.contains_key("retry-after"));
        }
    }
}

#[tokio::test]
async fn secrets_of_a_test_are_not_told() {
    let api = Harness::start().await;
    let body = json!({"path": "/?token=my-local-word-7", "headers": {"authorization": "Basic hunter2"}});
    let answer = api.ok("POST", TEST, body).await;
    let text = answer.to_string();
    assert!(
        !text.contains("my-local-word-7") && !text.contains("hunter2"),
        "{text}"
    );
    assert_eq!(answer["matches"][0]["masked"], true);
}
