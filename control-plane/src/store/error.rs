//! Why the store could not do what it was asked for.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why the store could not do what it was asked for. Cheap to clone: one failed commit fails many writers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the file.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// The file could not be opened or made.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system or the database says.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The file was written by a version that stores something else.
    #[error("the store has format {found}, expected {expected}")]
    Format {
        /// What this version writes.
        expected: u64,
        /// What the file says.
        found: u64,
    },
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] Arc<redb::Error>),
    /// A stored record is not what this version writes.
    #[error("record {key} of table {table} cannot be read: {reason}")]
    Corrupt {
        /// Name of the table.
        table: &'static str,
        /// Key of the record.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store's thread ended.
    #[error("the store is closed")]
    Closed,
    /// More work waits than the store takes.
    #[error("the store is overloaded")]
    Overloaded,
}

impl StoreError {
    pub(super) fn open(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Open {
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(super) fn corrupt(table: &'static str, key: &impl ToString, reason: &impl ToString) -> Self {
        Self::Corrupt {
            table,
            key: key.to_string(),
            reason: reason.to_string(),
        }
    }
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self::Database(Arc::new(error.into()))
    }
}
