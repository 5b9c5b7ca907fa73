//! Bodies that are never held, because both sides talk while they last.

use super::{
    Transaction,
    body::Body,
    fields::{Fields, Part},
    head::{Arguments, Summary},
};
use crate::{
    Verdict,
    parse::GrpcFrames,
    rule::{Collection, Phase},
};

/// The last bytes of a streamed body, so that what lies across two chunks is seen.
#[derive(Debug, Default)]
pub(super) struct Window {
    tail: Vec<u8>,
    frames: GrpcFrames,
    has_begun: bool,
}

impl Window {
    /// Bytes that are looked at again together with the next chunk; a longer match across two chunks is missed.
    const OVERLAP: usize = 1_024;
}

/// Whether what follows the headers belongs to another protocol: tunnels and upgrades.
///
/// An upgrade must not announce a body. Otherwise anyone could keep a form from being inspected by one more header.
pub(super) fn is_opaque(summary: &Summary) -> bool {
    let has_body = summary.content_length.is_some_and(|length| length > 0) || summary.has_transfer_encoding;
    summary.is_connect || summary.has_upgrade && summary.connection_upgrades && !has_body
}

/// Whether the request is a gRPC call, which may stream in both directions.
///
/// Such a call compresses its messages, never its body: one with a content encoding is held like any other body.
pub(super) fn is_grpc(summary: &Summary, fields: &Fields) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let content_type = fields.slice(summary.content_type.unwrap_or_default());
    let (essence, rest) = content_type.split_at_checked(GRPC.len()).unwrap_or_default();
    summary.takes_trailers
        && !summary.has_content_encoding
        && essence.eq_ignore_ascii_case(GRPC)
        && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
}

impl Transaction {
    /// Inspects one chunk of a streamed body, together with the end of what came before it.
    ///
    /// A body that does not begin like a gRPC message is held and inspected like any other.
    pub(super) fn stream_body(&mut self, chunk: &[u8], end: bool) -> Verdict {
        let Body::Streamed(mut window) = std::mem::take(&mut self.body) else {
            return Verdict::Allow;
        };
        if !window.has_begun && !chunk.first().is_none_or(|first| GrpcFrames::is_flag(*first)) {
            self.body = Body::Held(Vec::new());
            return self.continue_body(chunk, end);
        }
        if chunk.is_empty() && !end {
            self.body = Body::Streamed(window);
            return Verdict::Allow;
        }
        let mark = self.fields.mark();
        window.frames.read(chunk, &mut Arguments::body(&mut self.fields));
        let (before, chunk) = (self.fields.store(&window.tail), self.fields.store(chunk));
        let seen = Part::between(before, chunk);
        self.fields.push(Collection::Body, Part::default(), seen);
        let verdict = if window.has_begun {
            self.evaluate_streamed(Phase::RequestBody, mark.first_field())
        } else {
            self.evaluate(Phase::RequestBody)
        };
        window.has_begun = true;
        let start = seen.len().saturating_sub(Window::OVERLAP);
        window.tail.clear();
        window
            .tail
            .extend_from_slice(self.fields.slice(seen.cut(start, seen.len())));
        self.fields.truncate(mark);
        self.body = if end || verdict.is_some() {
            Body::Passed
        } else {
            Body::Streamed(window)
        };
        verdict.unwrap_or(Verdict::Allow)
    }
}
