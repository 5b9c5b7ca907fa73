//! A real Envoy with two workers, started from the configurations in `envoy/` with ports, paths and names replaced.

use std::{
    fmt, fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Context, Failure, Process, Request, Result, artifacts, wait};

/// How long Envoy may take until it serves: V8 compiles the module first.
const START: Duration = Duration::from_mins(1);
/// Worker threads: the smallest number at which they can differ.
const WORKERS: usize = 2;
/// Envoy takes a free port, so that tests never meet on one.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Where an origin is reached: a name or an address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAndPort {
    host: String,
    port: u16,
}

impl HostAndPort {
    /// Reads `http://host:port`; without a port it is 80.
    pub fn of_url(url: &str) -> Result<Self> {
        let complaint = || format!("ORIGIN must be http://host:port, found {url:?}");
        let authority = url
            .strip_prefix("http://")
            .context(complaint())?
            .trim_end_matches('/');
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        let is_plain = |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
        crate::ensure!(!host.is_empty() && host.chars().all(is_plain), "{}", complaint());
        Ok(Self {
            host: host.to_owned(),
            port: port.parse().ok().context(complaint())?,
        })
    }
}

impl fmt::Display for HostAndPort {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "http://{}:{}", self.host, self.port)
    }
}

impl From<SocketAddr> for HostAndPort {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

/// A bootstrap from `envoy/`, being adapted to a test.
#[derive(Debug, Clone)]
pub struct Bootstrap(String);

impl Bootstrap {
    /// `envoy/standalone.yaml`: no control plane.
    pub fn standalone(origin: SocketAddr, filter: &Path) -> Result<Self> {
        Self::shipped("standalone")?.placed(ANY, ANY, &origin, filter)
    }

    /// `envoy/sidecar.yaml`: steered by the control plane at `control_plane`, under the name `node`.
    pub fn sidecar(node: &str, origin: SocketAddr, filter: &Path, control_plane: SocketAddr) -> Result<Self> {
        Self::shipped("sidecar")?
            .placed(ANY, ANY, &origin, filter)?
            .steered(node, control_plane)
    }

    /// `envoy/sidecar.yaml` at fixed addresses for clients and for the admin interface.
    pub fn sidecar_at(
        listener: SocketAddr,
        admin: SocketAddr,
        origin: &HostAndPort,
        filter: &Path,
        control_plane: SocketAddr,
    ) -> Result<Self> {
        Self::shipped("sidecar")?
            .placed(listener, admin, origin, filter)?
            .steered("sidecar", control_plane)
    }

    /// A bootstrap that was rendered from a shipped one, with everything in place.
    pub fn rendered(text: String) -> Self {
        Self(text)
    }

    fn shipped(name: &str) -> Result<Self> {
        let path = artifacts::root().join(format!("envoy/{name}.yaml"));
        Ok(Self(fs::read_to_string(&path).context(path.display())?))
    }

    fn placed(
        self,
        listener: SocketAddr,
        admin: SocketAddr,
        origin: &impl Endpoint,
        filter: &Path,
    ) -> Result<Self> {
        self.replace("{ address: 0.0.0.0, port_value: 10000 }", &listener.socket())?
            .replace("{ address: 127.0.0.1, port_value: 9901 }", &admin.socket())?
            .replace("{ address: 127.0.0.1, port_value: 8080 }", &origin.socket())?
            .replace("dist/secbeat-filter.wasm", &filter.display().to_string())
    }

    fn steered(self, node: &str, control_plane: SocketAddr) -> Result<Self> {
        self.replace(
            "{ address: 127.0.0.1, port_value: 18000 }",
            &control_plane.socket(),
        )?
        .replace("id: secbeat-sidecar", &format!("id: {node}"))
    }

    /// Replaces a piece of the text everywhere; fails if it is not there.
    pub fn replace(self, piece: &str, by: &str) -> Result<Self> {
        if self.0.contains(piece) {
            Ok(Self(self.0.replace(piece, by)))
        } else {
            Err(Failure::new(format!("the bootstrap does not hold {piece:?}")))
        }
    }

    /// Puts another plugin configuration in the place of the one that stands there. JSON is written on one line.
    pub fn plugin_configuration(self, configuration: &serde_json::Value) -> Result<Self> {
        let (before, rest) = self
            .0
            .split_once("value: |\n")
            .context("no plugin configuration")?;
        let indentation = before.lines().last().map_or(0, str::len);
        let after = rest
            .split_inclusive('\n')
            .skip_while(|line| line.trim().is_empty() || indent(line) > indentation)
            .collect::<String>();
        let text = serde_json::Value::String(configuration.to_string());
        Ok(Self(format!("{before}value: {text}\n\n{after}")))
    }

