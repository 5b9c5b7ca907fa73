//! Reads patterns out of JSON, field by field, so that one answer names everything that is wrong.

use axum::http::StatusCode;
use secbeat_engine::config::{Category, PatternConfig, PatternOperator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    api::problem::{Error, Problem},
    change::{FieldError, PatternPatch, bounded},
    json,
};

/// Patterns that one request may add.
const MAX_ITEMS: usize = 1_000;
/// Name of a pattern that was given none.
const DEFAULT_NAME: &str = "pattern added by API";
/// What `rule_type` may say beside the names of the categories.
const RULE_TYPES: &[(&str, Category)] = &[
    ("sql", Category::SqlInjection),
    ("sqli", Category::SqlInjection),
    ("path", Category::PathTraversal),
    ("traversal", Category::PathTraversal),
    ("command", Category::CommandInjection),
];

/// How a request wrote its patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One object.
    One,
    /// A list.
    List,
    /// An object with a list named `patterns`.
    Named,
}

impl Shape {
    fn prefix(self, item: usize) -> String {
        match self {
            Self::One => String::new(),
            Self::List => format!("/{item}"),
            Self::Named => format!("/patterns/{item}"),
        }
    }

    /// Where in the request an error is.
    pub(super) fn place(self, error: &FieldError) -> String {
        error.item.map_or_else(String::new, |item| self.prefix(item)) + &error.field
    }
}

/// Reads the id in a path.
pub(super) fn id(text: &str) -> Result<u32, Problem> {
    text.parse::<u32>().ok().filter(|id| *id > 0).ok_or_else(|| {
        Problem::not_found("a pattern's id is a number from 1 to 4294967295").with_error(
            "id",
            Some(bounded(text)),
            "expected a number",
        )
    })
}

/// Reads one pattern, a list of them, or an object that holds such a list.
pub(super) fn patterns(body: &Value) -> Result<(Shape, Vec<PatternConfig>), Problem> {
    let mut errors = Vec::new();
    let (shape, items) = match body {
        Value::Array(items) => (Shape::List, items.as_slice()),
        Value::Object(fields) => match fields.get("patterns") {
            Some(Value::Array(items)) => {
                for (name, value) in fields.iter().filter(|(name, _)| *name != "patterns") {
                    errors.push(unknown("", name, value, "patterns"));
                }
                (Shape::Named, items.as_slice())
            }
            Some(other) => {
                return Err(invalid(vec![found(
                    "/patterns".to_owned(),
                    other,
                    "expected a list".to_owned(),
                )]));
            }
            None => (Shape::One, std::slice::from_ref(body)),
        },
        other => {
            return Err(invalid(vec![found(
                String::new(),
                other,
                "expected a pattern or a list of patterns".to_owned(),
            )]));
        }
    };
    if items.is_empty() || items.len() > MAX_ITEMS {
        let reason = format!("expected 1 to {MAX_ITEMS} patterns, found {}", items.len());
        errors.push(Error {
            field: if shape == Shape::Named {
                "/patterns".to_owned()
            } else {
                String::new()
            },
            value: None,
            reason,
        });
        return Err(invalid(errors));
    }
    let mut patterns = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        patterns.extend(
            Fields::open(shape.prefix(index), item, &mut errors).map(|mut fields| {
                let pattern = fields.pattern(None);
                fields.finish();
                pattern
            }),
        );
    }
    if errors.is_empty() {
        Ok((shape, patterns))
    } else {
        Err(invalid(errors))
    }
}

/// Reads the whole pattern of a known id.
pub(super) fn pattern(id: u32, body: &Value) -> Result<PatternConfig, Problem> {
    read(body, |fields| fields.pattern(Some(id)))
}

/// Reads a merge patch of a pattern (RFC 7396): `null` brings a field back to its default.
pub(super) fn patch(id: u32, body: &Value) -> Result<PatternPatch, Problem> {
    read(body, |fields| {
        fields.same_id(id);
        PatternPatch {
            operator: fields.altered("operator"),
            pattern: fields.required_text(),
            unless: fields.altered("unless"),
            name: fields.altered_or("name", DEFAULT_NAME.to_owned()),
            category: fields.altered("category"),
            targets: fields.altered("targets"),
            transformations: fields.altered("transformations"),
            severity: fields.altered("severity"),
            action: fields.altered("action"),
            paranoia: fields.altered_or("paranoia", 1),
            score: fields.altered("score"),
            enabled: fields.altered_or("enabled", true),
            tags: fields.altered("tags"),
        }
    })
}

/// Reads what a removal by text names.
pub(super) fn text(body: &Value) -> Result<(String, Option<Category>), Problem> {
    read(body, |fields| {
        let text = fields.required_text();
        if text.is_none() && !fields.has("pattern") {
            fields.missing("pattern");
        }
        (text.unwrap_or_default(), fields.category())
    })
}

fn read<T>(body: &Value, take: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, Problem> {
    let mut errors = Vec::new();
    let taken = Fields::open(String::new(), body, &mut errors).map(|mut fields| {
        let taken = take(&mut fields);
        fields.finish();
        taken
    });
    match taken {
        Some(taken) if errors.is_empty() => Ok(taken),
        _ => Err(invalid(errors)),
    }
}

/// The fields of one object; whatever is left at the end is unknown.
struct Fields<'a> {
    prefix: String,
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
    errors: &'a mut Vec<Error>,
}

