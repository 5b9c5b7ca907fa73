//! What listeners have in common: so many connections at a time, and none that stays silent for long.

use std::{
    future::Future as _,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use futures::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};
use tonic::transport::server::Connected;

/// Connections of the API at a time; further ones wait in the system's queue until one ends.
const MAX_CONNECTIONS: usize = 1_024;
/// Connections of Envoys at a time: one for discovery and one per worker for reports, for all the nodes that are served.
const MAX_ENVOY_CONNECTIONS: usize = 100_000;
/// How long a connection may stay without a byte in either direction: longer than any answer takes, for a write
/// waits up to a minute until it is in force.
const SILENCE: Duration = Duration::from_secs(75);

/// A listener that bounds its connections in number and silence.
#[derive(Debug)]
pub(crate) struct BoundedListener {
    listener: TcpListener,
    permits: Arc<Semaphore>,
    silence: Duration,
}

impl BoundedListener {
    /// Bounds the listener of the API.
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self::with_bounds(listener, MAX_CONNECTIONS, SILENCE)
    }

    /// Bounds the listener of Envoys, which keep talking: HTTP/2 pings those that have nothing to say.
    pub(crate) fn for_envoys(listener: TcpListener) -> Self {
        Self::with_bounds(listener, MAX_ENVOY_CONNECTIONS, SILENCE)
    }

    /// The connections as they come.
    pub(crate) fn incoming(self) -> impl Stream<Item = io::Result<Connection>> {
        stream::unfold(self, |mut listener| async {
            let (connection, _) = listener.accept().await;
            Some((Ok(connection), listener))
        })
    }

    fn with_bounds(listener: TcpListener, connections: usize, silence: Duration) -> Self {
        Self {
            listener,
            permits: Arc::new(Semaphore::new(connections)),
            silence,
        }
    }
}

impl Listener for BoundedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Small answers must not wait for one another; where that cannot be had, they do.
        let _ = stream.set_nodelay(true);
        let timer = Box::pin(sleep(self.silence));
        (
            Connection {
                stream,
                timer,
                silence: self.silence,
                _permit: permit,
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends itself when it stays silent.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    timer: Pin<Box<Sleep>>,
    silence: Duration,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn was_active(&mut self) {
        self.timer.as_mut().reset(Instant::now() + self.silence);
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(task, into);
        if read.is_ready() {
            self.was_active();
            return read;
        }
        self.timer
            .as_mut()
            .poll(task)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(task, bytes);
        if written.is_ready() {
            self.was_active();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(task, slices);
        if written.is_ready() {
            self.was_active();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        time::timeout,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_silent_connection_ends_and_makes_room() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut listener = BoundedListener::with_bounds(listener, 1, Duration::from_millis(20));
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        first.write_all(b"a").await.unwrap();
        second.write_all(b"b").await.unwrap();
        let (mut accepted, _) = listener.accept().await;
        assert_eq!(accepted.read_u8().await.unwrap(), b'a');
        assert!(
            timeout(Duration::from_millis(1), listener.accept())
                .await
                .is_err(),
            "there was no room"
        );
        let silent = timeout(PATIENCE, accepted.read_u8()).await.unwrap();
        assert_eq!(silent.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(accepted);
        let (mut accepted, _) = timeout(PATIENCE, listener.accept()).await.unwrap();
        assert_eq!(accepted.read_u8().await.unwrap(), b'b');
    }
}
