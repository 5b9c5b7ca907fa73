//! Settings as a tree whose every value knows where it came from. Nothing here knows a key.

use std::{collections::BTreeMap, path::PathBuf};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::error::{Origin, SettingsError};

/// Prefix of the environment variables that override settings.
const PREFIX: &str = "SECBEAT__";

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Table(Table),
    List(Vec<Node>),
    String(String),
    Integer(i64),
    Boolean(bool),
    /// A type of TOML that no setting has.
    Other(&'static str),
    /// Text of an environment variable, whose type the reader knows.
    Raw(String),
}

/// A table.
pub(super) type Table = BTreeMap<String, Node>;

impl Value {
    /// Names the type for an error.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Table(_) => "a table",
            Self::List(_) => "a list",
            Self::String(_) | Self::Raw(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::Other(kind) => kind,
        }
    }
}

/// Reads TOML; every syntax error is reported.
pub(super) fn parse(text: &str, file: Option<&PathBuf>) -> Result<Table, Vec<SettingsError>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(convert_table(table.get_ref(), text));
    }
    Err(errors
        .iter()
        .map(|error| {
            let origin = error.span().map(|span| Origin::Line(line(text, span.start)));
            SettingsError::new(file, origin.as_ref(), "", error.message().replace('\n', ", "))
        })
        .collect())
}

/// Lays `SECBEAT__SECTION__KEY` variables over a tree.
pub(super) fn overlay(
    root: &mut Table,
    variables: impl Iterator<Item = (String, String)>,
) -> Vec<SettingsError> {
    let mut errors = Vec::new();
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let path = rest.split("__").map(str::to_ascii_lowercase).collect::<Vec<_>>();
        let origin = Origin::Environment(name.clone());
        if let Err(reason) = insert(root, &path, &origin, value) {
            errors.push(SettingsError::new(None, Some(&origin), &path.join("."), reason));
        }
    }
    errors
}

fn insert(table: &mut Table, path: &[String], origin: &Origin, text: String) -> Result<(), String> {
    match path {
        [] => Ok(()),
        [key] => {
            table.insert(
                key.clone(),
                Node {
                    value: Value::Raw(text),
                    origin: origin.clone(),
                },
            );
            Ok(())
        }
        [key, rest @ ..] => {
            let node = table.entry(key.clone()).or_insert_with(|| Node {
                value: Value::Table(Table::new()),
                origin: origin.clone(),
            });
            match &mut node.value {
                Value::Table(inner) => insert(inner, rest, origin, text),
                other => Err(format!("expected a section named {key}, found {}", other.kind())),
            }
        }
    }
}

fn convert_table(table: &DeTable<'_>, text: &str) -> Table {
    table
        .iter()
        .map(|(key, value)| {
            let mut node = convert(value, text);
            // The key's line reads better than that of a table's first inner key.
            node.origin = Origin::Line(line(text, key.span().start));
            (key.get_ref().to_string(), node)
        })
        .collect()
}

fn convert(value: &Spanned<DeValue<'_>>, text: &str) -> Node {
    let converted = match value.get_ref() {
        DeValue::String(string) => Value::String(string.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Value::Other("an integer out of range"), Value::Integer),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Array(list) => Value::List(list.iter().map(|item| convert(item, text)).collect()),
        DeValue::Table(table) => Value::Table(convert_table(table, text)),
        DeValue::Float(_) => Value::Other("a float"),
        DeValue::Datetime(_) => Value::Other("a date"),
    };
    Node {
        value: converted,
        origin: Origin::Line(line(text, value.span().start)),
    }
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
