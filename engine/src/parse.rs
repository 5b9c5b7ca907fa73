//! Parsers: from the bytes of a query, a cookie header or a body to names and values.
//!
//! They stand between the transaction and the transformations, and they decide nothing: whatever an application
//! behind could make of the input has to reach the [`Sink`]. So nothing is dropped in silence. What breaks the
//! format or a limit raises a [`ParseError`], each kind at most once per input, and the part that was not understood
//! is handed on as one argument without a name. All of them take linear time, and what they hand on is bounded
//! by a small multiple of their input.

mod content_type;
mod cookies;
mod error;
mod grpc;
mod json;
mod multipart;
mod parameters;
mod path;
mod urlencoded;
mod wide;
mod xml;
mod xml_encoding;

use std::borrow::Cow;

use crate::config::Limits;

pub use {
    content_type::content_type,
    cookies::cookies,
    error::ParseError,
    grpc::GrpcFrames,
    json::json,
    multipart::multipart,
    path::path,
    urlencoded::urlencoded,
    xml::{looks_like_xml, xml},
    xml_encoding::is_xml_in_disguise,
};

/// Takes what a parser finds, in the order of the input.
pub trait Sink {
    /// A name and its value, decoded once. The name is empty where the input had none.
    fn argument(&mut self, name: Cow<'_, [u8]>, value: Cow<'_, [u8]>);

    /// A file in the multipart field `field`, under the name that the client gave it.
    fn file_name(&mut self, field: &[u8], name: &[u8]) {
        let _ = (field, name);
    }

    /// A header of a part of a multipart body, other than the one that names its field and file.
    fn part_header(&mut self, name: &[u8], value: &[u8]) {
        let _ = (name, value);
    }

    /// The input broke its format or a limit.
    fn error(&mut self, error: ParseError);
}

const _: () = assert!(ParseError::ALL.len() <= u32::BITS as usize);

/// Passes arguments on as far as the limits go, and each kind of error once.
struct Findings<'s, S: ?Sized> {
    sink: &'s mut S,
    raised: u32,
    is_doubtful: bool,
    room: Room,
}

/// What limits still leave. A length beyond them is told and handed on all the same; a number is not.
struct Room {
    arguments: usize,
    /// Bytes of one name.
    name: usize,
    /// Bytes of one value.
    value: usize,
    /// Bytes of all names and values together.
    total: usize,
    /// Bytes of all names together. Nothing is handed on beyond them.
    names: usize,
}

impl Room {
    /// Bytes of the names in a document for each byte of it, and as many as any document may have: each name repeats the
    /// way that leads to it, so that a document of a few bytes would otherwise make names of half a megabyte.
    const NAMES: usize = 4;
    const NAMES_BASE: usize = 32 * 1024;
}

impl<'s, S: Sink + ?Sized> Findings<'s, S> {
    fn arguments(sink: &'s mut S, limits: &Limits) -> Self {
        let room = Room {
            arguments: limits.arguments,
            name: limits.argument_name_length,
            value: limits.argument_length,
            total: limits.arguments_length,
            names: usize::MAX,
        };
        Self::new(sink, room)
    }

    /// The names of a document of so many bytes have no room beyond a multiple of it.
    fn document(sink: &'s mut S, limits: &Limits, length: usize) -> Self {
        let mut found = Self::arguments(sink, limits);
        found.room.names = length
            .saturating_mul(Room::NAMES)
            .saturating_add(Room::NAMES_BASE);
        found
    }

    /// Only the header's own length bounds that of cookies.
    fn cookies(sink: &'s mut S, limits: &Limits) -> Self {
        let room = Room {
            arguments: limits.cookies,
            name: usize::MAX,
            value: usize::MAX,
            total: usize::MAX,
            names: usize::MAX,
        };
        Self::new(sink, room)
    }

    fn new(sink: &'s mut S, room: Room) -> Self {
        Self {
            sink,
            raised: 0,
            is_doubtful: false,
            room,
        }
    }

    fn error(&mut self, error: ParseError) {
        let bit = 1 << error as u32;
        if self.raised & bit == 0 {
            self.raised |= bit;
            self.is_doubtful |= error.is_doubt();
            self.sink.error(error);
        }
    }

    /// Whether applications may read the input otherwise.
    fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// Hands an argument on; false when the limit leaves no room for it.
    #[must_use]
    fn argument(&mut self, name: &[u8], value: Cow<'_, [u8]>) -> bool {
        let left = self.room.arguments.checked_sub(1);
        let Some(left) = left.zip(self.room.names.checked_sub(name.len())) else {
            return false;
        };
        (self.room.arguments, self.room.names) = left;
        if name.len() > self.room.name {
            self.error(ParseError::ArgumentNameLength);
        }
        if value.len() > self.room.value {
            self.error(ParseError::ArgumentLength);
        }
        match self.room.total.checked_sub(name.len() + value.len()) {
            Some(left) => self.room.total = left,
            None => self.error(ParseError::ArgumentsLength),
        }
        self.sink.argument(Cow::Borrowed(name), value);
        true
    }

    /// Hands on what was not understood, whatever the limit says.
    fn leftover(&mut self, rest: Cow<'_, [u8]>) {
        if !rest.is_empty() {
            self.sink.argument(Cow::Borrowed(&[]), rest);
        }
    }
}

/// The bytes before and behind the first `separator`; everything and nothing when there is none.
fn cut(input: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let at = memchr::memchr(separator, input).unwrap_or(input.len());
    let (before, from) = input.split_at_checked(at).unwrap_or((input, &[]));
    (before, from.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod collected {
    //! A sink that keeps everything, for the tests of the parsers.

    use super::{Cow, ParseError, Sink};

    #[derive(Debug, Default, PartialEq, Eq)]
    pub(super) struct Collected {
        pub(super) arguments: Vec<(Vec<u8>, Vec<u8>)>,
        pub(super) files: Vec<(Vec<u8>, Vec<u8>)>,
        pub(super) part_headers: Vec<(Vec<u8>, Vec<u8>)>,
        pub(super) errors: Vec<ParseError>,
    }

    impl Collected {
        pub(super) fn of(parse: impl FnOnce(&mut Self)) -> Self {
            let mut sink = Self::default();
            parse(&mut sink);
            sink
        }

        pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
            self.arguments
                .iter()
                .map(|(name, value)| (str::from_utf8(name).unwrap(), str::from_utf8(value).unwrap()))
                .collect()
        }

        /// Bytes handed on, names counted too.
        pub(super) fn bytes(&self) -> usize {
            self.arguments
                .iter()
                .chain(&self.files)
                .chain(&self.part_headers)
                .map(|(name, value)| name.len() + value.len())
                .sum()
        }
    }

    impl Sink for Collected {
        fn argument(&mut self, name: Cow<'_, [u8]>, value: Cow<'_, [u8]>) {
            self.arguments.push((name.into_owned(), value.into_owned()));
        }

        fn file_name(&mut self, field: &[u8], name: &[u8]) {
            self.files.push((field.to_vec(), name.to_vec()));
        }

        fn part_header(&mut self, name: &[u8], value: &[u8]) {
            self.part_headers.push((name.to_vec(), value.to_vec()));
        }

        fn error(&mut self, error: ParseError) {
            assert!(!self.errors.contains(&error), "{error} raised twice");
            self.errors.push(error);
        }
    }
}
