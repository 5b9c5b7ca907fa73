//! The store: revisions and events in one crash-safe file.
//!
//! ```text
//! save_revision, append ──job──▶ writer thread ──one commit for all that waits──▶ file ──▶ answer
//! revision, events, …   ──────▶ snapshot of the file (never blocked by the writer)
//! ```
//!
//! Nothing is answered before it is durable. The store knows no HTTP and decides nothing about policies.

mod error;
mod event;
mod query;
mod revisions;
mod tables;
mod writer;

use std::{fs, path::Path, sync::Arc};

use redb::{Database, ReadableDatabase};
use secbeat_engine::report::ReportRequest;
use tokio::sync::watch;

use crate::{events::EventSink, revision::Revision};
use writer::{Job, Writer};

pub use error::StoreError;
pub use event::StoredEvent;
pub use query::{EventPage, EventQuery, Order};
pub use revisions::OwnerState;
pub use tables::Counts;

/// How much the store keeps; beyond it the oldest go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events kept.
    pub events: u64,
    /// Revisions kept.
    pub revisions: u64,
}

/// Revisions and events in one crash-safe file. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    database: Arc<Database>,
    writer: Writer,
    path: Arc<Path>,
}

impl Store {
    /// Opens the file, or makes it. Only one process may have it open.
    pub async fn open(path: &Path, retention: Retention) -> Result<Self, StoreError> {
        let owned = path.to_owned();
        let database = blocking(move || open_database(&owned)).await?;
        let database = Arc::new(database);
        let writer = Writer::start(Arc::clone(&database), retention)?;
        Ok(Self {
            database,
            writer,
            path: Arc::from(path),
        })
    }

    /// The store's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a revision and the owner's state beside it durable, both or neither.
    pub async fn save(&self, revision: Option<Arc<Revision>>, owner: OwnerState) -> Result<(), StoreError> {
        self.writer
            .run(|reply| Job::Save {
                revision,
                owner,
                reply,
            })
            .await
    }

    /// The latest revision, and what the owner of state remembers beside it.
    pub async fn latest(&self) -> Result<(Option<Revision>, OwnerState), StoreError> {
        self.read(|transaction| Ok((revisions::latest(transaction)?, revisions::owner(transaction)?)))
            .await
    }

    /// One revision.
    pub async fn revision(&self, number: u64) -> Result<Option<Revision>, StoreError> {
        self.read(move |transaction| revisions::one(transaction, number))
            .await
    }

    /// Up to `limit` revisions below `before`, newest first.
    pub async fn revisions(&self, before: Option<u64>, limit: usize) -> Result<Vec<Revision>, StoreError> {
        self.read(move |transaction| revisions::page(transaction, before, limit))
            .await
    }

    /// One event.
    pub async fn event(&self, id: u64) -> Result<Option<StoredEvent>, StoreError> {
        self.read(move |transaction| query::one(transaction, id)).await
    }

    /// The events that a query asks for.
    pub async fn events(&self, query: EventQuery) -> Result<EventPage, StoreError> {
        self.read(move |transaction| query::page(transaction, &query))
            .await
    }

    /// How much is stored, and how much was pruned.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.read(tables::counts).await
    }

    /// Id of the newest stored event; changes with every commit that stored one.
    pub fn newest_event(&self) -> watch::Receiver<u64> {
        self.writer.newest_event()
    }

    /// Why the last commit failed; `None` when it did not.
    pub fn failure(&self) -> Option<StoreError> {
        self.writer.failure()
    }

    /// Ends the writing thread once what waits is durable; whoever writes later is told that the store is closed.
    pub async fn close(&self) {
        self.writer.close().await;
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&redb::ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        let database = Arc::clone(&self.database);
        blocking(move || work(&database.begin_read()?)).await
    }
}

impl EventSink for Store {
    async fn append(&self, report: &ReportRequest) -> Result<u64, StoreError> {
        let batch = event::Batch::new(report, jiff::Timestamp::now());
        self.writer.run(|reply| Job::Append { batch, reply }).await
    }
}

/// Runs what blocks away from the threads that serve.
async fn blocking<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(StoreError::Closed))
}

fn open_database(path: &Path) -> Result<Database, StoreError> {
    let fail = |source: std::io::Error| StoreError::open(path, source);
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    make_private_dir(dir).map_err(fail)?;
    let database = Database::create(path).map_err(|error| match error {
        redb::DatabaseError::DatabaseAlreadyOpen => StoreError::Locked(path.to_owned()),
        other => StoreError::open(path, other),
    })?;
    tables::prepare(&database)?;
    // A new file is only safe once its folder's entry is.
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(fail)?;
    Ok(database)
}

/// Makes a folder that only its owner can read: events hold what clients sent.
fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;

    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
