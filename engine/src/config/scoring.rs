//! How matches add up to a verdict: anomaly scores and paranoia levels, as the Core Rule Set has them.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// How matches add up to a verdict.
///
/// A pattern of the action `score` adds its score to that of the request (or of the response, when it looks at one),
/// once for each transaction. When that reaches the threshold, the transaction is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scoring {
    /// Score at which a request is refused, 1 to 10,000. Default 5: one critical match.
    pub inbound_threshold: u32,
    /// Score at which a response is refused, 1 to 10,000. Default 4: one match of severity `error`.
    pub outbound_threshold: u32,
    /// Patterns up to this paranoia level lead to refusals, 1 to 4. Default 1.
    pub paranoia_level: u8,
    /// Patterns up to this paranoia level are evaluated and reported, `paranoia_level` to 4. Absent: `paranoia_level`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executing_paranoia_level: Option<u8>,
    /// Whether a request whose head reaches the threshold is refused before its body comes. Default true. Otherwise
    /// the body is inspected first, so that the report tells everything.
    pub early_blocking: bool,
    /// Share of the requests that are inspected at all, in percent, 0 to 100. Default 100. Who decides asks
    /// [`crate::Policy::samples`].
    pub sampling_percent: u8,
}

impl Scoring {
    /// What a threshold may be.
    pub const THRESHOLDS: RangeInclusive<u32> = 1..=10_000;
    /// What a paranoia level may be.
    pub const PARANOIA_LEVELS: RangeInclusive<u8> = 1..=4;
    /// What the score of one pattern may be.
    pub const SCORES: RangeInclusive<u32> = 1..=100;
    /// What the share of inspected requests may be.
    pub const SAMPLING: RangeInclusive<u8> = 0..=100;

    /// The level up to which patterns are evaluated.
    pub fn executing_level(&self) -> u8 {
        self.executing_paranoia_level.unwrap_or(self.paranoia_level)
    }
}

impl Default for Scoring {
    fn default() -> Self {
        Self {
            inbound_threshold: 5,
            outbound_threshold: 4,
            paranoia_level: 1,
            executing_paranoia_level: None,
            early_blocking: true,
            sampling_percent: 100,
        }
    }
}
