//! Waits for a condition, never for a time.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{Failure, Result};

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(5);

/// Waits until `probe` yields a value; fails with what it said last once `deadline` is over.
pub fn until<T>(what: &str, deadline: Duration, mut probe: impl FnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(reason) if start.elapsed() >= deadline => {
                return Err(Failure::new(format!(
                    "{what} did not happen within {deadline:?}: {reason}"
                )));
            }
            Err(_) => thread::sleep(INTERVAL),
        }
    }
}
