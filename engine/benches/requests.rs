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

/// The kinds of requests, as `./justw bench` sends them.
const KINDS: [(&str, &str); 4] = [
    ("small GET", include_str!("requests/small.http")),
    ("browser GET", include_str!("requests/browser.http")),
    ("1 KiB JSON POST", include_str!("requests/json.http")),
    ("16 KiB form POST", include_str!("requests/form.http")),
];

/// What stands in them where each request has a number of its own, of the same length.
const NUMBER: &[u8] = b"00000000";

/// What Envoy adds.
const ADDED: [(&str, &str); 3] = [
    (":scheme", "https"),
    ("x-forwarded-proto", "https"),
    ("x-request-id", "6f1c1f0e-3c5b-4f36-9d8a-1f2e00000000"),
];

/// A request whose bytes can be changed in place.
struct Request {
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    number: u32,
}

impl Request {
    /// From how it goes on the wire, with line feeds only.
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\n\n")?;
        let (start, fields) = head.split_once('\n')?;
        let mut start = start.split(' ');
        let pseudo = [(":method", start.next()?), (":path", start.next()?)];
        let fields = fields.lines().map(|line| line.split_once(": "));
        let headers = pseudo.into_iter().map(Some).chain(fields).chain(ADDED.map(Some));
        let owned = |(name, value): (&str, &str)| {
            let name = if name == "host" { ":authority" } else { name };
            (name.as_bytes().to_vec(), value.as_bytes().to_vec())
        };
        Some(Self {
            headers: headers.map(|pair| pair.map(owned)).collect::<Option<_>>()?,
            body: body.as_bytes().to_vec(),
            number: 0x1000_0000,
        })
    }

    /// The places of the number.
    fn places(text: &[u8]) -> Vec<usize> {
        let windows = text.windows(NUMBER.len()).enumerate();
        windows
            .filter(|(_, window)| *window == NUMBER)
            .map(|(at, _)| at)
            .collect()
    }

    /// Runs it so many times, each with a number of its own.
    fn run(&mut self, policy: &Arc<Policy>, rounds: usize, mut done: impl FnMut(Duration)) {
        let values = self.headers.iter().map(|(_, value)| Self::places(value));
        let places: Vec<Vec<usize>> = values.chain([Self::places(&self.body)]).collect();
        for _ in 0..rounds {
            let number = format!("{:08x}", self.number);
            self.number += 1;
            let texts = self.headers.iter_mut().map(|(_, value)| value);
            for (text, places) in texts.chain([&mut self.body]).zip(&places) {
                for place in places {
                    text.splice(*place..place + NUMBER.len(), number.bytes());
                }
            }
            let begin = Instant::now();
            black_box(self.judge(policy));
            done(begin.elapsed());
        }
    }

    fn judge(&self, policy: &Arc<Policy>) -> Verdict {
        let pairs: Vec<(&[u8], &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let mut transaction = Transaction::new(Arc::clone(policy));
        let head = RequestHead {
            client: None,
            headers: &pairs,
        };
        match transaction.request_headers(&head, self.body.is_empty()) {
            Verdict::Hold => transaction.request_body(&self.body, true),
            verdict => verdict,
        }
    }
}

fn main() -> Result<(), CompileErrors> {
    let config = PolicyConfig {
        packs: vec!["core".to_owned()],
        ..PolicyConfig::default()
    };
    let policy = Arc::new(compile(config)?);
    println!("{} rules, {} KiB", policy.rules(), policy.size() / 1024);

    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let only = arguments.next();
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok());
    for (name, text) in KINDS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let Some(mut request) = Request::parse(text) else {
            continue;
        };
        let mut times = Vec::new();
        request.run(&policy, rounds.unwrap_or(3_000), |time| times.push(time));
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        println!(
            "{name:<20} {:>8.2} µs  {:?}",
            median.as_secs_f64() * 1e6,
            request.judge(&policy)
        );
    }
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
