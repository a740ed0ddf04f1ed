//! The command line of `anser admin`. Here it is only described.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::ConfigArgs;

/// Look after a server.
#[derive(Args, Debug)]
#[command(after_help = "Talks to the running server over admin.sock in the data directory, as the user that runs it; \
    opens the store itself only when no server runs.\n\
    Exit codes: 0 done, 1 failed, 2 told something impossible, 3 a check found something.")]
pub struct AdminArgs {
    #[command(flatten)]
    pub(crate) about: About,
    #[command(subcommand)]
    pub(crate) command: Admin,
}

/// What holds for every command.
#[derive(Args, Clone, Debug, Default)]
pub struct About {
    /// A TOML file with options; without this flag the one that ANSER_CONFIG names
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder with the store and the secrets [server.data_dir]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Any option, as section.key=value; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Say it as JSON: one object, or one a line where there may be many
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not ask whether it is meant
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
}

impl About {
    /// Where the configuration comes from.
    pub(crate) fn config(&self) -> ConfigArgs {
        let Self { config, data_dir, set, .. } = self.clone();
        ConfigArgs { config, data_dir, set, ..ConfigArgs::default() }
    }
}

/// What to look after.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// People and their accounts
    #[command(subcommand)]
    Users(Users),
    /// Logins of devices
    #[command(subcommand)]
    Sessions(Sessions),
    /// Conversations and their logs
    #[command(subcommand)]
    Conversations(Conversations),
    /// Copies of everything, taken while the server runs
    #[command(subcommand)]
    Backup(Backup),
    /// Put a backup in the place of the store; no server may run
    Restore(Restore),
    /// Which version of each service's schema the store has, and which this program knows
    Schema,
    /// Bring the schema up to this program's version, without serving
    Migrate,
}

/// People and their accounts.
#[derive(Debug, Subcommand)]
pub enum Users {
    /// Make an account; the password is read from the terminal or from standard input
    Create {
        /// The user name
        name: String,
        /// The name that others see; without it the user name
        #[arg(long)]
        nickname: Option<String>,
        /// Where the password comes from
        #[command(flatten)]
        password: Password,
    },
    /// An account, its profile and its sessions
    Show {
        /// The user name, or the id
        name: String,
    },
    /// All accounts, in the order of their names
    List {
        /// Begin after this name
        #[arg(long, default_value = "", hide_default_value = true)]
        after: String,
        /// How many at most; without it all
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Keep somebody out: their sessions end at once, and nobody logs in as them
    Disable {
        /// The user name, or the id
        name: String,
    },
    /// Let somebody in again
    Enable {
        /// The user name, or the id
        name: String,
    },
    /// Give somebody another user name; the old one is free then
    Rename {
        /// The user name as it is
        name: String,
        /// The user name as it is to be
        new_name: String,
    },
    /// Give somebody another password; all their sessions end
    ResetPassword {
        /// The user name, or the id
        name: String,
        /// Where the password comes from
        #[command(flatten)]
        password: Password,
    },
    /// Write down everything that is somebody's: JSON, one object a line
    Export {
        /// The user name, or the id
        name: String,
        /// Also the hash of their password, so that they can log in with it where it is imported
        #[arg(long)]
        with_password_hash: bool,
        /// Without what was said in their conversations
        #[arg(long)]
        without_messages: bool,
        /// Into this new file, for its owner alone, instead of standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make somebody's account as an export has it: profile, settings, friends, blocks. Messages stay where they are
    Import {
        /// The export; - for standard input
        file: PathBuf,
    },
}

/// Where a password comes from. Never from the command line, which others can see.
#[derive(Args, Debug)]
pub struct Password {
    /// Make a password up and print it, once
    #[arg(long)]
    pub(crate) generate_password: bool,
}

/// Logins of devices.
#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// Somebody's open sessions
    List {
        /// The user name, or the id
        name: String,
    },
    /// End one session, all of somebody's, or all there are
    Revoke {
        /// The user name, or the id
        #[arg(required_unless_present_any = ["session", "all"], conflicts_with_all = ["session", "all"])]
        name: Option<String>,
        /// One session, by its id
        #[arg(long, value_name = "ID", conflicts_with = "all")]
        session: Option<String>,
        /// Everybody's
        #[arg(long)]
        all: bool,
    },
}

/// Conversations and their logs.
#[derive(Debug, Subcommand)]
pub enum Conversations {
    /// The head, the members and how far they have read
    Show {
        /// The conversation's id
        id: String,
    },
    /// Check the log: no holes, checksums, positions, the index, cursors
    Verify {
        /// The conversation's id
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// Every conversation
        #[arg(long)]
        all: bool,
    },
}

/// Copies of everything.
#[derive(Debug, Subcommand)]
pub enum Backup {
    /// Copy the store and the secrets into a new folder, and check the copy
    Create {
        /// The folder, which must not be there
        dir: PathBuf,
        /// Leave the check of the copy for later
        #[arg(long)]
        no_verify: bool,
    },
    /// Check a backup: every byte, the store's own structure, every log
    Verify {
        /// The backup
        dir: PathBuf,
    },
}

/// Put a backup in the place of the store.
#[derive(Args, Debug)]
pub struct Restore {
    /// The backup
    pub(crate) from: PathBuf,
    /// Also where there is a store: it is kept in a folder of its own
    #[arg(long)]
    pub(crate) replace: bool,
    /// Keep logins as they were at the time of the backup. Sessions that were ended since come back to life
    #[arg(long)]
    pub(crate) keep_sessions: bool,
}
