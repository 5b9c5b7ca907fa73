//! `./justw bench`: processor time that Envoy spends per request with SecBeat's filter, with a filter that does
//! nothing, and with none, side by side in one run.
//!
//! The time is Envoy's own (user and system, from /proc/PID/stat), so that waiting, the clients and the origin do not
//! count; clients and origin have one thread each, and every answer is the same short text. The three Envoys take turns within each round, so that whatever else the machine does meets all alike; the
//! median of the rounds is shown. Compare within one run only.
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
    process::ExitCode,
    sync::atomic::{AtomicU32, Ordering},
};

use secbeat_e2e::{
    Bootstrap, Context, Envoy, Request, Result, artifacts,
    bench::{self, ConstantOrigin},
};

/// Connections that send at the same time.
const CLIENTS: usize = 16;
/// Microseconds in a tick of /proc/PID/stat; Linux fixes it at 100 ticks a second for user space.
const TICK: f64 = 10_000.0;

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
    let kinds = kinds().into_iter();
    for (name, request) in kinds.filter(|(name, _)| only.as_ref().is_none_or(|only| only == name)) {
        let bytes = request.bytes();
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
    Ok(())
}

fn kinds() -> [(&'static str, Request); 4] {
    let chrome = Request::get("/catalogue/00000000?page=2&sort=price&colour=dark%20blue&q=running+shoes+00000000")
        .header("user-agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36")
        .header("sec-ch-ua", r#""Google Chrome";v="141", "Not?A_Brand";v="8", "Chromium";v="141""#)
        .header("sec-ch-ua-mobile", "?0")
        .header("sec-ch-ua-platform", r#""Windows""#)
        .header("upgrade-insecure-requests", "1")
        .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8")
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-user", "?1")
        .header("sec-fetch-dest", "document")
        .header("referer", "https://shop.example.com/catalogue/00000000?page=1&sort=price")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("accept-language", "en-GB,en;q=0.9,de-DE;q=0.8,de;q=0.7")
        .header("cookie", "_ga=GA1.2.1873465521.00000000; session=4f1c9a7be2d84b0c00000000c2b1a09e; theme=dark; consent=analytics%3Dtrue");
    let item = r#"{"sku":"SH-00000000","name":"Running shoe","size":43,"price":89.95,"note":"gift for Anna O'Brien"}"#;
    let items: Vec<&str> = std::iter::repeat_n(item, 10).collect();
    let json = format!(r#"{{"order":[{}]}}"#, items.join(","));
    let field = "&comment=We+would+like+to+select+the+blue+one%2C+if+it+comes+from+the+same+table+as+before";
    let form = format!(
        "order=00000000&name=Anna+O%27Brien{}",
        field.repeat(16 * 1024 / field.len())
    );
    [
        ("small GET", Request::get("/items/00000000")),
        ("browser GET", chrome),
        (
            "1 KiB JSON POST",
            Request::post("/orders", "application/json", json),
        ),
        (
            "16 KiB form POST",
            Request::post("/feedback", "application/x-www-form-urlencoded", form),
        ),
    ]
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
