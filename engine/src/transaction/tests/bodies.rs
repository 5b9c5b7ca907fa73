//! What is found in bodies, whatever they claim to be.

use super::*;

fn found(patterns: Vec<PatternConfig>, content_type: &str, body: &[u8]) -> Vec<(u32, String)> {
    let mut transaction = transaction(&PolicyConfig {
        mode: Mode::Detect,
        patterns,
        ..PolicyConfig::default()
    });
    head(&mut transaction, "/", &[("content-type", content_type)], false);
    assert_eq!(transaction.request_body(body, true), Verdict::Allow);
    let matches = transaction.matches().iter();
    matches
        .map(|found| (found.rule.0, found.target.clone()))
        .collect()
}

#[test]
fn attack_split_by_comments_or_sections_of_xml_is_seen() {
    for body in [
        "<a><b>union<!-- x --> select</b></a>",
        "<a><b><![CDATA[uni]]><![CDATA[on sel]]>ect</b></a>",
        "<a><b>un&#105;on se&#x6c;ect</b></a>",
        "<a><b><?x?>union<?x y?> select",
    ] {
        for content_type in [
            "text/xml",
            "application/soap+xml",
            "application/json",
            "application/x-www-form-urlencoded",
            "",
        ] {
            let patterns = vec![pattern(1, "union select", &["body_values:a.b"])];
            let found = found(patterns, content_type, body.as_bytes());
            assert_eq!(found.len(), 1, "{content_type}: {body}");
        }
    }
}

#[test]
fn tags_of_xml_stay_inspected_as_they_stand() {
    let patterns = || vec![pattern(1, "<svg [^>]*onload", &["body", "body_values"])];
    let body = b"<svg xmlns='x' onload='y'/>";
    for content_type in ["image/svg+xml", "text/plain", "application/x-www-form-urlencoded"] {
        let expected = [(1, "body".to_owned())];
        assert_eq!(found(patterns(), content_type, body), expected, "{content_type}");
    }
}

#[test]
fn entities_raise_an_error_only_where_the_type_says_xml() {
    let patterns = || vec![pattern(1, "xml_entity", &["parse_errors"])];
    let body = b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>";
    assert_eq!(
        found(patterns(), "application/xml", body),
        [(1, "parse_errors:body".to_owned())]
    );
    assert_eq!(found(patterns(), "text/plain", body), []);
}

#[test]
fn wide_xml_is_seen_whatever_it_claims() {
    let body: Vec<_> = "<a>uni<!---->on select</a>"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    for content_type in ["application/xml", "application/octet-stream"] {
        let patterns = vec![pattern(1, "union select", &["body_values:a"])];
        assert_eq!(found(patterns, content_type, &body).len(), 1, "{content_type}");
    }
}

#[test]
fn messages_in_base64_are_seen() {
    let patterns = || vec![pattern(1, "union select", &["body"])];
    // Two messages, each encoded by itself.
    let body = b"AAAAAAF1AAAAAA51bmlvbiBzZWxlY3QgMQ==AAAAAAA=";
    let found_in = |content_type| found(patterns(), content_type, body).len();
    assert_eq!(found_in("application/grpc-web-text+proto"), 1);
    assert_eq!(found_in("application/grpc-web"), 0);
}

#[test]
fn compressed_messages_raise_an_error() {
    let patterns = || vec![pattern(1, "grpc_compressed", &["parse_errors:body"])];
    let body = b"\0\0\0\0\x01a\x01\0\0\0\x01b";
    assert_eq!(found(patterns(), "application/grpc-web", body).len(), 1);
    let mut transaction = with(patterns());
    let headers = [("content-type", "application/grpc"), ("te", "trailers")];
    assert_eq!(head(&mut transaction, "/", &headers, false), Verdict::Allow);
    let (first, second) = body.split_at(6);
    assert_eq!(transaction.request_body(first, false), Verdict::Allow);
    assert!(matches!(
        transaction.request_body(second, false),
        Verdict::Deny(_)
    ));
}

#[test]
fn long_arguments_are_told_and_leave_the_body_parsed() {
    let mut config = PolicyConfig {
        patterns: vec![
            pattern(1, "argument_length", &["parse_errors:body"]),
            pattern(2, "12345", &["body"]),
        ],
        mode: Mode::Detect,
        ..PolicyConfig::default()
    };
    config.limits.argument_length = 3;
    let mut transaction = transaction(&config);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    head(&mut transaction, "/", &form, false);
    transaction.request_body(b"a=12345", true);
    let found: Vec<_> = transaction.matches().iter().map(|found| found.rule.0).collect();
    assert_eq!(found, [1]);
}
