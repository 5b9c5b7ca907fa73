//! How responses are held and inspected.

use serde::{Deserialize, Serialize};

/// How responses are held and inspected. It matters only where a rule looks at responses: without one, no response is
/// held, copied or looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponsePolicy {
    /// Whether bodies are inspected; status and headers always are. Default true.
    pub inspect: bool,
    /// Bytes of a body that are held and inspected, 1 to 16 MiB. Default 512 KiB. Envoy's own buffer limit must be larger.
    pub limit: usize,
    /// What happens with a body that is longer than `limit`.
    pub over_limit: ResponseOverLimit,
    /// Content types of the bodies that are inspected, without parameters, at most [`ResponsePolicy::TYPES`]. A response
    /// that states no type counts as `text/plain`. Default [`ResponsePolicy::DEFAULT_TYPES`].
    pub content_types: Vec<String>,
}

impl ResponsePolicy {
    /// Entries of [`ResponsePolicy::content_types`].
    pub const TYPES: usize = 64;
    /// What is inspected when nothing else is said: where pages, errors and data for programs are.
    pub const DEFAULT_TYPES: &[&str] = &[
        "text/html",
        "text/plain",
        "text/xml",
        "application/json",
        "application/problem+json",
        "application/xhtml+xml",
        "application/xml",
    ];
}

impl Default for ResponsePolicy {
    fn default() -> Self {
        Self {
            inspect: true,
            limit: 512 * 1024,
            over_limit: ResponseOverLimit::default(),
            content_types: Self::DEFAULT_TYPES.iter().map(|&kind| kind.to_owned()).collect(),
        }
    }
}

/// What happens with a response body that is longer than the limit. There is no way to refuse it: a long page is no
/// attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseOverLimit {
    /// The first `limit` bytes are inspected; the rest passes unseen once they were found clean.
    #[default]
    InspectPrefix,
    /// The body passes unseen.
    Skip,
}
