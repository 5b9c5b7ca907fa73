//! The programs under test. They are built by `./justw test` (recipe `artifacts`); a missing one is a failure that says so.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{Failure, Result};

/// The filter as it ships.
pub fn filter() -> Result<PathBuf> {
    find(
        "SECBEAT_FILTER",
        "target/e2e-artifacts/filter.wasm",
        "./justw artifacts",
    )
}

/// The filter with faults that a test can switch on.
pub fn faulty_filter() -> Result<PathBuf> {
    find(
        "SECBEAT_FILTER_FAULTS",
        "target/e2e-artifacts/filter-faults.wasm",
        "./justw artifacts",
    )
}

/// The filter as `./justw wasm` builds it for use.
pub fn release_filter() -> Result<PathBuf> {
    find(
        "SECBEAT_FILTER_RELEASE",
        "dist/secbeat-filter.wasm",
        "./justw wasm",
    )
}

/// A filter that looks at nothing.
pub fn noop_filter() -> Result<PathBuf> {
    find(
        "SECBEAT_FILTER_NOOP",
        "target/e2e-artifacts/noop.wasm",
        "./justw bench",
    )
}

/// The control plane.
pub fn control_plane() -> Result<PathBuf> {
    find("SECBEAT_BIN", "target/e2e/secbeat", "./justw artifacts")
}

/// Envoy.
pub fn envoy() -> Result<PathBuf> {
    find("ENVOY_BIN", ".tools/bin/envoy", "./justw setup")
}

/// The root of the repository, from which Envoy's configurations name their files.
pub fn root() -> &'static Path {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.parent().unwrap_or(crate_folder)
}

fn find(variable: &str, default: &str, recipe: &str) -> Result<PathBuf> {
    let path = env::var_os(variable).map_or_else(|| root().join(default), PathBuf::from);
    if path.is_file() {
        Ok(path)
    } else {
        Err(Failure::new(format!(
            "{} is missing: run `{recipe}`, or name another file in {variable}",
            path.display()
        )))
    }
}
