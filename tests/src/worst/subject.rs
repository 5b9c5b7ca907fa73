//! One rule alone, and where it looks.

use std::{sync::Arc, time::Duration};

use secbeat_engine::{
    Policy, compile,
    config::{PatternAction, PatternConfig, PatternOperator, PolicyConfig},
};

use super::{Carrier, Pieces, Shown, fastest};
use crate::{Failure, Result};

/// One rule alone, and where it looks.
#[derive(Debug)]
pub struct Subject {
    pattern: PatternConfig,
    policy: Arc<Policy>,
    /// The places from which a value reaches the rule.
    pub carriers: Vec<Carrier>,
}

impl Subject {
    /// A policy of this rule, and the places where it sees what stands there.
    pub fn new(pattern: &PatternConfig) -> Result<Self> {
        Ok(Self {
            pattern: pattern.clone(),
            policy: policy(pattern.clone())?,
            carriers: carriers(pattern)?,
        })
    }

    /// Processor time that the value takes, the least of so many runs.
    pub fn time(&self, carrier: &Carrier, value: &[u8], runs: usize) -> Duration {
        time(&self.policy, &carrier.show(value), runs)
    }

    /// Processor time that the value takes when it is the first one that the rule sees, so that whatever automata
    /// learn from one value for the next they learn from this one; the least of so many runs.
    pub fn first_time(&self, carrier: &Carrier, value: &[u8], runs: usize) -> Result<Duration> {
        let times = (0..runs).map(|_| {
            let policy = policy(self.pattern.clone())?;
            Ok(time(&policy, &carrier.show(value), 1))
        });
        Ok(times
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .min()
            .unwrap_or_default())
    }
}

/// Processor time that a request takes, the least of so many runs.
fn time(policy: &Arc<Policy>, shown: &Shown, runs: usize) -> Duration {
    fastest(runs, || {
        std::hint::black_box(shown.run(policy));
    })
}

fn policy(pattern: PatternConfig) -> Result<Arc<Policy>> {
    let mut config = PolicyConfig {
        patterns: vec![pattern],
        ..PolicyConfig::default()
    };
    config.scoring.paranoia_level = 4;
    let policy = compile(&config).map_err(|errors| Failure::new(errors.to_string()))?;
    Ok(Arc::new(policy))
}

/// The places where the rule sees a value: each is tried with a rule that looks for a mark in the same targets.
fn carriers(pattern: &PatternConfig) -> Result<Vec<Carrier>> {
    const MARK: &str = "mark-of-the-probe";
    let probe = policy(PatternConfig {
        operator: PatternOperator::Contains,
        pattern: MARK.to_owned(),
        unless: String::new(),
        transformations: vec!["none".to_owned()],
        action: PatternAction::Detect,
        ..pattern.clone()
    })?;
    let mut found: Vec<Carrier> = Vec::new();
    for name in names(&pattern.targets) {
        for carrier in Carrier::single(&name) {
            let is_known = found
                .iter()
                .any(|known| std::mem::discriminant(known) == std::mem::discriminant(&carrier));
            if !is_known && !carrier.show(MARK.as_bytes()).run(&probe).1.matches().is_empty() {
                found.push(carrier);
            }
        }
    }
    Ok(found)
}

/// Names that the targets may ask for.
fn names(targets: &[String]) -> Vec<Vec<u8>> {
    let selectors = targets
        .iter()
        .filter_map(|target| Some(target.split_once(':')?.1));
    let mut names = vec![b"x-note".to_vec()];
    for selector in selectors {
        match selector.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(expression) => names.extend(Pieces::words_of(expression)),
            None => names.push(selector.as_bytes().to_vec()),
        }
    }
    names
}
