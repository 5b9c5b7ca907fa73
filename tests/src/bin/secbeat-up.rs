//! `./justw up`: origin, control plane and Envoy on this machine, and the verdicts as they happen. It decides nothing:
//! what runs here is what a user would run, put together.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its user"
)]

use std::{env, fs, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use secbeat_e2e::{
    Api, Bootstrap, Context, ControlPlane, Envoy, Failure, HostAndPort, Journal, Origin, Result, artifacts,
    ports,
};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

/// How often new verdicts are asked for.
const INTERVAL: Duration = Duration::from_millis(250);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run()))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("secbeat: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut running = Running::start()?;
    running.greet();
    let mut cursor = running.api.newest_event()?;
    let mut interval = tokio::time::interval(INTERVAL);
    let outcome = loop {
        tokio::select! {
            _ = interrupted.recv() => break Ok(()),
            _ = terminated.recv() => break Ok(()),
            _ = interval.tick() => {
                if let Err(failure) = running.watch(&mut cursor) {
                    break Err(failure);
                }
            }
        }
    };
    println!("\nstopping");
    running.stop()?;
    outcome
}

/// Where everything listens: fixed addresses, so that the documentation can name them, unless the environment says
/// otherwise.
struct Places {
    listener: SocketAddr,
    admin: SocketAddr,
    management: SocketAddr,
    xds: SocketAddr,
    /// Logs, the bootstrap and the store.
    folder: PathBuf,
}

impl Places {
    fn from_environment() -> Result<Self> {
        Ok(Self {
            listener: place("UP_LISTENER", 10_000)?,
            admin: place("UP_ENVOY_ADMIN", 9_901)?,
            management: place("UP_API", 9_999)?,
            xds: place("UP_XDS", 18_000)?,
            folder: env::var_os("UP_FOLDER").map_or_else(|| artifacts::root().join("run"), PathBuf::from),
        })
    }

    fn must_be_free(&self) -> Result<()> {
        let places = [
            (self.listener, "Envoy's listener", "UP_LISTENER"),
            (self.admin, "Envoy's admin interface", "UP_ENVOY_ADMIN"),
            (self.management, "the control plane's API", "UP_API"),
            (self.xds, "the control plane's xDS server", "UP_XDS"),
        ];
        let taken: Vec<String> = places
            .iter()
            .filter(|(address, ..)| !ports::is_free(*address))
            .map(|(address, what, variable)| {
                format!("{address} ({what}; {variable}=host:port moves it) is taken")
            })
            .collect();
        if taken.is_empty() {
            Ok(())
        } else {
            Err(Failure::new(format!(
                "{}; is another `up` running?",
                taken.join(", ")
            )))
        }
    }
}

/// The address in an environment variable, or this port on loopback.
fn place(variable: &str, port: u16) -> Result<SocketAddr> {
    match env::var(variable) {
        Ok(address) => address
            .parse()
            .context(format!("{variable}: `{address}` is not an address with a port")),
        Err(_) => Ok(([127, 0, 0, 1], port).into()),
    }
}

/// Everything that was started, in the order in which it has to end.
struct Running {
    envoy: Envoy,
    control_plane: ControlPlane,
    api: Api,
    sample: Option<Origin>,
    origin: HostAndPort,
    places: Places,
}

