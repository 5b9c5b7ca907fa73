//! Envoy bootstraps that carry a policy: the `default_config` of the filter is what serves while no control plane
//! is reachable, so it should hold the last policy known to be good.
//!
//! YAML goes in and JSON comes out, which is YAML as well; comments are lost, every setting stays. Nothing here
//! knows whether the policy compiles.

use std::fmt::Write as _;

use secbeat_engine::config::{PluginConfig, PolicyConfig};
use serde_json::{Map, Value, json};

/// Bytes of a bootstrap.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Last part of the type of a wasm filter.
const WASM_FILTER: &str = "/envoy.extensions.filters.http.wasm.v3.Wasm";
const STRING_VALUE: &str = "type.googleapis.com/google.protobuf.StringValue";
const PLUGIN: &str = "secbeat";

/// Why a bootstrap cannot carry a policy.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The text is no YAML.
    #[error("bootstrap is no YAML")]
    Yaml(#[source] Box<serde_saphyr::Error>),
    /// The text is longer than any bootstrap.
    #[error("bootstrap must have at most {MAX_BYTES} bytes, found {0}")]
    TooLong(usize),
    /// There is no place for the policy.
    #[error("expected a default_config with a wasm filter whose plugin is named {PLUGIN}, found none")]
    NoDefault,
    /// The plugin configuration that stands there is not one of the filter.
    #[error("{path} is no plugin configuration: {reason}")]
    Configuration {
        /// Where in the bootstrap.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The result cannot be written as JSON.
    #[error("bootstrap cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Puts a policy into every `default_config` of the SecBeat filter in a bootstrap. Everything else stays, also how
/// the filter reports.
///
/// ```
/// let template = r#"
/// default_config:  # any place in the bootstrap will do
///   "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
///   config: { name: secbeat }
/// "#;
/// let rendered = secbeat::bootstrap::render(template, &Default::default())?;
/// assert!(rendered.contains("google.protobuf.StringValue"));
/// # Ok::<(), secbeat::bootstrap::RenderError>(())
/// ```
pub fn render(template: &str, policy: &PolicyConfig) -> Result<String, RenderError> {
    if template.len() > MAX_BYTES {
        return Err(RenderError::TooLong(template.len()));
    }
    let mut bootstrap: Value =
        serde_saphyr::from_str(template).map_err(|error| RenderError::Yaml(Box::new(error)))?;
    let mut found = 0;
    visit(&mut bootstrap, &mut String::new(), &mut |path, plugin| {
        found += 1;
        replace(path, plugin, policy)
    })?;
    if found == 0 {
        return Err(RenderError::NoDefault);
    }
    let mut text = serde_json::to_string_pretty(&bootstrap)?;
    text.push('\n');
    Ok(text)
}

type Found<'a> = dyn FnMut(&str, &mut Map<String, Value>) -> Result<(), RenderError> + 'a;

/// Calls `found` with the plugin of every default of the filter below `value`. The depth is bounded by the parser.
fn visit(value: &mut Value, path: &mut String, found: &mut Found<'_>) -> Result<(), RenderError> {
    let len = path.len();
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push('.');
                path.push_str(name);
                if name == "default_config"
                    && let Some(plugin) = plugin(field)
                {
                    found(path, plugin)?;
                }
                visit(field, path, found)?;
                path.truncate(len);
            }
        }
        Value::Array(members) => {
            for (index, member) in members.iter_mut().enumerate() {
                // Writing into a string cannot fail.
                let _ = write!(path, "[{index}]");
                visit(member, path, found)?;
                path.truncate(len);
            }
        }
        _ => {}
    }
    Ok(())
}

/// The plugin of a wasm filter, if it is SecBeat's.
fn plugin(default: &mut Value) -> Option<&mut Map<String, Value>> {
    let is_wasm = default.get("@type")?.as_str()?.ends_with(WASM_FILTER);
    let plugin = default.get_mut("config")?.as_object_mut()?;
    (is_wasm && plugin.get("name")?.as_str() == Some(PLUGIN)).then_some(plugin)
}

