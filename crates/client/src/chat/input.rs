//! Lines from standard input, without stopping anything else; passwords without showing them.

use std::io::{BufRead, IsTerminal, Write};
use std::process::{Command, Stdio};

use tokio::sync::mpsc;

/// What somebody types, or what comes through a pipe.
pub struct Input {
    lines: mpsc::Receiver<String>,
    terminal: bool,
    prompted: Option<String>,
}

impl Input {
    /// Begins to read. The thread ends with the input or, blocked in a read, with the process.
    pub fn start() -> Self {
        let (lines_in, lines) = mpsc::channel(16);
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if lines_in.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, terminal: std::io::stdin().is_terminal(), prompted: None }
    }

    /// The next line; `None` at the end of the input.
    pub async fn line(&mut self) -> Option<String> {
        let line = self.lines.recv().await;
        self.prompted = None;
        line
    }

    /// Shows a prompt to a person, once for each line that they type.
    pub fn prompt(&mut self, text: String) {
        if self.terminal && self.prompted.as_ref() != Some(&text) {
            print!("{text}");
            let _ = std::io::stdout().flush();
            self.prompted = Some(text);
        }
    }

    /// Shows lines above the prompt.
    pub fn interrupt(&mut self, lines: impl ExactSizeIterator<Item = String>) {
        if self.prompted.is_some() && lines.len() > 0 {
            print!("\r\x1b[K");
            self.prompted = None;
        }
        for line in lines {
            println!("{line}");
        }
    }

    /// The next line, not shown while it is typed.
    pub async fn secret(&mut self, prompt: &str) -> Option<String> {
        let hidden = self.terminal.then(Hidden::begin);
        self.prompt(prompt.to_owned());
        let line = self.line().await;
        if hidden.is_some() {
            println!();
        }
        line
    }
}

/// While it lives, the terminal does not show what is typed.
struct Hidden;

impl Hidden {
    fn begin() -> Self {
        echo("-echo");
        Hidden
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        echo("echo");
    }
}

/// `stty` is on every Unix; where it is missing, the password shows and everything works.
fn echo(setting: &str) {
    let _ = Command::new("stty").arg(setting).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
}
