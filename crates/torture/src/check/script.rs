//! Tiny histories for the checker's tests, told line by line: alice's group `g` with bob in it, unless said otherwise.

use serde_json::{Value, json};

use super::{Invariant, Report, check_facts, facts::Facts};
use crate::history::{Line, Raw, What};

/// A history in the making, and the log that its last readers will read.
#[derive(Default)]
pub struct Script {
    lines: Vec<Line>,
    log: Vec<Value>,
    unread: Option<i64>,
    read_seq: i64,
    next: u32,
    late: u64,
}

/// Connections of the stories: alice's and bob's.
pub const ALICE: u64 = 1;
pub const BOB: u64 = 2;

impl Script {
    /// Alice and bob are connected; the log says that alice made a group (1) and bob joined (2).
    pub fn new() -> Self {
        let mut script = Self::default();
        for user in ["alice", "bob", "carol"] {
            script.note(What::User { user: user.into() });
        }
        for (conn, user) in [(ALICE, "alice"), (BOB, "bob")] {
            script.open(conn, user, false);
            script.welcome(conn, false);
        }
        script.logged("alice", "", json!({"created": {"title": "g"}}));
        script.logged("alice", "", json!({"joined": {"user_ids": ["bob"]}}));
        script
    }

    fn note(&mut self, what: What) {
        self.lines.push(Line { t: self.late + self.lines.len() as u64, what });
    }

    pub fn open(&mut self, conn: u64, user: &str, last: bool) {
        let device = if last { format!("{user}-last") } else { format!("{user}-phone") };
        self.note(What::Open { conn, user: user.into(), device, last });
    }

    pub fn close(&mut self, conn: u64) {
        self.note(What::Closed { conn, code: None, by_client: true });
    }

    pub fn welcome(&mut self, conn: u64, resumed: bool) {
        self.hears(conn, json!({"welcome": {"resumed": resumed}}));
    }

    /// Seconds pass.
    pub fn waits(&mut self, seconds: u64) {
        self.late += seconds * 1_000_000_000;
    }

    /// Somebody calls over HTTP and is answered.
    pub fn calls(&mut self, user: &str, (method, path): (&str, &str), body: Value, answer: Value) {
        let call = 1_000 + self.lines.len() as u64;
        self.note(What::Call { call, user: user.into(), method: method.into(), path: path.into(), body });
        self.note(What::Answer { call, status: 200, body: answer });
    }

    /// Somebody calls over HTTP and is refused.
    pub fn refused(&mut self, user: &str, (method, path): (&str, &str)) {
        let call = 1_000 + self.lines.len() as u64;
        self.note(What::Call { call, user: user.into(), method: method.into(), path: path.into(), body: Value::Null });
        self.note(What::Answer { call, status: 404, body: json!({"code": "not_found", "retryable": false}) });
    }

    /// Nothing happens any more.
    pub fn falls_quiet(&mut self) {
        self.note(What::Quiet {});
    }

    /// Message `seq` changes: the log tells of it, and whoever asked is told `version`. Answers the change's seq.
    pub fn changes(&mut self, conn: u64, (op, kind): (&str, &str), seq: i64, version: i64, more: Value) -> i64 {
        let user = if conn == ALICE { "alice" } else { "bob" };
        let mut body = json!({"conversation_id": "g", "seq": seq});
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        let id = self.asks(conn, op, body);
        let change = self.logged(user, "", json!({kind: {"target_seq": seq, "version": version}}));
        let changed = json!({"conversation_id": "g", "seq": seq, "version": version, "change_seq": change});
        self.replies(conn, id, op, changed);
        self.rewrite(seq, "version", json!(version));
        change
    }

    /// A message is edited to say what `cmid` would say.
    pub fn edits(&mut self, conn: u64, seq: i64, version: i64, cmid: &str) {
        self.changes(conn, ("edit", "edited"), seq, version, json!({"content": text(cmid)}));
        self.rewrite(seq, "content", text(cmid));
        self.rewrite(seq, "edited_at", json!(2000));
    }

    /// A message is recalled.
    pub fn recalls(&mut self, conn: u64, seq: i64, version: i64) {
        self.changes(conn, ("recall", "recalled"), seq, version, json!({}));
        let user = if conn == ALICE { "alice" } else { "bob" };
        self.rewrite(seq, "content", json!({"withdrawn": {"user_id": user}}));
        self.rewrite(seq, "countable", json!(false));
    }

    pub fn killed(&mut self) {
        self.note(What::Server { event: "killed".into(), detail: String::new() });
    }

    /// The server says something to a connection.
    pub fn hears(&mut self, conn: u64, frame: Value) {
        self.note(What::In { conn, frame: Raw::text(&frame.to_string()) });
    }

    /// A connection asks something; answers the request's id.
    pub fn asks(&mut self, conn: u64, op: &str, body: Value) -> u32 {
        self.next += 1;
        let frame = json!({"request": {"id": self.next, op: body}});
        self.note(What::Out { conn, frame: Raw::text(&frame.to_string()) });
        self.next
    }

