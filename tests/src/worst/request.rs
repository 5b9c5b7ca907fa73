//! A request with its response, as the engine is shown it and as a client sends it.

use std::sync::Arc;

use secbeat_engine::{Policy, RequestHead, ResponseHead, Transaction, Verdict};

use crate::Request;

type Pair = (Vec<u8>, Vec<u8>);

/// A request, and what answers it where that matters.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Method.
    pub method: &'static str,
    /// Path with query.
    pub target: Vec<u8>,
    /// Headers besides those of any client.
    pub headers: Vec<Pair>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// Headers and body of the response.
    pub response: Option<(Vec<Pair>, Vec<u8>)>,
}

impl Shown {
    /// A request for a path with query.
    pub fn get(target: Vec<u8>) -> Self {
        Self {
            method: "GET",
            target,
            headers: Vec::new(),
            body: None,
            response: None,
        }
    }

    /// A request with a body of a type.
    pub fn post(content_type: &str, body: Vec<u8>) -> Self {
        Self {
            method: "POST",
            headers: vec![(b"content-type".to_vec(), content_type.as_bytes().to_vec())],
            body: Some(body),
            ..Self::get(b"/".to_vec())
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &[u8], value: Vec<u8>) -> Self {
        self.headers.push((name.to_vec(), value));
        self
    }

    /// A request that is answered with this.
    pub fn answered(headers: Vec<Pair>, body: Vec<u8>) -> Self {
        Self {
            response: Some((headers, body)),
            ..Self::get(b"/".to_vec())
        }
    }

    /// What a client sends.
    pub fn request(&self) -> Request {
        let headers = self.headers.iter();
        let request = headers.fold(
            Request::new(self.method, &self.target),
            |request, (name, value)| request.header(&String::from_utf8_lossy(name), value),
        );
        match &self.body {
            Some(body) => request.body(body),
            None => request,
        }
    }

    /// Shows it to the engine; the verdict is the last one.
    pub fn run(&self, policy: &Arc<Policy>) -> (Verdict, Transaction) {
        let mut transaction = Transaction::new(Arc::clone(policy));
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", self.method.as_bytes()),
            (b":path", &self.target),
            (b":scheme", b"http"),
            (b":authority", b"shop.example.com"),
            (b"accept", b"*/*"),
        ];
        headers.extend(pairs(&self.headers));
        let head = RequestHead {
            client: None,
            headers: &headers,
        };
        let mut verdict = transaction.request_headers(&head, self.body.is_none());
        if let (Verdict::Hold, Some(body)) = (verdict, &self.body) {
            verdict = transaction.request_body(body, true);
        }
        if let (Verdict::Allow, Some((headers, body))) = (verdict, &self.response) {
            let mut all: Vec<(&[u8], &[u8])> = vec![(b":status", b"200"), (b"content-type", b"text/html")];
            all.extend(pairs(headers));
            verdict = transaction.response_headers(&ResponseHead { headers: &all }, body.is_empty());
            if verdict == Verdict::Hold {
                verdict = transaction.response_body(body, true);
            }
        }
        (verdict, transaction)
    }
}

fn pairs(pairs: &[Pair]) -> impl Iterator<Item = (&[u8], &[u8])> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
}
