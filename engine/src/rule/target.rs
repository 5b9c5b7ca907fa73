//! Where a link looks.

use std::sync::Arc;

use super::{Collection, Regex};

/// Where a link looks: a collection, or a part of it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The collection.
    pub collection: Collection,
    /// Which of its values.
    pub selector: Selector,
    /// Whether these values are taken out of what the other targets select.
    pub exclude: bool,
    /// Whether the number of values is looked at, and not the values.
    pub count: bool,
}

impl Target {
    /// A whole collection.
    pub const fn all(collection: Collection) -> Self {
        Self {
            collection,
            selector: Selector::All,
            exclude: false,
            count: false,
        }
    }

    /// The name that the target asks for, empty when it asks for none in particular.
    pub(crate) fn name(&self) -> &[u8] {
        match &self.selector {
            Selector::Name(name) => name,
            Selector::All | Selector::Matching(_) => &[],
        }
    }

    /// Whether the target selects a value of this collection and name.
    pub fn selects(&self, collection: Collection, name: &[u8]) -> bool {
        self.collection == collection && self.selector.selects(name, collection.ignores_case())
    }
}

/// Picks values of a collection by their names.
#[derive(Debug, Clone)]
pub enum Selector {
    /// Every value.
    All,
    /// Values with this name.
    Name(Box<[u8]>),
    /// Values whose name matches.
    Matching(Arc<Regex>),
}

impl Selector {
    /// Whether the selector picks a name.
    pub fn selects(&self, name: &[u8], ignore_case: bool) -> bool {
        match self {
            Self::All => true,
            Self::Name(wanted) if ignore_case => wanted.eq_ignore_ascii_case(name),
            Self::Name(wanted) => **wanted == *name,
            Self::Matching(regex) => regex.is_match(name),
        }
    }
}
