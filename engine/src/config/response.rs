//! How responses are held and inspected.

use serde::{Deserialize, Serialize};

/// How responses are held and inspected. It matters only where a rule looks at responses: without one, no response is
/// held, copied or looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponsePolicy {
    /// Whether bodies are inspected; status and headers always are. Default true.
    pub inspect: bool,
    /// Bytes of a body that are held and inspected, 1 to 16 MiB. Default 512 KiB. Envoy's own buffer limit must be larger.
    pub limit: usize,
    /// What happens with a body that is longer than `limit`.
    pub over_limit: ResponseOverLimit,
    /// How long a body is held at most, in seconds, 1 to 300. Default 5. Then what came goes on, if it is clean, and the
    /// rest is inspected as it streams by.
    pub hold_seconds: u64,
    /// Content types of the bodies that are inspected, without parameters, at most [`ResponsePolicy::TYPES`]; `text/*`
    /// stands for every subtype, and `*/*` for everything; `application/json` and `application/xml` for what is written in
    /// them, as `application/hal+json`. A response that states no type counts as `text/plain`.
    /// Default [`ResponsePolicy::DEFAULT_TYPES`].
    pub content_types: Vec<String>,
    /// Whether the origin is asked for bodies without encoding (`accept-encoding: identity`), as encodings other than
    /// `gzip` and `deflate` are not undone. Default false.
    pub ask_identity: bool,
}

impl ResponsePolicy {
    /// Entries of [`ResponsePolicy::content_types`].
    pub const TYPES: usize = 64;
    /// What is inspected when nothing else is said: where pages, errors and data for programs are.
    pub const DEFAULT_TYPES: &[&str] = &[
        "text/html",
        "text/plain",
        "text/xml",
        "application/json",
        "application/xml",
    ];
    /// What lasts while both sides talk, or until the user has enough of it: it is never held.
    pub(crate) const STREAMS: &[&str] = &[
        "text/event-stream",
        "application/grpc",
        "multipart/x-mixed-replace",
    ];

    /// Whether bodies with this value of `content-type` are inspected. Of several types one is enough, for clients differ in
    /// which they take; but what may be a stream is none.
    pub(crate) fn inspects(&self, content_type: &[u8]) -> bool {
        const UNSTATED: &[u8] = b"text/plain";
        let kinds = || {
            let values = content_type.split(|byte| *byte == b',');
            let kinds = values.map(|value| {
                value
                    .split(|byte| *byte == b';')
                    .next()
                    .unwrap_or_default()
                    .trim_ascii()
            });
            kinds.filter(|kind| !kind.is_empty())
        };
        let is_stream = |kind: &[u8]| Self::STREAMS.iter().any(|stream| begins(kind, stream));
        if kinds().any(is_stream) {
            return false;
        }
        kinds().any(|kind| self.names(kind)) || (kinds().next().is_none() && self.names(UNSTATED))
    }

    /// Whether a content type is among the configured ones, by itself or by what its suffix says (RFC 6839).
    fn names(&self, kind: &[u8]) -> bool {
        let suffix = kind.iter().rposition(|byte| *byte == b'+');
        let syntax = suffix.and_then(|at| kind.get(at..)).unwrap_or_default();
        let is_written_as = |configured: &str| match configured {
            "application/json" => syntax.eq_ignore_ascii_case(b"+json"),
            "application/xml" => syntax.eq_ignore_ascii_case(b"+xml"),
            _ => false,
        };
        self.content_types
            .iter()
            .any(|configured| match configured.strip_suffix('*') {
                Some("*/") => true,
                Some(beginning) => begins(kind, beginning),
                None => configured.as_bytes().eq_ignore_ascii_case(kind) || is_written_as(configured),
            })
    }
}

fn begins(kind: &[u8], beginning: &str) -> bool {
    kind.get(..beginning.len())
        .is_some_and(|found| found.eq_ignore_ascii_case(beginning.as_bytes()))
}

impl Default for ResponsePolicy {
    fn default() -> Self {
        Self {
            inspect: true,
            limit: 512 * 1024,
            over_limit: ResponseOverLimit::default(),
            hold_seconds: 5,
            ask_identity: false,
            content_types: Self::DEFAULT_TYPES.iter().map(|&kind| kind.to_owned()).collect(),
        }
    }
}

/// What happens with a response body that is longer than the limit. There is no way to refuse it: a long page is no
/// attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseOverLimit {
    /// The first `limit` bytes are inspected; the rest passes unseen once they were found clean.
    #[default]
    InspectPrefix,
    /// The body passes unseen.
    Skip,
}
