//! Settings: what an operator fixes before the start, from one TOML file and the environment.
//!
//! ```text
//! file, environment ──document──▶ tree with origins ──reader, sections──▶ Settings, or every error at once
//! ```
//!
//! What can change while the control plane runs is no setting but a revision; settings are only its starting point.
//! There is a key for nothing that does not work.

mod document;
mod error;
mod load;
mod reader;
mod sections;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use secbeat_engine::config::{BodyPolicy, Limits, MaskConfig, Mode, PolicyConfig, ResponsePolicy, Scoring};

use crate::{bootstrap, chain};

pub use error::{SettingsError, SettingsErrors};
pub use load::{Loaded, load};
pub use sections::KEYS;

/// Everything an operator fixes before the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// What the filters enforce to begin with.
    pub waf: WafSettings,
    /// The REST API.
    pub management: ManagementSettings,
    /// The xDS server.
    pub xds: XdsSettings,
    /// The embedded store.
    pub storage: StorageSettings,
    /// Logs.
    pub logging: LoggingSettings,
    /// Metrics.
    pub metrics: MetricsSettings,
}

/// What the filters enforce to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WafSettings {
    /// What happens with what the rules find, until the API says otherwise.
    pub mode: Mode,
    /// Names of the embedded rule packs in force.
    pub packs: Vec<String>,
    /// Folder of further rule packs, one TOML file each.
    pub rules_dir: Option<PathBuf>,
    /// How request bodies are held and inspected.
    pub body: BodyPolicy,
    /// How responses are held and inspected.
    pub response: ResponsePolicy,
    /// Bounds on what is parsed.
    pub limits: Limits,
    /// Names whose values are shown to nobody.
    pub mask: MaskConfig,
    /// How matches add up to a verdict.
    pub scoring: Scoring,
}

impl Default for WafSettings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            packs: vec!["core".to_owned()],
            rules_dir: None,
            body: BodyPolicy::default(),
            response: ResponsePolicy::default(),
            limits: Limits::default(),
            mask: MaskConfig::default(),
            scoring: Scoring::default(),
        }
    }
}

/// The REST API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagementSettings {
    /// Where it listens.
    pub listen_addr: SocketAddr,
    /// Whether it may listen beyond loopback without TLS.
    pub allow_remote_plaintext: bool,
    /// File of the admin token; absent: `admin-token` beside the store.
    pub admin_token_file: Option<PathBuf>,
    /// Bytes of a request body that it takes.
    pub max_body_bytes: usize,
    /// How long open requests may take to end once the process was told to stop.
    pub shutdown_grace_period: Duration,
}

impl Default for ManagementSettings {
    fn default() -> Self {
        Self {
            listen_addr: SocketAddr::from(([127, 0, 0, 1], 9999)),
            allow_remote_plaintext: false,
            admin_token_file: None,
            max_body_bytes: 1024 * 1024,
            shutdown_grace_period: Duration::from_secs(10),
        }
    }
}

/// The xDS server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XdsSettings {
    /// Where it listens; the report service shares the port.
    pub listen_addr: SocketAddr,
    /// Whether it may listen beyond loopback without TLS.
    pub allow_remote_plaintext: bool,
    /// The filter module's file, as Envoy finds it.
    pub wasm_module: PathBuf,
    /// Bootstraps that are rendered anew whenever a policy became the last known good one.
    pub bootstrap_templates: Vec<PathBuf>,
}

impl Default for XdsSettings {
    fn default() -> Self {
        Self {
            listen_addr: SocketAddr::from(([127, 0, 0, 1], 18_000)),
            allow_remote_plaintext: false,
            wasm_module: PathBuf::from("dist/secbeat-filter.wasm"),
            bootstrap_templates: Vec::new(),
        }
    }
}

impl XdsSettings {
    /// Tells which bootstrap templates cannot carry a policy. Reads files: call it where that may block.
    pub fn check_templates(&self) -> Vec<SettingsError> {
        let check = |path: &PathBuf| {
            let reason = match std::fs::read_to_string(path) {
                Ok(text) => chain(&bootstrap::render(&text, &PolicyConfig::default()).err()?),
                Err(error) => error.to_string(),
            };
            let place = path.display().to_string();
            Some(SettingsError {
                place,
                path: "xds.bootstrap_templates".to_owned(),
                reason,
            })
        };
        self.bootstrap_templates.iter().filter_map(check).collect()
    }
}

/// The embedded store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageSettings {
    /// The store's file.
    pub path: PathBuf,
    /// Events kept; beyond it the oldest go.
    pub max_events: u64,
    /// Revisions kept; beyond it the oldest go.
    pub max_revisions: u64,
}

impl StorageSettings {
    /// The folder that holds the store, and what is written beside it.
    pub fn dir(&self) -> &Path {
        self.path
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty())
            .unwrap_or_else(|| Path::new("."))
    }
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            path: PathBuf::from("secbeat-data/secbeat.redb"),
            max_events: 100_000,
            max_revisions: 500,
        }
    }
}

/// Logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoggingSettings {
    /// The least important level that is written.
    pub level: LogLevel,
    /// How a line is written.
    pub format: LogFormat,
}

/// The least important level that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// Someone must act.
    Error,
    /// Something is degraded and heals itself.
    Warn,
    /// State changed.
    #[default]
    Info,
    /// One request.
    Debug,
    /// Everything.
    Trace,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetricsSettings {
    /// Whether `/metrics` answers without a token.
    pub public: bool,
}

impl ManagementSettings {
    /// The file of the admin token.
    pub fn admin_token_file(&self, storage: &StorageSettings) -> PathBuf {
        self.admin_token_file
            .clone()
            .unwrap_or_else(|| storage.dir().join("admin-token"))
    }
}
