use proptest::prelude::*;

use super::*;
use crate::parse::collected::Collected;

const CONTENT_TYPE: &[u8] = b"multipart/form-data; boundary=b";

fn parse(body: impl AsRef<[u8]>) -> Collected {
    parse_within(body, &Limits::default())
}

fn parse_within(body: impl AsRef<[u8]>, limits: &Limits) -> Collected {
    Collected::of(|sink| multipart(body.as_ref(), CONTENT_TYPE, limits, sink))
}

/// A body of parts, each given as its headers and its content.
fn body(parts: &[(&str, &str)]) -> String {
    let part = |(head, content): &(&str, &str)| format!("--b\r\n{head}\r\n\r\n{content}\r\n");
    parts.iter().map(part).collect::<Vec<_>>().concat() + "--b--\r\n"
}

fn field(name: &str, content: &str) -> String {
    body(&[(
        &format!("Content-Disposition: form-data; name=\"{name}\""),
        content,
    )])
}

/// What is found in a doubtful body besides the raw body itself.
fn doubtful(body: &str, error: ParseError) -> Collected {
    let mut found = parse(body);
    assert_eq!(found.errors, [error], "{body}");
    assert_eq!(
        found.arguments.pop(),
        Some((vec![], body.as_bytes().to_vec())),
        "{body}"
    );
    found
}

#[test]
fn fields_and_files_are_told_apart() {
    let found = parse(body(&[
        ("Content-Disposition: form-data; name=\"a\"", "1\r\n2"),
        ("content-disposition:form-data;name=b", ""),
        (
            "Content-Disposition: form-data; name=\"f\"; filename=\"x.php\"\r\nContent-Type: text/plain",
            "<?php",
        ),
        (
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=UTF-8",
            "3",
        ),
    ]));
    assert_eq!(found.pairs(), [("a", "1\r\n2"), ("b", ""), ("a", "3")]);
    assert_eq!(found.files, [(b"f".to_vec(), b"x.php".to_vec())]);
    assert_eq!(found.errors, []);
}

#[test]
fn content_that_looks_like_an_end_stays_content() {
    let found = parse(field("a", "\r\n--\r\n-b"));
    assert_eq!(found.pairs(), [("a", "\r\n--\r\n-b")]);
    assert_eq!(found.errors, []);
}

#[test]
fn a_bad_boundary_leaves_the_body_raw() {
    let found = Collected::of(|sink| multipart(b"x", b"multipart/form-data", &Limits::default(), sink));
    assert_eq!(found.pairs(), [("", "x")]);
    assert_eq!(found.errors, [ParseError::MultipartBoundary]);
}

#[test]
fn doubtful_framing_leaves_the_whole_body_inspected() {
    let clean = field("a", "1");
    for body in [
        clean.replace("\r\n", "\n"),
        clean.replacen("--b\r\n", "--b\n", 1),
        clean.replace("\r\n--b--", "\n--b--"),
        clean.replace("\"\r\n\r\n", "\"\n\r\n"),
        clean.replacen("--b\r\n", "--b \r\n", 1),
        format!("preamble\r\n{clean}"),
        format!("{clean}epilogue"),
        format!("{clean}{clean}"),
        clean.replace("--b--\r\n", "--b\r\n"),
        clean.replace("\r\n--b--\r\n", ""),
    ] {
        doubtful(&body, ParseError::MultipartSyntax);
    }
    let found = doubtful(
        "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx--b\r\n--b--",
        ParseError::MultipartSyntax,
    );
    assert_eq!(found.pairs(), [("a", "x--b")]);
    for empty in ["", "--b", "--b\r\n"] {
        assert_eq!(parse(empty).errors, [ParseError::MultipartSyntax], "{empty:?}");
    }
}

#[test]
fn doubtful_headers_leave_the_whole_body_inspected() {
    for head in [
        "Content-Disposition: form-data",
        "Content-Disposition: form-data; name=\"a\"; name=\"b\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"x\"; filename=\"y\"",
        "Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''x",
        "Content-Disposition: form-data; name=\"a\\\"; filename=\\\"x\"",
        "Content-Disposition: form-data; name='a'",
        "Content-Disposition: form-data; name=\"a\" filename=\"x\"",
        "Content-Disposition: form-data; name=\"a\"; size=1",
        "Content-Disposition: attachment; name=\"a\"",
        "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"",
        "Content-Disposition: form-data;\r\n name=\"a\"",
        "Content-Disposition : form-data; name=\"a\"",
        "Content-Disposition: form-data; name=\"a\"\r\nnonsense",
        "Content-Disposition: form-data; name=\"a\"\rX: y",
        "Content-Disposition: form-data; name=\"a\0b\"",
        "Content-Type: text/plain",
        "X: y",
    ] {
        doubtful(&body(&[(head, "1")]), ParseError::MultipartSyntax);
    }
    doubtful("--b\r\nno headers\r\n--b--\r\n", ParseError::MultipartSyntax);
    doubtful(&field(&"x".repeat(9_000), "1"), ParseError::MultipartSyntax);
    let many = "X: y\r\n".repeat(20) + "Content-Disposition: form-data; name=a";
    doubtful(&body(&[(&many, "1")]), ParseError::MultipartSyntax);
}

