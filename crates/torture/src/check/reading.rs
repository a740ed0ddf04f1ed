//! From the lines of a history to its facts: questions meet their answers here.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::facts::*;
use crate::{
    history::{Line, Raw, What},
    wire::{
        Content,
        frame::{self, ClientFrame, ServerFrame},
        shape,
    },
};

impl Facts {
    /// Reads the history at `path`.
    pub fn read(path: &Path) -> Result<Facts> {
        let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
        let lines = BufReader::with_capacity(1 << 20, file).lines();
        let mut reading = Reading::default();
        for (index, text) in lines.enumerate() {
            let text = text.with_context(|| format!("read {}", path.display()))?;
            let line: Line =
                serde_json::from_str(&text).with_context(|| format!("line {} is no history line", index + 1))?;
            reading.line(index + 1, line);
        }
        Ok(reading.facts)
    }

    /// The facts of lines that are no file.
    #[cfg(test)]
    pub(super) fn of(lines: Vec<Line>) -> Facts {
        let mut reading = Reading::default();
        for (index, line) in lines.into_iter().enumerate() {
            reading.line(index + 1, line);
        }
        reading.facts
    }
}

/// What a question on the way waits for.
enum Asked {
    Send(usize),
    Heads(usize),
    Pages { invoked: usize, after: HashMap<String, i64> },
    Read { conversation: String, wanted: i64, invoked: usize },
}

#[derive(Default)]
struct Reading {
    facts: Facts,
    /// (connection or call, request id) → question.
    asked: HashMap<(u64, u32), Asked>,
    calls: HashMap<u64, (String, String)>,
    latest_of_device: HashMap<String, u64>,
    open: BTreeSet<u64>,
    quiet: bool,
}

impl Reading {
    fn line(&mut self, number: usize, line: Line) {
        self.facts.lines = number;
        match line.what {
            What::Run { .. } => {}
            What::User { user } => drop(self.facts.users.insert(user)),
            What::Open { conn, user, device, last } => self.open(conn, user, device, last),
            What::Closed { conn, .. } => drop(self.open.remove(&conn)),
            What::Out { conn, frame } => match read_frame::<ClientFrame>(&frame, shape::CLIENT_FRAME) {
                Some(frame) => self.asked(number, conn, frame),
                None => self.facts.unreadable.push(number),
            },
            What::In { conn, frame } => match read_frame::<ServerFrame>(&frame, shape::SERVER_FRAME) {
                Some(frame) => self.told(number, conn, frame),
                None => self.facts.unreadable.push(number),
            },
            What::Call { call, user, method, path, body } => self.call(number, call, user, &method, &path, &body),
            What::Answer { call, status, body } => self.answer(number, call, status, body),
            What::Server { event, .. } => self.facts.kills += usize::from(event == "killed"),
            What::Quiet {} => {
                self.quiet = true;
                for conn in &self.open {
                    if let Some(connection) = self.facts.connections.get_mut(conn) {
                        connection.open_at_quiet = true;
                    }
                }
            }
        }
    }

    fn open(&mut self, conn: u64, user: String, device: String, last: bool) {
        let previous = self.latest_of_device.insert(device.clone(), conn);
        self.open.insert(conn);
        self.facts.connections.insert(conn, Connection { user, device, last, previous, ..Connection::default() });
    }

    fn asked(&mut self, number: usize, conn: u64, frame: ClientFrame) {
        let Some(request) = frame.request else { return };
        let user = self.facts.user_of(conn).to_owned();
        let question = if let Some(send) = request.send {
            self.attempt(number, Some(conn), user, send)
        } else if request.sync_heads.is_some() {
            Asked::Heads(number)
        } else if let Some(from) = request.sync_conversation {
            Asked::Pages { invoked: number, after: [(from.conversation_id, from.after_seq)].into() }
        } else if let Some(many) = request.sync_conversations {
            let after = many.items.into_iter().map(|from| (from.conversation_id, from.after_seq)).collect();
            Asked::Pages { invoked: number, after }
        } else if let Some(read) = request.read {
            Asked::Read { conversation: read.conversation_id, wanted: read.read_seq, invoked: number }
        } else {
            return;
        };
        self.asked.insert((conn, request.id), question);
    }

    fn attempt(&mut self, line: usize, conn: Option<u64>, user: String, send: frame::Send) -> Asked {
        let key = (send.conversation_id, user, send.client_msg_id);
        let content = Content::read(&send.content);
        self.facts.attempts.push(Attempt { key, content, conn, invoked: line, outcome: None });
        Asked::Send(self.facts.attempts.len() - 1)
    }

    fn told(&mut self, number: usize, conn: u64, frame: ServerFrame) {
        if let Some(welcome) = frame.welcome {
            self.tell(conn, number, Told::Welcome { resumed: welcome.resumed });
        }
        if frame.sync_required.is_some() {
            self.tell(conn, number, Told::SyncRequired);
        }
        if let Some(reply) = frame.reply {
            self.reply(number, conn, reply);
        }
        for event in frame.push.into_iter().flat_map(|push| push.events) {
            if let Some(entry) = event.entry {
                self.tell(conn, number, Told::Entry { conversation: entry.conversation_id.clone(), seq: entry.seq });
                self.saw(conn, number, entry);
            }
            if let Some(own) = event.own_entry {
                self.tell(conn, number, Told::Entry { conversation: own.conversation_id.clone(), seq: own.seq });
                self.facts.sightings.push(Sighting {
                    conn,
                    conversation: own.conversation_id,
                    seq: own.seq,
                    seen: Err(own.client_msg_id),
                    line: number,
                    before_quiet: !self.quiet,
                });
            }
            if let Some(read) = event.read {
                self.tell(conn, number, Told::Read(read));
            }
            if let Some(joined) = event.conversation_joined {
                self.tell(conn, number, Told::Joined(joined.conversation_id));
            }
        }
    }

