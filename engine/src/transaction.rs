//! One request on its way through the engine.
//!
//! ```text
//! request_headers ─▶ head ─▶ fields ─▶ phase 1 ─▶ phase 2, when no body is waited for
//! request_body ────▶ body ─▶ fields ─────────────▶ phase 2
//! response_headers ────────▶ fields ─▶ phase 3 ─▶ phase 4, when no body is waited for
//! response_body ───────────▶ fields ────────────▶ phase 4
//! finish ──────────────────────────────────────▶ phase 5     each phase: scan ─▶ run rules in order ─▶ verdict
//! ```

mod body;
mod content;
mod control;
mod explain;
mod fields;
mod head;
mod hidden;
mod overwrite;
mod response;
mod run;
mod scores;
mod stream;
mod variables;

use std::{net::IpAddr, sync::Arc};

use crate::{
    Denial, Policy, RuleMatch, Verdict,
    config::{Category, Mode},
    rule::{EngineMode, Phase},
};
use body::Body;
use control::Control;
use fields::Fields;
use head::Summary;
use hidden::Hidden;
use overwrite::Overwrites;
use response::Response;
pub use response::{MaskedBody, Uninspected};
use run::Copies;
use scores::{Direction, Scores};
use variables::Variables;

/// Start line and headers of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// Address of the client, as far as it is known.
    pub client: Option<IpAddr>,
    /// All header pairs in order, names in lower case, with HTTP/2's pseudo headers
    /// (`:method`, `:path`, `:authority`, `:scheme`) among them, as Envoy gives them.
    pub headers: &'a [(&'a [u8], &'a [u8])],
}

/// Status and headers of a response.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead<'a> {
    /// All header pairs in order, names in lower case, `:status` among them.
    pub headers: &'a [(&'a [u8], &'a [u8])],
}

/// One request on its way through the engine: a state machine that is fed in the order of the wire.
///
/// Once it denied a request or its response it says so again whatever it is fed. What it holds of a body is bounded by
/// [`crate::config::BodyPolicy::limit`] and [`crate::config::ResponsePolicy::limit`].
#[derive(Debug)]
pub struct Transaction {
    policy: Arc<Policy>,
    fields: Fields,
    summary: Summary,
    body: Body,
    response: Response,
    overwrites: Overwrites,
    variables: Variables,
    control: Control,
    matches: Vec<RuleMatch>,
    matches_beyond: usize,
    hidden: Hidden,
    copies: Copies,
    scores: Scores,
    would_block: bool,
    denial: Option<Denial>,
    limit_exceeded: Option<&'static str>,
    /// Phases whose rules were evaluated.
    evaluated: [bool; Phase::ALL.len()],
}

impl Transaction {
    /// Name of the limit that a body longer than [`crate::config::BodyPolicy::limit`] exceeds.
    pub const BODY_OVER_LIMIT: &'static str = "body_over_limit";
    /// Status in place of a response that was refused: the fault is not the client's.
    pub(crate) const BAD_RESPONSE: u16 = 502;

    /// Starts a transaction under a policy, and keeps to that policy until it ends.
    pub fn new(policy: Arc<Policy>) -> Self {
        let mode = match policy.mode {
            Mode::Off => EngineMode::Off,
            Mode::Detect => EngineMode::DetectionOnly,
            Mode::Block => EngineMode::On,
        };
        Self {
            policy,
            fields: Fields::default(),
            summary: Summary::default(),
            body: Body::default(),
            response: Response::default(),
            overwrites: Overwrites::default(),
            variables: Variables::default(),
            control: Control::new(mode),
            matches: Vec::new(),
            matches_beyond: 0,
            hidden: Hidden::default(),
            copies: Copies::default(),
            scores: Scores::default(),
            would_block: false,
            denial: None,
            limit_exceeded: None,
            evaluated: [false; Phase::ALL.len()],
        }
    }

