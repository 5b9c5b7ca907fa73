//! The filter module's identity: `vm_id` follows the bytes of the module file, so that new code gets new VMs and
//! the same code keeps the data that its VMs share.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest, Sha256};

use super::ecds;
use crate::revision::hex;

/// Bytes of a module that are hashed; a longer file is not a filter module.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The filter module file, as Envoy sees it.
#[derive(Debug)]
pub(super) struct Module {
    path: PathBuf,
    seen: Option<(Stamp, String)>,
}

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
}

impl Module {
    /// Names the module file by the path by which Envoy opens it.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, seen: None }
    }

    /// The path by which Envoy opens the module.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The id of the VMs that run the module: with its hash if the file can be read here, which it need not be when
    /// Envoy runs elsewhere.
    pub(super) fn vm_id(&mut self) -> String {
        let Some(stamp) = self.stamp() else {
            return ecds::NAME.to_owned();
        };
        if let Some((seen, vm_id)) = &self.seen
            && *seen == stamp
        {
            return vm_id.clone();
        }
        let Ok(bytes) = std::fs::read(&self.path) else {
            return ecds::NAME.to_owned();
        };
        let mut hash = hex(&Sha256::digest(&bytes));
        hash.truncate(8);
        let vm_id = format!("{}-{hash}", ecds::NAME);
        self.seen = Some((stamp, vm_id.clone()));
        vm_id
    }

    fn stamp(&self) -> Option<Stamp> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        (metadata.is_file() && metadata.len() <= MAX_BYTES).then(|| Stamp {
            modified: metadata.modified().ok(),
            len: metadata.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vm_id_follows_the_module() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("filter.wasm");
        let mut module = Module::new(path.clone());
        assert_eq!(module.vm_id(), "secbeat");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(module.vm_id(), "secbeat-ba7816bf");
        std::fs::write(&path, "abcd").unwrap();
        assert_eq!(module.vm_id(), "secbeat-88d4266f");
    }
}
