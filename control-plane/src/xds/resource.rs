//! Resources as the protocol sees them, encoded once and shared by every stream, and the world of them that one
//! node is shown.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use prost::bytes::Bytes;

/// One resource in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Name, unique within its type.
    pub(crate) name: String,
    /// Version; the same bytes have the same version on every server and after every restart.
    pub(crate) version: String,
    /// The resource as an encoded `google.protobuf.Any`.
    pub(crate) any: Bytes,
}

/// Everything that one node may hold, by type and name.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    types: BTreeMap<String, BTreeMap<String, Arc<Resource>>>,
}

impl World {
    /// Adds or replaces a resource.
    pub(crate) fn with(mut self, type_url: &str, resource: Resource) -> Self {
        self.types
            .entry(type_url.to_owned())
            .or_default()
            .insert(resource.name.clone(), Arc::new(resource));
        self
    }

    /// Finds a resource.
    pub(crate) fn find(&self, type_url: &str, name: &str) -> Option<&Arc<Resource>> {
        self.types.get(type_url)?.get(name)
    }

    /// Every resource of a type, by name.
    pub(crate) fn of_type(&self, type_url: &str) -> impl Iterator<Item = &Arc<Resource>> {
        self.types.get(type_url).into_iter().flat_map(BTreeMap::values)
    }
}

/// Version of a policy resource: says which revision it is and names its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// Revision number of the policy.
    pub(crate) revision: u64,
    /// Epoch of the node's VMs.
    pub(crate) epoch: u32,
    /// First 16 hexadecimal digits of the SHA-256 of the encoded resource.
    pub(crate) hash: String,
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "r{}.e{}.{}", self.revision, self.epoch, self.hash)
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (revision, rest) = text
            .strip_prefix('r')
            .and_then(|rest| rest.split_once(".e"))
            .ok_or(())?;
        let (epoch, hash) = rest.split_once('.').ok_or(())?;
        Ok(Self {
            revision: revision.parse().map_err(|_| ())?,
            epoch: epoch.parse().map_err(|_| ())?,
            hash: hash.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_survives_its_text() {
        let version = Version {
            revision: 12,
            epoch: 3,
            hash: "00ff".to_owned(),
        };
        assert_eq!(version.to_string(), "r12.e3.00ff");
        assert_eq!("r12.e3.00ff".parse(), Ok(version));
    }

    #[test]
    fn foreign_versions_are_no_versions() {
        for text in [
            "",
            "r",
            "12",
            "r1.2",
            "rx.e1.a",
            "r1.e-1.a",
            "r1.e99999999999.a",
            "r1.e1",
        ] {
            assert_eq!(text.parse::<Version>(), Err(()), "{text}");
        }
    }
}
