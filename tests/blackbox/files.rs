//! Files: how they come, whose they are, how they are had again.

use std::{collections::BTreeMap, process::Command, time::Duration};

use anser_client::v1::event::Event;
use anser_tests::{PASSWORD, Person, TestApp, file_id, png, until};
use reqwest::{Method, Response};
use serde_json::{Value, json};

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn json_of(answer: Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn begin(person: &Person, name: &str, size: usize) -> Value {
    let (status, upload) =
        person.answered(Method::POST, "/v1/uploads", Some(json!({ "name": name, "size": size }))).await;
    assert_eq!(status, 201, "{upload}");
    upload
}

async fn put_part(person: &Person, upload: &str, part: usize, body: &[u8]) -> u16 {
    let path = format!("/v1/uploads/{upload}/parts/{part}");
    person.calls(Method::PUT, &path, &[], body).await.status().as_u16()
}

#[tokio::test]
async fn a_file_comes_with_one_request_and_is_its_senders_alone() {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let file = alice.sends_file("r%C3%A9sum%C3%A9.txt", "hello").await;
    assert_eq!(
        (file.name.as_str(), file.size, file.media_type.as_str()),
        ("résumé.txt", 5, "application/octet-stream")
    );
    assert_eq!(file.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    let id = file_id(&file);
    assert_eq!(alice.fetches(&id).await.unwrap(), b"hello");
    for path in [format!("/v1/files/{id}"), format!("/v1/files/{id}/content"), format!("/v1/files/{id}/thumbnail")] {
        let (status, problem) = bob.answered(Method::GET, &path, None).await;
        assert_eq!((status, problem["code"].as_str()), (404, Some("not_found")), "{path}");
    }
    // The same content is stored once, and stays each one's own.
    let bobs = bob.sends_file("mine", "hello").await;
    assert_eq!(bobs.sha256, file.sha256);
    assert!(alice.fetches(&file_id(&bobs)).await.is_none());
    let usage = alice.answered(Method::GET, "/v1/files:usage", None).await.1;
    assert_eq!((usage["bytes_used"].as_i64(), usage["files"].as_i64()), (Some(5), Some(1)));
    // A key makes one file, however often the request comes; another checksum than promised makes none.
    let twice = [("idempotency-key", "once")];
    let one = json_of(alice.calls(Method::POST, "/v1/files?name=k", &twice, "keyed").await).await;
    let other = json_of(alice.calls(Method::POST, "/v1/files?name=k", &twice, "keyed").await).await;
    assert_eq!(one["file_id"], other["file_id"]);
    let wrong = alice.calls(Method::POST, &format!("/v1/files?sha256={}", "0".repeat(64)), &[], "x").await;
    assert_eq!(wrong.status(), 400);
}

#[tokio::test]
async fn the_same_content_is_stored_once() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    for name in ["one", "two"] {
        alice.sends_file(name, "the same").await;
        bob.sends_file(name, "the same").await;
    }
    let mut found = 0;
    for folder in std::fs::read_dir(app.store_dir().join("blobs")).unwrap() {
        found += std::fs::read_dir(folder.unwrap().path()).unwrap().count();
    }
    assert_eq!(found, 1);
    assert_eq!(std::fs::read_dir(app.store_dir().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_crash_with_its_parts_in_any_order() {
    let Some(app) = TestApp::start_with(&["files.part_mib=1"]).await else { return };
    let alice = app.person("alice").await;
    let bytes: Vec<u8> = (0..2_500_000u32).map(|number| (number / 7) as u8).collect();
    let parts: Vec<&[u8]> = bytes.chunks(1 << 20).collect();
    let upload = begin(&alice, "large.bin", bytes.len()).await;
    let id = upload["upload_id"].as_str().unwrap().to_owned();
    assert_eq!((upload["parts"].as_u64(), upload["part_bytes"].as_u64()), (Some(3), Some(1 << 20)));
    assert_eq!(put_part(&alice, &id, 3, parts[2]).await, 204);
    assert_eq!(put_part(&alice, &id, 1, &[9; 1 << 20]).await, 204);
    let complete = format!("/v1/uploads/{id}:complete");
    assert_eq!(alice.answered(Method::POST, &complete, None).await.0, 400, "one part is missing");

    app.crash();
    app.start_again().await;
    let known = alice.answered(Method::GET, &format!("/v1/uploads/{id}"), None).await.1;
    assert_eq!(known["received"], json!([1, 3]));
    let open = alice.answered(Method::GET, "/v1/uploads", None).await.1;
    assert_eq!(open["items"][0]["upload_id"], id);
    assert_eq!(put_part(&alice, &id, 1, parts[0]).await, 204, "a part is replaced");
    assert_eq!(put_part(&alice, &id, 2, &parts[1][1..]).await, 400, "and is as long as it must be");
    assert_eq!(put_part(&alice, &id, 2, parts[1]).await, 204);
    let (status, file) = alice.answered(Method::POST, &complete, None).await;
    assert_eq!((status, file["size"].as_u64()), (200, Some(bytes.len() as u64)));
    assert_eq!(alice.answered(Method::POST, &complete, None).await.1, file, "again: the same");
    assert!(alice.fetches(file["file_id"].as_str().unwrap()).await.unwrap() == bytes);
    assert_eq!(put_part(&alice, &id, 1, parts[0]).await, 404, "it is a file now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_amid_completion_leaves_a_whole_file_or_an_upload() {
    let Some(app) = TestApp::start_with(&["files.part_mib=1"]).await else { return };
    let alice = app.person("alice").await;
    for round in 0..6u8 {
        let bytes = vec![round; (1 << 20) + 17];
        let id = begin(&alice, "x", bytes.len()).await["upload_id"].as_str().unwrap().to_owned();
        for (index, part) in bytes.chunks(1 << 20).enumerate() {
            assert_eq!(put_part(&alice, &id, index + 1, part).await, 204);
        }
        let path = format!("/v1/uploads/{id}:complete");
        let client = alice.client.clone();
        let asked = tokio::spawn({
            let path = path.clone();
            async move { client.call(Method::POST, &path, None, &[]).await.is_ok_and(|answer| answer.status == 200) }
        });
        // Somewhere in the middle of it, each time somewhere else.
        tokio::time::sleep(Duration::from_millis(u64::from(round) * 3)).await;
        app.crash();
        let said_done = asked.await.unwrap();
        app.start_again().await;
        match alice.fetches(&id).await {
            Some(found) => assert!(found == bytes, "round {round}: a part of it"),
            None => {
                assert!(!said_done, "round {round}: it was said to be complete");
                let (status, file) = alice.answered(Method::POST, &path, None).await;
                assert_eq!(status, 200, "round {round}: {file}");
                assert!(alice.fetches(&id).await.unwrap() == bytes);
            }
        }
    }
}

#[tokio::test]
async fn ranges_validators_and_headers_are_as_http_has_them() {
    let app = TestApp::start().await;
    let alice = app.person("alice").await;
    let file = alice.sends_file("a.txt", "0123456789").await;
    let path = format!("/v1/files/{}/content", file_id(&file));
    let get = async |headers: &[(&str, &str)]| alice.calls(Method::GET, &path, headers, "").await;

    let whole = get(&[]).await;
    assert_eq!((whole.status().as_u16(), header(&whole, "content-length").as_str()), (200, "10"));
    assert_eq!(header(&whole, "accept-ranges"), "bytes");
    assert_eq!(header(&whole, "x-content-type-options"), "nosniff");
    assert!(header(&whole, "content-security-policy").contains("sandbox"));
    assert_eq!(header(&whole, "content-disposition"), "attachment; filename=\"a.txt\"");
    let etag = header(&whole, "etag");
    assert_eq!(etag, format!("\"{}\"", file.sha256));
    for (range, expected, said) in
        [("bytes=0-3", "0123", "bytes 0-3/10"), ("bytes=7-", "789", "bytes 7-9/10"), ("bytes=-2", "89", "bytes 8-9/10")]
    {
        let part = get(&[("range", range)]).await;
        assert_eq!((part.status().as_u16(), header(&part, "content-range").as_str()), (206, said), "{range}");
        assert_eq!(part.text().await.unwrap(), expected);
    }
    let nothing = get(&[("range", "bytes=10-")]).await;
    assert_eq!((nothing.status().as_u16(), header(&nothing, "content-range").as_str()), (416, "bytes */10"));
    assert_eq!(get(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await.status(), 200);
    assert_eq!(get(&[("range", "bytes=0-1"), ("if-range", &etag)]).await.status(), 206);
    let known = get(&[("if-none-match", &etag)]).await;
    assert_eq!((known.status().as_u16(), known.text().await.unwrap().as_str()), (304, ""));
    let head = alice.calls(Method::HEAD, &path, &[], "").await;
    assert_eq!((head.status().as_u16(), header(&head, "content-length").as_str()), (200, "10"));
}

#[tokio::test]
async fn several_files_come_and_go_with_one_request_each_with_its_own_outcome() {
    let Some(app) = TestApp::start_with(&["files.at_once_mib=1"]).await else { return };
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    let large = "x".repeat((1 << 20) + 1);
    let mut form = String::new();
    for (name, content) in [("a.txt", "first"), ("large", &large), ("a.txt", "second"), ("..%2F\u{202e}", "third")] {
        form += &format!("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n{content}\r\n");
    }
    form += "--B--\r\n";
    let kind = [("content-type", "multipart/form-data; boundary=B")];
    let answer = alice.calls(Method::POST, "/v1/files:batch", &kind, form).await;
    assert_eq!(answer.status(), 200);
    let items = json_of(answer).await["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 4);
    assert_eq!(items[1]["error"]["code"], "too_large");
    let ids: Vec<&str> =
        [0, 2, 3].iter().map(|&index: &usize| items[index]["file"]["file_id"].as_str().unwrap()).collect();

    let bobs = file_id(&bob.sends_file("secret", "not yours").await);
    let wanted = json!({ "file_ids": [ids[0], bobs, ids[1], ids[2]] }).to_string();
    let json_kind = [("content-type", "application/json")];
    let answer = alice.calls(Method::POST, "/v1/files:zip", &json_kind, wanted).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "content-type").as_str()), (200, "application/zip"));
    let length: usize = header(&answer, "content-length").parse().unwrap();
    let archive = answer.bytes().await.unwrap();
    assert_eq!(archive.len(), length);
    let path = app.folder().join("files.zip");
    std::fs::write(&path, &archive).unwrap();
    let read = "import json,sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                print(json.dumps({i.filename: z.read(i).decode() for i in z.infolist()}))";
    let said = Command::new("python3").args(["-c", read]).arg(&path).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let found: BTreeMap<String, String> = serde_json::from_slice(&said.stdout).unwrap();
    let expected = [
        ("a.txt", "first".to_owned()),
        ("a (2).txt", "second".to_owned()),
        ("..%2F", "third".to_owned()),
        ("missing.txt", format!("{bobs}\n")),
    ];
    assert_eq!(found, expected.map(|(name, text)| (name.to_owned(), text)).into());
}

#[tokio::test]
async fn a_signed_address_stands_for_who_made_it_until_their_session_ends() {
    let app = TestApp::start().await;
    let alice = app.person("alice").await;
    let file = file_id(&alice.sends_file("a", "signed").await);
    let phone = alice.on_another_device().await;
    let (status, signed) = phone.answered(Method::POST, &format!("/v1/files/{file}:sign"), None).await;
    assert_eq!(status, 200, "{signed}");
    let url = signed["url"].as_str().unwrap();
    let get = async |url: &str| app.anonymous().call(Method::GET, url, None, &[]).await.unwrap();
    let answer = get(url).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"signed"[..]));
    let forged = url.replace(&url[30..32], if &url[30..32] == "00" { "11" } else { "00" });
    assert_eq!(get(&forged).await.status, 404);
    phone.client.logout().await.unwrap();
    until("the address is worth nothing", || async { get(url).await.status == 401 }).await;
}

#[tokio::test]
async fn a_face_is_made_anew_and_seen_by_friends_at_once() {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let eve = app.person("eve").await;
    let bobs = bob.online().await;
    let picture = png(500, 300);
    let answer =
        alice.calls(Method::PUT, "/v1/users/me/avatar", &[("content-type", "image/png")], picture.clone()).await;
    assert_eq!(answer.status(), 200);
    let face = json_of(answer).await["avatar"].as_str().unwrap().to_owned();
    bobs.hears("the new face", |event| match event {
        Event::ProfileUpdated(profile) if profile.avatar == face => Some(()),
        _ => None,
    })
    .await;
    assert_eq!(bob.client.user(alice.id).await.unwrap().avatar, face);
    let seen = eve.fetches(&face).await.expect("a face is for everybody who is signed in");
    assert!(seen.starts_with(b"\xff\xd8\xff") && seen != picture);
    let small = eve.calls(Method::GET, &format!("/v1/files/{face}/small"), &[], "").await;
    assert_eq!(small.status(), 200);
    assert!(small.bytes().await.unwrap().len() <= 6 << 10);

    let own = file_id(&alice.sends_file("p.png", png(60, 60)).await);
    let named = json!({ "file_id": own });
    let (status, profile) = alice.answered(Method::PUT, "/v1/users/me/avatar", Some(named.clone())).await;
    assert_eq!(status, 200, "{profile}");
    assert_eq!(bob.answered(Method::PUT, "/v1/users/me/avatar", Some(named)).await.0, 404);
    let text = alice.calls(Method::PUT, "/v1/users/me/avatar", &[("content-type", "image/png")], "no picture").await;
    assert_eq!(text.status(), 415);
    let gone = alice.answered(Method::DELETE, "/v1/users/me/avatar", None).await.1;
    assert_eq!(gone["avatar"], "");

    let group = alice.group("ours", &[&bob]).await;
    let made = alice.calls(Method::POST, "/v1/avatars", &[("content-type", "image/png")], png(80, 80)).await;
    let made = json_of(made).await["file_id"].as_str().unwrap().to_owned();
    let changes = json!({ "avatar": made });
    assert_eq!(alice.answered(Method::PATCH, &format!("/v1/conversations/{group}"), Some(changes)).await.0, 200);
    assert!(bob.fetches(&made).await.is_some());
}

#[tokio::test]
async fn pictures_get_thumbnails() {
    let app = TestApp::start().await;
    let alice = app.person("alice").await;
    let picture = alice.sends_file("p.txt", png(640, 480)).await;
    assert_eq!((picture.media_type.as_str(), picture.width, picture.height), ("image/png", 640, 480));
    let path = format!("/v1/files/{}", file_id(&picture));
    until("the thumbnail is made", || async {
        alice.answered(Method::GET, &path, None).await.1["has_thumbnail"] == true
    })
    .await;
    let thumbnail = alice.calls(Method::GET, &format!("{path}/thumbnail"), &[], "").await;
    assert_eq!((thumbnail.status().as_u16(), header(&thumbnail, "content-type").as_str()), (200, "image/jpeg"));
    let shown = alice.calls(Method::GET, &format!("{path}/content?inline=true"), &[], "").await;
    assert!(header(&shown, "content-disposition").starts_with("inline"));
}

#[tokio::test]
async fn nobody_has_more_than_their_share() {
    let Some(app) = TestApp::start_with(&["files.quota_mib=2", "files.at_once_mib=1", "files.largest_mib=2"]).await
    else {
        return;
    };
    let alice = app.person("alice").await;
    let send = async |bytes: usize| {
        let answer = alice.calls(Method::POST, "/v1/files", &[], vec![bytes as u8; bytes]).await;
        let status = answer.status().as_u16();
        (status, json_of(answer).await["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(send((1 << 20) + 1).await, (413, "too_large".into()));
    for bytes in [1 << 20, (1 << 20) - 1] {
        assert_eq!(send(bytes).await.0, 201);
    }
    assert_eq!(send(2).await, (409, "limit_exceeded".into()));
    assert_eq!(send(1).await.0, 201);
    let (status, problem) = alice.answered(Method::POST, "/v1/uploads", Some(json!({ "size": 1 << 30 }))).await;
    assert_eq!((status, problem["code"].as_str()), (413, Some("too_large")));
}

#[tokio::test]
async fn closing_an_account_takes_its_files() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    alice.sends_file("a", "only hers").await;
    let face = alice.calls(Method::PUT, "/v1/users/me/avatar", &[("content-type", "image/png")], png(60, 60)).await;
    let face = json_of(face).await["avatar"].as_str().unwrap().to_owned();
    assert!(bob.fetches(&face).await.is_some());
    alice.client.close_account(PASSWORD).await.unwrap();
    until("the face is gone", || async { bob.fetches(&face).await.is_none() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_goes_through_a_server_that_does_not_grow() {
    let Some(app) = TestApp::start_own().await else { return };
    let alice = app.person("alice").await;
    let resident = || -> u64 {
        let of = |id: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
            let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
        };
        app.process_ids().iter().map(of).sum()
    };
    alice.sends_file("first", vec![1; 1 << 20]).await;
    let before = resident();
    let part = vec![7u8; 8 << 20];
    let id = begin(&alice, "large", 25 * part.len()).await["upload_id"].as_str().unwrap().to_owned();
    let mut most = 0;
    for number in 1..=25 {
        assert_eq!(put_part(&alice, &id, number, &part).await, 204);
        most = most.max(resident());
    }
    assert_eq!(alice.answered(Method::POST, &format!("/v1/uploads/{id}:complete"), None).await.0, 200);
    most = most.max(resident());
    let mut answer = alice.calls(Method::GET, &format!("/v1/files/{id}/content"), &[], "").await;
    let mut length = 0;
    while let Some(bytes) = answer.chunk().await.unwrap() {
        length += bytes.len();
        if length % (16 << 20) < bytes.len() {
            most = most.max(resident());
        }
    }
    assert_eq!(length, 25 * part.len());
    let grown = most.saturating_sub(before) / 1_024;
    assert!(grown < 48, "{grown} MiB more");
}
