//! `multipart/form-data` (RFC 7578), strictly.

mod boundary;
mod part;

use std::borrow::Cow;

use super::{Findings, ParseError, Sink};
use crate::config::Limits;
use boundary::{Delimiter, boundary};
use part::Part;

/// Reads a multipart body. A part without a file name is an argument; of a part with one, the field, the file name and
/// its headers are handed on.
///
/// The content of a file is not inspected: applications that read the body as forms do not see it as a value, and
/// uploads of code or prose would be taken for attacks. What makes that safe is that a part counts as a file only
/// in a body that can be read in one way. At anything else (line ends without carriage return, text before the first
/// or after the last delimiter, an end that is missing, repeated or unknown parameters, escaped quotes, folded
/// headers, a character set or a transfer encoding that hides bytes, too many parts) an error is raised and the whole
/// body is handed on raw, as one argument without a name, next to what the parts held.
///
/// A part with an empty file name, which browsers send for an empty input, is an argument as well. A part in Base64 or quoted-printable is handed on decoded as well, for the few readers that undo it.
pub fn multipart<S: Sink + ?Sized>(body: &[u8], content_type: &[u8], limits: &Limits, sink: &mut S) {
    let mut found = Findings::arguments(sink, limits);
    match boundary(content_type) {
        Some(boundary) => parts(body, &boundary, limits.multipart_parts, &mut found),
        None => found.error(ParseError::MultipartBoundary),
    }
    if found.is_doubtful() {
        found.leftover(Cow::Borrowed(body));
    }
}

fn parts<S: Sink + ?Sized>(body: &[u8], boundary: &[u8], limit: usize, found: &mut Findings<'_, S>) {
    let mut delimiters = Delimiter::all(body, boundary);
    // What stands before the first delimiter belongs to no part, and neither does what follows the last.
    let mut begin = None;
    let mut seen = 0;
    let mut is_closed = false;
    for delimiter in &mut delimiters {
        if delimiter.is_loose {
            found.error(ParseError::MultipartSyntax);
        }
        match begin {
            Some(begin) => {
                seen += 1;
                if seen > limit {
                    found.error(ParseError::TooManyParts);
                    return;
                }
                if !part(body.get(begin..delimiter.begin).unwrap_or_default(), found) {
                    found.error(ParseError::TooManyArguments);
                    return;
                }
            }
            None if delimiter.begin > 0 => found.error(ParseError::MultipartSyntax),
            None => {}
        }
        begin = Some(delimiter.end);
        if delimiter.is_last {
            is_closed = true;
            break;
        }
    }
    let epilogue = body.get(begin.unwrap_or(0)..).unwrap_or_default();
    if !is_closed || !epilogue.trim_ascii().is_empty() || delimiters.has_impostors() {
        found.error(ParseError::MultipartSyntax);
    }
}

/// Hands a part on; false when the limit leaves no room for it.
fn part<S: Sink + ?Sized>(input: &[u8], found: &mut Findings<'_, S>) -> bool {
    let part = Part::read(input, found);
    if let Some(decoded) = part.decoded()
        && !found.argument(&part.name, Cow::Owned(decoded))
    {
        return false;
    }
    if let Some(file_name) = &part.file_name {
        found.sink.file_name(&part.name, file_name);
        if !file_name.is_empty() {
            return true;
        }
    }
    found.argument(&part.name, Cow::Borrowed(part.content))
}

#[cfg(test)]
mod tests;
