//! Responses: held while they may still be refused or masked, watched while they may not; and the end of all.
//!
//! What streams is never held, nor is what cannot be read anyway: unknown encodings. Parts of documents are, for a client
//! asks for them as it likes, and the only part may be the whole.

mod inflate;
mod intake;
pub(super) mod wide;

use std::borrow::Cow;

use super::{ResponseHead, Transaction, head::ResponseSummary};
use crate::{
    Verdict,
    config::ResponseOverLimit,
    rule::{Collection, Phase},
};
use intake::{Intake, Room};
pub(super) use wide::Order;

/// What is known of a response, apart from its fields.
#[derive(Debug, Default)]
pub(super) struct Response {
    body: Body,
    /// Byte order of UTF-16, if the content type states one.
    order: Option<Order>,
    /// Whether its beginning has gone on although it may still be refused.
    is_late: bool,
    /// Whether the body is a part of a document.
    is_partial: bool,
    uninspected: Option<Uninspected>,
    masked: Option<MaskedBody>,
    /// Whether nothing in the body can be overwritten: its beginning has gone on, or it is encoded and not at hand as a
    /// whole.
    is_fixed: bool,
}

/// How far the body of a response has come.
#[derive(Debug, Default)]
enum Body {
    /// The headers were not seen yet.
    #[default]
    Unknown,
    /// Everything that came so far is held.
    Held(Intake),
    /// It goes on at once, and is looked at when it is complete.
    Watched(Intake),
    /// Nothing more of it is inspected.
    Passed,
}

/// Why a response body that rules would have looked at was not inspected, or not as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uninspected {
    /// It is encoded (`content-encoding`) in a way that is not undone, or wrongly.
    Encoded,
    /// It is longer than [`crate::config::ResponsePolicy::limit`].
    OverLimit,
}

/// What takes the place of a body in which something was masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaskedBody {
    /// As many bytes at the beginning of what is held.
    Beginning(Vec<u8>),
    /// All of it, which is no longer encoded: `content-encoding` has to go, `content-length` to be set.
    Decoded(Vec<u8>),
}

impl Transaction {
    /// Bytes of a complete body that `response_body:short` selects: error pages are short, pages about errors are not.
    pub const SHORT_BODY: usize = 8 * 1024;
    /// Bytes before a piece that are looked at with it, where a body goes on piece by piece.
    const LOOK_BACK: usize = 4 * 1024;
    /// The name of a short body.
    const SHORT: &'static [u8] = b"short";

    /// Inspects status and headers of the response (phase 3). `end` tells that no body follows.
    ///
    /// [`Verdict::Hold`] asks for the body before anything may go on; with [`Verdict::Allow`] the response passes, and
    /// [`Transaction::wants_response_body`] tells whether the body shall be shown as it streams by. With either of them,
    /// [`Transaction::masked_headers`] tells whether the headers have to be changed first.
    ///
    /// Never held are answers that switch protocols or open a tunnel, bodies in unknown encodings, content types that are not configured or stream, and what nothing would be refused of anyway.
    pub fn response_headers(&mut self, head: &ResponseHead<'_>, end: bool) -> Verdict {
        if let Some(denial) = self.denial {
            return Verdict::Deny(denial);
        }
        self.response.body = Body::Passed;
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
        self.denial.is_none() && matches!(self.response.body, Body::Held(_) | Body::Watched(_))
    }

    /// Bytes kept of the response body until it is inspected.
    pub fn response_body_kept(&self) -> usize {
        match &self.response.body {
            Body::Held(intake) | Body::Watched(intake) => intake.len(),
            Body::Unknown | Body::Passed => 0,
        }
    }

    /// Inspects the next piece of the response body (phase 4); `end` tells that it is the last one.
    ///
    /// After [`Verdict::Hold`] comes the next piece; after [`Verdict::Allow`] everything held back may go on, once
    /// [`Transaction::masked_body`] was put in its place.
    pub fn response_body(&mut self, chunk: &[u8], end: bool) -> Verdict {
        if let Some(denial) = self.denial {
            return Verdict::Deny(denial);
        }
        let limit = self.policy.response.limit;
        let (intake, is_held) = match &mut self.response.body {
            Body::Unknown | Body::Passed => return Verdict::Allow,
            Body::Held(intake) => (intake, true),
            Body::Watched(intake) => (intake, false),
        };
        let before = intake.len();
        match intake.take(chunk, limit) {
            Room::Left if !end => {
                if is_held {
                    Verdict::Hold
                } else if self.response.is_late {
                    self.inspect_piece(before)
                } else {
                    Verdict::Allow
                }
            }
            Room::Left => self.inspect_response_body(true).0,
            Room::None => {
                self.response.uninspected = Some(Uninspected::OverLimit);
                if self.policy.response.over_limit == ResponseOverLimit::Skip {
                    self.evaluate_response_body()
                } else {
                    self.inspect_response_body(false).0
                }
            }
            Room::Unreadable => {
                self.response.uninspected = Some(Uninspected::Encoded);
                self.inspect_response_body(false).0
            }
        }
    }

