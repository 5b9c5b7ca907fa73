//! What requests take in a real Envoy.

use std::time::Duration;

use super::Carrier;
use crate::{Connection, Envoy, Result};

/// What requests took in Envoy.
#[derive(Debug, Clone, Copy)]
pub struct InEnvoy {
    /// Envoy's processor time, user and system, of each.
    pub time: Duration,
    /// The status of the last answer.
    pub status: u16,
}

/// Sends requests with inputs one after the other and takes Envoy's processor time.
pub fn in_envoy(
    envoy: &mut Envoy,
    carrier: &Carrier,
    mut next: impl FnMut() -> Vec<u8>,
    requests: u32,
) -> Result<InEnvoy> {
    let mut connection = None;
    // The first one finds out what the automata have yet to learn.
    let mut status = send(envoy, &mut connection, carrier, &next())?;
    let before = envoy.process().cpu_time()?;
    for _ in 0..requests {
        status = send(envoy, &mut connection, carrier, &next())?;
    }
    Ok(InEnvoy {
        time: envoy.process().cpu_time()?.saturating_sub(before) / requests.max(1),
        status,
    })
}

fn send(envoy: &Envoy, kept: &mut Option<Connection>, carrier: &Carrier, value: &[u8]) -> Result<u16> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => Connection::open(envoy.address())?,
    };
    connection.send_what_is_taken(&carrier.show(value).request().bytes());
    let answer = connection.answer(false)?;
    let is_closed = answer
        .header("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    if !is_closed {
        *kept = Some(connection);
    }
    Ok(answer.status)
}
