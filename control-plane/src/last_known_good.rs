//! The last known good policy: once every connected node applies a revision, it is written where an Envoy finds it
//! that starts while the control plane is down.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use secbeat_engine::config::PolicyConfig;
use tokio::{sync::watch, time::timeout};

use crate::{bootstrap, chain, fleet::Fleet, xds::Snapshot};

/// How often the fleet is asked without a change: silence changes the answer, too.
const INTERVAL: Duration = Duration::from_millis(500);

/// Writes the last known good policy and the bootstraps that carry it.
#[derive(Debug)]
pub(crate) struct LastKnownGood {
    storage: PathBuf,
    templates: Vec<PathBuf>,
}

/// Why a file is not written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    /// The file system refused.
    #[error("{} cannot be {action}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A template is no bootstrap that could carry a policy.
    #[error("bootstrap template {} cannot be rendered", path.display())]
    Render {
        /// The template.
        path: PathBuf,
        /// Why not.
        source: bootstrap::RenderError,
    },
    /// The policy cannot be written as JSON.
    #[error("policy cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A template has no name of its own.
    #[error("bootstrap template {} names no file", .0.display())]
    Nameless(PathBuf),
}

impl LastKnownGood {
    /// Writes into `storage`, and renders `templates` into its folder `envoy`.
    pub(crate) fn new(storage: PathBuf, templates: Vec<PathBuf>) -> Self {
        Self { storage, templates }
    }

    /// Follows the fleet for ever, and writes each revision that comes into force everywhere.
    pub(crate) async fn follow(&self, snapshots: watch::Receiver<Arc<Snapshot>>, fleet: &Fleet) {
        let mut changes = fleet.changes();
        let mut written = None;
        loop {
            let revision = Arc::clone(snapshots.borrow().revision());
            if written != Some(revision.number) && fleet.has_applied(revision.number) {
                // Tried once by revision: what fails now fails again, and the next revision tries anew.
                written = Some(revision.number);
                self.write_in_background(revision.number, revision.policy()).await;
            }
            // Either way the loop looks again; the sender lives as long as the fleet.
            let _ = timeout(INTERVAL, changes.changed()).await;
        }
    }

    async fn write_in_background(&self, revision: u64, policy: PolicyConfig) {
        let (storage, templates) = (self.storage.clone(), self.templates.clone());
        let writing = tokio::task::spawn_blocking(move || write(&storage, &templates, &policy));
        match writing.await {
            Ok(errors) if errors.is_empty() => tracing::info!(revision, "last known good policy written"),
            Ok(errors) => {
                for error in errors {
                    tracing::error!(revision, error = %chain(&error), "last known good policy not written");
                }
            }
            Err(error) => tracing::error!(revision, %error, "last known good policy not written"),
        }
    }
}

/// Writes everything that can be written; tells what cannot.
fn write(storage: &Path, templates: &[PathBuf], policy: &PolicyConfig) -> Vec<WriteError> {
    let policy_file = serde_json::to_vec_pretty(policy)
        .map_err(WriteError::from)
        .and_then(|json| replace(&storage.join("last-known-good.json"), &json));
    let rendered = templates.iter().map(|template| render(storage, template, policy));
    std::iter::once(policy_file)
        .chain(rendered)
        .filter_map(Result::err)
        .collect()
}

fn render(storage: &Path, template: &Path, policy: &PolicyConfig) -> Result<(), WriteError> {
    let name = template
        .file_name()
        .ok_or_else(|| WriteError::Nameless(template.to_owned()))?;
    let text = std::fs::read_to_string(template).map_err(failed("read", template))?;
    let rendered = bootstrap::render(&text, policy).map_err(|source| WriteError::Render {
        path: template.to_owned(),
        source,
    })?;
    replace(&storage.join("envoy").join(name), rendered.as_bytes())
}

/// Replaces a file as a whole, if it differs: a reader sees the old content or the new one, also after a crash.
fn replace(path: &Path, content: &[u8]) -> Result<(), WriteError> {
    if std::fs::read(path).is_ok_and(|present| present == content) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed("created", folder))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = folder.join(name);
    let mut file = std::fs::File::create(&new).map_err(failed("created", &new))?;
    file.write_all(content).map_err(failed("written", &new))?;
    file.sync_all().map_err(failed("written", &new))?;
    std::fs::rename(&new, path).map_err(failed("replaced", path))?;
    let folder_file = std::fs::File::open(folder).map_err(failed("opened", folder))?;
    folder_file.sync_all().map_err(failed("written", folder))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> WriteError {
    let path = path.to_owned();
    move |source| WriteError::File { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"{ default_config: { "@type": t/envoy.extensions.filters.http.wasm.v3.Wasm, config: { name: secbeat } } }"#;

    #[test]
    fn policy_and_bootstraps_are_written_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let template = folder.path().join("sidecar.yaml");
        std::fs::write(&template, TEMPLATE).unwrap();
        let storage = folder.path().join("state");
        for revision in [1, 2] {
            let policy = PolicyConfig {
                revision,
                ..PolicyConfig::default()
            };
            let errors = write(&storage, std::slice::from_ref(&template), &policy);
            assert!(errors.is_empty(), "{errors:?}");
            let json = std::fs::read(storage.join("last-known-good.json")).unwrap();
            assert_eq!(serde_json::from_slice::<PolicyConfig>(&json).unwrap(), policy);
            let rendered = std::fs::read_to_string(storage.join("envoy/sidecar.yaml")).unwrap();
            assert!(
                rendered.contains(&format!(r#"\"revision\":{revision}"#)),
                "{rendered}"
            );
        }
    }

    #[test]
    fn what_cannot_be_rendered_is_told_and_the_rest_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("good.yaml");
        std::fs::write(&good, TEMPLATE).unwrap();
        let missing = folder.path().join("missing.yaml");
        let errors = write(folder.path(), &[missing, good], &PolicyConfig::default());
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].to_string().ends_with("missing.yaml cannot be read"),
            "{}",
            errors[0]
        );
        assert!(folder.path().join("envoy/good.yaml").exists());
        assert!(folder.path().join("last-known-good.json").exists());
    }
}
