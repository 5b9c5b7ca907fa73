//! What differs between two states of the rule packs, rule by rule.

use secbeat_engine::packs::PackConfig;

/// What differs between two states of a rule pack.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PackDiff {
    /// Name of the pack.
    pub name: String,
    /// Version after the change; absent when the pack went.
    pub version: Option<u32>,
    /// Ids of rules that came.
    pub added: Vec<u32>,
    /// Ids of rules that differ.
    pub changed: Vec<u32>,
    /// Ids of rules that went.
    pub removed: Vec<u32>,
}

impl PackDiff {
    /// Ids of every rule that came, differs or went.
    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        self.added
            .iter()
            .chain(&self.changed)
            .chain(&self.removed)
            .copied()
    }
}

/// Lists the packs that differ.
pub fn diff(old: &[PackConfig], new: &[PackConfig]) -> Vec<PackDiff> {
    let empty = PackConfig::default();
    let find = |packs: &'_ [PackConfig], name: &str| packs.iter().position(|pack| pack.name == name);
    let gone = old.iter().filter(|pack| find(new, &pack.name).is_none());
    let pairs = new
        .iter()
        .map(|pack| {
            (
                find(old, &pack.name)
                    .and_then(|index| old.get(index))
                    .unwrap_or(&empty),
                pack,
            )
        })
        .chain(gone.map(|pack| (pack, &empty)));
    pairs
        .filter(|(before, after)| before != after)
        .map(|(before, after)| {
            let other = |side: &PackConfig, id: u32| side.patterns.iter().find(|rule| rule.id == id).cloned();
            let added = after
                .patterns
                .iter()
                .filter(|rule| other(before, rule.id).is_none());
            let changed = after
                .patterns
                .iter()
                .filter(|rule| other(before, rule.id).is_some_and(|old| old != **rule));
            let removed = before
                .patterns
                .iter()
                .filter(|rule| other(after, rule.id).is_none());
            let is_gone = after.name.is_empty();
            PackDiff {
                name: if is_gone {
                    before.name.clone()
                } else {
                    after.name.clone()
                },
                version: (!is_gone).then_some(after.version),
                added: added.map(|rule| rule.id).collect(),
                changed: changed.map(|rule| rule.id).collect(),
                removed: removed.map(|rule| rule.id).collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use secbeat_engine::config::PatternConfig;

    use super::*;

    fn pattern(id: u32, text: &str) -> PatternConfig {
        PatternConfig {
            id,
            pattern: text.to_owned(),
            ..PatternConfig::default()
        }
    }

    fn pack(name: &str, version: u32, patterns: Vec<PatternConfig>) -> PackConfig {
        PackConfig {
            name: name.to_owned(),
            version,
            patterns,
            ..PackConfig::default()
        }
    }

    #[test]
    fn packs_are_compared_rule_by_rule() {
        let old = [
            pack("a", 1, vec![pattern(1, "x"), pattern(2, "y")]),
            pack("gone", 3, vec![pattern(5, "z")]),
        ];
        let new = [
            pack("a", 2, vec![pattern(2, "Y"), pattern(3, "n")]),
            pack("came", 1, Vec::new()),
        ];
        let differences = diff(&old, &new);
        let summary = differences
            .iter()
            .map(|pack| {
                (
                    pack.name.as_str(),
                    pack.version,
                    &pack.added[..],
                    &pack.changed[..],
                    &pack.removed[..],
                )
            })
            .collect::<Vec<_>>();
        assert_eq!(
            summary,
            [
                ("a", Some(2), &[3][..], &[2][..], &[1][..]),
                ("came", Some(1), &[], &[], &[]),
                ("gone", None, &[], &[], &[5])
            ]
        );
        assert_eq!(diff(&old, &old), []);
    }
}
