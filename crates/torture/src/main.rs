//! `anser-torture`: the command line of the torture crate.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anser_torture::{
    check,
    drive::Habits,
    modes::{self, kill, torment::Torment},
};
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Torments a server and proves from the record that nothing of the delivery contract was broken.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks a history file.
    Check {
        /// The history.
        file: PathBuf,
    },
    /// Lets people do random things, then reads everything back and checks.
    Run {
        /// The server, such as http://127.0.0.1:8080; otherwise one of our own is started.
        #[arg(long)]
        server: Option<String>,
        /// The program to start where no server is given.
        #[arg(long, default_value = "target/debug/anser")]
        anser: PathBuf,
        /// How long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// The seed of all dice.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many people.
        #[arg(long, default_value_t = 8)]
        people: usize,
        /// How many runs, each with the next seed.
        #[arg(long, default_value_t = 1)]
        runs: u64,
        /// Where to keep the history.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Kills the server under load, again and again, on the same data.
    Kill {
        /// The program to start.
        #[arg(long, default_value = "target/debug/anser")]
        anser: PathBuf,
        /// How often.
        #[arg(long, default_value_t = 100)]
        cycles: usize,
        /// Where the server keeps its data; otherwise a temporary folder.
        #[arg(long)]
        data_dir: Option<PathBuf>,
        /// The seed of all dice.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Instead of killing: lets the server end itself at the named places. Needs a build with that feature.
        #[arg(long)]
        failpoints: bool,
        /// Only this place; may be repeated.
        #[arg(long = "failpoint")]
        names: Vec<String>,
        /// How often at each place.
        #[arg(long, default_value_t = 5)]
        hits: usize,
        /// Where to keep the history.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Plants faults in a server built for it, and requires that each is caught as exactly its invariant.
    Faults {
        /// The program to start, built with the feature planted-faults.
        #[arg(long, default_value = "target/debug/anser")]
        anser: PathBuf,
        /// Only this fault; may be repeated.
        #[arg(long = "fault")]
        names: Vec<String>,
        /// The seed of all dice.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Where to keep data and histories; otherwise a temporary folder.
        #[arg(long)]
        keep: Option<PathBuf>,
    },
    /// Random histories; after each sync a device must hold what a fresh device holds.
    SyncProps {
        /// The program to start.
        #[arg(long, default_value = "target/debug/anser")]
        anser: PathBuf,
        /// How many.
        #[arg(long, default_value_t = 300)]
        histories: u64,
        /// The seed of the first; each has the next one.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// A very large group with people who come and go while others talk.
    Bigroup {
        /// The program to start.
        #[arg(long, default_value = "target/debug/anser")]
        anser: PathBuf,
        /// How many members.
        #[arg(long, default_value_t = 10_000)]
        members: usize,
        /// How many of them listen.
        #[arg(long, default_value_t = 1_000)]
        online: usize,
        /// How many talk.
        #[arg(long, default_value_t = 5)]
        talkers: usize,
        /// How long.
        #[arg(long, default_value_t = 15)]
        seconds: u64,
        /// The seed of all dice.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Where to keep the history.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let scratch = tempfile::tempdir().context("make a temporary folder")?;
    let good = run(Arguments::parse().command, scratch.path()).await?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(command: Command, scratch: &Path) -> Result<bool> {
    match command {
        Command::Check { file } => {
            let report = check::check(&file)?;
            println!("{report}");
            Ok(report.clean())
        }
        Command::Run { server, anser, seconds, seed, people, runs, out } => {
            let mut good = true;
            for seed in seed..seed + runs {
                let place = scratch.join(format!("run-{seed}"));
                std::fs::create_dir_all(&place)?;
                let history = modes::history_path(out.as_deref(), &place, "history");
                let torment = Torment { seconds, seed, people, habits: Habits::default() };
                let report = match &server {
                    Some(url) => modes::torment::run(url, &history, &torment).await?,
                    None => modes::torment::run_own(&anser, &place, &[], &history, &torment).await?,
                };
                println!("seed {seed}: {report}");
                good &= report.clean();
            }
            Ok(good)
        }
        Command::Kill { anser, cycles, data_dir, seed, failpoints, names, hits, out } => {
            let data_dir = data_dir.unwrap_or_else(|| scratch.join("data"));
            let history = modes::history_path(out.as_deref(), scratch, "history");
            if failpoints || !names.is_empty() {
                let all = kill::FAILPOINTS.iter().map(|&name| name.to_owned()).collect();
                let names: Vec<String> = if names.is_empty() { all } else { names };
                let killed = kill::run_failpoints(&anser, &data_dir, &history, &names, hits, seed).await?;
                println!("seed {seed}: {killed}");
                return Ok(killed.report.clean() && killed.hits.iter().all(|(_, count)| *count >= hits));
            }
            let killed = kill::run(&anser, &data_dir, &history, cycles, seed, &[]).await?;
            println!("seed {seed}: {killed}");
            Ok(killed.report.clean() && killed.under_load * 10 >= killed.cycles * 9)
        }
        Command::Faults { anser, names, seed, keep } => {
            modes::faults::run(&anser, keep.as_deref().unwrap_or(scratch), &names, seed).await
        }
        Command::SyncProps { anser, histories, seed } => modes::props::run(&anser, scratch, histories, seed).await,
        Command::Bigroup { anser, members, online, talkers, seconds, seed, out } => {
            let history = modes::history_path(out.as_deref(), scratch, "history");
            let size = modes::bigroup::Size { members, online, talkers, seconds };
            let report = modes::bigroup::run(&anser, scratch, &history, size, seed).await?;
            println!("seed {seed}: {report}");
            Ok(report.clean())
        }
    }
}