impl Running {
    fn start() -> Result<Self> {
        let places = Places::from_environment()?;
        places.must_be_free()?;
        let filter = artifacts::release_filter()?;
        let folder = &places.folder;
        fs::create_dir_all(folder).context(folder.display())?;
        for name in [
            "control-plane.log",
            "envoy-0.log",
            "envoy-0.yaml",
            "envoy-0.admin",
        ] {
            // What an earlier run left; the store stays, and with it what was added over the API.
            let _absent = fs::remove_file(folder.join(name));
        }
        let (sample, origin) = match env::var("ORIGIN") {
            Ok(url) if !url.is_empty() => (None, HostAndPort::of_url(&url)?),
            _ => {
                let sample = Origin::start(Journal::Count)?;
                let address = sample.address();
                (Some(sample), address.into())
            }
        };
        println!("starting the control plane");
        let template = folder.join("sidecar.yaml");
        let bootstrap = Bootstrap::sidecar_at(places.listener, places.admin, &origin, &filter, places.xds)?;
        fs::write(&template, bootstrap.text()).context(template.display())?;
        let control_plane =
            ControlPlane::start_at(folder, &filter, places.management, places.xds, &[template])?.quiet();
        println!("starting Envoy");
        let envoy = Envoy::start(&bootstrap, folder)?.quiet();
        let api = control_plane.api();
        api.wait_in_sync("sidecar")?;
        Ok(Self {
            envoy,
            control_plane,
            api,
            sample,
            origin,
            places,
        })
    }

    fn greet(&self) {
        let token = self.control_plane.token_file();
        let token = token.strip_prefix(artifacts::root()).unwrap_or(&token).display();
        let folder = &self.places.folder;
        let run = folder.strip_prefix(artifacts::root()).unwrap_or(folder).display();
        let kind = if self.sample.is_some() { "sample" } else { "yours" };
        let Places {
            listener,
            admin,
            management,
            xds,
            ..
        } = &self.places;
        println!(
            r#"
SecBeat is up.

  protected application  http://{listener}
  origin ({kind})        {origin}
  control plane          http://{management}/api/v1/status/waf
  xDS and reports        {xds}
  Envoy's admin page     http://{admin}
  admin token            {token}
  logs                   {run}/*.log

Try, in another terminal:

  curl -i 'http://{listener}/?q=hello'
  curl -i 'http://{listener}/?q=1%27%20OR%20%271%27=%271'
  curl -s -H "Authorization: Bearer $(cat {token})" -H 'Content-Type: application/json' \
       -d '{{"pattern": "forbidden-word"}}' 'http://{management}/api/v1/waf/patterns?wait=applied'

or send the whole corpus: ./justw attack

Verdicts, as they happen (Ctrl-C stops everything):
"#,
            origin = self.origin,
        );
    }

    /// Prints what happened since the last look.
    fn watch(&mut self, cursor: &mut Option<u64>) -> Result<()> {
        self.envoy.process().must_run()?;
        self.control_plane.process().must_run()?;
        let (events, after) = self.api.events_after(*cursor)?;
        *cursor = after;
        events.iter().map(line).for_each(|line| println!("{line}"));
        Ok(())
    }

    fn stop(mut self) -> Result<()> {
        self.envoy.process().stop()?;
        self.control_plane.process().stop()?;
        println!("stopped");
        Ok(())
    }
}

/// One event for a person. The API has escaped what came with the request.
fn line(event: &Value) -> String {
    let text = |path: &str| match event.pointer(path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    let cause = if let Some(Value::String(limit)) = event.get("limit") {
        limit.clone()
    } else {
        let index = decisive(event);
        let found = |name: &str| text(&format!("/matches/{index}/{name}"));
        format!(
            "rule {} ({}) at {}: {}, score {}",
            found("rule"),
            found("category"),
            found("target"),
            found("matched"),
            text("/score/inbound"),
        )
    };
    let would_block = event.get("would_block") == Some(&Value::Bool(true));
    let note = if would_block { " (would be blocked)" } else { "" };
    let (time, client, method, path) = (text("/time"), text("/client"), text("/method"), text("/path"));
    format!(
        "{time}  {:<8}  {client}  {method} {path}  {cause}{note}",
        text("/action")
    )
}

/// Which match refused the request, or else the first.
fn decisive(event: &Value) -> usize {
    let matches = event.get("matches").and_then(Value::as_array);
    let blocked = |found: &Value| found.get("action") == Some(&Value::from("blocked"));
    matches
        .and_then(|matches| matches.iter().position(blocked))
        .unwrap_or_default()
}
