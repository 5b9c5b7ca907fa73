//! What a pattern asks of values, in the model's form.

use super::{Path, TooLong, error::Errors};
use crate::{
    config::{PatternConfig, PatternOperator},
    rule::{Expression, Flags, Guarded, Operator, Template, TextTest},
};

/// Bytes of what a pattern's operator compares with.
const PATTERN_LIMIT: usize = 4_096;

/// The operator of a pattern; `None` when there is something wrong with it.
pub(super) fn operator(pattern: &PatternConfig, path: Path, errors: &mut Errors) -> Option<Operator> {
    let before = errors.len();
    let unless = condition("unless", &pattern.unless, path, errors);
    let (operator, when) = match pattern.operator {
        PatternOperator::DetectSqli | PatternOperator::DetectXss => {
            let operator = match pattern.operator {
                PatternOperator::DetectSqli => Operator::DetectSqli,
                _ => Operator::DetectXss,
            };
            (operator, condition("pattern", &pattern.pattern, path, errors))
        }
        _ => (comparing(pattern, path, errors)?, None),
    };
    if errors.len() > before {
        return None;
    }
    if when.is_none() && unless.is_none() {
        return Some(operator);
    }
    Some(Operator::Guarded(Box::new(Guarded {
        operator,
        when,
        unless,
    })))
}

/// An expression that may be absent.
fn condition(field: &str, text: &str, path: Path, errors: &mut Errors) -> Option<Expression> {
    if text.is_empty() {
        return None;
    }
    let mut wrong = |reason: &dyn std::fmt::Display| errors.add(format_args!("{path}.{field}"), reason);
    if text.len() > PATTERN_LIMIT {
        wrong(&TooLong(PATTERN_LIMIT, text.len()));
        return None;
    }
    expression(text).map_err(|reason| wrong(&reason)).ok()
}

/// An operator that compares with the pattern.
fn comparing(pattern: &PatternConfig, path: Path, errors: &mut Errors) -> Option<Operator> {
    let text = pattern.pattern.as_str();
    let mut wrong = |reason: &dyn std::fmt::Display| errors.add(format_args!("{path}.pattern"), reason);
    if text.is_empty() {
        wrong(&"must not be empty");
        return None;
    }
    if text.len() > PATTERN_LIMIT {
        wrong(&TooLong(PATTERN_LIMIT, text.len()));
        return None;
    }
    let compared = |how| Some(Operator::Text(how, Template::literal(text.as_bytes())));
    match pattern.operator {
        PatternOperator::Contains => compared(TextTest::Contains),
        PatternOperator::BeginsWith => compared(TextTest::BeginsWith),
        PatternOperator::EndsWith => compared(TextTest::EndsWith),
        PatternOperator::Equals => compared(TextTest::Equals),
        PatternOperator::Pm => {
            let words: Vec<Box<[u8]>> = text
                .split_ascii_whitespace()
                .map(|word| word.as_bytes().into())
                .collect();
            if words.is_empty() {
                wrong(&"must hold at least one word, found blanks only");
                return None;
            }
            Some(Operator::Pm(words))
        }
        how => {
            let expression = expression(text).map_err(|reason| wrong(&reason)).ok()?;
            Some(match how {
                PatternOperator::VerifyCc => Operator::VerifyCc(expression),
                _ => Operator::Rx(expression),
            })
        }
    }
}

fn expression(text: &str) -> Result<Expression, String> {
    let flags = Flags {
        ignore_case: true,
        groups: false,
    };
    let expression = Expression::new(text, flags).map_err(|error| error.to_string())?;
    match expression.hir().properties().minimum_len() {
        Some(0) => Err("must not match the empty string".to_owned()),
        None => Err("can never match".to_owned()),
        Some(_) => Ok(expression),
    }
}
