//! The binary as a process, with clients for its two ports.

use std::{
    fs, io,
    ops::RangeInclusive,
    path::Path,
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use secbeat_engine::report::{Event, METHOD, ReportReply, ReportRequest, SERVICE};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, Command},
    time::timeout,
};
use tonic::{codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_prost::ProstCodec;

const PATIENCE: Duration = Duration::from_secs(30);

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_secbeat"));
    command
        .current_dir(folder)
        .args(arguments)
        .kill_on_drop(true)
        .env_remove("SECBEAT_CONFIG");
    command
}

/// Runs the binary to its end.
pub(crate) async fn secbeat(folder: &Path, arguments: &[&str]) -> Output {
    timeout(PATIENCE, command(folder, arguments).output())
        .await
        .unwrap()
        .unwrap()
}

/// The control plane on ports that the system chose.
pub(crate) struct Process {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    pub(crate) api: Api,
    pub(crate) xds: String,
}

impl Process {
    /// Starts it with its settings and its store in a folder, and waits until it is ready.
    pub(crate) async fn start(folder: &Path) -> Self {
        // Without packs a change takes no time, and more of them happen between two kills.
        let settings = "[management]\nlisten_addr = \"127.0.0.1:0\"\n[xds]\nlisten_addr = \"127.0.0.1:0\"\n\
                        [storage]\npath = \"data/secbeat.redb\"\n[logging]\nformat = \"json\"\n[waf]\npacks = []\n";
        fs::write(folder.join("config.toml"), settings).unwrap();
        let mut child = command(folder, &["serve", "--config", "config.toml"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = async {
            let mut seen = Vec::new();
            while let Some(line) = log.next_line().await.unwrap() {
                let entry: Value = serde_json::from_str(&line).unwrap_or_default();
                if entry["message"] == "ready" {
                    return entry;
                }
                seen.push(line);
            }
            panic!("it did not start: {seen:#?}")
        };
        let ready = timeout(PATIENCE, ready).await.unwrap();
        let token = fs::read_to_string(folder.join("data/admin-token")).unwrap();
        let api = Api {
            address: ready["management"].as_str().unwrap().to_owned(),
            token: token.trim().to_owned(),
        };
        Self {
            child,
            log,
            api,
            xds: ready["xds"].as_str().unwrap().to_owned(),
        }
    }

    /// Ends it with SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Ends it with SIGTERM, and returns how it ended and what it wrote since it was ready.
    pub(crate) async fn terminate(mut self) -> (ExitStatus, String) {
        let id = self.child.id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .await
                .unwrap()
                .success()
        );
        let end = async {
            let mut text = String::new();
            while let Some(line) = self.log.next_line().await.unwrap() {
                text.push_str(&line);
                text.push('\n');
            }
            (self.child.wait().await.unwrap(), text)
        };
        timeout(PATIENCE, end).await.unwrap()
    }
}

/// A client of the REST API.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) address: String,
    token: String,
}

impl Api {
    /// Sends a request on a connection of its own.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<(u16, Value)> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.address,
            self.token,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        parse(&answer).ok_or_else(|| io::Error::other("the answer is not whole"))
    }

    /// What a path answers with 200.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send("GET", path, None).await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

/// Reads an answer that has a length; nothing when it was cut off.
fn parse(answer: &[u8]) -> Option<(u16, Value)> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    (body.len() == length.parse::<usize>().ok()?)
        .then(|| (status, serde_json::from_str(body).unwrap_or_default()))
}

/// A client of the report service.
pub(crate) struct Reporter(tonic::client::Grpc<Channel>);

impl Reporter {
    pub(crate) async fn connect(address: &str) -> Result<Self, tonic::transport::Error> {
        let channel = Channel::from_shared(format!("http://{address}"))
            .unwrap()
            .connect()
            .await?;
        Ok(Self(tonic::client::Grpc::new(channel)))
    }

    /// Reports events with these sequence numbers; the node's name carries the instance.
    pub(crate) async fn report(
        &mut self,
        instance: u64,
        numbers: RangeInclusive<u64>,
    ) -> Result<u64, tonic::Status> {
        let events = numbers
            .map(|seq| Event {
                seq,
                blocked: true,
                ..Event::default()
            })
            .collect();
        let node = format!("node-{instance}");
        let report = ReportRequest {
            node,
            process: instance,
            instance,
            events,
            ..ReportRequest::default()
        };
        self.0
            .ready()
            .await
            .map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::try_from(format!("/{SERVICE}/{METHOD}")).unwrap();
        let codec = ProstCodec::<ReportRequest, ReportReply>::default();
        let reply = self.0.unary(tonic::Request::new(report), path, codec).await?;
        Ok(reply.into_inner().acknowledged)
    }
}
