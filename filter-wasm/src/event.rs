//! From a judged request to the event that reports it.

use secbeat_engine::{Denial, Disposition, RuleMatch, Transaction, config::Category, report};

use crate::{client, host::RequestHost, refusal::RequestId};

/// Describes a request that a rule matched or that exceeded a limit; `denial` tells how it was refused, if it was.
/// The sequence number is given when the event is buffered.
pub(crate) fn describe<H: RequestHost>(
    host: &H,
    id: &RequestId,
    transaction: &Transaction,
    denial: Option<Denial>,
) -> report::Event {
    let client = host.client().and_then(|text| client::address(&text));
    report::Event {
        seq: 0,
        time: host.now(),
        request_id: id.to_string(),
        blocked: denial.is_some(),
        status: denial.map_or(0, |denial| u32::from(denial.status)),
        revision: transaction.revision(),
        client: client.map(|address| address.to_string()).unwrap_or_default(),
        method: transaction.method().to_vec(),
        host: transaction.host().to_vec(),
        path: transaction.path().to_vec(),
        matches: transaction.matches().iter().map(describe_match).collect(),
        limit: transaction.limit_exceeded().unwrap_or_default().to_owned(),
        inbound_score: transaction.inbound_score(),
        outbound_score: transaction.outbound_score(),
        category_scores: transaction.category_scores().map(describe_score).collect(),
        matches_beyond: transaction.matches_beyond() as u64,
        would_block: denial.is_none() && transaction.would_block(),
    }
}

fn describe_score((category, score): (Category, u32)) -> report::CategoryScore {
    report::CategoryScore {
        category: category.as_str().to_owned(),
        score,
    }
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
        masked: found.masked,
        overwritten: found.disposition == Disposition::Masked,
        score: found.score,
        paranoia: u32::from(found.paranoia),
    }
}
