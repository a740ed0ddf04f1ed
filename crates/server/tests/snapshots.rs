//! What people see of the command line and of the configuration, under snapshot.

mod support;

use std::{fs, path::PathBuf};

use support::{anser, root, same_as, say, text};

const SNAPSHOTS: &[&str] = &["help.txt", "config.txt", "config_errors.txt"];

fn snapshot(name: &str) -> PathBuf {
    assert!(SNAPSHOTS.contains(&name));
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name)
}

#[test]
fn help() {
    let mut all = String::new();
    let commands: &[&[&str]] = &[
        &["--help"],
        &["serve", "--help"],
        &["config", "--help"],
        &["chat", "--help"],
        &["admin", "--help"],
        &["admin", "users", "--help"],
        &["admin", "users", "create", "--help"],
        &["admin", "users", "export", "--help"],
        &["admin", "sessions", "--help"],
        &["admin", "sessions", "revoke", "--help"],
        &["admin", "conversations", "--help"],
        &["admin", "backup", "--help"],
        &["admin", "restore", "--help"],
    ];
    for arguments in commands {
        all += &format!("$ anser {}\n{}\n", arguments.join(" "), text(&say(arguments)));
    }
    same_as(&snapshot("help.txt"), &all);
}

#[test]
fn the_version_says_commit_and_date() {
    let version = text(&say(&["--version"]));
    assert!(version.starts_with(concat!("anser ", env!("CARGO_PKG_VERSION"), " (")), "{version}");
}

#[test]
fn config_prints_meaning_default_and_source_of_every_layer() {
    let file = std::env::temp_dir().join(format!("anser-config-{}.toml", std::process::id()));
    fs::write(&file, "[limits]\nfriends = 7\n\n[gateway]\nallowed_origins = [\"https://chat.example.com\"]\n").unwrap();
    let output = anser()
        .args(["config", "--listen", "[::1]:9000", "--set", "messaging.strangers_may_talk=true", "--config"])
        .arg(&file)
        .env("ANSER_LOG_FORMAT", "json")
        .env("ANSER_SERVER_ROLES", "gateway, auth,user,contact,messaging,file,search,speech")
        .output()
        .unwrap();
    let shown = text(&output).replace(&file.display().to_string(), "FILE");
    fs::remove_file(&file).unwrap();
    assert!(output.status.success());
    same_as(&snapshot("config.txt"), &shown);
}

#[test]
fn what_config_prints_is_a_config() {
    let file = std::env::temp_dir().join(format!("anser-printed-{}.toml", std::process::id()));
    fs::write(&file, text(&say(&["config"]))).unwrap();
    let again = anser().arg("config").arg("--config").arg(&file).output().unwrap();
    fs::remove_file(&file).unwrap();
    assert!(again.status.success(), "{}", text(&again));
}

#[test]
fn impossible_configurations_say_what_to_change() {
    let cases: &[&[&str]] = &[
        &["--set", "limits.freinds=3"],
        &["--set", "listen=127.0.0.1:80"],
        &["--set", "limits.friends=many"],
        &["--set", "limits.friends=0"],
        &["--set", "log.format=xml"],
        &["--set", "log.level"],
        &["--listen", "localhost"],
        &["--roles", "gateway,chat"],
        &["--roles", "gateway,auth"],
        &["--roles", "gateway"],
        &["--roles", "auth,user,contact,messaging,file,search,speech"],
        &["--set", "limits.frame_bytes=4096"],
        &["--config", "/does/not/exist.toml"],
    ];
    let mut all = String::new();
    for case in cases {
        let output = anser().arg("config").args(*case).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{case:?}");
        all += &format!("$ anser config {}\n{}\n", case.join(" "), text(&output));
    }
    let output = anser().arg("config").env("ANSER_SERVER_LISTN", "x").output().unwrap();
    all += &format!("$ ANSER_SERVER_LISTN=x anser config\n{}", text(&output));
    same_as(&snapshot("config_errors.txt"), &all);
}

#[test]
fn the_reference_page_is_made_from_the_defaults() {
    same_as(&root().join("docs/configuration.md"), &anser::config::reference());
}

#[test]
fn no_snapshot_is_left_over() {
    for entry in fs::read_dir(snapshot("help.txt").parent().unwrap()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(SNAPSHOTS.contains(&name.as_str()), "{name} is compared with nothing");
    }
}
