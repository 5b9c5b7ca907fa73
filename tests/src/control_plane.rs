//! The control plane's binary, started with a settings file of its own, and a client for its API.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use crate::{Context, Process, Request, Response, Result, artifacts, ensure, ports, wait};

/// How long the control plane may take until it answers.
const START: Duration = Duration::from_secs(30);
/// Name of its settings file.
const SETTINGS: &str = "config.toml";

/// A running control plane. Its store lies in a folder of the test and outlives it.
#[derive(Debug)]
pub struct ControlPlane {
    process: Process,
    folder: PathBuf,
    api: Api,
    xds: SocketAddr,
}

impl ControlPlane {
    /// Starts a control plane on free ports that steers the module `filter`, and waits until it answers.
    pub fn start(folder: &Path, filter: &Path) -> Result<Self> {
        Self::start_at(folder, filter, ports::free()?, ports::free()?, &[])
    }

    /// Starts a control plane at these addresses; `templates` are bootstraps that it renders with the last known good policy.
    pub fn start_at(
        folder: &Path,
        filter: &Path,
        management: SocketAddr,
        xds: SocketAddr,
        templates: &[PathBuf],
    ) -> Result<Self> {
        let data = folder.join("data");
        fs::create_dir_all(&data)?;
        let mut settings = toml::Table::new();
        settings.insert(
            "management".to_owned(),
            table([("listen_addr", management.to_string().into())]),
        );
        let templates: Vec<String> = templates.iter().map(|path| path.display().to_string()).collect();
        settings.insert(
            "xds".to_owned(),
            table([
                ("listen_addr", xds.to_string().into()),
                ("wasm_module", filter.display().to_string().into()),
                ("bootstrap_templates", templates.into()),
            ]),
        );
        settings.insert(
            "storage".to_owned(),
            table([("path", data.join("secbeat.redb").display().to_string().into())]),
        );
        fs::write(folder.join(SETTINGS), settings.to_string())?;
        let api = Api {
            address: management,
            token: String::new(),
        };
        Self {
            process: launch(folder)?,
            folder: folder.to_owned(),
            api,
            xds,
        }
        .ready()
    }

    /// Keeps its log's tail out of the output.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.process = self.process.quiet();
        self
    }

    /// Its API, with the admin token.
    pub fn api(&self) -> Api {
        self.api.clone()
    }

    /// Where Envoys connect.
    pub fn xds(&self) -> SocketAddr {
        self.xds
    }

    /// Where the store and what is written beside it lie.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// File of the first admin token.
    pub fn token_file(&self) -> PathBuf {
        self.data().join("admin-token")
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it with SIGKILL and starts it again on the same store and ports.
    pub fn crash_and_restart(self) -> Result<Self> {
        let mut old = self;
        old.process.kill()?;
        Self {
            process: launch(&old.folder)?,
            ..old
        }
        .ready()
    }

    /// Starts it again on the same store and ports, with another section of that name in its settings.
    pub fn restart_with(self, section: &str, settings: &Value) -> Result<Self> {
        let path = self.folder.join(SETTINGS);
        let text = fs::read_to_string(&path).context(path.display())?;
        let mut file: toml::Table = text.parse().context(path.display())?;
        let settings = toml::Value::try_from(settings).context(section)?;
        file.insert(section.to_owned(), settings);
        fs::write(&path, file.to_string())?;
        self.crash_and_restart()
    }

    fn ready(mut self) -> Result<Self> {
        let token_file = self.token_file();
        self.api.token = wait::until("the control plane's readiness", START, || {
            self.process.must_run()?;
            let health = Request::get("/api/v1/health").send(self.api.address)?;
            ensure!(
                health.status == 200,
                "health says {}: {}",
                health.status,
                health.text()
            );
            Ok(fs::read_to_string(&token_file)
                .context(token_file.display())?
                .trim()
                .to_owned())
        })?;
        Ok(self)
    }
}

