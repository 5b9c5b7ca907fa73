//! What the engine thinks of a request and of its response, and why.

use std::sync::Arc;

use crate::{
    config::{Category, Severity},
    rule::RuleId,
};

/// What to do with a request, or with its response, after one more piece of it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks against it so far: what has arrived may go on.
    Allow,
    /// No verdict yet: hold back everything that has arrived, and bring more.
    Hold,
    /// Refuse it; nothing held back may go on.
    Deny(Denial),
}

/// How to refuse a request, or its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// HTTP status of the answer, 400 to 599.
    pub status: u16,
    /// The rule that decided; absent when a limit did (a body over its limit: 413).
    pub rule: Option<RuleId>,
}

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMatch {
    /// The rule.
    pub rule: RuleId,
    /// What the rule stops, in a few words.
    pub message: Arc<str>,
    /// Class of attack.
    pub category: Category,
    /// How much the match matters.
    pub severity: Severity,
    /// What the rule adds to the anomaly score, the first time that it matches in a transaction.
    pub score: u32,
    /// Paranoia level of the rule. Above [`crate::config::Scoring::paranoia_level`] its score counts towards no
    /// threshold.
    pub paranoia: u8,
    /// Where it matched: a collection and, where it has them, a name, as in `query_values:id`. At most 128 bytes.
    pub target: String,
    /// The bytes that matched, after transformation; at most [`RuleMatch::MATCHED_LIMIT`].
    /// Empty when they are [masked](crate::config::MaskConfig), or what the rule masks.
    pub matched: Vec<u8>,
    /// Whether the bytes are kept back: they belong to a name that is masked, or are what the rule masks.
    pub masked: bool,
    /// What the match led to.
    pub disposition: Disposition,
}

impl RuleMatch {
    /// Bytes kept of what matched.
    pub const MATCHED_LIMIT: usize = 128;
    /// Matches kept of one transaction; what lies beyond is counted only.
    pub const PER_TRANSACTION: usize = 32;
}

/// What a match led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The request, or the response, was refused because of it.
    Blocked,
    /// It was overwritten in the response.
    Masked,
    /// It was reported only, because the rule or the policy says so.
    Detected,
}
