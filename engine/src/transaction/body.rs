//! Request bodies: held until they are complete, inspected, let go.

use super::{Transaction, content, scores::Direction, stream};
use crate::{
    Denial, Verdict,
    config::OverLimit,
    rule::{Collection, Phase},
};
use stream::Window;

/// Status of the answer to a request whose body is longer than allowed.
const TOO_LARGE_STATUS: u16 = 413;

/// How far the body of a request has come.
#[derive(Debug, Default)]
pub(super) enum Body {
    /// The headers were not seen yet.
    #[default]
    Unknown,
    /// Everything that came so far is held.
    Held(Vec<u8>),
    /// It is inspected as it streams by.
    Streamed(Window),
    /// Nothing more of it is inspected.
    Passed,
}

impl Body {
    /// Nothing of the body is inspected from now on.
    pub(super) fn pass(&mut self) {
        *self = Self::Passed;
    }

    pub(super) fn wants_more(&self) -> bool {
        matches!(self, Self::Held(_) | Self::Streamed(_))
    }
}

impl Transaction {
    /// Decides what happens with the body once the headers were found clean.
    pub(super) fn begin_body(&mut self, end: bool) -> Verdict {
        let policy = &self.policy.body;
        let is_opaque = stream::is_opaque(&self.summary);
        if end || is_opaque || !policy.inspect || self.control.is_off() {
            return self.pass_body();
        }
        if stream::is_grpc(&self.summary, &self.fields) {
            let plan = &self.policy.plan;
            if !plan.uses(Collection::Body) && !plan.uses(Collection::ParseErrors) {
                return self.pass_body();
            }
            // The head goes on now, so that its score cannot wait for the body.
            if let Some(verdict) = self.judge(Direction::Inbound) {
                return verdict;
            }
            self.body = Body::Streamed(Window::default());
            return Verdict::Allow;
        }
        if self
            .summary
            .content_length
            .is_some_and(|length| length > policy.limit as u64)
        {
            match self.over_limit() {
                OverLimit::Reject => return self.reject(),
                OverLimit::Skip => return self.pass_body(),
                OverLimit::InspectPrefix => {}
            }
        }
        self.body = Body::Held(Vec::new());
        Verdict::Hold
    }

    /// Takes one more piece of the body.
    pub(super) fn continue_body(&mut self, chunk: &[u8], end: bool) -> Verdict {
        match &mut self.body {
            Body::Unknown | Body::Passed => Verdict::Allow,
            Body::Streamed(_) => self.stream_body(chunk, end),
            Body::Held(held) => {
                let room = self.policy.body.limit.saturating_sub(held.len());
                let (fitting, beyond) = chunk.split_at_checked(room).unwrap_or((chunk, &[]));
                held.extend_from_slice(fitting);
                if !beyond.is_empty() {
                    return self.end_beyond_limit();
                }
                if end {
                    self.inspect_body(false)
                } else {
                    Verdict::Hold
                }
            }
        }
    }

    fn end_beyond_limit(&mut self) -> Verdict {
        match self.over_limit() {
            OverLimit::Reject => self.reject(),
            OverLimit::Skip => self.pass_body(),
            OverLimit::InspectPrefix => self.inspect_body(true),
        }
    }

    /// Notes that the body is too long, and tells what to do about it: where nothing is refused, the beginning is
    /// inspected instead.
    fn over_limit(&mut self) -> OverLimit {
        self.limit_exceeded = Some(Self::BODY_OVER_LIMIT);
        match self.policy.body.over_limit {
            OverLimit::Reject if !self.control.is_on() => {
                self.would_block = true;
                OverLimit::InspectPrefix
            }
            configured => configured,
        }
    }

    fn reject(&mut self) -> Verdict {
        let denial = Denial {
            status: TOO_LARGE_STATUS,
            rule: None,
        };
        self.body = Body::Passed;
        self.denial = Some(denial);
        Verdict::Deny(denial)
    }

    /// Evaluates the body phase without a body.
    fn pass_body(&mut self) -> Verdict {
        self.body = Body::Passed;
        self.evaluate(Phase::RequestBody).unwrap_or(Verdict::Allow)
    }

    fn inspect_body(&mut self, is_truncated: bool) -> Verdict {
        if let Body::Held(body) = std::mem::take(&mut self.body) {
            content::collect(&body, is_truncated, &self.summary, &self.policy, &mut self.fields);
        }
        self.pass_body()
    }
}
