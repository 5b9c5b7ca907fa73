//! Who the client is: the peer of the connection, whatever the request claims.

use std::time::Duration;

use secbeat_e2e::{Bootstrap, Envoy, Journal, Origin, Request, Result, Stack, artifacts, ensure, wait};
use serde_json::json;

const CLAIMS: [&str; 4] = [
    "203.0.113.7",
    "203.0.113.7, 198.51.100.9",
    "::ffff:203.0.113.7",
    "unknown",
];

#[test]
fn spoofed_x_forwarded_for_does_not_change_the_client_address() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(Journal::Keep)?;
    let patterns = json!([
        { "id": 1, "name": "the claimed client", "pattern": "^(::ffff:)?203\\.0\\.113\\.7$", "targets": ["client"] },
        { "id": 2, "name": "the real client", "pattern": "^127\\.0\\.0\\.1$", "targets": ["client"], "action": "detect" },
    ]);
    let bootstrap = Bootstrap::standalone(origin.address(), &artifacts::filter()?)?
        .plugin_configuration(&json!({ "policy": { "patterns": patterns } }))?;
    let envoy = Envoy::start(&bootstrap, folder.path())?;
    for claim in CLAIMS {
        let status = Request::get("/")
            .header("x-forwarded-for", claim)
            .send(envoy.address())?
            .status;
        ensure!(status == 200, "X-Forwarded-For {claim:?} was believed: {status}");
    }
    let detected = envoy.stat_sum("secbeat_detected_total")?;
    ensure!(
        detected == CLAIMS.len() as u64,
        "the real client was seen {detected} times"
    );
    Ok(())
}

#[test]
fn events_name_the_real_client() -> Result<()> {
    let stack = Stack::start()?;
    let attack = Request::get("/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--")
        .header("x-forwarded-for", "203.0.113.7");
    ensure!(
        attack.send(stack.envoy.address())?.status == 403,
        "the attack passed"
    );
    wait::until("the event", Duration::from_secs(5), || {
        let events = stack.api().events()?;
        ensure!(events.len() == 1, "{} events", events.len());
        ensure!(
            events
                .iter()
                .all(|event| event.get("client") == Some(&json!("127.0.0.1"))),
            "{events:?}"
        );
        Ok(())
    })
}
