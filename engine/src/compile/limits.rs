//! Checks everything in a configuration that is no rule.

use std::{fmt, ops::RangeInclusive};

use super::error::Errors;
use crate::config::{PolicyConfig, ResponsePolicy, Scoring};

/// Bytes of a body that may be held.
const BODY_LIMIT: RangeInclusive<usize> = 1..=16 * 1024 * 1024;
/// Seconds that a response may be held.
const HOLD_SECONDS: RangeInclusive<u64> = 1..=300;
const ARGUMENTS: RangeInclusive<usize> = 1..=100_000;
/// Bytes of names and values, one by one or together: names stand in for what leads to a value in JSON and XML as well.
const LENGTH: RangeInclusive<usize> = 1..=64 * 1024 * 1024;
const COOKIES: RangeInclusive<usize> = 1..=10_000;
const JSON_DEPTH: RangeInclusive<usize> = 1..=512;
const XML_DEPTH: RangeInclusive<usize> = 1..=512;
const MULTIPART_PARTS: RangeInclusive<usize> = 1..=10_000;
/// Names that are masked.
const MASK_NAMES: RangeInclusive<usize> = 0..=128;
/// Bytes of one of them.
const MASK_NAME: RangeInclusive<usize> = 1..=64;

pub(super) fn check(config: &PolicyConfig, errors: &mut Errors) {
    let limits = &config.limits;
    within("body.limit", &BODY_LIMIT, config.body.limit, errors);
    within("response.limit", &BODY_LIMIT, config.response.limit, errors);
    let seconds = config.response.hold_seconds;
    within("response.hold_seconds", &HOLD_SECONDS, seconds, errors);
    within("limits.arguments", &ARGUMENTS, limits.arguments, errors);
    for (path, found) in [
        ("limits.argument_name_length", limits.argument_name_length),
        ("limits.argument_length", limits.argument_length),
        ("limits.arguments_length", limits.arguments_length),
    ] {
        within(path, &LENGTH, found, errors);
    }
    within("limits.cookies", &COOKIES, limits.cookies, errors);
    within("limits.json_depth", &JSON_DEPTH, limits.json_depth, errors);
    within("limits.xml_depth", &XML_DEPTH, limits.xml_depth, errors);
    within(
        "limits.multipart_parts",
        &MULTIPART_PARTS,
        limits.multipart_parts,
        errors,
    );
    check_content_types(&config.response.content_types, errors);
    check_scoring(&config.scoring, errors);
    let names = &config.mask.0;
    within("mask", &MASK_NAMES, names.len(), errors);
    for (index, name) in names.iter().enumerate().take(*MASK_NAMES.end()) {
        within(&format!("mask[{index}]"), &MASK_NAME, name.len(), errors);
    }
}

fn check_scoring(scoring: &Scoring, errors: &mut Errors) {
    for (path, found) in [
        ("scoring.inbound_threshold", scoring.inbound_threshold),
        ("scoring.outbound_threshold", scoring.outbound_threshold),
    ] {
        within(path, &Scoring::THRESHOLDS, found, errors);
    }
    let (blocking, levels) = (scoring.paranoia_level, Scoring::PARANOIA_LEVELS);
    within("scoring.paranoia_level", &levels, blocking, errors);
    if let Some(executing) = scoring.executing_paranoia_level {
        let least = blocking.clamp(*levels.start(), *levels.end());
        let allowed = least..=*levels.end();
        within("scoring.executing_paranoia_level", &allowed, executing, errors);
    }
    within(
        "scoring.sampling_percent",
        &Scoring::SAMPLING,
        scoring.sampling_percent,
        errors,
    );
}

fn within<T: PartialOrd + fmt::Display>(
    path: &str,
    range: &RangeInclusive<T>,
    found: T,
    errors: &mut Errors,
) {
    if !range.contains(&found) {
        errors.add(path, OutOf(range, found));
    }
}

/// Says that a number lies out of its bounds.
pub(super) struct OutOf<'a, T>(pub(super) &'a RangeInclusive<T>, pub(super) T);

impl<T: fmt::Display> fmt::Display for OutOf<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(range, found) = self;
        write!(out, "must be {} to {}, found {found}", range.start(), range.end())
    }
}

fn check_content_types(content_types: &[String], errors: &mut Errors) {
    const PATH: &str = "response.content_types";
    if content_types.len() > ResponsePolicy::TYPES {
        errors.add(
            PATH,
            format_args!(
                "must be at most {} entries, found {}",
                ResponsePolicy::TYPES,
                content_types.len()
            ),
        );
    }
    for (index, text) in content_types.iter().enumerate().take(ResponsePolicy::TYPES) {
        let path = format_args!("{PATH}[{index}]");
        if !is_content_type(text) {
            errors.add(
                path,
                format_args!("expected type/subtype or type/*, found `{}`", text.escape_debug()),
            );
        } else if ResponsePolicy::STREAMS.iter().any(|stream| {
            text.get(..stream.len())
                .is_some_and(|beginning| beginning.eq_ignore_ascii_case(stream))
        }) {
            errors.add(path, format_args!("`{text}` streams, and is never held"));
        }
    }
}

/// Whether a text is a content type without parameters (RFC 9110, 8.3.1), or `*` stands for its subtype or all of it.
fn is_content_type(text: &str) -> bool {
    const LIMIT: usize = 128;
    let is_token = |text: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        !text.is_empty() && text.bytes().all(is_allowed)
    };
    text.len() <= LIMIT
        && text
            .split_once('/')
            .is_some_and(|(kind, subtype)| match (kind, subtype) {
                ("*", _) => subtype == "*",
                (_, "*") => is_token(kind),
                _ => is_token(kind) && is_token(subtype),
            })
}
