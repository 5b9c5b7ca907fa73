//! Microseconds per request with the core pack, and what compiling it costs; a plain program, without statistics
//! beyond the median.
//!
//! `cargo bench -p secbeat-engine` measures time. To count instructions, which no other load on the machine changes,
//! run one kind of request so many times under callgrind, and once more with fewer:
//! `valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/deps/requests-… "browser GET" 1000`
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{env, hint::black_box, sync::Arc, time::Duration, time::Instant};

use secbeat_engine::{
    CompileErrors, Compiler, Policy, Progress, RequestHead, Transaction, Verdict, config::PolicyConfig,
};

type Pairs<'a> = &'a [(&'a str, &'a str)];

const BROWSER: Pairs<'static> = &[
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ),
    ("accept-language", "en-US,en;q=0.9,de;q=0.8"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    (
        "referer",
        "https://shop.example/catalog?category=shoes&sort=price_asc&page=2",
    ),
    (
        "sec-ch-ua",
        "\"Chromium\";v=\"138\", \"Not)A;Brand\";v=\"8\", \"Google Chrome\";v=\"138\"",
    ),
    ("sec-ch-ua-platform", "\"Linux\""),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "same-origin"),
    ("upgrade-insecure-requests", "1"),
    (
        "cookie",
        "session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; _ga=GA1.2.1234567890.1700000000; cart=eyJpdGVtcyI6W119",
    ),
    ("x-request-id", "6f1c1f0e-3c5b-4f36-9d8a-1f2e3d4c5b6a"),
];

fn main() -> Result<(), CompileErrors> {
    let config = PolicyConfig {
        packs: vec!["core".to_owned()],
        ..PolicyConfig::default()
    };
    let policy = Arc::new(compile(config)?);
    println!("{} rules, {} KiB", policy.rules(), policy.size() / 1024);

    let json = json_body();
    let form = form_body();
    run(
        &policy,
        "small GET",
        "/health",
        &[("user-agent", "curl/8.5.0"), ("accept", "*/*")],
        b"",
    );
    run(
        &policy,
        "browser GET",
        "/catalog/item/42?color=dark%20blue&size=11&ref=home-page&q=it%27s+new",
        BROWSER,
        b"",
    );
    run(
        &policy,
        "POST 1 KiB JSON",
        "/api/orders",
        &[BROWSER, &[("content-type", "application/json")]].concat(),
        &json,
    );
    let form_type = ("content-type", "application/x-www-form-urlencoded");
    run(
        &policy,
        "POST 16 KiB form",
        "/blog/save",
        &[BROWSER, &[form_type]].concat(),
        &form,
    );
    run(
        &policy,
        "attack in query",
        "/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--",
        BROWSER,
        b"",
    );
    Ok(())
}

fn compile(config: PolicyConfig) -> Result<Policy, CompileErrors> {
    let mut compiler = Compiler::lazy(config);
    let (mut longest, mut steps, begin) = (Duration::ZERO, 0, Instant::now());
    loop {
        let before = Instant::now();
        let progress = compiler.step();
        longest = longest.max(before.elapsed());
        steps += 1;
        if let Progress::Done(policy) = progress {
            println!(
                "compiled in {:?}, {steps} steps, longest {longest:?}",
                begin.elapsed()
            );
            return policy;
        }
    }
}

fn run(policy: &Arc<Policy>, name: &str, path: &str, headers: Pairs<'_>, body: &[u8]) {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let head = [
        (":method", method),
        (":path", path),
        (":authority", "shop.example"),
        (":scheme", "https"),
    ];
    let pairs: Vec<(&[u8], &[u8])> = head
        .iter()
        .chain(headers)
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    let once = || {
        let mut transaction = Transaction::new(Arc::clone(policy));
        let request = RequestHead {
            client: None,
            headers: &pairs,
        };
        match transaction.request_headers(&request, body.is_empty()) {
            Verdict::Hold => transaction.request_body(body, true),
            verdict => verdict,
        }
    };
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    if let Some(only) = arguments.next() {
        let rounds = arguments
            .next()
            .and_then(|rounds| rounds.parse().ok())
            .unwrap_or(0);
        if only == name {
            for _ in 0..rounds {
                black_box(once());
            }
        }
        return;
    }
    let verdict = once();
    let mut times: Vec<Duration> = (0..300)
        .map(|_| {
            let before = Instant::now();
            for _ in 0..10 {
                black_box(once());
            }
            before.elapsed() / 10
        })
        .collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    println!("{name:<20} {:>8.2} µs  {verdict:?}", median.as_secs_f64() * 1e6);
}

fn json_body() -> Vec<u8> {
    let item = r#"{"sku":"AB-1234","name":"Running shoe, men's","qty":2,"price":79.95,"note":"Please ring twice & leave at O'Neill's."},"#;
    let items = item.repeat(8);
    format!(
        r#"{{"customer":{{"id":4711,"email":"jane.doe@example.com"}},"items":[{}]}}"#,
        items.trim_end_matches(',')
    )
    .into_bytes()
}

fn form_body() -> Vec<u8> {
    let text = "It%27s+a+long+post+about+cooking%3A+select+fresh+herbs+from+the+garden%2C+drop+them+into+the+pan%3B+then+wait+%28about+5+min%29.%0D%0A";
    format!(
        "title=My+garden&tags=food%2Cherbs&csrf=8f14e45fceea167a&body={}",
        text.repeat(16 * 1024 / text.len())
    )
    .into_bytes()
}
