//! The REST API in process: every answer, and above all every refusal.

#[path = "api/harness.rs"]
mod harness;
#[path = "api/trial.rs"]
mod trial;

use axum::http::StatusCode;
use harness::{Harness, TOKEN, fields};
use serde_json::{Value, json};

const PATTERNS: &str = "/api/v1/waf/patterns";

#[tokio::test]
async fn a_pattern_is_added_listed_shown_altered_and_removed() {
    let api = Harness::start().await;
    let added = api
        .ok(
            "POST",
            PATTERNS,
            json!({"pattern": "forbidden-word", "rule_type": "sql_injection"}),
        )
        .await;
    assert_eq!(added["success"], true);
    assert_eq!(added["revision"], 2);
    assert_eq!(added["patterns_affected"], 1);
    assert_eq!(added["patterns"][0]["category"], "sql_injection");
    let id = added["ids"][0].as_u64().unwrap();
    assert_eq!(id, 8_000_000);
    let item = format!("{PATTERNS}/{id}");

    let shown = api.get(&item).await;
    assert_eq!(shown["pattern"], "forbidden-word");
    assert_eq!(shown["source"], "api");

    let patched = api
        .ok(
            "PATCH",
            &item,
            json!({"name": "word", "tags": ["a"], "category": null}),
        )
        .await;
    assert_eq!(patched["patterns"][0]["name"], "word");
    assert_eq!(patched["patterns"][0]["category"], "custom");
    assert_eq!(patched["patterns"][0]["pattern"], "forbidden-word");

    let put = api.ok("PUT", &item, json!({"pattern": "other-word"})).await;
    assert_eq!(put["patterns"][0]["name"], "pattern added by API");
    assert_eq!(put["revision"], 4);

    let removed = api.ok("DELETE", &item, Value::Null).await;
    assert_eq!(removed["patterns_affected"], 1);
    let gone = api
        .refused("GET", &item, Value::Null, StatusCode::NOT_FOUND)
        .await;
    assert!(gone["message"].as_str().unwrap().contains("8000000"));
    // An id is not given away twice.
    let again = api.ok("POST", PATTERNS, json!({"pattern": "third-word"})).await;
    assert_eq!(again["ids"][0], 8_000_001);
}

#[tokio::test]
async fn many_patterns_are_added_at_once_or_not_at_all() {
    let api = Harness::start().await;
    let list = api
        .ok(
            "POST",
            PATTERNS,
            json!([{"pattern": "word-a"}, {"pattern": "word-b", "id": 17}]),
        )
        .await;
    assert_eq!(list["ids"], json!([8_000_000, 17]));
    let named = api
        .ok("POST", PATTERNS, json!({"patterns": [{"pattern": "word-c"}]}))
        .await;
    assert_eq!(named["revision"], 3);
    let before = api.get(PATTERNS).await;
    let body = json!({"patterns": [{"pattern": "fine"}, {"pattern": "("}, {"pattern": "x", "targets": ["query", "nowhere"]}]});
    let problem = api
        .refused("POST", PATTERNS, body, StatusCode::UNPROCESSABLE_ENTITY)
        .await;
    assert_eq!(fields(&problem), ["/patterns/1/pattern", "/patterns/2/targets/1"]);
    assert_eq!(problem["errors"][1]["value"], "nowhere");
    assert_eq!(api.get(PATTERNS).await, before);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let api = Harness::start().await;
    let body = json!([
        {"pattern": 7, "severity": "huge", "tags": ["ok", 1], "enabled": "yes", "id": 0, "a/b": 1},
        "text",
        {"category": "xss", "rule_type": "sql"},
    ]);
    let problem = api
        .refused("POST", PATTERNS, body, StatusCode::UNPROCESSABLE_ENTITY)
        .await;
    let mut found = fields(&problem);
    found.sort();
    assert_eq!(
        found,
        [
            "/0/a~1b",
            "/0/enabled",
            "/0/id",
            "/0/pattern",
            "/0/severity",
            "/0/tags/1",
            "/1",
            "/2/pattern",
            "/2/rule_type"
        ]
    );
    assert_eq!(api.revision().await, 1);
}

