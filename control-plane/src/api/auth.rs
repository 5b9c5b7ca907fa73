//! Who may ask: one admin token of 256 random bits, of which only the hash stays in memory.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Api, problem::Problem};
use crate::revision::hex;

const API_KEY: HeaderName = HeaderName::from_static("x-secbeat-api-key");
/// Shortest token that a file may hold.
const MIN_LENGTH: usize = 32;
/// Longest one.
const MAX_LENGTH: usize = 1_024;
/// Wrong tokens that are answered with 401 in a row; beyond it the answer is 429 until one more is due. A right
/// token always passes, so that nobody can lock the operator out.
const FAILURES: u32 = 20;
/// After how long one more wrong token is due.
const FORGIVE: Duration = Duration::from_millis(200);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file cannot be read or made.
    #[error("cannot use the admin token file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file holds no token.
    #[error("the admin token in {} must be {MIN_LENGTH} to {MAX_LENGTH} printable ASCII characters, found {length}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Bytes found.
        length: usize,
    },
}

/// Knows the admin token by its hash.
#[derive(Debug)]
pub struct Auth {
    hash: [u8; 32],
    failures: Mutex<Failures>,
}

#[derive(Debug)]
struct Failures {
    left: u32,
    counted: Instant,
}

impl Auth {
    /// Takes the token from a file; makes both if there is no file. Reads files: call it before anything is served.
    pub fn open(path: &Path) -> Result<Self, AuthError> {
        let fail = |source| AuthError::File {
            path: path.to_owned(),
            source,
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => {
                let mode = fs::metadata(path).map_err(fail)?.permissions().mode();
                if mode & 0o077 != 0 {
                    tracing::warn!(path = %path.display(), mode = format!("{:o}", mode & 0o777), "others may read the admin token");
                }
                text
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path).map_err(fail)?,
            Err(error) => return Err(fail(error)),
        };
        let token = text.trim();
        let length = token.len();
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) || !token.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(AuthError::Token {
                path: path.to_owned(),
                length,
            });
        }
        Ok(Self::new(token))
    }

    /// Takes a token.
    pub fn new(token: &str) -> Self {
        let failures = Failures {
            left: FAILURES,
            counted: Instant::now(),
        };
        Self {
            hash: Sha256::digest(token.as_bytes()).into(),
            failures: Mutex::new(failures),
        }
    }

    fn accepts(&self, token: &[u8]) -> bool {
        let hash: [u8; 32] = Sha256::digest(token).into();
        hash.ct_eq(&self.hash).into()
    }

    /// Whether one more wrong token is answered in full.
    fn tolerates(&self, now: Instant) -> bool {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now.saturating_duration_since(failures.counted).as_millis() / FORGIVE.as_millis();
        if due > 0 {
            failures.left = failures
                .left
                .saturating_add(u32::try_from(due).unwrap_or(FAILURES))
                .min(FAILURES);
            failures.counted = now;
        }
        let is_tolerated = failures.left > 0;
        failures.left = failures.left.saturating_sub(1);
        is_tolerated
    }
}

/// Writes a fresh token where nobody but the owner reads it, whole or not at all.
fn create(path: &Path) -> io::Result<String> {
    let token = hex(&rand::random::<[u8; 32]>());
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        fs::create_dir_all(dir)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    // One that a crash left behind goes; a link that somebody laid there is not followed.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    tracing::info!(path = %path.display(), "admin token made");
    Ok(token)
}

/// Lets a request pass that needs no token or brings the right one.
pub(super) async fn check(State(api): State<Api>, request: Request, next: Next) -> Response {
    let auth = &api.parts.auth;
    if is_open(request.uri().path(), api.parts.public_metrics) {
        return next.run(request).await;
    }
    let Some(token) = presented(request.headers()) else {
        return unauthorized(
            "this needs the admin token",
            "authorization",
            "expected a bearer token, found none",
        );
    };
    if auth.accepts(token) {
        return next.run(request).await;
    }
    api.parts.metrics.auth_failure();
    if auth.tolerates(Instant::now()) {
        return unauthorized(
            "the token is not valid",
            "authorization",
            "expected the admin token, found another one",
        );
    }
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens")
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
        .into_response()
}

fn is_open(path: &str, public_metrics: bool) -> bool {
    matches!(path, "/livez" | "/readyz" | "/api/v1/health") || (public_metrics && path == "/metrics")
}

fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.as_bytes().split_at_checked(7)?;
        return scheme
            .eq_ignore_ascii_case(b"bearer ")
            .then(|| token.trim_ascii());
    }
    headers.get(API_KEY).map(HeaderValue::as_bytes)
}

fn unauthorized(message: &str, field: &str, reason: &str) -> Response {
    Problem::new(StatusCode::UNAUTHORIZED, message)
        .with_error(field, None, reason)
        .with_header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"secbeat\""),
        )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/admin-token");
        Auth::open(&path).unwrap();
        let token = fs::read_to_string(&path).unwrap();
        assert_eq!(token.trim().len(), 64);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Auth::open(&path).unwrap();
        assert!(again.accepts(token.trim().as_bytes()));
        assert_eq!(fs::read_to_string(&path).unwrap(), token);
    }

    #[test]
    fn a_link_in_the_way_of_a_new_token_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let other = dir.path().join("other");
        fs::write(&other, "untouched").unwrap();
        std::os::unix::fs::symlink(&other, dir.path().join("token.new")).unwrap();
        let path = dir.path().join("token");
        Auth::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "untouched");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn a_weak_token_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "secret\n").unwrap();
        assert!(matches!(
            Auth::open(&path),
            Err(AuthError::Token { length: 6, .. })
        ));
    }

    #[test]
    fn wrong_tokens_are_tolerated_in_bounds_and_forgiven() {
        let auth = Auth::new("t");
        let start = Instant::now();
        assert_eq!(
            (0..FAILURES + 5).filter(|_| auth.tolerates(start)).count(),
            FAILURES as usize
        );
        assert!(auth.tolerates(start + FORGIVE));
        assert!(!auth.tolerates(start + FORGIVE));
    }

    #[test]
    fn both_headers_carry_a_token() {
        let headers = |name: &str, value: &str| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
        };
        assert_eq!(
            presented(&headers("authorization", "bearer  abc")),
            Some(&b"abc"[..])
        );
        assert_eq!(presented(&headers("x-secbeat-api-key", "abc")), Some(&b"abc"[..]));
        assert_eq!(presented(&headers("authorization", "Basic abc")), None);
        assert_eq!(presented(&headers("authorization", "x")), None);
    }
}
