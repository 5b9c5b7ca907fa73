//! Keeps what transformations made of values that matched, for several rules may match one.

use crate::matching::ChainId;

/// What chains made of fields, the last few.
#[derive(Debug, Default)]
pub(in super::super) struct Copies {
    /// [`super::super::fields::Fields::changes`] at that time.
    changes: u64,
    kept: Vec<Copy>,
    oldest: usize,
}

#[derive(Debug)]
struct Copy {
    field: u32,
    chain: ChainId,
    value: Vec<u8>,
}

impl Copies {
    /// Copies kept: those of a body and of what was parsed out of it, under each chain.
    const LIMIT: usize = 6;

    /// What a chain makes of a field, made now unless it is known since the fields changed last.
    pub(super) fn of(
        &mut self,
        changes: u64,
        (field, chain): (u32, ChainId),
        make: impl FnOnce() -> Vec<u8>,
    ) -> Vec<u8> {
        if self.changes != changes {
            self.changes = changes;
            self.kept.clear();
        }
        let known = self
            .kept
            .iter()
            .find(|copy| (copy.field, copy.chain) == (field, chain));
        if let Some(copy) = known {
            return copy.value.clone();
        }
        let value = make();
        let copy = Copy {
            field,
            chain,
            value: value.clone(),
        };
        if self.kept.len() < Self::LIMIT {
            self.kept.push(copy);
        } else if let Some(oldest) = self.kept.get_mut(self.oldest % Self::LIMIT) {
            *oldest = copy;
            self.oldest += 1;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_made_once_until_the_fields_change() {
        let mut copies = Copies::default();
        let mut of =
            |changes, field, value: &[u8]| copies.of(changes, (field, ChainId::NONE), || value.to_vec());
        assert_eq!(of(1, 0, b"a"), b"a");
        assert_eq!(of(1, 0, b"b"), b"a");
        assert_eq!(of(2, 0, b"b"), b"b");
        for field in 1..20 {
            assert_eq!(of(2, field, b"c"), b"c");
        }
        assert_eq!(of(2, 0, b"d"), b"d");
    }
}
