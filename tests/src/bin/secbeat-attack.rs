//! `./justw attack`: sends the corpus through a running `up`, or through a stack of its own, and prints what became of
//! it. Ends with 1 if an attack passed or an honest request was refused.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its user"
)]

use std::{collections::BTreeMap, net::SocketAddr, process::ExitCode};

use secbeat_e2e::{
    Failure, Result, Stack, artifacts,
    corpus::{Case, Expectation},
    ports,
    volley::{Outcome, fire_all},
};

/// Where `./justw up` listens.
const UP: ([u8; 4], u16) = ([127, 0, 0, 1], 10_000);

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

fn run() -> Result<bool> {
    let cases = Case::load_all().map_err(|errors| Failure::new(errors.to_string()))?;
    let up = SocketAddr::from(UP);
    if ports::is_free(up) {
        println!("no `up` is running: starting a stack of its own");
        let stack = Stack::start_with(&artifacts::release_filter()?)?.quiet();
        return report(&fire_all(&cases, stack.envoy.address())?);
    }
    println!("sending the corpus through http://{up}");
    report(&fire_all(&cases, up)?)
}

/// What was sent, refused and let through of one kind.
#[derive(Default)]
struct Row {
    sent: usize,
    blocked: usize,
}

/// Prints the table; whether everything became of it that should.
#[expect(clippy::unnecessary_wraps, reason = "the end of the chain in `run`")]
fn report(outcomes: &[Outcome<'_>]) -> Result<bool> {
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    let mut wrong = Vec::new();
    for outcome in outcomes {
        let (name, is_attack) = match outcome.case.expectation {
            Expectation::Pass => ("honest requests", false),
            Expectation::Block { category, .. } => (category.as_str(), true),
        };
        let row = rows.entry(name).or_default();
        row.sent += 1;
        row.blocked += usize::from(outcome.is_blocked());
        if outcome.is_blocked() != is_attack {
            wrong.push(outcome);
        }
    }
    println!("\n{:<22}{:>8}{:>9}{:>8}", "category", "sent", "blocked", "passed");
    for (name, row) in &rows {
        println!(
            "{name:<22}{:>8}{:>9}{:>8}",
            row.sent,
            row.blocked,
            row.sent - row.blocked
        );
    }
    println!();
    for outcome in &wrong {
        let verdict = if outcome.is_blocked() {
            "honest request refused"
        } else {
            "attack passed"
        };
        println!(
            "{verdict}: {} [{}] status {}",
            outcome.case.file.display(),
            outcome.case.id,
            outcome.response.status
        );
    }
    let passed = wrong.iter().filter(|outcome| !outcome.is_blocked()).count();
    println!(
        "{} requests: {} attacks passed, {} honest requests refused",
        outcomes.len(),
        passed,
        wrong.len() - passed
    );
    Ok(wrong.is_empty())
}
