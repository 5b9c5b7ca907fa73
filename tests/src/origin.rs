//! The protected application, as far as tests and `./justw up` need one. It keeps every byte that reached it, so that
//! "the origin saw nothing" can be proved; it decides nothing.
//!
//! - A path that [`Origin::answer`] was told about gets exactly the bytes that were given for it.
//! - `/stream` answers with an event stream: one event at once, the second after [`Origin::release`].
//! - A WebSocket upgrade is accepted, and from then on every byte comes back.
//! - Everything else gets a greeting, or its own body back.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{Context, Result};

/// Bytes kept of what came in; a test that sends more proves its point with counters.
const JOURNAL_LIMIT: usize = 64 * 1024 * 1024;
/// How long a streamed response waits for its release.
const STREAM_PATIENCE: Duration = Duration::from_secs(20);

/// Whether the origin keeps what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// Every byte, up to 64 MiB.
    Keep,
    /// Only the number of requests.
    Count,
}

/// A server on a loopback port. It ends with its value.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    journal: Journal,
    /// What came in, one entry per connection.
    seen: Mutex<Seen>,
    requests: AtomicU64,
    /// By path: what goes out, piece by piece; before each piece but the first the origin waits for its release.
    answers: Mutex<BTreeMap<String, Arc<[Vec<u8>]>>>,
    released: (Mutex<bool>, Condvar),
    ended: AtomicBool,
}

#[derive(Debug, Default)]
struct Seen {
    connections: Vec<Vec<u8>>,
    bytes: usize,
}

impl Origin {
    /// Starts an origin on a free loopback port.
    pub fn start(journal: Journal) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("origin")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            journal,
            seen: Mutex::default(),
            requests: AtomicU64::new(0),
            answers: Mutex::default(),
            released: (Mutex::new(false), Condvar::new()),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::Builder::new().name("origin".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                if accepting.ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&accepting);
                // A connection that breaks off ends its thread; the test sees the other side of it.
                thread::spawn(move || Conversation::new(stream, shared).map(Conversation::run));
            }
        })?;
        Ok(Self { address, shared })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether these bytes were part of anything that came in over one connection.
    pub fn saw(&self, bytes: &[u8]) -> bool {
        let seen = lock(&self.shared.seen);
        seen.connections
            .iter()
            .any(|connection| connection.windows(bytes.len()).any(|window| window == bytes))
    }

    /// Bytes that came in so far.
    pub fn bytes(&self) -> usize {
        lock(&self.shared.seen).bytes
    }

    /// Requests that came in so far, complete or not.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// From now on answers requests for a path, in lower case and without query, with these bytes of HTTP/1.1. The first
    /// piece goes out at once, the others after [`Origin::release`]. An answer that ends with its connection says so.
    pub fn answer(&self, path: &str, pieces: &[&[u8]]) {
        let pieces = pieces.iter().map(|piece| piece.to_vec()).collect();
        lock(&self.shared.answers).insert(path.to_owned(), pieces);
    }

    /// Lets every streamed response go on.
    pub fn release(&self) {
        let (released, changed) = &self.shared.released;
        *lock(released) = true;
        changed.notify_all();
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        self.release();
        // Wakes the accepting thread, which then sees that it is over.
        let _woken = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn connection(&self) -> usize {
        let mut seen = lock(&self.seen);
        seen.connections.push(Vec::new());
        seen.connections.len() - 1
    }

    fn record(&self, connection: usize, bytes: &[u8]) {
        let mut seen = lock(&self.seen);
        seen.bytes += bytes.len();
        if self.journal == Journal::Keep
            && seen.bytes <= JOURNAL_LIMIT
            && let Some(journal) = seen.connections.get_mut(connection)
        {
            journal.extend_from_slice(bytes);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection.
struct Conversation {
    stream: TcpStream,
    shared: Arc<Shared>,
    connection: usize,
    unread: Vec<u8>,
}

impl Conversation {
    fn new(stream: TcpStream, shared: Arc<Shared>) -> Result<Self> {
        stream.set_nodelay(true)?;
        let connection = shared.connection();
        Ok(Self {
            stream,
            shared,
            connection,
            unread: Vec::new(),
        })
    }

    fn run(mut self) {
        while let Ok(true) = self.request() {}
    }

    /// Answers one request; false when the connection is over.
    fn request(&mut self) -> Result<bool> {
        let head = self.through(b"\r\n\r\n")?;
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let header = |name: &str| {
            head.lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(found, _)| *found == name)
                .map(|(_, value)| value.trim())
        };
        if header("upgrade") == Some("websocket") {
            self.stream.write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
            )?;
            return self.echo();
        }
        let body = if header("transfer-encoding").is_some() {
            self.chunks()?
        } else {
            self.exactly(
                header("content-length")
                    .and_then(|length| length.parse().ok())
                    .unwrap_or(0),
            )?
        };
        let path = head.split([' ', '?']).nth(1).unwrap_or_default();
        let answer = lock(&self.shared.answers).get(path).cloned();
        if let Some(pieces) = answer {
            return self.play(&pieces);
        }
        if path.starts_with("/stream") {
            return self.stream_events();
        }
        let (kind, body) = match header("content-type") {
            Some(kind) if !body.is_empty() => (kind, body),
            _ => ("text/plain; charset=utf-8", b"Hello from the origin.\n".to_vec()),
        };
        let length = body.len();
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nserver: origin\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        )
        .into_bytes();
        if !head.starts_with("head ") {
            answer.extend_from_slice(&body);
        }
        self.stream.write_all(&answer)?;
        Ok(true)
    }

    fn echo(&mut self) -> Result<bool> {
        loop {
            let bytes = std::mem::take(&mut self.unread);
            self.stream.write_all(&bytes)?;
            self.more()?;
        }
    }

    fn stream_events(&mut self) -> Result<bool> {
        self.stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nconnection: close\r\n\r\ndata: first\n\n",
        )?;
        self.await_release();
        self.stream.write_all(b"data: second\n\n")?;
        Ok(false)
    }

    fn play(&mut self, pieces: &[Vec<u8>]) -> Result<bool> {
        for (number, piece) in pieces.iter().enumerate() {
            if number > 0 {
                self.await_release();
            }
            self.stream.write_all(piece)?;
        }
        let head = pieces.first().map_or(&[][..], Vec::as_slice);
        let closes = head
            .to_ascii_lowercase()
            .windows(17)
            .any(|window| window == b"connection: close");
        Ok(!closes)
    }

    fn await_release(&self) {
        let (released, changed) = &self.shared.released;
        let waited = changed.wait_timeout_while(lock(released), STREAM_PATIENCE, |released| !*released);
        drop(waited);
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.through(b"\r\n")?;
            let text = String::from_utf8_lossy(&line).into_owned();
            let size =
                usize::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16).context(text)?;
            let chunk = self.exactly(size)?;
            body.extend_from_slice(&chunk);
            self.exactly(2)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn through(&mut self, mark: &[u8]) -> Result<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return self.exactly(at + mark.len());
            }
            self.more()?;
        }
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.unread.len() < length {
            self.more()?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    fn more(&mut self) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        let read = self.stream.read(&mut buffer)?;
        let bytes = buffer
            .get(..read)
            .filter(|bytes| !bytes.is_empty())
            .context("closed")?;
        self.shared.record(self.connection, bytes);
        self.unread.extend_from_slice(bytes);
        Ok(())
    }
}
