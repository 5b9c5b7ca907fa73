//! Transaction variables (`TX`).

use std::{borrow::Cow, collections::BTreeMap};

use super::scores::Scores;

/// Transaction variables; names are the same regardless of ASCII case.
#[derive(Debug, Default)]
pub(super) struct Variables {
    values: BTreeMap<Box<[u8]>, Vec<u8>>,
}

impl Variables {
    /// Variables that one transaction may have. A new one beyond is not set; those that are there can still change.
    pub(super) const LIMIT: usize = 1_024;
    /// Bytes of a variable's name.
    pub(super) const NAME_LIMIT: usize = 256;
    /// Bytes of a variable's value.
    pub(super) const VALUE_LIMIT: usize = 4_096;

    pub(super) fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.values.get(&*folded(name)).map(Vec::as_slice)
    }

    /// Sets a variable; name and value are cut to their limits.
    pub(super) fn set(&mut self, name: &[u8], value: &[u8]) {
        let name = folded(name);
        let value = value.get(..Self::VALUE_LIMIT).unwrap_or(value);
        if let Some(known) = self.values.get_mut(&*name) {
            known.clear();
            known.extend_from_slice(value);
        } else if self.values.len() < Self::LIMIT {
            self.values.insert(name, value.to_vec());
        }
    }

    pub(super) fn unset(&mut self, name: &[u8]) {
        self.values.remove(&*folded(name));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.values
            .iter()
            .map(|(name, value)| (&**name, value.as_slice()))
    }
}

/// Transaction variables as rules read them: what rules set, and on top of it the scores.
///
/// So a program that keeps scores of its own, as the Core Rule Set does in `tx.inbound_anomaly_score_pl1`, finds what
/// patterns scored in the same place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readable<'a> {
    pub(super) variables: &'a Variables,
    pub(super) scores: &'a Scores,
}

impl<'a> Readable<'a> {
    /// Value of a variable; a score that nothing counted towards is unset.
    pub(super) fn value(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        let set = self.variables.value(name);
        match self.score(name) {
            0 => set.map(Cow::Borrowed),
            score => Some(Cow::Owned(sum(set, score))),
        }
    }

    /// Shows every variable with its value.
    pub(super) fn each(&self, mut see: impl FnMut(&[u8], &[u8])) {
        for (name, value) in self.variables.iter() {
            match self.score(name) {
                0 => see(name, value),
                score => see(name, &sum(Some(value), score)),
            }
        }
        if self.scores.is_empty() {
            return;
        }
        for (name, score) in self.scores.variables().filter(|(_, score)| *score > 0) {
            if self.variables.value(name.as_bytes()).is_none() {
                see(name.as_bytes(), score.to_string().as_bytes());
            }
        }
    }

    fn score(&self, name: &[u8]) -> u32 {
        if self.scores.is_empty() {
            return 0;
        }
        self.scores.variable(name).unwrap_or_default()
    }
}

fn sum(set: Option<&[u8]>, score: u32) -> Vec<u8> {
    let set = set.map_or(0, crate::matching::number);
    set.saturating_add(i64::from(score)).to_string().into_bytes()
}

fn folded(name: &[u8]) -> Box<[u8]> {
    name.get(..Variables::NAME_LIMIT)
        .unwrap_or(name)
        .to_ascii_lowercase()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_case_and_everything_is_bounded() {
        let mut variables = Variables::default();
        variables.set(b"Score", &[b'x'; 10_000]);
        assert_eq!(variables.value(b"sCORE").unwrap().len(), Variables::VALUE_LIMIT);
        for number in 0..5_000 {
            variables.set(format!("v{number}").as_bytes(), b"1");
        }
        assert_eq!(variables.iter().count(), Variables::LIMIT);
        variables.set(b"score", b"5");
        assert_eq!(variables.value(b"score"), Some(&b"5"[..]));
        variables.unset(b"SCORE");
        assert_eq!(variables.value(b"score"), None);
    }
}
