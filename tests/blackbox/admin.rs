//! The operator's commands: each does the same to a server that runs as to a store that nobody serves.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Command, time::Duration};

use anser_client::http::LoginDevice;
use anser_tests::{PASSWORD, TestApp, code, texts};
use anser_types::Code;
use serde_json::Value;

const ONE_SECOND: Duration = Duration::from_millis(1_000);

/// Whether somebody can log in so.
async fn logs_in(app: &TestApp, name: &str, password: &str) -> bool {
    app.anonymous().login(name, password, &LoginDevice::default()).await.is_ok()
}

fn states(listed: &str) -> Vec<(String, String)> {
    let account = |line: &str| {
        let account: Value = serde_json::from_str(line).unwrap();
        (account["name"].as_str().unwrap().to_owned(), account["state"].as_str().unwrap().to_owned())
    };
    listed.lines().map(account).collect()
}

#[tokio::test]
async fn people_are_made_shown_renamed_and_given_passwords_with_and_without_a_server() {
    let Some(app) = TestApp::start_own().await else { return };
    for (round, served) in [(1, true), (2, false)] {
        if !served {
            app.crash();
        }
        let (name, new_name) = (format!("Grace {round}"), format!("Admiral {round}"));
        app.admin(&["users", "create", &name, "--nickname", "Amazing"], "first password\n").well();
        let taken = app.admin(&["users", "create", &name.to_uppercase(), "--json"], "first password\n");
        assert_eq!((taken.code, taken.err.contains("already_exists")), (Some(1), true), "{taken:?}");
        let shown = app.admin(&["users", "show", &name, "--json"], "").json();
        assert_eq!((&shown["profile"]["nickname"], &shown["account"]["state"]), (&"Amazing".into(), &"active".into()));

        app.admin(&["users", "rename", &name, &new_name], "").well();
        let made = app.admin(&["users", "reset-password", &new_name, "--generate-password", "--json"], "").json();
        app.admin(&["users", "disable", &new_name, "--yes"], "").well();
        let listed = app.admin(&["users", "list", "--json"], "").well();
        assert!(states(&listed).contains(&(new_name.to_lowercase(), "disabled".to_owned())), "{listed}");
        app.admin(&["users", "enable", &new_name], "").well();

        assert_eq!(app.admin(&["users", "show", "nobody"], "").code, Some(1));
        assert_eq!(app.admin(&["users", "create", "b ad ", "--json"], "long enough\n").code, Some(2));
        let asked = app.admin(&["users", "disable", &new_name], "");
        assert_eq!((asked.code, asked.err.contains("--yes")), (Some(1), true), "{asked:?}");

        if !served {
            app.start_again().await;
        }
        assert!(logs_in(&app, &new_name, made["password"].as_str().unwrap()).await);
        assert!(!logs_in(&app, &new_name, "first password").await);
        assert!(!logs_in(&app, &name, made["password"].as_str().unwrap()).await);
        let shown = app.admin(&["users", "show", &new_name, "--json"], "").json();
        assert_eq!(shown["profile"]["username"], new_name);
        let sessions = app.admin(&["sessions", "list", &new_name, "--json"], "").json();
        assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn who_is_disabled_is_out_within_a_second_and_looks_like_nobody() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let device = alice.online().await;
    app.admin(&["users", "disable", &alice.username, "--yes"], "").well();
    assert_eq!(device.ends_within(ONE_SECOND * 5).await.code, Some(4410));
    assert_eq!(code(alice.client.profile().await), Code::Unauthenticated);
    assert_eq!(code(alice.client.refresh().await), Code::Unauthenticated);

    let (client, new) = (app.anonymous(), LoginDevice::default());
    let unknown = client.login("nobody at all", PASSWORD, &new).await.unwrap_err().to_string();
    for password in [PASSWORD, "something else"] {
        assert_eq!(client.login(&alice.username, password, &new).await.unwrap_err().to_string(), unknown);
    }
    assert_eq!(code(client.register(&alice.username, PASSWORD, "").await), Code::AlreadyExists);
    assert_eq!(code(bob.client.find(&alice.username).await), Code::NotFound);

    app.admin(&["users", "enable", &alice.username], "").well();
    alice.on_another_device().await.client.profile().await.unwrap();
}

#[tokio::test]
async fn sessions_are_listed_and_revoked() {
    let Some(app) = TestApp::start_own().await else { return };
    let alice = app.person("alice").await;
    let other = alice.on_another_device().await;
    let devices = (alice.online().await, other.online().await);
    let listed = app.admin(&["sessions", "list", &alice.username, "--json"], "").json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let newest = listed["items"][0]["session_id"].as_str().unwrap();
    app.admin(&["sessions", "revoke", "--session", newest], "").well();
    assert_eq!(devices.1.ends_within(ONE_SECOND * 5).await.code, Some(4410));
    alice.client.profile().await.unwrap();
    let revoked = app.admin(&["sessions", "revoke", &alice.username, "--json"], "").json();
    assert_eq!(revoked["revoked"], 1);
    assert_eq!(devices.0.ends_within(ONE_SECOND * 5).await.code, Some(4410));

    let bob = app.person("bob").await;
    assert_eq!(app.admin(&["sessions", "revoke", "--all"], "").code, Some(1), "nobody said that it is meant");
    app.admin(&["sessions", "revoke", "--all", "--yes"], "").well();
    assert_eq!(code(bob.client.refresh().await), Code::Unauthenticated);
}

#[tokio::test]
async fn a_reset_password_ends_every_session() {
    let Some(app) = TestApp::start_own().await else { return };
    let alice = app.person("alice").await;
    let device = alice.online().await;
    app.admin(&["users", "reset-password", &alice.username], "a new one\n").well();
    assert_eq!(device.ends_within(ONE_SECOND * 5).await.code, Some(4410));
    assert!(logs_in(&app, &alice.username, "a new one").await);
    assert!(!logs_in(&app, &alice.username, PASSWORD).await);
}

#[tokio::test]
async fn the_socket_is_the_servers_users_alone() {
    let Some(app) = TestApp::start_own().await else { return };
    let socket = app.store_dir().join("admin.sock");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(&app.store_dir()), 0o700);
    app.crash();
    assert!(socket.exists(), "a dead server's socket is still there");
    app.admin(&["schema"], "").well();
    app.start_again().await;
    assert_eq!(mode(&socket), 0o600);
    app.admin(&["schema"], "").well();
}

