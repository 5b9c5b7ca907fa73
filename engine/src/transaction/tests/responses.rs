//! Responses: which are held, which are watched, what is refused and what is masked.

use super::*;
use crate::{
    Disposition, MaskedBody, Uninspected,
    config::{Mode, PatternOperator, ResponseOverLimit, ResponsePolicy},
    rule::RuleId,
};
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

/// A transaction whose request has passed, under patterns for its response.
fn asked(patterns: Vec<PatternConfig>, response: ResponsePolicy, mode: Mode) -> Transaction {
    let mut transaction = transaction(&PolicyConfig {
        mode,
        patterns,
        response,
        ..PolicyConfig::default()
    });
    assert_eq!(head(&mut transaction, "/", &[], true), Verdict::Allow);
    transaction
}

fn leak() -> Transaction {
    asked(vec![body_pattern()], ResponsePolicy::default(), Mode::Block)
}

fn body_pattern() -> PatternConfig {
    pattern(1, "stack trace", &["response_body"])
}

fn answer(transaction: &mut Transaction, headers: &[(&str, &str)], end: bool) -> Verdict {
    let headers: Vec<(&[u8], &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    transaction.response_headers(&ResponseHead { headers: &headers }, end)
}

const PAGE: &[(&str, &str)] = &[(":status", "200"), ("content-type", "text/html; charset=utf-8")];

fn refused(rule: u32) -> Verdict {
    Verdict::Deny(Denial {
        status: 502,
        rule: Some(RuleId(rule)),
    })
}

#[test]
fn leak_in_the_last_byte_of_a_page_is_refused_and_stays_refused() {
    let mut transaction = leak();
    assert_eq!(answer(&mut transaction, PAGE, false), Verdict::Hold);
    assert_eq!(transaction.response_body(b"<p>Stack ", false), Verdict::Hold);
    assert_eq!(transaction.response_body(b"tracE", true), refused(1));
    assert!(!transaction.wants_response_body());
    assert_eq!(transaction.response_body(b"more", true), refused(1));
    assert_eq!(transaction.matches()[0].target, "response_body:short");
}

#[test]
fn leak_in_a_header_is_refused_before_the_body_comes() {
    let patterns = vec![pattern(1, "secret", &["response_headers"])];
    let mut transaction = asked(patterns, ResponsePolicy::default(), Mode::Block);
    let headers = &[(":status", "200"), ("x-debug", "a Secret")];
    assert_eq!(answer(&mut transaction, headers, false), refused(1));
    assert_eq!(transaction.matches()[0].target, "response_headers:x-debug");
}

#[test]
fn responses_that_no_rule_looks_at_are_never_held() {
    let patterns = vec![
        pattern(1, "secret", &["response_headers"]),
        pattern(2, "x", &["query_values"]),
    ];
    let mut transaction = asked(patterns, ResponsePolicy::default(), Mode::Block);
    assert_eq!(answer(&mut transaction, PAGE, false), Verdict::Allow);
    assert!(!transaction.wants_response_body());
}

#[test]
fn what_streams_or_cannot_be_read_is_never_held() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("200", &[("content-type", "text/event-stream")]),
        ("200", &[("content-type", "text/html, text/event-stream")]),
        ("200", &[("content-type", "json")]),
        ("200", &[("content-type", "application/grpc")]),
        ("200", &[("content-type", "image/png")]),
        (
            "200",
            &[("content-type", "text/html"), ("content-encoding", "br")],
        ),
        (
            "200",
            &[("content-type", "text/html"), ("content-encoding", "gzip, gzip")],
        ),
        ("101", &[("upgrade", "websocket")]),
        ("204", &[]),
        ("304", &[("content-type", "text/html")]),
    ];
    for (status, headers) in cases {
        let mut transaction = leak();
        let headers: Vec<_> = [(":status", *status)]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
        assert_eq!(
            answer(&mut transaction, &headers, false),
            Verdict::Allow,
            "{headers:?}"
        );
        assert!(!transaction.wants_response_body(), "{headers:?}");
        assert_eq!(transaction.response_body(b"stack trace", true), Verdict::Allow);
        let is_encoded = headers.iter().any(|(name, _)| *name == "content-encoding");
        assert_eq!(transaction.response_uninspected().is_some(), is_encoded);
    }
}

