//! Rules of no pack that measure one thing each: a transformation, or an operator as users may set it up.

use secbeat_engine::{
    config::{PatternAction, PatternConfig, PatternOperator},
    transform::Transformation,
};

/// A rule for each transformation, and one for each operator with an expression of the kind that costs most.
pub fn yardsticks() -> Vec<PatternConfig> {
    let operators = [
        (PatternOperator::Rx, r"a[^b]{0,40}[cd]\s*(?:e|f)+x"),
        (PatternOperator::Rx, r"\d+x|\w+y|\W+z"),
        (PatternOperator::Contains, "aaaaaaab"),
        (PatternOperator::BeginsWith, "aaaaaaab"),
        (PatternOperator::EndsWith, "baaaaaaa"),
        (PatternOperator::Equals, "aaaaaaab"),
        (PatternOperator::Pm, "aaaab aabaa abaab 12345 23451 34512"),
        (PatternOperator::VerifyCc, r"\d+x|\d"),
        (PatternOperator::VerifyCc, r"\d{13,19}"),
        (PatternOperator::DetectSqli, ""),
        (PatternOperator::DetectXss, ""),
    ];
    let operators = operators.map(|(operator, pattern)| PatternConfig {
        operator,
        pattern: pattern.to_owned(),
        transformations: vec!["none".to_owned()],
        ..named(format!("{} of a user", operator.as_str()))
    });
    let transformations = Transformation::ALL.iter().map(|transformation| PatternConfig {
        operator: PatternOperator::Equals,
        pattern: "never found".to_owned(),
        transformations: vec![transformation.as_str().to_owned()],
        ..named(format!("transformation {transformation}"))
    });
    (1..)
        .zip(operators.into_iter().chain(transformations))
        .map(|(id, pattern)| PatternConfig { id, ..pattern })
        .collect()
}

/// A rule that looks at bodies.
fn named(name: String) -> PatternConfig {
    PatternConfig {
        name,
        targets: vec!["body".to_owned(), "body_values".to_owned()],
        action: PatternAction::Detect,
        ..PatternConfig::default()
    }
}
