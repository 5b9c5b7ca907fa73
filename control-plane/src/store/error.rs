//! Why the store could not do what it was asked for.

use std::path::PathBuf;

/// Why the store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
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
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] Box<redb::Error>),
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

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}
