//! What a worker costs in memory: the difference that more workers make.

use std::{fs, path::Path};

use super::{Clients, ConstantOrigin};
use crate::{Bootstrap, Context, Envoy, Result};

/// Workers of the two Envoys that are compared.
const WORKERS: (usize, usize) = (1, 5);
/// Connections, so many that every worker has some.
const CONNECTIONS: usize = 64;
/// Requests of each kind on each of them.
const REQUESTS: usize = 20;

/// Resident bytes that one more worker takes with this filter, once it has served such requests.
pub fn per_worker(filter: &Path, requests: &[Vec<u8>]) -> Result<u64> {
    let (few, many) = (
        resident(filter, WORKERS.0, requests)?,
        resident(filter, WORKERS.1, requests)?,
    );
    let workers = u64::try_from(WORKERS.1 - WORKERS.0).context("workers")?;
    Ok(many.saturating_sub(few) / workers)
}

fn resident(filter: &Path, workers: usize, requests: &[Vec<u8>]) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let origin = ConstantOrigin::start("text/plain", "Hello from the origin.\n")?;
    let bootstrap = Bootstrap::standalone(origin.address(), filter)?;
    let mut envoy = Envoy::start_with(&bootstrap, folder.path(), workers)?.quiet();
    for request in requests {
        let request = request.clone();
        Clients::connect(envoy.address(), CONNECTIONS)?.send(REQUESTS, move || request.clone())?;
    }
    let path = format!("/proc/{}/status", envoy.process().pid());
    let status = fs::read_to_string(&path).context(&path)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .context("no VmRSS")?;
    Ok(kib.parse::<u64>().context("VmRSS")? * 1024)
}
