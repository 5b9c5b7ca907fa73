//! The answer that a refused request gets: a page for people, a problem document for programs.
//!
//! It carries a status and the request id and tells nothing about rules: whoever probes the firewall learns no
//! more than that it is there. Everything that came with the request is checked or escaped before it goes out.

mod accept;
mod recipient;
mod request_id;

pub(crate) use recipient::{Address, Recipient};
pub(crate) use request_id::RequestId;

use accept::Representation;

/// An answer in the origin's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Refusal {
    /// Status in place of one that is none for a refusal.
    const DEFAULT_STATUS: u16 = 403;

    /// Makes the answer in the representation that suits the client. Envoy leaves out the body for HEAD.
    pub(crate) fn new(status: u16, recipient: &Recipient) -> Self {
        let status = if (400..600).contains(&status) {
            status
        } else {
            Self::DEFAULT_STATUS
        };
        let id = &recipient.id;
        let (content_type, body) = match recipient.representation {
            Representation::Html => ("text/html; charset=utf-8", html(status, id)),
            Representation::Problem => ("application/problem+json", problem(status, id)),
            // Envoy turns the status and the body of an answer to a gRPC call into `grpc-status` and `grpc-message`.
            Representation::Grpc => ("application/grpc", format!("{}, request id {id}", title(status))),
        };
        let headers = vec![
            ("content-type", content_type.to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("x-request-id", id.to_string()),
        ];
        Self {
            status,
            headers,
            body,
        }
    }
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad request",
        403 => "Request blocked",
        404 => "Not found",
        406 => "Not acceptable",
        413 => "Request body too large",
        429 => "Too many requests",
        500 => "Internal error",
        502 => "Response blocked",
        503 => "Service unavailable",
        _ => "Request refused",
    }
}

/// Fills in the document (RFC 9457). Nothing in it needs escaping, see [`html`].
fn problem(status: u16, id: &RequestId) -> String {
    let title = title(status);
    format!(r#"{{"type":"about:blank","title":"{title}","status":{status},"request_id":"{id}"}}"#)
}

/// Fills in the page. Nothing in it needs escaping: the texts are constants, and a [`RequestId`] holds no
/// character that HTML or JSON knows.
fn html(status: u16, id: &RequestId) -> String {
    let (title, reason) = (title(status), reason(status));
    format!(
        include_str!("refusal/page.html"),
        title = title,
        reason = reason,
        id = id
    )
}

fn reason(status: u16) -> &'static str {
    match status {
        413 => "it is larger than this site accepts",
        500.. => "this site cannot answer it safely now",
        _ => "it looks like something that could harm this site",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Headers;

    fn request(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().copied().collect()
    }

    fn refusal(status: u16, pairs: &[(&str, &str)]) -> Refusal {
        let headers = request(pairs);
        Refusal::new(status, &Recipient::of(&headers, || 1))
    }

    fn header<'a>(refusal: &'a Refusal, name: &str) -> &'a str {
        &refusal
            .headers
            .iter()
            .find(|(found, _)| *found == name)
            .unwrap()
            .1
    }

    #[test]
    fn a_browser_gets_a_page_with_the_request_id() {
        let page = refusal(403, &[("accept", "text/html"), ("x-request-id", "abc-1")]);
        assert_eq!(page.status, 403);
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert_eq!(header(&page, "cache-control"), "no-store");
        assert_eq!(header(&page, "x-request-id"), "abc-1");
        assert!(page.body.contains("<code>abc-1</code>"), "{}", page.body);
    }

    #[test]
    fn a_program_gets_a_problem_document() {
        let answer = refusal(413, &[("accept", "*/*"), ("x-request-id", "abc-1")]);
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank", "title": "Request body too large", "status": 413, "request_id": "abc-1",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn what_a_client_sent_never_reaches_the_page_unchecked() {
        let page = refusal(
            403,
            &[
                ("accept", "text/html"),
                ("x-request-id", "<script>alert(1)</script>"),
            ],
        );
        assert!(!page.body.contains("script"), "{}", page.body);
    }

    #[test]
    fn a_status_that_is_no_refusal_becomes_403() {
        for status in [0, 200, 302, 399, 600, 65_535] {
            assert_eq!(refusal(status, &[]).status, 403);
        }
    }
}
