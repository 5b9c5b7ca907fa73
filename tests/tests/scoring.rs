//! Scores through a real Envoy: what adds up is refused, what does not is reported, and sampling lets a share pass.

use std::time::Duration;

use secbeat_e2e::{
    Bootstrap, Context, Envoy, Journal, NODE, Origin, Request, Result, Stack, artifacts, ensure, wait,
};
use serde_json::{Value, json};

/// Two warnings, of which each has the score 3.
fn warnings() -> Value {
    let warning = |name: &str| json!({ "name": name, "pattern": name, "category": "scanner", "severity": "warning", "action": "score" });
    json!([warning("odd-one"), warning("odd-two")])
}

/// Starts the control plane again with these scores in its settings, and waits until Envoy has them.
fn score(mut stack: Stack, scoring: &Value) -> Result<Stack> {
    stack.control_plane = stack
        .control_plane
        .restart_with("waf", &json!({ "packs": [], "scoring": scoring }))?;
    stack.api().wait_in_sync(NODE)?;
    Ok(stack)
}

/// An event of a path under the newest revision, once it is in the store.
fn event_of(stack: &Stack, path: &str) -> Result<Value> {
    let revision = json!(stack.api().revision()?);
    wait::until("the event", Duration::from_secs(10), || {
        let is_meant = |event: &Value| {
            event.get("path") == Some(&json!(path)) && event.get("revision") == Some(&revision)
        };
        let events = stack.api().events()?;
        events.into_iter().find(is_meant).context("no event yet")
    })
}

#[test]
fn thresholds_of_the_settings_decide_what_is_refused() -> Result<()> {
    let mut stack = Stack::start()?;
    stack.api().post("/api/v1/waf/patterns", &warnings())?;
    let leak = json!({ "name": "leak", "pattern": "x-leak", "severity": "error", "action": "score",
        "targets": ["response_headers:content-type"] });
    stack.api().add_pattern(&leak)?;
    let request = Request::get("/in?q=odd-one&r=odd-two");
    // The origin answers with the type that it was sent.
    let response = Request::post("/out", "text/x-leak", "word");
    for (inbound, outbound, statuses) in [(6, 4, (403, 502)), (7, 5, (200, 200))] {
        let thresholds = json!({ "inbound_threshold": inbound, "outbound_threshold": outbound });
        stack = score(stack, &thresholds)?;
        stack.expect_everywhere(&request, statuses.0)?;
        stack.expect_everywhere(&response, statuses.1)?;
        let event = event_of(&stack, "/in")?;
        let is_refused = statuses.0 == 403;
        ensure!(event.pointer("/score/inbound") == Some(&json!(6)), "{event}");
        ensure!(
            event.get("action") == Some(&json!(if is_refused { "blocked" } else { "detected" })),
            "{event}"
        );
        let event = event_of(&stack, "/out")?;
        ensure!(event.pointer("/score/outbound") == Some(&json!(4)), "{event}");
    }
    Ok(())
}

#[test]
fn a_paranoia_level_refuses_what_the_level_below_passes() -> Result<()> {
    let mut stack = Stack::start()?;
    let strict = json!({ "name": "strict", "pattern": "odd-one", "paranoia": 2, "action": "score" });
    stack.api().add_pattern(&strict)?;
    let request = Request::get("/?q=odd-one");

    stack = score(stack, &json!({ "paranoia_level": 1 }))?;
    stack.expect_everywhere(&request, 200)?;
    let level_one = stack.api().revision()?;

    // Evaluated, and only reported.
    stack = score(
        stack,
        &json!({ "paranoia_level": 1, "executing_paranoia_level": 2 }),
    )?;
    stack.expect_everywhere(&request, 200)?;
    let event = event_of(&stack, "/")?;
    let found = |name: &str| event.pointer(&format!("/matches/0/{name}"));
    ensure!(
        found("paranoia") == Some(&json!(2)) && found("score") == Some(&json!(5)),
        "{event}"
    );
    ensure!(event.pointer("/score/inbound") == Some(&json!(0)), "{event}");
    ensure!(event.get("would_block").is_none(), "{event}");

    stack = score(stack, &json!({ "paranoia_level": 2 }))?;
    stack.expect_everywhere(&request, 403)?;
    let event = event_of(&stack, "/")?;
    ensure!(event.pointer("/score/inbound") == Some(&json!(5)), "{event}");

    // Level 1 alone did not even evaluate it: events come in order, and none of those is from then.
    let events = stack.api().events()?;
    let is_early = |event: &&Value| event.get("revision") == Some(&json!(level_one));
    let early = events.iter().find(is_early);
    ensure!(early.is_none(), "{early:?}");
    Ok(())
}

#[test]
fn without_early_blocking_the_event_tells_what_the_body_held() -> Result<()> {
    let mut stack = Stack::start()?;
    stack.api().post(
        "/api/v1/waf/patterns",
        &json!([
            { "name": "odd-one", "pattern": "odd-one", "action": "score" },
            { "name": "odd-two", "pattern": "odd-two", "action": "score" }
        ]),
    )?;
    let request = Request::post("/?q=odd-one", "application/x-www-form-urlencoded", "q=odd-two");
    for (early_blocking, matches) in [(true, 1), (false, 2)] {
        stack = score(stack, &json!({ "early_blocking": early_blocking }))?;
        stack.expect_everywhere(&request, 403)?;
        let event = event_of(&stack, "/")?;
        let found = event.get("matches").and_then(Value::as_array).map(Vec::len);
        ensure!(found == Some(matches), "{event}");
    }
    ensure!(!stack.origin.saw(b"odd-two"), "the body reached the origin");
    Ok(())
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
    /// That all of them go the same way at 50 percent is as likely as to guess a key of 199 bits.
    const REQUESTS: u64 = 200;
    let origin = Origin::start(Journal::Keep)?;
    let pattern = json!({ "id": 1, "name": "word", "pattern": "forbidden-word" });
    for (percent, passes) in [(0, REQUESTS..=REQUESTS), (50, 1..=REQUESTS - 1), (100, 0..=0)] {
        let folder = tempfile::tempdir()?;
        let policy = json!({ "patterns": [pattern], "scoring": { "sampling_percent": percent } });
        let bootstrap = Bootstrap::standalone(origin.address(), &artifacts::filter()?)?
            .plugin_configuration(&json!({ "policy": policy }))?;
        let envoy = Envoy::start(&bootstrap, folder.path())?;
        let (mut passed, mut refused) = (0, 0);
        // The client names its requests alike, and nothing depends on it.
        let request = Request::get("/?q=forbidden-word").header("x-request-id", "0");
        for _ in 0..REQUESTS {
            match request.send(envoy.address())?.status {
                200 => passed += 1,
                403 => refused += 1,
                other => ensure!(false, "expected 200 or 403, found {other}"),
            }
        }
        ensure!(
            passes.contains(&passed),
            "at {percent} percent {passed} passed, {refused} were refused"
        );
        let unseen = envoy.stat_sum("secbeat_sampled_out_total")?;
        ensure!(unseen == passed, "{passed} passed, {unseen} are counted");
    }
    Ok(())
}
