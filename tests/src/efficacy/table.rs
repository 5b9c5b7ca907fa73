//! Counts per set and category, and the figures made of them.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

/// What became of the samples of one kind. An answer that is neither the origin's nor a block (a 400 of Envoy's, say)
/// counts as not blocked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Attacks.
    pub attacks: u32,
    /// Attacks that were blocked.
    pub blocked: u32,
    /// Honest requests.
    pub honest: u32,
    /// Honest requests that passed.
    pub passed: u32,
}

/// The tallies, by set and category.
#[derive(Debug, Clone, Default)]
pub struct Table(BTreeMap<String, BTreeMap<String, Tally>>);

impl Tally {
    fn add(&mut self, other: Self) {
        self.attacks += other.attacks;
        self.blocked += other.blocked;
        self.honest += other.honest;
        self.passed += other.passed;
    }

    /// Percentage of the attacks that were blocked.
    pub fn true_positives(&self) -> Option<f64> {
        percent(self.blocked, self.attacks)
    }

    /// Percentage of the honest requests that passed.
    pub fn true_negatives(&self) -> Option<f64> {
        percent(self.passed, self.honest)
    }
}

fn percent(part: u32, all: u32) -> Option<f64> {
    (all > 0).then(|| 100.0 * f64::from(part) / f64::from(all))
}

impl Table {
    /// Counts one sample; one without a label counts nowhere.
    pub fn count(&mut self, set: &str, category: &str, label: Option<u8>, is_blocked: bool) {
        let tally = self.tally(set, category);
        match label {
            Some(0) => {
                tally.honest += 1;
                tally.passed += u32::from(!is_blocked);
            }
            Some(_) => {
                tally.attacks += 1;
                tally.blocked += u32::from(is_blocked);
            }
            None => {}
        }
    }

    fn tally(&mut self, set: &str, category: &str) -> &mut Tally {
        let set = self.0.entry(set.to_owned()).or_default();
        set.entry(category.to_owned()).or_default()
    }

    /// Reads the counts that `score.py` wrote.
    pub fn of_score(result: &Value) -> Self {
        let mut table = Self::default();
        let sets = result.get("sets").and_then(Value::as_object);
        for (set, figures) in sets.into_iter().flatten() {
            let categories = figures.get("categories").and_then(Value::as_object);
            for (category, figures) in categories.into_iter().flatten() {
                let number = |kind: &str, what: &str| {
                    let number = figures.get(kind).and_then(|kind| kind.get(what));
                    let number = number.and_then(Value::as_u64).unwrap_or(0);
                    u32::try_from(number).unwrap_or(u32::MAX)
                };
                let honest = number("legitimate", "n") - number("legitimate", "error");
                table.tally(set, category).add(Tally {
                    attacks: number("malicious", "n") - number("malicious", "error"),
                    blocked: number("malicious", "blocked"),
                    honest,
                    passed: honest - number("legitimate", "blocked"),
                });
            }
        }
        table
    }

    /// The sum of a set's categories.
    fn sum(categories: &BTreeMap<String, Tally>) -> Tally {
        let mut sum = Tally::default();
        for tally in categories.values() {
            sum.add(*tally);
        }
        sum
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<34}{:>9}{:>9}{:>9}{:>9}{:>10}",
            "set and category", "attacks", "TPR %", "honest", "TNR %", "balanced %"
        )?;
        let (mut attacks, mut traffic) = (Mean::default(), Mean::default());
        for (set, categories) in &self.0 {
            let sum = Self::sum(categories);
            attacks.add(sum.true_positives().filter(|_| ATTACKS.contains(&set.as_str())));
            traffic.add(sum.true_negatives().filter(|_| TRAFFIC.contains(&set.as_str())));
            row(out, set, sum)?;
            for (category, tally) in categories {
                row(out, &format!("  {category}"), *tally)?;
            }
        }
        let (attacks, traffic) = (attacks.value(), traffic.value());
        writeln!(
            out,
            "\nmean over sets: TPR {attacks:.2} %, TNR {traffic:.2} %, balanced accuracy {:.2} %",
            f64::midpoint(attacks, traffic)
        )
    }
}

/// The sets whose attacks the mean weighs, as `score.py` has it, each counting once.
const ATTACKS: [&str; 7] = [
    "wcp-malicious",
    "gotestwaf",
    "waf-bypass",
    "nuclei",
    "httpparams",
    "payload-lists",
    "libinjection",
];
/// The same for honest requests.
const TRAFFIC: [&str; 10] = [
    "wcp-legitimate",
    "gotestwaf",
    "mgm-false-positives",
    "text",
    "api",
    "forms",
    "agents",
    "uploads",
    "csic",
    "httpparams",
];

fn row(out: &mut fmt::Formatter<'_>, name: &str, tally: Tally) -> fmt::Result {
    let cell = |rate: Option<f64>| rate.map(|rate| format!("{rate:.2}")).unwrap_or_default();
    let (positives, negatives) = (tally.true_positives(), tally.true_negatives());
    let balanced = positives.zip(negatives).map(|(a, b)| f64::midpoint(a, b));
    let number = |count: u32| {
        if count == 0 {
            String::new()
        } else {
            count.to_string()
        }
    };
    writeln!(
        out,
        "{name:<34}{:>9}{:>9}{:>9}{:>9}{:>10}",
        number(tally.attacks),
        cell(positives),
        number(tally.honest),
        cell(negatives),
        cell(balanced),
    )
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn value(&self) -> f64 {
        self.sum / f64::from(self.count)
    }
}
