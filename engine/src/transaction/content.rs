//! What a request body is, and which parsers it is shown to.
//!
//! A content type is what the client says; the application behind may not care. So a body that looks like another
//! format than it claims is read in both ways, and what no parser took or one failed on is looked at as it came.

use super::{
    fields::Fields,
    head::{Arguments, Summary},
};
use crate::{
    Policy,
    parse::{self, GrpcFrames, ParseError},
    rule::Collection,
    transform::base64_decode_ext,
};

/// What the content type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Form,
    Json,
    Xml,
    Multipart,
    Other,
}

/// Turns a body into fields.
pub(super) fn collect(
    body: &[u8],
    is_truncated: bool,
    summary: &Summary,
    policy: &Policy,
    fields: &mut Fields,
) {
    if is_truncated {
        fields.add_error("body", ParseError::BodyTruncated);
    }
    if body.is_empty() || !uses_body(policy) {
        return;
    }
    if summary.has_content_encoding {
        fields.add_error("body", ParseError::ContentEncoding);
    }
    if parse::is_xml_in_disguise(body) {
        fields.add_error("body", ParseError::ContentCharset);
    }
    let content_type = fields.slice(summary.content_type.unwrap_or_default()).to_vec();
    // Encoded bodies are none of what their type says; if they are not encoded after all, it shows.
    let kind = if summary.has_content_encoding {
        Kind::Other
    } else {
        Kind::of(&content_type)
    };
    // The application behind may go by another header than the first, or see another type in a broken one.
    let mut is_doubtful = summary.content_types > 1;
    if is_doubtful {
        fields.add_error("body", ParseError::ContentType);
    }
    let mut claim = Arguments::body(fields);
    parse::content_type(&content_type, &mut claim);
    is_doubtful |= claim.has_failed;
    grpc(body, &content_type, fields);
    let limits = &policy.limits;
    let mut arguments = Arguments::body(fields);
    if is_truncated {
        // That it does not end well is no news.
        arguments = arguments.quiet();
    }
    let mut has_failed = is_doubtful
        | match kind {
            Kind::Form => {
                parse::urlencoded(body, limits, &mut arguments);
                arguments.has_failed
            }
            Kind::Json => {
                parse::json(body, limits, &mut arguments);
                arguments.has_failed
            }
            // Its tags are markup that a browser may run: they stay inspected as they stand.
            Kind::Xml => {
                parse::xml(body, limits, &mut arguments);
                true
            }
            Kind::Multipart => {
                parse::multipart(body, &content_type, limits, &mut arguments);
                arguments.has_failed
            }
            Kind::Other => true,
        };
    let mut guess = Arguments::body(fields).quiet();
    if kind != Kind::Json && looks_like_json(body) {
        parse::json(body, limits, &mut guess);
    } else if kind != Kind::Xml && parse::looks_like_xml(body) {
        parse::xml(body, limits, &mut guess);
        has_failed = true;
    } else if kind != Kind::Form && has_failed && looks_like_form(body) {
        parse::urlencoded(body, limits, &mut guess);
    } else if kind != Kind::Multipart
        && let Some(boundary) = multipart_boundary(body)
    {
        let content_type = [b"multipart/form-data; boundary=\"", boundary, b"\""].concat();
        parse::multipart(body, &content_type, limits, &mut guess);
    }
    if has_failed || is_truncated {
        fields.add(Collection::Body, body);
    }
}

/// Messages of gRPC that came as a body like any other, perhaps in Base64, as browsers send them.
fn grpc(body: &[u8], content_type: &[u8], fields: &mut Fields) {
    let content_type = content_type.to_ascii_lowercase();
    let Some(variant) = content_type.strip_prefix(b"application/grpc") else {
        return;
    };
    let decoded = variant.starts_with(b"-web-text").then(|| base64_decode_ext(body));
    let messages = decoded.as_deref().unwrap_or(body);
    GrpcFrames::default().read(messages, &mut Arguments::body(fields));
    if let Some(messages) = &decoded {
        fields.add(Collection::Body, messages);
    }
}

fn uses_body(policy: &Policy) -> bool {
    [
        Collection::BodyNames,
        Collection::BodyValues,
        Collection::Body,
        Collection::FileNames,
        Collection::ParseErrors,
    ]
    .into_iter()
    .any(|collection| policy.plan.uses(collection))
}

impl Kind {
    fn of(content_type: &[u8]) -> Self {
        let essence = content_type
            .split(|byte| matches!(byte, b';' | b','))
            .next()
            .unwrap_or_default();
        let essence = essence.trim_ascii().to_ascii_lowercase();
        match essence.as_slice() {
            b"application/x-www-form-urlencoded" => Self::Form,
            b"application/json" | b"text/json" | b"application/x-json" => Self::Json,
            b"multipart/form-data" => Self::Multipart,
            b"application/xml" | b"text/xml" | b"application/x-xml" => Self::Xml,
            other if other.ends_with(b"+json") => Self::Json,
            other if other.ends_with(b"+xml") => Self::Xml,
            _ => Self::Other,
        }
    }
}

fn looks_like_json(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

/// Whether the body begins with a name and `=`.
fn looks_like_form(body: &[u8]) -> bool {
    const NAME_LIMIT: usize = 256;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.[]%+$:~*!'()@".contains(byte);
    let head = body.get(..NAME_LIMIT).unwrap_or(body);
    let name = head.iter().take_while(|byte| is_name(byte)).count();
    name > 0 && head.get(name) == Some(&b'=')
}

/// The boundary of a body that begins like a multipart one.
fn multipart_boundary(body: &[u8]) -> Option<&[u8]> {
    const BOUNDARY_LIMIT: usize = 70;
    let rest = body.strip_prefix(b"--")?;
    let end = memchr::memchr(b'\n', rest.get(..BOUNDARY_LIMIT + 2).unwrap_or(rest))?;
    let boundary = rest.get(..end)?.trim_ascii_end();
    let is_boundary = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    (!boundary.is_empty() && boundary.iter().all(is_boundary)).then_some(boundary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_told_apart() {
        assert_eq!(Kind::of(b"Application/JSON; charset=utf-8"), Kind::Json);
        assert_eq!(Kind::of(b"application/problem+json"), Kind::Json);
        assert_eq!(Kind::of(b"application/x-www-form-urlencoded ; a"), Kind::Form);
        assert_eq!(Kind::of(b"multipart/form-data; boundary=x"), Kind::Multipart);
        assert_eq!(Kind::of(b"Text/XML"), Kind::Xml);
        assert_eq!(Kind::of(b"application/soap+xml; charset=utf-8"), Kind::Xml);
        assert_eq!(Kind::of(b"application/json5"), Kind::Other);
        assert_eq!(Kind::of(b""), Kind::Other);
    }

    #[test]
    fn formats_are_recognised_by_their_looks() {
        assert!(looks_like_json(b"\xef\xbb\xbf \n{"));
        assert!(!looks_like_json(b"a={"));
        assert!(looks_like_form(b"user[name]=x"));
        for text in [&b"<a b=\"c\">"[..], b"=x", b"", b"\x89PNG\r\n=", b"a b=c"] {
            assert!(!looks_like_form(text), "{}", text.escape_ascii());
        }
        assert_eq!(multipart_boundary(b"--xY\r\nContent"), Some(&b"xY"[..]));
        assert_eq!(multipart_boundary(b"-- \r\n"), None);
        assert_eq!(multipart_boundary(b"--x\"y\r\n"), None);
    }
}