#[test]
fn other_headers_are_handed_on() {
    let with = |line: &str| body(&[(&format!("Content-Disposition: form-data; name=a\r\n{line}"), "1")]);
    let found = parse(with("X-Y2:  z \r\nContent-Type: text/plain"));
    let expected = [(&b"x-y2"[..], &b"z"[..]), (b"content-type", b"text/plain")];
    assert_eq!(
        found.part_headers,
        expected.map(|(name, value)| (name.to_vec(), value.to_vec()))
    );
    assert_eq!(found.errors, []);
    for line in ["X_Y: z", ": z", "X", " X: z", "X : z", "X\u{e9}: z"] {
        doubtful(&with(line), ParseError::MultipartSyntax);
    }
}

#[test]
fn headers_of_a_part_are_limited() {
    let head = "Content-Disposition: form-data; name=a\r\nX: ";
    // The empty line counts, with the line end before it.
    let longest = format!("{head}{}", "y".repeat(8 * 1024 - head.len() - 4));
    let long_content = "1".repeat(9_000);
    let found = parse(body(&[(&longest, &long_content)]));
    assert_eq!(found.pairs(), [("a", &*long_content)]);
    assert_eq!(found.errors, []);
    doubtful(
        &body(&[(&format!("{longest}y"), "1")]),
        ParseError::MultipartSyntax,
    );
}

#[test]
fn two_doubts_are_no_certainty() {
    let head = "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-7";
    let body = format!("preamble\r\n{}", body(&[(head, "1")]));
    let found = parse(&body);
    assert_eq!(found.pairs(), [("a", "1"), ("", &*body)]);
    assert_eq!(
        found.errors,
        [ParseError::MultipartSyntax, ParseError::MultipartCharset]
    );
}

#[test]
fn an_extended_file_name_is_decoded() {
    let head = "Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''%2e%2e%2fx";
    let found = doubtful(&body(&[(head, "1")]), ParseError::MultipartSyntax);
    assert_eq!(found.files, [(b"a".to_vec(), b"../x".to_vec())]);
}

#[test]
fn an_empty_file_name_makes_no_file() {
    let found = parse(body(&[(
        "Content-Disposition: form-data; name=\"a\"; filename=\"\"",
        "<x>",
    )]));
    assert_eq!(found.pairs(), [("a", "<x>")]);
    assert_eq!(found.files, [(b"a".to_vec(), vec![])]);
    assert_eq!(found.errors, []);
}

#[test]
fn character_sets_that_hide_ascii_are_told() {
    let head = "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-7";
    doubtful(&body(&[(head, "+ADw-x+AD4-")]), ParseError::MultipartCharset);
    doubtful(&field("_charset_", "utf-16"), ParseError::MultipartCharset);
    assert_eq!(parse(field("_charset_", "UTF-8")).errors, []);
}

#[test]
fn transfer_encodings_are_undone_and_told() {
    for (encoding, content) in [("base64", "PHg+"), ("Quoted-Printable", "=3Cx=\r\n=3e")] {
        let head =
            format!("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: {encoding}");
        let found = doubtful(&body(&[(&head, content)]), ParseError::MultipartTransferEncoding);
        assert_eq!(found.pairs(), [("a", "<x>"), ("a", content)]);
    }
    let head = "Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: 8bit";
    assert_eq!(parse(body(&[(head, "1")])).errors, []);
}

#[test]
fn parts_and_arguments_are_limited() {
    let body = body(&[("Content-Disposition: form-data; name=\"a\"", "1"); 3]);
    for (limits, error) in [
        (
            Limits {
                multipart_parts: 2,
                ..Limits::default()
            },
            ParseError::TooManyParts,
        ),
        (
            Limits {
                arguments: 2,
                ..Limits::default()
            },
            ParseError::TooManyArguments,
        ),
    ] {
        let found = parse_within(&body, &limits);
        assert_eq!(found.pairs(), [("a", "1"), ("a", "1"), ("", &body)]);
        assert_eq!(found.errors, [error]);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_within_bounds(body in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..256),
        "(--b|\r\n|\n|--|:|;|=|\"|\\\\|Content-Disposition: form-data; name=|filename=|base64|x){0,40}".prop_map(String::into_bytes),
    ]) {
        prop_assert!(parse(&body).bytes() <= 4 * body.len());
    }

    #[test]
    fn fields_come_back(fields in prop::collection::vec(("[a-z ;:=]{0,8}", "[^\\-]{0,16}"), 1..10)) {
        let heads: Vec<_> =
            fields.iter().map(|(name, _)| format!("Content-Disposition: form-data; name=\"{name}\"")).collect();
        let parts: Vec<_> = heads.iter().zip(&fields).map(|(head, (_, content))| (&**head, &**content)).collect();
        let found = parse(body(&parts));
        let expected: Vec<_> = fields.iter().map(|(name, content)| (&**name, &**content)).collect();
        prop_assert_eq!(found.pairs(), expected);
        prop_assert_eq!(found.errors, []);
    }
}

#[test]
fn long_fields_leave_no_doubt() {
    let limits = Limits {
        argument_length: 3,
        ..Limits::default()
    };
    let found = parse_within(field("a", "1234"), &limits);
    assert_eq!(found.pairs(), [("a", "1234")]);
    assert_eq!(found.errors, [ParseError::ArgumentLength]);
}
