//! The binary as an operator meets it.

use std::{os::unix::fs::PermissionsExt, process::Command};

use anser_tests::{Mode, TestApp, anser_binary, run_anser};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_says_its_version_and_explains_itself() {
    let version = run_anser(&["--version"]);
    assert!(version.status.success());
    assert!(text(&version.stdout).starts_with("anser 0."), "{}", text(&version.stdout));
    let help = run_anser(&["--help"]);
    for command in ["serve", "config", "chat", "bench"] {
        assert!(text(&help.stdout).contains(command), "{command}");
    }
}

#[test]
fn the_effective_configuration_says_where_values_come_from() {
    let printed = Command::new(anser_binary())
        .args(["config", "--set", "limits.friends=7"])
        .env_clear()
        .env("ANSER_LIMITS_SEND_BURST", "9")
        .output()
        .unwrap();
    assert!(printed.status.success(), "{}", text(&printed.stderr));
    let printed = text(&printed.stdout);
    let line_of =
        |key: &str| printed.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}")).to_owned();
    assert!(line_of("friends =").contains('7'), "{}", line_of("friends ="));
    assert!(line_of("send_burst =").contains('9'), "{}", line_of("send_burst ="));
}

#[test]
fn unknown_keys_are_errors_that_name_the_nearest() {
    let refused = run_anser(&["serve", "--set", "limits.freinds=7"]);
    assert!(!refused.status.success());
    let said = text(&refused.stderr);
    assert!(said.contains("limits.freinds") && said.contains("limits.friends"), "{said}");
    let refused = run_anser(&["serve", "--set", "limits.friends=many"]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("limits.friends"));
}

#[tokio::test]
async fn the_data_directory_is_its_owners_and_one_servers() {
    let Some(app) = TestApp::start_own().await else { return };
    let dir = app.store_dir();
    assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in std::fs::read_dir(&dir).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.contains("secret") {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
    if app.mode() == Mode::Split {
        return;
    }
    let second = run_anser(&["serve", "--data-dir", &dir.display().to_string(), "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success());
    let said = text(&second.stderr);
    assert!(said.contains(&dir.display().to_string()), "{said}");
}

#[test]
fn a_split_that_embedded_engines_cannot_do_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("d").display().to_string();
    let refused = run_anser(&["serve", "--data-dir", &dir, "--roles", "auth,user", "--listen", "127.0.0.1:0"]);
    assert!(!refused.status.success());
    assert!(!text(&refused.stderr).is_empty());
    let refused = run_anser(&["serve", "--data-dir", &dir, "--roles", "kitchen", "--listen", "127.0.0.1:0"]);
    assert!(text(&refused.stderr).contains("kitchen"));
}
