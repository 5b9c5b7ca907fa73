//! The store: revisions and events in one crash-safe file.

mod error;

pub use error::StoreError;
