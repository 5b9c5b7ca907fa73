//! Reads a whole HTTP/1.1 request, as it stands on the wire or in a file that somebody wrote by hand.

use crate::trial::Trial;

/// Reads a request. Line ends may be LF alone. A body goes to the end of the input, unless `content-length` or
/// `transfer-encoding: chunked` says where it ends.
pub(super) fn parse(input: &[u8]) -> Result<Trial, String> {
    let mut slots = vec![httparse::EMPTY_HEADER; Trial::HEADERS_LIMIT];
    let mut request = httparse::Request::new(&mut slots);
    let start = match request.parse(input) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Err("expected an empty line behind the headers".to_owned()),
        Err(error) => return Err(format!("not an HTTP/1.1 request: {error}")),
    };
    let headers: Vec<(String, Vec<u8>)> = request
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), header.value.to_vec()))
        .collect();
    let rest = input.get(start..).unwrap_or_default();
    let value = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim_ascii())
    };
    let is_chunked = value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
    let body = if is_chunked {
        dechunk(rest)?
    } else if let Some(length) = value("content-length") {
        sized(rest, length)?
    } else {
        rest.to_vec()
    };
    Ok(Trial {
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        headers,
        body,
        ..Trial::default()
    })
}

fn sized(rest: &[u8], length: &[u8]) -> Result<Vec<u8>, String> {
    let length = std::str::from_utf8(length)
        .ok()
        .and_then(|text| text.parse::<usize>().ok());
    let length = length.ok_or_else(|| "content-length: expected a number".to_owned())?;
    let body = rest.get(..length);
    let found = rest.len();
    body.map(<[u8]>::to_vec)
        .ok_or_else(|| format!("content-length: expected {length} bytes behind the headers, found {found}"))
}

fn dechunk(mut rest: &[u8]) -> Result<Vec<u8>, String> {
    let broken = || "transfer-encoding: expected whole chunks".to_owned();
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(rest) else {
            return Err(broken());
        };
        if size == 0 {
            return Ok(body);
        }
        let size = usize::try_from(size).map_err(|_| broken())?;
        let end = start.checked_add(size).ok_or_else(broken)?;
        body.extend_from_slice(rest.get(start..end).ok_or_else(broken)?);
        let behind = rest.get(end..).unwrap_or_default();
        rest = behind
            .strip_prefix(b"\r\n")
            .or(behind.strip_prefix(b"\n"))
            .ok_or_else(broken)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bodies_end_where_the_headers_say() {
        for (input, body) in [
            ("POST /a HTTP/1.1\r\nHost: b\r\n\r\nc=d", "c=d"),
            ("POST /a HTTP/1.1\nHost: b\n\nc=d\n", "c=d\n"),
            ("POST /a HTTP/1.1\nContent-Length: 3\n\nc=d\n", "c=d"),
            (
                "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nc=\r\n1\r\nd\r\n0\r\n\r\n",
                "c=d",
            ),
        ] {
            let trial = parse(input.as_bytes()).unwrap();
            assert_eq!((trial.method.as_str(), trial.path.as_str()), ("POST", "/a"));
            assert_eq!(trial.body, body.as_bytes(), "{input:?}");
        }
    }

    #[test]
    fn what_is_no_request_is_told() {
        for (input, expected) in [
            ("", "an empty line"),
            ("GET / HTTP/1.1\r\nHost: a\r\n", "an empty line"),
            ("nonsense\r\n\r\n", "not an HTTP/1.1 request"),
            (
                "GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
                "expected 9 bytes behind the headers, found 1",
            ),
            ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "expected a number"),
            (
                "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx",
                "expected whole chunks",
            ),
        ] {
            let error = parse(input.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{input:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(rest in prop::collection::vec(any::<u8>(), 0..64), is_chunked in any::<bool>()) {
            let _ = parse(&rest);
            let coding = if is_chunked { &b"transfer-encoding: chunked"[..] } else { b"a: b" };
            let _ = parse(&[b"POST / HTTP/1.1\r\n", coding, b"\r\n\r\n", &rest].concat());
        }
    }
}
