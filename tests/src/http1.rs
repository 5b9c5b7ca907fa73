//! A client for HTTP/1.1 that sends whatever bytes a test wants and reads what comes back. It checks and repairs nothing.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use crate::{Context, Failure, Result};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes that an answer's head may have.
const HEAD_LIMIT: usize = 256 * 1024;

/// A request, put together byte by byte.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request with the headers of a plain client.
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        let headers = [
            ("host", "shop.example.com"),
            (
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            ),
            ("accept", "*/*"),
        ];
        Self {
            method: method.to_owned(),
            target: target.as_ref().to_vec(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
                .collect(),
            body: None,
        }
    }

    /// A GET request.
    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// A POST request with a body of a type.
    pub fn post(target: impl AsRef<[u8]>, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::new("POST", target)
            .header("content-type", content_type)
            .body(body)
    }

    /// Sets a header, in place of one with the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name.as_bytes()));
        self.headers
            .push((name.as_bytes().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body; `content-length` follows from it.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// The start line and the headers, without body and `content-length`.
    pub fn head(&self) -> Vec<u8> {
        let mut wire = [self.method.as_bytes(), b" ", &self.target, b" HTTP/1.1\r\n"].concat();
        for (name, value) in &self.headers {
            wire.extend_from_slice(&[name.as_slice(), b": ", value, b"\r\n"].concat());
        }
        wire
    }

    /// The whole request as it goes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut wire = self.head();
        if let Some(body) = &self.body {
            wire.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(self.body.as_deref().unwrap_or_default());
        wire
    }

    /// Sends it over a connection of its own.
    pub fn send(&self, to: SocketAddr) -> Result<Response> {
        let mut connection = Connection::open(to)?;
        connection.send(&self.bytes())?;
        connection.answer(self.method == "HEAD")
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header pairs in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, without chunk marks.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self
            .headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).context(format!("status {}, body {:?}", self.status, self.text()))
    }
}

/// A connection that is kept alive between requests.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&to, TIMEOUT).context(format!("connect to {to}"))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            unread: Vec::new(),
        })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).context("send")
    }

    /// Sends what is possible of a long request: a server that refuses early may close before it took all of it.
    pub fn send_what_is_taken(&mut self, bytes: &[u8]) {
        let _refused_early = self.stream.write_all(bytes);
    }

    /// Reads an answer to its end. `to_head` tells that no body follows, whatever the headers say.
    pub fn answer(&mut self, to_head: bool) -> Result<Response> {
        let mut response = self.head()?;
        while (100..200).contains(&response.status) && response.status != 101 {
            response = self.head()?;
        }
        if to_head || matches!(response.status, 101 | 204 | 304) {
            return Ok(response);
        }
        let length = response.header("content-length");
        response.body = if response
            .header("transfer-encoding")
            .is_some_and(|coding| coding.contains("chunked"))
        {
            self.chunks()?
        } else if let Some(length) = length {
            self.exactly(length.trim().parse().context("content-length")?)?
        } else {
            self.rest()?
        };
        Ok(response)
    }

    /// Reads an answer's status and headers only.
    pub fn head(&mut self) -> Result<Response> {
        let head = self.through(b"\r\n\r\n")?;
        let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        let start = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
        let status = start
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split(' ').nth(1))
            .and_then(|code| code.parse().ok())
            .context(format!("expected an HTTP/1 status line, found {start:?}"))?;
        let headers = lines
            .filter(|line| !line.is_empty())
            .map(|line| {
                let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
                let (name, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                (String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec())
            })
            .collect();
        Ok(Response {
            status,
            headers,
            body: Vec::new(),
        })
    }

    /// Reads up to and with `mark`.
    pub fn through(&mut self, mark: &[u8]) -> Result<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return self.exactly(at + mark.len());
            }
            if self.unread.len() > HEAD_LIMIT {
                return Err(Failure::new("the answer's head is too long"));
            }
            self.more()?;
        }
    }

    /// Reads exactly so many bytes.
    pub fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.unread.len() < length {
            self.more()?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    /// Whether the peer has closed the connection; waits for that or for bytes.
    pub fn is_closed(&mut self) -> bool {
        self.more().is_err()
    }

    /// Goes away, and reads what has come or still comes.
    pub fn leave(mut self) -> Vec<u8> {
        let _left = self.stream.shutdown(Shutdown::Write);
        let _reset_or_ended = self.stream.read_to_end(&mut self.unread);
        self.unread
    }

    fn rest(&mut self) -> Result<Vec<u8>> {
        self.stream
            .read_to_end(&mut self.unread)
            .context("read to the end")?;
        Ok(std::mem::take(&mut self.unread))
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.through(b"\r\n")?;
            let text = String::from_utf8_lossy(&line).into_owned();
            let size = text.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).context(format!("chunk size {size:?}"))?;
            let mut chunk = self.exactly(size + 2)?;
            chunk.truncate(size);
            body.append(&mut chunk);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn more(&mut self) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer).context("read")? {
            0 => Err(Failure::new(format!(
                "the connection ended after {:?}",
                String::from_utf8_lossy(&self.unread)
            ))),
            read => {
                self.unread
                    .extend_from_slice(buffer.get(..read).unwrap_or_default());
                Ok(())
            }
        }
    }
}
