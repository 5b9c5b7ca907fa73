//! Why the corpus cannot be read: every reason at once, each with file and case.

use std::path::{Path, PathBuf};

/// One reason why the corpus is not sound.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {reason}", .file.display(), .case.as_ref().map(|id| format!(" [{id}]")).unwrap_or_default())]
pub struct CorpusError {
    /// The file.
    pub file: PathBuf,
    /// The case, where it is about one.
    pub case: Option<String>,
    /// What was expected and what was found.
    pub reason: String,
}

impl CorpusError {
    pub(super) fn of_file(file: &Path, reason: &(impl ToString + ?Sized)) -> Self {
        Self {
            file: file.to_owned(),
            case: None,
            reason: reason.to_string(),
        }
    }

    pub(super) fn of_case(file: &Path, case: &str, reason: &(impl ToString + ?Sized)) -> Self {
        Self {
            file: file.to_owned(),
            case: Some(case.to_owned()),
            reason: reason.to_string(),
        }
    }
}

/// Every reason why the corpus is not sound; never empty.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct CorpusErrors(pub Vec<CorpusError>);
