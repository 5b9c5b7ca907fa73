//! Events: every blocked request is in the store, once, whatever happened to the control plane meanwhile.

use std::{collections::BTreeSet, time::Duration};

use secbeat_e2e::{Connection, Context, NODE, Request, Result, Stack, ensure, wait};
use serde_json::{Value, json};

const REQUESTS: usize = 1_000;
const RESTART_AT: usize = 400;

#[test]
fn events_of_a_thousand_blocked_requests_survive_a_restart_of_the_control_plane() -> Result<()> {
    let mut stack = Stack::start()?;
    let attack = Request::get("/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--").bytes();
    let mut sent = BTreeSet::new();
    let mut connection = None;
    for number in 0..REQUESTS {
        if number == RESTART_AT {
            stack.control_plane = stack.control_plane.crash_and_restart()?;
        }
        if number % 10 == 0 {
            connection = None;
        }
        let connection = match &mut connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(stack.envoy.address())?),
        };
        connection.send(&attack)?;
        let response = connection.answer(false)?;
        ensure!(response.status == 403, "request {number} got {}", response.status);
        sent.insert(response.header("x-request-id").context("no request id")?);
    }
    ensure!(sent.len() == REQUESTS, "{} different request ids", sent.len());

    wait::until("every event in the store", Duration::from_secs(20), || {
        let events = stack.api().events()?;
        let stored: Vec<&str> = events
            .iter()
            .filter_map(|event| event.get("request_id").and_then(Value::as_str))
            .collect();
        let missing = sent.iter().filter(|id| !stored.contains(&id.as_str())).count();
        ensure!(missing == 0, "{missing} events are missing");
        ensure!(
            stored.len() == REQUESTS,
            "{} events for {REQUESTS} requests",
            stored.len()
        );
        Ok(())
    })
}

#[test]
fn what_was_found_in_a_request_that_its_client_gives_up_is_reported() -> Result<()> {
    let stack = Stack::start()?;
    stack.api().add_pattern(&json!({
        "name": "noted", "pattern": "^noted$", "targets": ["query_values"], "action": "detect",
    }))?;
    stack.api().wait_in_sync(NODE)?;
    let request = Request::post(
        "/form?a=noted",
        "application/x-www-form-urlencoded",
        "b=".to_owned() + &"c".repeat(99),
    );
    let bytes = request.bytes();
    for number in 1..=5 {
        let mut connection = Connection::open(stack.envoy.address())?;
        connection.send(bytes.get(..bytes.len() - number).context("a body")?)?;
        // The head and the beginning of the body are with the filter, which holds them.
        wait::until("the request", Duration::from_secs(5), || {
            let active = stack.envoy.stat_sum("secbeat_requests_total")?;
            ensure!(active >= number as u64, "{active} requests");
            Ok(())
        })?;
        drop(connection);
    }
    wait::until("the events", Duration::from_secs(5), || {
        let events = stack.api().events()?;
        ensure!(events.len() == 5, "{} events", events.len());
        for event in &events {
            let is = |field: &str, expected: Value| event.get(field) == Some(&expected);
            ensure!(is("client", json!("127.0.0.1")), "{event}");
            ensure!(is("path", json!("/form")), "{event}");
            ensure!(is("action", json!("detected")), "{event}");
            let id = event
                .get("request_id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            ensure!(id.len() == 36, "no id of Envoy: {event}");
        }
        Ok(())
    })
}
