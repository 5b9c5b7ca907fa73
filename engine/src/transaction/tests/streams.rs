//! Which bodies are held, which stream by, and which are nobody's business.

use super::*;

fn script() -> Transaction {
    with(vec![pattern(1, "<script", &[])])
}

const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc+proto"), ("te", "trailers")];
const UPGRADE: &[(&str, &str)] = &[("upgrade", "websocket"), ("connection", "keep-alive, Upgrade")];

#[test]
fn grpc_is_never_held_and_every_chunk_is_inspected() {
    let mut transaction = script();
    assert_eq!(head(&mut transaction, "/svc/Call", GRPC, false), Verdict::Allow);
    assert!(transaction.wants_body());
    assert_eq!(
        transaction.request_body(b"\0\0\0\0\x05hello", false),
        Verdict::Allow
    );
    assert!(transaction.wants_body());
    assert_eq!(
        transaction.request_body(b"\0\0\0\0\x05<script>", false),
        denied(1)
    );
    assert!(!transaction.wants_body());
    assert_eq!(transaction.request_body(b"more", true), denied(1));
}

#[test]
fn attack_across_two_chunks_of_a_stream_is_seen() {
    let mut transaction = script();
    head(&mut transaction, "/svc/Call", GRPC, false);
    for byte in [&b"\0<s"[..], b"c", b"ri"] {
        assert_eq!(transaction.request_body(byte, false), Verdict::Allow);
    }
    assert_eq!(transaction.request_body(b"pt>", false), denied(1));
}

#[test]
fn stream_of_any_length_is_let_go() {
    let mut transaction = script();
    head(&mut transaction, "/svc/Call", GRPC, false);
    let chunk = vec![0; 64 * 1024];
    for _ in 0..100 {
        assert_eq!(transaction.request_body(&chunk, false), Verdict::Allow);
    }
    assert_eq!(transaction.limit_exceeded(), None);
}

#[test]
fn detected_match_of_a_stream_is_reported_once() {
    let patterns = vec![pattern(1, "<script", &[])];
    let mut transaction = transaction(&PolicyConfig {
        mode: Mode::Detect,
        patterns,
        ..PolicyConfig::default()
    });
    head(&mut transaction, "/svc/Call", GRPC, false);
    for _ in 0..3 {
        assert_eq!(transaction.request_body(b"\0<script", false), Verdict::Allow);
    }
    assert_eq!(transaction.matches().len(), 1);
}

