//! The slowest whole requests under the default policy.

use std::{sync::Arc, time::Duration};

use secbeat_engine::{Policy, compile, config::PolicyConfig};

use super::{Carrier, Effort, Found, LENGTH, Pieces, Random, Recipe, fastest, search};
use crate::{Failure, Result};

/// The default policy.
#[derive(Debug)]
pub struct Whole {
    policy: Arc<Policy>,
}

/// The slowest request with an input in one place.
#[derive(Debug)]
pub struct SlowRequest {
    /// Where the input stands.
    pub carrier: Carrier,
    /// The input, and the time that the request takes natively.
    pub found: Found,
}

impl Whole {
    /// The pack `core` with default settings.
    pub fn new() -> Result<Self> {
        let config = PolicyConfig {
            packs: vec!["core".to_owned()],
            ..PolicyConfig::default()
        };
        let policy = compile(&config).map_err(|errors| Failure::new(errors.to_string()))?;
        Ok(Self {
            policy: Arc::new(policy),
        })
    }

    /// Processor time of a request with an input, the least of so many runs. No request is shown twice.
    pub fn time(&self, carrier: &Carrier, value: &[u8], runs: usize) -> Duration {
        let times = (0..runs).map(|_| {
            let shown = carrier.show(value);
            fastest(1, || {
                std::hint::black_box(shown.run(&self.policy));
            })
        });
        times.min().unwrap_or_default()
    }

    /// Searches the slowest request for each place, beginning with the slowest inputs of rules, mixtures of them, and what
    /// is `known` of the place from before; the slowest place first.
    pub fn search(
        &self,
        inputs: &[Recipe],
        known: impl Fn(&Carrier) -> Option<Vec<u8>>,
        effort: Effort,
    ) -> Vec<SlowRequest> {
        const MIXTURES: usize = 100;
        let pieces = Pieces::of_recipes(inputs);
        let places = Carrier::single(b"x-note").into_iter().chain(Carrier::whole());
        let mut slowest: Vec<SlowRequest> = places
            .filter(|carrier| !carrier.is_response())
            .filter_map(|carrier| {
                let mut random = Random::new(1);
                let mut seeds = inputs.to_vec();
                seeds.extend(known(&carrier).map(Recipe::repeating));
                for _ in 0..MIXTURES {
                    let count = 2 + random.below(40);
                    let unit: Vec<u8> = (0..count).flat_map(|_| pieces.any(&mut random)).collect();
                    seeds.push(Recipe::repeating(unit));
                }
                let time = |value: &[u8], runs| self.time(&carrier, value, runs);
                let found = search(seeds, &pieces, effort, &mut random, time)?;
                Some(SlowRequest { carrier, found })
            })
            .collect();
        slowest.sort_by_key(|slowest| std::cmp::Reverse(slowest.found.time));
        slowest
    }

    /// How much more time each byte takes in an input so many times as long.
    pub fn growth(&self, slow: &SlowRequest, times: usize) -> f64 {
        const RUNS: usize = 5;
        let long = self.time(&slow.carrier, &slow.found.recipe.bake(LENGTH * times), RUNS);
        let short = self.time(&slow.carrier, &slow.found.recipe.bake(LENGTH), RUNS * times);
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        long.as_secs_f64() / (short.as_secs_f64() * f64::from(times))
    }
}
