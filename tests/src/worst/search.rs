//! Looks for the slowest input: tries every seed, then changes the slowest ones and keeps what made them slower.

use std::time::Duration;

use super::{Encoding, LENGTH, Pieces, Random, Recipe};

/// How long to look.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Changes that are tried.
    pub steps: usize,
    /// Inputs that are changed side by side.
    pub climbers: usize,
}

/// The slowest input of a search.
#[derive(Debug, Clone)]
pub struct Found {
    /// How it is made.
    pub recipe: Recipe,
    /// Processor time that it takes.
    pub time: Duration,
}

/// Looks for the slowest input. `time` tells the time of an input, the least of so many runs.
pub fn search(
    seeds: Vec<Recipe>,
    pieces: &Pieces,
    effort: Effort,
    random: &mut Random,
    mut time: impl FnMut(&[u8], usize) -> Duration,
) -> Option<Found> {
    /// Runs of an input that looks slow, of one that is changed further, and of the slowest ones.
    const AGAIN: usize = 3;
    const FINAL: usize = 25;
    let mut measure = |recipe: Recipe, runs: usize| {
        let time = time(&recipe.bake(LENGTH), runs);
        Found { recipe, time }
    };
    let mut best: Vec<Found> = seeds.into_iter().map(|seed| measure(seed, 1)).collect();
    keep_slowest(&mut best, 4 * effort.climbers);
    let hidden: Vec<Found> = best
        .iter()
        .take(effort.climbers)
        .flat_map(|found| Encoding::ALL.map(|encoding| found.recipe.clone().hidden(encoding)))
        .map(|recipe| measure(recipe, 1))
        .collect();
    best.extend(hidden);
    best = best
        .into_iter()
        .map(|found| measure(found.recipe, AGAIN))
        .collect();
    keep_slowest(&mut best, effort.climbers);
    for step in 0..effort.steps {
        // Half of the way each for itself, then those that are left behind begin again from the best one.
        if step == effort.steps / 2
            && let Some(first) = best.first().cloned()
        {
            let enough = first.time * 3 / 4;
            best.iter_mut()
                .filter(|found| found.time < enough)
                .for_each(|found| found.clone_from(&first));
        }
        let which = random.below(best.len());
        let other = random.pick(&best).cloned();
        let (climber, other) = best.get_mut(which).zip(other)?;
        let mut recipe = climber.recipe.mutated(pieces, random);
        if random.once_in(3) {
            recipe = recipe.mutated(pieces, random);
        }
        if random.once_in(12) {
            recipe = recipe.crossed(&other.recipe);
        }
        if recipe == climber.recipe {
            continue;
        }
        let tried = measure(recipe, 1);
        if tried.time > climber.time {
            let again = measure(tried.recipe, AGAIN);
            if again.time > climber.time {
                *climber = again;
                best.sort_by_key(|found| std::cmp::Reverse(found.time));
            }
        }
    }
    best.into_iter()
        .map(|found| measure(found.recipe, FINAL))
        .max_by_key(|found| found.time)
}

fn keep_slowest(found: &mut Vec<Found>, count: usize) {
    found.sort_by_key(|found| std::cmp::Reverse(found.time));
    found.truncate(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_input_is_found() {
        let (mut random, pieces) = (Random::new(1), Pieces::default());
        let effort = Effort {
            steps: 2_000,
            climbers: 4,
        };
        // Slow is what holds many of the byte `z`, and more so of `q` behind it.
        let time = |value: &[u8], _: usize| {
            let single: usize = value.iter().map(|byte| usize::from(*byte == b'z')).sum();
            let pairs = value.windows(2).filter(|pair| pair == b"zq").count();
            Duration::from_nanos((single + 10 * pairs) as u64)
        };
        let found = search(vec![Recipe::repeating("az")], &pieces, effort, &mut random, time).unwrap();
        assert!(found.time > Duration::from_micros(20), "{found:?}");
    }
}
