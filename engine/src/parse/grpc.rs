//! The frames of gRPC: each message behind a flag and its length.

use super::{ParseError, Sink};

/// Bytes before a message: whether it is compressed, and its length.
const HEADER: usize = 5;

/// Follows the frames of a body, however it is cut into pieces.
///
/// The messages themselves are inspected as raw bytes: a field of Protobuf holds its text in one piece.
#[derive(Debug, Default)]
pub struct GrpcFrames {
    /// Bytes of the header that were seen.
    seen: usize,
    length: u32,
    /// Bytes of the message that are still to come.
    missing: usize,
    is_broken: bool,
}

impl GrpcFrames {
    /// Whether a message may begin with this byte.
    pub const fn is_flag(byte: u8) -> bool {
        byte <= 1
    }

    /// Takes the next piece of the body; raises [`ParseError::GrpcCompressed`] and [`ParseError::GrpcSyntax`]. Where
    /// something else than a message begins, nothing of what follows can be told.
    pub fn read<S: Sink + ?Sized>(&mut self, piece: &[u8], sink: &mut S) {
        let mut rest = piece;
        let mut is_compressed = false;
        while !self.is_broken && !rest.is_empty() {
            if self.missing > 0 {
                let length = self.missing.min(rest.len());
                self.missing -= length;
                rest = rest.get(length..).unwrap_or_default();
            } else if let Some((&byte, after)) = rest.split_first() {
                if self.seen == 0 {
                    is_compressed |= byte == 1;
                    self.is_broken = !Self::is_flag(byte);
                    self.length = 0;
                } else {
                    self.length = self.length << 8 | u32::from(byte);
                }
                self.seen += 1;
                if self.seen == HEADER {
                    self.seen = 0;
                    self.missing = self.length as usize;
                }
                rest = after;
            }
        }
        if is_compressed {
            sink.error(ParseError::GrpcCompressed);
        }
        if self.is_broken && !piece.is_empty() {
            sink.error(ParseError::GrpcSyntax);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::collected::Collected;

    fn errors(body: &[u8], pieces: usize) -> Vec<ParseError> {
        let mut frames = GrpcFrames::default();
        let mut errors = Vec::new();
        for piece in body.chunks(pieces.max(1)) {
            errors.extend(Collected::of(|sink| frames.read(piece, sink)).errors);
        }
        errors.sort();
        errors.dedup();
        errors
    }

    #[test]
    fn messages_are_followed_across_pieces() {
        let body = b"\0\0\0\0\x02\x07\x07\0\0\0\0\0\x01\0\0\0\x03abc\0\0";
        for pieces in 1..body.len() {
            assert_eq!(errors(body, pieces), [ParseError::GrpcCompressed], "{pieces}");
        }
        assert_eq!(errors(b"\0\0\0\x01\0abc", 3), []);
        let two = [&b"\x01\0\0\0\0"[..]; 2].concat();
        assert_eq!(errors(&two, 100), [ParseError::GrpcCompressed]);
    }

    #[test]
    fn what_is_no_message_is_told() {
        for body in [&b"{\"a\":1}"[..], b"\0\0\0\0\x01a<script>"] {
            assert_eq!(errors(body, 100), [ParseError::GrpcSyntax]);
        }
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(body in prop::collection::vec(0..4_u8, 0..40), pieces in 1..40_usize) {
            prop_assert_eq!(errors(&body, pieces), errors(&body, 100));
        }
    }
}
