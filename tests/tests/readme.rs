//! What a newcomer types: `./justw up`'s program, and every line of the README with `curl` or `secbeat`, word for word but
//! for the ports and for where the program lies.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use secbeat_e2e::{Context, Failure, Process, Result, artifacts, ensure, ports, wait};

/// The program behind `./justw up`.
const UP: &str = env!("CARGO_BIN_EXE_secbeat-up");
/// How long it may take to be up.
const START: Duration = Duration::from_mins(1);
/// Ports that the documentation names, and the variable that moves each.
const PORTS: [(&str, &str); 4] = [
    ("127.0.0.1:10000", "UP_LISTENER"),
    ("127.0.0.1:9901", "UP_ENVOY_ADMIN"),
    ("127.0.0.1:9999", "UP_API"),
    ("127.0.0.1:18000", "UP_XDS"),
];

/// How the README runs the control plane's program.
const SECBEAT: &str = "./justw secbeat";

/// A `$ curl …` or `$ ./justw secbeat …` line of a console block, joined from its continuations, and the comment behind it.
struct Line {
    command: String,
    says: String,
}

fn command_lines(document: &str) -> Vec<Line> {
    let joined = document.replace("\\\n", " ");
    let mut in_console = false;
    let mut lines = Vec::new();
    for line in joined.lines() {
        if line.starts_with("```") {
            in_console = line == "```console";
        } else if let Some(command) = line
            .strip_prefix("$ ")
            .filter(|line| in_console && (line.starts_with("curl") || line.starts_with(SECBEAT)))
        {
            let (command, says) = command.split_once("  # ").unwrap_or((command, ""));
            lines.push(Line {
                command: command.trim().to_owned(),
                says: says.to_owned(),
            });
        }
    }
    lines
}

#[test]
fn readme_commands_do_what_they_say() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let places: Vec<(&str, String)> = PORTS
        .iter()
        .map(|(documented, variable)| Ok((*documented, *variable, ports::free()?)))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .map(|(documented, variable, address)| (documented, format!("{variable}={address}")))
        .collect();
    let mut arguments: Vec<String> = places.iter().map(|(_, setting)| setting.clone()).collect();
    arguments.push(format!("UP_FOLDER={}", folder.path().display()));
    arguments.push(format!(
        "SECBEAT_FILTER_RELEASE={}",
        artifacts::filter()?.display()
    ));
    arguments.push(UP.to_owned());
    let mut up = Process::start("up", Path::new("/usr/bin/env"), &arguments, folder.path())?;
    wait::until("the end of the greeting", START, || {
        up.must_run()?;
        up.log()
            .contains("Verdicts, as they happen")
            .then_some(())
            .context("no greeting yet")
    })?;
    let readme = fs::read_to_string(artifacts::root().join("README.md")).context("README.md")?;
    let lines = command_lines(&readme);
    ensure!(lines.len() >= 6, "the README has only {} such lines", lines.len());
    let secbeat = artifacts::control_plane()?.display().to_string();
    for line in &lines {
        let command = places
            .iter()
            .fold(line.command.clone(), |command, (documented, setting)| {
                let address = setting.split_once('=').map_or("", |(_, address)| address);
                command.replace(documented, address)
            });
        let token = folder.path().join("data/admin-token");
        let command = command.replace("run/data/admin-token", &token.display().to_string());
        if command.starts_with(SECBEAT) {
            explain(&command.replace(SECBEAT, &secbeat), &line.says)?;
        } else {
            run(&command, &line.says)?;
        }
    }
    wait::until("the verdicts on the screen", START, || {
        let blocked = up
            .log()
            .lines()
            .filter(|line| line.contains("  blocked "))
            .count();
        ensure!(
            blocked == 2,
            "two requests were blocked, the screen shows {blocked}:\n{}",
            up.log()
        );
        Ok(())
    })?;
    let status = up.stop()?;
    ensure!(status.success(), "it ended with {status}");
    for (_, setting) in &places {
        let address = setting.split_once('=').context("=")?.1;
        let address = address.parse().context(address)?;
        ensure!(ports::is_free(address), "{address} is still taken");
    }
    Ok(())
}

/// Runs `secbeat test`; its first words must be those of the comment up to its first comma.
fn explain(command: &str, says: &str) -> Result<()> {
    let output = shell(command)?;
    let answer = String::from_utf8_lossy(&output.stdout);
    let (verdict, _) = says.trim().split_once(',').unwrap_or((says.trim(), ""));
    ensure!(
        !verdict.is_empty() && answer.starts_with(&format!("{verdict}: ")),
        "{command}\nexpected {verdict}, found:\n{answer}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn shell(command: &str) -> Result<Output> {
    let mut shell = Command::new("sh");
    Ok(shell
        .args(["-c", command])
        .current_dir(artifacts::root())
        .output()?)
}

/// Runs one line in a shell; its answer must be what the comment says, or without one that a change is applied.
fn run(command: &str, says: &str) -> Result<()> {
    let output = shell(command)?;
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    let fail = |expected: &str| Failure::new(format!("{command}\nexpected {expected}, found:\n{answer}"));
    ensure!(output.status.success(), "{command}: {}", output.status);
    let status: String = says.chars().take_while(char::is_ascii_digit).collect();
    match status.as_str() {
        "" if answer.contains("\"applied\":true") => Ok(()),
        "" => Err(fail("an applied change")),
        status if answer.starts_with(&format!("HTTP/1.1 {status} ")) => Ok(()),
        status => Err(fail(status)),
    }
}
