//! For each invariant one history that breaks it and one like it that does not.

use serde_json::json;

use super::{
    Invariant,
    script::{ALICE, BOB, Script, text},
};

#[test]
fn seqs_dense() {
    let mut script = Script::new();
    let first = script.message(ALICE, "a");
    script.message(BOB, "b");
    script.stays_clean();

    let mut script = Script::new();
    script.message(ALICE, "a");
    let id = script.sends(BOB, "b");
    script.acked(BOB, id, "b", first, false);
    script.breaks(Invariant::SeqsDense);
}

#[test]
fn a_hole_in_the_log() {
    let mut script = Script::new();
    script.message(ALICE, "a");
    script.rewrite(3, "seq", json!(4));
    script.breaks(Invariant::SeqsDense);
}

#[test]
fn same_key_same_ack() {
    let mut script = Script::new();
    let seq = script.message(ALICE, "a");
    let id = script.sends(ALICE, "a");
    script.acked(ALICE, id, "a", seq, true);
    script.stays_clean();

    let mut script = Script::new();
    let seq = script.message(ALICE, "a");
    let id = script.sends(ALICE, "a");
    script.acked(ALICE, id, "a", seq, false);
    script.breaks(Invariant::SameKeySameAck);

    // Forgotten: stored and acknowledged a second time.
    let mut script = Script::new();
    script.message(ALICE, "a");
    script.message(ALICE, "a");
    script.breaks(Invariant::SameKeySameAck);

    // Sent once, and called a repeat.
    let mut script = Script::new();
    let seq = script.logged("alice", "a", text("a"));
    let id = script.sends(ALICE, "a");
    script.acked(ALICE, id, "a", seq, true);
    script.breaks(Invariant::SameKeySameAck);
}

#[test]
fn other_words_under_one_key() {
    let conflicting = |answer: &str, body: serde_json::Value| {
        let mut script = Script::new();
        script.message(ALICE, "a");
        let other = json!({"conversation_id": "g", "client_msg_id": "a", "content": text("other words")});
        let id = script.asks(ALICE, "send", other);
        script.replies(ALICE, id, answer, body);
        script
    };
    conflicting("error", json!({"code": "idempotency_conflict"})).stays_clean();
    let ack = json!({"conversation_id": "g", "client_msg_id": "a", "seq": 3, "server_ts": 1003, "dup": true});
    conflicting("send", ack).breaks(Invariant::SameKeySameAck);
}

#[test]
fn readers_agree() {
    let told = |words: &str| {
        let mut script = Script::new();
        let seq = script.message(ALICE, "a");
        script.rewrite(seq, "content", text(words));
        script.pushed(BOB, seq);
        script.rewrite(seq, "content", text("a"));
        script
    };
    told("a").stays_clean();
    told("something else").breaks(Invariant::ReadersAgree);
}

#[test]
fn no_phantom() {
    let mut script = Script::new();
    script.logged("bob", "b", text("b"));
    script.breaks(Invariant::NoPhantom);

    let refused = |retryable: bool| {
        let mut script = Script::new();
        script.logged("bob", "b", text("b"));
        let id = script.sends(BOB, "b");
        script.replies(BOB, id, "error", json!({"code": "unavailable", "retryable": retryable}));
        script
    };
    refused(true).stays_clean();
    refused(false).breaks(Invariant::NoPhantom);
}

#[test]
fn what_was_shown_is_there() {
    let mut script = Script::new();
    let seq = script.logged("bob", "b", text("b"));
    script.pushed(ALICE, seq);
    script.forget_last();
    script.breaks(Invariant::NoPhantom);
}

#[test]
fn acked_in_log_once() {
    let mut script = Script::new();
    script.message(ALICE, "a");
    script.message(BOB, "b");
    script.forget_last();
    script.breaks(Invariant::AckedInLogOnce);

    // Lost in a crash, and its place taken by another: lost is its name, not "given twice".
    let mut script = Script::new();
    let lost = script.message(ALICE, "a");
    script.forget_last();
    script.killed();
    assert_eq!(script.message(BOB, "b"), lost);
    script.breaks(Invariant::AckedInLogOnce);

    // Lost, and sent again under its key to the very place it had: it is another message, as its time says.
    let mut script = Script::new();
    let lost = script.message(ALICE, "a");
    script.rewrite(lost, "server_ts", json!(2000));
    let id = script.sends(ALICE, "a");
    let ack = json!({"conversation_id": "g", "client_msg_id": "a", "seq": lost, "server_ts": 2000, "dup": false});
    script.killed();
    script.replies(ALICE, id, "send", ack);
    script.breaks(Invariant::AckedInLogOnce);
}

