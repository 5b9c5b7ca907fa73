//! Chains of transformations, and the copies of a value that they make.

use std::borrow::Cow;

use crate::transform::Transformation;

/// Names a chain of transformations within a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ChainId(u32);

impl ChainId {
    /// The chain without transformations.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Every distinct chain of a policy and every beginning of one, as a tree: a parent stands before its children.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    /// Without the root, which is [`ChainId::NONE`].
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    parent: ChainId,
    transformation: Transformation,
}

impl Chains {
    /// Finds the chain, or adds it.
    pub(crate) fn intern(&mut self, transformations: &[Transformation]) -> ChainId {
        transformations
            .iter()
            .fold(ChainId::NONE, |parent, transformation| {
                let known = self
                    .nodes
                    .iter()
                    .position(|node| node.parent == parent && node.transformation == *transformation);
                let position = known.unwrap_or_else(|| {
                    self.nodes.push(Node {
                        parent,
                        transformation: *transformation,
                    });
                    self.nodes.len() - 1
                });
                ChainId(position as u32 + 1)
            })
    }

    /// How many chains there are, the empty one among them.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() + 1
    }

    /// The chain and all its beginnings but the empty one, shortest first.
    pub(crate) fn path(&self, chain: ChainId) -> Vec<ChainId> {
        let mut path = Vec::new();
        let mut at = chain;
        while let Some(node) = self.node(at) {
            path.push(at);
            at = node.parent;
        }
        path.reverse();
        path
    }

    /// The transformations of a chain, in order.
    pub(crate) fn transformations(&self, chain: ChainId) -> impl Iterator<Item = Transformation> {
        self.path(chain)
            .into_iter()
            .filter_map(|step| Some(self.node(step)?.transformation))
    }

    /// By chain: its last transformation.
    pub(crate) fn last_steps(&self) -> impl Iterator<Item = Option<Transformation>> {
        let steps = self.nodes.iter().map(|node| Some(node.transformation));
        [None].into_iter().chain(steps)
    }

    /// Applies a chain to a value.
    pub(crate) fn apply<'a>(&self, chain: ChainId, value: &'a [u8]) -> Cow<'a, [u8]> {
        self.transformations(chain)
            .fold(Cow::Borrowed(value), |value, transformation| {
                if transformation.may_change(&value) {
                    transformation.apply(value)
                } else {
                    value
                }
            })
    }

    fn node(&self, chain: ChainId) -> Option<&Node> {
        self.nodes.get(chain.index().checked_sub(1)?)
    }
}

/// The distinct copies of one value under the chains of a policy; reused from value to value.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// By chain: which chain's copy it shares.
    shared: Vec<ChainId>,
    /// Copies that differ from the value itself, with the first chain that made them.
    own: Vec<(ChainId, Vec<u8>)>,
    /// What was done to which chain's copy, and which chain's copy that made.
    done: Vec<(ChainId, Transformation, ChainId)>,
}

impl Copies {
    /// Makes the copies for some chains, given with all their beginnings, parents first.
    pub(crate) fn make(&mut self, chains: &Chains, needed: &[ChainId], value: &[u8]) {
        self.own.clear();
        self.done.clear();
        self.shared.clear();
        self.shared.resize(chains.len(), ChainId::NONE);
        for chain in needed {
            let Some(node) = chains.node(*chain) else { continue };
            let parent = self
                .shared
                .get(node.parent.index())
                .copied()
                .unwrap_or(ChainId::NONE);
            let known = self.done.iter().find(|(input, transformation, _)| {
                *input == parent && *transformation == node.transformation
            });
            let shared = if let Some((.., made)) = known {
                *made
            } else {
                let output = node.transformation.changed(self.copy(parent, value));
                let made = output.map_or(parent, |output| {
                    self.own.push((*chain, output));
                    *chain
                });
                self.done.push((parent, node.transformation, made));
                made
            };
            if let Some(entry) = self.shared.get_mut(chain.index()) {
                *entry = shared;
            }
        }
    }

    /// Whether no transformation changed anything.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.own.is_empty()
    }

    /// The distinct copies but the value itself, each with the chain that made it first.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (ChainId, &[u8])> {
        self.own.iter().map(|(chain, copy)| (*chain, copy.as_slice()))
    }

    /// The chain whose copy a chain shares.
    pub(crate) fn shared(&self, chain: ChainId) -> ChainId {
        self.shared.get(chain.index()).copied().unwrap_or(ChainId::NONE)
    }

    fn copy<'a>(&'a self, chain: ChainId, value: &'a [u8]) -> &'a [u8] {
        self.own
            .iter()
            .find(|(owner, _)| *owner == chain)
            .map_or(value, |(_, copy)| copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Transformation::{Lowercase, RemoveNulls, UrlDecodeUni};

    #[test]
    fn chains_share_their_beginnings() {
        let mut chains = Chains::default();
        let long = chains.intern(&[UrlDecodeUni, Lowercase]);
        let short = chains.intern(&[UrlDecodeUni]);
        assert_eq!(chains.intern(&[]), ChainId::NONE);
        assert_eq!(chains.len(), 3);
        assert_eq!(chains.path(long), [short, long]);
    }

    #[test]
    fn unchanged_copies_are_shared_with_the_parent() {
        let mut chains = Chains::default();
        let all = chains.intern(&[UrlDecodeUni, RemoveNulls, Lowercase]);
        let lower = chains.intern(&[Lowercase]);
        let needed: Vec<_> = chains.path(all).into_iter().chain([lower]).collect();
        let mut copies = Copies::default();
        copies.make(&chains, &needed, b"plain");
        assert!(copies.is_unchanged());
        copies.make(&chains, &needed, b"A%41");
        assert_eq!(
            copies.changed().map(|(_, copy)| copy).collect::<Vec<_>>(),
            [&b"AA"[..], b"aa", b"a%41"]
        );
        assert_eq!(chains.apply(all, b"A%41").as_ref(), b"aa");
        assert_eq!(copies.shared(all), all);
    }
}
