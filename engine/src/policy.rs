//! A compiled policy: immutable, shared by every transaction.

mod expressions;

use crate::{
    config::{BodyPolicy, Limits, Mode, ResponsePolicy, Scoring},
    mask::Mask,
    plan::Plan,
    rule::{Collection, Phase},
};

/// A compiled policy: immutable, shared by every transaction.
#[derive(Debug)]
pub struct Policy {
    pub(crate) revision: u64,
    pub(crate) mode: Mode,
    pub(crate) body: BodyPolicy,
    pub(crate) response: ResponsePolicy,
    pub(crate) limits: Limits,
    pub(crate) mask: Mask,
    pub(crate) scoring: Scoring,
    pub(crate) plan: Plan,
    pub(crate) size: usize,
}

impl Policy {
    /// Rules in a policy, those of packs included; a pattern counts once per phase that it looks at.
    pub const RULES_LIMIT: usize = 20_000;
    /// Bytes that the compiled rules of a policy may take, once all of them were needed.
    pub const SIZE_LIMIT: usize = 128 * 1024 * 1024;

    /// Revision number of the configuration that it was compiled from.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What happens with what the rules find.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How request bodies are held and inspected.
    pub fn body(&self) -> &BodyPolicy {
        &self.body
    }

    /// Whether a request shall be inspected at all ([`Scoring::sampling_percent`]). To be asked once for each request,
    /// response included. `draw` gives evenly distributed numbers that nobody who sends requests can foresee or has a
    /// part in: with a number made of what the request says (an address, an id), whoever found one request that passes
    /// unseen could send it again.
    pub fn samples(&self, draw: impl FnOnce() -> u64) -> bool {
        let share = self.scoring.sampling_percent;
        share >= 100 || (u128::from(draw()) * 100) >> u64::BITS < u128::from(share)
    }

    /// Whether some rule looks at the client's address, so that it is worth finding out.
    pub fn uses_client(&self) -> bool {
        self.plan.uses(Collection::Client)
    }

    /// Whether there is a rule of the response phases (3 and 4), so that responses are worth showing.
    pub fn inspects_responses(&self) -> bool {
        let has_rules = |phase| self.plan.has_rules(phase);
        self.mode != Mode::Off && (has_rules(Phase::ResponseHeaders) || has_rules(Phase::ResponseBody))
    }

    /// How responses are held and inspected.
    pub fn response(&self) -> &ResponsePolicy {
        &self.response
    }

    /// Whether some rule looks at the bodies of responses.
    pub fn inspects_response_bodies(&self) -> bool {
        self.mode != Mode::Off && self.response.inspect && self.plan.uses(Collection::ResponseBody)
    }

    /// Whether there is a rule of the last phase (5), so that [`crate::Transaction::finish`] is worth calling.
    pub fn inspects_ends(&self) -> bool {
        self.mode != Mode::Off && self.plan.has_rules(Phase::Logging)
    }

    /// How many rules are in force; a pattern counts once per phase that it looks at.
    pub fn rules(&self) -> usize {
        self.plan.rules.len()
    }

    /// Bytes that the compiled rules take at most, roughly: once all of them were needed.
    pub fn size(&self) -> usize {
        self.size
    }
}
