//! Scores through a real Envoy: what adds up is refused, what does not is reported, and sampling lets a share pass.

use std::time::Duration;

use secbeat_e2e::{Bootstrap, Envoy, Journal, Origin, Request, Result, Stack, artifacts, ensure, wait};
use serde_json::{Value, json};

/// Two warnings, of which each has the score 3.
fn warnings() -> Value {
    let warning = |name: &str| json!({ "name": name, "pattern": name, "category": "scanner", "severity": "warning", "action": "score" });
    json!([warning("odd-one"), warning("odd-two")])
}

#[test]
fn two_warnings_are_refused_and_one_alone_is_reported() -> Result<()> {
    let stack = Stack::start()?;
    let added = stack
        .api()
        .post("/api/v1/waf/patterns?wait=applied&timeout=30s", &warnings())?;
    ensure!(added.get("applied") == Some(&Value::Bool(true)), "{added}");
    let status = stack.api().get("/api/v1/status/waf")?;
    ensure!(
        status.pointer("/scoring/inbound_threshold") == Some(&json!(5)),
        "{status}"
    );

    let one = Request::get("/?q=odd-one");
    let both = Request::post("/?q=odd-one", "application/x-www-form-urlencoded", "q=odd-two");
    stack.expect_everywhere(&one, 200)?;
    let seen = stack.origin.requests();
    stack.expect_everywhere(&both, 403)?;
    let refusal = both.send(stack.envoy.address())?;
    ensure!(
        stack.origin.requests() == seen,
        "the origin saw {} requests after {seen}",
        stack.origin.requests()
    );

    let id = refusal.header("x-request-id");
    let (passed, refused) = wait::until("the events", Duration::from_secs(10), || {
        let events = stack.api().events()?;
        let of = |action: &str| {
            let found = events
                .iter()
                .filter(|event| event.get("action") == Some(&json!(action)));
            found.cloned().collect::<Vec<_>>()
        };
        let named = |event: &&Value| event.get("request_id").and_then(Value::as_str) == id.as_deref();
        let refused = of("blocked").iter().find(named).cloned();
        let passed = of("detected");
        ensure!(
            !passed.is_empty() && refused.is_some(),
            "{} events, none of {id:?}",
            events.len()
        );
        Ok((passed, refused.unwrap_or_default()))
    })?;
    for event in passed {
        ensure!(event.pointer("/score/inbound") == Some(&json!(3)), "{event}");
        ensure!(event.get("would_block").is_none(), "{event}");
    }
    ensure!(
        refused.get("score") == Some(&json!({ "inbound": 6, "outbound": 0, "categories": { "scanner": 6 } })),
        "{refused}"
    );
    let matches = |field: &str| {
        let pointers = (0..3).map(|index| refused.pointer(&format!("/matches/{index}/{field}")));
        pointers.flatten().cloned().collect::<Vec<_>>()
    };
    ensure!(matches("score") == [json!(3), json!(3)], "{refused}");
    ensure!(
        matches("action") == [json!("detected"), json!("blocked")],
        "{refused}"
    );
    ensure!(
        stack.envoy.stat_sum("secbeat_sampled_out_total")? == 0,
        "requests passed unseen"
    );
    Ok(())
}

#[test]
fn detection_tells_what_would_be_refused() -> Result<()> {
    let stack = Stack::start()?;
    let mode = Request::new("PUT", "/api/v1/waf/mode?wait=applied&timeout=30s")
        .header("content-type", "application/json")
        .body(r#"{"mode": "detect"}"#);
    let answer = stack.api().authorized(mode)?;
    ensure!(answer.status == 200, "{}", answer.text());
    let attack = Request::get("/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--");
    stack.expect_everywhere(&attack, 200)?;
    wait::until("the events", Duration::from_secs(10), || {
        let events = stack.api().events()?;
        let told = |event: &Value| event.get("would_block") == Some(&Value::Bool(true));
        ensure!(!events.is_empty() && events.iter().all(told), "{events:?}");
        Ok(())
    })
}

#[test]
fn sampling_lets_a_share_of_the_requests_pass_unseen() -> Result<()> {
    /// That all of them go the same way is as likely as to guess a key of 199 bits.
    const REQUESTS: u64 = 200;
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(Journal::Keep)?;
    let pattern = json!({ "id": 1, "name": "word", "pattern": "forbidden-word" });
    let policy = json!({ "patterns": [pattern], "scoring": { "sampling_percent": 50 } });
    let bootstrap = Bootstrap::standalone(origin.address(), &artifacts::filter()?)?
        .plugin_configuration(&json!({ "policy": policy }))?;
    let envoy = Envoy::start(&bootstrap, folder.path())?;
    let (mut passed, mut refused) = (0, 0);
    for _ in 0..REQUESTS {
        match Request::get("/?q=forbidden-word").send(envoy.address())?.status {
            200 => passed += 1,
            403 => refused += 1,
            other => ensure!(false, "expected 200 or 403, found {other}"),
        }
    }
    ensure!(
        passed > 0 && refused > 0,
        "{passed} passed, {refused} were refused"
    );
    let unseen = envoy.stat_sum("secbeat_sampled_out_total")?;
    ensure!(unseen == passed, "{passed} passed, {unseen} are counted");
    Ok(())
}
