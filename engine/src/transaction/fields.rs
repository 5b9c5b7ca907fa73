//! Everything of a transaction that rules can look at, in one piece of memory.

use crate::{parse::ParseError, rule::Collection, words};

/// Values with their names, in the order of the wire.
#[derive(Debug, Default)]
pub(super) struct Fields {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    changes: u64,
}

/// A part of the memory of [`Fields`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Part {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    collection: Collection,
    name: Part,
    value: Part,
}

/// One value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) collection: Collection,
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

/// A point to which [`Fields::truncate`] goes back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    bytes: usize,
    entries: usize,
}

impl Mark {
    /// Number of the first field behind the mark.
    pub(super) const fn first_field(self) -> u32 {
        self.entries as u32
    }
}

impl Part {
    /// From the beginning of one part to the end of another.
    pub(super) fn between(first: Self, last: Self) -> Self {
        Self {
            start: first.start,
            end: last.end.max(first.start),
        }
    }

    /// The part from `from` to `to`, both counted from its beginning, as far as it reaches.
    pub(super) fn cut(self, from: usize, to: usize) -> Self {
        let at = |offset: usize| self.start.saturating_add(offset as u32).min(self.end);
        Self {
            start: at(from),
            end: at(to).max(at(from)),
        }
    }

    pub(super) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

impl Fields {
    /// Makes room for so many bytes and fields more, so that adding them moves none.
    pub(super) fn reserve(&mut self, bytes: usize, entries: usize) {
        self.bytes.reserve(bytes);
        self.entries.reserve(entries);
    }

    /// Keeps bytes that no rule can look at by themselves.
    pub(super) fn store(&mut self, bytes: &[u8]) -> Part {
        let start = self.bytes.len() as u32;
        words::append(&mut self.bytes, bytes);
        Part {
            start,
            end: self.bytes.len() as u32,
        }
    }

    /// How often fields were added or taken away.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    pub(super) fn push(&mut self, collection: Collection, name: Part, value: Part) {
        self.changes += 1;
        self.entries.push(Entry {
            collection,
            name,
            value,
        });
    }

    /// Adds a value without a name.
    pub(super) fn add(&mut self, collection: Collection, value: &[u8]) {
        let value = self.store(value);
        self.push(collection, Part::default(), value);
    }

    /// Adds a value with a name.
    pub(super) fn add_named(&mut self, collection: Collection, name: &[u8], value: &[u8]) {
        let (name, value) = (self.store(name), self.store(value));
        self.push(collection, name, value);
    }

    /// Adds what a parser complained about.
    pub(super) fn add_error(&mut self, source: &str, error: ParseError) {
        let (name, value) = (
            self.store(source.as_bytes()),
            self.store(error.as_str().as_bytes()),
        );
        self.push(Collection::ParseErrors, name, value);
    }

    pub(super) fn slice(&self, part: Part) -> &[u8] {
        self.bytes
            .get(part.start as usize..part.end as usize)
            .unwrap_or_default()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes.len(),
            entries: self.entries.len(),
        }
    }

    /// Forgets everything that came after a mark.
    pub(super) fn truncate(&mut self, mark: Mark) {
        self.changes += 1;
        self.bytes.truncate(mark.bytes);
        self.entries.truncate(mark.entries);
    }

    pub(super) fn field(&self, index: u32) -> Option<Field<'_>> {
        self.entries.get(index as usize).map(|entry| self.view(entry))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.entries.iter().map(|entry| self.view(entry))
    }

    fn view(&self, entry: &Entry) -> Field<'_> {
        Field {
            collection: entry.collection,
            name: self.slice(entry.name),
            value: self.slice(entry.value),
        }
    }
}
