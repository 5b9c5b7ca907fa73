//! Attacks and honest values from libinjection's samples, and what holds for every value.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{is_sqli, is_xss};

const SQLI: &str = include_str!("../../tests/data/sqli.txt");
const XSS: &str = include_str!("../../tests/data/xss.txt");
const HONEST: &str = include_str!("../../tests/data/honest.txt");

/// Lines of a table; `\n`, `\x00` and the like stand for what they stand for everywhere.
fn values(table: &str) -> impl Iterator<Item = Vec<u8>> {
    rows(table).map(|cells| cells.concat())
}

/// Lines of a table, taken apart at tabs; in Miri, which takes long over each, every tenth.
pub(super) fn rows(table: &str) -> impl Iterator<Item = Vec<Vec<u8>>> {
    let lines = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("##"));
    let lines = lines.step_by(if cfg!(miri) { 10 } else { 1 });
    lines.map(|line| line.split('\t').map(unescape).collect())
}

fn unescape(cell: &str) -> Vec<u8> {
    let mut value = Vec::new();
    let mut rest = cell.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'\\' {
            value.push(*byte);
            continue;
        }
        let (escape, behind) = rest.split_first().expect("an escape");
        rest = behind;
        value.push(match escape {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'\\' => b'\\',
            b'x' => {
                let (digits, behind) = rest.split_at(2);
                rest = behind;
                u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
            }
            other => panic!("unknown escape {other}"),
        });
    }
    value
}

#[test]
fn published_attacks_on_databases_are_found() {
    for value in values(SQLI) {
        assert!(is_sqli(&value), "{}", value.escape_ascii());
    }
}

#[test]
fn published_attacks_on_browsers_are_found() {
    for value in values(XSS) {
        assert!(is_xss(&value), "{}", value.escape_ascii());
    }
}

#[test]
fn published_honest_values_pass() {
    for value in values(HONEST) {
        assert!(!is_sqli(&value) && !is_xss(&value), "{}", value.escape_ascii());
    }
}

#[test]
fn byte_0xff_before_an_attribute_hides_nothing() {
    assert!(is_xss(b"<a \xffhref=x onclick=x>"));
    assert!(is_xss(b"<a href=\xff onclick=x>"));
    assert!(is_xss(b"<a \xff onclick=x>"));
}

#[test]
fn an_empty_closing_tag_hides_nothing() {
    assert!(is_xss(b"</><script>") && is_xss(b"a='\"`</><script>"));
}

#[test]
fn nothing_is_no_attack() {
    assert!(!is_sqli(b"") && !is_xss(b""));
}

const PARTS: &[&str] = &[
    "'",
    "\"",
    "`",
    "/*",
    "*/",
    "/*!",
    "--",
    "-- ",
    "#",
    "\\",
    "0x",
    "0b",
    "q'[",
    "]'",
    "nq'",
    "$$",
    "$a$",
    "$1",
    "@",
    "@@",
    ";",
    " or ",
    " and ",
    "union",
    "select",
    "not",
    "in",
    "like",
    "group by",
    "int",
    "collate",
    "a_b",
    "if",
    "user",
    " ",
    "(",
    ")",
    "{",
    "}",
    ",",
    ".",
    "::",
    ":=",
    "<=>",
    "||",
    "&&",
    "1",
    "1.",
    "1e",
    "a",
    "\u{a0}",
    "\0",
    "u&'",
    "x'",
    "b'",
    "<",
    "</",
    "<!--",
    "--!>",
    "-",
    ">",
    "<![CDATA[",
    "]]>",
    "<?",
    "<%",
    "%>",
    "<!doctype",
    "=",
    "/",
    "style",
    "href",
    "onload",
    "javascript:",
    "&#x6a;",
    "&#",
    "attributename",
    "script",
    "svg",
];

fn value() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        8 => select(PARTS).prop_map(|part| part.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..4),
    ];
    vec(part, 0..16).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 20 } else { 2_000 }, ..ProptestConfig::default() })]

    #[test]
    fn every_value_has_a_verdict_that_case_does_not_change(value in value()) {
        // Only these look at case: MySQL's `\N`, tags of strings between dollar signs, CDATA, and an Oracle string.
        let depends = value.iter().any(|byte| matches!(byte, b'\\' | b'$' | b'[')) || value.contains(&b'\'');
        let lower = value.to_ascii_lowercase();
        prop_assert!(depends || is_sqli(&value) == is_sqli(&lower));
        prop_assert!(depends || is_xss(&value) == is_xss(&lower));
    }

    #[test]
    fn words_and_numbers_alone_are_no_attack(value in "[A-Za-z0-9_]{0,40}") {
        prop_assert!(!is_sqli(value.as_bytes()) && !is_xss(value.as_bytes()));
    }
}

#[test]
fn published_values_have_the_published_verdicts() {
    for row in rows(include_str!("../../tests/data/fingerprints.txt")) {
        let [value, fingerprint] = row.try_into().expect("a value and a fingerprint");
        assert_eq!(
            is_sqli(&value),
            !fingerprint.is_empty(),
            "{}",
            value.escape_ascii()
        );
    }
}

#[test]
fn verdicts_are_those_of_libinjection() {
    for row in rows(include_str!("../../tests/data/verdicts.txt")) {
        let [value, kinds] = row.try_into().expect("a value and what it is");
        let found = [is_sqli(&value), is_xss(&value)];
        assert_eq!(
            found,
            [kinds.contains(&b's'), kinds.contains(&b'x')],
            "{}",
            value.escape_ascii()
        );
    }
}
