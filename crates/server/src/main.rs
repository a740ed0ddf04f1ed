//! The front door: read the command line, do what it says, leave with its exit code.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

// Gives memory back: a password hash takes 19 MiB for a moment, and the C library would keep it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    anser::run(anser::cli::Cli::parse())
}
