//! One part: its headers and its content.

use crate::{
    parse::{Findings, ParseError, Sink, content_type::is_plain_charset, cut, parameters::Parameters},
    transform::{base64_decode_ext, hex_digit, percent_decode},
};

/// Bytes of the headers of one part.
const HEADER_LIMIT: usize = 8 * 1024;
/// Headers of one part.
const HEADERS: usize = 16;

/// One part, as far as it was understood.
#[derive(Debug, Default)]
pub(super) struct Part<'a> {
    /// The field's name, empty when there is none.
    pub(super) name: Vec<u8>,
    /// The name of the file, if it is one.
    pub(super) file_name: Option<Vec<u8>>,
    pub(super) content: &'a [u8],
    encoding: Encoding,
}

#[derive(Debug, Default)]
enum Encoding {
    #[default]
    Identity,
    Base64,
    QuotedPrintable,
}

impl<'a> Part<'a> {
    /// Reads what stands between two delimiters.
    pub(super) fn read<S: Sink + ?Sized>(input: &'a [u8], found: &mut Findings<'_, S>) -> Self {
        let mut part = Self::default();
        let mut dispositions = 0;
        let mut rest = input;
        for _ in 0..HEADERS {
            let Some((line, after)) = line(rest, found) else {
                // No empty line, or headers too long: what there is counts as content.
                found.error(ParseError::MultipartSyntax);
                part.content = rest;
                return part.checked(dispositions, found);
            };
            if input.len() - after.len() > HEADER_LIMIT {
                break;
            }
            rest = after;
            if line.is_empty() {
                part.content = rest;
                return part.checked(dispositions, found);
            }
            let (name, value) = cut(line, b':');
            let name = name.to_ascii_lowercase();
            if name != b"content-disposition" {
                found.sink.part_header(&name, value.trim_ascii());
            }
            match &*name {
                b"content-disposition" => {
                    dispositions += 1;
                    part.disposition(value, found);
                }
                b"content-type" => content_type(value, found),
                b"content-transfer-encoding" => part.transfer_encoding(value, found),
                name => {
                    // Folded lines, blanks before the colon, and lines without one.
                    let is_clean = !name.is_empty()
                        && name
                            .iter()
                            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
                    if !is_clean || name.len() == line.len() {
                        found.error(ParseError::MultipartSyntax);
                    }
                }
            }
        }
        found.error(ParseError::MultipartSyntax);
        part.content = rest;
        part.checked(dispositions, found)
    }

    /// The content with its transfer encoding undone, where it has one.
    pub(super) fn decoded(&self) -> Option<Vec<u8>> {
        match self.encoding {
            Encoding::Identity => None,
            Encoding::Base64 => Some(base64_decode_ext(self.content)),
            Encoding::QuotedPrintable => Some(quoted_printable(self.content)),
        }
    }

    fn checked<S: Sink + ?Sized>(self, dispositions: usize, found: &mut Findings<'_, S>) -> Self {
        let names_charset = self.name.eq_ignore_ascii_case(b"_charset_") && self.file_name.is_none();
        if names_charset && !is_plain_charset(self.content) {
            found.error(ParseError::MultipartCharset);
        }
        if dispositions != 1 {
            found.error(ParseError::MultipartSyntax);
        }
        self
    }

    fn disposition<S: Sink + ?Sized>(&mut self, value: &[u8], found: &mut Findings<'_, S>) {
        let (kind, parameters) = Parameters::read(value);
        let is_known = |name: &[u8]| matches!(name, b"name" | b"filename");
        let names = parameters.all(b"name").count();
        let file_names = parameters.all(b"filename").count();
        let is_clean = kind == b"form-data" && !parameters.is_ambiguous && parameters.names().all(is_known);
        if !is_clean || names != 1 || file_names > 1 {
            found.error(ParseError::MultipartSyntax);
        }
        let value = |plain: &[u8], extended: &[u8]| -> Option<Vec<u8>> {
            let plain = parameters.all(plain).next().map(|value| value.to_vec());
            plain.or_else(|| parameters.all(extended).next().map(|value| extended_value(value)))
        };
        self.name = value(b"name", b"name*").unwrap_or_default();
        self.file_name = value(b"filename", b"filename*");
    }

    fn transfer_encoding<S: Sink + ?Sized>(&mut self, value: &[u8], found: &mut Findings<'_, S>) {
        self.encoding = match &*value.trim_ascii().to_ascii_lowercase() {
            b"7bit" | b"8bit" | b"binary" => return,
            b"base64" => Encoding::Base64,
            b"quoted-printable" => Encoding::QuotedPrintable,
            _ => Encoding::Identity,
        };
        found.error(ParseError::MultipartTransferEncoding);
    }
}

fn content_type<S: Sink + ?Sized>(value: &[u8], found: &mut Findings<'_, S>) {
    let (_, parameters) = Parameters::read(value);
    if parameters
        .all(b"charset")
        .any(|charset| !is_plain_charset(charset))
    {
        found.error(ParseError::MultipartCharset);
    }
    if parameters.is_ambiguous {
        found.error(ParseError::MultipartSyntax);
    }
}

/// The next line without its end, and what follows; bare line feeds, stray carriage returns and zero bytes are errors.
fn line<'a, S: Sink + ?Sized>(input: &'a [u8], found: &mut Findings<'_, S>) -> Option<(&'a [u8], &'a [u8])> {
    let end = memchr::memchr(b'\n', input)?;
    let (line, from) = input.split_at_checked(end)?;
    let clean = line.strip_suffix(b"\r");
    if clean.is_none_or(|line| memchr::memchr2(b'\r', 0, line).is_some()) {
        found.error(ParseError::MultipartSyntax);
    }
    Some((clean.unwrap_or(line), from.get(1..).unwrap_or_default()))
}

/// `UTF-8''%e2%82%ac` (RFC 8187), whatever character set it claims.
fn extended_value(value: &[u8]) -> Vec<u8> {
    let text = value.splitn(3, |&byte| byte == b'\'').last().unwrap_or_default();
    percent_decode(text, b'+').0.into_owned()
}

fn quoted_printable(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        rest = match rest {
            [b'=', b'\r', b'\n', after @ ..] | [b'=', b'\n', after @ ..] => after,
            [b'=', high, low, after @ ..]
                if let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low)) =>
            {
                output.push(high << 4 | low);
                after
            }
            [byte, after @ ..] => {
                output.push(*byte);
                after
            }
            [] => return output,
        };
    }
}
