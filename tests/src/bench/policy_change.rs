//! What the first request under a new policy waits for: none of what the policy is made of may be left to build then.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{Connection, Result, Stack, ensure};

/// The first request after a change and the one behind it, as the client saw them.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// Median of the first requests.
    pub first: Duration,
    /// The slowest first request.
    pub slowest: Duration,
    /// Median of the second requests.
    pub second: Duration,
}

/// Changes the policy so many times for each of these requests, and sends it twice after each change.
pub fn latencies(filter: &Path, requests: &[Vec<u8>], changes: usize) -> Result<Vec<Latency>> {
    let stack = Stack::start_with(filter)?.quiet();
    let api = stack.api();
    let mut latencies = Vec::new();
    for request in requests {
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        for _ in 0..changes {
            let mut connection = Connection::open(stack.envoy.address())?;
            let id = api.add_pattern(&json!({ "pattern": "no-such-word-in-it", "name": "change" }))?;
            for times in [&mut firsts, &mut seconds] {
                let start = Instant::now();
                connection.send(request)?;
                let status = connection.answer(false)?.status;
                times.push(start.elapsed());
                ensure!(status == 200, "an honest request got {status}");
            }
            api.delete_pattern(id)?;
        }
        latencies.push(Latency {
            first: median(&mut firsts),
            slowest: firsts.iter().max().copied().unwrap_or_default(),
            second: median(&mut seconds),
        });
    }
    Ok(latencies)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
