//! A revision, ready to be sent: encoded once by epoch and shared by every stream.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{ecds, module::Module, resource::World, type_url};
use crate::revision::Revision;

/// Epochs of one revision that are kept encoded. Nearly every node is on the same one; beyond the bound a world is
/// made anew for each stream that asks.
const MAX_WORLDS: usize = 64;

/// A revision, ready to be sent.
#[derive(Debug)]
pub(crate) struct Snapshot {
    revision: Arc<Revision>,
    plugin_json: String,
    module: std::path::PathBuf,
    vm_id: String,
    worlds: Mutex<BTreeMap<u32, Arc<World>>>,
}

impl Snapshot {
    /// Prepares a revision for sending.
    pub(super) fn new(revision: Arc<Revision>, module: &mut Module) -> Result<Self, serde_json::Error> {
        Ok(Self {
            plugin_json: ecds::plugin_json(revision.policy())?,
            vm_id: module.vm_id(),
            module: module.path().to_owned(),
            worlds: Mutex::new(BTreeMap::new()),
            revision,
        })
    }

    /// The revision that is sent.
    pub(crate) fn revision(&self) -> &Arc<Revision> {
        &self.revision
    }

    /// What a node in the given epoch is shown.
    pub(super) fn world(&self, epoch: u32) -> Arc<World> {
        let mut worlds = self.worlds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(world) = worlds.get(&epoch) {
            return Arc::clone(world);
        }
        let resource = ecds::resource(
            self.revision.number,
            &self.plugin_json,
            &self.module,
            &self.vm_id,
            epoch,
        );
        let world = Arc::new(World::default().with(type_url::EXTENSION, resource));
        if worlds.len() < MAX_WORLDS {
            worlds.insert(epoch, Arc::clone(&world));
        }
        world
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::revision::Content;

    #[test]
    fn streams_of_one_epoch_share_one_encoding() {
        let revision = Revision::new(3, "api", "test", Timestamp::UNIX_EPOCH, Content::default());
        let snapshot = Snapshot::new(Arc::new(revision), &mut Module::new("none.wasm".into())).unwrap();
        let find = |epoch| {
            let world = snapshot.world(epoch);
            Arc::clone(world.find(type_url::EXTENSION, ecds::NAME).unwrap())
        };
        assert!(Arc::ptr_eq(&find(0), &find(0)));
        assert_ne!(find(0).version, find(1).version);
    }
}