    /// Inspects start line and headers. `end` tells that no body follows.
    ///
    /// [`Verdict::Hold`] asks for the body before anything may go on; with [`Verdict::Allow`] the rest of the
    /// request passes, and [`Transaction::wants_body`] tells whether it shall be shown as it streams by.
    ///
    /// Never held are CONNECT requests, upgrades (`upgrade` and `connection: upgrade`, and no body announced), whose
    /// bytes belong to another protocol and are not inspected at all; and gRPC calls (`application/grpc` with
    /// `te: trailers`), whose bytes are inspected as they stream by, unless they turn out to be no gRPC messages.
    pub fn request_headers(&mut self, head: &RequestHead<'_>, end: bool) -> Verdict {
        if self.control.is_off() {
            self.body.pass();
            return Verdict::Allow;
        }
        let policy = Arc::clone(&self.policy);
        self.summary = head::collect(head, &policy, &mut self.fields);
        if let Some(verdict) = self.evaluate(Phase::RequestHeaders) {
            return verdict;
        }
        self.begin_body(end)
    }

    /// Whether more of the body is worth handing to [`Transaction::request_body`].
    pub fn wants_body(&self) -> bool {
        self.denial.is_none() && self.body.wants_more()
    }

    /// Inspects the next piece of the body; `end` tells that it is the last one.
    /// After [`Verdict::Hold`] comes the next piece; after [`Verdict::Allow`] everything held back may go on.
    pub fn request_body(&mut self, chunk: &[u8], end: bool) -> Verdict {
        match self.denial {
            Some(denial) => Verdict::Deny(denial),
            None => self.continue_body(chunk, end),
        }
    }

    /// What matched so far, in order, bounded by [`RuleMatch::PER_TRANSACTION`].
    pub fn matches(&self) -> &[RuleMatch] {
        &self.matches
    }

    /// How many matches there were beyond those kept.
    pub fn matches_beyond(&self) -> usize {
        self.matches_beyond
    }

    /// What the request scored, as far as it counts towards [`crate::config::Scoring::inbound_threshold`].
    pub fn inbound_score(&self) -> u32 {
        self.scores.total(Direction::Inbound)
    }

    /// What the response scored, as far as it counts towards [`crate::config::Scoring::outbound_threshold`].
    pub fn outbound_score(&self) -> u32 {
        self.scores.total(Direction::Outbound)
    }

    /// What request and response scored by category, without categories that scored nothing.
    pub fn category_scores(&self) -> impl Iterator<Item = (Category, u32)> {
        self.scores.categories()
    }

    /// Whether something was let pass only because the policy refuses nothing ([`Mode::Detect`]).
    pub fn would_block(&self) -> bool {
        self.would_block && self.denial.is_none()
    }

    /// The refusal, once there was one.
    pub fn denial(&self) -> Option<Denial> {
        self.denial
    }

    /// The limit that the request exceeded, whether it was refused for it or not.
    pub fn limit_exceeded(&self) -> Option<&'static str> {
        self.limit_exceeded
    }

    /// Whether there is anything to report: a match, or a limit exceeded.
    pub fn has_findings(&self) -> bool {
        !self.matches.is_empty() || self.limit_exceeded.is_some()
    }

    /// Request method, at most 32 bytes; empty before the headers were seen.
    pub fn method(&self) -> &[u8] {
        self.fields.slice(self.summary.method)
    }

    /// Authority, at most 256 bytes; empty before the headers were seen.
    pub fn host(&self) -> &[u8] {
        self.fields.slice(self.summary.host)
    }

    /// Path without query as it came, at most 1,024 bytes; empty before the headers were seen.
    pub fn path(&self) -> &[u8] {
        self.fields.slice(self.summary.path)
    }

    /// Revision of the policy that decides.
    pub fn revision(&self) -> u64 {
        self.policy.revision()
    }

    /// The policy that decides.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }
}

#[cfg(test)]
mod tests;
