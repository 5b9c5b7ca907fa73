//! From a judged request to the event that reports it.

use secbeat_engine::{Denial, Disposition, RuleMatch, Transaction, report};

use crate::{
    client,
    host::{Headers, RequestHost},
    refusal::RequestId,
};

/// Bytes kept of the method.
const METHOD_LIMIT: usize = 32;
/// Bytes kept of the authority.
const HOST_LIMIT: usize = 256;
/// Bytes kept of the path.
const PATH_LIMIT: usize = 1024;

/// The one limit that refuses requests so far.
const BODY_OVER_LIMIT: &str = "body_over_limit";

/// Describes a request that a rule matched or a limit refused; `denial` tells how, if it was refused.
/// The sequence number is given when the event is buffered.
pub(crate) fn describe<H: RequestHost>(
    host: &H,
    request: &Headers,
    id: &RequestId,
    transaction: &Transaction,
    denial: Option<Denial>,
) -> report::Event {
    let value = |name: &str, limit: usize| {
        let found = request.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| bounded(value, limit)).unwrap_or_default()
    };
    report::Event {
        seq: 0,
        time: host.now(),
        request_id: id.to_string(),
        blocked: denial.is_some(),
        status: denial.map_or(0, |denial| u32::from(denial.status)),
        revision: transaction.revision(),
        client: host
            .client()
            .and_then(|text| client::address(&text))
            .map(|ip| ip.to_string())
            .unwrap_or_default(),
        method: value(":method", METHOD_LIMIT),
        host: value(":authority", HOST_LIMIT),
        path: path(request),
        matches: transaction.matches().iter().map(describe_match).collect(),
        limit: denial
            .filter(|denial| denial.rule.is_none())
            .map_or("", |_| BODY_OVER_LIMIT)
            .to_owned(),
    }
}

/// The path without the query: queries carry what must not be kept, and what matched is reported with the match.
fn path(request: &Headers) -> Vec<u8> {
    let target = request.iter().find(|(name, _)| name == ":path");
    let path = target.and_then(|(_, value)| value.split(|byte| matches!(byte, b'?' | b'#')).next());
    bounded(path.unwrap_or_default(), PATH_LIMIT)
}

fn describe_match(found: &RuleMatch) -> report::EventMatch {
    report::EventMatch {
        rule: found.rule.0,
        message: found.message.to_string(),
        category: found.category.as_str().to_owned(),
        severity: found.severity.as_str().to_owned(),
        target: found.target.clone(),
        matched: found.matched.clone(),
        blocked: found.disposition == Disposition::Blocked,
    }
}

fn bounded(bytes: &[u8], limit: usize) -> Vec<u8> {
    bytes.get(..limit).unwrap_or(bytes).to_vec()
}
