//! One request over HTTP/2, with prior knowledge and without TLS.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use tokio::{net::TcpStream, time::timeout};

use crate::{Context, Failure, Result};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An answer over HTTP/2.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The body, without what the peer reset.
    pub body: Vec<u8>,
}

/// Sends a POST request with this body, or a GET request without one, over a connection of its own.
pub fn send(to: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let exchange = exchange(to, path, content_type, Bytes::copy_from_slice(body));
    runtime.block_on(async { timeout(TIMEOUT, exchange).await.context("HTTP/2")? })
}

async fn exchange(to: SocketAddr, path: &str, content_type: &str, body: Bytes) -> Result<Answer> {
    let stream = TcpStream::connect(to).await.context(format!("connect to {to}"))?;
    let (client, connection) = h2::client::handshake(stream).await.context("handshake")?;
    let conversation = async {
        let mut client = client.ready().await.context("ready")?;
        let request = http::Request::builder()
            .method(if body.is_empty() { "GET" } else { "POST" })
            .uri(format!("http://shop.example.com{path}"))
            .header(
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            )
            .header("accept", "*/*");
        let request = if body.is_empty() {
            request
        } else {
            request.header("content-type", content_type)
        };
        let request = request.body(()).context("request")?;
        let (response, mut sending) = client.send_request(request, body.is_empty()).context("send")?;
        if !body.is_empty() {
            // The library holds what the peer's window does not take yet.
            sending.send_data(body, true).context("body")?;
        }
        let response = response.await.context("answer")?;
        let status = response.status().as_u16();
        let mut receiving = response.into_body();
        let mut body = Vec::new();
        while let Some(piece) = receiving.data().await {
            // After a refusal the peer may reset what is left of the request.
            let Ok(piece) = piece else { break };
            body.extend_from_slice(&piece);
            receiving
                .flow_control()
                .release_capacity(piece.len())
                .context("window")?;
        }
        Ok(Answer { status, body })
    };
    tokio::select! {
        answer = conversation => answer,
        end = connection => Err(Failure::new(format!("the connection ended: {end:?}"))),
    }
}