#[tokio::test]
async fn what_does_not_compile_is_refused_with_field_and_value() {
    let api = Harness::start().await;
    for (body, field) in [
        (json!({"pattern": "(unclosed"}), "/pattern"),
        (json!({"pattern": ""}), "/pattern"),
        (json!({"pattern": "x", "operator": "detect_sql"}), "/operator"),
        (json!({"pattern": "(", "operator": "detect_sqli"}), "/pattern"),
        (
            json!({"pattern": "x", "transformations": ["rot13"]}),
            "/transformations/0",
        ),
    ] {
        let problem = api
            .refused("POST", PATTERNS, body, StatusCode::UNPROCESSABLE_ENTITY)
            .await;
        assert_eq!(fields(&problem), [field]);
        assert!(problem["errors"][0]["value"].is_string());
    }
    api.ok("POST", PATTERNS, json!({"pattern": "fine"})).await;
    let item = format!("{PATTERNS}/8000000");
    for method in ["PUT", "PATCH"] {
        let problem = api
            .refused(
                method,
                &item,
                json!({"pattern": "["}),
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await;
        assert_eq!(fields(&problem), ["/pattern"]);
    }
    assert_eq!(api.revision().await, 2);
}

#[tokio::test]
async fn patterns_name_their_operator() {
    let api = Harness::start().await;
    let body = json!([
        {"operator": "detect_sqli"},
        {"operator": "detect_xss", "pattern": ""},
        {"operator": "contains", "pattern": "a.b"},
        {"pattern": "a.b"}
    ]);
    let answer = api.ok("POST", PATTERNS, body).await;
    let operator = |index: usize| answer["patterns"][index]["operator"].clone();
    assert_eq!(
        [0, 1, 2, 3].map(operator),
        ["detect_sqli", "detect_xss", "contains", "rx"]
    );
    let item = format!("{PATTERNS}/8000002");
    let answer = api.ok("PATCH", &item, json!({"operator": "equals"})).await;
    assert_eq!(answer["patterns"][0]["operator"], "equals");
    let twice = api
        .refused(
            "POST",
            PATTERNS,
            json!({"operator": "detect_xss"}),
            StatusCode::CONFLICT,
        )
        .await;
    assert_eq!(fields(&twice), ["/pattern"]);
}

#[tokio::test]
async fn what_is_there_already_is_a_conflict() {
    let api = Harness::start().await;
    api.ok("POST", PATTERNS, json!({"pattern": "word", "id": 5}))
        .await;
    let twice = api
        .refused("POST", PATTERNS, json!({"pattern": "word"}), StatusCode::CONFLICT)
        .await;
    assert_eq!(fields(&twice), ["/pattern"]);
    let id = api
        .refused(
            "POST",
            PATTERNS,
            json!([{"pattern": "other", "id": 5}]),
            StatusCode::CONFLICT,
        )
        .await;
    assert_eq!(fields(&id), ["/0/id"]);
    // Elsewhere the same text is another pattern.
    api.ok("POST", PATTERNS, json!({"pattern": "word", "targets": ["path"]}))
        .await;
    let range = api.refused(
        "POST",
        PATTERNS,
        json!({"pattern": "y", "id": 7_000_001}),
        StatusCode::UNPROCESSABLE_ENTITY,
    );
    assert_eq!(fields(&range.await), ["/id"]);
}

#[tokio::test]
async fn pack_rules_are_listed_but_not_changed_by_api() {
    let api = Harness::start().await;
    let pack = api.get(&format!("{PATTERNS}?source=pack&pack=local")).await;
    assert_eq!(pack["patterns"][0]["id"], 100);
    assert_eq!(pack["patterns"][0]["pack"], "local");
    for (method, body) in [
        ("PUT", json!({"pattern": "x"})),
        ("PATCH", json!({})),
        ("DELETE", Value::Null),
    ] {
        let problem = api
            .refused(method, &format!("{PATTERNS}/100"), body, StatusCode::CONFLICT)
            .await;
        assert!(
            problem["errors"][0]["reason"]
                .as_str()
                .unwrap()
                .contains("rule pack local")
        );
    }
    api.refused(
        "DELETE",
        PATTERNS,
        json!({"pattern": "local-word"}),
        StatusCode::CONFLICT,
    )
    .await;
}

#[tokio::test]
async fn patterns_are_removed_by_text() {
    let api = Harness::start().await;
    api.ok(
        "POST",
        PATTERNS,
        json!([{"pattern": "w"}, {"pattern": "w", "targets": ["path"], "category": "xss"}]),
    )
    .await;
    api.refused("DELETE", PATTERNS, json!({"pattern": "v"}), StatusCode::NOT_FOUND)
        .await;
    let missing = api
        .refused("DELETE", PATTERNS, json!({}), StatusCode::UNPROCESSABLE_ENTITY)
        .await;
    assert_eq!(fields(&missing), ["/pattern"]);
    let one = api
        .ok("DELETE", PATTERNS, json!({"pattern": "w", "rule_type": "xss"}))
        .await;
    assert_eq!(one["patterns_affected"], 1);
    let rest = api.ok("DELETE", PATTERNS, json!({"pattern": "w"})).await;
    assert_eq!(rest["patterns_affected"], 1);
    assert_eq!(api.get(&format!("{PATTERNS}?source=api")).await["total"], 0);
}

#[tokio::test]
async fn lists_page_without_gap_or_repetition() {
    let api = Harness::start().await;
    let many = (0..25)
        .map(|n| json!({"pattern": format!("word-{n}")}))
        .collect::<Vec<_>>();
    api.ok("POST", PATTERNS, Value::Array(many)).await;
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let page = api
            .get(&format!("{PATTERNS}?source=api&limit=10&after={after}"))
            .await;
        assert_eq!(page["total"], 25);
        seen.extend(
            page["patterns"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].as_u64().unwrap()),
        );
        let Some(next) = page["next"].as_u64() else { break };
        after = next;
    }
    assert_eq!(seen, (8_000_000..8_000_025).collect::<Vec<_>>());
    let page = api.get(&format!("{PATTERNS}?category=xss&source=api")).await;
    assert_eq!(page["total"], 0);
}

