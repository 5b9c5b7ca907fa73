//! What the matches of one transaction add up to, and when that is too much.
//!
//! Scores are plain numbers and cost nothing as long as nothing matches. Rules read them as transaction variables,
//! see [`super::variables::Readable`].

use std::{collections::BTreeSet, ops::RangeInclusive};

use crate::{
    config::{Category, Scoring},
    rule::{Phase, RuleId},
};

/// Whether a rule looks at the request or at the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Inbound,
    Outbound,
}

impl Direction {
    /// The direction of a phase; logging has none.
    pub(super) const fn of(phase: Phase) -> Option<Self> {
        match phase {
            Phase::RequestHeaders | Phase::RequestBody => Some(Self::Inbound),
            Phase::ResponseHeaders | Phase::ResponseBody => Some(Self::Outbound),
            Phase::Logging => None,
        }
    }
}

/// One match, as far as it counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) rule: RuleId,
    pub(super) direction: Direction,
    pub(super) category: Category,
    pub(super) paranoia: u8,
    pub(super) score: u32,
}

/// What the matches of one transaction add up to.
#[derive(Debug)]
pub(super) struct Scores {
    inbound: Tally,
    outbound: Tally,
    /// By category, as far as it counts towards a threshold.
    categories: [u32; Category::ALL.len()],
    /// What counted, for a rule counts once in each direction.
    counted: BTreeSet<(Direction, RuleId)>,
}

#[derive(Debug, Default)]
struct Tally {
    /// By paranoia level.
    levels: [u32; LEVELS],
    /// What counts towards the threshold: the levels that may refuse.
    blocking: u32,
    /// The rule whose score reached the threshold.
    decided_by: Option<RuleId>,
}

const LEVELS: usize = *Scoring::PARANOIA_LEVELS.end() as usize;

impl Default for Scores {
    fn default() -> Self {
        Self {
            inbound: Tally::default(),
            outbound: Tally::default(),
            categories: [0; Category::ALL.len()],
            counted: BTreeSet::new(),
        }
    }
}

impl Scores {
    /// Adds a match, unless its rule counted before. Tells whether it is the one that reached the threshold.
    pub(super) fn add(&mut self, mark: &Mark, scoring: &Scoring) -> bool {
        if mark.score == 0 || !self.counted.insert((mark.direction, mark.rule)) {
            return false;
        }
        let (tally, threshold) = match mark.direction {
            Direction::Inbound => (&mut self.inbound, scoring.inbound_threshold),
            Direction::Outbound => (&mut self.outbound, scoring.outbound_threshold),
        };
        if let Some(level) = tally.levels.get_mut(level_index(mark.paranoia)) {
            *level = level.saturating_add(mark.score);
        }
        if mark.paranoia > scoring.paranoia_level {
            return false;
        }
        if let Some(category) = self.categories.get_mut(mark.category as usize) {
            *category = category.saturating_add(mark.score);
        }
        tally.blocking = tally.blocking.saturating_add(mark.score);
        let decides = tally.blocking >= threshold && tally.decided_by.is_none();
        if decides {
            tally.decided_by = Some(mark.rule);
        }
        decides
    }

    /// The rule whose score reached the threshold, once it is reached.
    pub(super) fn decided_by(&self, direction: Direction) -> Option<RuleId> {
        self.tally(direction).decided_by
    }

    /// The score that counts towards the threshold.
    pub(super) fn total(&self, direction: Direction) -> u32 {
        self.tally(direction).blocking
    }

    /// Scores by category, without those that are 0.
    pub(super) fn categories(&self) -> impl Iterator<Item = (Category, u32)> {
        let all = Category::ALL.iter().copied().zip(self.categories);
        all.filter(|(_, score)| *score > 0)
    }

    /// Whether nothing counted so far.
    pub(super) fn is_empty(&self) -> bool {
        self.counted.is_empty()
    }

