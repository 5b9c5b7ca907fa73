#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use secbeat_engine::{
    Policy, RequestHead, RuleMatch, Transaction, Verdict, compile,
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

const TYPES: [&[u8]; 8] = [
    b"application/x-www-form-urlencoded",
    b"application/json",
    b"multipart/form-data; boundary=b",
    b"application/xml",
    b"application/grpc-web-text",
    b"text/plain; charset=utf-16",
    b"application/grpc",
    b"",
];

// Path, one header, body, each on its line; three bytes first: the content type, and where the body is cut.
fuzz_target!(|input: &[u8]| {
    let [kind, first, second, rest @ ..] = input else {
        return;
    };
    let mut lines = rest.splitn(3, |&byte| byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (path, header, body) = (next(), next(), next());
    let content_type = TYPES[usize::from(*kind) % TYPES.len()];
    let headers = [
        (&b":method"[..], &b"POST"[..]),
        (b":path", path),
        (b"cookie", header),
        (b"x-header", header),
        (b"te", if kind & 0x80 == 0 { b"" } else { b"trailers" }),
        (b"content-type", content_type),
    ];
    let whole = decide(&headers, &[body]);
    let (first, rest) = body.split_at(usize::from(*first).min(body.len()));
    let (second, last) = rest.split_at(usize::from(*second).min(rest.len()));
    let cut = decide(&headers, &[first, second, last]);
    // What is streamed may be let go before the end is seen.
    let is_streamed = content_type == b"application/grpc" && kind & 0x80 != 0;
    assert!(
        is_streamed || whole == cut,
        "the outcome depends on how the body is cut"
    );
});

fn decide(headers: &[(&[u8], &[u8])], chunks: &[&[u8]]) -> (Verdict, Vec<RuleMatch>) {
    let mut transaction = Transaction::new(Arc::clone(&POLICY));
    let head = RequestHead {
        client: None,
        headers,
    };
    let mut verdict = transaction.request_headers(&head, false);
    for (index, chunk) in chunks.iter().enumerate() {
        let was = verdict;
        verdict = transaction.request_body(chunk, index + 1 == chunks.len());
        if let Verdict::Deny(_) = was {
            assert_eq!(verdict, was, "a denial is taken back");
        }
    }
    assert_ne!(verdict, Verdict::Hold, "no verdict at the end");
    let matches = transaction.matches();
    assert!(matches.len() <= RuleMatch::PER_TRANSACTION, "too many matches");
    for found in matches {
        assert!(
            found.matched.len() <= RuleMatch::MATCHED_LIMIT,
            "a match is too long"
        );
    }
    (verdict, matches.to_vec())
}
