//! The command line: reads arguments, calls the part that does the work, and words the outcome.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage, and 3
//! from `test` for a request that is refused.

mod test;

use std::{
    ffi::OsString,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use secbeat_engine::config::PolicyConfig;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    app, bootstrap, chain, logs, packs,
    revision::Content,
    settings::{self, Loaded, SettingsError, SettingsErrors},
    xds,
};

/// SecBeat's control plane: steers web application firewalls inside a fleet of Envoys.
#[derive(Debug, Parser)]
#[command(name = "secbeat", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the control plane.
    Serve(Config),
    /// Looks at settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Makes what Envoy reads.
    #[command(subcommand)]
    Envoy(EnvoyCommand),
    Test(test::Test),
}

#[derive(Debug, clap::Args)]
struct Config {
    /// The settings file. Without it, `SECBEAT_CONFIG` names one; without both, built-in defaults hold.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Checks settings and the rule packs that they name, and tells everything that is wrong.
    Validate(Config),
}

#[derive(Debug, Subcommand)]
enum EnvoyCommand {
    /// Prints a bootstrap whose default policy is the given one.
    Bootstrap {
        /// The bootstrap to fill in.
        #[arg(long, value_name = "FILE")]
        template: PathBuf,
        /// The policy as JSON, for instance the file last-known-good.json beside the store.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
    },
}

/// Runs what the command line asks for.
pub fn run(cli: Cli) -> ExitCode {
    let done = |result: Result<(), String>| match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(message) => Err((ExitCode::FAILURE, message)),
    };
    let result = match cli.command {
        Command::Serve(config) => done(serve(&config)),
        Command::Config(ConfigCommand::Validate(config)) => done(validate(&config)),
        Command::Envoy(EnvoyCommand::Bootstrap { template, policy }) => done(render(&template, &policy)),
        Command::Test(arguments) => test::run(&arguments),
    };
    result.unwrap_or_else(|(code, message)| {
        // There is nobody left to tell when standard error is gone.
        let _ = writeln!(std::io::stderr(), "error: {message}");
        code
    })
}

fn load(config: &Config) -> Result<Loaded, String> {
    let wrong = |errors| format!("the settings are not valid\n{errors}");
    let variables = environment(std::env::vars_os()).map_err(wrong)?;
    let loaded = settings::load(config.config.as_deref(), variables.into_iter()).map_err(wrong)?;
    let errors = loaded.settings.xds.check_templates();
    if errors.is_empty() {
        Ok(loaded)
    } else {
        Err(wrong(SettingsErrors(errors)))
    }
}

/// The variables that are SecBeat's. One that is not UTF-8 is told: left out, the setting would be without effect.
fn environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, SettingsErrors> {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for (name, value) in variables {
        let place = name.to_string_lossy().into_owned();
        if !place.starts_with("SECBEAT_") {
            continue;
        }
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => found.push((name, value)),
            _ => errors.push(SettingsError {
                place,
                path: String::new(),
                reason: "expected UTF-8, found other bytes".to_owned(),
            }),
        }
    }
    if errors.is_empty() {
        Ok(found)
    } else {
        Err(SettingsErrors(errors))
    }
}

fn serve(config: &Config) -> Result<(), String> {
    let Loaded { settings, file } = load(config)?;
    logs::start(settings.logging);
    if let Some(file) = &file {
        tracing::info!(file = %file.display(), "settings loaded");
    } else {
        tracing::info!("no settings file named, built-in defaults hold");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
        let stop = async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "stopping");
        };
        app::run(settings, stop).await.map_err(|error| chain(&error))
    })
}

fn validate(config: &Config) -> Result<(), String> {
    let Loaded { settings, file } = load(config)?;
    let packs =
        packs::load(&settings.waf).map_err(|errors| format!("the rule packs are not valid\n{errors}"))?;
    let content = Content {
        mode: settings.waf.mode,
        body: settings.waf.body,
        response: settings.waf.response,
        limits: settings.waf.limits,
        mask: settings.waf.mask,
        scoring: settings.waf.scoring,
        packs,
        patterns: Vec::new(),
    };
    if let Err(errors) = xds::check(content.policy(0)) {
        let lines = errors
            .0
            .iter()
            .map(|error| content.explain(error))
            .collect::<Vec<_>>()
            .join("\n");
        return Err(format!("the rule packs do not compile\n{lines}"));
    }
    let source = file.map_or_else(
        || "built-in defaults".to_owned(),
        |file| file.display().to_string(),
    );
    let rules = content
        .packs
        .iter()
        .map(|pack| pack.patterns.len())
        .sum::<usize>();
    print(&format!(
        "{source}: valid, {} rule packs with {rules} rules\n",
        content.packs.len()
    ))
}

fn render(template: &Path, policy: &Path) -> Result<(), String> {
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let template_text = read(template)?;
    let policy_config: PolicyConfig =
        serde_json::from_str(&read(policy)?).map_err(|error| format!("{}: {error}", policy.display()))?;
    xds::check(policy_config.clone()).map_err(|errors| format!("{}: {errors}", policy.display()))?;
    let rendered = bootstrap::render(&template_text, &policy_config)
        .map_err(|error| format!("{}: {}", template.display(), chain(&error)))?;
    print(&rendered)
}

fn print(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write: {error}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_variable_that_is_not_utf8_is_told_and_those_of_others_are_left_alone() {
        let variable = |name: &str, value: &[u8]| (name.into(), OsString::from_vec(value.to_vec()));
        let mine = variable("SECBEAT__WAF__MODE", b"off");
        let other = variable("LESSOPEN", b"\xff");
        let found = environment([mine.clone(), other].into_iter()).unwrap();
        assert_eq!(found, [("SECBEAT__WAF__MODE".to_owned(), "off".to_owned())]);
        let broken = variable("SECBEAT__WAF__RULES_DIR", b"/rules/\xff");
        let error = environment([mine, broken].into_iter()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "SECBEAT__WAF__RULES_DIR: expected UTF-8, found other bytes"
        );
    }
}
