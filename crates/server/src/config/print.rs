//! The configuration for people: what is in effect (`anser config`), and the reference page.

use std::fmt::Write;

use super::{Key, SCHEMA, Source, Written};

/// What will be used, as TOML that could be used as a file: each key with its meaning, default and source.
pub fn effective(written: &Written) -> String {
    let mut out = String::from("# The configuration in effect. It can be saved and used with --config.\n");
    let mut section = "";
    for key in &SCHEMA.keys {
        let (of, name) = key.name.split_once('.').expect("keys have a section");
        if of != section {
            section = of;
            let _ = write!(out, "\n[{section}]\n");
        }
        let (value, source) = written.get(&key.name).expect("every key has a value");
        for line in &key.meaning {
            let _ = writeln!(out, "# {line}");
        }
        let _ = match source {
            Source::Default => writeln!(out, "# {}default", allowed(key)),
            other => writeln!(out, "# {}default: {} · here from {other}", allowed(key), key.default),
        };
        let _ = writeln!(out, "{name} = {value}");
    }
    out
}

fn allowed(key: &Key) -> String {
    let allowed = key.allowed.to_string();
    if allowed.is_empty() { allowed } else { allowed + " · " }
}

/// `docs/configuration.md`: a table per section.
pub fn reference() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         <!-- Made from config/default.toml by `make docs`; a test compares the two. -->\n\n\
         Every option has a default, so that none is needed. Options are given, each layer over the one before it, in\n\
         \n\
         1. a TOML file: `--config FILE`, or the environment variable `ANSER_CONFIG`;\n\
         2. the environment: `ANSER_SECTION_KEY`, such as `ANSER_SERVER_LISTEN=0.0.0.0:8080`; lists are separated by commas;\n\
         3. the command line: `--set section.key=value`, and `--listen`, `--data-dir`, `--roles` for those three.\n\n\
         `anser config` (with the same file, environment and flags as `anser serve`) prints what is in effect and where each\n\
         value comes from. A key that does not exist is an error, not a warning. Secrets are never options: the server makes\n\
         its own in the data directory.\n",
    );
    let mut section = "";
    for key in &SCHEMA.keys {
        let (of, name) = key.name.split_once('.').expect("keys have a section");
        if of != section {
            section = of;
            let _ = write!(out, "\n## {section}\n\n| Key | Default | Meaning |\n|---|---|---|\n");
        }
        let allowed = match key.allowed.to_string() {
            none if none.is_empty() => none,
            some => format!(" `{}`", some.replace('|', "\\|")),
        };
        let _ = writeln!(out, "| `{name}` | `{}` | {}{allowed} |", key.default, key.meaning.join(" "));
    }
    out
}
