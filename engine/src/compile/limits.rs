//! Checks everything in a configuration that is no rule.

use std::ops::RangeInclusive;

use super::error::Errors;
use crate::config::PolicyConfig;

/// Bytes of a body that may be held.
const BODY_LIMIT: RangeInclusive<usize> = 1..=16 * 1024 * 1024;
const ARGUMENTS: RangeInclusive<usize> = 1..=100_000;
const COOKIES: RangeInclusive<usize> = 1..=10_000;
const JSON_DEPTH: RangeInclusive<usize> = 1..=512;
const XML_DEPTH: RangeInclusive<usize> = 1..=512;
const MULTIPART_PARTS: RangeInclusive<usize> = 1..=10_000;
/// Names that are masked.
const MASK_NAMES: RangeInclusive<usize> = 0..=128;
/// Bytes of one of them.
const MASK_NAME: RangeInclusive<usize> = 1..=64;

pub(super) fn check(config: &PolicyConfig, errors: &mut Errors) {
    let mut within = |path: &str, range: &RangeInclusive<usize>, found: usize| {
        if !range.contains(&found) {
            errors.add(
                path,
                format_args!("must be {} to {}, found {found}", range.start(), range.end()),
            );
        }
    };
    within("body.limit", &BODY_LIMIT, config.body.limit);
    within("limits.arguments", &ARGUMENTS, config.limits.arguments);
    within("limits.cookies", &COOKIES, config.limits.cookies);
    within("limits.json_depth", &JSON_DEPTH, config.limits.json_depth);
    within("limits.xml_depth", &XML_DEPTH, config.limits.xml_depth);
    within(
        "limits.multipart_parts",
        &MULTIPART_PARTS,
        config.limits.multipart_parts,
    );
    let names = &config.mask.0;
    within("mask", &MASK_NAMES, names.len());
    for (index, name) in names.iter().enumerate().take(*MASK_NAMES.end()) {
        within(&format!("mask[{index}]"), &MASK_NAME, name.len());
    }
}
