//! Microseconds that the response adds to a small request, by what the rules can ask of it. As in `requests.rs`, with
//! arguments it runs one kind so many times, for counting instructions.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{env, hint::black_box, sync::Arc, time::Duration, time::Instant};

use secbeat_engine::{
    CompileErrors, Policy, RequestHead, ResponseHead, Transaction, Verdict, compile, config::PolicyConfig,
};

const HEADERS: &[(&str, &str)] = &[
    (":status", "200"),
    ("date", "Tue, 01 Jul 2025 08:30:00 GMT"),
    ("server", "nginx/1.27.1"),
    ("cache-control", "public, max-age=3600"),
    ("etag", "\"66f2c1d8-3c5b\""),
    ("last-modified", "Tue, 24 Jun 2025 13:42:32 GMT"),
    ("vary", "Accept-Encoding"),
    ("x-frame-options", "SAMEORIGIN"),
];

fn main() -> Result<(), CompileErrors> {
    let policy = |packs: &[&str]| {
        let config = PolicyConfig {
            packs: packs.iter().map(|&pack| pack.to_owned()).collect(),
            ..PolicyConfig::default()
        };
        compile(&config).map(Arc::new)
    };
    let (core, leaks) = (policy(&["core"])?, policy(&["core", "leaks"])?);
    let page = page();
    run(&core, "no rule for responses", "text/html", &page);
    run(&leaks, "image", "image/png", &page);
    run(&leaks, "event stream", "text/event-stream", &page);
    run(&leaks, "page of 16 KiB", "text/html", &page);
    run(&leaks, "page of 256 KiB", "text/html", &page.repeat(16));
    Ok(())
}

fn run(policy: &Arc<Policy>, name: &str, content_type: &str, body: &[u8]) {
    let request = [(&b":method"[..], &b"GET"[..]), (b":path", b"/item/42")];
    let mut headers: Vec<(&[u8], &[u8])> = HEADERS
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    headers.push((b"content-type", content_type.as_bytes()));
    let once = || {
        let mut transaction = Transaction::new(Arc::clone(policy));
        let head = RequestHead {
            client: None,
            headers: &request,
        };
        transaction.request_headers(&head, true);
        // As the filter does: without rules for responses it does not ask.
        if !policy.inspects_responses() {
            return Verdict::Allow;
        }
        let mut verdict = transaction.response_headers(&ResponseHead { headers: &headers }, false);
        let mut pieces = body.chunks(16 * 1024).peekable();
        while let (Verdict::Hold, Some(piece)) = (verdict, pieces.next()) {
            verdict = transaction.response_body(piece, pieces.peek().is_none());
        }
        verdict
    };
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    if let Some(only) = arguments.next() {
        let rounds = arguments.next().and_then(|rounds| rounds.parse().ok());
        if only == name {
            for _ in 0..rounds.unwrap_or(0) {
                black_box(once());
            }
        }
        return;
    }
    let verdict = once();
    let mut times: Vec<Duration> = (0..100)
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
    println!("{name:<24} {:>8.2} µs  {verdict:?}", median.as_secs_f64() * 1e6);
}

/// A page of a shop, 16 KiB long.
fn page() -> Vec<u8> {
    let item = "<li class=\"item\"><a href=\"/item/42?ref=list\"><img src=\"/img/42.webp\" alt=\"\"> Running shoe, men's</a> <b>79.95 EUR</b> at O'Neill's, 3 in stock; order by 12:30 for delivery on time.</li>\n";
    let mut page = item.repeat(16 * 1024 / item.len() + 1).into_bytes();
    page.truncate(16 * 1024);
    page
}