#[tokio::test]
async fn a_change_that_changes_nothing_makes_no_revision() {
    let api = Harness::start().await;
    api.ok("POST", PATTERNS, json!({"pattern": "w", "id": 3})).await;
    let same = api
        .ok("PUT", &format!("{PATTERNS}/3"), json!({"pattern": "w", "id": 3}))
        .await;
    assert_eq!(
        (&same["revision"], &same["changed"], &same["patterns_affected"]),
        (&json!(2), &json!(false), &json!(0))
    );
    let same = api.ok("POST", "/api/v1/waf/reload", Value::Null).await;
    assert_eq!(same["changed"], false);
    assert_eq!(same["packs"], json!([]));
}

#[tokio::test]
async fn put_makes_what_is_not_there() {
    let api = Harness::start().await;
    let item = format!("{PATTERNS}/42");
    let made = api.ok("PUT", &item, json!({"pattern": "w"})).await;
    assert_eq!(made["ids"], json!([42]));
    let body = json!({"pattern": "w", "id": 43});
    let other = api
        .refused("PUT", &item, body, StatusCode::UNPROCESSABLE_ENTITY)
        .await;
    assert_eq!(fields(&other), ["/id"]);
    for (method, path) in [
        ("PATCH", "43"),
        ("PATCH", "0"),
        ("DELETE", "43"),
        ("DELETE", "none"),
    ] {
        let body = if method == "PATCH" { json!({}) } else { Value::Null };
        api.refused(method, &format!("{PATTERNS}/{path}"), body, StatusCode::NOT_FOUND)
            .await;
    }
}

#[tokio::test]
async fn reload_reads_packs_again_and_keeps_what_came_by_api() {
    let api = Harness::start().await;
    api.ok("POST", PATTERNS, json!({"pattern": "kept"})).await;
    api.write_pack("[pack]\nname = \"local\"\nversion = 2\n[[pattern]]\nid = 101\nname = \"n\"\npattern = \"new-word\"\n");
    let reloaded = api.ok("POST", "/api/v1/waf/reload", Value::Null).await;
    assert_eq!(
        reloaded["packs"],
        json!([{"name": "local", "version": 2, "added": [101], "changed": [], "removed": [100]}])
    );
    assert_eq!(reloaded["patterns_affected"], 2);
    assert_eq!(api.get(&format!("{PATTERNS}?source=api")).await["total"], 1);

    let before = api.revision().await;
    api.write_pack("[pack]\nname = \"local\"\nversion = 3\n[[pattern]]\nid = 101\npattren = \"x\"\n");
    let problem = api
        .refused(
            "POST",
            "/api/v1/waf/reload",
            Value::Null,
            StatusCode::UNPROCESSABLE_ENTITY,
        )
        .await;
    assert!(fields(&problem)[0].ends_with("local.toml:6"), "{problem}");
    api.write_pack(
        "[pack]\nname = \"local\"\nversion = 3\n[[pattern]]\nid = 101\nname = \"n\"\npattern = \"(\"\n",
    );
    let problem = api
        .refused(
            "POST",
            "/api/v1/waf/reload",
            Value::Null,
            StatusCode::UNPROCESSABLE_ENTITY,
        )
        .await;
    let reason = problem["errors"][0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("rule pack local, rule 101: pattern: "),
        "{reason}"
    );
    assert_eq!(api.revision().await, before);
}

