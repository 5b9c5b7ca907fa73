//! `./justw bench-worst`: the slowest inputs of 8 KiB that a search finds, for each rule alone and for whole requests.
//!
//! Each rule of every pack, at any paranoia level, is asked natively, alone in a policy, about values made of its own
//! pieces; what makes it slower is kept and changed further. The time is that of the processor, of the fastest of
//! several runs. Compare with the limits on a machine that does little else. The inputs stay in `run/bench-worst/`,
//! where the next search goes on from. `secbeat-bench-worst 7001002 7005001` searches for these rules only,
//! `secbeat-bench-worst requests` for whole requests only, made of the inputs that were found before.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its user"
)]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use secbeat_e2e::{
    Bootstrap, Context, Envoy, Result, artifacts,
    bench::ConstantOrigin,
    worst::{
        Carrier, Effort, LENGTH, Pieces, Random, Recipe, SlowRequest, SlowRule, Whole, in_envoy, yardsticks,
    },
};
use secbeat_engine::{config::PatternConfig, packs};

/// What a request may take in Envoy.
const REQUEST_LIMIT: Duration = Duration::from_millis(10);
/// Inputs are made so many times as long to see whether the time grows faster than they do: up to the default limit of
/// bodies.
const LONGER: usize = 16;

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

/// Says whether everything is within its limit.
fn run() -> Result<bool> {
    let effort = Effort {
        steps: number("WORST_STEPS", 1_000)?,
        climbers: 6,
    };
    let arguments: Vec<String> = env::args().skip(1).collect();
    let folder = artifacts::root().join("run/bench-worst");
    fs::create_dir_all(&folder).context(folder.display())?;
    let mut packed = Vec::new();
    for pack in packs::all() {
        packed.extend(pack.config().context(pack.name())?.patterns);
    }
    if arguments.iter().eq(["requests"]) {
        let known = packed
            .iter()
            .filter_map(|pattern| fs::read(folder.join(pattern.id.to_string())).ok());
        return requests(&known.map(Recipe::repeating).collect::<Vec<_>>(), &folder, effort);
    }
    let mut only = Vec::new();
    for argument in &arguments {
        let complaint = || format!("expected the id of a rule, or `requests`, found {argument:?}");
        only.push(argument.parse::<u32>().ok().context(complaint())?);
    }
    let rules = search_rules(&packed, &only, &folder, effort)?;
    println!(
        "the slowest rules, in microseconds for {LENGTH} bytes: again and again, and as the first value\n"
    );
    let is_rules_ok = show(&rules, number("WORST_SHOWN", 20)?);
    if !only.is_empty() {
        return Ok(is_rules_ok);
    }
    println!("\nwhat no pack has: transformations, and operators as users may set them up\n");
    let users = search_rules(&yardsticks(), &only, &folder, effort)?;
    show(&users, users.len());
    let inputs = rules
        .iter()
        .map(|slow| slow.found.recipe.clone())
        .collect::<Vec<_>>();
    Ok(requests(&inputs, &folder, effort)? && is_rules_ok)
}

/// The slowest input of each rule, the slowest rule first; each is kept in a file, from which the next search goes on.
fn search_rules(
    patterns: &[PatternConfig],
    only: &[u32],
    folder: &Path,
    effort: Effort,
) -> Result<Vec<SlowRule>> {
    let file = |pattern: &PatternConfig| -> PathBuf { folder.join(pattern.id.to_string()) };
    let mut slowest = Vec::new();
    for pattern in patterns {
        if only.is_empty() || only.contains(&pattern.id) {
            slowest.extend(SlowRule::search(pattern, fs::read(file(pattern)).ok(), effort)?);
        }
    }
    for slow in &slowest {
        let file = file(&slow.pattern);
        fs::write(&file, slow.found.recipe.bake(LENGTH)).context(file.display())?;
    }
    slowest.sort_by_key(|slow| std::cmp::Reverse(slow.found.time));
    Ok(slowest)
}

