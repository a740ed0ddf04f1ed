//! How commands speak: to people, or with `--json` to programs. Results go to standard output, all else to standard error.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, ensure};
use serde::Serialize;
use serde_json::json;

use super::cli::About;

/// How to speak.
pub struct Say {
    json: bool,
    yes: bool,
}

impl Say {
    /// As the command line wants it.
    pub fn new(about: &About) -> Self {
        Self { json: about.json, yes: about.yes }
    }

    /// A result: `value` for programs, `text` for people.
    pub fn result(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let line = if self.json { serde_json::to_string(value)? } else { text() };
        let mut out = io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write the result")
    }

    /// How far it is; for people who watch.
    pub fn progress(&self, text: &str) {
        if !self.json && io::stderr().is_terminal() {
            eprint!("\r{text}\x1b[K");
        }
    }

    /// Something on the way, for people.
    pub fn note(&self, text: &str) {
        if !self.json {
            eprintln!("{text}");
        }
    }

    /// Why it failed.
    pub fn error(&self, error: &anyhow::Error) {
        if !self.json {
            return eprintln!("anser: {error:#}");
        }
        let code = error.downcast_ref::<anser_types::Error>().map(|error| error.code.as_str());
        eprintln!("{}", json!({ "error": { "code": code, "detail": format!("{error:#}") } }));
    }

    /// Asks whether `what` is meant. Where nobody can be asked, `--yes` has to say so.
    pub fn confirm(&self, what: &str) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        ensure!(!self.json && io::stdin().is_terminal(), "{what}: say --yes if that is meant");
        eprint!("{what}. Is that meant? [y/N] ");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "nothing was done");
        Ok(())
    }
}

/// A time for people; UTC.
pub fn time(at: i64) -> String {
    if at == 0 {
        return "never".into();
    }
    let (days, rest) = (at.div_euclid(86_400_000), at.rem_euclid(86_400_000) / 1_000);
    // Days since 1970 as a date: the years are counted from March, in eras of 400 (Howard Hinnant, "chrono-compatible
    // low-level date algorithms").
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        assert_eq!(time(0), "never");
        assert_eq!(time(1_000_000_000_000), "2001-09-09 01:46:40 UTC");
        assert_eq!(time(1_709_164_799_999), "2024-02-28 23:59:59 UTC");
        assert_eq!(time(1_709_164_800_000), "2024-02-29 00:00:00 UTC");
        assert_eq!(time(951_868_799_000), "2000-02-29 23:59:59 UTC");
    }
}
