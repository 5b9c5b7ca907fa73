//! How request bodies are held and inspected.

use serde::{Deserialize, Serialize};

/// How request bodies are held and inspected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BodyPolicy {
    /// Whether bodies are inspected at all. Default true.
    pub inspect: bool,
    /// Bytes of a body that are held and inspected, 1 to 16 MiB. Default 128 KiB. Envoy's own buffer limit must be larger.
    pub limit: usize,
    /// What happens with a body that is longer than `limit`.
    pub over_limit: OverLimit,
}

impl Default for BodyPolicy {
    fn default() -> Self {
        Self {
            inspect: true,
            limit: 128 * 1024,
            over_limit: OverLimit::default(),
        }
    }
}

/// What happens with a body that is longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverLimit {
    /// The request is refused with 413.
    #[default]
    Reject,
    /// The first `limit` bytes are inspected; the rest passes unseen once they were found clean.
    InspectPrefix,
    /// The body passes unseen.
    Skip,
}
