//! The control plane goes away: protection stays, and so does every change that it accepted.

use std::{collections::BTreeSet, fs, thread, time::Duration};

use secbeat_e2e::{
    Bootstrap, ControlPlane, Envoy, Failure, Journal, Load, NODE, Origin, Request, Result, Stack, artifacts,
    ensure, ports, wait,
};
use serde_json::{Value, json};

fn attack() -> Request {
    Request::get("/attack?id=1%27%20UNION%20SELECT%20password%20FROM%20users--")
}

/// Kills the control plane while changes come in as fast as it takes them, again and again.
#[test]
fn killed_control_plane_costs_no_protection_and_no_accepted_change() -> Result<()> {
    const KILLS: u64 = 6;
    let mut stack = Stack::start()?;
    let honest = Load::start(stack.envoy.address(), 2, &[Request::get("/honest")])?;
    let attacks = Load::start(stack.envoy.address(), 2, &[attack()])?;
    let mut accepted = BTreeSet::new();
    for kill in 0..KILLS {
        let api = stack.api();
        let changes = thread::spawn(move || {
            let mut accepted = BTreeSet::new();
            for number in 0..10_000 {
                let word = format!("word-{kill}-{number}");
                match api.post("/api/v1/waf/patterns", &json!({ "pattern": word })) {
                    Ok(_) => accepted.insert(word),
                    Err(_) => break,
                };
            }
            accepted
        });
        // Another number of revisions each time, so that the kill meets the writer at different moments.
        let api = stack.api();
        let before = api.revision()?;
        wait::until("some changes", Duration::from_secs(20), || {
            let made = api.revision()? - before;
            ensure!(made > 3 * kill, "{made} changes");
            Ok(())
        })?;
        stack.control_plane.process().kill()?;
        accepted.extend(
            changes
                .join()
                .map_err(|_| Failure::new("the changing thread panicked"))?,
        );
        stack.expect_everywhere(&attack(), 403)?;
        stack.control_plane = stack.control_plane.crash_and_restart()?;
        let stored = patterns(&stack)?;
        let lost: Vec<_> = accepted.difference(&stored).collect();
        ensure!(
            lost.is_empty(),
            "kill {kill}: accepted changes were lost: {lost:?}"
        );
    }
    ensure!(
        accepted.len() > KILLS as usize,
        "only {} changes were accepted",
        accepted.len()
    );
    stack.api().wait_in_sync(NODE)?;
    if let Some(word) = accepted.last() {
        stack.expect_everywhere(&Request::get(format!("/?q={word}")), 403)?;
    }
    let (honest, attacks) = (honest.stop()?, attacks.stop()?);
    ensure!(
        honest.failures.is_empty() && attacks.failures.is_empty(),
        "failed: {honest:?} {attacks:?}"
    );
    ensure!(honest.statuses.keys().eq([&200]), "honest requests: {honest:?}");
    ensure!(attacks.statuses.keys().eq([&403]), "attacks: {attacks:?}");
    Ok(())
}

/// The text of every pattern in the store.
fn patterns(stack: &Stack) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut cursor = None;
    loop {
        let after = cursor
            .map(|cursor| format!("&after={cursor}"))
            .unwrap_or_default();
        let page = stack
            .api()
            .get(&format!("/api/v1/waf/patterns?source=api&limit=1000{after}"))?;
        let patterns = page
            .get("patterns")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        found.extend(
            patterns
                .iter()
                .filter_map(|item| item.get("pattern")?.as_str().map(str::to_owned)),
        );
        match page.get("next") {
            Some(Value::Null) | None => return Ok(found),
            Some(next) => cursor = Some(next.to_string()),
        }
    }
}

#[test]
fn envoy_started_without_the_control_plane_protects_and_catches_up() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(Journal::Keep)?;
    let filter = artifacts::filter()?;
    let (management, xds) = (ports::free()?, ports::free()?);
    let envoy = Envoy::start(
        &Bootstrap::sidecar(NODE, origin.address(), &filter, xds)?,
        folder.path(),
    )?;
    ensure!(attack().send(envoy.address())?.status == 403, "an attack passed");
    ensure!(
        Request::get("/honest").send(envoy.address())?.status == 200,
        "an honest request was refused"
    );

    let control_plane = ControlPlane::start_at(folder.path(), &filter, management, xds, &[])?;
    control_plane.api().wait_in_sync(NODE)?;
    control_plane
        .api()
        .add_pattern(&json!({ "pattern": "forbidden-word" }))?;
    ensure!(
        Request::get("/?q=forbidden-word").send(envoy.address())?.status == 403,
        "the pattern is not in force"
    );
    ensure!(!origin.saw(b"/attack"), "an attack reached the origin");
    Ok(())
}

#[test]
fn envoy_started_without_the_control_plane_has_the_last_known_good_policy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(Journal::Keep)?;
    let filter = artifacts::filter()?;
    let (management, xds) = (ports::free()?, ports::free()?);
    let bootstrap = Bootstrap::sidecar(NODE, origin.address(), &filter, xds)?;
    let template = folder.path().join("template.yaml");
    fs::write(&template, bootstrap.text())?;
    let mut control_plane = ControlPlane::start_at(folder.path(), &filter, management, xds, &[template])?;
    let envoy = Envoy::start(&bootstrap, folder.path())?;
    control_plane.api().wait_in_sync(NODE)?;
    control_plane
        .api()
        .add_pattern(&json!({ "pattern": "forbidden-word" }))?;
    let rendered = control_plane.data().join("envoy/template.yaml");
    let rendered = wait::until("the rendered bootstrap", Duration::from_secs(5), || {
        let text = fs::read_to_string(&rendered)?;
        ensure!(
            text.contains("forbidden-word"),
            "the pattern is not in {}",
            rendered.display()
        );
        Ok(text)
    })?;
    control_plane.process().kill()?;
    drop(envoy);

    let envoy = Envoy::start(&Bootstrap::rendered(rendered), folder.path())?;
    let status = Request::get("/?q=forbidden-word").send(envoy.address())?.status;
    ensure!(
        status == 403,
        "the pattern of the last known good policy is not in force: {status}"
    );
    ensure!(attack().send(envoy.address())?.status == 403, "an attack passed");
    ensure!(
        Request::get("/honest").send(envoy.address())?.status == 200,
        "an honest request was refused"
    );
    Ok(())
}

#[test]
fn asked_to_stop_the_control_plane_ends_cleanly() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut control_plane = ControlPlane::start(folder.path(), &artifacts::filter()?)?;
    let status = control_plane.process().stop()?;
    ensure!(status.success(), "the control plane ended with {status}");
    Ok(())
}
