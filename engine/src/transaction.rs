//! One request on its way through the engine.

use std::{net::IpAddr, sync::Arc};

use crate::{Policy, RuleMatch, Verdict};

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
#[derive(Debug)]
pub struct Transaction {
    policy: Arc<Policy>,
}

impl Transaction {
    /// Starts a transaction under a policy, and keeps to that policy until it ends.
    pub fn new(policy: Arc<Policy>) -> Self {
        Self { policy }
    }

    /// Inspects start line and headers. `end` tells that no body follows.
    ///
    /// [`Verdict::Hold`] asks for the body before anything may go on; with [`Verdict::Allow`] the rest of the
    /// request passes, and [`Transaction::wants_body`] tells whether it shall be shown as it streams by.
    pub fn request_headers(&mut self, _head: &RequestHead<'_>, _end: bool) -> Verdict {
        Verdict::Allow
    }

    /// Whether more of the body is worth handing to [`Transaction::request_body`].
    pub fn wants_body(&self) -> bool {
        false
    }

    /// Inspects the next piece of the body; `end` tells that it is the last one.
    /// After [`Verdict::Hold`] comes the next piece; after [`Verdict::Allow`] everything held back may go on.
    pub fn request_body(&mut self, _chunk: &[u8], _end: bool) -> Verdict {
        Verdict::Allow
    }

    /// Inspects status and headers of the response (phase 3).
    pub fn response_headers(&mut self, _head: &ResponseHead<'_>) -> Verdict {
        Verdict::Allow
    }

    /// What matched so far, in order, bounded by [`RuleMatch::PER_TRANSACTION`].
    pub fn matches(&self) -> &[RuleMatch] {
        &[]
    }

    /// Revision of the policy that decides.
    pub fn revision(&self) -> u64 {
        self.policy.revision()
    }
}
