//! A server of our own: started on a free port, killed as hard as a machine can.

use std::{
    fs::OpenOptions,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

/// Limits out of the way of a test that comes from one address, and cheap password hashes; the index follows the log
/// closely, so that it moves all the time.
const SETTINGS: &[&str] = &[
    "auth.hash_memory_kib=8",
    "auth.hash_passes=1",
    "limits.logins_per_minute_per_ip=1000000",
    "limits.logins_per_minute_per_name=1000000",
    "limits.registrations_per_minute_per_ip=1000000",
    "limits.friend_requests_per_day=100000",
    "limits.public_per_second=0",
    "limits.reads_per_second=0",
    "limits.searches_per_second=0",
    "limits.sessions_per_second=0",
    "limits.writes_per_second=0",
    "limits.sends_per_second=200",
    "limits.send_burst=400",
    "messaging.index_run=100",
];

/// A server and how to start it again.
pub struct Server {
    program: PathBuf,
    data_dir: PathBuf,
    port: u16,
    settings: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// A server of `program` over `data_dir` on a free port, not yet started.
    pub fn new(program: &Path, data_dir: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .context("find a free port")?
            .port();
        let settings = SETTINGS.iter().map(|&setting| setting.to_owned()).collect();
        Ok(Self { program: program.to_owned(), data_dir: data_dir.to_owned(), port, settings, child: None })
    }

    /// Adds a setting, `key=value`; a later one wins.
    pub fn set(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it with `environment` and waits until it serves. Answers how long that took.
    pub async fn start(&mut self, environment: &[(&str, &str)]) -> Result<Duration> {
        let began = Instant::now();
        self.spawn(environment)?;
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
        loop {
            if let Some(status) = self.ended()? {
                bail!("the server ended at its start: {status}; its log ends with: {}", self.last_words());
            }
            if client
                .get(format!("{}/readyz", self.url()))
                .send()
                .await
                .is_ok_and(|response| response.status().is_success())
            {
                return Ok(began.elapsed());
            }
            if began.elapsed() > Duration::from_secs(30) {
                bail!("the server does not serve after 30 s; its log ends with: {}", self.last_words());
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts it without waiting for anything.
    pub fn spawn(&mut self, environment: &[(&str, &str)]) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.log()).context("open the server's log")?;
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(&self.data_dir)
            .arg("--listen")
            .arg(format!("127.0.0.1:{}", self.port));
        for setting in &self.settings {
            command.arg("--set").arg(setting);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        command.envs(environment.iter().copied());
        self.child = Some(command.spawn().with_context(|| format!("start {}", self.program.display()))?);
        Ok(())
    }

    /// Where its log goes: beside its data, for it makes that folder itself.
    pub fn log(&self) -> PathBuf {
        self.data_dir.with_extension("log")
    }

    /// The end of its log, for errors: the log itself may be gone with its temporary folder.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        log.char_indices().rev().nth(600).map_or(&*log, |(start, _)| &log[start..]).to_owned()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.as_mut().map(Child::try_wait).transpose()?.flatten())
    }

    /// Waits until it ends of itself; `false` if it does not.
    pub async fn ends_within(&mut self, patience: Duration) -> Result<bool> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if self.ended()?.is_some() {
                return Ok(true);
            }
            sleep(Duration::from_millis(2)).await;
        }
        Ok(false)
    }

    /// Deletes its data: the next start is a first one.
    pub fn forget_data(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.data_dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("delete the data"),
            _ => Ok(()),
        }
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await.context("kill the server")?;
        }
        Ok(())
    }
}
