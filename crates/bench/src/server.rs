//! The server that is measured: another process of this same binary, or one that runs already.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, timeout},
};

use crate::{Common, Report, report::round};

/// What load from one address by one program needs. None of these is on the way of a message except the rate of sends.
const RELAXED: &[&str] = &[
    "auth.access_token_s=86400",
    "auth.hash_memory_kib=8",
    "auth.hash_passes=1",
    "auth.hash_queue=10000",
    "gateway.connections_per_ip=0",
    "gateway.handshakes_per_second=1000000",
    "limits.conversations=1000000",
    "limits.friend_requests_per_day=100000",
    "limits.friends=1000000",
    "limits.logins_per_minute_per_ip=1000000",
    "limits.logins_per_minute_per_name=1000000",
    "limits.registrations_per_minute_per_ip=1000000",
    "limits.public_per_second=0",
    "limits.reads_per_second=0",
    "limits.send_burst=1000000",
    "limits.sends_per_second=1000000",
    "limits.searches_per_second=0",
    "limits.sessions_per_second=0",
    "limits.writes_per_second=0",
    "log.level=warn",
];

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A server to be measured. One that was started here ends with it.
pub struct Server {
    /// Its address.
    pub url: String,
    /// What differs from the default.
    pub settings: Vec<String>,
    data_dir: Option<PathBuf>,
    child: Option<Child>,
    /// Removed at the end.
    _temporary: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts one, or takes the one that was named.
    pub async fn start(common: &Common) -> anyhow::Result<Self> {
        if let Some(url) = &common.server {
            let url = url.trim_end_matches('/').to_owned();
            return Ok(Self { url, settings: Vec::new(), data_dir: None, child: None, _temporary: None });
        }
        let (data_dir, temporary) = match &common.data_dir {
            Some(dir) => (dir.clone(), None),
            None => {
                // Beside the current directory, not in /tmp: that is often memory, and this measures a disk.
                let dir = tempfile::Builder::new().prefix("anser-bench-").tempdir_in(".").context("make a folder")?;
                (dir.path().to_owned(), Some(dir))
            }
        };
        std::fs::create_dir_all(&data_dir).context("make the data directory")?;
        let settings = RELAXED.iter().map(|&set| set.to_owned()).chain(common.set.iter().cloned()).collect();
        let mut server =
            Self { url: String::new(), settings, data_dir: Some(data_dir), child: None, _temporary: temporary };
        server.launch().await?;
        Ok(server)
    }

    async fn launch(&mut self) -> anyhow::Result<()> {
        let data_dir = self.data_dir.clone().context("this server was not started here")?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg("--listen").arg("127.0.0.1:0").arg("--data-dir").arg(data_dir.join("store"));
        for set in &self.settings {
            command.arg("--set").arg(set);
        }
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().context("start the server")?;
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, url)) = line.split_once("ready at ") {
                    return Ok(url.trim().to_owned());
                }
            }
            bail!("the server ended before it was ready")
        };
        self.url = timeout(START_TIMEOUT, address).await.context("the server did not get ready")??;
        // A pipe that nobody reads would block the server once it is full.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.child = Some(child);
        Ok(())
    }

    /// Where the store lies, if the server was started here.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// Kills the server as a crash does and starts it again on the same data; answers when it was killed.
    pub async fn crash_and_restart(&mut self) -> anyhow::Result<Instant> {
        let mut child = self.child.take().context("only a server that was started here can be killed")?;
        let killed_at = Instant::now();
        child.start_kill()?;
        child.wait().await?;
        self.launch().await?;
        Ok(killed_at)
    }

    /// Memory of the process, in KiB: anonymous (its own) and resident in all.
    pub fn memory(&self) -> Option<Memory> {
        let pid = self.child.as_ref()?.id()?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        Some(Memory { own: field("RssAnon:")?, resident: field("VmRSS:")? })
    }

    /// Processor time that the server and this load generator have used so far.
    pub fn cpu(&self) -> Option<Cpu> {
        let pid = self.child.as_ref()?.id()?;
        Some(Cpu { server: cpu_seconds(&pid.to_string())?, load: cpu_seconds("self")? })
    }
}

/// Processor time in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    server: f64,
    load: f64,
}

impl Cpu {
    /// What each `what` has cost both sides since `before`, in microseconds.
    pub fn report(self, before: Self, report: &mut Report, what: &str, count: u64) {
        let each = |seconds: f64| round(seconds * 1e6 / count.max(1) as f64);
        report.figure(&format!("server_cpu_us_per_{what}"), each(self.server - before.server));
        report.figure(&format!("load_cpu_us_per_{what}"), each(self.load - before.load));
    }
}

fn cpu_seconds(pid: &str) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the numbers begin after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks as f64 / 100.0)
}

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Its own, without pages of files.
    pub own: u64,
    /// Everything that is resident.
    pub resident: u64,
}
