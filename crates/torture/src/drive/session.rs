//! What is open on one connection: requests without an answer, pushes without an acknowledgement.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::{Socket, knowledge::Knowledge};

/// How long a client waits for an answer before it goes away and comes back.
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody's wish to say something, kept over all tries.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Where.
    pub conversation: String,
    /// Its id.
    pub cmid: String,
    /// What.
    pub content: Value,
}

impl Intent {
    /// As a request wants it.
    pub fn send(&self) -> Value {
        json!({"conversation_id": self.conversation, "client_msg_id": self.cmid, "content": self.content})
    }
}

/// A request without an answer.
#[derive(Debug)]
pub enum Asked {
    /// To store a message.
    Send(Intent),
    /// What moved.
    Heads,
    /// What stands in these conversations.
    Pages(Vec<String>),
    /// Something whose answer only the checker cares for.
    Other,
}

/// One connection's open ends.
pub struct Session {
    /// The connection.
    pub socket: Socket,
    /// The requests without an answer.
    pub open: BTreeMap<u32, (Instant, Asked)>,
    next: u32,
    pushed: u64,
    acked: u64,
    acked_at: Instant,
}

impl Session {
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket, open: BTreeMap::new(), next: 0, pushed: 0, acked: 0, acked_at: Instant::now() }
    }

    /// Sends a request.
    pub async fn ask(&mut self, op: &str, body: Value, asked: Asked) -> Result<()> {
        self.next += 1;
        self.open.insert(self.next, (Instant::now(), asked));
        self.socket.send(&json!({"request": {"id": self.next, op: body}})).await
    }

    /// A push was processed.
    pub fn processed(&mut self, push_no: u64) {
        self.pushed = push_no;
    }

    /// Acknowledges pushes: each 40, or after half a second.
    pub async fn acknowledge(&mut self) -> Result<()> {
        let waiting = self.pushed - self.acked.min(self.pushed);
        if waiting >= 40 || waiting > 0 && self.acked_at.elapsed() > Duration::from_millis(500) {
            self.acked = self.pushed;
            self.acked_at = Instant::now();
            self.socket.send(&json!({"ack": {"push_no": self.pushed}})).await?;
        }
        Ok(())
    }

    /// Asks for the conversations that the device lacks, a few at a time, one by one or several in one request.
    pub async fn catch_up(&mut self, knowledge: &mut Knowledge, together: bool) -> Result<()> {
        while self.open.len() < 24 {
            let Some((conversation, after)) = knowledge.ask() else { return Ok(()) };
            let item =
                |(conversation, after): &(String, i64)| json!({"conversation_id": conversation, "after_seq": after});
            let mut items = vec![(conversation, after)];
            while together && items.len() < 20 {
                match knowledge.ask() {
                    Some(more) => items.push(more),
                    None => break,
                }
            }
            let asked = Asked::Pages(items.iter().map(|(conversation, _)| conversation.clone()).collect());
            if let [only] = &*items {
                self.ask("sync_conversation", item(only), asked).await?;
            } else {
                let items: Vec<Value> = items.iter().map(item).collect();
                self.ask("sync_conversations", json!({"items": items}), asked).await?;
            }
        }
        Ok(())
    }

    /// Fails if an answer is long overdue.
    pub fn check_patience(&self) -> Result<()> {
        let overdue = self.open.values().any(|(since, _)| since.elapsed() > PATIENCE);
        ensure!(!overdue, "an answer did not come");
        Ok(())
    }
}
