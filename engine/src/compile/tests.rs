//! What the compiler refuses, and how it says so.

use super::*;
use crate::config::{Limits, PatternOperator};

fn pattern(id: u32, text: &str) -> PatternConfig {
    PatternConfig {
        id,
        name: "test".into(),
        pattern: text.into(),
        enabled: true,
        ..PatternConfig::default()
    }
}

/// The errors of a configuration, which do not depend on whether expressions are built.
fn errors(config: &PolicyConfig) -> Vec<String> {
    let texts = |result: Result<Policy, CompileErrors>| match result {
        Ok(_) => Vec::new(),
        Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
    };
    let thorough = texts(compile(config));
    assert_eq!(texts(finish(Compiler::lazy(config.clone()))), thorough);
    thorough
}

fn errors_of(pattern: PatternConfig) -> Vec<String> {
    errors(&PolicyConfig {
        patterns: vec![pattern],
        ..PolicyConfig::default()
    })
}

#[test]
fn every_error_is_reported_at_once_with_its_path() {
    let config = PolicyConfig {
        packs: vec!["nowhere".into()],
        patterns: vec![pattern(1, "a("), pattern(2, "b"), pattern(2, "c*")],
        limits: Limits {
            arguments: 0,
            ..Limits::default()
        },
        ..PolicyConfig::default()
    };
    let paths: Vec<_> = compile(&config)
        .unwrap_err()
        .0
        .into_iter()
        .map(|error| error.path)
        .collect();
    assert_eq!(
        paths,
        [
            "limits.arguments",
            "packs[0]",
            "patterns[0].pattern",
            "patterns[2].id",
            "patterns[2].pattern"
        ]
    );
}

#[test]
fn wrong_patterns_say_what_was_expected_and_what_was_found() {
    let base = || pattern(1, "abc");
    let cases = [
        (
            PatternConfig { id: 0, ..base() },
            "patterns[0].id: must be at least 1, found 0",
        ),
        (
            PatternConfig {
                name: " ".into(),
                ..base()
            },
            "patterns[0].name: must not be empty",
        ),
        (
            PatternConfig {
                name: "x".repeat(201),
                ..base()
            },
            "patterns[0].name: must be at most 200 bytes, found 201",
        ),
        (pattern(1, ""), "patterns[0].pattern: must not be empty"),
        (
            pattern(1, &"a".repeat(4097)),
            "patterns[0].pattern: must be at most 4096 bytes, found 4097",
        ),
        (
            pattern(1, "a?"),
            "patterns[0].pattern: must not match the empty string",
        ),
        (
            pattern(1, r"\b"),
            "patterns[0].pattern: must not match the empty string",
        ),
        (
            pattern(1, r"[^\x00-\xff]"),
            "patterns[0].pattern: can never match",
        ),
        (
            PatternConfig {
                unless: "z*".to_owned(),
                ..base()
            },
            "patterns[0].unless: must not match the empty string",
        ),
        (
            PatternConfig {
                operator: PatternOperator::Contains,
                ..pattern(1, "")
            },
            "patterns[0].pattern: must not be empty",
        ),
        (
            PatternConfig {
                operator: PatternOperator::Pm,
                ..pattern(1, " \n")
            },
            "patterns[0].pattern: must hold at least one word, found blanks only",
        ),
        (
            pattern(1, "[z"),
            "patterns[0].pattern: unclosed character class at byte 0",
        ),
        (
            pattern(1, "(?:(?:a{100}){100}){100}"),
            "patterns[0].pattern: compiled expression must be at most 524288 bytes; shorten counted repetitions",
        ),
        (
            PatternConfig {
                transformations: vec!["lowercase".into(), "rot13".into()],
                ..base()
            },
            "patterns[0].transformations[1]: unknown transformation `rot13`",
        ),
        (
            PatternConfig {
                targets: vec!["path".into(), "headers:/(/".into()],
                ..base()
            },
            "patterns[0].targets[1]: unclosed group at byte 0",
        ),
        (
            PatternConfig {
                tags: vec![String::new()],
                ..base()
            },
            "patterns[0].tags[0]: must not be empty",
        ),
        (
            PatternConfig {
                tags: vec!["a\r\nb".into()],
                ..base()
            },
            "patterns[0].tags[0]: must not contain control characters",
        ),
    ];
    for (pattern, expected) in cases {
        assert_eq!(errors_of(pattern), [expected]);
    }
}

#[test]
fn duplicate_id_names_the_first_owner() {
    let config = PolicyConfig {
        patterns: vec![pattern(7, "a"), pattern(7, "b")],
        ..PolicyConfig::default()
    };
    assert_eq!(errors(&config), ["patterns[1].id: id 7 is taken by patterns[0]"]);
}

#[test]
fn disabled_pattern_is_checked_but_not_in_force() {
    let off = PatternConfig {
        enabled: false,
        ..pattern(1, "a")
    };
    let config = PolicyConfig {
        patterns: vec![off],
        ..PolicyConfig::default()
    };
    assert_eq!(compile(&config).unwrap().rules(), 0);
    assert_eq!(
        errors_of(PatternConfig {
            enabled: false,
            ..pattern(1, "(")
        })
        .len(),
        1
    );
}

#[test]
fn pattern_over_head_and_body_becomes_two_rules() {
    let config = PolicyConfig {
        patterns: vec![pattern(1, "a")],
        ..PolicyConfig::default()
    };
    assert_eq!(compile(&config).unwrap().rules(), 2);
}

#[test]
#[cfg_attr(miri, ignore = "compiles thousands of patterns")]
fn errors_are_bounded() {
    let patterns = (1..3_000).map(|id| pattern(id, "(")).collect();
    assert_eq!(
        errors(&PolicyConfig {
            patterns,
            ..PolicyConfig::default()
        })
        .len(),
        CompileErrors::LIMIT
    );
}