    /// Ends the wait for a body that takes too long: what came of it is inspected and may go on, the rest is inspected
    /// piece by piece as it streams by. What is found then can no longer be replaced or masked, so that the piece in which
    /// it shows, and what follows, is refused.
    pub fn stop_holding_response(&mut self) -> Verdict {
        if !matches!(self.response.body, Body::Held(_)) {
            return Verdict::Allow;
        }
        let mark = self.fields.mark();
        let (verdict, intake) = self.inspect_response_body(false);
        if let (Verdict::Allow, Some(mut intake)) = (verdict, intake) {
            self.fields.truncate(mark);
            if let Some(MaskedBody::Beginning(beginning)) = &self.response.masked {
                intake.overwrite(beginning);
            }
            self.response.is_fixed = true;
            self.response.is_late = true;
            self.response.body = Body::Watched(intake);
        }
        verdict
    }

    /// Ends the wait for a body that there is no room for: what came of it is inspected, and the rest passes unseen.
    pub fn stop_inspecting_response(&mut self) -> Verdict {
        self.inspect_response_body(false).0
    }

    /// What takes the place of what is held of the body, if anything in it was masked; told once.
    pub fn masked_body(&mut self) -> Option<MaskedBody> {
        self.response.masked.take()
    }

    /// Why the response body was not inspected, or not as a whole, although rules would have looked at it.
    pub fn response_uninspected(&self) -> Option<Uninspected> {
        self.response.uninspected
    }

    /// Evaluates the rules of the logging phase (phase 5), which refuse nothing. To be called once, at the end.
    pub fn finish(&mut self) {
        self.evaluate(Phase::Logging);
    }

    /// Whether what the response phase at hand shows can still be overwritten.
    pub(super) fn can_overwrite(&self, phase: Phase) -> bool {
        phase == Phase::ResponseHeaders || !self.response.is_fixed
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
            || !policy.inspects(&summary.content_type)
        {
            return self.evaluate_response_body();
        }
        let Some(intake) = Intake::of(summary.coding) else {
            self.response.uninspected = Some(Uninspected::Encoded);
            return self.evaluate_response_body();
        };
        let is_over = summary
            .content_length
            .is_some_and(|length| length > policy.limit as u64);
        if is_over && policy.over_limit == ResponseOverLimit::Skip {
            self.response.uninspected = Some(Uninspected::OverLimit);
            return self.evaluate_response_body();
        }
        self.response.order = summary.order;
        self.response.is_partial = summary.is_partial();
        if self.control.is_on() {
            self.response.body = Body::Held(intake);
            Verdict::Hold
        } else {
            self.response.body = Body::Watched(intake);
            Verdict::Allow
        }
    }

    /// Evaluates the body phase with what there is of the body, and gives that back.
    fn inspect_response_body(&mut self, is_complete: bool) -> (Verdict, Option<Intake>) {
        let (Body::Held(intake) | Body::Watched(intake)) =
            std::mem::replace(&mut self.response.body, Body::Passed)
        else {
            return (Verdict::Allow, None);
        };
        let bytes = intake.bytes();
        let order = wide::order(bytes, self.response.order);
        let name = if is_complete && !self.response.is_partial && bytes.len() <= Self::SHORT_BODY {
            Self::SHORT
        } else {
            b""
        };
        match order {
            Some(order) => self
                .fields
                .add_named(Collection::ResponseBody, name, &wide::narrow(bytes, order)),
            None => self.fields.add_named(Collection::ResponseBody, name, bytes),
        }
        self.response.is_fixed |= intake.is_decoded() && !is_complete;
        let verdict = self.evaluate_response_body();
        if verdict == Verdict::Allow {
            let masked = self.overwrites.take_body(bytes, order);
            self.response.masked = masked.map(|(mut bytes, end)| {
                if intake.is_decoded() {
                    MaskedBody::Decoded(bytes)
                } else {
                    bytes.truncate(end);
                    MaskedBody::Beginning(bytes)
                }
            });
        }
        (verdict, Some(intake))
    }

    /// Evaluates the body phase with what came after `before` bytes, and with a little of what came before them.
    fn inspect_piece(&mut self, before: usize) -> Verdict {
        let (Body::Held(intake) | Body::Watched(intake)) = std::mem::take(&mut self.response.body) else {
            return Verdict::Allow;
        };
        let bytes = intake.bytes();
        // Units of UTF-16 stay whole.
        let from = before.saturating_sub(Self::LOOK_BACK) & !1;
        let piece = bytes.get(from..).unwrap_or_default();
        let mark = self.fields.mark();
        match wide::order(bytes, self.response.order) {
            Some(order) => {
                let narrow = wide::narrow(piece, order);
                self.fields.add(Collection::ResponseBody, &narrow);
            }
            None => self.fields.add(Collection::ResponseBody, piece),
        }
        let verdict = self.evaluate_response_body();
        self.fields.truncate(mark);
        self.response.body = Body::Watched(intake);
        verdict
    }

    fn evaluate_response_body(&mut self) -> Verdict {
        self.response.body = Body::Passed;
        self.evaluate(Phase::ResponseBody).unwrap_or(Verdict::Allow)
    }

    fn is_for_head(&self) -> bool {
        self.method() == b"HEAD"
    }
}
