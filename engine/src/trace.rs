//! The trace of a transaction: what the engine saw, what it made of it, and why it decided as it did.
//!
//! A trace is derived from a transaction when somebody asks ([`crate::Transaction::explain`]); a transaction that
//! nobody asks about does nothing for it. What a trace carries is bounded, and what lies beyond is counted. Values that
//! the policy masks are in none.

mod bounded;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    Disposition, RuleMatch,
    config::Mode,
    printable::{from_printable, printable},
};

pub(crate) use bounded::{Bounded, Room};

/// The trace of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// What was decided.
    pub verdict: Outcome,
    /// HTTP status of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The rule that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<u32>,
    /// The limit that was exceeded, whether the request was refused for it or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Why, in a few words.
    pub reason: String,
    /// Whether it goes on only because the policy refuses nothing ([`Mode::Detect`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub would_block: bool,
    /// The mode of the policy.
    pub mode: Mode,
    /// The revision of the policy.
    pub revision: u64,
    /// Rules of the policy; a pattern counts once per phase that it looks at.
    pub rules: usize,
    /// What the matches add up to.
    pub score: TraceScore,
    /// The phases whose rules were evaluated.
    pub phases: Vec<String>,
    /// What matched, in order; the verdict rests on it.
    pub matches: Vec<TraceMatch>,
    /// Matches beyond those.
    pub matches_beyond: usize,
    /// What rules could look at, in the order of the wire.
    pub values: Vec<TraceValue>,
    /// Values beyond those.
    pub values_beyond: usize,
}

impl Trace {
    /// Bytes that a trace takes at most as JSON.
    pub const JSON_LIMIT: usize = 768 * 1024;
    /// Bytes that its values take at most as JSON; half of it is kept for what matches rest on.
    pub const VALUES_LIMIT: usize = 512 * 1024;
    /// Values of a trace; those that its matches rest on come on top.
    pub const VALUES: usize = 256;
    /// Copies shown of one value, and as many more that rules matched.
    pub const STEPS: usize = 16;
    /// Rules named of those that were asked about one copy, and of those that matched it.
    pub const RULES: usize = 32;
    /// Bytes shown of one copy.
    pub const VALUE_BYTES: usize = 256;
}

/// What was decided about a transaction so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It goes on.
    Allow,
    /// More of its body is needed.
    Hold,
    /// It is refused.
    Deny,
}

/// What the matches of a transaction add up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceScore {
    /// Score of the request.
    pub inbound: u32,
    /// Score at which it is refused.
    pub inbound_threshold: u32,
    /// Score of the response.
    pub outbound: u32,
    /// Score at which it is refused.
    pub outbound_threshold: u32,
    /// By category, without those that are 0.
    pub categories: BTreeMap<String, u32>,
}

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceMatch {
    /// Rule id.
    pub rule: u32,
    /// What the rule stops.
    pub message: String,
    /// Class of attack.
    pub category: String,
    /// How much it matters.
    pub severity: String,
    /// What it adds to the score, once for each rule.
    pub score: u32,
    /// Paranoia level of the rule.
    pub paranoia: u8,
    /// Where it matched.
    pub target: String,
    /// The bytes that matched; empty when they are masked.
    pub matched: Shown,
    /// Whether the bytes are kept back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub masked: bool,
    /// What it led to: `blocked`, `masked` or `detected`.
    pub action: String,
}

impl From<&RuleMatch> for TraceMatch {
    fn from(found: &RuleMatch) -> Self {
        Self {
            rule: found.rule.0,
            message: found.message.to_string(),
            category: found.category.as_str().to_owned(),
            severity: found.severity.as_str().to_owned(),
            score: found.score,
            paranoia: found.paranoia,
            target: found.target.clone(),
            matched: Shown(found.matched.clone()),
            masked: found.masked,
            action: match found.disposition {
                Disposition::Blocked => "blocked",
                Disposition::Masked => "masked",
                Disposition::Detected => "detected",
            }
            .to_owned(),
        }
    }
}

/// One value that rules could look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceValue {
    /// Collection and, where it has them, name, as in `query_values:id`.
    pub target: String,
    /// Whether its bytes are kept back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub masked: bool,
    /// How many rules look at it.
    pub rules: usize,
    /// Its distinct copies: as it came first, then after each transformation that changed it.
    pub steps: Vec<TraceStep>,
    /// Copies beyond those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub steps_beyond: usize,
}

impl TraceValue {
    /// Whether this is where a rule matched.
    pub(crate) fn shows(&self, found: &RuleMatch) -> bool {
        let mut matched = self.steps.iter().flat_map(|step| &step.matched);
        self.target == found.target && matched.any(|shown| shown.rule == found.rule.0)
    }
}

/// One copy of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// The transformations that made it, those left out that changed nothing.
    pub after: Vec<String>,
    /// Its first bytes; absent when they are masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Shown>,
    /// Bytes of the whole copy; absent when it is masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// How many rules look at this copy.
    pub rules: usize,
    /// How many of them the literals in it made candidates.
    pub candidates: usize,
    /// Those whose operator was asked, for everything held that a match needs.
    pub asked: Vec<u32>,
    /// Rules beyond those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub asked_beyond: usize,
    /// Those whose first condition matched.
    pub matched: Vec<TraceFound>,
    /// Rules beyond those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub matched_beyond: usize,
}

/// Where a rule's first condition matched a copy of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceFound {
    /// Rule id.
    pub rule: u32,
    /// What the rule stops.
    pub message: String,
    /// First byte and end of the match within the copy; absent when the value is masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<[usize; 2]>,
    /// The first bytes of the match; absent when the value is masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<Shown>,
}

/// Bytes of a request, shown as text: see [`crate::printable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(pub Vec<u8>);

impl Shown {
    /// The beginning of some bytes.
    pub(crate) fn beginning(bytes: &[u8], limit: usize) -> Self {
        Self(bytes.get(..limit).unwrap_or(bytes).to_vec())
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&printable(&self.0))
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&printable(&self.0))
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_printable(&text)
            .map(Self)
            .ok_or_else(|| de::Error::custom("expected `\\\\` or `\\xNN` behind a backslash"))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
