//! What benchmarks send with and to: many connections on one thread each, so that the load itself disturbs the measured
//! process as little as a load generator and an origin of production do.

pub mod memory;
pub mod policy_change;

use std::{
    mem,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    thread,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime,
    sync::oneshot,
    task::JoinSet,
};

use crate::{Context, Failure, Result, ensure};

/// Bytes that the head of a request or an answer may have.
const HEAD_LIMIT: usize = 64 * 1024;

/// Connections to one server that stay open, driven from one thread.
#[derive(Debug)]
pub struct Clients {
    runtime: runtime::Runtime,
    connections: Vec<Peer>,
}

impl Clients {
    /// Opens so many connections.
    pub fn connect(to: SocketAddr, connections: usize) -> Result<Self> {
        let runtime = runtime()?;
        let connections = (0..connections)
            .map(|_| Peer::new(runtime.block_on(TcpStream::connect(to))?))
            .collect::<Result<_>>()?;
        Ok(Self { runtime, connections })
    }

    /// Sends so many requests on each connection, each as soon as its connection is free. Fails at the first answer
    /// other than 200; the connections are lost then.
    pub fn send(
        &mut self,
        requests: usize,
        next: impl Fn() -> Vec<u8> + Send + Sync + 'static,
    ) -> Result<()> {
        ensure!(!self.connections.is_empty(), "no connection is left");
        let next = Arc::new(next);
        self.runtime.block_on(async {
            let mut clients = JoinSet::new();
            for connection in mem::take(&mut self.connections) {
                clients.spawn(exchange(connection, requests, Arc::clone(&next)));
            }
            while let Some(client) = clients.join_next().await {
                self.connections
                    .push(client.map_err(|_| Failure::new("a client panicked"))??);
            }
            Ok(())
        })
    }
}

async fn exchange(mut connection: Peer, requests: usize, next: Arc<impl Fn() -> Vec<u8>>) -> Result<Peer> {
    for _ in 0..requests {
        connection.stream.write_all(&next()).await?;
        let head = connection.message().await?.context("closed before the answer")?;
        let status = head.get(9..12).unwrap_or_default();
        ensure!(
            status == b"200",
            "an honest request got {:?}",
            String::from_utf8_lossy(&head)
        );
    }
    Ok(connection)
}

/// A server on a loopback port that gives every request the same answer. It ends with its value.
#[derive(Debug)]
pub struct ConstantOrigin {
    address: SocketAddr,
    /// Dropped to end the server.
    _running: oneshot::Sender<()>,
}

impl ConstantOrigin {
    /// Starts an origin that answers with a document of this media type.
    pub fn start(media_type: &str, document: &str) -> Result<Self> {
        let length = document.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nserver: origin\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n{document}"
        );
        let answer: Arc<[u8]> = answer.into_bytes().into();
        let runtime = runtime()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let (running, ended) = oneshot::channel();
        thread::Builder::new().name("origin".to_owned()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    () = serve(listener, answer) => {}
                    _ = ended => {}
                }
            });
        })?;
        Ok(Self {
            address,
            _running: running,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: TcpListener, answer: Arc<[u8]>) {
    let mut peers = JoinSet::<Result<()>>::new();
    while let Ok((stream, _)) = listener.accept().await {
        let answer = Arc::clone(&answer);
        // A connection that breaks off ends its task; the clients see the other side of it.
        peers.spawn(async move {
            let mut peer = Peer::new(stream)?;
            while peer.message().await?.is_some() {
                peer.stream.write_all(&answer).await?;
            }
            Ok(())
        });
    }
}

fn runtime() -> Result<runtime::Runtime> {
    Ok(runtime::Builder::new_current_thread().enable_io().build()?)
}

#[derive(Debug)]
struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Peer {
    fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            unread: Vec::with_capacity(HEAD_LIMIT),
        })
    }

    /// Reads a message whose body has a `content-length`, or none, and returns its head; `None` at the end.
    async fn message(&mut self) -> Result<Option<Vec<u8>>> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(
                self.unread.len() < HEAD_LIMIT,
                "a head of more than {HEAD_LIMIT} bytes"
            );
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Ok(None);
            }
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let mut left = content_length(&head)?;
        loop {
            let taken = left.min(self.unread.len());
            self.unread.drain(..taken);
            left -= taken;
            if left == 0 {
                return Ok(Some(head));
            }
            ensure!(
                self.stream.read_buf(&mut self.unread).await? > 0,
                "closed within a body"
            );
        }
    }
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = String::from_utf8_lossy(head);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then_some(value.trim())
    });
    length.map_or(Ok(0), |length| length.parse().context(length))
}