fn replace(path: &str, plugin: &mut Map<String, Value>, policy: &PolicyConfig) -> Result<(), RenderError> {
    let report = match plugin.get("configuration").and_then(|any| any.get("value")) {
        None => None,
        Some(value) => {
            present(value)
                .map_err(|reason| RenderError::Configuration {
                    path: format!("{}.config.configuration.value", path.trim_start_matches('.')),
                    reason: reason.to_string(),
                })?
                .report
        }
    };
    let value = serde_json::to_string(&PluginConfig {
        policy: policy.clone(),
        report,
    })?;
    plugin.insert(
        "configuration".to_owned(),
        json!({ "@type": STRING_VALUE, "value": value }),
    );
    Ok(())
}

/// The plugin configuration in place, as text (`StringValue`) or as a structure (`Struct`).
fn present(value: &Value) -> Result<PluginConfig, serde_json::Error> {
    match value.as_str() {
        Some(text) => serde_json::from_str(text),
        None => serde_json::from_value(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use secbeat_engine::config::{Mode, PatternConfig};

    use super::*;

    const TEMPLATE: &str = r#"
# A comment.
node: { id: "007", cluster: secbeat }
listeners:
- filters:
  - name: secbeat
    config_discovery:
      default_config:
        "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
        config:
          name: secbeat
          failure_policy: FAIL_RELOAD
          configuration:
            "@type": type.googleapis.com/google.protobuf.StringValue
            value: |
              { "policy": { "packs": ["core"] },
                "report": { "cluster": "secbeat_control_plane" } }
  - name: other
    config_discovery:
      default_config:
        "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
        config: { name: other, configuration: { value: x } }
threshold: 0.90
heap: 2147483648
timeout: 0.25s
enabled: true
"#;

    fn policy() -> PolicyConfig {
        let pattern = r#"<script["'\s\u00e4\x00]"#.to_owned();
        PolicyConfig {
            revision: 9,
            mode: Mode::Detect,
            patterns: vec![PatternConfig {
                id: 1,
                pattern,
                ..PatternConfig::default()
            }],
            ..PolicyConfig::default()
        }
    }

    #[test]
    fn policy_is_replaced_and_the_rest_stays() {
        let before: Value = serde_saphyr::from_str(TEMPLATE).unwrap();
        let rendered = render(TEMPLATE, &policy()).unwrap();
        let mut after: Value = serde_json::from_str(&rendered).unwrap();
        let pointer = "/listeners/0/filters/0/config_discovery/default_config/config/configuration/value";
        let value = after.pointer_mut(pointer).unwrap();
        let plugin: PluginConfig = serde_json::from_str(value.as_str().unwrap()).unwrap();
        assert_eq!(plugin.policy, policy());
        assert_eq!(plugin.report.unwrap().cluster, "secbeat_control_plane");
        *value = before.pointer(pointer).unwrap().clone();
        assert_eq!(after, before);
        assert_eq!(after["node"]["id"], "007");
        assert_eq!(after["heap"], 2_147_483_648_u64);
    }

    #[test]
    fn rendering_what_was_rendered_gives_the_same() {
        let once = render(TEMPLATE, &policy()).unwrap();
        assert_eq!(render(&once, &policy()).unwrap(), once);
    }

    #[test]
    fn bootstrap_without_a_place_for_the_policy_is_refused() {
        for template in ["{}", "node: x", "default_config: { config: { name: secbeat } }"] {
            assert!(
                matches!(render(template, &policy()), Err(RenderError::NoDefault)),
                "{template}"
            );
        }
        assert!(matches!(render("a: [", &policy()), Err(RenderError::Yaml(_))));
    }

    #[test]
    fn foreign_plugin_configuration_is_refused_with_its_place() {
        let template = TEMPLATE.replace(r#""policy""#, r#""polizy""#);
        let error = render(&template, &policy()).unwrap_err().to_string();
        assert!(
            error.starts_with(
                "listeners[0].filters[0].config_discovery.default_config.config.configuration.value is no"
            ),
            "{error}"
        );
    }
}
