//! Asks a running control plane to test a request.

use std::{fs, path::Path, time::Duration};

use axum::http::{Request, Uri, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use secbeat_engine::trace::Trace;
use serde_json::json;
use tokio::net::TcpStream;

use crate::trial::Trial;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read.
const LIMIT: usize = 4 * 1024 * 1024;

pub(super) fn ask(
    server: &str,
    token_file: &Path,
    trial: &Trial,
    revision: Option<u64>,
) -> Result<Trace, String> {
    let authority = authority(server)?;
    let token =
        fs::read_to_string(token_file).map_err(|error| format!("{}: {error}", token_file.display()))?;
    let body = body(trial, revision)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let answer = runtime.block_on(async {
        let answer = tokio::time::timeout(PATIENCE, exchange(&authority, token.trim(), &body));
        answer.await.map_err(|_| "no answer in time".to_owned())?
    });
    let (status, answer) = answer.map_err(|reason| format!("{server}: {reason}"))?;
    if status != 200 {
        return Err(format!("{server}: {}", complaint(status, &answer)));
    }
    serde_json::from_slice(&answer).map_err(|error| format!("{server}: the answer is no trace: {error}"))
}

fn authority(server: &str) -> Result<String, String> {
    let wrong = || format!("--server: expected a URL such as http://127.0.0.1:9999, found {server:?}");
    let uri: Uri = server.parse().map_err(|_| wrong())?;
    let is_plain =
        uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/") && uri.query().is_none();
    let host = uri.host().filter(|_| is_plain).ok_or_else(wrong)?;
    Ok(format!("{host}:{}", uri.port_u16().unwrap_or(80)))
}

fn body(trial: &Trial, revision: Option<u64>) -> Result<Bytes, String> {
    let mut headers = Vec::new();
    for (name, value) in &trial.headers {
        let text = std::str::from_utf8(value).map_err(|_| {
            format!("header {name}: a server takes UTF-8 only; test it against a policy file")
        })?;
        headers.push(json!([name, text]));
    }
    let body = json!({
        "method": trial.method,
        "path": trial.path,
        "headers": headers,
        "body_base64": STANDARD.encode(&trial.body),
        "client": trial.client,
        "revision": revision,
    });
    Ok(body.to_string().into())
}

async fn exchange(authority: &str, token: &str, body: &Bytes) -> Result<(u16, Bytes), String> {
    let fail = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect(authority)
        .await
        .map_err(|error| fail(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| fail(&error))?;
    let request = Request::post("/api/v1/waf/test")
        .header(header::HOST, authority)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body.clone()))
        .map_err(|error| fail(&error))?;
    // The connection ends with its sender.
    let answer = async move {
        let response = sender.send_request(request).await.map_err(|error| fail(&error))?;
        let status = response.status().as_u16();
        let collected = Limited::new(response.into_body(), LIMIT).collect().await;
        let body = collected.map_err(|error| fail(&error))?.to_bytes();
        Ok((status, body))
    };
    let (answer, _) = tokio::join!(answer, connection);
    answer
}

/// What is read of a problem document.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Complaint {
    message: String,
    errors: Vec<Reason>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Reason {
    field: String,
    reason: String,
}

/// Words a refusal of the server.
fn complaint(status: u16, answer: &[u8]) -> String {
    let complaint: Complaint = serde_json::from_slice(answer).unwrap_or_default();
    let reasons = complaint.errors.iter();
    let lines = reasons.map(|reason| format!("\n{}: {}", reason.field, reason.reason));
    std::iter::once(format!("{status}: {}", complaint.message))
        .chain(lines)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_plain_http() {
        assert_eq!(
            authority("http://127.0.0.1:9999"),
            Ok("127.0.0.1:9999".to_owned())
        );
        assert_eq!(authority("http://[::1]/"), Ok("[::1]:80".to_owned()));
        for server in ["https://a", "127.0.0.1:9999", "http://a/api", "", "http://a?b"] {
            assert!(authority(server).is_err(), "{server}");
        }
    }
}