#[test]
fn configured_content_types_are_held_whatever_their_case_and_parameters() {
    for kind in [
        "text/html",
        "Text/HTML;charset=x",
        "application/problem+JSON",
        "image/svg+xml",
        "image/png, text/html",
        "text/html; a=b,c",
        "",
        " ; ",
    ] {
        let headers = &[(":status", "500"), ("content-type", kind)];
        assert_eq!(answer(&mut leak(), headers, false), Verdict::Hold, "{kind}");
    }
    assert_eq!(
        answer(&mut leak(), &[(":status", "200")], false),
        Verdict::Hold,
        "no type"
    );
    assert_eq!(answer(&mut leak(), PAGE, true), Verdict::Allow, "no body");
    let identity = &[
        (":status", "200"),
        ("content-type", "text/html"),
        ("content-encoding", "identity"),
    ];
    assert_eq!(answer(&mut leak(), identity, false), Verdict::Hold);
}

#[test]
fn part_of_a_document_is_inspected_and_never_short() {
    for (target, expected) in [
        ("response_body", refused(1)),
        ("response_body:short", Verdict::Allow),
    ] {
        let patterns = vec![pattern(1, "stack trace", &[target])];
        let mut transaction = asked(patterns, ResponsePolicy::default(), Mode::Block);
        let headers = &[
            (":status", "206"),
            ("content-type", "text/html"),
            ("content-range", "bytes 0-11/12"),
        ];
        assert_eq!(answer(&mut transaction, headers, false), Verdict::Hold);
        assert_eq!(transaction.response_body(b"stack traces", true), expected);
    }
}

#[test]
fn answer_to_head_is_not_waited_for() {
    let mut transaction = leak();
    transaction = Transaction::new(Arc::clone(transaction.policy()));
    let headers: &[(&[u8], &[u8])] = &[(b":method", b"HEAD"), (b":path", b"/")];
    transaction.request_headers(
        &RequestHead {
            client: None,
            headers,
        },
        true,
    );
    assert_eq!(answer(&mut transaction, PAGE, false), Verdict::Allow);
}

#[test]
fn inspection_can_be_turned_off_for_bodies() {
    let policy = ResponsePolicy {
        inspect: false,
        ..ResponsePolicy::default()
    };
    let mut transaction = asked(vec![body_pattern()], policy, Mode::Block);
    assert_eq!(answer(&mut transaction, PAGE, false), Verdict::Allow);
    assert_eq!(transaction.response_body(b"stack trace", true), Verdict::Allow);
}

#[test]
fn long_body_follows_the_policy() {
    let policy = |over_limit| ResponsePolicy {
        limit: 16,
        over_limit,
        ..ResponsePolicy::default()
    };
    let long = [
        (":status", "200"),
        ("content-type", "text/html"),
        ("content-length", "99"),
    ];
    for (over_limit, headers, first, expected) in [
        (
            ResponseOverLimit::InspectPrefix,
            PAGE,
            "a stack trace of calls",
            refused(1),
        ),
        (
            ResponseOverLimit::InspectPrefix,
            PAGE,
            "a long page, a stack trace",
            Verdict::Allow,
        ),
        (
            ResponseOverLimit::Skip,
            PAGE,
            "a stack trace of calls",
            Verdict::Allow,
        ),
        (
            ResponseOverLimit::InspectPrefix,
            &long,
            "a stack trace of calls",
            refused(1),
        ),
        (
            ResponseOverLimit::Skip,
            &long,
            "a stack trace of calls",
            Verdict::Allow,
        ),
    ] {
        let mut transaction = asked(vec![body_pattern()], policy(over_limit), Mode::Block);
        let is_skipped = over_limit == ResponseOverLimit::Skip && headers.len() == 3;
        let verdict = answer(&mut transaction, headers, false);
        assert_eq!(verdict == Verdict::Allow, is_skipped, "{headers:?}");
        assert_eq!(
            transaction.response_body(first.as_bytes(), false),
            expected,
            "{first}"
        );
        assert!(!transaction.wants_response_body());
        assert_eq!(transaction.response_uninspected(), Some(Uninspected::OverLimit));
    }
}