    pub fn replies(&mut self, conn: u64, id: u32, op: &str, body: Value) {
        self.hears(conn, json!({"reply": {"id": id, op: body}}));
    }

    /// The log holds one more entry; answers its seq.
    pub fn logged(&mut self, sender: &str, cmid: &str, content: Value) -> i64 {
        let seq = self.log.len() as i64 + 1;
        let countable = is_message(&content);
        self.log.push(json!({"conversation_id": "g", "seq": seq, "sender_id": sender, "client_msg_id": cmid,
            "server_ts": 1000 + seq, "version": 1, "countable": countable, "content": content}));
        seq
    }

    /// A message stands in the log, sent and acknowledged as it should be.
    pub fn message(&mut self, conn: u64, cmid: &str) -> i64 {
        let user = if conn == ALICE { "alice" } else { "bob" };
        let seq = self.logged(user, cmid, text(cmid));
        let id = self.sends(conn, cmid);
        self.acked(conn, id, cmid, seq, false);
        seq
    }

    pub fn sends(&mut self, conn: u64, cmid: &str) -> u32 {
        self.asks(conn, "send", json!({"conversation_id": "g", "client_msg_id": cmid, "content": text(cmid)}))
    }

    pub fn acked(&mut self, conn: u64, id: u32, cmid: &str, seq: i64, dup: bool) {
        if conn == ALICE {
            self.read_seq = self.read_seq.max(seq);
        }
        let ack =
            json!({"conversation_id": "g", "client_msg_id": cmid, "seq": seq, "server_ts": 1000 + seq, "dup": dup});
        self.replies(conn, id, "send", ack);
    }

    /// The log's entry `seq` is pushed.
    pub fn pushed(&mut self, conn: u64, seq: i64) {
        let entry = self.log[seq as usize - 1].clone();
        self.hears(conn, json!({"push": {"push_no": 1, "events": [{"entry": entry}]}}));
    }

    /// A page with these seqs of the log.
    pub fn synced(&mut self, conn: u64, after: i64, seqs: &[i64], page: Value) {
        let id = self.asks(conn, "sync_conversation", json!({"conversation_id": "g", "after_seq": after}));
        let entries: Vec<Value> = seqs.iter().map(|&seq| self.log[seq as usize - 1].clone()).collect();
        let mut whole = json!({"conversation_id": "g", "entries": entries, "earliest_seq": 1});
        if let (Some(whole), Some(page)) = (whole.as_object_mut(), page.as_object()) {
            whole.extend(page.clone());
        }
        self.replies(conn, id, "sync_conversation", whole);
    }

    pub fn heads(&mut self, conn: u64, head: Value) {
        let id = self.asks(conn, "sync_heads", json!({}));
        let mut whole = json!({"conversation_id": "g", "earliest_seq": 1});
        if let (Some(whole), Some(head)) = (whole.as_object_mut(), head.as_object()) {
            whole.extend(head.clone());
        }
        self.replies(conn, id, "sync_heads", json!({"items": [whole]}));
    }

    /// Changes how an entry reads from here on.
    pub fn rewrite(&mut self, seq: i64, field: &str, value: Value) {
        self.log[seq as usize - 1][field] = value;
    }

    /// Removes the last entry of the log.
    pub fn forget_last(&mut self) {
        self.log.pop();
    }

    pub fn last_cursor(&mut self, read_seq: i64, unread: i64) {
        (self.read_seq, self.unread) = (read_seq, Some(unread));
    }

    /// Everybody's devices know everything, all is quiet, alice reads all, and it is judged.
    pub fn judged(mut self) -> Report {
        for conn in [ALICE, BOB] {
            self.close(conn);
        }
        self.note(What::Quiet {});
        self.open(90, "alice", true);
        let head = self.log.len() as i64;
        let mine = |entry: &&Value| entry["seq"].as_i64() > Some(self.read_seq) && is_message(&entry["content"]);
        let right = self.log.iter().filter(mine).filter(|entry| entry["sender_id"] != "alice").count() as i64;
        let unread = self.unread.unwrap_or(right);
        self.heads(90, json!({"head_seq": head, "read_seq": self.read_seq, "unread": unread}));
        let seqs: Vec<i64> = (1..=head).collect();
        self.synced(90, 0, &seqs, json!({"next_seq": head, "head_seq": head}));
        check_facts(&Facts::of(self.lines))
    }

    /// The same without hanging up first, so that the devices must have everything.
    pub fn judged_connected(mut self) -> Report {
        self.note(What::Quiet {});
        self.judged()
    }

    /// It is broken, and this is its name.
    pub fn breaks(self, invariant: Invariant) {
        let report = self.judged();
        assert_eq!(report.primary(), Some(invariant), "{report}");
    }

    /// Nothing is broken.
    pub fn stays_clean(self) {
        let report = self.judged();
        assert!(report.clean(), "{report}");
    }
}

fn is_message(content: &Value) -> bool {
    ["text", "file"].iter().any(|kind| content.get(kind).is_some())
}

/// The content of message `cmid`.
pub fn text(cmid: &str) -> Value {
    json!({"text": {"text": format!("this is {cmid}")}})
}
