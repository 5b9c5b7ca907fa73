//! Where in a request a value stands.

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{Shown, encoding::form};

/// Where in a request, or in what answers it, a value stands; with the name that it has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carrier {
    /// A body that no parser takes.
    Body,
    /// A value of a form.
    FormValue(Vec<u8>),
    /// A string in a JSON object.
    JsonValue(Vec<u8>),
    /// A value of the query.
    QueryValue(Vec<u8>),
    /// A header.
    Header(Vec<u8>),
    /// A cookie.
    Cookie(Vec<u8>),
    /// The path.
    Path,
    /// The path, not encoded.
    Uri,
    /// A name in the query.
    QueryName,
    /// A name in a form.
    FormName,
    /// A name of a cookie.
    CookieName,
    /// A name of an uploaded file.
    FileName,
    /// A name of a header.
    HeaderName,
    /// The body of a response.
    ResponseBody,
    /// A header of a response.
    ResponseHeader,
    /// A whole body of a type.
    Whole(&'static str),
    /// A whole query.
    Query,
    /// So many values of a form.
    FormValues(usize),
    /// So many strings in a JSON array.
    JsonValues(usize),
    /// So many names and values of a query.
    QueryPairs(usize),
    /// So many headers.
    Headers(usize),
    /// So many cookies.
    Cookies(usize),
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data; boundary=x";

impl Carrier {
    /// Every place of a single value, those first where any byte may stand and nothing else is made of it.
    pub fn single(name: &[u8]) -> Vec<Self> {
        vec![
            Self::QueryValue(name.to_vec()),
            Self::FormValue(name.to_vec()),
            Self::Body,
            Self::JsonValue(name.to_vec()),
            Self::Header(name.to_vec()),
            Self::Cookie(name.to_vec()),
            Self::Path,
            Self::QueryName,
            Self::FormName,
            Self::CookieName,
            Self::FileName,
            Self::Uri,
            Self::HeaderName,
            Self::ResponseBody,
            Self::ResponseHeader,
        ]
    }

    /// Where whole bodies and many values stand.
    pub fn whole() -> Vec<Self> {
        let mut all = vec![Self::Query];
        all.extend(
            [
                FORM,
                JSON,
                MULTIPART,
                "application/xml",
                "text/plain",
                "application/octet-stream",
            ]
            .map(Self::Whole),
        );
        for count in [4, 32, 256] {
            all.extend([
                Self::FormValues(count),
                Self::JsonValues(count),
                Self::QueryPairs(count),
            ]);
        }
        all.extend([
            Self::Headers(4),
            Self::Headers(32),
            Self::Cookies(4),
            Self::Cookies(64),
        ]);
        all
    }

    /// Whether it is a place in a response.
    pub fn is_response(&self) -> bool {
        matches!(self, Self::ResponseBody | Self::ResponseHeader)
    }

    /// A request with the value. Of several short values each has a number that none before it had, for short values may
    /// be known from a request before.
    pub fn show(&self, value: &[u8]) -> Shown {
        let around = |before: &[u8], value: &[u8], after: &[u8]| [before, value, after].concat();
        match self {
            Self::Body => Shown::post("application/octet-stream", value.to_vec()),
            Self::FormValue(name) => Shown::post(FORM, pair(name, value)),
            Self::JsonValue(name) => {
                Shown::post(JSON, [b"{", &*string(name), b":", &string(value), b"}"].concat())
            }
            Self::QueryValue(name) => Shown::get(around(b"/?", &pair(name, value), b"")),
            Self::Header(name) => Shown::get(b"/".to_vec()).header(name, line(value)),
            Self::Cookie(name) => Shown::get(b"/".to_vec()).header(b"cookie", cookie(name, value)),
            Self::Path => Shown::get(around(b"/", &path(value), b"")),
            Self::Uri => Shown::get(around(b"/", &line(value), b"")),
            Self::QueryName => Shown::get(around(b"/?", &form(value), b"=1")),
            Self::FormName => Shown::post(FORM, around(b"", &form(value), b"=1")),
            Self::CookieName => Shown::get(b"/".to_vec()).header(b"cookie", cookie(value, b"1")),
            Self::FileName => {
                let mut name = line(value);
                name.retain(|byte| !b"\"\\".contains(byte));
                let head = b"--x\r\ncontent-disposition: form-data; name=\"a\"; filename=\"";
                Shown::post(MULTIPART, around(head, &name, b"\"\r\n\r\na\r\n--x--\r\n"))
            }
            Self::HeaderName => {
                let name: Vec<u8> = value.iter().map(|byte| token(*byte)).collect();
                Shown::get(b"/".to_vec()).header(&name, b"1".to_vec())
            }
            Self::ResponseBody => Shown::answered(Vec::new(), value.to_vec()),
            Self::ResponseHeader => Shown::answered(vec![(b"x-note".to_vec(), line(value))], Vec::new()),
            Self::Whole(content_type) => Shown::post(content_type, value.to_vec()),
            Self::Query => Shown::get(around(b"/?", &line(value).replace_blanks(), b"")),
            Self::FormValues(count) => Shown::post(FORM, pairs(value, *count)),
            Self::JsonValues(count) => {
                let strings: Vec<_> = parts(value, *count).map(|part| string(&numbered(part))).collect();
                Shown::post(JSON, around(b"[", &strings.join(&b","[..]), b"]"))
            }
            Self::QueryPairs(count) => Shown::get(around(b"/?", &pairs(value, *count), b"")),
            Self::Headers(count) => {
                let shown = Shown::get(b"/".to_vec());
                parts(value, *count)
                    .enumerate()
                    .fold(shown, |shown, (number, part)| {
                        shown.header(format!("x-{number}").as_bytes(), line(&numbered(part)))
                    })
            }
            Self::Cookies(count) => {
                let cookies: Vec<_> = parts(value, *count)
                    .enumerate()
                    .map(|(number, part)| cookie(format!("c{number}").as_bytes(), &numbered(part)))
                    .collect();
                Shown::get(b"/".to_vec()).header(b"cookie", cookies.join(&b"; "[..]))
            }
        }
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FormValue(_) => write!(out, "form value"),
            Self::JsonValue(_) => write!(out, "JSON string"),
            Self::QueryValue(_) => write!(out, "query value"),
            Self::Header(name) => write!(out, "header {}", name.escape_ascii()),
            Self::Cookie(_) => write!(out, "cookie"),
            Self::Whole(content_type) => write!(out, "{content_type}"),
            Self::FormValues(count) => write!(out, "{count} form values"),
            Self::JsonValues(count) => write!(out, "{count} JSON strings"),
            Self::QueryPairs(count) => write!(out, "{count} query values"),
            Self::Headers(count) => write!(out, "{count} headers"),
            Self::Cookies(count) => write!(out, "{count} cookies"),
            Self::Uri => write!(out, "raw path"),
            Self::Body => write!(out, "body"),
            Self::Path => write!(out, "path"),
            Self::QueryName => write!(out, "query name"),
            Self::FormName => write!(out, "form name"),
            Self::CookieName => write!(out, "cookie name"),
            Self::FileName => write!(out, "file name"),
            Self::HeaderName => write!(out, "header name"),
            Self::ResponseBody => write!(out, "response body"),
            Self::ResponseHeader => write!(out, "response header"),
            Self::Query => write!(out, "raw query"),
        }
    }
}

