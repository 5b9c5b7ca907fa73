//! What is wrong with settings, where, and why.

use std::{fmt, path::PathBuf};

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A line of the settings file.
    Line(usize),
    /// A variable of the environment.
    Environment(String),
}

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// The file and, where known, the line; or the environment variable. Empty for settings as a whole.
    pub place: String,
    /// The key, as in `waf.body.limit`; empty when the error is about the whole file.
    pub path: String,
    /// What was expected and what was found.
    pub reason: String,
}

impl SettingsError {
    pub(super) fn new(file: Option<&PathBuf>, origin: Option<&Origin>, path: &str, reason: String) -> Self {
        let file = file.map(|file| file.display().to_string()).unwrap_or_default();
        let place = match origin {
            Some(Origin::Line(line)) => format!("{file}:{line}"),
            Some(Origin::Environment(name)) => name.clone(),
            None => file,
        };
        Self {
            place,
            path: path.to_owned(),
            reason,
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.place, &self.path] {
            if !part.is_empty() {
                write!(out, "{part}: ")?;
            }
        }
        out.write_str(&self.reason)
    }
}

/// Everything that is wrong with the settings; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SettingsErrors(pub Vec<SettingsError>);
