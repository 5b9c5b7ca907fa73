//! A request that nobody sent: shown to the engine as Envoy would show it, for the trace.
//!
//! The API and the command line fill one in, each from its own words. Nothing is counted, stored or changed.

use std::{net::IpAddr, sync::Arc};

use secbeat_engine::{Policy, RequestHead, ResponseHead, Transaction, Verdict, trace::Trace};

/// A request that nobody sent, and perhaps the answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trial {
    /// Request method.
    pub method: String,
    /// Path and query, as they stand on the wire.
    pub path: String,
    /// Headers in order; `host` among them.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, as it is once the transfer coding is undone.
    pub body: Vec<u8>,
    /// Address of the client.
    pub client: Option<IpAddr>,
    /// What the origin answers, if rules shall see it.
    pub response: Option<TrialResponse>,
}

/// What the origin answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrialResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Trial {
    /// Headers that one message may have.
    pub const HEADERS_LIMIT: usize = 256;
    /// Bytes of the path and of a header's value.
    pub const TEXT_LIMIT: usize = 64 * 1024;
    /// Bytes of a piece of a body, as Envoy reads them.
    const PIECE: usize = 16 * 1024;

    /// Shows the request to the engine, and tells what it made of it. Takes as long as the policy needs: not for a
    /// thread that others wait for.
    pub fn run(&self, policy: Arc<Policy>) -> Trace {
        let mut transaction = Transaction::new(policy);
        let pairs = self.pairs();
        let head = RequestHead {
            client: self.client,
            headers: &borrowed(&pairs),
        };
        let mut verdict = transaction.request_headers(&head, self.body.is_empty());
        let mut pieces = self.body.chunks(Self::PIECE).peekable();
        while verdict == Verdict::Hold || (verdict == Verdict::Allow && transaction.wants_body()) {
            let Some(piece) = pieces.next() else { break };
            verdict = transaction.request_body(piece, pieces.peek().is_none());
        }
        if let Some(response) = &self.response
            && verdict == Verdict::Allow
        {
            response.show(&mut transaction);
        }
        transaction.explain()
    }

    /// The headers as Envoy gives them: pseudo headers first, names in lower case.
    fn pairs(&self) -> Vec<(String, Vec<u8>)> {
        let lower = lower(&self.headers);
        let host = lower.iter().find(|(name, _)| name == "host");
        let host = host.map(|(_, host)| host.clone()).unwrap_or_default();
        let mut pairs = vec![
            (":authority".to_owned(), host),
            (":path".to_owned(), self.path.clone().into_bytes()),
            (":method".to_owned(), self.method.clone().into_bytes()),
            (":scheme".to_owned(), b"http".to_vec()),
        ];
        pairs.extend(lower.into_iter().filter(|(name, _)| name != "host"));
        let has_length = pairs
            .iter()
            .any(|(name, _)| matches!(name.as_str(), "content-length" | "transfer-encoding"));
        if !self.body.is_empty() && !has_length {
            let length = self.body.len().to_string();
            pairs.push(("content-length".to_owned(), length.into_bytes()));
        }
        pairs
    }
}

impl TrialResponse {
    fn show(&self, transaction: &mut Transaction) {
        let mut pairs = vec![(":status".to_owned(), self.status.to_string().into_bytes())];
        pairs.extend(lower(&self.headers));
        let head = ResponseHead {
            headers: &borrowed(&pairs),
        };
        if let Verdict::Deny(_) = transaction.response_headers(&head, self.body.is_empty()) {
            return;
        }
        let mut pieces = self.body.chunks(Trial::PIECE).peekable();
        while transaction.wants_response_body() {
            let Some(piece) = pieces.next() else { break };
            transaction.response_body(piece, pieces.peek().is_none());
        }
    }
}

fn lower(headers: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let folded = headers.iter();
    folded
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_ascii().to_vec()))
        .collect()
}

fn borrowed(pairs: &[(String, Vec<u8>)]) -> Vec<(&[u8], &[u8])> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_slice()))
        .collect()
}

/// Whether a text is a token (RFC 9110, section 5.6.2), as methods and names of headers are.
pub fn is_token(text: &str) -> bool {
    let is_mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

/// What is wrong with a method, if anything.
pub fn check_method(text: &str) -> Result<(), String> {
    if is_token(text) && text.len() <= 32 {
        Ok(())
    } else {
        Err("expected a method such as GET, at most 32 bytes".to_owned())
    }
}

/// What is wrong with a path, if anything.
pub fn check_path(text: &str) -> Result<(), String> {
    let is_target = text.starts_with('/') && !text.bytes().any(|byte| byte <= b' ' || byte == 0x7f);
    if is_target && text.len() <= Trial::TEXT_LIMIT {
        return Ok(());
    }
    let limit = Trial::TEXT_LIMIT;
    Err(format!(
        "expected path and query as they stand on the wire: from / on, without white space, at most {limit} bytes"
    ))
}

/// What is wrong with a header's name, if anything.
pub fn check_header_name(text: &str) -> Result<(), String> {
    if is_token(text) && text.len() <= 256 {
        Ok(())
    } else {
        Err("expected the name of a header, at most 256 bytes".to_owned())
    }
}

/// What is wrong with a header's value, if anything.
pub fn check_header_value(value: &[u8]) -> Result<(), String> {
    let is_broken = value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    if !is_broken && value.len() <= Trial::TEXT_LIMIT {
        return Ok(());
    }
    let limit = Trial::TEXT_LIMIT;
    Err(format!(
        "expected a header's value without line ends and zero bytes, at most {limit} bytes"
    ))
}
