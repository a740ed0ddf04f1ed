//! Starting the real binary, and comparing with what was written down.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::Duration,
};

/// The binary without any `ANSER_…` variable of whoever runs the tests.
pub fn anser() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anser"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ANSER_") {
            command.env_remove(name);
        }
    }
    command
}

/// What `anser` with these arguments says and how it ends.
pub fn say(arguments: &[&str]) -> Output {
    anser().args(arguments).env("COLUMNS", "100").output().expect("the binary runs")
}

/// Standard output and error as text.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A running server on a free port. Killed when dropped.
pub struct Running {
    child: Child,
    /// Where it says that it is.
    pub url: String,
}

impl Running {
    /// Starts `anser serve` with these arguments and waits until it says that it is ready.
    pub fn start(arguments: &[&str]) -> Self {
        Self::try_start(anser().arg("serve").args(arguments)).expect("the server gets ready")
    }

    /// The same for a command of one's own; `Err`: what it said on standard error.
    pub fn try_start(command: &mut Command) -> Result<Self, String> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        while let Some(Ok(line)) = lines.next() {
            if let Some((_, url)) = line.split_once(" at http://") {
                thread::spawn(move || lines.for_each(drop));
                return Ok(Self { child, url: format!("http://{url}") });
            }
        }
        let mut error = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut error).expect("text");
        let _ended = child.wait();
        Err(error)
    }

    /// The body of the answer to `GET path`; `None` if nobody answers.
    pub fn get(&self, path: &str) -> Option<String> {
        let address = self.url.strip_prefix("http://").expect("plain HTTP");
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end: how it ended and what it logged.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let mut log = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut log).expect("text");
        (self.child.wait().expect("it ended"), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `holds`, for ten seconds at most.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("this did not come about: {what}");
}

/// Compares with the file, or writes it where `ANSER_UPDATE_SNAPSHOTS` is set.
pub fn same_as(path: &Path, actual: &str) {
    if std::env::var_os("ANSER_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, actual).expect("the snapshot can be written");
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} is not what it was. If that is right: `make docs`.\n--- before\n{expected}\n--- now\n{actual}",
        path.display()
    );
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
