//! SecBeat's own front end: turns a pattern into rules of the model.

use std::sync::Arc;

use super::{Path, TooLong, error::Errors, limits::OutOf, operator, target};
use crate::{
    Transaction,
    config::{PatternAction, PatternConfig, Scoring},
    rule::{Action, Collection, Link, Meta, Phase, Rule, RuleId, Selector, Target},
    transform::Transformation,
};

/// Bytes of a pattern's name.
const NAME_LIMIT: usize = 200;
/// Targets of a pattern.
const TARGETS_LIMIT: usize = 64;
/// Bytes of a target.
const TARGET_LIMIT: usize = 256;
/// Transformations of a pattern.
const TRANSFORMATIONS_LIMIT: usize = 16;
/// Tags of a pattern.
const TAGS_LIMIT: usize = 16;
/// Bytes of a tag.
const TAG_LIMIT: usize = 64;
/// Status of the answer to a request that a pattern refused.
const DENY_STATUS: u16 = 403;
/// Headers without which a response could not be read; they are never masked.
const FRAMING: &[&[u8]] = &[
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];

/// The rules of a pattern, one for each phase in which its targets come; none when the pattern is disabled or wrong.
/// A pattern that leaves out comments becomes twice as many, see [`with_comments`].
///
/// A bare `headers` leaves out the `cookie` header, which `cookies` takes apart; `headers:cookie` looks at it.
pub(super) fn rules(pattern: &PatternConfig, path: Path, errors: &mut Errors) -> Vec<Rule> {
    let before = errors.len();
    check(pattern, path, errors);
    let operator = operator::operator(pattern, path, errors);
    let mut targets = targets(pattern, path, errors);
    let transformations = transformations(pattern, path, errors);
    if pattern.action == PatternAction::Mask {
        check_mask(pattern, &targets, path, errors);
        targets.extend(FRAMING.iter().map(|name| Target {
            exclude: true,
            selector: Selector::Name((*name).into()),
            ..Target::all(Collection::ResponseHeaders)
        }));
    }
    let Some(operator) = operator.filter(|_| errors.len() == before && pattern.enabled) else {
        return Vec::new();
    };
    let meta = Meta {
        message: pattern.name.as_str().into(),
        category: pattern.category,
        severity: pattern.severity,
        tags: pattern.tags.iter().map(|tag| Arc::from(tag.as_str())).collect(),
        paranoia: pattern.paranoia,
        score: match pattern.action {
            PatternAction::Block | PatternAction::Score => {
                pattern.score.unwrap_or_else(|| pattern.severity.score())
            }
            PatternAction::Detect | PatternAction::Mask => 0,
        },
    };
    let action = |phase: Phase| match pattern.action {
        PatternAction::Block if phase.is_response() => Action::Deny {
            status: Transaction::BAD_RESPONSE,
        },
        PatternAction::Block => Action::Deny { status: DENY_STATUS },
        PatternAction::Score | PatternAction::Detect => Action::Pass,
        PatternAction::Mask => Action::Mask,
    };
    let phases = Phase::ALL.into_iter().filter(|phase| {
        targets
            .iter()
            .any(|target| !target.exclude && target.collection.phase() == *phase)
    });
    let phases = phases.collect::<Vec<_>>();
    let rule = |transformations: &[Transformation], phase: Phase| Rule {
        id: RuleId(pattern.id),
        phase,
        meta: meta.clone(),
        head: Link {
            targets: targets
                .iter()
                .filter(|target| target.collection.phase() == phase)
                .cloned()
                .collect(),
            // What the origin sends is not written to get past a filter.
            transformations: if phase.is_response() && pattern.transformations.is_empty() {
                Vec::new()
            } else {
                transformations.to_vec()
            },
            ..Link::new(Vec::new(), operator.clone())
        },
        chained: Vec::new(),
        action: action(phase),
        log: true,
        skip_after: None,
    };
    let with_comments = with_comments(&transformations);
    std::iter::once(transformations)
        .chain(with_comments)
        .flat_map(|chain| phases.iter().map(move |phase| (chain.clone(), *phase)))
        .map(|(chain, phase)| rule(&chain, phase))
        .collect()
}

fn check(pattern: &PatternConfig, path: Path, errors: &mut Errors) {
    if pattern.id == 0 {
        errors.add(format_args!("{path}.id"), "must be at least 1, found 0");
    }
    let name = pattern.name.as_str();
    if name.trim().is_empty() {
        errors.add(format_args!("{path}.name"), "must not be empty");
    } else if name.len() > NAME_LIMIT {
        errors.add(format_args!("{path}.name"), TooLong(NAME_LIMIT, name.len()));
    } else if name.chars().any(char::is_control) {
        errors.add(format_args!("{path}.name"), "must not contain control characters");
    }
    if !Scoring::PARANOIA_LEVELS.contains(&pattern.paranoia) {
        errors.add(
            format_args!("{path}.paranoia"),
            OutOf(&Scoring::PARANOIA_LEVELS, pattern.paranoia),
        );
    }
    if let Some(score) = pattern.score.filter(|score| !Scoring::SCORES.contains(score)) {
        errors.add(format_args!("{path}.score"), OutOf(&Scoring::SCORES, score));
    }
    if pattern.tags.len() > TAGS_LIMIT {
        errors.add(
            format_args!("{path}.tags"),
            TooMany(TAGS_LIMIT, pattern.tags.len()),
        );
    }
    for (index, tag) in pattern.tags.iter().enumerate().take(TAGS_LIMIT) {
        if tag.is_empty() {
            errors.add(format_args!("{path}.tags[{index}]"), "must not be empty");
        } else if tag.len() > TAG_LIMIT {
            errors.add(
                format_args!("{path}.tags[{index}]"),
                TooLong(TAG_LIMIT, tag.len()),
            );
        } else if tag.chars().any(char::is_control) {
            errors.add(
                format_args!("{path}.tags[{index}]"),
                "must not contain control characters",
            );
        }
    }
}