#[tokio::test]
async fn no_store_is_made_by_mistake_and_the_schema_is_shown_and_made() {
    let Some(app) = TestApp::start_own().await else { return };
    let schema = app.admin(&["schema", "--json"], "").json();
    for service in schema["services"].as_array().unwrap() {
        assert_eq!(service["applied"], service["known"]);
    }
    let elsewhere = app.folder().join("elsewhere");
    for command in [&["users", "list"][..], &["schema"], &["conversations", "verify", "--all"]] {
        let said = app.admin_at(&elsewhere, command).run("");
        assert_eq!((said.code, said.err.contains("no store")), (Some(1), true), "{said:?}");
    }
    assert!(!elsewhere.exists());
    app.admin_at(&elsewhere, &["migrate"]).run("").well();
    app.admin_at(&elsewhere, &["users", "list"]).run("").well();
}

#[tokio::test]
async fn a_conversation_is_shown_and_its_log_adds_up_until_somebody_meddles() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let talk = alice.with(&bob).await;
    for text in ["one", "two", "three"] {
        alice.says(talk, text).await;
    }
    let id = talk.to_string();
    let shown = app.admin(&["conversations", "show", &id, "--json"], "");
    assert!(!shown.out.contains("three"), "what was said is not the operator's");
    let shown = shown.json();
    assert_eq!((shown["kind"].as_str(), shown["member_count"].as_i64()), (Some("direct"), Some(2)));
    assert_eq!(shown["head_seq"], alice.sees(talk).await.head_seq);
    app.admin(&["conversations", "verify", &id], "").well();
    app.admin(&["conversations", "verify", "--all"], "").well();
    let nowhere = anser_types::ConversationId([9; 16]).to_string();
    assert_eq!(app.admin(&["conversations", "verify", &nowhere], "").code, Some(1));

    app.crash();
    app.admin(&["conversations", "verify", "--all"], "").well();
    let meddle = |sql: &str| {
        let script =
            "import sqlite3, sys; s = sqlite3.connect(sys.argv[1]); s.execute(sys.argv[2]); s.commit(); s.close()";
        let store = app.store_dir().join("anser.db");
        assert!(Command::new("python3").args(["-c", script]).arg(store).arg(sql).status().unwrap().success());
    };
    let newest = "(SELECT MAX(position) FROM messaging_entry)";
    meddle(&format!("UPDATE messaging_entry SET body = x'00' WHERE position = {newest}"));
    for served in [false, true] {
        if served {
            app.start_again().await;
        }
        for which in [&id[..], "--all"] {
            let said = app.admin(&["conversations", "verify", which], "");
            assert_eq!((said.code, said.out.contains("checksum is wrong")), (Some(3), true), "{said:?}");
        }
    }
    app.crash();
    meddle(&format!("DELETE FROM messaging_entry WHERE position = {newest} - 1"));
    let said = app.admin(&["conversations", "verify", "--all", "--json"], "");
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.out.contains("the journal lacks entries"), "{said:?}");
}

