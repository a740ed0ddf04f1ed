//! The front door: read the command line, do what it says, leave with its exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    anser::run(anser::cli::Cli::parse())
}
