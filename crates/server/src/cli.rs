//! The command line. Here it is only described; [`crate::run`] does what it says.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{admin::cli::AdminArgs, config::Overrides};

/// Version, commit and the commit's date, as `anser --version` says them.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_COMMIT"), " ", env!("BUILD_DATE"), ")");

/// Instant messaging in one binary: nothing acknowledged is lost.
#[derive(Debug, Parser)]
#[command(name = "anser", version = VERSION, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(ConfigArgs),
    /// Print the configuration that `serve` would use, with each key's meaning and where its value comes from
    Config(ConfigArgs),
    /// Look after a server: people, sessions, conversations, backups, the schema
    Admin(AdminArgs),
    /// Talk in the terminal
    Chat {
        /// Where the server is
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
        server: String,
    },
    /// Measure a server under load
    #[command(subcommand)]
    Bench(anser_bench::Command),
}

/// Where the configuration comes from. `serve` and `config` take the same.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// A TOML file with options; without this flag the one that ANSER_CONFIG names
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder with the store and the secrets [server.data_dir]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Where to listen for clients, as address:port [server.listen]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Which roles to run, separated by commas [server.roles]
    #[arg(long, value_name = "LIST")]
    pub roles: Option<String>,
    /// Any option, as section.key=value; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl ConfigArgs {
    /// The same as layers of the configuration.
    pub fn overrides(&self) -> Overrides<'_> {
        Overrides {
            file: self.config.as_deref(),
            set: &self.set,
            flags: vec![
                ("--data-dir", "server.data_dir", self.data_dir.as_deref()),
                ("--listen", "server.listen", self.listen.as_deref()),
                ("--roles", "server.roles", self.roles.as_deref()),
            ],
        }
    }
}
