//! From start lines and headers to fields.

use std::{borrow::Cow, io::Write as _};

use super::{
    RequestHead, ResponseHead,
    fields::{Fields, Part},
    response::Order,
};
use crate::{
    Policy,
    parse::{self, ParseError, Sink},
    rule::Collection,
};

/// What of a request head is needed later.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that a header states"
)]
pub(super) struct Summary {
    pub(super) method: Part,
    pub(super) host: Part,
    pub(super) path: Part,
    /// The first content type; [`Summary::content_types`] tells whether there were more.
    pub(super) content_type: Option<Part>,
    pub(super) content_types: u32,
    pub(super) content_length: Option<u64>,
    pub(super) has_content_encoding: bool,
    pub(super) has_transfer_encoding: bool,
    pub(super) has_upgrade: bool,
    pub(super) connection_upgrades: bool,
    pub(super) takes_trailers: bool,
    pub(super) is_connect: bool,
}

/// What of a response head decides about its body.
#[derive(Debug, Clone, Default)]
pub(super) struct ResponseSummary {
    status: u16,
    /// Every value, each with a comma behind it.
    pub(super) content_type: Vec<u8>,
    pub(super) content_length: Option<u64>,
    pub(super) coding: Coding,
    /// The byte order of UTF-16, if the content type states one.
    pub(super) order: Option<Order>,
    has_range: bool,
}

impl ResponseSummary {
    /// Whether no body follows, or bytes of another protocol do.
    pub(super) fn has_no_body(&self) -> bool {
        matches!(self.status, 100..=199 | 204 | 304)
    }

    /// Whether the body is a part of a document, which ends and begins anywhere.
    pub(super) fn is_partial(&self) -> bool {
        self.status == 206 || self.has_range
    }

    fn note(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b":status" => self.status = number(value).unwrap_or_default(),
            b"content-type" => {
                self.content_type.extend_from_slice(value);
                self.content_type.push(b',');
                self.order = self.order.or_else(|| Order::stated(value));
            }
            b"content-length" => self.content_length = number(value),
            b"content-encoding" => value
                .split(|byte| *byte == b',')
                .for_each(|one| self.coding.add(one)),
            b"content-range" => self.has_range = true,
            _ => {}
        }
    }
}

/// How the body of a response is encoded (`content-encoding`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Coding {
    #[default]
    Identity,
    Gzip,
    Deflate,
    /// Any other, or several.
    Unknown,
}

impl Coding {
    /// Takes in one more name.
    fn add(&mut self, name: &[u8]) {
        if !is_encoding(name) {
            return;
        }
        let is = |known: &[u8]| name.trim_ascii().eq_ignore_ascii_case(known);
        *self = match self {
            Self::Identity if is(b"gzip") || is(b"x-gzip") => Self::Gzip,
            Self::Identity if is(b"deflate") => Self::Deflate,
            _ => Self::Unknown,
        };
    }
}

