//! From the command line to the request.

use std::{fs, io::Read as _, path::Path};

use super::{Failure, Test, raw};
use crate::trial::{Trial, check_header_name, check_header_value, check_method, check_path};

/// Bytes of a body, or of a raw request, that are read.
const LIMIT: u64 = 16 * 1024 * 1024;

pub(super) fn trial(arguments: &Test) -> Result<Trial, Failure> {
    let mut trial = match &arguments.raw {
        Some(path) => {
            raw::parse(&read(path)?).map_err(|reason| Failure::Usage(format!("--raw: {reason}")))?
        }
        None => from_flags(arguments)?,
    };
    trial.client = arguments.client;
    let wrong = |field: &str| {
        let field = field.to_owned();
        move |reason| Failure::Usage(format!("{field}: {reason}"))
    };
    check_method(&trial.method).map_err(wrong("method"))?;
    check_path(&trial.path).map_err(wrong("path"))?;
    for (name, value) in &trial.headers {
        check_header_name(name)
            .and_then(|()| check_header_value(value))
            .map_err(wrong(&format!("header {}", name.escape_debug())))?;
    }
    Ok(trial)
}

fn from_flags(arguments: &Test) -> Result<Trial, Failure> {
    let (host, path) = split(arguments.url.as_deref().unwrap_or("/"));
    let mut headers = Vec::new();
    for line in &arguments.headers {
        let Some((name, value)) = line.split_once(':') else {
            let reason = format!("--header: expected 'Name: value', found {line:?}");
            return Err(Failure::Usage(reason));
        };
        headers.push((name.to_owned(), value.trim().as_bytes().to_vec()));
    }
    let has = |headers: &[(String, Vec<u8>)], wanted: &str| {
        headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    if !has(&headers, "host") {
        headers.insert(0, ("host".to_owned(), host.as_bytes().to_vec()));
    }
    let body = match &arguments.data {
        None => Vec::new(),
        Some(data) => match data.strip_prefix('@') {
            Some(path) => read(Path::new(path))?,
            None => data.clone().into_bytes(),
        },
    };
    if arguments.data.is_some() && !has(&headers, "content-type") {
        let form = b"application/x-www-form-urlencoded".to_vec();
        headers.push(("content-type".to_owned(), form));
    }
    let default = if arguments.data.is_some() { "POST" } else { "GET" };
    Ok(Trial {
        method: arguments.request.clone().unwrap_or_else(|| default.to_owned()),
        path,
        headers,
        body,
        ..Trial::default()
    })
}

/// Host and path of a URL, or of a path alone.
fn split(url: &str) -> (&str, String) {
    let Some((_, rest)) = url.split_once("://").filter(|_| !url.starts_with('/')) else {
        return ("localhost", url.to_owned());
    };
    // What follows `#` stays with the client.
    let rest = rest.split('#').next().unwrap_or_default();
    match rest.find(['/', '?']) {
        None => (rest, "/".to_owned()),
        Some(at) => {
            let (host, path) = rest.split_at_checked(at).unwrap_or_default();
            let slash = if path.starts_with('/') { "" } else { "/" };
            (host, format!("{slash}{path}"))
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let fail = |error: std::io::Error| Failure::Failed(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
    }
    .map_err(fail)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Failure::Failed(format!(
            "{}: must be at most {LIMIT} bytes",
            path.display()
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, host, path) in [
            ("/a?b=http://c/d", "localhost", "/a?b=http://c/d"),
            ("http://shop.example/a?b#c", "shop.example", "/a?b"),
            ("https://shop.example:8443", "shop.example:8443", "/"),
            ("http://shop.example?q=1", "shop.example", "/?q=1"),
        ] {
            assert_eq!(split(url), (host, path.to_owned()), "{url}");
        }
    }
}
