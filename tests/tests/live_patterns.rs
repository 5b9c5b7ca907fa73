//! Patterns over REST: in force on every worker when the answer says so, gone when it says so, and never half.

use std::time::{Duration, Instant};

use secbeat_e2e::{Load, Request, Result, Stack, ensure};
use serde_json::json;

/// Changes measured; the fastest counts, for what else the machine does is not SecBeat's.
const MEASURED: usize = 5;
/// How long a change may take until it is in force everywhere.
const IN_FORCE: Duration = Duration::from_secs(1);

#[test]
fn added_pattern_blocks_on_every_worker_and_a_deleted_one_no_more() -> Result<()> {
    let stack = Stack::start()?;
    let request = Request::get("/?q=forbidden-word");
    stack.expect_everywhere(&request, 200)?;
    let (mut added, mut deleted) = (Vec::new(), Vec::new());
    for _ in 0..MEASURED {
        let start = Instant::now();
        let id = stack.api().add_pattern(&json!({ "pattern": "forbidden-word" }))?;
        added.push(start.elapsed());
        stack.expect_everywhere(&request, 403)?;
        ensure!(id >= 8_000_000, "the pattern's id is {id}");

        let start = Instant::now();
        stack.api().delete_pattern(id)?;
        deleted.push(start.elapsed());
        stack.expect_everywhere(&request, 200)?;
    }
    for (what, took) in [("in force", added), ("gone", deleted)] {
        ensure!(
            took.iter().any(|took| *took < IN_FORCE),
            "until a pattern was {what} it took {took:?}"
        );
    }
    Ok(())
}

/// 200 changes while eight clients send honest requests and attacks: every answer comes, and each is the right one.
#[test]
fn two_hundred_changes_under_load_fail_no_request_and_let_no_attack_through() -> Result<()> {
    const CHANGES: u64 = 200;
    let stack = Stack::start()?;
    let honest = [
        Request::get("/catalogue?page=2&sort=price"),
        Request::post(
            "/comment",
            "application/x-www-form-urlencoded",
            "name=O%27Brien&text=I+select+tea",
        ),
    ];
    let attacks = [
        Request::get("/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--"),
        Request::post(
            "/comment",
            "application/json",
            r#"{"text":"<script>alert(document.cookie)</script>"}"#,
        ),
    ];
    let honest = Load::start(stack.envoy.address(), 4, &honest)?;
    let attacks = Load::start(stack.envoy.address(), 4, &attacks)?;

    let api = stack.api();
    let before = api.revision()?;
    for number in 0..CHANGES / 2 {
        let id = api.add_pattern(&json!({ "pattern": format!("live-pattern-{number}"), "name": "live" }))?;
        let request = Request::get(format!("/?q=live-pattern-{number}"));
        let status = request.send(stack.envoy.address())?.status;
        ensure!(status == 403, "pattern {number} was applied but got {status}");
        api.delete_pattern(id)?;
        let status = request.send(stack.envoy.address())?.status;
        ensure!(status == 200, "pattern {number} was deleted but got {status}");
    }

    let (honest, attacks) = (honest.stop()?, attacks.stop()?);
    ensure!(
        api.revision()? == before + CHANGES,
        "{} revisions",
        api.revision()? - before
    );
    ensure!(
        honest.failures.is_empty() && attacks.failures.is_empty(),
        "failed: {honest:?} {attacks:?}"
    );
    ensure!(honest.statuses.keys().eq([&200]), "honest requests: {honest:?}");
    ensure!(attacks.statuses.keys().eq([&403]), "attacks: {attacks:?}");
    ensure!(
        honest.of(200) > CHANGES && attacks.of(403) > CHANGES,
        "too little load: {honest:?} {attacks:?}"
    );
    Ok(())
}
