//! Files and requests that were made to do harm: they are bytes, and nothing runs, nothing leads out, nobody crashes.

use anser_tests::{TestApp, file_id, png};
use reqwest::Method;

/// A picture whose head promises more than anybody should unfold.
fn bomb() -> Vec<u8> {
    let mut bytes = png(4, 4);
    bytes[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    bytes
}

#[tokio::test]
async fn nothing_that_people_send_runs_in_a_browser() {
    let app = TestApp::start().await;
    let alice = app.person("alice").await;
    let page = b"<!doctype html><script>alert(document.cookie)</script>".to_vec();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    let both = [png(4, 4), page.clone()].concat();
    for (name, kind, bytes) in [
        ("a.html", "text/html", page),
        ("a.svg", "image/svg+xml", svg),
        ("a.png", "text/html", both),
        ("b.png", "image/png", bomb()),
    ] {
        let path = format!("/v1/files?name={name}");
        let sent = alice.calls(Method::POST, &path, &[("content-type", kind)], bytes.clone()).await;
        let file: serde_json::Value = serde_json::from_str(&sent.text().await.unwrap()).unwrap();
        let media_type = file["media_type"].as_str().unwrap();
        assert!(["application/octet-stream", "image/png"].contains(&media_type), "{name}: {media_type}");
        let id = file["file_id"].as_str().unwrap();
        let got = alice.calls(Method::GET, &format!("/v1/files/{id}/content?inline=true"), &[], "").await;
        let header = |name: &str| got.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-security-policy").contains("default-src 'none'"));
        assert!(header("content-security-policy").contains("sandbox"));
        let inline = header("content-disposition").starts_with("inline");
        assert_eq!(inline, media_type == "image/png", "{name}");
        assert_eq!(got.bytes().await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn names_lead_nowhere() {
    let Some(app) = TestApp::start_own().await else { return };
    let alice = app.person("alice").await;
    for (given, kept) in [
        ("..%2F..%2Fetc%2Fpasswd", ".._.._etc_passwd"),
        ("a%00b%0D%0ASet-Cookie:%20x=1", "abSet-Cookie: x=1"),
        ("..", "file"),
        ("", "file"),
        ("%E2%80%AEgpj.exe", "gpj.exe"),
    ] {
        let file = alice.sends_file(given, given.to_owned()).await;
        assert_eq!(file.name, kept, "{given}");
        let got = alice.calls(Method::GET, &format!("/v1/files/{}/content", file_id(&file)), &[], "").await;
        assert!(got.headers().get("set-cookie").is_none());
        assert!(got.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\""));
    }
    let absurd = format!("/v1/files?name={}", "x".repeat(10_000));
    assert_eq!(alice.calls(Method::POST, &absurd, &[], "x").await.status(), 400);
    for path in ["/v1/files/..%2F..%2Fsecrets/content", "/v1/files/%00/content", "/v1/downloads/..%2Fsecrets"] {
        assert!(alice.calls(Method::GET, path, &[], "").await.status().is_client_error(), "{path}");
    }
    for folder in std::fs::read_dir(app.store_dir().join("blobs")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    }
}

#[tokio::test]
async fn bombs_cost_nothing_and_torn_requests_leave_nothing() {
    let Some(app) = TestApp::start_own().await else { return };
    let alice = app.person("alice").await;
    for _ in 0..5 {
        let sent = alice.calls(Method::PUT, "/v1/users/me/avatar", &[("content-type", "image/png")], bomb()).await;
        assert_eq!(sent.status(), 415);
    }
    let file = alice.sends_file("b.png", bomb()).await;
    let thumbnail = alice.calls(Method::GET, &format!("/v1/files/{}/thumbnail", file_id(&file)), &[], "").await;
    assert_eq!(thumbnail.status(), 404);
    for (kind, body) in [
        ("multipart/form-data", "no boundary"),
        (
            "multipart/form-data; boundary=B",
            "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\ntorn",
        ),
        ("multipart/form-data; boundary=B", "garbage"),
        ("text/plain", "hello"),
    ] {
        let answer = alice.calls(Method::POST, "/v1/files:batch", &[("content-type", kind)], body).await;
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        assert!(matches!(status, 200 | 400 | 415), "{status} {text}");
        assert!(!text.contains("\"file\":{"), "{text}");
    }
    assert_eq!(alice.answered(Method::GET, "/v1/uploads", None).await.1["items"].as_array().unwrap().len(), 0);
}
