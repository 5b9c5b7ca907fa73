//! A compiled policy: immutable, shared by every transaction.

/// A compiled policy: immutable, shared by every transaction.
#[derive(Debug)]
pub struct Policy {
    revision: u64,
}

impl Policy {
    pub(crate) fn new(revision: u64) -> Self {
        Self { revision }
    }

    /// Revision number of the configuration that it was compiled from.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}