#[test]
fn in_detect_mode_nothing_is_held_and_everything_is_reported() {
    let mut transaction = asked(vec![body_pattern()], ResponsePolicy::default(), Mode::Detect);
    assert_eq!(answer(&mut transaction, PAGE, false), Verdict::Allow);
    assert!(transaction.wants_response_body());
    assert_eq!(transaction.response_body(b"stack ", false), Verdict::Allow);
    assert_eq!(transaction.response_body(b"trace", true), Verdict::Allow);
    assert_eq!(transaction.matches()[0].disposition, Disposition::Detected);
}

pub(super) fn masking(id: u32, text: &str, targets: &[&str]) -> PatternConfig {
    PatternConfig {
        action: PatternAction::Mask,
        ..pattern(id, text, targets)
    }
}

#[test]
fn every_match_of_a_masking_rule_is_overwritten() {
    let patterns = vec![masking(1, r"\bkey-\d+", &["response_headers", "response_body"])];
    let mut transaction = asked(patterns, ResponsePolicy::default(), Mode::Block);
    let headers: &[(&[u8], &[u8])] = &[
        (b":status", b"200"),
        (b"content-length", b"key-1"),
        (b"x-one", b"no"),
        (b"x-two", b"is key-12, KEY-3"),
    ];
    let response = ResponseHead { headers };
    assert_eq!(transaction.response_headers(&response, false), Verdict::Hold);
    let masked = transaction.masked_headers(&response).unwrap();
    let values: Vec<&[u8]> = masked.iter().map(AsRef::as_ref).collect();
    assert_eq!(values, [&b"200"[..], b"key-1", b"no", b"is ******, *****"]);
    assert_eq!(
        transaction.response_body(b"a key-1 and monkey-2, ke", false),
        Verdict::Hold
    );
    assert_eq!(transaction.response_body(b"y-33 end", true), Verdict::Allow);
    let expected = b"a ***** and monkey-2, ******".to_vec();
    assert_eq!(transaction.masked_body(), Some(MaskedBody::Beginning(expected)));
    let found: Vec<_> = transaction
        .matches()
        .iter()
        .map(|found| (found.target.as_str(), found.disposition, found.matched.as_slice()))
        .collect();
    assert_eq!(
        found,
        [
            ("response_headers:x-two", Disposition::Masked, &b""[..]),
            ("response_body:short", Disposition::Masked, b""),
        ]
    );
}

#[test]
fn in_detect_mode_nothing_is_masked_and_the_event_still_tells_no_secret() {
    let patterns = vec![masking(1, r"key-\d+", &["response_body"])];
    let mut transaction = asked(patterns, ResponsePolicy::default(), Mode::Detect);
    answer(&mut transaction, PAGE, false);
    assert_eq!(transaction.response_body(b"key-123", true), Verdict::Allow);
    assert_eq!(transaction.masked_body(), None);
    let found = &transaction.matches()[0];
    assert_eq!(found.disposition, Disposition::Detected);
    assert!(found.masked && found.matched.is_empty());
}

#[test]
fn response_with_too_many_secrets_is_refused() {
    let mut transaction = asked(
        vec![masking(1, "key", &["response_body"])],
        ResponsePolicy::default(),
        Mode::Block,
    );
    answer(&mut transaction, PAGE, false);
    assert_eq!(
        transaction.response_body(&b"key ".repeat(1_001), true),
        refused(1)
    );
    let mut transaction = asked(
        vec![masking(1, "key", &["response_body"])],
        ResponsePolicy::default(),
        Mode::Block,
    );
    answer(&mut transaction, PAGE, false);
    assert_eq!(
        transaction.response_body(&b"key ".repeat(1_000), true),
        Verdict::Allow
    );
    let Some(MaskedBody::Beginning(masked)) = transaction.masked_body() else {
        panic!("nothing was masked")
    };
    assert_eq!(masked.len(), 3_999);
}

