//! What the house's rules say and the compiler cannot check: who may use whom, what may not be written.

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anser::metrics::{DOCUMENT, documented};
use serde_json::Value;
use support::root;

const SERVICES: &[&str] =
    &["anser-user", "anser-auth", "anser-contact", "anser-messaging", "anser-file", "anser-search"];
/// Libraries that belong to an edge of the house: the network outside, the network between processes, the database.
const EDGES: &[&str] = &["axum", "hyper", "hyper-util", "tower", "tonic", "tungstenite", "reqwest", "rusqlite"];

/// Every crate of ours with what it is built from (not what its tests use).
fn crates() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("packages").iter().map(|package| {
        let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
        let used = dependencies.filter(|dependency| dependency["kind"] != "dev").map(|d| text(&d["name"])).collect();
        (text(&package["name"]), (text(&package["description"]), used))
    });
    packages.collect()
}

fn ours(used: &BTreeSet<String>) -> BTreeSet<&str> {
    used.iter().map(String::as_str).filter(|name| name.starts_with("anser")).collect()
}

#[test]
fn crates_use_what_they_may() {
    let crates = crates();
    let only = |name: &str, allowed: &[&str]| {
        let used = ours(&crates[name].1);
        let foreign: Vec<_> = used.iter().filter(|used| !allowed.contains(used)).collect();
        assert!(foreign.is_empty(), "{name} must not know {foreign:?}");
    };
    let without = |name: &str, refused: &[&str]| {
        let used: Vec<_> = refused.iter().filter(|refused| crates[name].1.contains(**refused)).collect();
        assert!(used.is_empty(), "{name} must not know {used:?}");
    };
    only("anser-types", &[]);
    without("anser-types", &[EDGES, &["tokio", "prost", "futures-util"]].concat());
    only("anser-contract", &["anser-types"]);
    without("anser-contract", &["axum", "rusqlite"]);
    only("anser-engine", &["anser-types", "anser-contract"]);
    without("anser-engine", &["axum", "hyper", "tonic", "reqwest"]);
    for service in SERVICES {
        only(service, &["anser-types", "anser-contract", "anser-engine"]);
        // Auth is a client of who sends short messages.
        let vendors = if *service == "anser-auth" { &["hyper-util"][..] } else { &[] };
        without(service, &EDGES.iter().copied().filter(|edge| !vendors.contains(edge)).collect::<Vec<_>>());
    }
    only("anser-gateway", &["anser-types", "anser-contract"]);
    without("anser-gateway", &["rusqlite", "tonic"]);
    // Speech has no store; some of its engines are across the network.
    only("anser-speech", &["anser-types", "anser-contract"]);
    without("anser-speech", &["axum", "hyper", "tower", "tonic", "tungstenite", "reqwest", "rusqlite"]);
    // What judges the server shares no code with it, and its client only the contract's words.
    only("anser-torture", &[]);
    only("anser-client", &["anser-types", "anser-contract"]);
    only("anser-bench", &["anser-types", "anser-contract", "anser-client"]);
    for (name, (_, used)) in &crates {
        let knows_a_service = ours(used).iter().any(|used| SERVICES.contains(used) || *used == "anser-speech");
        assert!(!knows_a_service || name == "anser", "only the binary knows services, not {name}");
    }
}

#[test]
fn every_crate_says_what_it_is_for() {
    for (name, (description, _)) in crates() {
        assert!(description.len() > 20, "{name} has no description");
    }
}

/// Every file that git knows or would know, with its path from the root.
fn files(ending: &str) -> Vec<(PathBuf, String)> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    let paths = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let paths = paths.lines().filter(|path| path.ends_with(ending)).map(PathBuf::from);
    let read = |path: PathBuf| fs::read_to_string(root().join(&path)).ok().map(|text| (path, text));
    paths.filter_map(read).collect()
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.file_stem().is_some_and(|stem| stem == "tests")
}

#[test]
fn every_queue_is_bounded() {
    for (path, text) in files(".rs") {
        if path.ends_with("tidy.rs") {
            continue;
        }
        for word in ["unbounded_channel", "mpsc::unbounded", "UnboundedSender", "UnboundedReceiver"] {
            assert!(!text.contains(word), "{} uses {word}: every queue has a bound", path.display());
        }
    }
}

#[test]
fn every_file_says_what_lives_there_and_is_of_a_readable_length() {
    for (path, text) in files(".rs") {
        assert!(text.starts_with("//!"), "{} does not begin with //!", path.display());
        // Unit tests stand at the end of a file and may take the room that they need.
        let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
        assert!(is_test(&path) || lines <= 500, "{} has {lines} lines: two subjects?", path.display());
    }
}