fn table<const N: usize>(pairs: [(&str, toml::Value); N]) -> toml::Value {
    toml::Value::Table(
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

fn launch(folder: &Path) -> Result<Process> {
    let settings = folder.join(SETTINGS).display().to_string();
    let arguments = ["serve".to_owned(), "--config".to_owned(), settings];
    Process::start("control-plane", &artifacts::control_plane()?, &arguments, folder)
}

/// A client of the control plane's API.
#[derive(Debug, Clone)]
pub struct Api {
    address: SocketAddr,
    token: String,
}

impl Api {
    /// Sends a request as it is, without a token.
    pub fn send(&self, request: &Request) -> Result<Response> {
        request.send(self.address)
    }

    /// Sends a request with the admin token.
    pub fn authorized(&self, request: Request) -> Result<Response> {
        self.send(&request.header("authorization", format!("Bearer {}", self.token)))
    }

    /// What a path answers with 200.
    pub fn get(&self, path: &str) -> Result<Value> {
        succeed(path, &self.authorized(Request::get(path))?)
    }

    /// What a path answers to a document with 2xx.
    pub fn post(&self, path: &str, document: &Value) -> Result<Value> {
        succeed(
            path,
            &self.authorized(Request::post(path, "application/json", document.to_string()))?,
        )
    }

    /// What a path answers to DELETE with 2xx.
    pub fn delete(&self, path: &str) -> Result<Value> {
        succeed(path, &self.authorized(Request::new("DELETE", path))?)
    }

    /// The number of the newest revision.
    pub fn revision(&self) -> Result<u64> {
        let status = self.get("/api/v1/status/waf")?;
        status
            .get("revision")
            .and_then(Value::as_u64)
            .context(format!("no revision in {status}"))
    }

    /// Adds a pattern, and waits until every node has it. Its id.
    pub fn add_pattern(&self, pattern: &Value) -> Result<u64> {
        let added = self.post("/api/v1/waf/patterns?wait=applied&timeout=30s", pattern)?;
        ensure!(is_applied(&added), "the pattern was not applied: {added}");
        added
            .pointer("/ids/0")
            .and_then(Value::as_u64)
            .context(format!("no id in {added}"))
    }

    /// Deletes a pattern, and waits until no node has it.
    pub fn delete_pattern(&self, id: u64) -> Result<()> {
        let deleted = self.delete(&format!("/api/v1/waf/patterns/{id}?wait=applied&timeout=30s"))?;
        ensure!(is_applied(&deleted), "the deletion was not applied: {deleted}");
        Ok(())
    }

    /// Every event, oldest first.
    pub fn events(&self) -> Result<Vec<Value>> {
        self.events_after(None).map(|(events, _)| events)
    }

    /// The cursor of the newest event.
    pub fn newest_event(&self) -> Result<Option<u64>> {
        let page = self.get("/api/v1/events?limit=1")?;
        Ok(page.pointer("/events/0/id").and_then(Value::as_u64))
    }

    /// Every event after that cursor, oldest first, and the cursor after them.
    pub fn events_after(&self, cursor: Option<u64>) -> Result<(Vec<Value>, Option<u64>)> {
        let mut events = Vec::new();
        let mut cursor = cursor;
        loop {
            let after = cursor.map(|id| format!("&after={id}")).unwrap_or_default();
            let mut page = self.get(&format!("/api/v1/events?order=asc&limit=1000{after}"))?;
            let found = page
                .get_mut("events")
                .and_then(Value::as_array_mut)
                .map(std::mem::take)
                .context("no events")?;
            let Some(last) = found.last() else {
                return Ok((events, cursor));
            };
            cursor = Some(
                last.get("id")
                    .and_then(Value::as_u64)
                    .context(format!("no id in {last}"))?,
            );
            events.extend(found);
        }
    }

    /// Waits until a node is connected and has the newest revision.
    pub fn wait_in_sync(&self, node: &str) -> Result<()> {
        wait::until(&format!("node {node} in sync"), START, || {
            let found = self.get(&format!("/api/v1/nodes/{node}"))?;
            ensure!(
                found.get("in_sync").and_then(Value::as_bool) == Some(true),
                "{found}"
            );
            Ok(())
        })
    }
}

fn is_applied(answer: &Value) -> bool {
    answer.get("applied") == Some(&Value::Bool(true))
}

fn succeed(path: &str, response: &Response) -> Result<Value> {
    ensure!(
        (200..300).contains(&response.status),
        "{path} answered {}: {}",
        response.status,
        response.text()
    );
    if response.body.is_empty() {
        Ok(Value::Null)
    } else {
        response.json()
    }
}
