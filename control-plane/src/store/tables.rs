//! The tables of the file.

use redb::{
    Database, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction,
};

use super::StoreError;

/// Revision number → revision as JSON, its packs by hash.
pub(super) const REVISIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("revisions");
/// SHA-256 of a pack → pack as JSON. Revisions share packs; a pack goes with the last revision that names it.
pub(super) const PACKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("packs");
/// Event id → event as protobuf.
pub(super) const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");
/// Filter instance → highest stored sequence number, and when it was last raised (nanoseconds since 1970).
pub(super) const INSTANCES: TableDefinition<'_, u64, (u64, u64)> = TableDefinition::new("instances");
/// Counters and the format of the file.
pub(super) const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
/// Small documents as JSON.
pub(super) const DOCUMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("documents");

const FORMAT: &str = "format";
const FORMAT_VERSION: u64 = 1;
/// Id of the newest event ever stored.
pub(super) const NEWEST_EVENT: &str = "newest_event";
/// Events that went because newer ones came.
pub(super) const EVENTS_PRUNED: &str = "events_pruned";
/// Revisions that went because newer ones came.
pub(super) const REVISIONS_PRUNED: &str = "revisions_pruned";

/// How much is stored, and how much was pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Events in the store.
    pub events: u64,
    /// Events that went because newer ones came.
    pub events_pruned: u64,
    /// Revisions in the store.
    pub revisions: u64,
    /// Revisions that went because newer ones came.
    pub revisions_pruned: u64,
}

/// Makes every table, so that readers find them, and checks that the file is ours.
pub(super) fn prepare(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    {
        transaction.open_table(REVISIONS)?;
        transaction.open_table(PACKS)?;
        transaction.open_table(EVENTS)?;
        transaction.open_table(INSTANCES)?;
        transaction.open_table(DOCUMENTS)?;
        let mut numbers = transaction.open_table(NUMBERS)?;
        let found = numbers.get(FORMAT)?.map(|found| found.value());
        match found {
            None => {
                numbers.insert(FORMAT, FORMAT_VERSION)?;
            }
            Some(FORMAT_VERSION) => {}
            Some(found) => {
                return Err(StoreError::Format {
                    expected: FORMAT_VERSION,
                    found,
                });
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

pub(super) fn counts(transaction: &ReadTransaction) -> Result<Counts, StoreError> {
    let numbers = transaction.open_table(NUMBERS)?;
    let number =
        |name| -> Result<u64, StoreError> { Ok(numbers.get(name)?.map_or(0, |found| found.value())) };
    Ok(Counts {
        events: transaction.open_table(EVENTS)?.len()?,
        events_pruned: number(EVENTS_PRUNED)?,
        revisions: transaction.open_table(REVISIONS)?.len()?,
        revisions_pruned: number(REVISIONS_PRUNED)?,
    })
}

/// Adds to a counter.
pub(super) fn count(transaction: &WriteTransaction, name: &str, more: u64) -> Result<(), StoreError> {
    if more > 0 {
        let mut numbers = transaction.open_table(NUMBERS)?;
        let old = numbers.get(name)?.map_or(0, |found| found.value());
        numbers.insert(name, old.saturating_add(more))?;
    }
    Ok(())
}

/// Removes the oldest records until `keep` are left, and returns how many went.
pub(super) fn prune(table: &mut redb::Table<'_, u64, &'static [u8]>, keep: u64) -> Result<u64, StoreError> {
    let excess = table.len()?.saturating_sub(keep);
    for _ in 0..excess {
        table.pop_first()?;
    }
    Ok(excess)
}
