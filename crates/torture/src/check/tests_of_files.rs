//! The judge of files and of search: stories that are in order, and what breaks them.

use serde_json::{Value, json};

use super::{
    Invariant,
    script::{ALICE, BOB, Script},
};

const FETCH: (&str, &str) = ("GET", "/v1/files/f1/content");
const FORWARD: (&str, &str) = ("POST", "/v1/conversations/g/messages:forward");
const SEARCH: (&str, &str) = ("GET", "/v1/search/messages?q=wabc");

/// Alice sent a file and said it (3).
fn with_a_file() -> Script {
    let mut script = Script::new();
    script.calls("alice", ("POST", "/v1/files?name=wabc.bin"), json!({"content": "abc"}), json!({"file_id": "f1"}));
    let content = json!({"file": {"file_id": "f1", "caption": ""}});
    let seq = script.logged("alice", "m1", content.clone());
    let send = json!({"conversation_id": "g", "client_msg_id": "m1", "content": content});
    let id = script.asks(ALICE, "send", send);
    script.acked(ALICE, id, "m1", seq, false);
    script
}

/// The same, and all is quiet.
fn quiet() -> Script {
    let mut script = with_a_file();
    script.close(ALICE);
    script.close(BOB);
    script.falls_quiet();
    script
}

fn content(text: &str) -> Value {
    json!({"content": text})
}

fn found(seqs: &[i64]) -> Value {
    let items: Vec<Value> =
        seqs.iter().map(|seq| json!({"entry": {"conversation_id": "g", "seq": seq}, "snippet": ""})).collect();
    json!({"items": items})
}

#[test]
fn a_member_gets_the_bytes_that_were_sent() {
    for mut script in [with_a_file(), quiet()] {
        script.calls("bob", FETCH, Value::Null, content("abc"));
        script.calls("alice", FETCH, Value::Null, content("abc"));
        script.stays_clean();
    }
    let mut script = with_a_file();
    script.calls("bob", FETCH, Value::Null, content("abd"));
    script.breaks(Invariant::FilesKept);
}

#[test]
fn nobody_else_gets_them_and_no_member_goes_without() {
    let mut script = with_a_file();
    script.calls("carol", FETCH, Value::Null, content("abc"));
    script.breaks(Invariant::FilesKept);
    let mut script = quiet();
    script.refused("carol", FETCH);
    script.stays_clean();
    let mut script = quiet();
    script.refused("bob", FETCH);
    script.breaks(Invariant::FilesKept);
    // Before all is quiet they may not be a member at that moment.
    let mut script = with_a_file();
    script.refused("bob", FETCH);
    script.stays_clean();
}

#[test]
fn what_was_recalled_is_its_owners_alone() {
    let story = || {
        let mut script = with_a_file();
        script.pushed(BOB, 3);
        script.recalls(ALICE, 3, 2);
        script.close(ALICE);
        script.close(BOB);
        script.falls_quiet();
        script.calls("alice", FETCH, Value::Null, content("abc"));
        script
    };
    let mut script = story();
    script.refused("bob", FETCH);
    script.stays_clean();
    let mut script = story();
    script.calls("bob", FETCH, Value::Null, content("abc"));
    script.breaks(Invariant::FilesKept);
}

#[test]
fn what_is_passed_on_was_said_before() {
    let mut script = with_a_file();
    script.pushed(BOB, 3);
    let asked = json!({"from_conversation_id": "g", "seqs": [3], "client_msg_ids": ["m2"]});
    let ack = json!({"conversation_id": "g", "client_msg_id": "m2", "seq": 4, "server_ts": 1004});
    script.logged("bob", "m2", json!({"file": {"file_id": "f1", "caption": ""}}));
    script.calls("bob", FORWARD, asked.clone(), json!({"outcomes": [{"ack": ack.clone()}]}));
    script.stays_clean();

    let mut script = with_a_file();
    script.pushed(BOB, 3);
    script.logged("bob", "m2", json!({"file": {"file_id": "f2", "caption": ""}}));
    script.calls("bob", FORWARD, asked, json!({"outcomes": [{"ack": ack}]}));
    script.breaks(Invariant::SameKeySameAck);
}

#[test]
fn search_finds_all_that_one_may_see_and_nothing_else() {
    let mut script = quiet();
    script.calls("bob", SEARCH, Value::Null, found(&[3]));
    script.calls("carol", SEARCH, Value::Null, found(&[]));
    script.stays_clean();
    for (user, seqs) in [("bob", &[][..]), ("bob", &[3, 3]), ("bob", &[3, 2]), ("bob", &[9]), ("carol", &[3])] {
        let mut script = quiet();
        script.calls(user, SEARCH, Value::Null, found(seqs));
        script.breaks(Invariant::SearchExact);
    }
    // An answer that says that it is not all, or is given while things happen, may lack some.
    let mut script = quiet();
    script.calls("bob", SEARCH, Value::Null, json!({"items": [], "degraded": true}));
    script.stays_clean();
    let mut script = with_a_file();
    script.calls("bob", SEARCH, Value::Null, found(&[]));
    script.stays_clean();
}