#[test]
fn exceptions_from_lints_have_a_reason() {
    for (path, text) in files(".rs") {
        for (number, line) in text.lines().enumerate() {
            let lint = ["#[allow(", "#![allow(", "#[expect(", "#![expect("].iter().find(|lint| line.contains(**lint));
            let rest: String = text.lines().skip(number).take(8).collect();
            let reasoned = rest.split(")]").next().is_some_and(|attribute| attribute.contains("reason = "));
            let in_a_string = line.contains("\"#[") || line.contains("\"#![");
            assert!(
                lint.is_none() || reasoned || in_a_string,
                "{}:{}: {line} has no reason",
                path.display(),
                number + 1
            );
        }
    }
}

#[test]
fn services_keep_to_their_own_tables() {
    for service in SERVICES {
        let service = service.trim_start_matches("anser-");
        for (path, text) in files(".sql") {
            if !path.starts_with(format!("crates/{service}")) {
                continue;
            }
            for statement in ["CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX "] {
                for after in text.split(statement).skip(1) {
                    let name = after.trim_start_matches("IF NOT EXISTS ");
                    assert!(name.starts_with(&format!("{service}_")), "{}: {statement}{}", path.display(), &name[..20]);
                }
            }
        }
    }
}

#[test]
fn metrics_are_documented_and_documented_metrics_exist() {
    let mut used = BTreeSet::new();
    for (path, text) in files(".rs") {
        if is_test(&path) || !path.starts_with("crates") || path.starts_with("crates/torture") {
            continue;
        }
        for macro_name in ["counter!(", "gauge!(", "histogram!("] {
            for (place, _) in text.match_indices(macro_name) {
                let described = text[..place].ends_with("describe_");
                let first = text[place + macro_name.len()..].trim_start();
                if let Some(name) = first.strip_prefix('"').and_then(|rest| rest.split('"').next())
                    && !described
                {
                    used.insert((name.to_owned(), macro_name.trim_end_matches("!(").to_owned()));
                }
            }
        }
    }
    let rows: BTreeSet<_> = documented(DOCUMENT).map(|row| (row.name.to_owned(), row.kind.to_owned())).collect();
    let missing: Vec<_> = used.difference(&rows).collect();
    let gone: Vec<_> = rows.difference(&used).collect();
    assert!(missing.is_empty(), "docs/metrics.md does not explain {missing:#?}");
    assert!(gone.is_empty(), "docs/metrics.md explains what nobody counts: {gone:#?}");
    for (name, _) in used {
        let ours = name.starts_with("anser_") || name.starts_with("process_");
        assert!(ours, "{name}: our metrics begin with anser_");
    }
}

#[test]
fn pages_lead_somewhere() {
    for (path, text) in files(".md") {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with('/') {
                continue;
            }
            let place = root().join(&path).parent().expect("a file has a folder").join(target);
            assert!(place.exists(), "{} leads to {link}, which is not there", path.display());
        }
    }
}

/// Each function of the chat-room system names a test of our own API and one of the old protocol. All of them exist, and so
/// do the calls.
#[test]
fn functions_name_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/functions.md")).expect("the table of functions");
    let named = |line: &str| -> Vec<String> {
        line.split('`').skip(1).step_by(2).filter(|word| word.contains("::")).map(str::to_owned).collect()
    };
    for test in text.lines().flat_map(named) {
        let (place, name) = test.rsplit_once("::").expect("it has one");
        let file = root().join("tests/blackbox").join(format!("{}.rs", place.replace("::", "/")));
        let code = fs::read_to_string(&file).unwrap_or_default();
        assert!(code.contains(&format!("async fn {name}(")), "docs/functions.md names {test}, which is not there");
    }
    let api = fs::read_to_string(root().join("docs/openapi.json")).expect("the API's document");
    let api: Value = serde_json::from_str(&api).expect("it is JSON");
    for call in text.split('`').skip(1).step_by(2).filter(|word| word.contains(" /v1/")) {
        let (verb, path) = call.split_once(' ').expect("it has a space");
        let known = api["paths"][path].get(verb.to_lowercase()).is_some();
        assert!(known, "docs/functions.md names {call}, which the API does not have");
    }
    for number in 1..=25 {
        let row = text.lines().find(|line| line.starts_with(&format!("| {number} |"))).expect("25 functions");
        let (old, own): (Vec<_>, Vec<_>) = named(row).into_iter().partition(|test| test.starts_with("chatroom::"));
        assert!(!old.is_empty() && !own.is_empty(), "each function is proved over both APIs: {row}");
    }
}

#[test]
fn the_project_stands_alone() {
    for ending in [".rs", ".md", ".toml", ".proto", ".sql", ".py", ".sh", "Makefile"] {
        for (path, text) in files(ending) {
            if path.ends_with("tidy.rs") {
                continue;
            }
            for word in ["../shared", "/work/", "shared/contract.md", "shared/api.md"] {
                assert!(!text.contains(word), "{} refers to {word}, which is not part of the project", path.display());
            }
        }
    }
}
