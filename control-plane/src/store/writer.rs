//! The only thread that writes. What waits is committed together, so that one disk flush serves many reports.

use std::sync::{Arc, Mutex, PoisonError};

use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Retention, StoreError,
    event::Batch,
    revisions::{self, OwnerState},
    tables::{NEWEST_EVENT, NUMBERS},
};
use crate::revision::Revision;

/// Jobs that may wait; a further one is refused with [`StoreError::Overloaded`] and its sender tries again.
const QUEUE: usize = 1_024;
/// Jobs of one commit.
const PER_COMMIT: usize = 256;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Something to write, and where its answer goes.
pub(super) enum Job {
    Save {
        revision: Option<Arc<Revision>>,
        owner: OwnerState,
        reply: Reply<()>,
    },
    Append {
        batch: Batch,
        reply: Reply<u64>,
    },
}

enum Message {
    Write(Job),
    /// The last message.
    Close(oneshot::Sender<()>),
}

/// Hands jobs to the writing thread, which ends with the last clone.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    messages: mpsc::Sender<Message>,
    newest_event: watch::Receiver<u64>,
    failure: Arc<Mutex<Option<StoreError>>>,
}

impl Writer {
    pub(super) fn start(database: Arc<Database>, retention: Retention) -> Result<Self, StoreError> {
        let (messages, waiting) = mpsc::channel(QUEUE);
        let newest = database.begin_read()?.open_table(NUMBERS)?.get(NEWEST_EVENT)?;
        let (publish, newest_event) = watch::channel(newest.map_or(0, |found| found.value()));
        let failure = Arc::new(Mutex::new(None));
        let thread = Thread {
            database,
            retention,
            newest_event: publish,
            failure: Arc::clone(&failure),
        };
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || thread.run(waiting))
            .map_err(|error| StoreError::from(redb::Error::Io(error)))?;
        Ok(Self {
            messages,
            newest_event,
            failure,
        })
    }

    /// Sends a job and waits until it is durable.
    pub(super) async fn run<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.messages
            .try_send(Message::Write(job(reply)))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
            })?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        // A thread that is gone already is closed as well.
        if self.messages.send(Message::Close(reply)).await.is_ok() {
            drop(closed.await);
        }
    }

    pub(super) fn newest_event(&self) -> watch::Receiver<u64> {
        self.newest_event.clone()
    }

    pub(super) fn failure(&self) -> Option<StoreError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

struct Thread {
    database: Arc<Database>,
    retention: Retention,
    newest_event: watch::Sender<u64>,
    failure: Arc<Mutex<Option<StoreError>>>,
}

impl Thread {
    fn run(self, mut waiting: mpsc::Receiver<Message>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut jobs = Vec::new();
            let mut closed = None;
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Close(reply) => closed = Some(reply),
                    Message::Write(job) => jobs.push(job),
                }
                let is_full = jobs.len() >= PER_COMMIT || closed.is_some();
                next = if is_full { None } else { waiting.try_recv().ok() };
            }
            if !jobs.is_empty() {
                self.commit(jobs);
            }
            if let Some(reply) = closed {
                drop(self);
                let _ = reply.send(());
                return;
            }
        }
    }

    fn commit(&self, jobs: Vec<Job>) {
        let result = self.write(&jobs);
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = result.as_ref().err().cloned();
        match result {
            Ok((results, newest)) => {
                self.newest_event
                    .send_if_modified(|old| std::mem::replace(old, newest) != newest);
                for (job, acknowledged) in jobs.into_iter().zip(results) {
                    // Whoever gave up waiting needs no answer.
                    match job {
                        Job::Save { reply, .. } => drop(reply.send(Ok(()))),
                        Job::Append { reply, .. } => drop(reply.send(Ok(acknowledged))),
                    }
                }
            }
            Err(error) => {
                tracing::error!(error = %crate::chain(&error), jobs = jobs.len(), "commit failed");
                for job in jobs {
                    match job {
                        Job::Save { reply, .. } => drop(reply.send(Err(error.clone()))),
                        Job::Append { reply, .. } => drop(reply.send(Err(error.clone()))),
                    }
                }
            }
        }
    }

    /// Writes jobs in one transaction; a failed one is rolled back when it is dropped.
    fn write(&self, jobs: &[Job]) -> Result<(Vec<u64>, u64), StoreError> {
        let transaction = self.database.begin_write()?;
        let mut results = Vec::with_capacity(jobs.len());
        for job in jobs {
            results.push(self.apply(&transaction, job)?);
        }
        let newest = transaction
            .open_table(NUMBERS)?
            .get(NEWEST_EVENT)?
            .map_or(0, |found| found.value());
        transaction.commit()?;
        Ok((results, newest))
    }

    fn apply(&self, transaction: &WriteTransaction, job: &Job) -> Result<u64, StoreError> {
        match job {
            Job::Save { revision, owner, .. } => {
                revisions::save(transaction, revision.as_deref(), *owner, self.retention.revisions)?;
                Ok(0)
            }
            Job::Append { batch, .. } => batch.append(transaction, self.retention.events),
        }
    }
}
