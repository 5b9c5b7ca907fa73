//! What Envoy hands the filter as its plugin configuration.

use serde::{Deserialize, Serialize};

use super::PolicyConfig;

/// What Envoy hands the filter as its plugin configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginConfig {
    /// The policy to enforce.
    pub policy: PolicyConfig,
    /// Where events and applied revisions are sent; absent without a control plane.
    pub report: Option<ReportConfig>,
}

impl PluginConfig {
    /// Bytes of JSON that the filter takes: 4 MiB, about 10,000 patterns.
    pub const LIMIT: usize = 4 * 1024 * 1024;
}

/// Where events and applied revisions are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportConfig {
    /// Name of the Envoy cluster that reaches the control plane.
    pub cluster: String,
}
