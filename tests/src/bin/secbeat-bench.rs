//! `./justw bench`: processor time that Envoy spends per request with SecBeat's filter, with a filter that does
//! nothing, and with none, side by side in one run.
//!
//! The time is Envoy's own (user and system, as the scheduler counts it), so that waiting, the clients and the origin do
//! not count; clients and origin have one thread each, and every answer is the same short text. The three Envoys take
//! turns in many short rounds, so that whatever else the machine does meets all alike. Shown are the medians of the
//! rounds, the median of the differences within each round, and the difference of the first deciles, which is what is
//! left where neighbours on the same hardware disturb least. Compare within one run only.
//!
//! `BENCH_REQUESTS` says how many requests each of the 16 clients sends in a round (25), `BENCH_ROUNDS` how many rounds
//! there are (120).
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
    bench::{Clients, ConstantOrigin, memory, policy_change},
};

/// Connections that send at the same time.
const CLIENTS: usize = 16;
/// Rounds that warm up.
const WARM_UP: usize = 5;
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
    let requests = number("BENCH_REQUESTS", 25)?;
    let rounds = number("BENCH_ROUNDS", 120)?;
    let folder = tempfile::tempdir()?;
    let origin = ConstantOrigin::start("text/plain; charset=utf-8", "Hello from the origin.\n")?;
    let shipped = |filter| Bootstrap::standalone(origin.address(), filter);
    let (filter, noop) = (artifacts::release_filter()?, artifacts::noop_filter()?);
    let bootstraps = [
        shipped(&filter)?.without_filter()?.without_guard()?,
        shipped(&noop)?,
        shipped(&filter)?,
    ];
    let mut proxies = Vec::new();
    for bootstrap in &bootstraps {
        let envoy = Envoy::start_with(bootstrap, folder.path(), 1)?.quiet();
        let clients = Clients::connect(envoy.address(), CLIENTS)?;
        proxies.push(Proxy { envoy, clients });
    }

    println!(
        "Envoy CPU per request, in microseconds, in {rounds} rounds of {CLIENTS} x {requests} requests each\n"
    );
    println!(
        "{:<22}{:>10}{:>10}{:>10}{:>16}{:>16}",
        "request", "no filter", "no-op", "SecBeat", "SecBeat - no-op", "undisturbed"
    );
    let only = env::args().nth(1);
    for (name, request) in kinds() {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let bytes = on_wire(request)?;
        let mut samples = vec![Vec::new(); proxies.len()];
        for round in 0..WARM_UP + rounds {
            for turn in 0..proxies.len() {
                // Another one begins in each round.
                let which = (turn + round) % proxies.len();
                let proxy = proxies.get_mut(which).context("no such Envoy")?;
                let time = proxy.time(&bytes, requests)?;
                if let Some(samples) = samples.get_mut(which).filter(|_| round >= WARM_UP) {
                    samples.push(time);
                }
            }
        }
        show(name, &samples);
    }
    if only.is_none() {
        around_it(&filter, &noop)?;
    }
    Ok(())
}

/// An Envoy and its clients.
struct Proxy {
    envoy: Envoy,
    clients: Clients,
}

impl Proxy {
    /// Microseconds of processor time per request, while each client sends so many.
    fn time(&mut self, request: &[u8], requests: usize) -> Result<f64> {
        let before = self.envoy.process().cpu_time()?;
        let bytes = request.to_vec();
        self.clients.send(requests, move || numbered(&bytes))?;
        let time = self.envoy.process().cpu_time()?.saturating_sub(before);
        let sent = u32::try_from(requests * CLIENTS).context("too many requests")?;
        Ok(time.as_secs_f64() * 1e6 / f64::from(sent))
    }
}

/// Prints the times of each round without a filter, with the no-op filter, and with SecBeat's.
fn show(name: &str, samples: &[Vec<f64>]) {
    let [none, noop, secbeat] = samples else { return };
    let differences: Vec<f64> = secbeat
        .iter()
        .zip(noop)
        .map(|(secbeat, noop)| secbeat - noop)
        .collect();
    println!(
        "{name:<22}{:>10.1}{:>10.1}{:>10.1}{:>16.1}{:>16.1}",
        decile(none, 5),
        decile(noop, 5),
        decile(secbeat, 5),
        decile(&differences, 5),
        decile(secbeat, 1) - decile(noop, 1)
    );
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

/// The value below which so many tenths of them lie.
fn decile(values: &[f64], tenths: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
        .get(values.len() * tenths / 10)
        .copied()
        .unwrap_or(f64::NAN)
}

fn number(variable: &str, default: usize) -> Result<usize> {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .context(format!("{variable} must be a number, found {text:?}")),
        Err(_) => Ok(default),
    }
}