/// Only what goes out can be overwritten, and only where it stands as it was matched.
fn check_mask(pattern: &PatternConfig, targets: &[Target], path: Path, errors: &mut Errors) {
    let is_maskable = |target: &Target| {
        !target.count
            && matches!(
                target.collection,
                Collection::ResponseHeaders | Collection::ResponseBody
            )
    };
    if !targets.iter().all(is_maskable) {
        errors.add(
            format_args!("{path}.targets"),
            "with action `mask` must be response_headers and response_body only",
        );
    }
    if !matches!(pattern.transformations.as_slice(), [] | [_])
        || pattern.transformations.first().is_some_and(|only| only != "none")
    {
        errors.add(
            format_args!("{path}.transformations"),
            "with action `mask` must be empty",
        );
    }
}

fn targets(pattern: &PatternConfig, path: Path, errors: &mut Errors) -> Vec<Target> {
    let mut targets = Vec::new();
    if pattern.targets.is_empty() {
        let defaults = PatternConfig::DEFAULT_TARGETS.iter();
        targets.extend(
            defaults
                .filter_map(|name| Collection::parse(name))
                .map(Target::all),
        );
    }
    if pattern.targets.len() > TARGETS_LIMIT {
        errors.add(
            format_args!("{path}.targets"),
            TooMany(TARGETS_LIMIT, pattern.targets.len()),
        );
    }
    for (index, text) in pattern.targets.iter().enumerate().take(TARGETS_LIMIT) {
        let mut wrong =
            |reason: &dyn std::fmt::Display| errors.add(format_args!("{path}.targets[{index}]"), reason);
        if text.len() > TARGET_LIMIT {
            wrong(&TooLong(TARGET_LIMIT, text.len()));
            continue;
        }
        match target::parse(text) {
            Ok(target) => targets.push(target),
            Err(reason) => wrong(&reason),
        }
    }
    // Only exclusions: what they are taken from is the default.
    if !targets.is_empty() && targets.iter().all(|target| target.exclude) {
        let defaults = PatternConfig::DEFAULT_TARGETS.iter();
        targets.extend(
            defaults
                .filter_map(|name| Collection::parse(name))
                .map(Target::all),
        );
    }
    leave_out_cookie_header(&mut targets);
    targets
}

fn leave_out_cookie_header(targets: &mut Vec<Target>) {
    const COOKIE: &[u8] = b"cookie";
    let is_bare = |target: &Target| {
        target.collection == Collection::Headers
            && !target.exclude
            && matches!(target.selector, Selector::All)
    };
    let names_cookie = |target: &Target| {
        !target.exclude
            && target.collection == Collection::Headers
            && matches!(&target.selector, Selector::Name(name) if name.eq_ignore_ascii_case(COOKIE))
    };
    if targets.iter().any(is_bare) && !targets.iter().any(names_cookie) {
        targets.push(Target {
            exclude: true,
            selector: Selector::Name(COOKIE.into()),
            ..Target::all(Collection::Headers)
        });
    }
}

fn transformations(pattern: &PatternConfig, path: Path, errors: &mut Errors) -> Vec<Transformation> {
    let names: Vec<&str> = match pattern.transformations.as_slice() {
        [] => PatternConfig::DEFAULT_TRANSFORMATIONS.to_vec(),
        [only] if only == "none" => Vec::new(),
        names => names.iter().map(String::as_str).collect(),
    };
    if names.len() > TRANSFORMATIONS_LIMIT {
        errors.add(
            format_args!("{path}.transformations"),
            TooMany(TRANSFORMATIONS_LIMIT, names.len()),
        );
        return Vec::new();
    }
    let mut transformations = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        match Transformation::parse(name) {
            Some(transformation) => transformations.push(transformation),
            None => errors.add(
                format_args!("{path}.transformations[{index}]"),
                format_args!("unknown transformation `{}`", name.escape_debug()),
            ),
        }
    }
    transformations
}

/// The transformations without those that leave out comments, if there are any. What looks like a comment may be part
/// of a string to the database, as in `'/*' union select …`, so that such a pattern looks at both.
fn with_comments(transformations: &[Transformation]) -> Option<Vec<Transformation>> {
    let hides = |one: &Transformation| {
        matches!(
            one,
            Transformation::ReplaceComments | Transformation::RemoveComments
        )
    };
    let kept = transformations.iter().copied().filter(|one| !hides(one));
    transformations.iter().any(hides).then(|| kept.collect())
}

struct TooMany(usize, usize);

impl std::fmt::Display for TooMany {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "must be at most {} entries, found {}", self.0, self.1)
    }
}
