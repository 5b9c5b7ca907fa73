//! Responses: held while they may still be refused or masked, watched while they may not; and the end of all.
//!
//! What streams is never held, nor is what cannot be read anyway: encoded bodies and parts of documents.

use std::borrow::Cow;

use super::{ResponseHead, Transaction, head::ResponseSummary};
use crate::{
    Verdict,
    config::{ResponseOverLimit, ResponsePolicy},
    rule::{Collection, Phase},
};

/// How far the body of a response has come.
#[derive(Debug, Default)]
pub(super) enum ResponseBody {
    /// The headers were not seen yet.
    #[default]
    Unknown,
    /// Everything that came so far is held.
    Held(Vec<u8>),
    /// It goes on at once, for nothing will be refused, and is looked at when it is complete.
    Watched(Vec<u8>),
    /// Nothing more of it is inspected.
    Passed,
}

/// Why a response body that rules would have looked at was not inspected, or not as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uninspected {
    /// It is encoded (`content-encoding`), as compressed bodies are.
    Encoded,
    /// It is longer than [`ResponsePolicy::limit`].
    OverLimit,
}

impl Transaction {
    /// Inspects status and headers of the response (phase 3). `end` tells that no body follows.
    ///
    /// [`Verdict::Hold`] asks for the body before anything may go on; with [`Verdict::Allow`] the response passes, and
    /// [`Transaction::wants_response_body`] tells whether the body shall be shown as it streams by. With either of them,
    /// [`Transaction::masked_headers`] tells whether the headers have to be changed first.
    ///
    /// Never held are answers that switch protocols or open a tunnel, parts of a document (`206`), encoded bodies,
    /// content types that are not configured, and what nothing would be refused of anyway.
    pub fn response_headers(&mut self, head: &ResponseHead<'_>, end: bool) -> Verdict {
        if let Some(denial) = self.denial {
            return Verdict::Deny(denial);
        }
        self.response = ResponseBody::Passed;
        if self.control.is_off() {
            return Verdict::Allow;
        }
        let summary = super::head::collect_response(head, &self.policy, &mut self.fields);
        match self.evaluate(Phase::ResponseHeaders) {
            Some(verdict) => verdict,
            None => self.begin_response_body(&summary, end),
        }
    }

    /// The values of all headers as they have to go on, in the same order, if any was masked.
    pub fn masked_headers<'a>(&self, head: &ResponseHead<'a>) -> Option<Vec<Cow<'a, [u8]>>> {
        self.overwrites.headers(head)
    }

    /// Whether the response body is worth handing to [`Transaction::response_body`]: some rule looks at it.
    pub fn wants_response_body(&self) -> bool {
        self.denial.is_none() && matches!(self.response, ResponseBody::Held(_) | ResponseBody::Watched(_))
    }

    /// Inspects the next piece of the response body (phase 4); `end` tells that it is the last one.
    ///
    /// After [`Verdict::Hold`] comes the next piece; after [`Verdict::Allow`] everything held back may go on, once
    /// [`Transaction::masked_body`] was put in the place of its beginning.
    pub fn response_body(&mut self, chunk: &[u8], end: bool) -> Verdict {
        if let Some(denial) = self.denial {
            return Verdict::Deny(denial);
        }
        let limit = self.policy.response.limit;
        let (kept, is_held) = match &mut self.response {
            ResponseBody::Unknown | ResponseBody::Passed => return Verdict::Allow,
            ResponseBody::Held(kept) => (kept, true),
            ResponseBody::Watched(kept) => (kept, false),
        };
        let room = limit.saturating_sub(kept.len());
        let (fitting, beyond) = chunk.split_at_checked(room).unwrap_or((chunk, &[]));
        kept.extend_from_slice(fitting);
        if !beyond.is_empty() {
            self.uninspected = Some(Uninspected::OverLimit);
            if self.policy.response.over_limit == ResponseOverLimit::Skip {
                return self.pass_response_body();
            }
        } else if !end {
            return if is_held { Verdict::Hold } else { Verdict::Allow };
        }
        if let ResponseBody::Held(body) | ResponseBody::Watched(body) = std::mem::take(&mut self.response) {
            self.fields.add(Collection::ResponseBody, &body);
        }
        self.pass_response_body()
    }

    /// The beginning of the response body as it has to go on, if anything in it was masked. It takes the place of as many
    /// bytes.
    pub fn masked_body(&self) -> Option<Vec<u8>> {
        let body = self
            .fields
            .iter()
            .find(|field| field.collection == Collection::ResponseBody)?;
        self.overwrites.body(body.value)
    }

    /// Why the response body was not inspected, or not as a whole, although rules would have looked at it.
    pub fn response_uninspected(&self) -> Option<Uninspected> {
        self.uninspected
    }

    /// Evaluates the rules of the logging phase (phase 5), which refuse nothing. To be called once, at the end.
    pub fn finish(&mut self) {
        self.evaluate(Phase::Logging);
    }

    /// Decides what happens with the body once the headers were found clean.
    fn begin_response_body(&mut self, summary: &ResponseSummary, end: bool) -> Verdict {
        let plan = &self.policy.plan;
        let is_moot = self.control.is_off() || self.control.is_released(Phase::ResponseBody);
        if is_moot || !plan.has_rules(Phase::ResponseBody) {
            return Verdict::Allow;
        }
        let policy = &self.policy.response;
        let has_none = end || summary.has_no_body() || self.is_for_head();
        if has_none
            || !policy.inspect
            || !plan.uses(Collection::ResponseBody)
            || self.summary.is_connect
            || summary.is_partial()
            || !is_configured(policy, summary)
        {
            return self.pass_response_body();
        }
        if summary.is_encoded {
            self.uninspected = Some(Uninspected::Encoded);
            return self.pass_response_body();
        }
        let is_over = summary
            .content_length
            .is_some_and(|length| length > policy.limit as u64);
        if is_over && policy.over_limit == ResponseOverLimit::Skip {
            self.uninspected = Some(Uninspected::OverLimit);
            return self.pass_response_body();
        }
        if self.control.is_on() {
            self.response = ResponseBody::Held(Vec::new());
            Verdict::Hold
        } else {
            self.response = ResponseBody::Watched(Vec::new());
            Verdict::Allow
        }
    }

    /// Evaluates the body phase with what there is of the body.
    fn pass_response_body(&mut self) -> Verdict {
        self.response = ResponseBody::Passed;
        self.evaluate(Phase::ResponseBody).unwrap_or(Verdict::Allow)
    }

    fn is_for_head(&self) -> bool {
        self.method() == b"HEAD"
    }
}

/// Whether bodies of this content type are inspected.
fn is_configured(policy: &ResponsePolicy, summary: &ResponseSummary) -> bool {
    const UNSTATED: &[u8] = b"text/plain";
    let kind = if summary.content_type.is_empty() {
        UNSTATED
    } else {
        &summary.content_type
    };
    policy
        .content_types
        .iter()
        .any(|configured| configured.as_bytes().eq_ignore_ascii_case(kind))
}
