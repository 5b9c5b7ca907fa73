//! The binary: hands the command line to the library.

use std::process::ExitCode;

use clap::Parser as _;
use secbeat::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
