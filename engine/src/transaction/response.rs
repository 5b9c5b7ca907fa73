//! The response body, and the end of a transaction.

use super::Transaction;
use crate::{
    Verdict,
    rule::{Collection, Phase},
};

/// How far the body of a response has come.
#[derive(Debug, Default)]
pub(super) struct ResponseBody {
    held: Vec<u8>,
    is_done: bool,
}

impl Transaction {
    /// Whether the response body is worth handing to [`Transaction::response_body`]: some rule looks at it.
    pub fn wants_response_body(&self) -> bool {
        self.denial.is_none()
            && !self.control.is_off()
            && !self.response.is_done
            && self.policy.plan.has_rules(Phase::ResponseBody)
    }

    /// Inspects the next piece of the response body (phase 4); `end` tells that it is the last one.
    ///
    /// The first [`crate::config::BodyPolicy::limit`] bytes are inspected, the rest passes unseen.
    pub fn response_body(&mut self, chunk: &[u8], end: bool) -> Verdict {
        if let Some(denial) = self.denial {
            return Verdict::Deny(denial);
        }
        if !self.wants_response_body() {
            return Verdict::Allow;
        }
        let held = &mut self.response.held;
        let room = self.policy.body.limit.saturating_sub(held.len());
        held.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        if !end && chunk.len() <= room {
            return Verdict::Hold;
        }
        self.response.is_done = true;
        let body = std::mem::take(&mut self.response.held);
        self.fields.add(Collection::ResponseBody, &body);
        self.evaluate(Phase::ResponseBody).unwrap_or(Verdict::Allow)
    }

    /// Evaluates the rules of the logging phase (phase 5), which refuse nothing. To be called once, at the end.
    pub fn finish(&mut self) {
        self.evaluate(Phase::Logging);
    }
}
