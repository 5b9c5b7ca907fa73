//! Takes typed values out of a settings tree and collects every error, unknown keys among them.

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf};

use super::{
    document::{Node, Table, Value},
    error::{Origin, SettingsError},
};

/// Reads one section, key by key; whatever is left at the end is unknown.
pub(super) struct Section<'a> {
    table: Table,
    path: String,
    known: Vec<&'static str>,
    file: Option<&'a PathBuf>,
    errors: &'a mut Vec<SettingsError>,
}

impl<'a> Section<'a> {
    pub(super) fn root(table: Table, file: Option<&'a PathBuf>, errors: &'a mut Vec<SettingsError>) -> Self {
        Self {
            table,
            path: String::new(),
            known: Vec::new(),
            file,
            errors,
        }
    }

    /// Opens a section within this one.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'_> {
        let path = self.child(key);
        let table = match self.remove(key) {
            None => Table::new(),
            Some(Node {
                value: Value::Table(table),
                ..
            }) => table,
            Some(Node { value, origin }) => {
                self.error(
                    Some(&origin),
                    &path,
                    format!("expected a section, found {}", value.kind()),
                );
                Table::new()
            }
        };
        Section {
            table,
            path,
            known: Vec::new(),
            file: self.file,
            errors: self.errors,
        }
    }

    /// Reads a value; a wrong one is reported and leaves the default.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        slot: &mut T,
        parse: impl Fn(&Value) -> Result<T, String>,
    ) {
        let Some(node) = self.remove(key) else { return };
        match parse(&node.value) {
            Ok(value) => *slot = value,
            Err(reason) => {
                let path = self.child(key);
                self.error(Some(&node.origin), &path, reason);
            }
        }
    }

    /// Reports an error about a key.
    pub(super) fn reject(&mut self, key: &'static str, origin: Option<&Origin>, reason: String) {
        let path = self.child(key);
        self.error(origin, &path, reason);
    }

    /// Where a key's value comes from.
    pub(super) fn origin(&self, key: &str) -> Option<Origin> {
        self.table.get(key).map(|node| node.origin.clone())
    }

    /// Reports every key that was not read.
    pub(super) fn finish(mut self) {
        for (key, node) in std::mem::take(&mut self.table) {
            let path = self.child(&key);
            let known = self.known.join(", ");
            self.error(
                Some(&node.origin),
                &path,
                format!("unknown key; expected one of {known}"),
            );
        }
    }

    fn remove(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn child(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn error(&mut self, origin: Option<&Origin>, path: &str, reason: String) {
        self.errors
            .push(SettingsError::new(self.file, origin, path, reason));
    }
}

pub(super) fn string(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) | Value::Raw(text) if text.is_empty() => {
            Err("expected a string, found an empty one".to_owned())
        }
        Value::String(text) | Value::Raw(text) => Ok(text.clone()),
        other => Err(format!("expected a string, found {}", other.kind())),
    }
}

pub(super) fn boolean(value: &Value) -> Result<bool, String> {
    match value {
        Value::Boolean(boolean) => Ok(*boolean),
        Value::Raw(text) => text
            .parse()
            .map_err(|_| format!("expected true or false, found {text:?}")),
        other => Err(format!("expected true or false, found {}", other.kind())),
    }
}

/// A whole number from `min` to `max`.
pub(super) fn integer(min: u64, max: u64) -> impl Fn(&Value) -> Result<u64, String> {
    move |value| {
        let found = match value {
            Value::Integer(number) => *number,
            Value::Raw(text) => text
                .parse()
                .map_err(|_| format!("expected an integer, found {text:?}"))?,
            other => return Err(format!("expected an integer, found {}", other.kind())),
        };
        u64::try_from(found)
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| format!("must be {min} to {max}, found {found}"))
    }
}

/// As [`integer`], for what is counted in memory.
pub(super) fn size(min: u64, max: u64) -> impl Fn(&Value) -> Result<usize, String> {
    let parse = integer(min, max);
    move |value| parse(value).and_then(|number| usize::try_from(number).map_err(|error| error.to_string()))
}

/// As [`integer`], for a smaller type.
pub(super) fn number<T>(range: &RangeInclusive<T>) -> impl Fn(&Value) -> Result<T, String> + use<T>
where
    T: Copy + Into<u64> + TryFrom<u64, Error: ToString>,
{
    let parse = integer((*range.start()).into(), (*range.end()).into());
    move |value| parse(value).and_then(|number| T::try_from(number).map_err(|error| error.to_string()))
}

pub(super) fn path(value: &Value) -> Result<PathBuf, String> {
    string(value).map(PathBuf::from)
}

pub(super) fn address(value: &Value) -> Result<SocketAddr, String> {
    let text = string(value)?;
    text.parse()
        .map_err(|_| format!("expected an address and a port such as 127.0.0.1:9999, found {text:?}"))
}

/// A list of what `item` takes; an environment variable separates the items by commas.
pub(super) fn list<T>(
    item: impl Fn(&Value) -> Result<T, String>,
) -> impl Fn(&Value) -> Result<Vec<T>, String> {
    move |value| match value {
        Value::List(nodes) => nodes
            .iter()
            .enumerate()
            .map(|(index, node)| item(&node.value).map_err(|reason| format!("item {index}: {reason}")))
            .collect(),
        Value::Raw(text) if text.trim().is_empty() => Ok(Vec::new()),
        Value::Raw(text) => text
            .split(',')
            .map(|part| item(&Value::Raw(part.trim().to_owned())))
            .collect(),
        other => Err(format!("expected a list, found {}", other.kind())),
    }
}

/// One of a closed set of words.
pub(super) fn one_of<T: Copy>(words: &[(&'static str, T)]) -> impl Fn(&Value) -> Result<T, String> {
    move |value| {
        let text = string(value)?;
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, member)| *member)
            .ok_or_else(|| {
                let words = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
                format!("expected one of {words}, found {text:?}")
            })
    }
}