/// Whether the value of `content-encoding` names one.
fn is_encoding(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    !value.is_empty() && !value.eq_ignore_ascii_case(b"identity")
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

const METHOD_KEPT: usize = 32;
const HOST_KEPT: usize = 256;
const PATH_KEPT: usize = 1_024;

/// Turns the head of a request into fields.
pub(super) fn collect(head: &RequestHead<'_>, policy: &Policy, fields: &mut Fields) -> Summary {
    let mut summary = Summary::default();
    let uses = |collection| policy.plan.uses(collection);
    let sizes = head.headers.iter().map(|(name, value)| name.len() + value.len());
    // What query and cookies hold comes once more, name by name.
    fields.reserve(2 * sizes.sum::<usize>(), 4 * head.headers.len());
    for (name, value) in head.headers {
        match *name {
            b":method" => {
                let method = fields.store(value);
                summary.method = method.cut(0, METHOD_KEPT);
                summary.is_connect = *value == b"CONNECT";
                fields.push(Collection::Method, Part::default(), method);
            }
            b":path" => summary.path = collect_uri(value, policy, fields),
            b":authority" => {
                let (name, value) = (fields.store(b"host"), fields.store(value));
                summary.host = value.cut(0, HOST_KEPT);
                fields.push(Collection::Headers, name, value);
            }
            _ if name.starts_with(b":") => {}
            _ => {
                let (name_part, value_part) = (fields.store(name), fields.store(value));
                if uses(Collection::HeaderNames) {
                    fields.push(Collection::HeaderNames, name_part, name_part);
                }
                fields.push(Collection::Headers, name_part, value_part);
                note(name, value, value_part, &mut summary);
                if *name == b"cookie"
                    && (uses(Collection::Cookies)
                        || uses(Collection::CookieNames)
                        || uses(Collection::ParseErrors))
                {
                    parse::cookies(value, &policy.limits, &mut Arguments::cookies(fields));
                }
            }
        }
    }
    if let Some(client) = head.client.filter(|_| uses(Collection::Client)) {
        let mut text = [0u8; 64];
        let mut rest = text.as_mut_slice();
        if write!(rest, "{client}").is_ok() {
            let room = rest.len();
            fields.add(Collection::Client, text.get(..64 - room).unwrap_or_default());
        }
    }
    summary
}

/// Turns status and headers of a response into fields.
pub(super) fn collect_response(
    head: &ResponseHead<'_>,
    policy: &Policy,
    fields: &mut Fields,
) -> ResponseSummary {
    let mut summary = ResponseSummary::default();
    for (name, value) in head.headers {
        summary.note(name, value);
        if *name == b":status" {
            fields.add(Collection::ResponseStatus, value);
        } else if policy.plan.uses(Collection::ResponseHeaders) && !name.starts_with(b":") {
            let (name, value) = (fields.store(name), fields.store(value));
            fields.push(Collection::ResponseHeaders, name, value);
        }
    }
    summary
}

/// Takes `:path` apart and returns the path as it came, as far as it is kept.
fn collect_uri(uri: &[u8], policy: &Policy, fields: &mut Fields) -> Part {
    let whole = fields.store(uri);
    let cut = memchr::memchr(b'?', uri);
    let path_len = cut.unwrap_or(uri.len());
    let path = whole.cut(0, path_len);
    fields.push(Collection::Uri, Part::default(), whole);
    let raw = uri.get(..path_len).unwrap_or_default();
    let decoded = match parse::path(raw, &mut Arguments::path(fields)) {
        Cow::Borrowed(same) if same.len() == raw.len() => path,
        changed => fields.store(&changed),
    };
    fields.push(Collection::Path, Part::default(), decoded);
    if cut.is_some() {
        let query = uri.get(path_len + 1..).unwrap_or_default();
        fields.push(
            Collection::Query,
            Part::default(),
            whole.cut(path_len + 1, uri.len()),
        );
        parse::urlencoded(query, &policy.limits, &mut Arguments::query(fields));
    }
    path.cut(0, PATH_KEPT)
}

/// Notes what the body needs to know.
fn note(name: &[u8], value: &[u8], part: Part, summary: &mut Summary) {
    let has_token = |token: &[u8]| {
        value
            .split(|byte| *byte == b',')
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
    };
    match name {
        b"content-type" => {
            summary.content_type.get_or_insert(part);
            summary.content_types = summary.content_types.saturating_add(1);
        }
        b"content-length" => {
            summary.content_length = number(value);
        }
        b"content-encoding" => summary.has_content_encoding |= is_encoding(value),
        b"transfer-encoding" => summary.has_transfer_encoding = true,
        b"upgrade" => summary.has_upgrade = true,
        b"connection" => summary.connection_upgrades |= has_token(b"upgrade"),
        b"te" => summary.takes_trailers |= has_token(b"trailers"),
        b"host" if summary.host.len() == 0 => summary.host = part.cut(0, HOST_KEPT),
        _ => {}
    }
}

/// Takes arguments from a parser into fields.
pub(super) struct Arguments<'a> {
    fields: &'a mut Fields,
    names: Collection,
    values: Collection,
    source: &'static str,
    is_quiet: bool,
    /// Whether applications may read the input otherwise than the parser did.
    pub(super) has_failed: bool,
}

impl<'a> Arguments<'a> {
    pub(super) fn query(fields: &'a mut Fields) -> Self {
        Self::new(fields, Collection::QueryNames, Collection::QueryValues, "query")
    }

    /// For what is only ever complained about.
    fn path(fields: &'a mut Fields) -> Self {
        Self::new(fields, Collection::Path, Collection::Path, "path")
    }

    pub(super) fn cookies(fields: &'a mut Fields) -> Self {
        Self::new(fields, Collection::CookieNames, Collection::Cookies, "cookies")
    }

    pub(super) fn body(fields: &'a mut Fields) -> Self {
        Self::new(fields, Collection::BodyNames, Collection::BodyValues, "body")
    }

    fn new(fields: &'a mut Fields, names: Collection, values: Collection, source: &'static str) -> Self {
        Self {
            fields,
            names,
            values,
            source,
            is_quiet: false,
            has_failed: false,
        }
    }

    /// Keeps complaints out of the fields: the input never claimed to be what the parser takes it for.
    pub(super) fn quiet(self) -> Self {
        Self {
            is_quiet: true,
            ..self
        }
    }
}

impl Sink for Arguments<'_> {
    fn argument(&mut self, name: Cow<'_, [u8]>, value: Cow<'_, [u8]>) {
        let (name, value) = (self.fields.store(&name), self.fields.store(&value));
        self.fields.push(self.names, name, name);
        self.fields.push(self.values, name, value);
    }

    fn file_name(&mut self, field: &[u8], name: &[u8]) {
        let (field, name) = (self.fields.store(field), self.fields.store(name));
        self.fields.push(self.names, field, field);
        self.fields.push(Collection::FileNames, field, name);
    }

    fn part_header(&mut self, name: &[u8], value: &[u8]) {
        let (name, value) = (self.fields.store(name), self.fields.store(value));
        self.fields.push(self.values, name, value);
    }

    fn error(&mut self, error: ParseError) {
        self.has_failed |= error.is_doubt();
        if !self.is_quiet {
            self.fields.add_error(self.source, error);
        }
    }
}
