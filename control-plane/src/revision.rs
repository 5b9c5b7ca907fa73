//! A revision: one accepted state of the whole policy, immutable and numbered.
//!
//! The owner of state makes revisions, the store keeps them, the xDS server puts the latest one onto every Envoy.
//! Nothing here checks whether a policy compiles; that happened before a revision was made.

use std::fmt::Write as _;

use jiff::Timestamp;
use secbeat_engine::{
    CompileError,
    config::{BodyPolicy, Limits, MaskConfig, Mode, PatternConfig, PolicyConfig, ResponsePolicy, Scoring},
    packs::PackConfig,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One accepted state of the whole policy, immutable and numbered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// 1 for the first revision of a store, then ascending by one.
    pub number: u64,
    /// SHA-256 of the content's JSON, in lower-case hexadecimal.
    pub hash: String,
    /// Who made it: `api`, `settings`.
    pub author: String,
    /// What changed, in a few words.
    pub reason: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it says.
    pub content: Content,
}

impl Revision {
    /// Makes a revision out of content.
    pub fn new(number: u64, author: &str, reason: &str, created: Timestamp, content: Content) -> Self {
        Self {
            number,
            hash: content.hash(),
            author: author.to_owned(),
            reason: reason.to_owned(),
            created,
            content,
        }
    }

    /// The policy as the filter takes it: every pattern inline, so that it needs no pack of its own.
    pub fn policy(&self) -> PolicyConfig {
        self.content.policy(self.number)
    }
}

/// What a revision says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Content {
    /// What happens with what the rules find.
    pub mode: Mode,
    /// How request bodies are held and inspected.
    pub body: BodyPolicy,
    /// How responses are held and inspected.
    #[serde(default)]
    pub response: ResponsePolicy,
    /// Bounds on what is parsed.
    pub limits: Limits,
    /// Names whose values are shown to nobody.
    #[serde(default)]
    pub mask: MaskConfig,
    /// How matches add up to a verdict.
    #[serde(default)]
    pub scoring: Scoring,
    /// The rule packs as they were loaded, embedded ones and those from the rules folder.
    pub packs: Vec<PackConfig>,
    /// Patterns that came through the API, in the order in which they came.
    pub patterns: Vec<PatternConfig>,
}

impl Content {
    /// The policy that this content stands for.
    pub fn policy(&self, revision: u64) -> PolicyConfig {
        let packs = self.packs.iter().flat_map(|pack| &pack.patterns);
        PolicyConfig {
            revision,
            mode: self.mode,
            packs: Vec::new(),
            patterns: packs.chain(&self.patterns).cloned().collect(),
            body: self.body.clone(),
            response: self.response.clone(),
            limits: self.limits.clone(),
            mask: self.mask.clone(),
            scoring: self.scoring.clone(),
        }
    }

    /// Words an error of the compiler for people: names the pattern that it is about by its pack and id.
    pub fn explain(&self, error: &CompileError) -> String {
        let Some((index, rest)) = position(&error.path) else {
            return error.to_string();
        };
        let packs = self
            .packs
            .iter()
            .flat_map(|pack| pack.patterns.iter().map(|rule| (pack.name.as_str(), rule)));
        let own = self.patterns.iter().map(|rule| ("", rule));
        match packs.chain(own).nth(index) {
            Some(("", rule)) => format!("pattern {}: {rest}: {}", rule.id, error.reason),
            Some((pack, rule)) => format!("rule pack {pack}, rule {}: {rest}: {}", rule.id, error.reason),
            None => error.to_string(),
        }
    }

    /// SHA-256 of the content's JSON, in lower-case hexadecimal.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        // Writing to a hasher cannot fail, and every key of the content is a string.
        let _ = serde_json::to_writer(HashWriter(&mut hasher), self);
        hex(&hasher.finalize())
    }
}

/// Which pattern of the content an error of the compiler is about, and where in it.
pub(crate) fn position(path: &str) -> Option<(usize, &str)> {
    let (index, rest) = path.strip_prefix("patterns[")?.split_once(']')?;
    Some((index.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

/// Writes bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing into a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        let pattern = |id| PatternConfig {
            id,
            pattern: format!("p{id}"),
            ..PatternConfig::default()
        };
        Content {
            packs: vec![PackConfig {
                patterns: vec![pattern(7_001_001)],
                ..PackConfig::default()
            }],
            patterns: vec![pattern(8_000_000)],
            ..Content::default()
        }
    }

    #[test]
    fn policy_carries_packs_inline_before_api_patterns() {
        let policy = Revision::new(7, "api", "test", Timestamp::UNIX_EPOCH, content()).policy();
        assert_eq!(policy.revision, 7);
        assert!(policy.packs.is_empty());
        assert_eq!(
            policy.patterns.iter().map(|p| p.id).collect::<Vec<_>>(),
            [7_001_001, 8_000_000]
        );
    }

    #[test]
    fn hash_follows_content_only() {
        let one = Revision::new(1, "api", "one", Timestamp::UNIX_EPOCH, content());
        let two = Revision::new(2, "settings", "two", Timestamp::UNIX_EPOCH, content());
        assert_eq!(one.hash, two.hash);
        assert_eq!(one.hash.len(), 64);
        assert_ne!(one.hash, Content::default().hash());
    }

    #[test]
    fn revision_survives_json() {
        let revision = Revision::new(1, "api", "one", Timestamp::UNIX_EPOCH, content());
        let json = serde_json::to_vec(&revision).unwrap();
        assert_eq!(serde_json::from_slice::<Revision>(&json).unwrap(), revision);
    }
}
