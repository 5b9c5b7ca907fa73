//! Lends working memory to whoever scans under a policy.

use std::sync::{Mutex, PoisonError};

use super::{Gates, Scratch};

/// Working memory that transactions of one policy take turns with: making it anew costs more than a small request.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    #[expect(
        clippy::vec_box,
        reason = "each goes out and in again for every phase of a request"
    )]
    idle: Mutex<Vec<Box<Scratch>>>,
}

impl Workspace {
    /// Scratches kept for later; as many threads as scan at the same time most of the time.
    const IDLE: usize = 8;

    /// Calls `scan` with a scratch that nobody else uses.
    pub(crate) fn with<R>(&self, gates: &Gates, scan: impl FnOnce(&mut Scratch) -> R) -> R {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let mut scratch = taken.unwrap_or_else(|| Box::new(Scratch::new(gates)));
        let result = scan(&mut scratch);
        let mut idle = idle();
        if idle.len() < Self::IDLE {
            idle.push(scratch);
        }
        result
    }
}
