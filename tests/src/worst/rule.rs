//! The slowest input of one rule.

use std::time::Duration;

use secbeat_engine::config::PatternConfig;

use super::{Carrier, Effort, Found, LENGTH, Pieces, Random, Recipe, Subject, search, seeds};
use crate::Result;

/// The slowest input of a rule.
#[derive(Debug)]
pub struct SlowRule {
    /// The rule.
    pub pattern: PatternConfig,
    /// Where the input stands.
    pub carrier: Carrier,
    /// The input, and its time when it comes again and again.
    pub found: Found,
    /// Its time when it is the first value that the rule sees.
    pub first: Duration,
}

impl SlowRule {
    /// Processor time that a rule may take.
    pub const LIMIT: Duration = Duration::from_millis(1);

    /// Searches the slowest input of a rule, where `known` was the slowest one before; `None` where no value of a client
    /// reaches it.
    pub fn search(pattern: &PatternConfig, known: Option<Vec<u8>>, effort: Effort) -> Result<Option<Self>> {
        /// Runs of the slowest input, of one that is above the limit, and as the first value.
        const FINAL: usize = 25;
        const AGAIN: usize = 200;
        const FIRST: usize = 3;
        let subject = Subject::new(pattern)?;
        let Some(first) = subject.carriers.first() else {
            return Ok(None);
        };
        let mut random = Random::new(u64::from(pattern.id));
        let pieces = Pieces::of(pattern, &mut random);
        let mut seeds = seeds(&pieces, &mut random);
        seeds.extend(known.map(Recipe::repeating));
        let found = search(seeds, &pieces, effort, &mut random, |value, runs| {
            subject.time(first, value, runs)
        });
        let Some(Found { recipe, .. }) = found else {
            return Ok(None);
        };
        let value = recipe.bake(LENGTH);
        let times = subject.carriers.iter().map(|carrier| {
            let time = subject.time(carrier, &value, FINAL);
            if time > Self::LIMIT {
                return (subject.time(carrier, &value, AGAIN).min(time), carrier);
            }
            (time, carrier)
        });
        let Some((time, carrier)) = times.max_by_key(|(time, _)| *time) else {
            return Ok(None);
        };
        Ok(Some(Self {
            pattern: pattern.clone(),
            carrier: carrier.clone(),
            first: subject.first_time(carrier, &value, FIRST)?,
            found: Found { recipe, time },
        }))
    }
}