    /// A score by the name of its transaction variable; 0 as long as nothing counted.
    pub(super) fn variable(&self, name: &[u8]) -> Option<u32> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        self.variables()
            .find(|(known, _)| *known == name)
            .map(|(_, score)| score)
    }

    /// Every score with the name of its transaction variable.
    pub(super) fn variables(&self) -> impl Iterator<Item = (String, u32)> {
        let directions = [("inbound", &self.inbound), ("outbound", &self.outbound)];
        let levels: RangeInclusive<u8> = Scoring::PARANOIA_LEVELS;
        let totals = directions.into_iter().flat_map(move |(name, tally)| {
            let by_level = levels
                .clone()
                .zip(tally.levels)
                .map(move |(level, score)| (format!("{name}_anomaly_score_pl{level}"), score));
            std::iter::once((format!("{name}_anomaly_score"), tally.blocking)).chain(by_level)
        });
        let categories = Category::ALL.iter().zip(self.categories);
        totals.chain(categories.map(|(category, score)| (format!("{}_score", category.as_str()), score)))
    }

    fn tally(&self, direction: Direction) -> &Tally {
        match direction {
            Direction::Inbound => &self.inbound,
            Direction::Outbound => &self.outbound,
        }
    }
}

fn level_index(paranoia: u8) -> usize {
    usize::from(paranoia.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(rule: u32, paranoia: u8, score: u32) -> Mark {
        Mark {
            rule: RuleId(rule),
            direction: Direction::Inbound,
            category: Category::Xss,
            paranoia,
            score,
        }
    }

    #[test]
    fn the_rule_that_reaches_the_threshold_is_told_once() {
        let (mut scores, scoring) = (Scores::default(), Scoring::default());
        assert!(!scores.add(&mark(1, 1, 3), &scoring));
        assert!(!scores.add(&mark(1, 1, 3), &scoring), "a rule counts once");
        assert!(scores.add(&mark(2, 1, 2), &scoring));
        assert!(!scores.add(&mark(3, 1, 5), &scoring));
        assert_eq!(scores.decided_by(Direction::Inbound), Some(RuleId(2)));
        assert_eq!(scores.decided_by(Direction::Outbound), None);
        assert_eq!(scores.total(Direction::Inbound), 10);
        assert_eq!(scores.categories().collect::<Vec<_>>(), [(Category::Xss, 10)]);
    }

    #[test]
    fn a_level_that_is_only_executed_counts_towards_no_threshold() {
        let (mut scores, scoring) = (Scores::default(), Scoring::default());
        assert!(!scores.add(&mark(1, 2, 100), &scoring));
        assert_eq!(scores.total(Direction::Inbound), 0);
        assert_eq!(scores.categories().count(), 0);
        assert_eq!(scores.variable(b"Inbound_anomaly_score_pl2"), Some(100));
        assert_eq!(scores.variable(b"inbound_anomaly_score"), Some(0));
    }

    #[test]
    fn a_rule_counts_once_in_each_direction() {
        let (mut scores, scoring) = (Scores::default(), Scoring::default());
        scores.add(&mark(1, 1, 3), &scoring);
        let outbound = Mark {
            direction: Direction::Outbound,
            ..mark(1, 1, 3)
        };
        assert!(!scores.add(&outbound, &scoring));
        assert_eq!(scores.total(Direction::Outbound), 3);
        assert_eq!(scores.variable(b"xss_score"), Some(6));
        assert_eq!(scores.variable(b"nothing_score"), None);
    }

    #[test]
    fn scores_never_overflow() {
        let (mut scores, scoring) = (Scores::default(), Scoring::default());
        for rule in 1..=3 {
            scores.add(&mark(rule, 1, u32::MAX), &scoring);
        }
        assert_eq!(scores.total(Direction::Inbound), u32::MAX);
        assert_eq!(scores.variable(b"inbound_anomaly_score_pl1"), Some(u32::MAX));
    }
}
