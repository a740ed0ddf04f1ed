//! A client by somebody who has read the protocol's document and nothing else.

use std::path::Path;

use anser_tests::{TestApp, within};

#[tokio::test]
async fn a_client_of_two_hundred_lines_talks_syncs_resumes_and_overflows_in_both_encodings() {
    // The limits are those of a server that nobody configured: the stranger has read that they are told in `welcome`.
    let app = TestApp::start().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("stranger/client.py");
    let lines = std::fs::read_to_string(&script).unwrap().lines().count();
    assert!(lines <= 200, "{lines} lines");
    let python = tokio::process::Command::new("python3").arg(script).arg(app.url()).output();
    let output = within(std::time::Duration::from_secs(60), "the stranger finishes", python).await.unwrap();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{error}");
    assert!(said.contains("ok json") && said.contains("ok proto"), "{said}");
}
