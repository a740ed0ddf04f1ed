//! What becomes of messages, groups and people after the sending: for each invariant one history that breaks it and one
//! like it that does not.

use serde_json::json;

use super::{
    Invariant,
    script::{ALICE, BOB, Script, text},
};

#[test]
fn change_has_target() {
    let edited_twice = |second: i64| {
        let mut script = Script::new();
        let seq = script.message(ALICE, "a");
        script.edits(ALICE, seq, 2, "b");
        script.edits(ALICE, seq, second, "c");
        script
    };
    edited_twice(3).stays_clean();
    edited_twice(2).breaks(Invariant::ChangeHasTarget);
    edited_twice(4).breaks(Invariant::ChangeHasTarget);

    // Acknowledged, and lost.
    let mut script = Script::new();
    let seq = script.message(ALICE, "a");
    script.edits(ALICE, seq, 2, "b");
    script.forget_last();
    script.rewrite(seq, "version", json!(1));
    script.rewrite(seq, "content", text("a"));
    script.rewrite(seq, "edited_at", json!(0));
    script.breaks(Invariant::ChangeHasTarget);
}

#[test]
fn one_record() {
    let edited = |row: &str, version: i64| {
        let mut script = Script::new();
        let seq = script.message(ALICE, "a");
        script.edits(ALICE, seq, 2, "b");
        script.rewrite(seq, "content", text(row));
        script.rewrite(seq, "version", json!(version));
        script
    };
    edited("b", 2).stays_clean();
    edited("a", 2).breaks(Invariant::OneRecord);
    edited("b", 3).breaks(Invariant::OneRecord);

    let mut script = Script::new();
    let seq = script.message(ALICE, "a");
    script.recalls(ALICE, seq, 2);
    script.edits(ALICE, seq, 3, "b");
    script.breaks(Invariant::OneRecord);
}

#[test]
fn a_change_is_pushed_with_its_message() {
    let pushed = |beside: i64| {
        let mut script = Script::new();
        let seq = script.message(ALICE, "a");
        script.edits(ALICE, seq, 2, "b");
        let message = json!({"conversation_id": "g", "seq": seq, "sender_id": "alice", "client_msg_id": "a", "version": 2,
            "server_ts": 1003, "countable": true, "content": text("b"), "edited_at": 2000});
        let change = json!({"conversation_id": "g", "seq": seq + 1, "sender_id": "alice", "server_ts": 1004, "version": 1,
            "content": {"edited": {"target_seq": seq, "version": 2}}});
        let mut event = json!({"entry": change});
        if beside > 0 {
            event["target"] = message;
        }
        script.hears(BOB, json!({"push": {"push_no": 1, "events": [event]}}));
        script
    };
    pushed(1).stays_clean();
    pushed(0).breaks(Invariant::OneRecord);
}

#[test]
fn recall_gone() {
    let said_after = |seconds: u64| {
        let mut script = Script::new();
        let seq = script.message(ALICE, "a");
        script.recalls(ALICE, seq, 2);
        script.waits(seconds);
        script.calls(
            "bob",
            ("GET", "/v1/conversations/g/messages"),
            json!(null),
            json!({"items": [{"fallback_text": "this is a"}]}),
        );
        script
    };
    said_after(0).stays_clean();
    said_after(2).breaks(Invariant::RecallGone);

    // What was on the way before does not count, however late it is read.
    let mut script = Script::new();
    let seq = script.message(ALICE, "a");
    script.recalls(ALICE, seq, 2);
    script.waits(2);
    script.hears(BOB, json!({"push": {"push_no": 1, "events": [{"some_text": "this is a"}]}}));
    script.stays_clean();
}

