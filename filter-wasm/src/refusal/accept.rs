//! What representation of a refusal suits a client (RFC 9110, section 12.5.1, reduced to what can be offered).

use crate::host::Headers;

/// A representation of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Representation {
    /// A page, for people.
    Html,
    /// A problem document (RFC 9457), for programs.
    Problem,
    /// Trailers, for gRPC clients.
    Grpc,
}

/// Bytes of an `Accept` header that are looked at.
const LIMIT: usize = 1024;

/// Picks the representation for a request: HTML only when it is asked for by name and JSON is not preferred.
pub(super) fn preferred(request: &Headers) -> Representation {
    if request
        .value("content-type")
        .is_some_and(|kind| kind.starts_with(b"application/grpc"))
    {
        return Representation::Grpc;
    }
    let accept = request.value("accept").unwrap_or_default();
    let accept = accept.get(..LIMIT).unwrap_or(accept);
    let (mut html, mut json) = (0, 0);
    for range in accept.split(|byte| *byte == b',') {
        let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let media = parts.next().unwrap_or_default();
        let quality = parts.find_map(quality).unwrap_or(1_000);
        // The first of two ranges of the same quality wins, hence the strict comparison.
        if media.eq_ignore_ascii_case(b"text/html") && quality > json {
            html = html.max(quality);
        } else if is_json(media) && quality > html {
            json = json.max(quality);
        }
    }
    if html > json {
        Representation::Html
    } else {
        Representation::Problem
    }
}

fn is_json(media: &[u8]) -> bool {
    let media = media.to_ascii_lowercase();
    media == b"application/json" || media.ends_with(b"+json")
}

/// Reads `q=0.8` as 800; what is no quality is not one.
fn quality(parameter: &[u8]) -> Option<u32> {
    let digits = parameter
        .strip_prefix(b"q=")
        .or_else(|| parameter.strip_prefix(b"Q="))?;
    let (whole, fraction) = match digits.split_first()? {
        (whole, []) => (whole, [].as_slice()),
        (whole, [b'.', fraction @ ..]) if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let places = [100, 10, 1];
    let digit = |byte: &u8| char::from(*byte).to_digit(10);
    let mut quality = digit(whole)? * 1_000;
    for (byte, place) in fraction.iter().zip(places) {
        quality += digit(byte)? * place;
    }
    (quality <= 1_000).then_some(quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_a_page_and_programs_a_document() {
        for (accept, expected) in [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Representation::Html,
            ),
            ("TEXT/HTML", Representation::Html),
            ("application/json", Representation::Problem),
            ("application/vnd.api+json", Representation::Problem),
            ("application/json, text/html", Representation::Problem),
            ("text/html, application/json", Representation::Html),
            ("text/html;q=0.5, application/json", Representation::Problem),
            (
                "application/json;q=0.5, text/html;level=1;q=0.7",
                Representation::Html,
            ),
            ("text/html;q=0", Representation::Problem),
            ("*/*", Representation::Problem),
            ("text/html;q=nonsense", Representation::Html),
            (";;;,,,q=", Representation::Problem),
            ("", Representation::Problem),
        ] {
            let request = [("accept", accept)].into_iter().collect();
            assert_eq!(preferred(&request), expected, "{accept}");
        }
    }

    #[test]
    fn a_grpc_call_gets_trailers_whatever_it_accepts() {
        let request = [
            ("accept", "text/html"),
            ("content-type", "application/grpc+proto"),
        ];
        let request = request.into_iter().collect();
        assert_eq!(preferred(&request), Representation::Grpc);
    }

    #[test]
    fn bytes_that_are_no_text_are_harmless() {
        let request = [("accept", [0xff; 5_000])].into_iter().collect();
        assert_eq!(preferred(&request), Representation::Problem);
    }
}
