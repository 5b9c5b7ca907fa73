//! What is kept of a response body until it is inspected, decoded as it comes.

use super::inflate::Inflater;
use crate::transaction::head::Coding;

/// What is kept of a response body until it is inspected.
#[derive(Debug, Default)]
pub(super) struct Intake {
    kept: Vec<u8>,
    decoder: Option<Inflater>,
    /// Bytes that came, as they were encoded.
    came: usize,
}

/// Whether there is room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// All that came was kept.
    Left,
    /// More came than may be kept.
    None,
    /// What came cannot be decoded.
    Unreadable,
}

impl Intake {
    /// For a body in this encoding, unless it is unknown.
    pub(super) fn of(coding: Coding) -> Option<Self> {
        let decoder = match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(Inflater::gzip()),
            Coding::Deflate => Some(Inflater::deflate()),
            Coding::Unknown => return None,
        };
        Some(Self {
            decoder,
            ..Self::default()
        })
    }

    /// Takes in the next piece, as far as it fits into `limit` bytes. The encoded form is bounded by them as well.
    pub(super) fn take(&mut self, chunk: &[u8], limit: usize) -> Room {
        self.came = self.came.saturating_add(chunk.len());
        let room = if let Some(decoder) = &mut self.decoder {
            decoder.write(chunk, &mut self.kept, limit)
        } else {
            let room = limit.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
            Room::Left
        };
        match room {
            Room::Left if self.came > limit => Room::None,
            room => room,
        }
    }

    /// What is kept.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.kept
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether what is kept is not what came.
    pub(super) fn is_decoded(&self) -> bool {
        self.decoder.is_some()
    }

    /// Puts other bytes in the place of as many at the beginning.
    pub(super) fn overwrite(&mut self, beginning: &[u8]) {
        if let Some(place) = self.kept.get_mut(..beginning.len()) {
            place.copy_from_slice(beginning);
        }
    }
}
