//! `docs/openapi.json` is what the server answers at `/openapi.json`.

use std::path::PathBuf;

use anser_gateway::http::{openapi_document, table};

#[test]
fn the_checked_in_document_is_the_generated_one() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let generated = openapi_document(&table()) + "\n";
    if std::env::var_os("ANSER_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "docs/openapi.json is not what the route table says; look at the difference and renew it with\n\
         ANSER_UPDATE_SNAPSHOTS=1 cargo test -p anser-gateway --test openapi"
    );
}
