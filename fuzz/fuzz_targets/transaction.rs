#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use secbeat_engine::{
    Policy, RequestHead, Transaction, Verdict, compile,
    config::{BodyPolicy, PolicyConfig},
};

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let config = PolicyConfig {
        packs: vec!["core".to_owned()],
        body: BodyPolicy {
            limit: 4_096,
            ..BodyPolicy::default()
        },
        ..PolicyConfig::default()
    };
    Arc::new(compile(&config).expect("the core pack compiles"))
});

const TYPES: [&[u8]; 6] = [
    b"application/x-www-form-urlencoded",
    b"application/json",
    b"multipart/form-data; boundary=b",
    b"text/plain; charset=utf-16",
    b"application/grpc",
    b"",
];

// Path, one header, body, each on its line; two bytes first: the content type and the length of the first chunk.
fuzz_target!(|input: &[u8]| {
    let [kind, chunk, rest @ ..] = input else { return };
    let mut lines = rest.splitn(3, |&byte| byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (path, header, body) = (next(), next(), next());
    let content_type = TYPES[usize::from(*kind) % TYPES.len()];
    let headers = [
        (&b":method"[..], &b"POST"[..]),
        (b":path", path),
        (b"cookie", header),
        (b"x-header", header),
        (b"content-type", content_type),
    ];
    let whole = decide(&headers, &[body]);
    let (first, last) = body.split_at(usize::from(*chunk).min(body.len()));
    // What is streamed may be let go before the end is seen.
    if content_type != b"application/grpc" {
        assert_eq!(
            whole,
            decide(&headers, &[first, last]),
            "the verdict depends on how the body is cut"
        );
    }
});

fn decide(headers: &[(&[u8], &[u8])], chunks: &[&[u8]]) -> Verdict {
    let mut transaction = Transaction::new(Arc::clone(&POLICY));
    let mut verdict = transaction.request_headers(
        &RequestHead {
            client: None,
            headers,
        },
        false,
    );
    for (index, chunk) in chunks.iter().enumerate() {
        let was = verdict;
        verdict = transaction.request_body(chunk, index + 1 == chunks.len());
        if let Verdict::Deny(_) = was {
            assert_eq!(verdict, was, "a denial is taken back");
        }
    }
    assert_ne!(verdict, Verdict::Hold, "no verdict at the end");
    verdict
}
