//! Tells whether two policies have the same content, without keeping the first.

use std::{
    collections::hash_map::DefaultHasher,
    hash::Hasher,
    io::{self, Write},
};

use secbeat_engine::config::PolicyConfig;

/// 128 bits of hash over a policy's canonical JSON. Against accident, not against malice: whoever can choose
/// policies has no need to make two of them collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u64; 2]);

impl Fingerprint {
    /// Takes the fingerprint of a policy; `None` if it cannot be written as JSON, which is then equal to nothing.
    pub(crate) fn of(policy: &PolicyConfig) -> Option<Self> {
        let mut sink = Sink::default();
        serde_json::to_writer(&mut sink, policy).ok()?;
        Some(Self([sink.0.finish(), sink.1.finish()]))
    }
}

struct Sink(DefaultHasher, DefaultHasher);

impl Default for Sink {
    fn default() -> Self {
        let mut second = DefaultHasher::new();
        second.write_u8(1);
        Self(DefaultHasher::new(), second)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        self.1.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_content_has_equal_fingerprints_and_a_change_shows() {
        let policy = PolicyConfig {
            revision: 7,
            ..PolicyConfig::default()
        };
        let later = PolicyConfig {
            revision: 8,
            ..PolicyConfig::default()
        };
        assert_eq!(Fingerprint::of(&policy), Fingerprint::of(&policy.clone()));
        assert_ne!(Fingerprint::of(&policy), Fingerprint::of(&later));
    }
}
