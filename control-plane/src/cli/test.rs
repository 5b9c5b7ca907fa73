//! `secbeat test`: what a policy makes of one request, without sending it to anybody.

mod client;
mod input;
mod raw;

use std::{fs, net::IpAddr, path::PathBuf, process::ExitCode, sync::Arc};

use secbeat_engine::{
    compile,
    config::PolicyConfig,
    trace::{Outcome, Trace},
};

use super::print;

/// Exit code of a request that is refused.
const DENIED: u8 = 3;
/// Exit code of wrong usage, as clap has it.
const USAGE: u8 = 2;

/// Tells what a policy makes of one request, without sending it: verdict, matches, and every value step by step.
///
/// Exit codes: 0 it is allowed, 3 it is refused, 1 it could not be told, 2 wrong usage.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// Path and query as they stand on the wire, or a whole URL. Nothing is sent there.
    #[arg(value_name = "URL", required_unless_present = "raw")]
    url: Option<String>,
    /// Method. Default GET, and POST with --data.
    #[arg(short = 'X', long, value_name = "METHOD")]
    request: Option<String>,
    /// A header, as in 'Name: value'. May be given more than once.
    #[arg(short = 'H', long = "header", value_name = "LINE")]
    headers: Vec<String>,
    /// The body; @FILE takes it from a file, @- from standard input. Without a content type it is a form.
    #[arg(short = 'd', long, value_name = "DATA")]
    data: Option<String>,
    /// A whole HTTP/1.1 request from a file, or from standard input with `-`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "request", "headers", "data"])]
    raw: Option<PathBuf>,
    /// Address of the client.
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// A policy as JSON, for instance the file last-known-good.json beside the store. Default: the rule pack core.
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    policy: Option<PathBuf>,
    /// Asks a running control plane instead, as in `http://127.0.0.1:9999`.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// File of the token for --server.
    #[arg(
        long,
        value_name = "FILE",
        requires = "server",
        default_value = "secbeat-data/admin-token"
    )]
    token_file: PathBuf,
    /// The revision that decides at the server. Default: the one in force.
    #[arg(long, value_name = "NUMBER", requires = "server")]
    revision: Option<u64>,
    /// Prints the trace as JSON.
    #[arg(long)]
    json: bool,
}

/// Why there is no trace.
#[derive(Debug)]
enum Failure {
    /// The command line asks for what cannot be.
    Usage(String),
    /// It could not be told.
    Failed(String),
}

/// Runs it, and tells the exit code; an error is the message of a failure.
pub(super) fn run(arguments: &Test) -> Result<ExitCode, (ExitCode, String)> {
    match trace(arguments).and_then(|trace| show(arguments, &trace).map(|()| trace.verdict)) {
        Ok(Outcome::Deny) => Ok(DENIED.into()),
        Ok(Outcome::Allow | Outcome::Hold) => Ok(ExitCode::SUCCESS),
        Err(Failure::Usage(message)) => Err((USAGE.into(), message)),
        Err(Failure::Failed(message)) => Err((ExitCode::FAILURE, message)),
    }
}

fn trace(arguments: &Test) -> Result<Trace, Failure> {
    let trial = input::trial(arguments)?;
    if let Some(server) = &arguments.server {
        return client::ask(server, &arguments.token_file, &trial, arguments.revision)
            .map_err(Failure::Failed);
    }
    let policy = policy(arguments).map_err(Failure::Failed)?;
    Ok(trial.run(policy))
}

fn policy(arguments: &Test) -> Result<Arc<secbeat_engine::Policy>, String> {
    let config = match &arguments.policy {
        None => PolicyConfig {
            packs: vec!["core".to_owned()],
            ..PolicyConfig::default()
        },
        Some(path) => {
            let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            let text = fs::read_to_string(path).map_err(|error| fail(&error))?;
            serde_json::from_str(&text).map_err(|error| fail(&error))?
        }
    };
    let policy = compile(&config).map_err(|errors| format!("the policy does not compile\n{errors}"))?;
    Ok(Arc::new(policy))
}

fn show(arguments: &Test, trace: &Trace) -> Result<(), Failure> {
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(trace).map_err(|error| Failure::Failed(error.to_string()))?;
        json + "\n"
    } else {
        trace.to_string()
    };
    print(&text).map_err(Failure::Failed)
}
