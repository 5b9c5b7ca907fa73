//! Remembers whose values are shown to nobody, for that takes a look at all of them, and several rules may match one.

use crate::rule::Collection;

/// What was found out about collections and names, as long as the fields stay the same.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    /// [`super::fields::Fields::changes`] at that time.
    changes: u64,
    answers: Vec<(Collection, Vec<u8>, bool)>,
}

impl Hidden {
    /// Names of which something is remembered.
    const LIMIT: usize = 16;

    /// What was found out, if the fields have not changed since.
    pub(super) fn answer(&self, changes: u64, (collection, name): (Collection, &[u8])) -> Option<bool> {
        let is_meant = |known: &&(Collection, Vec<u8>, bool)| known.0 == collection && known.1 == name;
        let known = self.answers.iter().find(is_meant);
        known.filter(|_| self.changes == changes).map(|known| known.2)
    }

    /// Remembers it.
    pub(super) fn remember(
        &mut self,
        changes: u64,
        (collection, name): (Collection, &[u8]),
        is_hidden: bool,
    ) {
        if self.changes != changes {
            self.changes = changes;
            self.answers.clear();
        }
        if self.answers.len() < Self::LIMIT {
            self.answers.push((collection, name.to_vec(), is_hidden));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_last_until_the_fields_change() {
        let mut hidden = Hidden::default();
        let body = (Collection::Body, &b""[..]);
        hidden.remember(1, body, true);
        assert_eq!(hidden.answer(1, body), Some(true));
        assert_eq!(hidden.answer(1, (Collection::Body, b"a")), None);
        assert_eq!(hidden.answer(2, body), None);
        hidden.remember(2, (Collection::Headers, b"a"), false);
        assert_eq!(hidden.answer(2, body), None);
        assert_eq!(hidden.answer(2, (Collection::Headers, b"a")), Some(false));
    }
}
