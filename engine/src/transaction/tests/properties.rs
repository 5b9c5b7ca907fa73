//! What holds for every request.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{responses::masking, *};
use crate::MaskedBody;

const TYPES: &[&str] = &[
    "application/x-www-form-urlencoded",
    "application/json",
    "application/soap+xml",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=x; boundary=y",
    "application/grpc-web-text",
    "application/octet-stream",
    "text/plain; charset=utf-16",
    "",
];

const BODIES: &[&[u8]] = &[
    b"a=b&c=%3Cscript%3E&d=e",
    b"a=%3Cscri%&%=+pt%3E;<script>",
    br#"{"a":["b",{"c":"\u003cscript>"}],"d":"e"}"#,
    br#"{"a":"<scr", ipt>"#,
    b"\xff\xfe{\0\"\0a\0\"\0:\0\"\0<\0s\0c\0r\0i\0p\0t\0\"\0}\0",
    b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n<script>\r\n--x--\r\n",
    b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"<script\"\r\n\r\nclean\r\n--x--\r\n",
    b"--x\nContent-Disposition: form-data\n\n<script>\n--x--",
    b"<?xml version='1.0'?><a b='&lt;script'><![CDATA[<scr]]>ipt<!-- -->clean</a>",
    b"<!DOCTYPE a [<!ENTITY x '<script>'>]><a>&x;</a>",
    b"\0\0\0\0\x07<script\x01\0\0\0\0",
    b"PHNjcmlwdD4=PHNjcmlwdD4=",
    b"nothing in here\n",
    b"{\"a\": \"clean\"}",
    b"",
];

/// Known bodies, and what their pieces and other bytes make.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = (select(BODIES), 0usize..100, 0usize..100).prop_map(|(body, from, length)| {
        let from = from.min(body.len());
        body[from..(from + length).min(body.len())].to_vec()
    });
    prop_oneof![
        2 => select(BODIES).prop_map(<[u8]>::to_vec),
        1 => vec(prop_oneof![piece, vec(any::<u8>(), 0..8)], 0..6).prop_map(|pieces| pieces.concat()),
    ]
}

fn outcome(policy: &Arc<Policy>, content_type: &str, chunks: &[&[u8]]) -> (Verdict, Vec<RuleMatch>) {
    let mut transaction = Transaction::new(Arc::clone(policy));
    let mut verdict = head(&mut transaction, "/", &[("content-type", content_type)], false);
    for (index, chunk) in chunks.iter().enumerate() {
        verdict = transaction.request_body(chunk, index + 1 == chunks.len());
    }
    (verdict, transaction.matches().to_vec())
}

proptest! {
    /// However a body is cut into pieces, the verdict is the same.
    #[test]
    fn cutting_a_body_changes_nothing(
        content_type in select(TYPES),
        body in body(),
        mut cuts in vec(0usize..100, 0..8),
        limit in select(vec![10usize, 20, 1_000]),
        over_limit in select(vec![OverLimit::Reject, OverLimit::InspectPrefix, OverLimit::Skip]),
    ) {
        let body_policy = BodyPolicy { limit, over_limit, ..BodyPolicy::default() };
        let patterns = vec![
            PatternConfig { action: PatternAction::Detect, ..pattern(1, "..", &["parse_errors", "body_values", "body_names"]) },
            PatternConfig { action: PatternAction::Detect, ..pattern(2, "cle", &["body", "file_names"]) },
            pattern(3, "<script", &[]),
        ];
        let config = PolicyConfig { patterns,
            body: body_policy, ..PolicyConfig::default() };
        let policy = Arc::new(compile(&config).unwrap());
        let body = body.as_slice();
        for cut in &mut cuts {
            *cut = (*cut).min(body.len());
        }
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts {
            chunks.push(&body[from..cut]);
            from = cut;
        }
        chunks.push(&body[from..]);
        prop_assert_eq!(outcome(&policy, content_type, &chunks), outcome(&policy, content_type, &[body]));
    }

    /// Whatever arrives, nothing panics, and what is reported stays within its bounds.
    #[test]
    fn any_bytes_are_survived(
        path in vec(any::<u8>(), 0..64),
        headers in vec((select(vec!["content-type", "cookie", "x", ":path", "content-length", "upgrade"]), vec(any::<u8>(), 0..32)), 0..6),
        body in vec(any::<u8>(), 0..128),
        end in any::<bool>(),
    ) {
        let mut transaction = with(vec![pattern(1, "[^a]", &[]), pattern(2, "a|b", &["headers:/^x/", "&cookies", "parse_errors"]), masking(3, "[a-z]", &["response_headers", "response_body"])]);
        let mut all: Vec<(&[u8], &[u8])> = vec![(b":method", b"POST"), (b":path", &path)];
        all.extend(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())));
        transaction.request_headers(&RequestHead { client: None, headers: &all }, end);
        transaction.request_body(&body, true);
        let response = ResponseHead { headers: &all };
        transaction.response_headers(&response, false);
        transaction.response_body(&body, true);
        let masked = transaction.masked_headers(&response).unwrap_or_default();
        prop_assert!(masked.iter().zip(&all).all(|(masked, pair)| masked.len() == pair.1.len()));
        if let Some(MaskedBody::Beginning(masked)) = transaction.masked_body() {
            prop_assert!(masked.len() <= body.len());
        }
        for found in transaction.matches() {
            prop_assert!(found.target.len() <= 128 && found.matched.len() <= RuleMatch::MATCHED_LIMIT);
        }
    }
}
