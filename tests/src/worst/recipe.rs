//! How an input is made: something, then a unit again and again, then something.

use std::fmt;

use super::{Encoding, Pieces, Random};

/// How an input is made. Slow inputs nearly always repeat themselves; a unit as long as the input says anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// What stands at the beginning.
    pub before: Vec<u8>,
    /// What is repeated.
    pub unit: Vec<u8>,
    /// What stands at the end.
    pub after: Vec<u8>,
    /// How all that is hidden.
    pub encoding: Encoding,
}

impl Recipe {
    /// Bytes of a unit.
    const UNIT: usize = super::LENGTH;
    /// Bytes of what stands at either end.
    const ENDS: usize = 1_024;

    /// A unit and nothing else.
    pub fn repeating(unit: impl Into<Vec<u8>>) -> Self {
        Self {
            before: Vec::new(),
            unit: unit.into(),
            after: Vec::new(),
            encoding: Encoding::Plain,
        }
    }

    /// The same with something at the beginning.
    #[must_use]
    pub fn behind(self, before: &[u8]) -> Self {
        Self {
            before: before.to_vec(),
            ..self
        }
    }

    /// The same, hidden in another way.
    #[must_use]
    pub fn hidden(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// An input of exactly so many bytes, unless the recipe makes nothing.
    pub fn bake(&self, length: usize) -> Vec<u8> {
        let before = self.encoding.apply(&self.before);
        let unit = self.encoding.apply(&self.unit);
        let after = self.encoding.apply(&self.after);
        let room = length.saturating_sub(before.len() + after.len());
        let filling = unit.iter().copied().cycle().take(room);
        let mut baked: Vec<u8> = before.into_iter().chain(filling).chain(after).collect();
        baked.truncate(length);
        baked
    }

    /// The recipe with one thing changed.
    #[must_use]
    pub fn mutated(&self, pieces: &Pieces, random: &mut Random) -> Self {
        let mut next = self.clone();
        match random.below(16) {
            0..=3 => next.insert(&pieces.any(random), random),
            4 | 5 => next.insert(&pieces.run(random), random),
            6 | 7 => next.delete(random),
            8 | 9 => next.replace(&pieces.byte(random), random),
            10 => next.double(random),
            11 => next.before = pieces.any(random),
            12 => next.after = pieces.any(random),
            13 => {
                if random.once_in(2) {
                    next.before.clear();
                } else {
                    next.after.clear();
                }
            }
            14 => next.fill(pieces, random),
            _ => next.encoding = random.pick(&Encoding::ALL).copied().unwrap_or(self.encoding),
        }
        next.unit.truncate(Self::UNIT);
        next.before.truncate(Self::ENDS);
        next.after.truncate(Self::ENDS);
        next
    }

    /// One that goes on with the unit of another.
    #[must_use]
    pub fn crossed(&self, other: &Self) -> Self {
        let mut next = self.clone();
        next.unit.extend_from_slice(&other.unit);
        next.unit.truncate(Self::UNIT);
        next
    }

    fn insert(&mut self, piece: &[u8], random: &mut Random) {
        let at = random.below(self.unit.len() + 1);
        self.unit.splice(at..at, piece.iter().copied());
    }

    fn delete(&mut self, random: &mut Random) {
        let start = random.below(self.unit.len());
        let most = if random.once_in(3) { self.unit.len() } else { 8 };
        let end = self.unit.len().min(start + 1 + random.below(most));
        if end - start < self.unit.len() {
            self.unit.drain(start..end);
        }
    }

    fn replace(&mut self, byte: &[u8], random: &mut Random) {
        let at = random.below(self.unit.len());
        if at < self.unit.len() {
            self.unit.splice(at..=at, byte.iter().copied());
        }
    }

    fn double(&mut self, random: &mut Random) {
        let start = random.below(self.unit.len());
        let end = self.unit.len().min(start + 1 + random.below(64));
        let part = self.unit.get(start..end).unwrap_or_default().to_vec();
        let times = 1 + random.below(8);
        self.unit.splice(start..start, part.repeat(times));
    }

    /// Pieces in disorder, up to the length of an input: what never repeats meets no automaton that knows it.
    fn fill(&mut self, pieces: &Pieces, random: &mut Random) {
        let few: Vec<Vec<u8>> = (0..2 + random.below(6)).map(|_| pieces.any(random)).collect();
        while self.unit.len() < Self::UNIT {
            let before = self.unit.len();
            self.unit
                .extend_from_slice(random.pick(&few).map_or(b"a", |piece| piece));
            if self.unit.len() == before {
                self.unit.push(b'a');
            }
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 48;
        let part = |bytes: &[u8]| {
            let shown = bytes.get(..SHOWN).unwrap_or(bytes).escape_ascii();
            match bytes.len().checked_sub(SHOWN) {
                Some(more) if more > 0 => format!("{shown}… {more} more"),
                _ => shown.to_string(),
            }
        };
        if !self.before.is_empty() {
            write!(out, "`{}` then ", part(&self.before))?;
        }
        write!(out, "`{}` repeated", part(&self.unit))?;
        if !self.after.is_empty() {
            write!(out, " then `{}`", part(&self.after))?;
        }
        if self.encoding != Encoding::Plain {
            write!(out, ", {:?}", self.encoding)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_baked_is_as_long_as_asked() {
        let mut random = Random::new(1);
        let pieces = Pieces::default();
        let mut recipe = Recipe::repeating("ab").behind(b"x");
        assert_eq!(recipe.bake(6), b"xababa");
        for _ in 0..2_000 {
            recipe = recipe.mutated(&pieces, &mut random);
            let baked = recipe.bake(500);
            assert!(baked.len() == 500 || recipe.unit.is_empty(), "{recipe}");
        }
    }
}
