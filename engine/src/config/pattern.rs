//! SecBeat's own front end: what is asked of named targets.

use serde::{Deserialize, Serialize};

use super::{Category, Severity};

/// What is asked of named targets, as the REST API, the rule packs and files write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PatternConfig {
    /// Rule id, unique within the policy, 1 to 4,294,967,295. Packs use 7,000,000 to 7,999,999, the API 8,000,000 upward.
    pub id: u32,
    /// What the pattern stops, in a few words, at most 200 bytes.
    pub name: String,
    /// What is asked of a value. Default `rx`.
    pub operator: PatternOperator,
    /// What the operator compares with, 1 to 4,096 bytes. Of `rx` and `verify_cc`: a regular expression in the syntax of
    /// the `regex` crate without Unicode, over bytes, ignoring ASCII case; `.` is any byte, line ends among them; it must
    /// not match the empty string. Of `pm`: words. Of `detect_sqli` and `detect_xss`: a regular
    /// expression that the value has to match too, or nothing.
    pub pattern: String,
    /// Regular expression as in [`PatternConfig::pattern`]: a value that it matches, too, does not count. Empty: none.
    pub unless: String,
    /// Class of attack.
    pub category: Category,
    /// Where to look, for instance `query_values`, `headers:user-agent`, `!headers:referer`. Empty, or exclusions
    /// only: [`PatternConfig::DEFAULT_TARGETS`]. A bare `headers` leaves out `cookie`, which `cookies` takes apart.
    pub targets: Vec<String>,
    /// Transformations before matching, in order. Empty: [`PatternConfig::DEFAULT_TRANSFORMATIONS`] for what clients send,
    /// none for responses; `["none"]`: none.
    pub transformations: Vec<String>,
    /// How much a match matters.
    pub severity: Severity,
    /// What a match leads to.
    pub action: PatternAction,
    /// Paranoia level, 1 to 4: the higher, the more honest requests the pattern may match. Default 1. See
    /// [`super::Scoring::paranoia_level`].
    pub paranoia: u8,
    /// What a match adds to the anomaly score, 1 to 100. Absent: [`Severity::score`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<u32>,
    /// Whether the pattern is in force. Default true.
    pub enabled: bool,
    /// Free labels, for instance `cwe-89`; at most 16 of at most 64 bytes.
    pub tags: Vec<String>,
}

impl Default for PatternConfig {
    fn default() -> Self {
        Self {
            id: 0,
            name: String::new(),
            operator: PatternOperator::default(),
            pattern: String::new(),
            unless: String::new(),
            category: Category::default(),
            targets: Vec::new(),
            transformations: Vec::new(),
            severity: Severity::default(),
            action: PatternAction::default(),
            paranoia: 1,
            score: None,
            enabled: true,
            tags: Vec::new(),
        }
    }
}

impl PatternConfig {
    /// Where a pattern looks that names no target.
    pub const DEFAULT_TARGETS: &[&str] = &[
        "path",
        "query_names",
        "query_values",
        "headers",
        "cookies",
        "body_names",
        "body_values",
        "body",
        "file_names",
    ];
    /// What is undone before matching when a pattern names no transformation.
    pub const DEFAULT_TRANSFORMATIONS: &[&str] = &["url_decode_uni", "html_entity_decode", "remove_nulls"];
}

/// What a pattern asks of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatternOperator {
    /// The regular expression matches somewhere in it.
    #[default]
    Rx,
    /// One of the words, which are separated by blanks or line ends, occurs in it, regardless of ASCII case.
    Pm,
    /// The text occurs in it, byte by byte.
    Contains,
    /// It begins with the text.
    BeginsWith,
    /// It ends with the text.
    EndsWith,
    /// It is the text.
    Equals,
    /// The regular expression matches in it the number of a payment card whose check digit is right.
    VerifyCc,
    /// It changes the SQL statement into which an application puts it.
    DetectSqli,
    /// It runs scripts in the page into which an application puts it.
    DetectXss,
}

impl PatternOperator {
    /// The name in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rx => "rx",
            Self::Pm => "pm",
            Self::Contains => "contains",
            Self::BeginsWith => "begins_with",
            Self::EndsWith => "ends_with",
            Self::Equals => "equals",
            Self::VerifyCc => "verify_cc",
            Self::DetectSqli => "detect_sqli",
            Self::DetectXss => "detect_xss",
        }
    }
}

/// What a match leads to, as long as the policy's mode allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatternAction {
    /// The transaction is refused at once, whatever its score.
    #[default]
    Block,
    /// The match adds to the anomaly score, and evaluation goes on. At the end of the phase the transaction is refused
    /// if its score has reached the threshold (see [`super::Scoring`]).
    Score,
    /// The match is reported, and adds nothing to the score.
    Detect,
    /// Every match is overwritten with `*`, byte by byte; for `response_headers` and `response_body` without
    /// transformations only.
    Mask,
}
