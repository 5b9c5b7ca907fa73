//! Child processes: started with their output in a file, stopped by pid, never left behind.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use crate::{Context, Failure, Result, ensure, wait};

/// How long a process may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);
/// Lines of a log that a failed test shows.
const TAIL: usize = 60;
/// util-linux's helper that ties the life of a process to that of the thread that started it.
const SETPRIV: &str = "/usr/bin/setpriv";

/// A running child. Dropping it kills it; in a test its log's tail goes to the captured output.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    shows_tail: bool,
}

impl Process {
    /// Starts `program`, with its output in `<folder>/<name>.log`.
    pub fn start(name: &str, program: &Path, arguments: &[String], folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let out = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .context(log.display())?;
        let mut command = if Path::new(SETPRIV).exists() {
            let mut command = Command::new(SETPRIV);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .context(format!("cannot start {}", program.display()))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
            shows_tail: true,
        })
    }

    /// Keeps the log's tail out of the output.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.shows_tail = false;
        self
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that the process wrote so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map_or_else(
            |error| error.to_string(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Fails if the process has ended.
    pub fn must_run(&mut self) -> Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => Err(Failure::new(format!(
                "{} ended with {status}:\n{}",
                self.name,
                self.tail()
            ))),
        }
    }

    /// Kills it (SIGKILL) and waits for its end.
    pub fn kill(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            self.child.kill().context(format!("cannot kill {}", self.name))?;
        }
        self.child.wait().context(&self.name)?;
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits for that.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if self.ended()?.is_none() {
            // The standard library sends SIGKILL only; the shell's built-in kill is everywhere.
            Command::new("sh")
                .args(["-c", &format!("kill -TERM {}", self.pid())])
                .status()?;
        }
        let name = self.name.clone();
        wait::until(&format!("the end of {name}"), GRACE, || {
            self.ended()?.context(format!("{name} still runs"))
        })
    }

    /// Processor time that its threads, those that still run, have used so far, user and system, as the scheduler counts
    /// it (the first field of schedstat, in nanoseconds): of a thread that runs just now, up to its last tick.
    pub fn cpu_time(&self) -> Result<Duration> {
        let tasks = format!("/proc/{}/task", self.pid());
        let mut time = Duration::ZERO;
        for task in fs::read_dir(&tasks).context(&tasks)? {
            let path = task?.path().join("schedstat");
            let stat = fs::read_to_string(&path).context(path.display())?;
            let nanoseconds = stat.split_whitespace().next().context(path.display())?;
            time += Duration::from_nanos(nanoseconds.parse().context(path.display())?);
        }
        ensure!(!time.is_zero(), "the kernel tells no processor time in {tasks}");
        Ok(time)
    }

    /// The last lines of its output.
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let skipped = lines.len().saturating_sub(TAIL);
        lines.get(skipped..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let killed = self.kill();
        if self.shows_tail {
            #[expect(
                clippy::print_stderr,
                reason = "test runners capture it and show it when the test fails"
            )]
            {
                eprintln!(
                    "--- {} ({}), {killed:?}, last lines:\n{}",
                    self.name,
                    self.log.display(),
                    self.tail()
                );
            }
        }
    }
}
