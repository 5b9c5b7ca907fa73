//! Revisions on disk. Packs are large and rarely change, so that revisions name them by hash.

use std::collections::BTreeSet;

use jiff::Timestamp;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use secbeat_engine::{
    config::{BodyPolicy, Limits, MaskConfig, Mode, PatternConfig, ResponsePolicy, Scoring},
    packs::PackConfig,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    StoreError,
    tables::{DOCUMENTS, PACKS, REVISIONS, REVISIONS_PRUNED, count, prune},
};
use crate::revision::{Content, Revision, hex};

const OWNER: &str = "owner";

/// What the owner of state remembers beside the revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnerState {
    /// The id that the next pattern gets; 0 before the first.
    pub next_pattern: u32,
    /// The mode that the API set; `None` while the settings' mode holds.
    pub mode: Option<Mode>,
}

/// A revision as it lies on disk.
#[derive(Serialize, Deserialize)]
struct Record {
    number: u64,
    hash: String,
    author: String,
    reason: String,
    created: Timestamp,
    mode: Mode,
    body: BodyPolicy,
    #[serde(default)]
    response: ResponsePolicy,
    limits: Limits,
    /// Absent in what an earlier version stored.
    #[serde(default)]
    mask: MaskConfig,
    /// Absent in what an earlier version stored.
    #[serde(default)]
    scoring: Scoring,
    packs: Vec<String>,
    patterns: Vec<PatternConfig>,
}

pub(super) fn save(
    transaction: &WriteTransaction,
    revision: Option<&Revision>,
    owner: OwnerState,
    keep: u64,
) -> Result<(), StoreError> {
    let encoded = encode(OWNER, &owner)?;
    transaction
        .open_table(DOCUMENTS)?
        .insert(OWNER, encoded.as_slice())?;
    let Some(revision) = revision else { return Ok(()) };
    let mut packs = transaction.open_table(PACKS)?;
    let mut names = Vec::new();
    for pack in &revision.content.packs {
        let encoded = encode("packs", pack)?;
        let hash = hex(&Sha256::digest(&encoded));
        if packs.get(hash.as_str())?.is_none() {
            packs.insert(hash.as_str(), encoded.as_slice())?;
        }
        names.push(hash);
    }
    let mut revisions = transaction.open_table(REVISIONS)?;
    let record = encode("revisions", &record(revision, names))?;
    revisions.insert(revision.number, record.as_slice())?;
    let pruned = prune(&mut revisions, keep)?;
    if pruned > 0 {
        drop_unused(&mut packs, &revisions)?;
    }
    count(transaction, REVISIONS_PRUNED, pruned)
}

pub(super) fn owner(transaction: &ReadTransaction) -> Result<OwnerState, StoreError> {
    match transaction.open_table(DOCUMENTS)?.get(OWNER)? {
        Some(found) => decode("documents", &OWNER, found.value()),
        None => Ok(OwnerState::default()),
    }
}

pub(super) fn latest(transaction: &ReadTransaction) -> Result<Option<Revision>, StoreError> {
    let last = transaction
        .open_table(REVISIONS)?
        .last()?
        .map(|(number, _)| number.value());
    last.map_or(Ok(None), |number| one(transaction, number))
}

pub(super) fn one(transaction: &ReadTransaction, number: u64) -> Result<Option<Revision>, StoreError> {
    let revisions = transaction.open_table(REVISIONS)?;
    let Some(found) = revisions.get(number)? else {
        return Ok(None);
    };
    restore(transaction, decode("revisions", &number, found.value())?).map(Some)
}

pub(super) fn page(
    transaction: &ReadTransaction,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Revision>, StoreError> {
    let revisions = transaction.open_table(REVISIONS)?;
    let mut page = Vec::new();
    for entry in revisions.range(..before.unwrap_or(u64::MAX))?.rev().take(limit) {
        let (number, found) = entry?;
        page.push(restore(
            transaction,
            decode("revisions", &number.value(), found.value())?,
        )?);
    }
    Ok(page)
}

fn record(revision: &Revision, packs: Vec<String>) -> Record {
    let content = &revision.content;
    Record {
        number: revision.number,
        hash: revision.hash.clone(),
        author: revision.author.clone(),
        reason: revision.reason.clone(),
        created: revision.created,
        mode: content.mode,
        body: content.body.clone(),
        response: content.response.clone(),
        limits: content.limits.clone(),
        mask: content.mask.clone(),
        scoring: content.scoring.clone(),
        packs,
        patterns: content.patterns.clone(),
    }
}

fn restore(transaction: &ReadTransaction, record: Record) -> Result<Revision, StoreError> {
    let table = transaction.open_table(PACKS)?;
    let mut packs = Vec::new();
    for hash in &record.packs {
        let found = table.get(hash.as_str())?;
        let found = found.ok_or_else(|| StoreError::corrupt("packs", hash, &"missing"))?;
        packs.push(decode::<PackConfig>("packs", hash, found.value())?);
    }
    Ok(Revision {
        number: record.number,
        hash: record.hash,
        author: record.author,
        reason: record.reason,
        created: record.created,
        content: Content {
            mode: record.mode,
            body: record.body,
            response: record.response,
            limits: record.limits,
            mask: record.mask,
            scoring: record.scoring,
            packs,
            patterns: record.patterns,
        },
    })
}

fn drop_unused(
    packs: &mut redb::Table<'_, &'static str, &'static [u8]>,
    revisions: &impl ReadableTable<u64, &'static [u8]>,
) -> Result<(), StoreError> {
    #[derive(Deserialize)]
    struct Packs {
        packs: Vec<String>,
    }

    let mut used = BTreeSet::new();
    for entry in revisions.iter()? {
        let (number, found) = entry?;
        used.extend(decode::<Packs>("revisions", &number.value(), found.value())?.packs);
    }
    packs.retain(|hash, _| used.contains(hash))?;
    Ok(())
}

fn encode<T: Serialize>(table: &'static str, value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::corrupt(table, &"new", &error))
}

fn decode<T: DeserializeOwned>(
    table: &'static str,
    key: &impl ToString,
    bytes: &[u8],
) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::corrupt(table, key, &error))
}