/// A body as `gzip` writes it, with a name and a checksum of its header.
fn gzip(body: &[u8]) -> Vec<u8> {
    let head = b"\x1f\x8b\x08\x0e\0\0\0\0\0\x03\x03\0ext name\0hc";
    [head.as_slice(), &compress_to_vec(body, 6), b"checksum"].concat()
}

fn encoded(coding: &str) -> [(&str, &str); 3] {
    [
        (":status", "200"),
        ("content-type", "text/html"),
        ("content-encoding", coding),
    ]
}

#[test]
fn encoded_bodies_are_decoded_however_they_are_split() {
    let page = format!("{}{}stack trace", "a page ".repeat(2_000), "\u{e9}".repeat(99));
    for (coding, wire) in [
        ("gzip", gzip(page.as_bytes())),
        ("X-GZIP", [gzip(b"one member, "), gzip(page.as_bytes())].concat()),
        ("deflate", compress_to_vec_zlib(page.as_bytes(), 6)),
        ("Deflate", compress_to_vec(page.as_bytes(), 6)),
        (
            "gzip, identity",
            [gzip(page.as_bytes()), b"\0padding".to_vec()].concat(),
        ),
    ] {
        for size in [1, 2, 3, 7, 64, wire.len()] {
            let mut transaction = leak();
            assert_eq!(answer(&mut transaction, &encoded(coding), false), Verdict::Hold);
            for piece in wire.chunks(size) {
                assert_eq!(transaction.response_body(piece, false), Verdict::Hold, "{coding}");
            }
            assert_eq!(
                transaction.response_body(&[], true),
                refused(1),
                "{coding} by {size}"
            );
        }
    }
}

#[test]
fn decoded_bodies_have_the_same_limit_and_no_bomb_goes_off() {
    let policy = ResponsePolicy {
        limit: 1_000,
        ..ResponsePolicy::default()
    };
    for (length, over) in [
        (989, None),
        (990, Some(Uninspected::OverLimit)),
        (50_000_000, Some(Uninspected::OverLimit)),
    ] {
        let mut transaction = asked(vec![body_pattern()], policy.clone(), Mode::Detect);
        answer(&mut transaction, &encoded("gzip"), false);
        let body = ["stack trace".as_bytes(), &vec![b'x'; length]].concat();
        for piece in gzip(&body).chunks(500) {
            transaction.response_body(piece, false);
            assert!(transaction.response_body_kept() <= 1_000);
        }
        transaction.response_body(&[], true);
        assert_eq!(transaction.response_uninspected(), over, "{length}");
        assert_eq!(transaction.matches().len(), 1, "{length}");
    }
    // Empty blocks come in without end, and nothing comes out.
    let mut transaction = asked(vec![body_pattern()], policy, Mode::Block);
    answer(&mut transaction, &encoded("deflate"), false);
    let mut verdict = transaction.response_body(b"\x78\x9c", false);
    for _ in 0..200 {
        assert_eq!(verdict, Verdict::Hold);
        verdict = transaction.response_body(b"\0\0\0\xff\xff", false);
        if transaction.response_uninspected().is_some() {
            break;
        }
    }
    assert_eq!(verdict, Verdict::Allow);
    assert_eq!(transaction.response_uninspected(), Some(Uninspected::OverLimit));
}

#[test]
fn what_claims_an_encoding_that_it_has_not_is_counted() {
    for wire in [
        &b"plain text"[..],
        b"\x1f\x8b\x08\xff\0\0\0\0\0\0",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff",
    ] {
        let mut transaction = leak();
        assert_eq!(answer(&mut transaction, &encoded("gzip"), false), Verdict::Hold);
        assert_eq!(transaction.response_body(wire, false), Verdict::Allow);
        assert_eq!(transaction.response_uninspected(), Some(Uninspected::Encoded));
    }
}

