//! The policy as Envoy takes it: one extension configuration that holds the wasm filter and its JSON.

use std::path::Path;

use envoy_types::{
    pb::{
        envoy::{
            config::core::v3::{
                AsyncDataSource, BackoffStrategy, DataSource, TypedExtensionConfig, async_data_source,
                data_source,
            },
            extensions::{
                filters::http::wasm::v3::Wasm,
                wasm::v3::{FailurePolicy, PluginConfig, ReloadConfig, VmConfig, plugin_config},
            },
        },
        google::protobuf::{Any, BoolValue, Duration, StringValue},
    },
    util::pack_any,
};
use prost::Message;
use secbeat_engine::{
    CompileError, CompileErrors,
    config::{self, PolicyConfig, ReportConfig},
};
use sha2::{Digest, Sha256};

use super::resource::{Resource, Version};
use crate::revision::hex;

/// Name of the ECDS resource, of the HTTP filter, of the plugin and of its root context.
pub(crate) const NAME: &str = "secbeat";
/// Name of the Envoy cluster through which the filter reports.
pub(crate) const REPORT_CLUSTER: &str = "secbeat_control_plane";
const RUNTIME: &str = "envoy.wasm.runtime.v8";

/// Writes the plugin configuration that carries a policy.
pub(crate) fn plugin_json(policy: PolicyConfig) -> Result<String, serde_json::Error> {
    let report = Some(ReportConfig {
        cluster: REPORT_CLUSTER.to_owned(),
    });
    serde_json::to_string(&config::PluginConfig { policy, report })
}

/// Whether the filter could load a policy: it compiles, and its plugin configuration is no longer than the filter
/// takes. Every reason against it is told.
pub(crate) fn check(policy: PolicyConfig) -> Result<(), CompileErrors> {
    let mut errors = secbeat_engine::compile(&policy).map_or_else(|errors| errors.0, |_| Vec::new());
    let limit = config::PluginConfig::LIMIT;
    let reason = match plugin_json(policy) {
        Ok(json) if json.len() <= limit => None,
        Ok(json) => Some(format!(
            "must take at most {limit} bytes as JSON, found {}",
            json.len()
        )),
        Err(error) => Some(error.to_string()),
    };
    errors.extend(reason.map(|reason| CompileError {
        path: "policy".to_owned(),
        reason,
    }));
    if errors.is_empty() {
        Ok(())
    } else {
        Err(CompileErrors(errors))
    }
}

/// Makes the ECDS resource for one revision and one epoch.
///
/// The epoch changes the key by which Envoy finds the VM, and nothing else: a new one makes Envoy build new VMs,
/// while the data that they share lives on, since `vm_id` stays.
pub(crate) fn resource(revision: u64, plugin_json: &str, module: &Path, vm_id: &str, epoch: u32) -> Resource {
    // The deprecated fields of the plugin stay at their defaults.
    let plugin = PluginConfig {
        name: NAME.to_owned(),
        root_id: NAME.to_owned(),
        configuration: Some(text(plugin_json.to_owned())),
        failure_policy: FailurePolicy::FailReload.into(),
        reload_config: Some(ReloadConfig {
            backoff: Some(BackoffStrategy {
                base_interval: Some(Duration { seconds: 1, nanos: 0 }),
                max_interval: None,
            }),
        }),
        // Without it, holding a request back until its body is read hangs the request.
        allow_on_headers_stop_iteration: Some(BoolValue { value: true }),
        vm: Some(plugin_config::Vm::VmConfig(VmConfig {
            vm_id: vm_id.to_owned(),
            runtime: RUNTIME.to_owned(),
            code: Some(local_file(module)),
            configuration: Some(text(epoch.to_string())),
            ..VmConfig::default()
        })),
        ..PluginConfig::default()
    };
    let any = pack_any(TypedExtensionConfig {
        name: NAME.to_owned(),
        typed_config: Some(pack_any(Wasm { config: Some(plugin) })),
    })
    .encode_to_vec();
    let mut hash = hex(&Sha256::digest(&any));
    hash.truncate(16);
    Resource {
        name: NAME.to_owned(),
        version: Version {
            revision,
            epoch,
            hash,
        }
        .to_string(),
        any: any.into(),
    }
}

