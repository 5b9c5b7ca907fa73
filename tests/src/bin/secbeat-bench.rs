//! `./justw bench`: processor time that Envoy spends per request with SecBeat's filter, with a filter that does
//! nothing, and with none, side by side in one run.
//!
//! The time is Envoy's own (user and system, from /proc/PID/stat), so that waiting, the clients and the origin do not
//! count; clients and origin have one thread each, and every answer is the same short text. The three Envoys take turns within each round, so that whatever else the machine does meets all alike; the
//! median of the rounds is shown. Compare within one run only.
//!
//! Then: what the first requests after a change of the policy wait for, what a worker takes in memory, and the size of the
//! module.
//!
//! No request is sent twice: a number in its path, query, referrer, cookies and body changes each time, so that nobody
//! gains by remembering what honest clients do not repeat.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its user"
)]

use std::{
    env,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicU32, Ordering},
};

use secbeat_e2e::{
    Bootstrap, Context, Envoy, Result, artifacts,
    bench::{self, ConstantOrigin, memory, policy_change},
};

/// Connections that send at the same time.
const CLIENTS: usize = 16;
/// Microseconds in a tick of /proc/PID/stat; Linux fixes it at 100 ticks a second for user space.
const TICK: f64 = 10_000.0;

/// Changes of the policy after which a first request is timed.
const CHANGES: usize = 7;

/// What stands where each request has a number of its own, of the same length.
const NUMBER: &str = "00000000";
/// The number of the next request.
static NEXT: AtomicU32 = AtomicU32::new(0x1000_0000);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("secbeat: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let requests = number("BENCH_REQUESTS", 8_000)?;
    let rounds = number("BENCH_ROUNDS", 7)?;
    let folder = tempfile::tempdir()?;
    let origin = ConstantOrigin::start("text/plain; charset=utf-8", "Hello from the origin.\n")?;
    let shipped = |filter| Bootstrap::standalone(origin.address(), filter);
    let (filter, noop) = (artifacts::release_filter()?, artifacts::noop_filter()?);
    let bootstraps = [
        shipped(&filter)?.without_filter()?.without_guard()?,
        shipped(&noop)?,
        shipped(&filter)?,
    ];
    let mut envoys = Vec::new();
    for bootstrap in &bootstraps {
        envoys.push(Envoy::start_with(bootstrap, folder.path(), 1)?.quiet());
    }

    println!(
        "Envoy CPU per request, in microseconds: median of {rounds} rounds of {requests} requests each\n"
    );
    println!(
        "{:<22}{:>10}{:>10}{:>10}{:>16}",
        "request", "no filter", "no-op", "SecBeat", "SecBeat - no-op"
    );
    let only = env::args().nth(1);
    for (name, request) in kinds() {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let bytes = on_wire(request)?;
        let mut samples = vec![Vec::new(); envoys.len()];
        for round in 0..=rounds {
            for turn in 0..envoys.len() {
                // Another one begins in each round.
                let which = (turn + round) % envoys.len();
                let (envoy, samples) = envoys
                    .get_mut(which)
                    .zip(samples.get_mut(which))
                    .context("no such Envoy")?;
                let before = envoy.process().cpu_ticks()?;
                let bytes = bytes.clone();
                bench::drive(envoy.address(), CLIENTS, requests, move || numbered(&bytes))?;
                let ticks = envoy.process().cpu_ticks()? - before;
                // The first round warms up.
                if round > 0 {
                    samples.push(per_request(ticks, requests)?);
                }
            }
        }
        let medians: Vec<f64> = samples.iter_mut().map(|samples| median(samples)).collect();
        if let [none, noop, secbeat] = medians.as_slice() {
            println!(
                "{name:<22}{none:>10.1}{noop:>10.1}{secbeat:>10.1}{:>16.1}",
                secbeat - noop
            );
        }
    }
    if only.is_none() {
        around_it(&filter, &noop)?;
    }
    Ok(())
}

/// What else the filter costs.
fn around_it(filter: &Path, noop: &Path) -> Result<()> {
    let names = kinds().map(|(name, _)| name);
    let requests = kinds().map(|(_, request)| on_wire(request));
    let requests = requests.into_iter().collect::<Result<Vec<_>>>()?;
    println!("\nRequests after a change of the policy, in milliseconds, of {CHANGES} changes\n");
    println!(
        "{:<22}{:>10}{:>10}{:>10}",
        "request", "first", "slowest", "second"
    );
    let latencies = policy_change::latencies(filter, &requests, CHANGES)?;
    for (name, latency) in names.iter().zip(latencies) {
        let [first, slowest, second] =
            [latency.first, latency.slowest, latency.second].map(|time| time.as_secs_f64() * 1e3);
        println!("{name:<22}{first:>10.2}{slowest:>10.2}{second:>10.2}");
    }
    let mib = |bytes: u64| u32::try_from(bytes / 1024).map_or(f64::NAN, |kib| f64::from(kib) / 1024.0);
    let (with, without) = (
        memory::per_worker(filter, &requests)?,
        memory::per_worker(noop, &requests)?,
    );
    println!(
        "\nMemory per worker, in MiB: no-op {:.1}, SecBeat {:.1}",
        mib(without),
        mib(with)
    );
    let size = std::fs::metadata(filter).context(filter.display())?.len();
    println!("Module, in MiB: {:.2}", mib(size));
    Ok(())
}

/// The requests, which the engine's own benchmark takes too.
fn kinds() -> [(&'static str, &'static str); 4] {
    [
        (
            "small GET",
            include_str!("../../../engine/benches/requests/small.http"),
        ),
        (
            "browser GET",
            include_str!("../../../engine/benches/requests/browser.http"),
        ),
        (
            "1 KiB JSON POST",
            include_str!("../../../engine/benches/requests/json.http"),
        ),
        (
            "16 KiB form POST",
            include_str!("../../../engine/benches/requests/form.http"),
        ),
    ]
}

/// A request as it goes on the wire, from one with line feeds only and without `content-length`.
fn on_wire(text: &str) -> Result<Vec<u8>> {
    let (head, body) = text
        .split_once("\n\n")
        .context("a request without an end of its head")?;
    let length = match body.len() {
        0 => String::new(),
        length => format!("content-length: {length}\n"),
    };
    Ok(format!("{head}\n{length}\n")
        .replace('\n', "\r\n")
        .into_bytes()
        .into_iter()
        .chain(body.bytes())
        .collect())
}

/// The request with a number that no other one has.
fn numbered(request: &[u8]) -> Vec<u8> {
    let number = format!("{:08x}", NEXT.fetch_add(1, Ordering::Relaxed));
    String::from_utf8_lossy(request)
        .replace(NUMBER, &number)
        .into_bytes()
}

/// Microseconds per request.
fn per_request(ticks: u64, requests: usize) -> Result<f64> {
    let ticks = u32::try_from(ticks).context("too many ticks")?;
    let requests = u32::try_from(requests).context("too many requests")?;
    Ok(f64::from(ticks) * TICK / f64::from(requests))
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

fn number(variable: &str, default: usize) -> Result<usize> {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .context(format!("{variable} must be a number, found {text:?}")),
        Err(_) => Ok(default),
    }
}
