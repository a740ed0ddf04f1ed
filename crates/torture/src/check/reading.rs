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

use super::{acting::Turning, facts::*};
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
pub(super) enum Asked {
    Send(usize),
    Try(usize),
    Deletion(usize),
    /// What is on, by whom or where, is listed.
    Listing(String),
    /// Something was turned, or several things, as the answer says.
    Turn(Vec<Switch>, Turning),
    /// A file was sent: its name and what is in it.
    Upload(String, String),
    /// A file is fetched.
    Download(String),
    /// A word is looked for.
    Search(String),
    /// A message is passed on, which is a try to send.
    Forward(usize),
    Heads(usize),
    Pages {
        invoked: usize,
        after: HashMap<String, i64>,
    },
    Read {
        conversation: String,
        wanted: i64,
        invoked: usize,
    },
}

#[derive(Default)]
pub(super) struct Reading {
    pub(super) facts: Facts,
    /// (connection or call, request id) → question.
    pub(super) asked: HashMap<(u64, u32), Asked>,
    calls: HashMap<u64, Call>,
    latest_of_device: HashMap<String, u64>,
    open: BTreeSet<u64>,
    pub(super) quiet: bool,
    /// What messages with files said when they were seen last.
    pub(super) held: HashMap<Place, Content>,
    /// The time of the line.
    pub(super) now: u64,
    /// When the questions of connections were asked.
    asked_at: HashMap<(u64, u32), u64>,
    /// Of each connection the latest question that has its answer: what comes now was said after it.
    answered_upto: HashMap<u64, u64>,
}

/// An HTTP request on the way.
struct Call {
    user: String,
    path: String,
    at: u64,
    line: usize,
}

