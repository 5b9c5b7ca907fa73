//! Query parameters: typed, bounded, every error at once, unknown and repeated ones among them.

use axum::{
    extract::{FromRequestParts, Query},
    http::{StatusCode, request::Parts},
};

use super::problem::{Error, Problem};
use crate::change::bounded;

/// The query parameters of a request. Take what the endpoint knows, then [`Params::finish`].
#[derive(Debug)]
pub(super) struct Params {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<Error>,
}

impl Params {
    /// Takes a parameter; a wrong value is reported by [`Params::finish`].
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(name);
        let mut found = Vec::new();
        self.pairs.retain(|(key, value)| {
            let is_other = key != name;
            if !is_other {
                found.push(value.clone());
            }
            is_other
        });
        if found.len() > 1 {
            self.fail(name, None, format!("expected once, found {} times", found.len()));
            return None;
        }
        let value = found.pop()?;
        match parse(&value) {
            Ok(parsed) => Some(parsed),
            Err(reason) => {
                self.fail(name, Some(&value), reason);
                None
            }
        }
    }

    /// Takes how many items a page has.
    pub(super) fn limit(&mut self) -> usize {
        self.take("limit", integer(1, 1_000))
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(100)
    }

    /// Reports a parameter as wrong.
    pub(super) fn fail(&mut self, name: &str, value: Option<&str>, reason: String) {
        self.errors.push(Error {
            field: name.to_owned(),
            value: value.map(bounded),
            reason,
        });
    }

    /// Refuses what is wrong or unknown.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let known = self.known.join(", ");
        for (name, value) in std::mem::take(&mut self.pairs) {
            let reason = if known.is_empty() {
                "unknown parameter; this takes none".to_owned()
            } else {
                format!("unknown parameter; expected one of {known}")
            };
            self.fail(&bounded(&name), Some(&value), reason);
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(
            Problem::new(StatusCode::BAD_REQUEST, "the query parameters are not valid")
                .with_errors(self.errors),
        )
    }
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Query(pairs) = Query::try_from_uri(&parts.uri).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, "the query cannot be read").with_error(
                "",
                None,
                error.body_text(),
            )
        })?;
        Ok(Self {
            pairs,
            known: Vec::new(),
            errors: Vec::new(),
        })
    }
}

/// A whole number from `min` to `max`.
pub(super) fn integer(min: u64, max: u64) -> impl Fn(&str) -> Result<u64, String> {
    move |text| {
        text.parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| format!("expected an integer from {min} to {max}"))
    }
}

/// One of a closed set of words.
pub(super) fn one_of<'a, T: Copy>(words: &'a [(&'static str, T)]) -> impl Fn(&str) -> Result<T, String> + 'a {
    move |text| {
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, member)| *member)
            .ok_or_else(|| {
                let words = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
                format!("expected one of {words}")
            })
    }
}
