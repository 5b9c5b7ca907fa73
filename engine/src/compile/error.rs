//! Reasons why a configuration is no policy.

use std::fmt::Display;

/// One reason why a configuration is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct CompileError {
    /// Where, as in `patterns[3].pattern`.
    pub path: String,
    /// What was expected and what was found.
    pub reason: String,
}

/// Every reason why a configuration is no policy; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct CompileErrors(pub Vec<CompileError>);

impl CompileErrors {
    /// Errors kept of one configuration; a configuration with more is hopeless anyway.
    pub const LIMIT: usize = 1_000;
}

/// Errors as they are found.
#[derive(Debug, Default)]
pub(super) struct Errors(Vec<CompileError>);

impl Errors {
    pub(super) fn add(&mut self, path: impl Display, reason: impl Display) {
        if !self.is_full() {
            self.0.push(CompileError {
                path: path.to_string(),
                reason: reason.to_string(),
            });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= CompileErrors::LIMIT
    }

    pub(super) fn into_errors(self) -> CompileErrors {
        CompileErrors(self.0)
    }
}
