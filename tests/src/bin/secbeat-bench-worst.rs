//! `./justw bench-worst`: the slowest inputs of 8 KiB that a search finds, for each rule alone and for whole requests.
//!
//! Each rule of every pack, at any paranoia level, is asked natively, alone in a policy, about values made of its own
//! pieces; what makes it slower is kept and changed further. The time is that of the processor, of the fastest of
//! several runs. Compare with the limits on a machine that does little else. The inputs stay in `run/bench-worst/`,
//! where the next search goes on from.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its user"
)]

use std::{collections::BTreeMap, env, fs, process::ExitCode, time::Duration};

use secbeat_e2e::{
    Context, Result, artifacts,
    worst::{Carrier, Effort, Found, LENGTH, Pieces, Random, Recipe, Subject, search, seeds, yardsticks},
};
use secbeat_engine::{config::PatternConfig, packs};

/// What a rule may take.
const RULE_LIMIT: Duration = Duration::from_millis(1);
/// Rules that are shown.
const SHOWN: usize = 20;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("secbeat: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The slowest input of a rule.
struct Slowest {
    pattern: PatternConfig,
    carrier: Carrier,
    found: Found,
    /// Processor time when it is the first value that the rule sees.
    first: Duration,
}

fn run() -> Result<bool> {
    let effort = Effort {
        steps: number("WORST_STEPS", 1_000)?,
        climbers: 6,
    };
    let mut only = Vec::new();
    for argument in env::args().skip(1) {
        let id = argument.parse::<u32>();
        only.push(id.context(format!("expected the id of a rule, found {argument:?}"))?);
    }
    let folder = artifacts::root().join("run/bench-worst");
    fs::create_dir_all(&folder).context(folder.display())?;
    let mut slowest = Vec::new();
    for pattern in patterns()? {
        if only.is_empty() || only.contains(&pattern.id) {
            let known = fs::read(folder.join(pattern.id.to_string())).ok();
            slowest.extend(search_rule(&pattern, known, effort)?);
        }
    }
    for Slowest { pattern, found, .. } in &slowest {
        let file = folder.join(pattern.id.to_string());
        fs::write(&file, found.recipe.bake(LENGTH)).context(file.display())?;
    }
    slowest.sort_by_key(|slowest| std::cmp::Reverse(slowest.found.time));
    show(&slowest, number("WORST_SHOWN", SHOWN)?);
    Ok(slowest.iter().all(|slowest| slowest.found.time <= RULE_LIMIT))
}

/// Every rule of every pack, and the yardsticks.
fn patterns() -> Result<Vec<PatternConfig>> {
    let mut patterns = yardsticks();
    for pack in packs::all() {
        patterns.extend(pack.config().context(pack.name())?.patterns);
    }
    Ok(patterns)
}

/// The slowest input of a rule, where `known` was the slowest one before; `None` where no value of a client reaches it.
fn search_rule(pattern: &PatternConfig, known: Option<Vec<u8>>, effort: Effort) -> Result<Option<Slowest>> {
    const FINAL: usize = 25;
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
    let Some(found) = found else {
        return Ok(None);
    };
    let value = found.recipe.bake(LENGTH);
    let times = subject
        .carriers
        .iter()
        .map(|carrier| (subject.time(carrier, &value, FINAL), carrier));
    let Some((time, carrier)) = times.max_by_key(|(time, _)| *time) else {
        return Ok(None);
    };
    Ok(Some(Slowest {
        pattern: pattern.clone(),
        carrier: carrier.clone(),
        first: subject.first_time(carrier, &value, FIRST)?,
        found: Found { time, ..found },
    }))
}

fn show(slowest: &[Slowest], shown: usize) {
    println!(
        "the slowest rules, in microseconds for {LENGTH} bytes: again and again, and as the first value\n"
    );
    for Slowest {
        pattern,
        carrier,
        found,
        first,
    } in slowest.iter().take(shown)
    {
        let micros = found.time.as_micros();
        let first = first.as_micros();
        println!(
            "{micros:>6} {first:>6}  {} {}: {carrier}, {}",
            pattern.id, pattern.name, found.recipe
        );
    }
    let mut operators: BTreeMap<&str, &Slowest> = BTreeMap::new();
    for slowest in slowest {
        operators
            .entry(slowest.pattern.operator.as_str())
            .or_insert(slowest);
    }
    println!("\nthe slowest of each operator\n");
    for (operator, slowest) in operators {
        let micros = slowest.found.time.as_micros();
        println!("{micros:>6}  {operator}: {}", slowest.pattern.id);
    }
}

fn number(variable: &str, default: usize) -> Result<usize> {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .context(format!("{variable} must be a number, found {text:?}")),
        Err(_) => Ok(default),
    }
}