#[test]
fn ack_real_time_order() {
    let story = |late: i64, early: i64| {
        let mut script = Script::new();
        for cmid in if late < early { ["late", "early"] } else { ["early", "late"] } {
            let sender = if cmid == "early" { "alice" } else { "bob" };
            script.logged(sender, cmid, text(cmid));
        }
        let id = script.sends(ALICE, "early");
        script.acked(ALICE, id, "early", early, false);
        let id = script.sends(BOB, "late");
        script.acked(BOB, id, "late", late, false);
        script
    };
    story(4, 3).stays_clean();
    story(3, 4).breaks(Invariant::AckRealTimeOrder);
}

#[test]
fn send_order() {
    let story = |first: &str, second: &str| {
        let mut script = Script::new();
        script.logged("alice", first, text(first));
        script.logged("alice", second, text(second));
        let (one, two) = (script.sends(ALICE, "one"), script.sends(ALICE, "two"));
        let seq = |cmid: &str| if cmid == first { 3 } else { 4 };
        script.acked(ALICE, one, "one", seq("one"), false);
        script.acked(ALICE, two, "two", seq("two"), false);
        script
    };
    story("one", "two").stays_clean();
    story("two", "one").breaks(Invariant::SendOrder);
}

#[test]
fn server_ts_monotone() {
    let mut script = Script::new();
    script.logged("alice", "", json!({"role_changed": {"user_id": "bob", "role": "admin"}}));
    script.rewrite(3, "server_ts", json!(900));
    script.breaks(Invariant::ServerTsMonotone);

    let mut script = Script::new();
    script.logged("alice", "", json!({"role_changed": {"user_id": "bob", "role": "admin"}}));
    script.rewrite(3, "server_ts", json!(1002));
    script.stays_clean();
}

#[test]
fn entitlement() {
    let story = |beyond: bool| {
        let mut script = Script::new();
        let removed = script.logged("alice", "", json!({"removed": {"user_id": "bob"}}));
        let after = script.message(ALICE, "a");
        script.pushed(BOB, removed);
        if beyond {
            script.pushed(BOB, after);
        }
        script
    };
    story(false).stays_clean();
    story(true).breaks(Invariant::Entitlement);
}

#[test]
fn nobody_writes_from_outside_or_hears_of_heads_there() {
    let mut script = Script::new();
    script.logged("alice", "", json!({"left": {"user_id": "bob"}}));
    script.message(BOB, "b");
    script.breaks(Invariant::Entitlement);

    let told = |head: i64| {
        let mut script = Script::new();
        script.logged("bob", "", json!({"left": {"user_id": "bob"}}));
        script.message(ALICE, "a");
        script.heads(BOB, json!({"head_seq": head, "read_seq": head}));
        script
    };
    told(3).stays_clean();
    told(4).breaks(Invariant::Entitlement);
}

#[test]
fn reads_own_acks() {
    let told = |head: i64| {
        let mut script = Script::new();
        script.message(ALICE, "a");
        script.heads(ALICE, json!({"head_seq": head, "read_seq": 3}));
        script.last_cursor(3, 0);
        script
    };
    told(3).stays_clean();
    told(2).breaks(Invariant::ReadsOwnAcks);
}

#[test]
fn sync_exact() {
    let page = |seqs: &[i64]| {
        let mut script = Script::new();
        script.message(ALICE, "a");
        script.synced(ALICE, 0, seqs, json!({"next_seq": 3, "head_seq": 3}));
        script
    };
    page(&[1, 2, 3]).stays_clean();
    page(&[1, 3]).breaks(Invariant::SyncExact);
    page(&[1, 3, 2]).breaks(Invariant::SyncExact);
}

#[test]
fn hidden_is_said() {
    let page = |hidden: serde_json::Value| {
        let mut script = Script::new();
        script.logged("alice", "", json!({"removed": {"user_id": "bob"}}));
        script.message(ALICE, "a");
        script.logged("alice", "", json!({"joined": {"user_ids": ["bob"]}}));
        let rest = json!({"next_seq": 5, "head_seq": 5, "earliest_seq": 2, "hidden": hidden});
        script.synced(BOB, 0, &[2, 3, 5], rest);
        script
    };
    page(json!([{"from_seq": 1, "to_seq": 1}, {"from_seq": 4, "to_seq": 4}])).stays_clean();
    page(json!([{"from_seq": 4, "to_seq": 4}])).stays_clean();
    page(json!([])).breaks(Invariant::SyncExact);
}