#[test]
fn body_that_is_no_grpc_message_is_held() {
    let mut transaction = script();
    assert_eq!(head(&mut transaction, "/svc/Call", GRPC, false), Verdict::Allow);
    assert_eq!(transaction.request_body(b"", false), Verdict::Allow);
    assert_eq!(
        transaction.request_body(br#"{"a":"\u003cscr"#, false),
        Verdict::Hold
    );
    assert_eq!(transaction.request_body(br#"ipt>"}"#, true), denied(1));
}

#[test]
fn grpc_call_without_a_message_is_let_go() {
    let mut transaction = script();
    assert_eq!(head(&mut transaction, "/svc/Call", GRPC, false), Verdict::Allow);
    assert_eq!(transaction.request_body(b"", true), Verdict::Allow);
    assert!(!transaction.wants_body());
}

#[test]
fn content_type_alone_makes_no_grpc() {
    let mut transaction = script();
    assert_eq!(
        head(
            &mut transaction,
            "/",
            &[("content-type", "application/grpc")],
            false
        ),
        Verdict::Hold
    );
    let lying = [("content-type", "application/grpcx"), ("te", "trailers")];
    assert_eq!(head(&mut script(), "/", &lying, false), Verdict::Hold);
}

#[test]
fn upgrade_is_let_go_unseen() {
    let mut transaction = script();
    assert_eq!(head(&mut transaction, "/chat", UPGRADE, false), Verdict::Allow);
    assert!(!transaction.wants_body());
    assert_eq!(transaction.request_body(b"<script", false), Verdict::Allow);
}

#[test]
fn upgrade_with_a_body_is_held() {
    for length in [("content-length", "10"), ("transfer-encoding", "chunked")] {
        let headers: Vec<_> = UPGRADE.iter().copied().chain([length]).collect();
        let mut transaction = script();
        assert_eq!(head(&mut transaction, "/chat", &headers, false), Verdict::Hold);
        assert_eq!(transaction.request_body(b"a=<script>", true), denied(1));
    }
    assert_eq!(
        head(&mut script(), "/chat", &[("upgrade", "websocket")], false),
        Verdict::Hold
    );
}

#[test]
fn connect_is_let_go_unseen() {
    let mut transaction = script();
    let request = RequestHead {
        client: None,
        headers: &[(b":method", b"CONNECT"), (b":authority", b"a:443")],
    };
    assert_eq!(transaction.request_headers(&request, false), Verdict::Allow);
    assert!(!transaction.wants_body());
}

#[test]
fn upgrade_is_still_inspected_in_its_headers() {
    assert_eq!(head(&mut script(), "/chat?q=<script>", UPGRADE, false), denied(1));
}

#[test]
fn event_stream_without_a_body_is_let_go_at_once() {
    assert_eq!(
        head(&mut script(), "/events", &[("accept", "text/event-stream")], true),
        Verdict::Allow
    );
}

#[test]
fn uninspected_bodies_are_not_held() {
    let body = BodyPolicy {
        inspect: false,
        ..BodyPolicy::default()
    };
    let patterns = vec![pattern(1, "<script", &[])];
    let mut transaction = transaction(&PolicyConfig {
        patterns,
        body,
        ..PolicyConfig::default()
    });
    assert_eq!(head(&mut transaction, "/", &[], false), Verdict::Allow);
    assert!(!transaction.wants_body());
}

#[test]
fn prefix_of_a_long_body_is_inspected() {
    let body = BodyPolicy {
        limit: 30,
        over_limit: OverLimit::InspectPrefix,
        ..BodyPolicy::default()
    };
    let patterns = vec![
        pattern(1, "<script", &[]),
        pattern(2, "body_truncated", &["parse_errors"]),
    ];
    let config = PolicyConfig {
        patterns,
        body,
        ..PolicyConfig::default()
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    let mut early = transaction(&config);
    head(&mut early, "/", &[form], false);
    assert_eq!(
        early.request_body(b"a=<script>&b=xxxxxxxxxxxxxxxxxxxxxxx", false),
        denied(1)
    );
    let mut late = transaction(&config);
    head(&mut late, "/", &[form], false);
    assert_eq!(
        late.request_body(b"b=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx&a=<script>", false),
        denied(2)
    );
}

#[test]
fn detection_does_not_refuse_a_long_body() {
    let body = BodyPolicy {
        limit: 3,
        ..BodyPolicy::default()
    };
    let config = PolicyConfig {
        mode: Mode::Detect,
        body,
        ..PolicyConfig::default()
    };
    let mut transaction = transaction(&config);
    assert_eq!(
        head(&mut transaction, "/", &[("content-length", "4")], false),
        Verdict::Hold
    );
    assert_eq!(transaction.request_body(b"abcd", false), Verdict::Allow);
    assert_eq!(transaction.limit_exceeded(), Some("body_over_limit"));
}

#[test]
fn body_of_exactly_the_limit_is_let_go() {
    let body = BodyPolicy {
        limit: 4,
        ..BodyPolicy::default()
    };
    let mut transaction = transaction(&PolicyConfig {
        body,
        ..PolicyConfig::default()
    });
    assert_eq!(
        head(&mut transaction, "/", &[("content-length", "4")], false),
        Verdict::Hold
    );
    assert_eq!(transaction.request_body(b"abcd", false), Verdict::Hold);
    assert_eq!(transaction.request_body(b"", true), Verdict::Allow);
    assert_eq!(transaction.limit_exceeded(), None);
}

#[test]
fn encoded_body_raises_an_error() {
    let patterns = vec![pattern(2, "content_encoding", &["parse_errors:body"])];
    let config = PolicyConfig {
        patterns,
        ..PolicyConfig::default()
    };
    let gzip = ("content-encoding", "gzip");
    // Another header behind it does not take it back.
    for headers in [&[gzip][..], &[gzip, ("content-encoding", "")]] {
        let mut transaction = transaction(&config);
        head(&mut transaction, "/", headers, false);
        assert_eq!(transaction.request_body(b"\x1f\x8b", true), denied(2));
    }
}

#[test]
fn encoding_without_a_body_is_no_error() {
    let patterns = vec![pattern(2, "content_encoding", &["parse_errors"])];
    let mut transaction = transaction(&PolicyConfig {
        patterns,
        ..PolicyConfig::default()
    });
    head(&mut transaction, "/", &[("content-encoding", "gzip")], false);
    assert_eq!(transaction.request_body(b"", true), Verdict::Allow);
}

#[test]
fn encoded_body_is_no_grpc() {
    let patterns = vec![pattern(2, "content_encoding", &["parse_errors"])];
    let mut transaction = transaction(&PolicyConfig {
        patterns,
        ..PolicyConfig::default()
    });
    let headers = [GRPC, &[("content-encoding", "br")]].concat();
    assert_eq!(
        head(&mut transaction, "/svc/Call", &headers, false),
        Verdict::Hold
    );
    assert_eq!(transaction.request_body(b"\x01\x02", true), denied(2));
}

#[test]
fn xml_in_a_character_set_that_hides_it_raises_an_error() {
    for body in [
        &b"\x4c\x6f\xa7\x94\x93"[..],
        b"<?xml version='1.0' encoding='utf-7'?>+ADwA-",
    ] {
        let patterns = vec![pattern(2, "content_charset", &["parse_errors:body"])];
        let mut transaction = transaction(&PolicyConfig {
            patterns,
            ..PolicyConfig::default()
        });
        head(&mut transaction, "/", &[("content-type", "text/xml")], false);
        assert_eq!(
            transaction.request_body(body, true),
            denied(2),
            "{}",
            body.escape_ascii()
        );
    }
}

#[test]
fn headers_of_a_part_are_inspected() {
    let part = "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.png\"\r\n";
    for header in ["Content-Type: <script>", "X-Note: <script>"] {
        let mut transaction = script();
        head(
            &mut transaction,
            "/",
            &[("content-type", "multipart/form-data; boundary=x")],
            false,
        );
        let body = format!("{part}{header}\r\n\r\ncontent\r\n--x--\r\n");
        assert_eq!(
            transaction.request_body(body.as_bytes(), true),
            denied(1),
            "{header}"
        );
    }
}