/// Prints the slowest rules and the slowest of each operator; says whether all are within the limit.
fn show(rules: &[SlowRule], count: usize) -> bool {
    for slow in rules.iter().take(count) {
        let (micros, first) = (slow.found.time.as_micros(), slow.first.as_micros());
        let SlowRule { pattern, carrier, .. } = slow;
        println!(
            "{micros:>6} {first:>6}  {} {}: {carrier}, {}",
            pattern.id, pattern.name, slow.found.recipe
        );
    }
    let mut operators: BTreeMap<&str, &SlowRule> = BTreeMap::new();
    for slow in rules {
        operators.entry(slow.pattern.operator.as_str()).or_insert(slow);
    }
    println!();
    for (operator, slow) in operators {
        println!(
            "{:>6}  is the slowest {operator}: {}",
            slow.found.time.as_micros(),
            slow.pattern.id
        );
    }
    rules.iter().all(|slow| slow.found.time <= SlowRule::LIMIT)
}

/// Searches the slowest requests natively and sends those through Envoy; says whether all are within the limit.
fn requests(inputs: &[Recipe], known: &Path, effort: Effort) -> Result<bool> {
    /// Requests sent for one figure, and for one above the limit.
    const SENT: u32 = 100;
    const SENT_AGAIN: u32 = 300;
    /// Requests that are sent changed.
    const CHANGED: usize = 8;
    let whole = Whole::new()?;
    let effort = Effort {
        steps: effort.steps / 4,
        ..effort
    };
    let file = |carrier: &Carrier| known.join(carrier.to_string().replace('/', " "));
    let slowest = whole.search(inputs, |carrier| fs::read(file(carrier)).ok(), effort);
    for slow in &slowest {
        let file = file(&slow.carrier);
        fs::write(&file, slow.found.recipe.bake(LENGTH)).context(file.display())?;
    }
    let folder = tempfile::tempdir()?;
    let origin = ConstantOrigin::start("text/plain; charset=utf-8", "Hello from the origin.\n")?;
    let bootstrap = Bootstrap::standalone(origin.address(), &artifacts::release_filter()?)?;
    let mut envoy = Envoy::start_with(&bootstrap, folder.path(), 1)?.quiet();
    println!(
        "\nthe slowest requests with {LENGTH} bytes in one place, in microseconds: natively, and in Envoy\n"
    );
    let mut is_ok = true;
    for SlowRequest { carrier, found } in &slowest {
        let value = found.recipe.bake(LENGTH);
        let mut sent = in_envoy(&mut envoy, carrier, || value.clone(), SENT)?;
        if sent.time > REQUEST_LIMIT {
            let again = in_envoy(&mut envoy, carrier, || value.clone(), SENT_AGAIN)?;
            sent.time = sent.time.min(again.time);
        }
        is_ok &= sent.time <= REQUEST_LIMIT;
        let (native, micros) = (found.time.as_micros(), sent.time.as_micros());
        println!(
            "{native:>6} {micros:>6} {}  {carrier}: {}",
            sent.status, found.recipe
        );
    }
    println!(
        "\nthe slowest of them, changed each time, so that nothing is known from the one before: in Envoy\n"
    );
    let (pieces, mut random) = (Pieces::of_recipes(inputs), Random::new(1));
    for SlowRequest { carrier, found } in slowest.iter().take(CHANGED) {
        let next = || {
            let changed = found.recipe.mutated(&pieces, &mut random);
            changed.mutated(&pieces, &mut random).bake(LENGTH)
        };
        let sent = in_envoy(&mut envoy, carrier, next, SENT)?;
        is_ok &= sent.time <= REQUEST_LIMIT;
        println!("{:>6} {}  {carrier}", sent.time.as_micros(), sent.status);
    }
    println!(
        "\nthe same with bodies of {} bytes: in Envoy, and the time of a byte, natively, as a multiple of above\n",
        LENGTH * LONGER
    );
    let bodies = slowest
        .iter()
        .filter(|slow| matches!(slow.carrier, Carrier::Body | Carrier::Whole(_)));
    for slow in bodies {
        let value = slow.found.recipe.bake(LENGTH * LONGER);
        let sent = in_envoy(&mut envoy, &slow.carrier, || value.clone(), SENT / 10)?;
        let (micros, growth) = (sent.time.as_micros(), whole.growth(slow, LONGER));
        println!("{micros:>6} {growth:>6.2} {}  {}", sent.status, slow.carrier);
    }
    Ok(is_ok)
}

fn number(variable: &str, default: usize) -> Result<usize> {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .context(format!("{variable} must be a number, found {text:?}")),
        Err(_) => Ok(default),
    }
}