    /// Takes the filter away; the guard stays.
    pub fn without_filter(self) -> Result<Self> {
        self.without("          - name: secbeat\n", "          # The guard.")
    }

    /// Takes the guard away.
    pub fn without_guard(self) -> Result<Self> {
        self.without(
            "          # The guard.",
            "          - name: envoy.filters.http.router\n",
        )
    }

    fn without(self, from: &str, to: &str) -> Result<Self> {
        let (before, rest) = self
            .0
            .split_once(from)
            .context(format!("no {from:?} in the bootstrap"))?;
        let (_, after) = rest
            .split_once(to)
            .context(format!("no {to:?} in the bootstrap"))?;
        Ok(Self(format!("{before}{to}{after}")))
    }

    /// The YAML as it stands.
    pub fn text(&self) -> &str {
        &self.0
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// An address as Envoy's YAML writes it.
trait Endpoint {
    fn socket(&self) -> String;
}

impl Endpoint for SocketAddr {
    fn socket(&self) -> String {
        format!("{{ address: {}, port_value: {} }}", self.ip(), self.port())
    }
}

impl Endpoint for HostAndPort {
    fn socket(&self) -> String {
        format!("{{ address: {}, port_value: {} }}", self.host, self.port)
    }
}

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: SocketAddr,
    listener: SocketAddr,
}

impl Envoy {
    /// Starts Envoy and waits until it serves. Its files go to `folder`.
    pub fn start(bootstrap: &Bootstrap, folder: &Path) -> Result<Self> {
        Self::start_with(bootstrap, folder, WORKERS)
    }

    /// Starts Envoy with another number of workers.
    pub fn start_with(bootstrap: &Bootstrap, folder: &Path, workers: usize) -> Result<Self> {
        let (mut process, admin_file) = launch(bootstrap, folder, workers, &[])?;
        let admin = wait::until("Envoy's admin address", START, || {
            process.must_run()?;
            fs::read_to_string(&admin_file)?
                .trim()
                .parse::<SocketAddr>()
                .context("admin address")
        })?;
        let listener = wait::until("Envoy's readiness", START, || {
            process.must_run()?;
            let ready = Request::get("/ready").send(admin)?;
            crate::ensure!(ready.status == 200, "/ready says {}", ready.text().trim());
            let listeners = Request::get("/listeners").send(admin)?.text();
            let line = listeners
                .lines()
                .find_map(|line| line.strip_prefix("ingress::"))
                .context(format!("listeners: {listeners}"))?;
            line.parse::<SocketAddr>().context(line)
        })?;
        Ok(Self {
            process,
            admin,
            listener,
        })
    }

    /// Keeps its log's tail out of the output.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.process = self.process.quiet();
        self
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.listener
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// A path of the admin interface, as text.
    pub fn admin(&self, path: &str) -> Result<String> {
        Ok(Request::get(path).send(self.admin)?.text())
    }

    /// The sum of every counter or gauge whose name holds this piece; 0 when none exists yet.
    pub fn stat_sum(&self, piece: &str) -> Result<u64> {
        let stats = self.admin("/stats")?;
        let found = stats
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(name, _)| name.contains(piece));
        found
            .map(|(name, value)| value.parse::<u64>().context(name))
            .sum()
    }
}

/// What Envoy says about a bootstrap without serving it; an error holds its complaint.
pub fn validate(bootstrap: &Bootstrap, folder: &Path) -> Result<()> {
    let (mut process, _) = launch(bootstrap, folder, 1, &["--mode", "validate"])?;
    let status = wait::until("Envoy's validation", START, || {
        process.ended()?.context("it still runs")
    })?;
    crate::ensure!(status.success(), "{}", process.tail());
    Ok(())
}

fn launch(bootstrap: &Bootstrap, folder: &Path, workers: usize, more: &[&str]) -> Result<(Process, PathBuf)> {
    let name = (0..1_000)
        .map(|number| format!("envoy-{number}"))
        .find(|name| !folder.join(format!("{name}.yaml")).exists())
        .context("no name left")?;
    let file = folder.join(format!("{name}.yaml"));
    fs::write(&file, bootstrap.text()).context(file.display())?;
    let admin = folder.join(format!("{name}.admin"));
    let mut arguments = vec![
        "--config-path".to_owned(),
        file.display().to_string(),
        "--admin-address-path".to_owned(),
        admin.display().to_string(),
        "--concurrency".to_owned(),
        workers.to_string(),
        "--disable-hot-restart".to_owned(),
        "--log-level".to_owned(),
        "warn".to_owned(),
        "--component-log-level".to_owned(),
        "wasm:info,config:info".to_owned(),
    ];
    arguments.extend(more.iter().map(|&argument| argument.to_owned()));
    Ok((
        Process::start(&name, &artifacts::envoy()?, &arguments, folder)?,
        admin,
    ))
}