impl Reading {
    fn line(&mut self, number: usize, line: Line) {
        self.facts.lines = number;
        self.now = line.t;
        match line.what {
            What::Run { .. } => {}
            What::User { user } => drop(self.facts.users.insert(user)),
            What::Open { conn, user, device, last } => self.open(conn, user, device, last),
            What::Closed { conn, .. } => drop(self.open.remove(&conn)),
            What::Out { conn, frame } => match read_frame::<ClientFrame>(&frame, shape::CLIENT_FRAME) {
                Some(frame) => self.asked(number, conn, frame),
                None => self.facts.unreadable.push(number),
            },
            What::In { conn, frame } => match frame.value(shape::SERVER_FRAME) {
                Some(value) => {
                    self.listen(number, conn, &value);
                    match read(value) {
                        Some(frame) => self.told(number, conn, frame),
                        None => self.facts.unreadable.push(number),
                    }
                }
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

    /// Notes the words in a frame. What comes on a connection was said after the questions that were answered on it before.
    fn listen(&mut self, number: usize, conn: u64, frame: &Value) {
        let reply = frame.pointer("/reply/id").and_then(Value::as_u64);
        let asked = reply.and_then(|id| self.asked_at.remove(&(conn, id as u32)));
        let upto = self.answered_upto.entry(conn).or_default();
        *upto = asked.unwrap_or_default().max(*upto);
        let when = (*upto, number);
        hear(&mut self.facts.heard, frame, when);
    }

    fn open(&mut self, conn: u64, user: String, device: String, last: bool) {
        let previous = self.latest_of_device.insert(device.clone(), conn);
        self.open.insert(conn);
        self.facts.connections.insert(conn, Connection { user, device, last, previous, ..Connection::default() });
    }

    fn asked(&mut self, number: usize, conn: u64, frame: ClientFrame) {
        let Some(request) = frame.request else { return };
        self.asked_at.insert((conn, request.id), self.now);
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
        } else if let Some(edit) = request.edit {
            let wish = Wish::Edit(Content::read(&edit.content));
            self.tries(number, user, (edit.conversation_id, edit.seq), wish)
        } else if let Some(recall) = request.recall {
            self.tries(number, user, (recall.conversation_id, recall.seq), Wish::Recall)
        } else if let Some(react) = request.react {
            let wish = Wish::React(react.emoji, !react.remove);
            self.tries(number, user, (react.conversation_id, react.seq), wish)
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
                let (conversation, seq) = (entry.conversation_id.clone(), entry.seq);
                if let Some(target) = Content::read(&entry.content).change().map(|change| change.target) {
                    let beside = event.target.as_ref().map(|target| (target.seq, target.version));
                    self.facts.pushed.push(Pushed { conn, conversation, seq, target, beside, line: number });
                }
                self.saw(conn, number, entry, false);
            }
            if let Some(target) = event.target {
                self.saw(conn, number, target, true);
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
                    beside: false,
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

    fn saw(&mut self, conn: u64, line: usize, entry: frame::Entry, beside: bool) {
        let mut reactions: Vec<(String, i64)> =
            entry.reactions.into_iter().map(|reaction| (reaction.emoji, reaction.count)).collect();
        reactions.sort();
        let seen = Seen {
            sender: entry.sender_id,
            cmid: entry.client_msg_id,
            server_ts: entry.server_ts,
            countable: entry.countable,
            content: Content::read(&entry.content),
            fallback_text: entry.fallback_text,
            version: entry.version,
            edited_at: entry.edited_at,
            reactions,
        };
        let (conversation, seq) = (entry.conversation_id, entry.seq);
        if let Content::File(..) = seen.content {
            self.held.insert((conversation.clone(), seq), seen.content.clone());
        }
        self.facts.sightings.push(Sighting {
            conn,
            conversation,
            seq,
            seen: Ok(seen),
            line,
            before_quiet: !self.quiet,
            beside,
        });
    }

    fn reply(&mut self, number: usize, conn: u64, reply: frame::Reply) {
        match self.asked.remove(&(conn, reply.id)) {
            Some(Asked::Try(index)) => {
                let changed = reply.edit.or(reply.recall).or(reply.react);
                self.facts.tries[index].outcome = self.outcome(number, changed, reply.error);
            }
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
            _ => {}
        }
    }

    pub(super) fn ack(&self, line: usize, ack: frame::SendAck) -> Outcome {
        Outcome::Ack(Ack { seq: ack.seq, server_ts: ack.server_ts, dup: ack.dup, life: self.facts.kills, line })
    }

    fn page(&mut self, number: usize, invoked: usize, conn: u64, after: i64, page: frame::SyncPage) {
        for (entry, beside) in
            page.entries.iter().map(|entry| (entry, false)).chain(page.targets.iter().map(|entry| (entry, true)))
        {
            self.saw(conn, number, entry.clone(), beside);
        }
        if !page.has_more {
            self.tell(conn, number, Told::SyncedTo(page.conversation_id.clone(), page.head_seq));
        }
        self.facts.pages.push(Page { conn, invoked, after, page, line: number });
    }

    fn call(&mut self, line: usize, call: u64, user: String, method: &str, path: &str, body: &Value) {
        let conversation = || path.split('/').nth(3).unwrap_or_default().to_owned();
        let asked = if method == "POST" && path.starts_with("/v1/conversations/") && path.ends_with("/messages") {
            let mut send: frame::Send = read(body.clone()).unwrap_or_default();
            send.conversation_id = conversation();
            Some(self.attempt(line, None, user.clone(), send))
        } else if method == "PUT" && path.ends_with("/read") {
            let wanted = body.get("read_seq").and_then(Value::as_i64).unwrap_or_default();
            Some(Asked::Read { conversation: conversation(), wanted, invoked: line })
        } else {
            self.fetch(line, &user, method, path, body).or_else(|| self.act(line, &user, method, path, body))
        };
        if let Some(asked) = asked {
            self.asked.insert((call, 0), asked);
        }
        self.calls.insert(call, Call { user, path: path.to_owned(), at: self.now, line });
    }

    fn answer(&mut self, number: usize, call: u64, status: u16, body: Value) {
        let Some(Call { user, path, at, line: invoked }) = self.calls.remove(&call) else { return };
        let good = (200..300).contains(&status);
        hear(&mut self.facts.heard, &body, (at, number));
        let asked = self.asked.remove(&(call, 0));
        if status == 0 {
            if let Some(Asked::Turn(switches, turning)) = asked {
                self.turned(switches, turning, invoked, None, &Value::Null);
            }
            return;
        }
        let problem = || read::<frame::Problem>(body.clone());
        match asked {
            Some(Asked::Send(index)) => {
                let ack = read::<frame::SendAck>(body.clone());
                let outcome = if good { ack.map(|ack| self.ack(number, ack)) } else { problem().map(nack) };
                self.facts.attempts[index].outcome = outcome;
            }
            Some(Asked::Try(index)) => {
                let changed = if good { read(body.clone()) } else { None };
                self.facts.tries[index].outcome = self.outcome(number, changed, problem());
            }
            Some(Asked::Deletion(index)) if good => {
                let hidden: frame::Deleted = read(body.clone()).unwrap_or_default();
                self.facts.deletions[index].answered = Some((number, hidden.ranges));
            }
            Some(Asked::Listing(of)) if good && self.quiet => self.listed(of, &user, &body),
            Some(Asked::Turn(switches, turning)) => {
                let unknown = problem().is_some_and(|problem| problem.retryable) && !good;
                if good || unknown {
                    self.turned(switches, turning, invoked, good.then_some(number), &body);
                }
            }
            Some(asked @ (Asked::Upload(..) | Asked::Download(_) | Asked::Search(_) | Asked::Forward(_))) => {
                self.fetched((invoked, number), &user, asked, status, &body);
            }
            Some(Asked::Read { conversation, wanted, invoked }) if good => {
                let moved = read(body.clone()).unwrap_or_default();
                let user = user.clone();
                self.facts.cursors.push(Cursor { user, conversation, wanted, invoked, moved, line: number });
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

/// Notes all texts in `value` as said by the server not before `when`.
fn hear(heard: &mut HashMap<String, Heard>, value: &Value, when: Heard) {
    match value {
        // Words of people have spaces; ids and tokens have none.
        Value::String(text) if text.contains(' ') => match heard.get_mut(text) {
            Some(known) => *known = when.max(*known),
            None => drop(heard.insert(text.clone(), when)),
        },
        Value::Array(list) => list.iter().for_each(|value| hear(heard, value, when)),
        Value::Object(members) => members.values().for_each(|value| hear(heard, value, when)),
        _ => {}
    }
}

pub(super) fn nack(problem: frame::Problem) -> Outcome {
    Outcome::Nack { permanent: !problem.retryable, code: problem.code }
}

fn read_frame<T: for<'de> Deserialize<'de>>(raw: &Raw, shape: shape::Shape) -> Option<T> {
    raw.value(shape).and_then(read)
}

pub(super) fn read<T: for<'de> Deserialize<'de>>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}
