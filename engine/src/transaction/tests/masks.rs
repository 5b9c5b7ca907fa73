//! What matched in a value that is masked is told without its bytes.

use super::*;
use crate::{
    compile_program,
    config::MaskConfig,
    rule::{Collection, Item, Link, Meta, Operator, Rule, RuleId, Target, Template, TextTest},
};

fn evil(targets: &[&str]) -> PolicyConfig {
    PolicyConfig {
        patterns: vec![pattern(1, "evil", targets)],
        ..PolicyConfig::default()
    }
}

#[test]
fn a_match_in_a_masked_value_has_no_bytes() {
    for (path, headers, targets, target) in [
        ("/?password=evil", &[][..], &[][..], "query_values:password"),
        ("/?password=evil", &[], &["uri"], "uri"),
        ("/?password=x&q=evil", &[], &["query"], "query"),
        (
            "/",
            &[("authorization", "evil")],
            &["headers"],
            "headers:authorization",
        ),
        ("/", &[("cookie", "theme=evil")], &["cookies"], "cookies:theme"),
    ] {
        let mut transaction = transaction(&evil(targets));
        head(&mut transaction, path, headers, true);
        let found = &transaction.matches()[0];
        assert_eq!(found.target, target);
        assert_eq!(
            (found.masked, found.matched.as_slice()),
            (true, &b""[..]),
            "{target}"
        );
    }
}

#[test]
fn the_text_of_an_element_is_masked_when_one_within_is() {
    for (path, body, masked) in [
        ("/", "<login>evil <password>x</password></login>", true),
        ("/", "<login>evil <user>x</user></login>", false),
        ("/?login.password=x", "<login>evil</login>", false),
    ] {
        let mut transaction = transaction(&evil(&["body_values:login"]));
        head(
            &mut transaction,
            path,
            &[("content-type", "application/xml")],
            false,
        );
        transaction.request_body(body.as_bytes(), true);
        let found = &transaction.matches()[0];
        assert_eq!(
            (found.target.as_str(), found.masked),
            ("body_values:login", masked)
        );
        let trace = transaction.explain();
        let value = trace
            .values
            .iter()
            .find(|value| value.target == "body_values:login");
        assert_eq!(value.unwrap().masked, masked);
    }
}

#[test]
fn other_matches_keep_their_bytes() {
    for (path, targets) in [
        ("/?q=evil&password=x", &[][..]),
        ("/?evil-password=x", &["query_names"]),
        ("/password/evil", &["path", "uri"]),
    ] {
        let mut transaction = transaction(&evil(targets));
        head(&mut transaction, path, &[], true);
        let found = &transaction.matches()[0];
        assert_eq!(
            (found.masked, found.matched.as_slice()),
            (false, &b"evil"[..]),
            "{path}"
        );
    }
}

#[test]
fn the_list_of_names_is_configuration() {
    let mut config = PolicyConfig {
        mask: MaskConfig(vec!["q".to_owned()]),
        ..evil(&[])
    };
    let mut masking = transaction(&config);
    head(&mut masking, "/?q=evil", &[], true);
    assert!(masking.matches()[0].masked);
    config.mask = MaskConfig(Vec::new());
    let mut showing = transaction(&config);
    head(
        &mut showing,
        "/?password=evil",
        &[("authorization", "evil")],
        true,
    );
    assert!(showing.matches().iter().all(|found| found.matched == b"evil"));
}

#[test]
fn names_to_mask_are_bounded() {
    let config = PolicyConfig {
        mask: MaskConfig(vec![String::new(), "x".repeat(65)]),
        ..PolicyConfig::default()
    };
    let errors = compile(&config).unwrap_err();
    let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "mask[0]: must be 1 to 64, found 0",
            "mask[1]: must be 1 to 64, found 65"
        ]
    );
}

#[test]
fn a_variable_tells_nothing_once_anything_was_masked() {
    let text = |text: &[u8]| Operator::Text(TextTest::Contains, Template::literal(text));
    let rule = |id, link: Link| {
        Item::Rule(Rule {
            id: RuleId(id),
            phase: Phase::RequestHeaders,
            meta: Meta {
                message: "rule".into(),
                category: crate::config::Category::Custom,
                severity: crate::config::Severity::Notice,
                tags: Vec::new(),
                paranoia: 1,
                score: 0,
            },
            head: link,
            chained: Vec::new(),
            action: crate::rule::Action::Pass,
            log: true,
            skip_after: None,
        })
    };
    let mut capture = Link::new(vec![Target::all(Collection::QueryValues)], text(b"evil"));
    capture.capture = true;
    let program = vec![
        rule(1, capture),
        rule(2, Link::new(vec![Target::all(Collection::Tx)], text(b"evil"))),
    ];
    for (path, masked) in [("/?password=evil", true), ("/?q=evil", false)] {
        let policy = compile_program(&PolicyConfig::default(), program.clone()).unwrap();
        let mut transaction = Transaction::new(Arc::new(policy));
        head(&mut transaction, path, &[], true);
        let found = transaction.matches().last().unwrap();
        assert_eq!((found.target.as_str(), found.masked), ("tx:0", masked));
    }
}
