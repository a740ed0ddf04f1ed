//! Processes of the server: started, listened to, killed.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

/// How long a start may take.
const START: Duration = Duration::from_secs(60);

/// The binary under test: `ANSER_BIN`, or the one that was built beside this test.
pub fn anser_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ANSER_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("anser");
    assert!(path.exists(), "{} is not built; run `cargo build -p anser` or set ANSER_BIN", path.display());
    path
}

/// Runs the binary to its end.
pub fn run_anser(arguments: &[&str]) -> Output {
    Command::new(anser_binary()).args(arguments).env_clear().output().unwrap()
}

/// A command of the operator.
pub struct AdminCommand(Command);

impl AdminCommand {
    pub(crate) fn new(arguments: Vec<String>) -> Self {
        let mut command = Command::new(anser_binary());
        command.args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command)
    }

    /// Runs it to its end.
    pub fn run(mut self, input: &str) -> Said {
        let mut child = self.0.spawn().unwrap();
        // It may have ended without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts it and kills it after `delay`, wherever it is then.
    pub fn run_and_kill(mut self, delay: Duration) {
        let mut child = self.0.spawn().unwrap();
        std::thread::sleep(delay);
        let _ = child.kill();
        child.wait().unwrap();
    }
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// On standard output.
    pub out: String,
    /// On standard error.
    pub err: String,
}

impl Said {
    /// What it said, which must have gone well.
    pub fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// The one object that it said with `--json`.
    pub fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.well()).unwrap()
    }
}

/// One running process. It is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    /// What it said on standard output, line by line.
    lines: Receiver<String>,
    /// The address that it announced.
    pub url: String,
}

impl Process {
    /// Starts the binary and waits until it announces its address.
    pub fn start(arguments: &[String]) -> Self {
        let mut command = Command::new(anser_binary());
        // The suite must not depend on what the environment of the one who runs it configures.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ANSER_")) {
            command.env_remove(name);
        }
        let mut child = command.args(arguments).stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (lines_in, lines) = sync_channel(1024);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // A full or closed channel must not stop the reading: the server would block on its output.
                let _ = lines_in.try_send(line);
            }
        });
        let mut process = Self { child, lines, url: String::new() };
        process.url = process.announced(arguments);
        process
    }

    fn announced(&mut self, arguments: &[String]) -> String {
        loop {
            match self.lines.recv_timeout(START) {
                Ok(line) if line.contains(" at http://") => {
                    return line.split_once(" at ").unwrap().1.trim().to_owned();
                }
                Ok(_) => {}
                Err(_) => panic!("the server did not start: {arguments:?}"),
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// As `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let sent = Command::new("kill").arg("-TERM").arg(self.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
