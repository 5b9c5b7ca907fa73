//! Expressions that are built before a policy is in force, so that the first requests do not wait for them.
//!
//! Not all of them: each takes tens of kilobytes, and most of those that operators add are never asked. What the policy
//! before had built is taken over, since that is what requests ask for; of the rest the first ones are built, which are
//! those of the packs.

use std::collections::BTreeMap;

use crate::{Policy, rule::Regex};

impl Policy {
    /// Expressions, from the first one on, that [`Policy::prepare`] builds.
    pub const PREPARED: usize = 512;

    /// Takes over the expressions that another policy has built, with all that matching has taught them.
    pub fn adopt_expressions(&self, other: &Self) {
        let mut built = BTreeMap::new();
        other.regexes(&mut |regex| {
            if regex.is_built() {
                built.insert(regex.key(), regex);
            }
        });
        self.regexes(&mut |regex| {
            if let Some(known) = built.get(&regex.key()) {
                regex.share(known);
            }
        });
    }

    /// Builds the first expression from a position on that is not there yet, and tells the position behind it; `None`
    /// when all of the first [`Policy::PREPARED`] are there.
    pub fn prepare(&self, position: usize) -> Option<usize> {
        let (mut number, mut next) = (0, None);
        self.regexes(&mut |regex| {
            if next.is_none() && (position..Self::PREPARED).contains(&number) && !regex.is_built() {
                next = Some((number + 1, regex));
            }
            number += 1;
        });
        let (behind, regex) = next?;
        regex.prepare();
        Some(behind)
    }

    fn regexes<'a>(&'a self, see: &mut impl FnMut(&'a Regex)) {
        for rule in &self.plan.rules {
            for link in std::iter::once(&rule.head).chain(&rule.chained) {
                link.test.regexes(see);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Compiler, Progress,
        config::{PatternConfig, PolicyConfig},
    };

    fn policy(patterns: &[&str]) -> Policy {
        let patterns = (1..).zip(patterns).map(|(id, pattern)| PatternConfig {
            id,
            name: "p".into(),
            pattern: (*pattern).into(),
            ..PatternConfig::default()
        });
        let mut compiler = Compiler::lazy(PolicyConfig {
            patterns: patterns.collect(),
            ..PolicyConfig::default()
        });
        loop {
            if let Progress::Done(policy) = compiler.step() {
                return policy.unwrap();
            }
        }
    }

    fn built(policy: &Policy) -> Vec<&str> {
        let mut built = Vec::new();
        policy.regexes(&mut |regex| {
            if regex.is_built() {
                built.push(regex.key().0);
            }
        });
        built.dedup();
        built
    }

    #[test]
    #[cfg_attr(miri, ignore = "compiles hundreds of patterns")]
    fn every_expression_is_prepared_one_by_one_up_to_a_bound() {
        let few = policy(&["one+", "two+", "three+"]);
        let mut position = Some(0);
        let mut steps = 0;
        while let Some(from) = position {
            position = few.prepare(from);
            steps += 1;
        }
        assert_eq!((built(&few).len(), steps), (3, 4));

        let texts: Vec<String> = (0..Policy::PREPARED)
            .map(|number| format!("evil{number}+"))
            .collect();
        let many = policy(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let mut position = Some(0);
        while let Some(from) = position {
            position = many.prepare(from);
        }
        // Each pattern has a rule for each of two phases, which share a test.
        assert_eq!(built(&many).len(), Policy::PREPARED / 2);
    }

    #[test]
    fn what_another_policy_has_built_is_taken_over() {
        let before = policy(&["one+", "two+"]);
        before.prepare(0);
        let after = policy(&["zero+", "two+", "one+"]);
        assert!(built(&after).is_empty());
        after.adopt_expressions(&before);
        assert_eq!(built(&after), built(&before));
    }
}