#[test]
fn connection_order() {
    let story = |then: &dyn Fn(&mut Script)| {
        let mut script = Script::new();
        for cmid in ["a", "b", "c"] {
            script.message(ALICE, cmid);
        }
        script.pushed(BOB, 3);
        then(&mut script);
        script
    };
    story(&|script| (4..=5).for_each(|seq| script.pushed(BOB, seq))).stays_clean();
    story(&|script| script.pushed(BOB, 5)).breaks(Invariant::ConnectionOrder);
    story(&|script| script.pushed(BOB, 3)).breaks(Invariant::ConnectionOrder);
    let warned = |script: &mut Script| {
        script.hears(BOB, json!({"sync_required": {"reason": "slow"}}));
        script.pushed(BOB, 5);
    };
    story(&warned).stays_clean();
}

#[test]
fn what_a_sync_promised_is_pushed() {
    let story = |next: i64| {
        let mut script = Script::new();
        script.synced(BOB, 0, &[2], json!({"next_seq": 2, "head_seq": 2, "earliest_seq": 2}));
        script.message(ALICE, "a");
        script.message(ALICE, "b");
        script.pushed(BOB, next);
        script
    };
    story(3).stays_clean();
    story(4).breaks(Invariant::ConnectionOrder);
}

#[test]
fn resume_complete() {
    let story = |resumed: bool, next: i64| {
        let mut script = Script::new();
        for cmid in ["a", "b", "c"] {
            script.message(ALICE, cmid);
        }
        script.pushed(BOB, 3);
        script.close(BOB);
        script.open(7, "bob", false);
        script.welcome(7, resumed);
        script.pushed(7, next);
        script.close(7);
        script
    };
    story(true, 4).stays_clean();
    story(true, 3).stays_clean();
    story(false, 5).stays_clean();
    story(true, 5).breaks(Invariant::ResumeComplete);
}

#[test]
fn device_converges() {
    let story = |last: i64| {
        let mut script = Script::new();
        script.message(ALICE, "a");
        script.message(ALICE, "b");
        script.synced(ALICE, 0, &[1, 2, 3, 4], json!({"next_seq": 4, "head_seq": 4}));
        (2..=last).for_each(|seq| script.pushed(BOB, seq));
        script.judged_connected()
    };
    assert!(story(4).clean(), "{}", story(4));
    assert_eq!(story(3).primary(), Some(Invariant::DeviceConverges));
}

#[test]
fn read_cursor_monotone() {
    let story = |then: i64| {
        let mut script = Script::new();
        script.message(BOB, "b");
        script.synced(ALICE, 0, &[1, 2, 3], json!({"next_seq": 3, "head_seq": 3}));
        for (wanted, answered) in [(3, 3), (1, then)] {
            let id = script.asks(ALICE, "read", json!({"conversation_id": "g", "read_seq": wanted}));
            let unread = i64::from(answered < 3);
            script.replies(ALICE, id, "read", json!({"conversation_id": "g", "read_seq": answered, "unread": unread}));
        }
        script.last_cursor(3, 0);
        script
    };
    story(3).stays_clean();
    story(1).breaks(Invariant::ReadCursorMonotone);
}

#[test]
fn a_cursor_ends_where_it_was() {
    let mut script = Script::new();
    script.message(BOB, "b");
    script.hears(ALICE, json!({"push": {"events": [{"read": {"conversation_id": "g", "read_seq": 3}}]}}));
    script.hears(ALICE, json!({"push": {"events": [{"read": {"conversation_id": "g", "read_seq": 2}}]}}));
    script.last_cursor(3, 0);
    script.breaks(Invariant::ReadCursorMonotone);

    // Whoever sends has read up to there.
    let mut script = Script::new();
    script.message(ALICE, "a");
    script.last_cursor(2, 0);
    script.breaks(Invariant::ReadCursorMonotone);
}

#[test]
fn unread_correct() {
    let story = |unread: i64| {
        let mut script = Script::new();
        script.message(BOB, "b");
        script.message(BOB, "c");
        script.last_cursor(3, unread);
        script
    };
    story(1).stays_clean();
    story(2).breaks(Invariant::UnreadCorrect);
}
