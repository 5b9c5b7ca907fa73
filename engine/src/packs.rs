//! Rule packs that are compiled into the engine.
//!
//! The packs stand as TOML under `rules/`, each a file or a folder of files; the build script turns them into JSON, so that no TOML parser is needed
//! where they are used.

use serde::{Deserialize, Serialize};

use crate::config::PatternConfig;

/// A set of patterns with a name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackConfig {
    /// Names the pack in [`crate::config::PolicyConfig::packs`].
    pub name: String,
    /// Grows with every change of the patterns.
    pub version: u32,
    /// What the pack is for.
    pub description: String,
    /// The patterns.
    pub patterns: Vec<PatternConfig>,
}

/// A pack as it stands in the engine.
#[derive(Debug, Clone, Copy)]
pub struct Pack {
    name: &'static str,
    json: &'static str,
}

impl Pack {
    /// Name of the pack.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Reads the pack; fails only when the build was given a pack that is none.
    pub fn config(&self) -> Result<PackConfig, serde_json::Error> {
        serde_json::from_str(self.json)
    }
}

/// Every pack, by name.
pub fn all() -> &'static [Pack] {
    PACKS
}

/// Finds a pack by its name.
pub fn find(name: &str) -> Option<Pack> {
    PACKS.iter().copied().find(|pack| pack.name == name)
}

include!(concat!(env!("OUT_DIR"), "/packs.rs"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{compile, config::PolicyConfig};

    #[test]
    #[cfg_attr(miri, ignore = "compiles every pack")]
    fn every_pack_compiles() {
        assert!(find("core").is_some());
        for pack in all() {
            assert_eq!(pack.config().unwrap().name, pack.name());
            let config = PolicyConfig {
                packs: vec![pack.name().into()],
                ..PolicyConfig::default()
            };
            compile(&config).unwrap();
        }
    }
}