#[tokio::test]
async fn the_mode_of_the_api_wins_until_it_is_reset() {
    let api = Harness::start().await;
    let path = "/api/v1/waf/mode";
    assert_eq!(
        api.get(path).await,
        json!({"mode": "block", "source": "settings", "settings": "block"})
    );
    api.ok("PUT", path, json!({"mode": "detect"})).await;
    assert_eq!(api.get(path).await["source"], "api");
    assert_eq!(api.get("/api/v1/status/waf").await["mode"], "detect");
    let api = api.restart().await;
    assert_eq!(api.get("/api/v1/status/waf").await["mode"], "detect");
    api.ok("DELETE", path, Value::Null).await;
    assert_eq!(api.get(path).await["source"], "settings");
    assert_eq!(api.get("/api/v1/status/waf").await["mode"], "block");
    for body in [
        json!({"mode": "loud"}),
        json!({}),
        json!({"mode": "off", "force": true}),
        json!("off"),
    ] {
        api.refused("PUT", path, body, StatusCode::UNPROCESSABLE_ENTITY)
            .await;
    }
}

#[tokio::test]
async fn revisions_tell_what_was_in_force() {
    let api = Harness::start().await;
    for n in 0..4 {
        api.ok("POST", PATTERNS, json!({"pattern": format!("w{n}")}))
            .await;
    }
    let page = api.get("/api/v1/revisions?limit=3").await;
    let numbers = |page: &Value| {
        page["revisions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["number"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&page), [5, 4, 3]);
    assert_eq!(page["revisions"][0]["in_force"], true);
    assert_eq!(page["revisions"][0]["reason"], "add pattern 8000003");
    let rest = api
        .get(&format!("/api/v1/revisions?after={}", page["next"]))
        .await;
    assert_eq!(numbers(&rest), [2, 1]);
    assert_eq!(rest["next"], Value::Null);
    let one = api.get("/api/v1/revisions/2").await;
    assert_eq!(one["content"]["patterns"][0]["pattern"], "w0");
    api.refused("GET", "/api/v1/revisions/99", Value::Null, StatusCode::NOT_FOUND)
        .await;
    api.refused("GET", "/api/v1/revisions/x", Value::Null, StatusCode::NOT_FOUND)
        .await;
}

#[tokio::test]
async fn waiting_without_a_node_answers_202() {
    let api = Harness::start().await;
    let (status, _, body) = api
        .send(Harness::request(
            "POST",
            &format!("{PATTERNS}?wait=applied&timeout=10ms"),
            &json!({"pattern": "w"}),
        ))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(
        (&body["applied"], &body["nodes"], &body["success"]),
        (&json!(false), &json!([]), &json!(true))
    );
}

#[tokio::test]
async fn wrong_query_parameters_change_nothing() {
    let api = Harness::start().await;
    for query in [
        "wait=now",
        "timeout=5s",
        "wait=applied&timeout=soon",
        "wait=applied&timeout=2h",
        "dry=1",
        "wait=applied&wait=applied",
    ] {
        let path = format!("{PATTERNS}?{query}");
        let problem = api
            .refused("POST", &path, json!({"pattern": "w"}), StatusCode::BAD_REQUEST)
            .await;
        assert_eq!(fields(&problem).len(), 1, "{problem}");
    }
    for path in [
        "/api/v1/health?x=1",
        "/api/v1/events?limit=0",
        "/api/v1/events?client=nobody",
        "/api/v1/events?since=today",
        "/api/v1/nodes?limit=1001",
        "/api/v1/waf/patterns?category=none",
    ] {
        api.refused("GET", path, Value::Null, StatusCode::BAD_REQUEST)
            .await;
    }
    let both = api
        .refused(
            "GET",
            "/api/v1/events?rule=x&order=up&what=1",
            Value::Null,
            StatusCode::BAD_REQUEST,
        )
        .await;
    assert_eq!(fields(&both), ["order", "rule", "what"]);
    assert_eq!(api.revision().await, 1);
}

#[tokio::test]
async fn every_path_but_health_needs_the_token() {
    let api = Harness::start().await;
    for path in ["/api/v1/health", "/livez", "/readyz"] {
        let (status, _, _) = api.send(Harness::anonymous("GET", path)).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    for path in [
        "/api/v1/status/waf",
        PATTERNS,
        "/api/v1/events",
        "/metrics",
        "/nowhere",
        "/",
    ] {
        let (status, headers, body) = api.send(Harness::anonymous("GET", path)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(headers.contains_key("www-authenticate"));
        assert_eq!(body["success"], false);
    }
    let key = axum::http::Request::get("/api/v1/nodes").header("x-secbeat-api-key", TOKEN);
    assert_eq!(
        api.send(key.body(axum::body::Body::empty()).unwrap()).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn wrong_tokens_are_throttled_and_the_right_one_is_not() {
    let api = Harness::start().await;
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let wrong = axum::http::Request::get("/api/v1/nodes").header("authorization", "Bearer wrong");
        statuses.push(api.send(wrong.body(axum::body::Body::empty()).unwrap()).await.0);
    }
    assert_eq!(statuses[0], StatusCode::UNAUTHORIZED);
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS));
    api.get("/api/v1/nodes").await;
    let metrics = api.text("/metrics").await;
    assert!(
        metrics.contains("secbeat_api_auth_failures_total 40"),
        "{metrics}"
    );
}

#[tokio::test]
async fn what_is_no_json_is_refused_by_kind() {
    let api = Harness::start().await;
    let send = async |kind: &str, body: &str| {
        let request = axum::http::Request::post(PATTERNS).header("authorization", format!("Bearer {TOKEN}"));
        let request = if kind.is_empty() {
            request
        } else {
            request.header("content-type", kind)
        };
        let (status, headers, problem) = api.send(request.body(body.to_owned().into()).unwrap()).await;
        assert_eq!(
            headers["content-type"] == "application/problem+json",
            !status.is_success()
        );
        (status, problem)
    };
    let word = r#"{"pattern":"w"}"#;
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
    ] {
        assert_eq!(
            send(kind, word).await.0,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{kind}"
        );
    }
    for text in [
        "",
        "{",
        "{\"pattern\":\"a\",\"pattern\":\"b\"}",
        "{} {}",
        "\u{0}",
        "{\"pattern\":\"\\ud800\"}",
    ] {
        let (status, problem) = send("application/json", text).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text:?}");
        assert!(problem["errors"][0]["reason"].is_string());
    }
    for text in ["[]", "null", "7", "{\"patterns\":{}}"] {
        assert_eq!(
            send("application/json", text).await.0,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{text}"
        );
    }
    let deep = "[".repeat(100_000);
    assert_eq!(send("application/json", &deep).await.0, StatusCode::BAD_REQUEST);
    let large = format!("{{\"pattern\":\"{}\"}}", "w".repeat(harness::MAX_BODY));
    let (status, problem) = send("application/json", &large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(problem["errors"][0]["reason"].as_str().unwrap().contains("bytes"));
    assert_eq!(
        send("application/json; charset=utf-8", word).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let api = Harness::start().await;
    api.refused("GET", "/api/v1/nowhere", Value::Null, StatusCode::NOT_FOUND)
        .await;
    for (method, path, allow) in [
        ("DELETE", "/api/v1/waf/reload", "POST"),
        ("POST", "/api/v1/health", "GET,HEAD"),
        ("OPTIONS", PATTERNS, "GET,HEAD,POST,DELETE"),
    ] {
        let (status, headers, body) = api.send(Harness::request(method, path, &Value::Null)).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_eq!(headers["allow"], allow);
        assert_eq!(body["status"], 405);
        assert_eq!(headers["x-request-id"], body["request_id"].as_str().unwrap());
    }
    api.refused(
        "POST",
        "/api/v1/waf/reload",
        json!({"force": true}),
        StatusCode::BAD_REQUEST,
    )
    .await;
    api.refused(
        "GET",
        "/api/v1/waf/patterns/%ff",
        Value::Null,
        StatusCode::BAD_REQUEST,
    )
    .await;
}

#[tokio::test]
async fn status_counts_by_category() {
    let api = Harness::start().await;
    api.ok(
        "POST",
        PATTERNS,
        json!([{"pattern": "a-word", "category": "xss"}, {"pattern": "b-word"}]),
    )
    .await;
    let status = api.get("/api/v1/status/waf").await;
    assert_eq!(status["enabled"], true);
    assert_eq!(status["revision"], 2);
    assert_eq!(status["api_patterns"], 2);
    // One of them stands in the pack.
    assert_eq!(status["custom_patterns"], 2);
    assert_eq!(status["xss_patterns"], 1);
    assert_eq!(status["sql_patterns"], 0);
    assert_eq!(status["nodes"], json!({"total": 0, "connected": 0, "in_sync": 0}));
    let health = api.get("/api/v1/health").await;
    assert_eq!(
        (&health["status"], &health["dependencies"]["store"]["status"]),
        (&json!("ok"), &json!("ok"))
    );
}

#[tokio::test]
async fn metrics_count_by_route_and_never_by_path() {
    let api = Harness::start().await;
    api.send(Harness::request("GET", "/nowhere/at/all", &Value::Null))
        .await;
    api.send(Harness::request("GET", &format!("{PATTERNS}/77"), &Value::Null))
        .await;
    let text = api.text("/metrics").await;
    for line in [
        "secbeat_api_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
        "secbeat_api_requests_total{method=\"GET\",route=\"/api/v1/waf/patterns/{id}\",status=\"404\"} 1",
        "secbeat_revision 1",
        "secbeat_patterns{category=\"custom\"} 1",
        "secbeat_mode{mode=\"block\"} 1",
        "secbeat_events_stored 0",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(!text.contains("/nowhere"));
}

#[tokio::test]
async fn events_are_listed_filtered_paged_and_shown() {
    let api = Harness::start().await;
    api.report(1, 1..=10, "10.0.0.1").await;
    api.report(2, 1..=10, "10.0.0.2").await;
    // Sent again after a lost answer: nothing is stored twice.
    assert_eq!(api.report(1, 5..=10, "10.0.0.1").await, 10);
    let ids = |page: &Value| {
        page["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let newest = api.get("/api/v1/events?limit=3").await;
    assert_eq!(ids(&newest), [20, 19, 18]);
    assert_eq!(
        ids(&api.get("/api/v1/events?limit=3&after=18").await),
        [17, 16, 15]
    );
    let all = api.get("/api/v1/events?order=asc&limit=1000").await;
    assert_eq!(ids(&all), (1..=20).collect::<Vec<_>>());
    assert_eq!(all["next"], Value::Null);
    assert_eq!(
        api.get("/api/v1/events?client=10.0.0.2").await["events"]
            .as_array()
            .unwrap()
            .len(),
        10
    );
    assert_eq!(
        ids(&api.get("/api/v1/events?action=detected&order=asc").await),
        [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]
    );
    assert_eq!(
        ids(&api.get("/api/v1/events?rule=7001002&order=asc").await),
        [2, 12]
    );
    assert_eq!(
        ids(&api.get("/api/v1/events?category=xss").await),
        Vec::<u64>::new()
    );
    assert_eq!(
        ids(&api
            .get("/api/v1/events?since=1970-01-01T00:00:09Z&until=1970-01-01T00:00:10Z&order=asc")
            .await),
        [9, 19]
    );
    let one = api.get("/api/v1/events/2").await;
    assert_eq!(one["action"], "blocked");
    assert_eq!(one["path"], "/a\\xff");
    assert_eq!(one["matches"][0]["category"], "sql_injection");
    assert_eq!(one["time"], "1970-01-01T00:00:02Z");
    api.refused("GET", "/api/v1/events/99", Value::Null, StatusCode::NOT_FOUND)
        .await;
    api.refused("GET", "/api/v1/nodes/nobody", Value::Null, StatusCode::NOT_FOUND)
        .await;
}

#[tokio::test]
async fn a_stream_of_events_shows_the_old_and_the_new_and_ends_with_the_process() {
    let api = Harness::start().await;
    api.report(1, 1..=3, "10.0.0.1").await;
    let mut stream = api.stream("/api/v1/events/stream?after=1").await;
    assert_eq!(stream.ids(2).await, [2, 3]);
    api.report(1, 4..=300, "10.0.0.1").await;
    assert_eq!(stream.ids(297).await, (4..=300).collect::<Vec<_>>());
    api.stop();
    assert!(stream.is_over().await);
}

#[tokio::test]
async fn a_stopping_control_plane_is_not_ready() {
    let api = Harness::start().await;
    api.stop();
    api.refused("GET", "/readyz", Value::Null, StatusCode::SERVICE_UNAVAILABLE)
        .await;
}
