//! The wire form of a policy: JSON, written by people, files or the control plane, read by the filter.
//!
//! Unknown fields are errors everywhere: a misspelt key must never weaken a policy in silence. Nothing here is
//! checked beyond its shape; [`crate::compile`] does that and reports every error with its path.

mod body;
mod category;
mod limits;
mod mask;
mod pattern;
mod plugin;
mod response;
mod scoring;

use serde::{Deserialize, Serialize};

pub use body::{BodyPolicy, OverLimit};
pub use category::{Category, Severity};
pub use limits::Limits;
pub use mask::MaskConfig;
pub use pattern::{PatternAction, PatternConfig, PatternOperator};
pub use plugin::{PluginConfig, ReportConfig};
pub use response::{ResponseOverLimit, ResponsePolicy};
pub use scoring::Scoring;

/// Everything that decides about a request, as one document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// Revision number given by the control plane; 0 for a policy from a file.
    pub revision: u64,
    /// What happens with what the rules find.
    pub mode: Mode,
    /// Rule packs compiled into the engine, by name (see [`crate::packs`]).
    pub packs: Vec<String>,
    /// Patterns on top of the packs.
    pub patterns: Vec<PatternConfig>,
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

/// What happens with what the rules find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is inspected.
    Off,
    /// Everything is inspected and reported, nothing is refused.
    Detect,
    /// What a blocking rule matches is refused.
    #[default]
    Block,
}

impl Mode {
    /// Names the mode as the wire form, the metrics and the API do.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Detect => "detect",
            Self::Block => "block",
        }
    }
}
