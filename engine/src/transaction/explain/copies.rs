//! The distinct copies of one value, each with the transformations that made it.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    matching::{ChainId, Chains},
    transform::Transformation,
};

/// The distinct copies of one value, as far as they were asked for.
pub(super) struct Copies<'a> {
    chains: &'a Chains,
    all: Vec<Copy<'a>>,
    /// By chain: the copy at its end.
    known: BTreeMap<ChainId, usize>,
}

/// One copy of a value.
pub(super) struct Copy<'a> {
    /// What changed the value, in order.
    pub(super) after: Vec<Transformation>,
    pub(super) bytes: Cow<'a, [u8]>,
}

impl<'a> Copies<'a> {
    pub(super) fn new(chains: &'a Chains, value: &'a [u8]) -> Self {
        let original = Copy {
            after: Vec::new(),
            bytes: Cow::Borrowed(value),
        };
        Self {
            chains,
            all: vec![original],
            known: BTreeMap::new(),
        }
    }

    /// The copies on the way through a chain, the value itself first; each once.
    pub(super) fn path(&mut self, chain: ChainId) -> Vec<usize> {
        let mut at = 0;
        let mut path = vec![at];
        let transformations = self.chains.transformations(chain);
        for (step, transformation) in self.chains.path(chain).into_iter().zip(transformations) {
            at = match self.known.get(&step) {
                Some(known) => *known,
                None => self.step(at, transformation),
            };
            self.known.insert(step, at);
            if path.last() != Some(&at) {
                path.push(at);
            }
        }
        path
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Copy<'a>> {
        self.all.iter()
    }

    fn step(&mut self, from: usize, transformation: Transformation) -> usize {
        let Some(before) = self
            .all
            .get(from)
            .filter(|copy| transformation.may_change(&copy.bytes))
        else {
            return from;
        };
        let bytes = transformation.apply(Cow::Borrowed(&*before.bytes));
        if let Some(known) = self.all.iter().position(|copy| copy.bytes == bytes) {
            return known;
        }
        let mut after = before.after.clone();
        after.push(transformation);
        let bytes = Cow::Owned(bytes.into_owned());
        self.all.push(Copy { after, bytes });
        self.all.len() - 1
    }
}
