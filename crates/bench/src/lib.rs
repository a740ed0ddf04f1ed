//! The load generator behind `anser bench`.
//!
//! Each subject starts the server as another process (or goes to one that runs), makes the people and conversations
//! that it needs through the public API ([`town`]), drives load through lean sockets of its own ([`link`]), and prints
//! what came out ([`report`]). Where messages were acknowledged, [`verify`] reads the logs afterwards and finds each of
//! them exactly once.
//!
//! Here does not live: any knowledge of how the server works inside.

mod fanout;
mod files;
mod history;
mod hostile;
mod idle;
mod link;
mod measure;
pub mod prose;
mod report;
mod restart;
mod search;
mod send;
mod server;
mod sync;
mod town;
mod verify;

use clap::{Args, Subcommand, ValueEnum};

pub use report::Report;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Durable acknowledgements per second, or their latency at a given rate
    Send(send::Options),
    /// Deliveries per second into one large group that is online
    Fanout(fanout::Options),
    /// Memory of the server per idle WebSocket
    Idle(idle::Options),
    /// How long a device that was away takes to have everything
    Sync(sync::Options),
    /// Pages of history per second while others send
    History(history::Options),
    /// Questions per second while others send
    Search(search::Options),
    /// From kill -9 to the first acknowledgement
    Restart(restart::Options),
    /// Latency of acknowledgements while hostile clients attack, beside the same without them
    Hostile(hostile::Options),
    /// Files sent and fetched, beside copying them with cp
    Files(files::Options),
}

/// What every measurement takes.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Measure the server at this address instead of starting one
    #[arg(long, value_name = "URL", conflicts_with_all = ["data_dir", "set"])]
    pub server: Option<String>,
    /// Keep the store here and use it again the next time; otherwise it is made anew and removed
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<std::path::PathBuf>,
    /// An option of the server that is started, as section.key=value; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How long to measure
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub seconds: u64,
    /// How long to run before measuring begins
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    pub warmup: u64,
    /// How frames are written
    #[arg(long, value_enum, default_value_t = Frames::Proto)]
    pub encoding: Frames,
    /// Bytes of text in a message
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    pub body: usize,
    /// Print the result as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// How frames are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Frames {
    /// JSON text
    Json,
    /// Protobuf
    Proto,
}

impl From<Frames> for anser_client::Encoding {
    fn from(frames: Frames) -> Self {
        match frames {
            Frames::Json => anser_client::Encoding::Json,
            Frames::Proto => anser_client::Encoding::Proto,
        }
    }
}

impl Command {
    /// Measures and prints. An error means that nothing was measured, or that an acknowledged message was not found.
    pub async fn run(self) -> anyhow::Result<()> {
        let json = self.common().json;
        let report = match self {
            Command::Send(options) => send::run(options).await?,
            Command::Fanout(options) => fanout::run(options).await?,
            Command::Idle(options) => idle::run(options).await?,
            Command::Sync(options) => sync::run(options).await?,
            Command::History(options) => history::run(options).await?,
            Command::Search(options) => search::run(options).await?,
            Command::Restart(options) => restart::run(options).await?,
            Command::Hostile(options) => hostile::run(options).await?,
            Command::Files(options) => files::run(options).await?,
        };
        if json {
            println!("{}", report.json());
        } else {
            print!("{}", report.text());
        }
        report.verdict()
    }

    fn common(&self) -> &Common {
        match self {
            Command::Send(options) => &options.common,
            Command::Fanout(options) => &options.common,
            Command::Idle(options) => &options.common,
            Command::Sync(options) => &options.common,
            Command::History(options) => &options.common,
            Command::Search(options) => &options.common,
            Command::Restart(options) => &options.common,
            Command::Hostile(options) => &options.common,
            Command::Files(options) => &options.common,
        }
    }
}
