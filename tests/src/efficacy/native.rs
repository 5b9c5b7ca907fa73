//! Shows samples to the engine alone, as Envoy would: names in lower case, pseudo headers first, the body at once.
//!
//! What Envoy itself refuses (a header with an underscore in its name, a request that it cannot read) passes here too,
//! for nothing blocked it.

use std::sync::Arc;

use secbeat_engine::{Disposition, Policy, RequestHead, RuleMatch, Transaction, Verdict};

use super::{
    Sample, Step,
    sample::{bytes, unarmoured},
};

/// The host that `score.py` names.
const HOST: &[u8] = b"www.example.com";

/// What the engine says of a sample.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Whether one of its requests was answered with 403.
    pub is_blocked: bool,
    /// The rules that did it.
    pub matches: Vec<RuleMatch>,
}

/// Runs a sample; the first request that is blocked decides.
pub fn run(policy: &Arc<Policy>, sample: &Sample) -> Outcome {
    let mut outcomes = sample.steps().iter().map(|step| run_step(policy, step));
    outcomes.find(|outcome| outcome.is_blocked).unwrap_or_default()
}

fn run_step(policy: &Arc<Policy>, step: &Step) -> Outcome {
    let request = match &step.raw {
        Some(raw) => Request::of_wire(&unarmoured(raw)),
        None => Some(Request::of_step(step)),
    };
    match request {
        Some(request) if !request.is_refused_by_envoy() => request.run(policy),
        _ => Outcome::default(),
    }
}

/// A request as Envoy shows it to a filter.
struct Request {
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request {
    fn of_step(step: &Step) -> Self {
        let headers = step.headers.iter();
        Self::new(
            step.method.as_bytes(),
            &bytes(&step.target),
            std::iter::once((b"host".to_vec(), HOST.to_vec()))
                .chain(headers.map(|(name, value)| (bytes(name), bytes(value)))),
            step.body.as_deref().map(bytes),
        )
    }

    /// Reads a request of HTTP/1.1, if it is one.
    fn of_wire(wire: &[u8]) -> Option<Self> {
        let end = wire.windows(4).position(|window| window == b"\r\n\r\n")?;
        let (head, body) = wire.split_at_checked(end + 4)?;
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let mut start = lines.next()?.split(|byte| *byte == b' ');
        let (method, target) = (start.next()?, start.next()?);
        let mut headers = Vec::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            headers.push((name.to_vec(), value.get(1..)?.to_vec()));
        }
        let body = (!body.is_empty()).then(|| body.to_vec());
        Some(Self::new(method, target, headers.into_iter(), body))
    }

    fn new(
        method: &[u8],
        target: &[u8],
        headers: impl Iterator<Item = (Vec<u8>, Vec<u8>)>,
        body: Option<Vec<u8>>,
    ) -> Self {
        let mut pairs = vec![
            (b":path".to_vec(), target.to_vec()),
            (b":method".to_vec(), method.to_vec()),
            (b":scheme".to_vec(), b"http".to_vec()),
        ];
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            let name = if name == b"host" {
                b":authority".to_vec()
            } else {
                name
            };
            pairs.push((name, value.trim_ascii().to_vec()));
        }
        if let Some(body) = &body {
            pairs.push((b"content-length".to_vec(), body.len().to_string().into_bytes()));
        }
        Self { headers: pairs, body }
    }

    fn is_refused_by_envoy(&self) -> bool {
        let hosts = self.headers.iter().filter(|(name, _)| name == b":authority");
        hosts.count() != 1
            || self.headers.iter().any(|(name, value)| {
                name.contains(&b'_') || value.iter().any(|byte| b"\0\r\n".contains(byte))
            })
    }

    fn run(&self, policy: &Arc<Policy>) -> Outcome {
        let headers: Vec<(&[u8], &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect();
        let head = RequestHead {
            client: None,
            headers: &headers,
        };
        let mut transaction = Transaction::new(Arc::clone(policy));
        let mut verdict = transaction.request_headers(&head, self.body.is_none());
        if let (Verdict::Hold, Some(body)) = (verdict, &self.body) {
            verdict = transaction.request_body(body, true);
        }
        let matches = transaction.matches().iter();
        Outcome {
            is_blocked: matches!(verdict, Verdict::Deny(denial) if denial.status == 403),
            matches: matches
                .filter(|found| found.disposition == Disposition::Blocked)
                .cloned()
                .collect(),
        }
    }
}
