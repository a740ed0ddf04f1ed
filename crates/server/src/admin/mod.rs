//! `anser admin`: the operator's commands. The verbs live in the services; here are the command line, how a server is
//! reached, what is printed, and the files of exports and backups.

pub mod backup;
pub mod cli;
mod conversations;
mod export;
mod import;
mod reach;
mod restore;
mod say;
mod schema;
mod secret;
mod sessions;
pub mod socket;
mod users;

use std::{fmt, process::ExitCode, time::Duration};

use anser_contract::{Actor, Context};
use anser_types::{Code, SessionId, UserId};
use tokio::time::Instant;

use crate::{
    admin::{
        cli::{Admin, AdminArgs},
        say::Say,
    },
    config::{Config, ConfigError},
};

/// How long one call may take: a person waits, and hashing a password may have to wait for its turn.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does what the command line says, and prints what came of it.
pub fn run(args: AdminArgs) -> ExitCode {
    let say = Say::new(&args.about);
    // What goes wrong inside says why in the log only.
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::ERROR);
    let _nobody_logs_yet = log.without_time().with_target(false).try_init();
    let outcome = crate::written(&args.about.config())
        .and_then(|written| Config::new(&written))
        .map_err(anyhow::Error::from)
        .and_then(|config| crate::with_runtime(2, dispatch(config, args.command, &say)));
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    say.error(&error);
    let refused = error.downcast_ref::<anser_types::Error>();
    if error.is::<Found>() {
        ExitCode::from(3)
    } else if error.is::<ConfigError>() || refused.is_some_and(|error| error.code == Code::InvalidArgument) {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

async fn dispatch(config: Config, command: Admin, say: &Say) -> anyhow::Result<()> {
    match command {
        Admin::Users(command) => users::run(&config, command, say).await,
        Admin::Sessions(command) => sessions::run(&config, command, say).await,
        Admin::Conversations(command) => conversations::run(&config, command, say).await,
        Admin::Backup(command) => backup::run(&config, command, say).await,
        Admin::Restore(args) => restore::run(&config, &args, say).await,
        Admin::Schema => schema::show(&config, say).await,
        Admin::Migrate => schema::migrate(&config, say).await,
    }
}

/// A check found something. What it is was printed.
#[derive(Debug)]
struct Found(usize);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the check found {} faults", self.0)
    }
}

impl std::error::Error for Found {}

/// A call of the operator.
fn ctx() -> Context {
    Context { deadline: Instant::now() + PATIENCE, ..Context::new(Actor::Service, "admin") }
}

/// A call as somebody: it sees what they may see, and does what they may do.
fn acting(user: UserId) -> Context {
    Context { deadline: Instant::now() + PATIENCE, ..Context::new(Actor::User(user, SessionId::default()), "admin") }
}
