//! What every refusal looks like: RFC 9457 problem details, with the seed's `success` and `message` beside them.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    change::{FieldError, Refusal},
    owner::ChangeError,
    store::StoreError,
};

/// Errors that one answer lists; the rest is counted.
const MAX_ERRORS: usize = 100;

/// A refusal. The envelope writes it, for it knows the request id.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    message: String,
    errors: Vec<Error>,
    /// Boxed, for it is large and rare.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

/// One reason of a refusal.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Error {
    /// JSON pointer into the request's body, or the name of the query parameter or header.
    pub(super) field: String,
    /// What was found, bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    /// What was expected.
    pub(super) reason: String,
}

/// The body of a refusal.
#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    success: bool,
    message: &'a str,
    errors: &'a [Error],
    request_id: &'a str,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: Vec::new(),
            header: None,
        }
    }

    pub(super) fn with_errors(mut self, errors: Vec<Error>) -> Self {
        self.errors = errors;
        self
    }

    pub(super) fn with_error(self, field: &str, value: Option<String>, reason: impl Into<String>) -> Self {
        self.with_errors(vec![Error {
            field: field.to_owned(),
            value,
            reason: reason.into(),
        }])
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Words a refused change; `place` turns the place of an error in the request into a JSON pointer.
    pub(super) fn from_change(error: ChangeError, place: impl Fn(&FieldError) -> String) -> Self {
        let list = |errors: Vec<FieldError>| {
            errors
                .into_iter()
                .map(|error| Error {
                    field: place(&error),
                    value: error.value,
                    reason: error.reason,
                })
                .collect()
        };
        match error {
            ChangeError::Refused(Refusal::NotFound(message)) => Self::not_found(message),
            ChangeError::Refused(Refusal::Conflict(errors)) => Self::new(
                StatusCode::CONFLICT,
                "the request contradicts what is there; nothing was changed",
            )
            .with_errors(list(errors)),
            ChangeError::Refused(Refusal::Invalid(errors)) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the request is not valid; nothing was changed",
            )
            .with_errors(list(errors)),
            ChangeError::Packs(errors) => {
                let errors = errors.0.into_iter().map(|error| Error {
                    field: error.place,
                    value: None,
                    reason: error.reason,
                });
                Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "the rule packs cannot be loaded; nothing was changed",
                )
                .with_errors(errors.collect())
            }
            ChangeError::Store(error) => error.into(),
            ChangeError::Busy => Self::busy("too many changes are waiting; nothing was changed"),
            ChangeError::Stopping => Self::busy("the control plane is stopping; nothing was changed"),
        }
    }

    /// Tells to come back later.
    pub(super) fn busy(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// The problem that a response stands for: its own, or one that says no more than its status.
    pub(super) fn of(response: &mut Response) -> Self {
        let status = response.status();
        response
            .extensions_mut()
            .remove()
            .unwrap_or_else(|| Self::new(status, title(status)))
    }

    /// Writes the answer.
    pub(super) fn render(mut self, request_id: &str) -> Response {
        let rest = self.errors.len().saturating_sub(MAX_ERRORS);
        if rest > 0 {
            self.errors.truncate(MAX_ERRORS);
            self.errors.push(Error {
                field: String::new(),
                value: None,
                reason: format!("and {rest} more errors"),
            });
        }
        let document = Document {
            r#type: "about:blank",
            title: title(self.status),
            status: self.status.as_u16(),
            detail: &self.message,
            success: false,
            message: &self.message,
            errors: &self.errors,
            request_id,
        };
        let mut response = (self.status, Json(document)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some((name, value)) = self.header.map(|header| *header) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// Leaves the problem to the envelope.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %crate::chain(&error), "the store failed");
        Self::busy("the store failed; nothing was changed")
    }
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

pub(super) async fn no_such_path() -> Problem {
    Problem::not_found("there is nothing at this path")
}

pub(super) async fn no_such_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take this method; see the header Allow",
    )
}
