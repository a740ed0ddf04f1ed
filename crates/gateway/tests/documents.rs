//! The documents in `docs/` say what the code says.
#![expect(clippy::unwrap_used, reason = "a panic is how tests and their helpers fail")]

use std::{fmt::Write as _, path::PathBuf};

use anser_gateway::{
    http::{openapi_document, table},
    routes::Class,
};
use anser_types::Code;

const UPDATE: &str = "ANSER_UPDATE_SNAPSHOTS";

#[test]
fn openapi_json_is_what_the_server_answers() {
    keep("openapi.json", |_| openapi_document(&table()) + "\n");
}

#[test]
fn api_md_lists_every_code_and_every_path() {
    keep("api.md", |text| {
        let text = section(text, "errors", &errors());
        section(&text, "paths", &paths())
    });
}

/// Compares a document with what it should be, or writes it.
fn keep(name: &str, should_be: impl Fn(&str) -> String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let wanted = should_be(&found);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &wanted).unwrap();
        return;
    }
    assert!(
        found == wanted,
        "docs/{name} is not what the code says; look at the difference and renew it with\n\
         {UPDATE}=1 cargo test -p anser-gateway --test documents"
    );
}

/// `text` with the part between the markers of `name` replaced.
fn section(text: &str, name: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name}:"), format!("<!-- end {name} -->"));
    let start = text.find(&begin).unwrap_or_else(|| panic!("{begin} is missing"));
    let start = start + text[start..].find("-->\n").unwrap() + "-->\n".len();
    let stop = text.find(&end).unwrap_or_else(|| panic!("{end} is missing"));
    format!("{}\n{content}\n{}", &text[..start], &text[stop..])
}

fn errors() -> String {
    let mut out = String::from("| Code | HTTP | Retryable | Meaning |\n|---|---|---|---|\n");
    for code in Code::ALL {
        let retryable = if code.retryable() { "yes" } else { "no" };
        let _ = writeln!(out, "| `{code}` | {} | {retryable} | {} |", code.http_status(), code.meaning());
    }
    out
}

fn paths() -> String {
    let mut out = String::from("| Method | Path | Who | What it does |\n|---|---|---|---|\n");
    for row in table() {
        let who = match row.class_of() {
            Some(Class::Public) => "public",
            Some(Class::User) => "user",
            Some(Class::Admin) => "admin",
            Some(Class::Service) => "service",
            None => panic!("{} is not classified", row.path()),
        };
        let _ = writeln!(out, "| {} | `{}` | {who} | {} |", row.method(), row.path(), row.summary());
    }
    out
}