#[tokio::test]
async fn a_person_moves_to_another_installation() {
    let Some(app) = TestApp::start_own().await else { return };
    let Some(other) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let carol = app.person("carol").await;
    alice.client.block(carol.id).await.unwrap();
    let talk = alice.with(&bob).await;
    alice.says(talk, "our secret").await;
    let path = |name: &str| app.folder().join(name).display().to_string();
    let (alices, bobs) = (path("alice.jsonl"), path("bob.jsonl"));
    app.admin(&["users", "export", &alice.username, "--with-password-hash", "--output", &alices], "").well();
    app.admin(&["users", "export", &bob.username, "--without-messages", "--output", &bobs], "").well();
    let (whole, small) = (std::fs::read_to_string(&alices).unwrap(), std::fs::read_to_string(&bobs).unwrap());
    assert!(whole.contains("our secret") && whole.contains("$argon2id$"));
    assert!(!small.contains("our secret") && !small.contains("$argon2id$"));
    let again = app.admin(&["users", "export", &alice.username, "--output", &alices], "");
    assert_eq!(again.code, Some(1), "no export is overwritten: {again:?}");

    let first = other.admin(&["users", "import", &alices, "--json"], "").json();
    assert_eq!((first["was_there"].as_bool(), first["friends"].as_u64()), (Some(false), Some(0)), "{first}");
    assert_eq!(first["skipped"].as_array().unwrap().len(), 2, "bob and carol are not here: {first}");
    // Through standard input, and without a server.
    other.crash();
    let second = other.admin(&["users", "import", "-", "--json"], &small).json();
    assert_eq!(second["friends"], 1, "{second}");
    other.start_again().await;
    for _ in 0..2 {
        let repeated = other.admin(&["users", "import", &alices, "--json"], "").json();
        assert_eq!(
            (repeated["was_there"].as_bool(), repeated["friends"].as_u64()),
            (Some(true), Some(1)),
            "{repeated}"
        );
    }
    assert_eq!(other.admin(&["users", "import", "-"], &whole[..whole.len() / 2]).code, Some(1), "half an export");

    let moved = other.anonymous();
    moved.login(&alice.username, PASSWORD, &LoginDevice::default()).await.unwrap();
    assert_eq!(moved.profile().await.unwrap().user_id, alice.id.as_bytes());
    let friends = moved.friends(0, "").await.unwrap().items;
    assert_eq!(friends.len(), 1);
    assert!(logs_in(&other, &bob.username, second["password"].as_str().unwrap()).await);
    // Logs are not brought along.
    let talk = moved.conversations(10, "").await.unwrap().items.remove(0);
    let talk = anser_types::ConversationId::try_from(&talk.conversation_id[..]).unwrap();
    assert!(texts(&moved.sync_conversation(talk, 0, 0).await.unwrap().entries).is_empty());
}
