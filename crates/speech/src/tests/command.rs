//! A program that finds the words: what it is given, and what happens where it misbehaves.

use std::{path::Path, time::Duration};

use anser_types::{Clock, Code, Result};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{soon, sound};
use crate::{command::Command, options::CommandOptions, provider::Provider};

fn command(folder: &Path, script: &str) -> Command {
    let program = ["/bin/sh", "-c", script, "engine", "{file}"].map(String::from).to_vec();
    let options = CommandOptions { program, folder: folder.to_owned(), memory_mib: 256 };
    Command::new(options, Clock::fixed(1_700_000_000_000)).unwrap()
}

async fn run(script: &str) -> Result<String, Code> {
    let folder = TempDir::new().unwrap();
    let heard = command(folder.path(), script).recognize(&sound(), soon()).await.map_err(|error| error.code);
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "the recording is gone");
    heard
}

#[tokio::test]
async fn it_gets_a_wav_file_and_says_the_words() {
    let script = r#"printf '%s %s %s' "$(head -c 4 "$1")" "$(wc -c < "$1" | tr -d ' ')" "$(pwd)""#;
    let heard = run(script).await.unwrap();
    assert!(heard.starts_with("RIFF 32044 /"), "{heard}");
}

#[tokio::test]
async fn it_gets_nothing_of_our_environment_and_no_input() {
    assert_eq!(
        run("cat; env | cut -d= -f1 | grep -cvE '^(PATH|LANG|HOME|PWD|OLDPWD|SHLVL|_)$'; true").await.as_deref(),
        Ok("0\n")
    );
}

#[tokio::test]
async fn a_failure_too_much_output_and_what_is_no_text_are_told() {
    assert_eq!(run("echo half; exit 3").await, Err(Code::Unavailable));
    assert_eq!(run("yes").await, Err(Code::Unavailable));
    assert_eq!(run(r"printf '\377\376'").await, Err(Code::Unavailable));
    assert_eq!(run("").await.as_deref(), Ok(""));
}

#[tokio::test]
async fn its_memory_is_limited() {
    let hungry = "import sys; x = bytearray(1 << 30); print(len(x))";
    assert_eq!(run(&format!("exec python3 -c '{hungry}'")).await, Err(Code::Unavailable));
    assert_eq!(run("ulimit -v").await.as_deref(), Ok("262144\n"));
}

#[tokio::test]
async fn at_the_deadline_it_ends_with_all_that_it_started() {
    let folder = TempDir::new().unwrap();
    let pids = folder.path().join("pids");
    let script = format!("(sleep 600 & echo $! > {0}; wait) & sleep 600", pids.display());
    let command = command(folder.path(), &script);
    let deadline = Instant::now() + Duration::from_millis(500);
    let heard = command.recognize(&sound(), deadline).await;
    assert_eq!(heard.unwrap_err().code, Code::DeadlineExceeded);
    let grandchild = std::fs::read_to_string(&pids).unwrap();
    let gone = async {
        // A killed process may wait for its parent to look at it.
        let stat = format!("/proc/{}/stat", grandchild.trim());
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the grandchild ends");
}

#[tokio::test]
async fn a_program_that_is_not_there_or_gets_no_file_is_seen() {
    let folder = TempDir::new().unwrap();
    let of = |program: &[&str]| CommandOptions {
        program: program.iter().map(|word| (*word).to_owned()).collect(),
        folder: folder.path().to_owned(),
        memory_mib: 256,
    };
    let clock = Clock::fixed(1_700_000_000_000);
    assert!(Command::new(of(&[]), clock.clone()).is_err());
    assert!(Command::new(of(&["/bin/true"]), clock.clone()).is_err());
    let missing = Command::new(of(&["/there/is/none", "{file}"]), clock).unwrap();
    assert_eq!(missing.recognize(&sound(), soon()).await.unwrap_err().code, Code::Unavailable);
}
