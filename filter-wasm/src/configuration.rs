//! The plugin configuration: from the bytes that Envoy hands over to typed settings.
//!
//! Unknown fields are refused with their path; what a policy means is for the engine to check.

use secbeat_engine::config::PluginConfig;
#[cfg(feature = "faults")]
use secbeat_engine::config::{PolicyConfig, ReportConfig};

#[cfg(feature = "faults")]
use crate::faults::Faults;

/// Why a plugin configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigurationError {
    #[error("plugin configuration must have at most {limit} bytes, found {0}", limit = PluginConfig::LIMIT)]
    TooLarge(usize),
    #[error("plugin configuration must be a JSON document, found none")]
    Missing,
    #[error("{path}: {reason}")]
    Invalid { path: String, reason: serde_json::Error },
}

/// What the filter was configured to do.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) plugin: PluginConfig,
    #[cfg(feature = "faults")]
    pub(crate) faults: Faults,
}

impl Configuration {
    /// Reads the JSON of a plugin configuration. A forgotten one is an error: it would be a filter without rules.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ConfigurationError> {
        if bytes.len() > PluginConfig::LIMIT {
            return Err(ConfigurationError::TooLarge(bytes.len()));
        }
        if bytes.trim_ascii().is_empty() {
            return Err(ConfigurationError::Missing);
        }
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let configuration = Wire::parse(&mut json)?;
        json.end().map_err(|reason| ConfigurationError::Invalid {
            path: ".".to_owned(),
            reason,
        })?;
        Ok(configuration)
    }
}

struct Wire;

impl Wire {
    #[cfg(not(feature = "faults"))]
    fn parse<'de, R: serde_json::de::Read<'de>>(
        json: &mut serde_json::Deserializer<R>,
    ) -> Result<Configuration, ConfigurationError> {
        Ok(Configuration {
            plugin: serde_path_to_error::deserialize(json)?,
        })
    }

    #[cfg(feature = "faults")]
    fn parse<'de, R: serde_json::de::Read<'de>>(
        json: &mut serde_json::Deserializer<R>,
    ) -> Result<Configuration, ConfigurationError> {
        /// The plugin configuration with the field that only builds for tests know.
        #[derive(Default, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct WithFaults {
            policy: PolicyConfig,
            report: Option<ReportConfig>,
            faults: Faults,
        }
        let WithFaults {
            policy,
            report,
            faults,
        } = serde_path_to_error::deserialize(json)?;
        let faults = faults.ordered_by(&policy);
        Ok(Configuration {
            plugin: PluginConfig { policy, report },
            faults,
        })
    }
}

impl From<serde_path_to_error::Error<serde_json::Error>> for ConfigurationError {
    fn from(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        Self::Invalid {
            path: error.path().to_string(),
            reason: error.into_inner(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_path_and_the_reason() {
        for (json, expected) in [
            (r#"{"policy":{"mod":"block"}}"#, "policy.mod: unknown field `mod`"),
            (
                r#"{"policy":{"patterns":[{"id":1},{"id":"x"}]}}"#,
                "policy.patterns[1].id: invalid type",
            ),
            (r#"{"polic":{}}"#, "polic: unknown field `polic`"),
            (r#"{"policy":{}} x"#, ".: trailing characters"),
            ("nonsense", ".: expected"),
        ] {
            let found = Configuration::parse(json.as_bytes()).unwrap_err().to_string();
            assert!(found.starts_with(expected), "{json}: {found}");
        }
    }

    #[test]
    fn nothing_is_no_configuration_but_an_empty_document_is() {
        for json in ["", " \n"] {
            let found = Configuration::parse(json.as_bytes()).unwrap_err();
            assert!(matches!(found, ConfigurationError::Missing), "{found}");
        }
        assert_eq!(
            Configuration::parse(b"{}").unwrap().plugin,
            PluginConfig::default()
        );
    }

    #[test]
    fn an_oversized_configuration_is_refused_before_it_is_parsed() {
        let size = PluginConfig::LIMIT + 1;
        let found = Configuration::parse(&vec![b' '; size]).unwrap_err();
        assert!(matches!(found, ConfigurationError::TooLarge(found) if found == size));
    }

    #[cfg(not(feature = "faults"))]
    #[test]
    fn a_release_build_knows_no_faults() {
        let found = Configuration::parse(br#"{"faults":{}}"#).unwrap_err().to_string();
        assert!(found.contains("unknown field `faults`"), "{found}");
    }
}