    fn tell(&mut self, conn: u64, line: usize, told: Told) {
        if let Some(connection) = self.facts.connections.get_mut(&conn) {
            connection.told.push((line, told));
        }
    }

    fn saw(&mut self, conn: u64, line: usize, entry: frame::Entry) {
        let seen = Seen {
            sender: entry.sender_id,
            cmid: entry.client_msg_id,
            server_ts: entry.server_ts,
            countable: entry.countable,
            content: Content::read(&entry.content),
            fallback_text: entry.fallback_text,
        };
        let (conversation, seq) = (entry.conversation_id, entry.seq);
        self.facts.sightings.push(Sighting {
            conn,
            conversation,
            seq,
            seen: Ok(seen),
            line,
            before_quiet: !self.quiet,
        });
    }

    fn reply(&mut self, number: usize, conn: u64, reply: frame::Reply) {
        match self.asked.remove(&(conn, reply.id)) {
            Some(Asked::Send(index)) => {
                let outcome = reply.send.map(|ack| self.ack(number, ack)).or(reply.error.map(nack));
                self.facts.attempts[index].outcome = outcome;
            }
            Some(Asked::Heads(invoked)) => {
                if let Some(page) = reply.sync_heads {
                    self.facts.heads.push(Heads { conn, invoked, items: page.items, line: number });
                }
            }
            Some(Asked::Pages { invoked, after }) => {
                let many =
                    reply.sync_conversations.into_iter().flat_map(|pages| pages.items).filter_map(|item| item.page);
                for page in reply.sync_conversation.into_iter().chain(many) {
                    self.page(
                        number,
                        invoked,
                        conn,
                        after.get(&page.conversation_id).copied().unwrap_or_default(),
                        page,
                    );
                }
            }
            Some(Asked::Read { conversation, wanted, invoked }) => {
                if let Some(moved) = reply.read {
                    let user = self.facts.user_of(conn).to_owned();
                    self.facts.cursors.push(Cursor { user, conversation, wanted, invoked, moved, line: number });
                }
            }
            None => {}
        }
    }

    fn ack(&self, line: usize, ack: frame::SendAck) -> Outcome {
        Outcome::Ack(Ack { seq: ack.seq, server_ts: ack.server_ts, dup: ack.dup, life: self.facts.kills, line })
    }

    fn page(&mut self, number: usize, invoked: usize, conn: u64, after: i64, page: frame::SyncPage) {
        for entry in page.entries.iter().chain(&page.targets) {
            self.saw(conn, number, entry.clone());
        }
        if !page.has_more {
            self.tell(conn, number, Told::SyncedTo(page.conversation_id.clone(), page.head_seq));
        }
        self.facts.pages.push(Page { conn, invoked, after, page, line: number });
    }

    fn call(&mut self, number: usize, call: u64, user: String, method: &str, path: &str, body: &Value) {
        let conversation = || path.split('/').nth(3).unwrap_or_default().to_owned();
        if method == "POST" && path.starts_with("/v1/conversations/") && path.ends_with("/messages") {
            let mut send: frame::Send = read(body.clone()).unwrap_or_default();
            send.conversation_id = conversation();
            let question = self.attempt(number, None, user.clone(), send);
            self.asked.insert((call, 0), question);
        } else if method == "PUT" && path.ends_with("/read") {
            let wanted = body.get("read_seq").and_then(Value::as_i64).unwrap_or_default();
            self.asked.insert((call, 0), Asked::Read { conversation: conversation(), wanted, invoked: number });
        }
        self.calls.insert(call, (user, path.to_owned()));
    }

    fn answer(&mut self, number: usize, call: u64, status: u16, body: Value) {
        let Some((user, path)) = self.calls.remove(&call) else { return };
        if status == 0 {
            return;
        }
        let good = status < 300;
        match self.asked.remove(&(call, 0)) {
            Some(Asked::Send(index)) => {
                let ack = good.then(|| read(body.clone())).flatten();
                let problem = || read(body.clone()).map(nack);
                let outcome = if good { ack.map(|ack| self.ack(number, ack)) } else { problem() };
                self.facts.attempts[index].outcome = outcome;
            }
            Some(Asked::Read { conversation, wanted, invoked }) if good => {
                let moved = read(body.clone()).unwrap_or_default();
                self.facts.cursors.push(Cursor {
                    user: user.clone(),
                    conversation,
                    wanted,
                    invoked,
                    moved,
                    line: number,
                });
            }
            _ => {}
        }
        if good && path.starts_with("/v1/conversations") {
            self.pair(&user, &body);
        }
    }

    /// Two people of a direct conversation are known from what one of them is told about it.
    fn pair(&mut self, user: &str, body: &Value) {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("kind") == "direct" {
            let people = [user.to_owned(), text("peer_id").to_owned()].into();
            self.facts.pairs.insert(text("conversation_id").to_owned(), people);
        }
    }
}

fn nack(problem: frame::Problem) -> Outcome {
    Outcome::Nack { permanent: !problem.retryable, code: problem.code }
}

fn read_frame<T: for<'de> Deserialize<'de>>(raw: &Raw, shape: shape::Shape) -> Option<T> {
    raw.value(shape).and_then(read)
}

fn read<T: for<'de> Deserialize<'de>>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}