impl<'a> Fields<'a> {
    fn open(prefix: String, value: &'a Value, errors: &'a mut Vec<Error>) -> Option<Self> {
        if let Value::Object(object) = value {
            return Some(Self {
                prefix,
                object,
                known: Vec::new(),
                errors,
            });
        }
        errors.push(found(prefix, value, "expected an object".to_owned()));
        None
    }

    fn pattern(&mut self, id: Option<u32>) -> PatternConfig {
        let id = match id {
            Some(id) => {
                self.same_id(id);
                id
            }
            None => self.id(),
        };
        let operator = self.take::<PatternOperator>("operator");
        let pattern = self.required_text();
        // Operators that compare with nothing need none.
        let compares =
            |operator| !matches!(operator, PatternOperator::DetectSqli | PatternOperator::DetectXss);
        if pattern.is_none() && !self.has("pattern") && compares(operator.unwrap_or_default()) {
            self.missing("pattern");
        }
        PatternConfig {
            id,
            operator: operator.unwrap_or_default(),
            pattern: pattern.unwrap_or_default(),
            unless: self.take("unless").unwrap_or_default(),
            name: self.take("name").unwrap_or_else(|| DEFAULT_NAME.to_owned()),
            category: self.category().unwrap_or_default(),
            targets: self.take("targets").unwrap_or_default(),
            transformations: self.take("transformations").unwrap_or_default(),
            severity: self.take("severity").unwrap_or_default(),
            action: self.take("action").unwrap_or_default(),
            paranoia: self.take("paranoia").unwrap_or(1),
            score: self.take("score").unwrap_or_default(),
            enabled: self.take("enabled").unwrap_or(true),
            tags: self.take("tags").unwrap_or_default(),
        }
    }

    /// An id of the request's choice; 0 stands for none.
    fn id(&mut self) -> u32 {
        match self.take::<u32>("id") {
            Some(0) => {
                self.fail("id", "must be 1 to 4294967295".to_owned());
                0
            }
            found => found.unwrap_or_default(),
        }
    }

    fn same_id(&mut self, id: u32) {
        if self.take::<u32>("id").is_some_and(|found| found != id) {
            self.fail("id", format!("must be {id} as in the path"));
        }
    }

    fn required_text(&mut self) -> Option<String> {
        self.take::<String>("pattern")
    }

    /// The category, under its own name or the seed's.
    fn category(&mut self) -> Option<Category> {
        let category = self.take::<Category>("category");
        let word = self.object.get("rule_type").and_then(Value::as_str);
        let rule_type = match RULE_TYPES.iter().find(|(name, _)| Some(*name) == word) {
            Some((_, category)) => {
                self.known.push("rule_type");
                Some(*category)
            }
            None => self.take::<Category>("rule_type"),
        };
        if category.is_some() && rule_type.is_some() && category != rule_type {
            self.fail("rule_type", "must agree with category".to_owned());
        }
        category.or(rule_type)
    }

    /// A field of a merge patch: absent stays, null becomes the default.
    fn altered<T: DeserializeOwned + Default>(&mut self, name: &'static str) -> Option<T> {
        self.altered_or(name, T::default())
    }

    fn altered_or<T: DeserializeOwned>(&mut self, name: &'static str, default: T) -> Option<T> {
        if self.object.get(name).is_some_and(Value::is_null) {
            self.known.push(name);
            return Some(default);
        }
        self.take(name)
    }

    fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Option<T> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        let value = self.object.get(name)?;
        match serde_path_to_error::deserialize::<_, T>(value) {
            Ok(taken) => Some(taken),
            Err(error) => {
                let inner = error.path().to_string();
                let inner = if inner == "." {
                    String::new()
                } else {
                    json::pointer(&inner)
                };
                let value = value.pointer(&inner).unwrap_or(value);
                let field = format!("{}/{name}{inner}", self.prefix);
                self.errors.push(found(field, value, error.inner().to_string()));
                None
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    fn missing(&mut self, name: &str) {
        let field = format!("{}/{name}", self.prefix);
        self.errors.push(Error {
            field,
            value: None,
            reason: "expected a value, found none".to_owned(),
        });
    }

    fn fail(&mut self, name: &str, reason: String) {
        let value = self.object.get(name).unwrap_or(&Value::Null);
        self.errors
            .push(found(format!("{}/{name}", self.prefix), value, reason));
    }

    fn finish(self) {
        let known = self.known.join(", ");
        for (name, value) in self
            .object
            .iter()
            .filter(|(name, _)| !self.known.contains(&name.as_str()))
        {
            self.errors.push(unknown(&self.prefix, name, value, &known));
        }
    }
}

fn invalid(errors: Vec<Error>) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "the request is not valid; nothing was changed",
    )
    .with_errors(errors)
}

fn unknown(prefix: &str, name: &str, value: &Value, known: &str) -> Error {
    let field = bounded(&format!("{prefix}/{}", json::escape(name)));
    found(field, value, format!("unknown field; expected one of {known}"))
}

fn found(field: String, value: &Value, reason: String) -> Error {
    let value = match value {
        Value::String(text) => bounded(text),
        other => bounded(&other.to_string()),
    };
    Error {
        field,
        value: Some(value),
        reason,
    }
}
