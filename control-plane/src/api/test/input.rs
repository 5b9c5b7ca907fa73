//! Reads a request to be tested out of JSON, so that one answer names everything that is wrong.

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::{
    api::problem::{Error, Problem},
    change::bounded,
    json,
    trial::{Trial, TrialResponse, check_header_name, check_header_value, check_method, check_path},
};

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) trial: Trial,
    /// The revision whose policy decides; absent: the one in force.
    pub(super) revision: Option<u64>,
}

pub(super) fn read(body: &Value) -> Result<Asked, Problem> {
    let mut errors = Vec::new();
    let asked = Fields::open(String::new(), body, &mut errors).map(|mut fields| {
        let trial = Trial {
            method: fields
                .text("method", check_method)
                .unwrap_or_else(|| "GET".to_owned()),
            path: fields.needed_text("path", check_path),
            headers: fields.headers(),
            body: fields.body(),
            client: fields.parsed("client", "an IP address", |value| value.as_str()?.parse().ok()),
            response: fields.response(),
        };
        let revision = fields.parsed("revision", "the number of a revision", Value::as_u64);
        fields.finish();
        Asked { trial, revision }
    });
    match asked {
        Some(asked) if errors.is_empty() => Ok(asked),
        _ => Err(
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the request is not valid").with_errors(errors),
        ),
    }
}

/// The fields of an object, taken one by one.
struct Fields<'a> {
    place: String,
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
    errors: &'a mut Vec<Error>,
}

impl<'a> Fields<'a> {
    fn open(place: String, value: &'a Value, errors: &'a mut Vec<Error>) -> Option<Self> {
        let Some(object) = value.as_object() else {
            errors.push(error(place, value, "expected an object".to_owned()));
            return None;
        };
        Some(Self {
            place,
            object,
            known: Vec::new(),
            errors,
        })
    }

    /// A field that is there; `null` counts as absent.
    fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn fail(&mut self, place: &str, value: &Value, reason: String) {
        self.errors
            .push(error(format!("{}/{place}", self.place), value, reason));
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        what: &str,
        parse: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let parsed = parse(value);
        if parsed.is_none() {
            self.fail(name, value, format!("expected {what}"));
        }
        parsed
    }

    fn text(&mut self, name: &'static str, check: fn(&str) -> Result<(), String>) -> Option<String> {
        let value = self.take(name)?;
        let Some(text) = value.as_str() else {
            self.fail(name, value, "expected a string".to_owned());
            return None;
        };
        match check(text) {
            Ok(()) => return Some(text.to_owned()),
            Err(reason) => self.fail(name, value, reason),
        }
        None
    }

    fn needed_text(&mut self, name: &'static str, check: fn(&str) -> Result<(), String>) -> String {
        if self.object.get(name).is_none_or(Value::is_null) {
            self.fail(name, &Value::Null, "is missing".to_owned());
        }
        self.text(name, check).unwrap_or_default()
    }

    /// A list of pairs, or an object whose values are texts or lists of them.
    fn headers(&mut self) -> Vec<(String, Vec<u8>)> {
        const NAME: &str = "headers";
        let Some(value) = self.take(NAME) else {
            return Vec::new();
        };
        let mut headers = Vec::new();
        match value {
            Value::Array(pairs) => {
                for (index, pair) in pairs.iter().enumerate() {
                    let place = format!("{NAME}/{index}");
                    if let Some([name, value]) = pair.as_array().map(Vec::as_slice)
                        && let Some(name) = name.as_str()
                    {
                        self.header(&place, name, value, &mut headers);
                    } else {
                        self.fail(&place, pair, "expected a list of name and value".to_owned());
                    }
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    let place = format!("{NAME}/{}", bounded(&json::escape(name)));
                    let values = value
                        .as_array()
                        .map_or(std::slice::from_ref(value), Vec::as_slice);
                    for value in values {
                        self.header(&place, name, value, &mut headers);
                    }
                }
            }
            other => self.fail(NAME, other, "expected a list of pairs, or an object".to_owned()),
        }
        if headers.len() > Trial::HEADERS_LIMIT {
            let reason = format!(
                "expected at most {} headers, found {}",
                Trial::HEADERS_LIMIT,
                headers.len()
            );
            self.fail(NAME, &Value::Null, reason);
        }
        headers
    }

    fn header(&mut self, place: &str, name: &str, value: &Value, headers: &mut Vec<(String, Vec<u8>)>) {
        let Some(text) = value.as_str() else {
            return self.fail(place, value, "expected a string".to_owned());
        };
        match check_header_name(name).and_then(|()| check_header_value(text.as_bytes())) {
            Ok(()) => headers.push((name.to_owned(), text.as_bytes().to_vec())),
            Err(reason) => self.fail(place, value, reason),
        }
    }

    fn body(&mut self) -> Vec<u8> {
        let text = self.parsed("body", "a string", |value| value.as_str().map(str::to_owned));
        let decode = |value: &Value| STANDARD.decode(value.as_str()?).ok();
        let encoded = self.parsed("body_base64", "base64 (RFC 4648, section 4) with padding", decode);
        match (text, encoded) {
            (Some(_), Some(_)) => {
                let reason = "expected body or body_base64, found both".to_owned();
                self.fail("body_base64", &Value::Null, reason);
                Vec::new()
            }
            (text, encoded) => encoded.or(text.map(String::into_bytes)).unwrap_or_default(),
        }
    }

    fn response(&mut self) -> Option<TrialResponse> {
        let value = self.take("response")?;
        let place = format!("{}/response", self.place);
        let mut fields = Fields::open(place, value, self.errors)?;
        let is_status = |status: &u16| (200..=599).contains(status);
        let status = |value: &Value| value.as_u64()?.try_into().ok().filter(is_status);
        let response = TrialResponse {
            status: fields
                .parsed("status", "a status from 200 to 599", status)
                .unwrap_or(200),
            headers: fields.headers(),
            body: fields.body(),
        };
        fields.finish();
        Some(response)
    }

    /// Refuses what is unknown.
    fn finish(self) {
        for (name, value) in self.object {
            if !self.known.contains(&name.as_str()) {
                let place = format!("{}/{}", self.place, bounded(&json::escape(name)));
                let reason = format!("unknown field; expected one of {}", self.known.join(", "));
                self.errors.push(error(place, value, reason));
            }
        }
    }
}

fn error(field: String, value: &Value, reason: String) -> Error {
    let value = match value {
        Value::Null => None,
        Value::String(text) => Some(bounded(text)),
        other => Some(bounded(&other.to_string())),
    };
    Error { field, value, reason }
}