trait Blanks {
    fn replace_blanks(self) -> Self;
}

impl Blanks for Vec<u8> {
    /// A start line has no room for blanks.
    fn replace_blanks(mut self) -> Self {
        for byte in &mut self {
            if matches!(byte, b' ' | b'#') {
                *byte = b'+';
            }
        }
        self
    }
}

fn pair(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&*form(name), b"=", &form(value)].concat()
}

/// The value in so many parts.
fn parts(value: &[u8], count: usize) -> impl Iterator<Item = &[u8]> {
    value.chunks(value.len().div_ceil(count).max(1))
}

/// The value with a number behind it that no other one has.
fn numbered(value: &[u8]) -> Vec<u8> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    [value, format!("{number:05x}").as_bytes()].concat()
}

fn pairs(value: &[u8], count: usize) -> Vec<u8> {
    let pairs: Vec<_> = parts(value, count)
        .enumerate()
        .map(|(number, part)| pair(format!("n{number}").as_bytes(), &numbered(part)))
        .collect();
    pairs.join(&b"&"[..])
}

/// A JSON string.
fn string(value: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in value {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
    out
}

/// What a line may hold; blanks stand for the rest.
fn line(value: &[u8]) -> Vec<u8> {
    let is_control = |byte: u8| byte < b' ' && byte != b'\t' || byte == 0x7f;
    let bytes = value.iter();
    bytes
        .map(|byte| if is_control(*byte) { b' ' } else { *byte })
        .collect()
}

fn cookie(name: &[u8], value: &[u8]) -> Vec<u8> {
    let part = |part: &[u8], also: u8| -> Vec<u8> {
        let bytes = line(part).into_iter();
        bytes
            .map(|byte| if byte == b';' || byte == also { b',' } else { byte })
            .collect()
    };
    [part(name, b'='), b"=".to_vec(), part(value, b';')].concat()
}

fn path(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in value {
        match byte {
            b'!'..=b'~' if !b"%?#".contains(byte) => out.push(*byte),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

/// What a header's name may hold.
fn token(byte: u8) -> u8 {
    let byte = byte.to_ascii_lowercase();
    if byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte) {
        byte
    } else {
        b'-'
    }
}