#[test]
fn reactions_told() {
    let told = |count: i64| {
        let mut script = Script::new();
        let seq = script.message(ALICE, "a");
        for conn in [ALICE, BOB] {
            let body = json!({"conversation_id": "g", "seq": seq, "emoji": "+"});
            let id = script.asks(conn, "react", body);
            script.replies(conn, id, "react", json!({"conversation_id": "g", "seq": seq, "version": 1}));
        }
        let reactions = json!([{"emoji": "+", "count": count}]);
        script.logged("bob", "", json!({"reacted": {"target_seq": seq, "version": 2, "reactions": reactions}}));
        script.rewrite(seq, "version", json!(2));
        script.rewrite(seq, "reactions", reactions);
        script
    };
    told(2).stays_clean();
    told(1).breaks(Invariant::ReactionsTold);
}

#[test]
fn acts_kept() {
    let bob_leaves = |left: bool| {
        let mut script = Script::new();
        script.calls("bob", ("POST", "/v1/conversations/g:leave"), json!(null), json!(null));
        if left {
            script.logged("bob", "", json!({"left": {"user_id": "bob"}}));
        }
        script
    };
    bob_leaves(true).stays_clean();
    bob_leaves(false).breaks(Invariant::ActsKept);

    // Turned off and on at once: either may have been the last.
    let mut script = Script::new();
    script.calls("bob", ("POST", "/v1/conversations/g:leave"), json!(null), json!(null));
    script.logged("bob", "", json!({"left": {"user_id": "bob"}}));
    let back = json!({"joined": ["bob"]});
    script.calls("alice", ("POST", "/v1/conversations/g/members"), json!({"user_ids": ["bob"]}), back);
    script.breaks(Invariant::ActsKept);
}

#[test]
fn block_holds() {
    let said = |blocked: bool, unblocked: bool| {
        let mut script = Script::new();
        let pair = json!({"conversation_id": "g", "kind": "direct", "peer_id": "bob"});
        script.calls("alice", ("GET", "/v1/conversations/g"), json!(null), pair);
        script.logged("alice", "", json!({"opened": {}}));
        if blocked {
            script.calls("alice", ("PUT", "/v1/blocks/bob"), json!(null), json!({}));
        }
        if unblocked {
            script.calls("alice", ("DELETE", "/v1/blocks/bob"), json!(null), json!(null));
        }
        script.message(BOB, "b");
        script
    };
    said(false, false).stays_clean();
    said(true, true).stays_clean();
    said(true, false).breaks(Invariant::BlockHolds);
}

#[test]
fn what_was_recalled_or_deleted_is_not_unread() {
    let counted = |unread: i64| {
        let mut script = Script::new();
        let seq = script.message(BOB, "b");
        script.recalls(BOB, seq, 2);
        script.last_cursor(0, unread);
        script
    };
    counted(0).stays_clean();
    counted(1).breaks(Invariant::UnreadCorrect);
}

#[test]
fn what_somebody_deleted_is_hidden_from_them() {
    let page = |seqs: &[i64], hidden: serde_json::Value| {
        let mut script = Script::new();
        let seq = script.message(ALICE, "a");
        let ranges = json!([{"from_seq": seq, "to_seq": seq}]);
        let path = "/v1/conversations/g/messages:delete-for-me";
        script.calls("bob", ("POST", path), json!({"ranges": ranges}), json!({"ranges": ranges}));
        script.synced(BOB, 1, seqs, json!({"next_seq": 3, "head_seq": 3, "hidden": hidden}));
        script
    };
    page(&[2], json!([{"from_seq": 3, "to_seq": 3}])).stays_clean();
    page(&[2, 3], json!([])).breaks(Invariant::SyncExact);
    page(&[2], json!([])).breaks(Invariant::SyncExact);
}

#[test]
fn who_is_muted_says_nothing() {
    let said_at = |until: i64| {
        let mut script = Script::new();
        script.logged("alice", "", json!({"member_muted": {"user_id": "bob", "until_at": until}}));
        script.message(BOB, "b");
        script
    };
    said_at(1004).stays_clean();
    said_at(5000).breaks(Invariant::Entitlement);
}
