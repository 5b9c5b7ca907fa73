//! `./justw efficacy`: how many of the labelled requests under `EFFICACY_DATA` are judged rightly, per set and category.
//!
//! - `secbeat-efficacy`: through a real Envoy with the default settings, by the samples' own `score.py`; what it
//!   wrote (every missed attack and every honest request that was refused) stays in `run/efficacy.json`.
//! - `secbeat-efficacy native [rules...]`: on the engine alone, in seconds. With folders or files of rules, these are
//!   in force instead of the pack `core`; what was judged wrongly goes to `run/efficacy-native.txt`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its user"
)]

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread,
};

use secbeat_e2e::{
    Bootstrap, Context, Envoy, Failure, Journal, Origin, Result, artifacts,
    efficacy::{self, Sample, Table, native},
    ensure,
};
use secbeat_engine::{
    Policy, compile,
    config::{PatternConfig, PolicyConfig},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.split_first() {
        None => through_envoy(),
        Some((mode, rules)) if mode == "native" => on_the_engine(rules),
        Some((mode, _)) => Err(Failure::new(format!(
            "expected `native` or nothing, found `{mode}`"
        ))),
    };
    match done {
        Ok(table) => {
            println!("{table}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("secbeat: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// A file under `run/`.
fn output(name: &str) -> Result<PathBuf> {
    let folder = artifacts::root().join("run");
    fs::create_dir_all(&folder).context(folder.display())?;
    Ok(folder.join(name))
}

fn through_envoy() -> Result<Table> {
    let data = efficacy::folder()?;
    let out = output("efficacy.json")?;
    let folder = tempfile::tempdir()?;
    let origin = Origin::start(Journal::Count)?;
    let bootstrap = Bootstrap::standalone(origin.address(), &artifacts::release_filter()?)?;
    let envoy = Envoy::start(&bootstrap, folder.path())?.quiet();
    println!("sending the samples of {} through Envoy", data.display());
    let status = efficacy::python()
        .arg(data.join(efficacy::SCORE))
        .arg("--data")
        .arg(&data)
        .args(["--url", &format!("http://{}", envoy.address()), "--out"])
        .arg(&out)
        .status()
        .context("cannot start python3")?;
    ensure!(status.success(), "{} ended with {status}", efficacy::SCORE);
    let result = fs::read(&out).context(out.display())?;
    println!("what was judged wrongly stands in {}\n", out.display());
    Ok(Table::of_score(&serde_json::from_slice(&result)?))
}

fn on_the_engine(rules: &[String]) -> Result<Table> {
    let data = efficacy::folder()?;
    let policy = policy(rules)?;
    let out = output("efficacy-native.txt")?;
    let mut wrong = std::io::BufWriter::new(fs::File::create(&out).context(out.display())?);
    let sets = efficacy::sets(&data)?;
    let results = thread::scope(|scope| {
        let runs = sets
            .iter()
            .map(|set| {
                let (data, policy) = (&data, Arc::clone(&policy));
                scope.spawn(move || run_set(data, set, &policy))
            })
            .collect::<Vec<_>>();
        runs.into_iter()
            .map(|run| run.join().map_err(|_| Failure::new("a run panicked"))?)
            .collect::<Result<Vec<_>>>()
    })?;
    let mut table = Table::default();
    for (set, judged) in sets.iter().zip(results) {
        for (sample, outcome) in judged {
            table.count(set, &sample.category, sample.label, outcome.is_blocked);
            if sample
                .label
                .is_some_and(|label| (label == 1) != outcome.is_blocked)
            {
                complain(&mut wrong, &sample, &outcome)?;
            }
        }
    }
    wrong.flush()?;
    println!("what was judged wrongly stands in {}\n", out.display());
    Ok(table)
}

type Judged = Vec<(Sample, native::Outcome)>;

fn run_set(data: &Path, set: &str, policy: &Arc<Policy>) -> Result<Judged> {
    let samples = efficacy::read(data, set)?.into_iter();
    Ok(samples
        .map(|sample| {
            let outcome = native::run(policy, &sample);
            (sample, outcome)
        })
        .collect())
}

fn complain(out: &mut impl std::io::Write, sample: &Sample, outcome: &native::Outcome) -> Result<()> {
    let kind = if outcome.is_blocked { "refused" } else { "missed" };
    write!(out, "{kind} {} [{}]", sample.id, sample.category)?;
    for found in &outcome.matches {
        let matched = found.matched.escape_ascii();
        write!(out, " {} at {} by {matched}", found.rule, found.target)?;
    }
    writeln!(out, "\n    {}", sample.payload)?;
    Ok(())
}

fn policy(rules: &[String]) -> Result<Arc<Policy>> {
    let mut config = PolicyConfig::default();
    if rules.is_empty() {
        config.packs.push("core".to_owned());
    }
    for path in rules {
        config.patterns.extend(patterns(Path::new(path))?);
    }
    let policy = compile(&config).map_err(|errors| Failure::new(errors.to_string()))?;
    Ok(Arc::new(policy))
}

/// The patterns of a file, or of all files in a folder.
fn patterns(path: &Path) -> Result<Vec<PatternConfig>> {
    #[derive(serde::Deserialize)]
    struct Rules {
        #[serde(default)]
        pattern: Vec<PatternConfig>,
    }
    if path.is_dir() {
        let entries = fs::read_dir(path).context(path.display())?;
        let mut files = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        let all = files
            .iter()
            .map(|file| patterns(file))
            .collect::<Result<Vec<_>>>()?;
        return Ok(all.into_iter().flatten().collect());
    }
    let text = fs::read_to_string(path).context(path.display())?;
    Ok(toml::from_str::<Rules>(&text).context(path.display())?.pattern)
}
