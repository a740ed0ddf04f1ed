//! Backups: taken while people write, whole or none, and put back.

use std::{fs, path::Path, time::Duration};

use anser_client::{Incoming, SocketOptions, http::LoginDevice};
use anser_tests::{Device, PASSWORD, Person, TestApp, code, file_id, png, soon, until};
use anser_types::{Code, ConversationId};

/// What was acknowledged.
type Acked = Vec<(i64, Vec<u8>)>;

/// Sends one message after the other until it is told to stop, or the server is gone.
async fn writes(person: Person, conversation: ConversationId, stop: tokio::sync::watch::Receiver<bool>) -> Acked {
    let mut acked = Acked::new();
    while !*stop.borrow() {
        let message = person.message(conversation, &acked.len().to_string());
        let Ok(ack) = person.client.send(&message).await else { break };
        acked.push((ack.seq, message.client_msg_id));
    }
    acked
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_backup_under_load_is_in_it() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let talk = alice.with(&bob).await;
    let before: Vec<_> = (0..50).map(|number| alice.message(talk, &number.to_string())).collect();
    let mut acked = Acked::new();
    for message in &before {
        acked.push((alice.client.send(message).await.unwrap().seq, message.client_msg_id.clone()));
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writing = tokio::spawn(writes(bob.clone(), talk, stopped));
    let backup = app.folder().join("backup");
    let command = app.admin_command(&["backup", "create", text(&backup), "--json"]);
    let made = tokio::task::spawn_blocking(move || command.run("")).await.unwrap().json();
    assert_eq!(made["verified"], true);
    stop.send(true).unwrap();
    let during = writing.await.unwrap();
    assert!(!during.is_empty(), "somebody wrote meanwhile");
    let resume = alice.online().await.resume_point().await;
    let heads = alice.client.sync_heads("", 0).await.unwrap().next_token;
    let me = alice.client.sync_me("").await.unwrap().next_token;
    let lost = app.person("lost").await;

    let mode =
        |path: &Path| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777;
    assert_eq!(mode(&backup), 0o700);
    for entry in fs::read_dir(&backup).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    app.admin(&["backup", "verify", text(&backup)], "").well();
    let refused = app.admin(&["restore", text(&backup), "--replace", "--yes"], "");
    assert_eq!((refused.code, refused.err.contains("in use")), (Some(1), true), "a server runs: {refused:?}");
    app.crash();
    assert_eq!(app.admin(&["restore", text(&backup)], "").code, Some(1), "there is a store");
    let restored = app.admin(&["restore", text(&backup), "--replace", "--yes", "--json"], "").json();
    assert!(Path::new(restored["replaced"].as_str().unwrap()).join("anser.db").exists());
    app.admin(&["conversations", "verify", "--all"], "").well();
    app.start_again().await;

    // Sessions ended, passwords did not.
    assert_eq!(code(alice.client.profile().await), Code::Unauthenticated);
    assert_eq!(code(lost.client.profile().await), Code::Unauthenticated);
    for person in [&alice, &bob] {
        person.client.login(&person.username, PASSWORD, &LoginDevice::default()).await.unwrap();
    }
    let log = alice.syncs(talk).await.entries;
    for (seq, client_msg_id) in &acked {
        assert_eq!(&log.iter().find(|entry| entry.seq == *seq).unwrap().client_msg_id, client_msg_id);
    }
    // What came meanwhile is there up to a point, and nothing behind it.
    let there: Vec<bool> = during.iter().map(|(_, id)| log.iter().any(|entry| entry.client_msg_id == *id)).collect();
    assert!(there.is_sorted_by(|one, next| one >= next), "{there:?}");
    // A retry of what is there is recognised; the log goes on behind it.
    let again = alice.client.send(&before[7]).await.unwrap();
    assert_eq!((again.seq, again.dup), (acked[7].0, true));
    let head = log.last().unwrap().seq;
    assert_eq!(bob.says(talk, "and on").await.seq, head + 1);

    // Clients that may be ahead are told so.
    assert_eq!(code(alice.client.sync_heads(&heads, 0).await), Code::SyncRequired);
    until(
        "the gateway knows the store",
        async || !matches!(alice.client.sync_me(&me).await, Err(error) if error.code() == Some(Code::Unavailable)),
    )
    .await;
    assert_eq!(code(alice.client.sync_me(&me).await), Code::SyncRequired);
    let device = Device::open(&alice, Some(resume), SocketOptions::default()).await.unwrap();
    assert!(!device.socket.welcome().resumed);
    assert!(matches!(soon("sync_required", device.socket.next()).await, Incoming::SyncRequired(_)));
}

#[tokio::test]
async fn a_store_is_put_into_an_empty_directory_and_sessions_may_stay() {
    let Some(app) = TestApp::start_own().await else { return };
    let alice = app.person("alice").await;
    let picture = alice.sends_file("face.png", png(40, 30)).await;
    app.crash();
    // Without a server too.
    let backup = app.folder().join("backup");
    app.admin(&["backup", "create", text(&backup)], "").well();
    assert_eq!(app.admin(&["backup", "create", text(&backup)], "").code, Some(1), "it is there already");
    let verified = app.admin(&["backup", "verify", text(&backup), "--json"], "").json();
    assert_eq!((verified["files"].as_i64(), verified["file_bytes"].as_i64()), (Some(1), Some(picture.size)));
    fs::rename(app.store_dir(), app.folder().join("gone")).unwrap();
    let restored = app.admin(&["restore", text(&backup), "--keep-sessions", "--json"], "").json();
    assert_eq!(restored["replaced"], serde_json::Value::Null);
    app.start_again().await;
    alice.client.profile().await.unwrap();
    alice.client.refresh().await.unwrap();
    assert_eq!(alice.fetches(&file_id(&picture)).await.unwrap(), png(40, 30));
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_nothing_is_touched() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    alice.says(alice.with(&bob).await, "hello").await;
    alice.sends_file("notes.txt", "what is in it").await;
    let backup = app.folder().join("backup");
    app.admin(&["backup", "create", text(&backup)], "").well();
    app.crash();
    let before = fs::read_dir(app.store_dir()).unwrap().count();
    let inside = |dir: &Path| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let (folders, mut names): (Vec<_>, Vec<_>) = inside(&backup).into_iter().partition(|path| path.is_dir());
    assert_eq!((folders.len(), names.len()), (1, 5), "{names:?}");
    names.extend(inside(&inside(&folders[0])[0]));
    assert_eq!(names.len(), 6, "the content of the file too");
    for path in names {
        let sound = fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        let short = sound[..middle].to_vec();
        for wrong in [damaged, short] {
            fs::write(&path, wrong).unwrap();
            let said = app.admin(&["backup", "verify", text(&backup)], "");
            assert_eq!(said.code, Some(3), "{}: {said:?}", path.display());
            let said = app.admin(&["restore", text(&backup), "--replace", "--yes"], "");
            assert_eq!((said.code, said.err.contains("nothing was done")), (Some(1), true), "{said:?}");
        }
        fs::write(&path, sound).unwrap();
    }
    app.admin(&["backup", "verify", text(&backup)], "").well();
    fs::write(backup.join("anser.db-wal"), "what does not belong there").unwrap();
    assert_eq!(app.admin(&["backup", "verify", text(&backup)], "").code, Some(3));
    assert_eq!(fs::read_dir(app.store_dir()).unwrap().count(), before);
    app.start_again().await;
    alice.client.profile().await.unwrap();
}

/// Killed wherever they are, the command and the server leave a whole backup or none of that name.
#[tokio::test]
async fn half_a_backup_is_never_taken_for_a_whole_one() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let talk = alice.with(&bob).await;
    for delay in [0u64, 5, 20, 60, 150] {
        alice.says(talk, "on and on").await;
        let backup = app.folder().join(format!("backup-{delay}"));
        app.admin_command(&["backup", "create", text(&backup)]).run_and_kill(Duration::from_millis(delay));
        if backup.exists() {
            app.admin(&["backup", "verify", text(&backup)], "").well();
        } else {
            // What was left is in nobody's way once the server has seen that nobody waits any more.
            until("the next one is made", async || {
                let said = app.admin(&["backup", "create", text(&backup)], "");
                said.code == Some(0)
            })
            .await;
        }
    }
    for delay in [0u64, 10, 40] {
        let backup = app.folder().join(format!("crashed-{delay}"));
        let command = app.admin_command(&["backup", "create", text(&backup)]);
        let made = tokio::task::spawn_blocking(move || command.run(""));
        tokio::time::sleep(Duration::from_millis(delay)).await;
        app.crash();
        let said = made.await.unwrap();
        assert_eq!(backup.exists(), said.code == Some(0), "{said:?}");
        if backup.exists() {
            app.admin(&["backup", "verify", text(&backup)], "").well();
        }
        app.start_again().await;
    }
    assert_eq!(code(app.anonymous().profile().await), Code::Unauthenticated);
}
