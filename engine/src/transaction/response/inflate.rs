//! Undoes the content encodings `gzip` (RFC 1952) and `deflate` (RFC 1950, or RFC 1951 alone as some servers send it).
//!
//! What comes out serves as the window to look back into, so that nothing is kept twice. Checksums are not verified: what
//! a client may have read is inspected, whether its end is sound or not.

use std::fmt;

use miniz_oxide::inflate::{
    TINFLStatus,
    core::{
        DecompressorOxide, decompress,
        inflate_flags::{
            TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_IGNORE_ADLER32, TINFL_FLAG_PARSE_ZLIB_HEADER,
            TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        },
    },
};

use super::intake::Room;

/// Decodes one body, piece by piece.
pub(super) struct Inflater {
    format: Format,
    stage: Stage,
    /// What has come of a header that is not complete.
    head: Vec<u8>,
    state: Box<DecompressorOxide>,
    flags: u32,
    /// Where the output of the member at hand begins.
    start: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Gzip,
    Deflate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    Data,
    /// So many bytes of a checksum are to come.
    Checksum(usize),
    /// Nobody reads what follows.
    Over,
}

/// What the beginning of a body says.
enum Head {
    Incomplete,
    Wrong,
    /// The data begins behind so many bytes.
    Length(usize),
}

impl Inflater {
    /// Bytes of a header of `gzip`, which may carry a name and a comment.
    const HEAD_LIMIT: usize = 4 * 1024;
    /// By how much the output grows at a time.
    const STEP: usize = 16 * 1024;
    const CHECKSUM: usize = 8;
    const FLAGS: u32 =
        TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_IGNORE_ADLER32 | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;

    pub(super) fn gzip() -> Self {
        Self::new(Format::Gzip)
    }

    pub(super) fn deflate() -> Self {
        Self::new(Format::Deflate)
    }

    fn new(format: Format) -> Self {
        Self {
            format,
            stage: Stage::Head,
            head: Vec::new(),
            state: Box::default(),
            flags: Self::FLAGS,
            start: 0,
        }
    }

    /// Decodes the next piece to the end of `output`, which does not grow beyond `limit`.
    pub(super) fn write(&mut self, mut input: &[u8], output: &mut Vec<u8>, limit: usize) -> Room {
        while !input.is_empty() {
            let (room, rest) = match self.stage {
                Stage::Head => self.head(input, output, limit),
                Stage::Data => self.data(input, output, limit),
                Stage::Checksum(left) => {
                    let (_, rest) = input.split_at_checked(left).unwrap_or((input, &[]));
                    self.stage = match left.saturating_sub(input.len()) {
                        0 => Stage::Head,
                        left => Stage::Checksum(left),
                    };
                    (Room::Left, rest)
                }
                Stage::Over => return Room::Left,
            };
            if room != Room::Left {
                return room;
            }
            input = rest;
        }
        Room::Left
    }

    fn head<'a>(&mut self, input: &'a [u8], output: &mut Vec<u8>, limit: usize) -> (Room, &'a [u8]) {
        let before = self.head.len();
        let taken = input.get(..Self::HEAD_LIMIT).unwrap_or(input);
        self.head.extend_from_slice(taken);
        let found = match self.format {
            Format::Gzip => gzip_head(&self.head),
            Format::Deflate => deflate_head(&self.head, &mut self.flags),
        };
        match found {
            Head::Incomplete if self.head.len() > Self::HEAD_LIMIT => (Room::Unreadable, &[]),
            Head::Incomplete => (Room::Left, input.get(taken.len()..).unwrap_or_default()),
            // What follows a complete member and is none is padding.
            Head::Wrong if self.start > 0 => {
                self.stage = Stage::Over;
                (Room::Left, &[])
            }
            Head::Wrong => (Room::Unreadable, &[]),
            Head::Length(length) => {
                self.stage = Stage::Data;
                let kept = std::mem::take(&mut self.head);
                // Of what came before, only `deflate` has bytes that are data.
                let data = kept.get(length..before.max(length)).unwrap_or_default();
                let (room, _) = self.data(data, output, limit);
                (
                    room,
                    input.get(length.saturating_sub(before)..).unwrap_or_default(),
                )
            }
        }
    }

    fn data<'a>(&mut self, mut input: &'a [u8], output: &mut Vec<u8>, limit: usize) -> (Room, &'a [u8]) {
        loop {
            let filled = output.len();
            // One byte more than fits tells that there is more.
            output.resize(filled.saturating_add(Self::STEP).min(limit.saturating_add(1)), 0);
            let window = output.get_mut(self.start..).unwrap_or_default();
            let at = filled.saturating_sub(self.start);
            let (status, read, written) = decompress(&mut self.state, input, window, at, self.flags);
            output.truncate(filled.saturating_add(written));
            input = input.get(read..).unwrap_or_default();
            if output.len() > limit {
                output.truncate(limit);
                return (Room::None, &[]);
            }
            match status {
                TINFLStatus::Done => {
                    self.start = output.len();
                    self.state.init();
                    self.stage = match self.format {
                        Format::Gzip => Stage::Checksum(Self::CHECKSUM),
                        Format::Deflate => Stage::Over,
                    };
                    return (Room::Left, input);
                }
                TINFLStatus::NeedsMoreInput => return (Room::Left, &[]),
                TINFLStatus::HasMoreOutput if written > 0 => {}
                _ => return (Room::Unreadable, &[]),
            }
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, stage, .. } = self;
        out.debug_struct("Inflater")
            .field("format", format)
            .field("stage", stage)
            .finish_non_exhaustive()
    }
}

/// Reads the header of a member.
fn gzip_head(bytes: &[u8]) -> Head {
    const HAS_CHECKSUM: u8 = 2;
    const HAS_EXTRA: u8 = 4;
    const HAS_NAME: u8 = 8;
    const HAS_COMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;
    const DEFLATE: u8 = 8;
    const MAGIC: [u8; 3] = [0x1f, 0x8b, DEFLATE];
    if !bytes
        .iter()
        .zip(MAGIC)
        .all(|(found, expected)| *found == expected)
    {
        return Head::Wrong;
    }
    let Some((&[_, _, _, flags, ..], mut rest)) = bytes.split_first_chunk::<10>() else {
        return Head::Incomplete;
    };
    if flags & RESERVED != 0 {
        return Head::Wrong;
    }
    if flags & HAS_EXTRA != 0 {
        let Some((&length, more)) = rest.split_first_chunk::<2>() else {
            return Head::Incomplete;
        };
        let Some(more) = more.get(usize::from(u16::from_le_bytes(length))..) else {
            return Head::Incomplete;
        };
        rest = more;
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            let Some(end) = memchr::memchr(0, rest) else {
                return Head::Incomplete;
            };
            rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
        }
    }
    if flags & HAS_CHECKSUM != 0 {
        let Some(more) = rest.get(2..) else {
            return Head::Incomplete;
        };
        rest = more;
    }
    Head::Length(bytes.len().saturating_sub(rest.len()))
}

/// Tells by the first two bytes whether there is a header of RFC 1950, which is left to the decoder.
fn deflate_head(bytes: &[u8], flags: &mut u32) -> Head {
    let Some(&[method, more]) = bytes.first_chunk::<2>() else {
        return Head::Incomplete;
    };
    let check = u16::from_be_bytes([method, more]);
    if method & 0x0f == 8 && check.is_multiple_of(31) {
        *flags |= TINFL_FLAG_PARSE_ZLIB_HEADER;
    }
    Head::Length(0)
}