/// Code always comes from a file: Envoy serves unfiltered while it fetches remote code.
fn local_file(module: &Path) -> AsyncDataSource {
    AsyncDataSource {
        specifier: Some(async_data_source::Specifier::Local(DataSource {
            specifier: Some(data_source::Specifier::Filename(
                module.to_string_lossy().into_owned(),
            )),
            ..DataSource::default()
        })),
    }
}

fn text(value: String) -> Any {
    pack_any(StringValue { value })
}

#[cfg(test)]
mod tests {
    use secbeat_engine::config::PatternConfig;

    use super::*;

    fn decode(resource: &Resource) -> PluginConfig {
        let any = Any::decode(&*resource.any).unwrap();
        assert_eq!(any.type_url, crate::xds::type_url::EXTENSION);
        let extension = TypedExtensionConfig::decode(&*any.value).unwrap();
        assert_eq!(extension.name, "secbeat");
        let filter = extension.typed_config.unwrap();
        assert_eq!(
            filter.type_url,
            "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"
        );
        Wasm::decode(&*filter.value).unwrap().config.unwrap()
    }

    fn make(revision: u64, epoch: u32) -> Resource {
        let policy = PolicyConfig {
            revision,
            ..PolicyConfig::default()
        };
        resource(
            revision,
            &plugin_json(policy).unwrap(),
            Path::new("/m.wasm"),
            "secbeat-1",
            epoch,
        )
    }

    #[test]
    fn resource_carries_what_a_real_envoy_needs() {
        let plugin = decode(&make(7, 2));
        assert_eq!(
            (plugin.name.as_str(), plugin.root_id.as_str()),
            ("secbeat", "secbeat")
        );
        assert_eq!(plugin.failure_policy(), FailurePolicy::FailReload);
        assert_eq!(
            plugin.allow_on_headers_stop_iteration,
            Some(BoolValue { value: true })
        );
        let Some(plugin_config::Vm::VmConfig(vm)) = plugin.vm else {
            panic!("no vm")
        };
        assert_eq!((vm.vm_id.as_str(), vm.runtime.as_str()), ("secbeat-1", RUNTIME));
        assert_eq!(vm.code, Some(local_file(Path::new("/m.wasm"))));
        assert_eq!(
            StringValue::decode(&*vm.configuration.unwrap().value)
                .unwrap()
                .value,
            "2"
        );
        let json = StringValue::decode(&*plugin.configuration.unwrap().value)
            .unwrap()
            .value;
        let config: config::PluginConfig = serde_json::from_str(&json).unwrap();
        assert_eq!(config.policy.revision, 7);
        assert_eq!(config.report.unwrap().cluster, "secbeat_control_plane");
    }

    #[test]
    fn policy_that_is_too_long_for_the_filter_is_refused() {
        let pattern = |id| PatternConfig {
            id,
            name: "long".to_owned(),
            pattern: "word".to_owned(),
            targets: vec![format!("query_values:{}", "x".repeat(240)); 64],
            ..PatternConfig::default()
        };
        let policy = |patterns| PolicyConfig {
            patterns: (1..=patterns).map(pattern).collect(),
            ..PolicyConfig::default()
        };
        assert_eq!(check(policy(10)), Ok(()));
        let error = check(policy(300)).unwrap_err().to_string();
        assert!(
            error.starts_with("policy: must take at most 4194304 bytes as JSON, found "),
            "{error}"
        );
    }

    #[test]
    fn version_follows_the_bytes() {
        assert_eq!(make(1, 0), make(1, 0));
        let versions = [make(1, 0), make(2, 0), make(1, 1)].map(|resource| resource.version);
        assert!(versions[0].starts_with("r1.e0.") && versions[2].starts_with("r1.e1."));
        let hash = |version: &String| version.rsplit('.').next().unwrap().to_owned();
        assert_ne!(hash(&versions[0]), hash(&versions[1]));
        assert_ne!(hash(&versions[0]), hash(&versions[2]));
    }
}
