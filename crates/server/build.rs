//! Notes which commit is built, and of which day. A build without git (an archive, a package) says "unknown".

use std::process::Command;

fn main() {
    let commit = git(&["log", "-1", "--format=%h"]);
    let date = git(&["log", "-1", "--format=%cs"]);
    println!("cargo:rustc-env=BUILD_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo:rustc-env=BUILD_DATE={}", date.as_deref().unwrap_or("unknown"));
    // The reflog grows with each commit and each checkout; without git the path does not exist and nothing is watched.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && let Ok(path) = std::path::Path::new(&log).canonicalize()
    {
        println!("cargo:rerun-if-changed={}", path.display());
    }
    println!("cargo:rerun-if-changed=build.rs");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
