//! A program on this machine: it is given a WAV file and says the words on its standard output. This is how an engine is
//! attached that needs no network.
//!
//! Its memory and its processor time are limited before it begins; its output is bounded; at the deadline it is killed with
//! all that it started. It gets no environment of ours, no standard input, and a folder of its own to be in.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use anser_types::{Clock, Code, Error, Id, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command as Process},
    time::{Instant, timeout_at},
};

use crate::{
    audio::{Format, Sound},
    options::CommandOptions,
    provider::Provider,
};

/// The most that it may say, in bytes.
const OUTPUT_BYTES: u64 = 64 << 10;
/// What stands for the file's path in the program's arguments.
const FILE: &str = "{file}";
/// Limits this process, then becomes the program.
const LIMITED: &str = "ulimit -v \"$1\" && ulimit -t \"$2\" && ulimit -c 0 && shift 2 && exec \"$@\"";

/// The provider.
pub struct Command {
    options: CommandOptions,
    clock: Clock,
}

impl Command {
    /// The provider that runs this program. Its folder is made, and emptied of what an earlier process left.
    pub fn new(options: CommandOptions, clock: Clock) -> Result<Self> {
        if options.program.is_empty() {
            return Err(Error::invalid("speech.command names no program"));
        }
        if !options.program.iter().any(|argument| argument.contains(FILE)) {
            return Err(Error::invalid(format!("speech.command says nowhere what it does with {FILE}")));
        }
        make_folder(&options.folder).map_err(|error| {
            Error::internal(format!("the folder {} for recordings: {error}", options.folder.display()))
        })?;
        Ok(Self { options, clock })
    }

    fn start(&self, file: &Path, deadline: Instant) -> Result<Child> {
        let kib = self.options.memory_mib.saturating_mul(1_024).to_string();
        let seconds = (deadline.saturating_duration_since(Instant::now()).as_secs() + 1).to_string();
        let path = file.to_string_lossy();
        let program = self.options.program.iter().map(|argument| argument.replace(FILE, &path));
        Process::new("/bin/sh")
            .args(["-c", LIMITED, "sh", &kib, &seconds])
            .args(program)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", &self.options.folder)
            .current_dir(&self.options.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Error::internal(format!("the program of speech.command does not start: {error}")))
    }
}

#[async_trait::async_trait]
impl Provider for Command {
    fn takes(&self, format: Format) -> bool {
        format == Format::Pcm
    }

    async fn recognize(&self, sound: &Sound, deadline: Instant) -> Result<String> {
        let file = Recording(self.options.folder.join(format!("{}.wav", Id::new(&self.clock))));
        let (wav, _, _) = sound.in_container();
        let unwritten = |error| Error::unavailable(format!("a recording cannot be written: {error}"));
        tokio::fs::write(&file.0, &wav).await.map_err(unwritten)?;
        let mut child = self.start(&file.0, deadline)?;
        let _group = Group(child.id());
        let mut output = Vec::new();
        let run = async {
            if let Some(stdout) = child.stdout.take() {
                stdout.take(OUTPUT_BYTES + 1).read_to_end(&mut output).await?;
            }
            if output.len() as u64 > OUTPUT_BYTES {
                return Ok(None);
            }
            child.wait().await.map(Some)
        };
        let late = || Error::new(Code::DeadlineExceeded, "the program of speech.command took too long");
        let failed = |what: &str| Error::unavailable(format!("the program of speech.command {what}"));
        match timeout_at(deadline, run).await.map_err(|_| late())? {
            Ok(Some(status)) if status.success() => {
                String::from_utf8(output).map_err(|_| failed("says what is no text"))
            }
            Ok(Some(status)) => {
                tracing::warn!(%status, "the program of speech.command failed");
                Err(failed("failed"))
            }
            Ok(None) => Err(failed("says too much")),
            Err(error) => Err(failed(&format!("cannot be heard: {error}"))),
        }
    }
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wav") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A file that goes when it is no longer needed.
struct Recording(PathBuf);

impl Drop for Recording {
    fn drop(&mut self) {
        let _never_written = fs::remove_file(&self.0);
    }
}

/// The program and all that it started, which end when nobody waits for them any more. The program itself leads the group.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0.and_then(|id| Pid::from_raw(id as i32)) {
            let _all_gone = kill_process_group(leader, Signal::KILL);
        }
    }
}
