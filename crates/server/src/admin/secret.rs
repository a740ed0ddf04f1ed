//! Passwords on their way in: from the terminal, unseen and twice, or the first line of standard input. Or made up.

use std::{
    io::{self, BufRead, IsTerminal},
    process::{Command, Stdio},
};

use anyhow::ensure;

use super::cli::Password;

/// A password, and whether it was made up here and must be told.
pub fn password(from: &Password) -> anyhow::Result<(String, bool)> {
    if from.generate_password {
        return Ok((generate(), true));
    }
    if !io::stdin().is_terminal() {
        return Ok((line()?, false));
    }
    let first = hidden("Password: ")?;
    ensure!(first == hidden("The same again: ")?, "the two are not the same");
    Ok((first, false))
}

/// 120 bits, in an alphabet that can be read out.
pub fn generate() -> String {
    let bytes: [u8; 15] = rand::random();
    let text = anser_types::base32::encode(&bytes);
    text.as_bytes().chunks(6).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
}

fn line() -> anyhow::Result<String> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line)?;
    ensure!(read > 0, "a password is expected on standard input");
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// `stty` is on every Unix; where it is missing, the password shows and everything works.
fn hidden(prompt: &str) -> anyhow::Result<String> {
    let echo =
        |setting: &str| drop(Command::new("stty").arg(setting).stdin(Stdio::inherit()).stderr(Stdio::null()).status());
    eprint!("{prompt}");
    echo("-echo");
    let line = line();
    echo("echo");
    eprintln!();
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_up_is_long_and_never_the_same() {
        let password = generate();
        assert_eq!(password.len(), 27, "{password}");
        assert_ne!(password, generate());
    }
}
