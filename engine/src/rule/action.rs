//! What a rule is about, and what a match of it leads to.

use std::sync::Arc;

use crate::config::{Category, Severity};

/// What a rule is about.
#[derive(Debug, Clone)]
pub struct Meta {
    /// What the rule stops, in a few words.
    pub message: Arc<str>,
    /// Class of attack.
    pub category: Category,
    /// How much a match matters.
    pub severity: Severity,
    /// Free labels.
    pub tags: Vec<Arc<str>>,
    /// Paranoia level of the rule, 1 to 4.
    pub paranoia: u8,
    /// What the first match in a transaction adds to the anomaly score; 0 for a rule that keeps none, or keeps its
    /// own in transaction variables.
    pub score: u32,
}

/// What a match of a rule leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The request is refused with this status.
    Deny {
        /// HTTP status of the answer, 400 to 599.
        status: u16,
    },
    /// Every match of the first link is overwritten in the response, byte by byte, and evaluation goes on. For links
    /// without transformations that look at response headers or the response body.
    Mask,
    /// Evaluation goes on.
    Pass,
    /// The transaction is let go: no later rule of any phase but logging is evaluated.
    Allow,
    /// No later rule of the same phase is evaluated.
    AllowPhase,
    /// No later rule of the request phases is evaluated.
    AllowRequest,
}
