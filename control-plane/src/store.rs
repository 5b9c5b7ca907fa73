//! The store: revisions and events in one crash-safe file.
//!
//! ```text
//! save, append ──job──▶ writer thread ──one commit for all that waits──▶ file ──▶ answer
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

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
};

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
    // The database keeps the mode of a file that is there: nobody but its owner shall read what clients sent.
    let new = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    new.map_err(fail)?;
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
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use jiff::Timestamp;
    use secbeat_engine::{
        config::{Mode, PatternConfig},
        packs::PackConfig,
        report::Event,
    };

    use super::*;
    use crate::revision::Content;

    const RETENTION: Retention = Retention {
        events: 10,
        revisions: 3,
    };

    fn revision(number: u64, pack: &str) -> Arc<Revision> {
        let rule = |id| PatternConfig {
            id,
            pattern: format!("word-{id}"),
            ..PatternConfig::default()
        };
        let pack = PackConfig {
            name: pack.to_owned(),
            patterns: vec![rule(7_000_000)],
            ..PackConfig::default()
        };
        let content = Content {
            packs: vec![pack],
            patterns: vec![rule(8_000_000)],
            ..Content::default()
        };
        Arc::new(Revision::new(
            number,
            "api",
            "test",
            Timestamp::UNIX_EPOCH,
            content,
        ))
    }

    fn report(instance: u64, numbers: impl IntoIterator<Item = u64>) -> ReportRequest {
        let events = numbers
            .into_iter()
            .map(|seq| Event {
                seq,
                ..Event::default()
            })
            .collect();
        ReportRequest {
            instance,
            node: "node".to_owned(),
            events,
            ..ReportRequest::default()
        }
    }

    fn all() -> EventQuery {
        EventQuery {
            order: Order::Ascending,
            limit: 1_000,
            ..EventQuery::default()
        }
    }

    async fn packs(store: &Store) -> u64 {
        use redb::ReadableTableMetadata as _;

        store
            .read(|transaction| Ok(transaction.open_table(tables::PACKS)?.len()?))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_was_stored_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/store.redb");
        let owner = OwnerState {
            next_pattern: 8_000_001,
            mode: Some(Mode::Detect),
        };
        let store = Store::open(&path, RETENTION).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(store.latest().await.unwrap(), (None, OwnerState::default()));
        store.save(Some(revision(1, "a")), owner).await.unwrap();
        assert_eq!(store.append(&report(5, 1..=3)).await.unwrap(), 3);
        assert!(
            matches!(Store::open(&path, RETENTION).await, Err(StoreError::Locked(found)) if found == path)
        );
        store.close().await;
        assert!(matches!(store.save(None, owner).await, Err(StoreError::Closed)));
        drop(store);

        let store = Store::open(&path, RETENTION).await.unwrap();
        let (latest, found) = store.latest().await.unwrap();
        assert_eq!(latest.as_ref(), Some(&*revision(1, "a")));
        assert_eq!(found, owner);
        assert_eq!(*store.newest_event().borrow(), 3);
        // What was acknowledged before is dropped, what comes behind it is stored.
        assert_eq!(store.append(&report(5, 2..=4)).await.unwrap(), 4);
        let page = store.events(all()).await.unwrap();
        let found = page
            .events
            .iter()
            .map(|stored| (stored.id, stored.event.as_ref().unwrap().seq));
        assert_eq!(found.collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 3), (4, 4)]);
        assert_eq!(page.next, None);
        assert_eq!(store.event(4).await.unwrap().unwrap().node, "node");
    }

    #[tokio::test]
    async fn the_oldest_go_and_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("s.redb"), RETENTION)
            .await
            .unwrap();
        for number in 1..=5 {
            let pack = if number < 3 { "old" } else { "new" };
            store
                .save(Some(revision(number, pack)), OwnerState::default())
                .await
                .unwrap();
        }
        let kept = store.revisions(None, 10).await.unwrap();
        assert_eq!(kept.iter().map(|one| one.number).collect::<Vec<_>>(), [5, 4, 3]);
        assert_eq!(packs(&store).await, 1);
        store.append(&report(1, 1..=25)).await.unwrap();
        let counts = store.counts().await.unwrap();
        let expected = Counts {
            events: 10,
            events_pruned: 15,
            revisions: 3,
            revisions_pruned: 2,
        };
        assert_eq!(counts, expected);
        assert_eq!(store.events(all()).await.unwrap().events.first().unwrap().id, 16);
    }

    #[tokio::test]
    async fn instances_do_not_disturb_each_other_and_gaps_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("s.redb"), RETENTION)
            .await
            .unwrap();
        assert_eq!(store.append(&report(1, [1, 2])).await.unwrap(), 2);
        // The filter dropped three to five because its buffer was full.
        assert_eq!(store.append(&report(1, [6, 7])).await.unwrap(), 7);
        assert_eq!(store.append(&report(2, [1])).await.unwrap(), 1);
        assert_eq!(store.append(&report(1, [1, 2, 6])).await.unwrap(), 7);
        assert_eq!(store.append(&report(3, [])).await.unwrap(), 0);
        assert_eq!(store.counts().await.unwrap().events, 5);
    }

    #[tokio::test]
    async fn many_reports_at_a_time_are_all_stored_once() {
        let folder = tempfile::tempdir().unwrap();
        let retention = Retention {
            events: 100_000,
            revisions: 1,
        };
        let store = Store::open(&folder.path().join("s.redb"), retention)
            .await
            .unwrap();
        let reports = (0..200)
            .map(|instance| report(instance, 1..=20))
            .collect::<Vec<_>>();
        let acknowledged = futures::future::join_all(reports.iter().map(|report| store.append(report))).await;
        assert!(acknowledged.iter().all(|seq| matches!(seq, Ok(20))));
        assert_eq!(store.counts().await.unwrap().events, 4_000);
        assert_eq!(*store.newest_event().borrow(), 4_000);
    }

    #[tokio::test]
    async fn fields_beyond_their_bounds_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("s.redb"), RETENTION)
            .await
            .unwrap();
        let event = Event {
            seq: 1,
            client: "ö".repeat(1_000),
            path: vec![b'a'; 10_000],
            ..Event::default()
        };
        store
            .append(&ReportRequest {
                events: vec![event],
                ..ReportRequest::default()
            })
            .await
            .unwrap();
        let event = store.event(1).await.unwrap().unwrap().event.unwrap();
        assert_eq!((event.client.len(), event.path.len()), (256, 2_048));
    }

    #[tokio::test]
    async fn a_file_that_is_no_store_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "not a database").unwrap();
        assert!(matches!(
            Store::open(&path, RETENTION).await,
            Err(StoreError::Open { .. })
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a database");
    }
}