#[test]
fn masking_an_encoded_body_decodes_it_and_is_refused_where_that_cannot_be() {
    let policy = ResponsePolicy {
        limit: 100,
        ..ResponsePolicy::default()
    };
    let site = || {
        asked(
            vec![masking(1, r"key-\d+", &["response_body"])],
            policy.clone(),
            Mode::Block,
        )
    };
    let mut transaction = site();
    answer(&mut transaction, &encoded("gzip"), false);
    assert_eq!(
        transaction.response_body(&gzip(b"a key-1 here"), true),
        Verdict::Allow
    );
    let expected = MaskedBody::Decoded(b"a ***** here".to_vec());
    assert_eq!(transaction.masked_body(), Some(expected));

    let mut transaction = site();
    answer(&mut transaction, &encoded("gzip"), false);
    let long = [&b"a key-1 here"[..], &[b'x'; 100]].concat();
    assert_eq!(transaction.response_body(&gzip(&long), false), refused(1));
}

#[test]
fn pages_in_utf16_are_read_and_masked() {
    let patterns = vec![body_pattern(), masking(2, "key-.", &["response_body"])];
    for (kind, mark, order) in [
        ("text/html", true, u16::to_le_bytes as fn(u16) -> [u8; 2]),
        ("text/html", true, u16::to_be_bytes),
        ("text/html", false, u16::to_be_bytes),
        ("text/html; charset=UTF-16LE", false, u16::to_le_bytes),
        ("text/html; charset=utf-16be", false, u16::to_be_bytes),
    ] {
        let mark = if mark { "\u{feff}" } else { "" };
        let wide =
            |text: &str| -> Vec<u8> { format!("{mark}{text}").encode_utf16().flat_map(order).collect() };
        let headers = &[(":status", "200"), ("content-type", kind)];
        let site = || asked(patterns.clone(), ResponsePolicy::default(), Mode::Block);
        let mut transaction = site();
        assert_eq!(answer(&mut transaction, headers, false), Verdict::Hold);
        assert_eq!(
            transaction.response_body(&wide("a stack trace"), true),
            refused(1),
            "{kind}"
        );
        let mut transaction = site();
        answer(&mut transaction, headers, false);
        assert_eq!(
            transaction.response_body(&wide("page \u{4e2d} key-1, \u{e9}"), true),
            Verdict::Allow
        );
        let expected = wide("page \u{4e2d} *****, \u{e9}");
        let Some(MaskedBody::Beginning(masked)) = transaction.masked_body() else {
            panic!("nothing was masked in {kind}")
        };
        assert_eq!(masked, expected[..masked.len()]);
        assert!(masked.len() >= expected.len() - 6);
    }
}

#[test]
fn short_bodies_are_those_that_are_complete_and_short() {
    let patterns = vec![pattern(1, "stack trace", &["response_body:short"])];
    let policy = ResponsePolicy {
        limit: 20_000,
        ..ResponsePolicy::default()
    };
    for (length, expected) in [
        (0, refused(1)),
        (Transaction::SHORT_BODY - 11, refused(1)),
        (Transaction::SHORT_BODY - 10, Verdict::Allow),
        (20_000, Verdict::Allow),
    ] {
        let mut transaction = asked(patterns.clone(), policy.clone(), Mode::Block);
        answer(&mut transaction, PAGE, false);
        let page = format!("stack trace{}", "x".repeat(length));
        assert_eq!(
            transaction.response_body(page.as_bytes(), true),
            expected,
            "{length}"
        );
    }
}

