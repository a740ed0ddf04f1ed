//! The one binary: command line, configuration, wiring, start and end of the process, logs, metrics and traces.
//!
//! This crate knows every other one and nothing of the product: each rule of messaging lives in a service. `wiring.rs`
//! is the one place where components are made, in order.

mod absent;
pub mod admin;
pub mod cli;
mod closing;
pub mod config;
mod door;
mod engines;
pub mod lifecycle;
pub mod metrics;
mod options;
mod peers;
mod probes;
pub mod roles;
pub mod telemetry;
mod upkeep;
mod wiring;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;

use crate::{
    cli::{Cli, Command, ConfigArgs},
    config::{Config, ConfigError, Overrides, Written},
};

/// Does what the command line says. 0: done; 1: it failed; 2: it was told something impossible; 3: a check found something.
pub fn run(cli: Cli) -> ExitCode {
    let outcome = match cli.command {
        Command::Admin(args) => return admin::run(args),
        Command::Serve(args) => serve(&args),
        Command::Config(args) => print_config(&args),
        Command::Chat { server } => with_runtime(0, anser_client::chat::run(&server)),
        Command::Bench(command) => with_runtime(0, command.run()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("anser: {error:#}");
            if error.is::<ConfigError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn serve(args: &ConfigArgs) -> anyhow::Result<()> {
    let config = Config::new(&written(args)?)?;
    with_runtime(config.server.worker_threads, wiring::run(config))
}

pub(crate) fn with_runtime(threads: usize, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = lifecycle::runtime(threads).context("cannot start the threads")?;
    let outcome = runtime.block_on(work);
    // What still runs was given its time; a stuck task must not keep the process.
    runtime.shutdown_background();
    outcome
}

fn print_config(args: &ConfigArgs) -> anyhow::Result<()> {
    let written = written(args)?;
    Config::new(&written)?;
    print!("{}", config::effective(&written));
    Ok(())
}

pub(crate) fn written(args: &ConfigArgs) -> Result<Written, ConfigError> {
    let file = args.config.clone().or_else(|| std::env::var_os("ANSER_CONFIG").map(PathBuf::from));
    let overrides = Overrides { file: file.as_deref(), ..args.overrides() };
    let environment =
        std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
    config::written(&overrides, environment)
}