#[test]
fn wildcards_stand_for_types_but_never_for_streams() {
    for (configured, kind, is_held) in [
        ("text/*", "text/csv", true),
        ("text/*", "TEXT/CSV", true),
        ("text/*", "text/event-stream", false),
        ("text/*", "application/json", false),
        ("*/*", "application/octet-stream", true),
        ("*/*", "application/grpc+proto", false),
        ("*/*", "", true),
    ] {
        let policy = ResponsePolicy {
            content_types: vec![configured.to_owned()],
            ..ResponsePolicy::default()
        };
        let mut transaction = asked(vec![body_pattern()], policy, Mode::Block);
        let headers = &[(":status", "200"), ("content-type", kind)];
        let verdict = answer(&mut transaction, headers, false);
        assert_eq!(verdict == Verdict::Hold, is_held, "{configured} {kind}");
    }
}

#[test]
fn slow_body_goes_on_once_its_beginning_is_clean_and_is_cut_off_where_a_leak_shows() {
    let patterns = vec![body_pattern(), masking(2, r"key-\d", &["response_body"])];
    let site = || {
        let mut transaction = asked(patterns.clone(), ResponsePolicy::default(), Mode::Block);
        answer(&mut transaction, PAGE, false);
        transaction
    };
    let mut transaction = site();
    transaction.response_body(b"a stack trace", false);
    assert_eq!(transaction.stop_holding_response(), refused(1));

    let cases = [
        ("an end", Verdict::Allow),
        ("race", refused(1)),
        ("key-2", refused(2)),
    ];
    for (rest, expected) in cases {
        for end in [true, false] {
            let mut transaction = site();
            assert_eq!(transaction.response_body(b"key-1 stack t", false), Verdict::Hold);
            assert_eq!(transaction.stop_holding_response(), Verdict::Allow);
            let gone = MaskedBody::Beginning(b"*****".to_vec());
            assert_eq!(transaction.masked_body(), Some(gone));
            assert!(transaction.wants_response_body());
            assert_eq!(
                transaction.stop_holding_response(),
                Verdict::Allow,
                "nothing is held"
            );
            assert_eq!(
                transaction.response_body(rest.as_bytes(), end),
                expected,
                "{rest}"
            );
            assert_eq!(transaction.masked_body(), None);
            assert_eq!(transaction.response_body(b"", true), expected, "{rest}");
        }
    }
}

#[test]
fn body_that_there_is_no_room_for_is_inspected_as_far_as_it_came() {
    for (came, expected) in [("stack trace", refused(1)), ("a page", Verdict::Allow)] {
        let mut transaction = leak();
        answer(&mut transaction, PAGE, false);
        transaction.response_body(came.as_bytes(), false);
        assert_eq!(transaction.response_body_kept(), came.len());
        assert_eq!(transaction.stop_inspecting_response(), expected);
        assert!(!transaction.wants_response_body());
        assert_eq!(transaction.response_body_kept(), 0);
        assert_eq!(transaction.response_body(b"stack trace", true), expected);
    }
}

#[test]
fn every_operator_that_finds_places_masks_all_of_them() {
    for (operator, text, expected) in [
        (
            PatternOperator::Contains,
            "key",
            "*** and ***, 4111111111111111 or 5500000000000004",
        ),
        (
            PatternOperator::Pm,
            "key and",
            "*** *** ***, 4111111111111111 or 5500000000000004",
        ),
        (
            PatternOperator::VerifyCc,
            r"\b\d{16}\b",
            "key and key, **************** or ****************",
        ),
        (
            PatternOperator::BeginsWith,
            "key",
            "*** and key, 4111111111111111 or 5500000000000004",
        ),
    ] {
        let pattern = PatternConfig {
            operator,
            ..masking(1, text, &["response_body"])
        };
        let mut transaction = asked(vec![pattern], ResponsePolicy::default(), Mode::Block);
        answer(&mut transaction, PAGE, false);
        let page = b"key and key, 4111111111111111 or 5500000000000004";
        assert_eq!(transaction.response_body(page, true), Verdict::Allow);
        let Some(MaskedBody::Beginning(masked)) = transaction.masked_body() else {
            panic!("{operator:?} masked nothing")
        };
        let page = [&masked, page.get(masked.len()..).unwrap()].concat();
        assert_eq!(String::from_utf8(page).unwrap(), expected, "{operator:?}");
    }
}
