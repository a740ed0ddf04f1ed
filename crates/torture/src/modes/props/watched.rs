//! A device that is watched: it follows the client's rule to the letter and keeps every token it was ever given.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};

use super::fresh::State;
use crate::{
    drive::{Dice, Encoding, Knowledge, Login, Person, Received, Socket, World},
    wire::{
        Content,
        frame::{Entry, Event, Reply, ServerFrame},
    },
};

/// A watched device.
pub struct Watched {
    world: Arc<World>,
    person: Arc<Person>,
    login: Login,
    encoding: Encoding,
    socket: Option<Socket>,
    next: u32,
    knowledge: Knowledge,
    /// What it holds.
    pub state: State,
    /// Whether pushes alone keep it complete: it synced on this connection, or resumed from such a one.
    pub continuous: bool,
    lost_track: bool,
    /// Messages that are held in an older version, as a change said that came without them.
    stale: BTreeSet<(String, i64)>,
    /// What was deleted when the unread counts were last asked for because of it.
    deleted_counted: BTreeMap<String, Vec<(i64, i64)>>,
    page_limit: usize,
    heads_tokens: Vec<String>,
    me_tokens: Vec<String>,
    resumes: Vec<String>,
}

impl Watched {
    /// A device of `person`, not yet connected.
    pub async fn new(world: Arc<World>, person: Arc<Person>, encoding: Encoding, dice: &mut Dice) -> Result<Self> {
        let login = person.log_in(dice).await?;
        Ok(Self {
            world,
            person,
            login,
            encoding,
            socket: None,
            next: 0,
            knowledge: Knowledge::default(),
            state: State::default(),
            continuous: false,
            lost_track: false,
            stale: BTreeSet::new(),
            deleted_counted: BTreeMap::new(),
            page_limit: 20,
            heads_tokens: vec![String::new()],
            me_tokens: vec![String::new()],
            resumes: Vec::new(),
        })
    }

    /// Whether it is connected, as far as it knows.
    pub fn connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Goes away, politely or not.
    pub async fn leave(&mut self, politely: bool) {
        if let Some(socket) = self.socket.take() {
            socket.leave(politely).await;
        }
        self.knowledge.cut_off();
    }

    /// Connects: from the latest resume point, from an older one, or from nowhere.
    pub async fn connect(&mut self, dice: &mut Dice) -> Result<()> {
        self.leave(true).await;
        let (resume, from_latest) = match dice.below(10) {
            0..6 => (self.resumes.last().cloned(), true),
            6..9 => (dice.pick(&self.resumes).cloned(), false),
            _ => (None, false),
        };
        let token = self.person.token(&self.login).await;
        let whose = (&*self.person.id, &*self.login.device, false);
        let mut socket =
            Socket::connect(self.world.http.authority(), self.encoding, self.world.recorder.clone(), whose).await?;
        socket.hello(&token, &self.login.device, resume.as_deref().unwrap_or_default()).await?;
        let welcome = loop {
            match timeout(Duration::from_secs(10), socket.next()).await.context("no welcome")? {
                Received::Frame(frame) => break frame.welcome.context("the first frame is no welcome")?,
                Received::Other => {}
                Received::End(code) => bail!("closed before the welcome: {code:?}"),
            }
        };
        self.socket = Some(socket);
        // An older point replays more, not less: what was known by then is known still.
        self.continuous &= welcome.resumed && (from_latest || resume.is_some()) && !self.lost_track;
        self.lost_track = false;
        self.resumes.push(welcome.resume);
        Ok(())
    }

    /// Takes in what comes until nothing comes for `pause`.
    pub async fn listen(&mut self, pause: Duration) -> Result<()> {
        while let Some(socket) = &mut self.socket {
            match timeout(pause, socket.next()).await {
                Ok(received) => drop(self.take(received).await?),
                Err(_silence) => break,
            }
        }
        let complete = self.knowledge.complete() && self.stale.is_empty();
        if self.continuous && !complete && self.socket.is_some() {
            self.catch_up().await?;
        }
        Ok(())
    }

    /// Finds out what it lacks, from tokens of any age. Afterwards it must hold what a fresh device holds.
    pub async fn sync(&mut self, dice: &mut Dice) -> Result<()> {
        let any = |tokens: &[String], dice: &mut Dice| {
            let latest = tokens.last().cloned().unwrap_or_default();
            if dice.chance(60) { latest } else { dice.pick(tokens).cloned().unwrap_or_default() }
        };
        let token = any(&self.heads_tokens, dice);
        self.ask_heads(token, dice).await?;
        self.page_limit = 1 + dice.below(40);
        self.catch_up().await?;
        let mut token = any(&self.me_tokens, dice);
        loop {
            let me = self.ask("sync_me", json!({"token": token})).await?.sync_me.context("nothing about me")?;
            self.state.keep_me(&me);
            token = me.get("next_token").and_then(Value::as_str).unwrap_or_default().to_owned();
            if me.get("has_more").and_then(Value::as_bool) != Some(true) {
                break;
            }
        }
        self.me_tokens.push(token);
        if self.state.deleted != self.deleted_counted {
            // What was deleted on another device is unread no longer, and moves no head.
            self.deleted_counted = self.state.deleted.clone();
            self.ask_heads(String::new(), dice).await?;
            self.catch_up().await?;
        }
        self.continuous = true;
        Ok(())
    }

    async fn ask_heads(&mut self, mut token: String, dice: &mut Dice) -> Result<()> {
        loop {
            let reply = self.ask("sync_heads", json!({"token": token, "limit": 1 + dice.below(4)})).await?;
            let page = reply.sync_heads.context("no heads")?;
            for head in &page.items {
                self.knowledge.told(head);
                self.state.keep_head(head);
            }
            token = page.next_token;
            if !page.has_more {
                self.heads_tokens.push(token);
                return Ok(());
            }
        }
    }

    async fn catch_up(&mut self) -> Result<()> {
        while let Some((conversation, after)) = self.knowledge.ask() {
            let body = json!({"conversation_id": conversation, "after_seq": after, "limit": self.page_limit});
            let page = self.ask("sync_conversation", body).await?.sync_conversation.context("no page")?;
            self.knowledge.learned(&page, &self.person.id);
            page.entries.iter().chain(&page.targets).for_each(|entry| self.state.keep(entry.clone()));
            page.entries.iter().for_each(|entry| self.look_for_target(entry));
        }
        while let Some((conversation, seq)) = self.stale.pop_first() {
            let body = json!({"conversation_id": conversation, "after_seq": seq - 1, "limit": 1});
            let page = self.ask("sync_conversation", body).await?.sync_conversation.context("no page")?;
            page.entries.into_iter().for_each(|entry| self.state.keep(entry));
        }
        Ok(())
    }

    /// A change says that a message has a later version than the one that is held.
    fn look_for_target(&mut self, entry: &Entry) {
        let conversation = &entry.conversation_id;
        if let Content::Change(change) = Content::read(&entry.content)
            && self.state.version(conversation, change.target).is_some_and(|held| held < change.version)
        {
            self.stale.insert((conversation.clone(), change.target));
        }
    }

    /// Moves the read cursor.
    pub async fn read(&mut self, conversation: &str, read_seq: i64) -> Result<()> {
        self.ask("read", json!({"conversation_id": conversation, "read_seq": read_seq})).await.map(drop)
    }

    /// Sends a message; whether it is stored decides nothing here.
    pub async fn say(&mut self, send: Value) -> Result<()> {
        self.ask_anything("send", send).await.map(drop)
    }

    /// Up to where it knows a conversation.
    pub fn place(&self, conversation: &str) -> i64 {
        self.knowledge.places.get(conversation).copied().unwrap_or_default()
    }

    async fn ask(&mut self, op: &str, body: Value) -> Result<Reply> {
        let reply = self.ask_anything(op, body).await?;
        let problem = reply.error.as_ref().map(|problem| format!("{op}: {} {}", problem.code, problem.detail));
        ensure!(problem.is_none(), problem.unwrap_or_default());
        Ok(reply)
    }

    async fn ask_anything(&mut self, op: &str, body: Value) -> Result<Reply> {
        self.next += 1;
        let id = self.next;
        let frame = json!({"request": {"id": id, op: body}});
        self.socket.as_mut().context("not connected")?.send(&frame).await?;
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let socket = self.socket.as_mut().context("the connection ended")?;
            let received = timeout_at(deadline, socket.next()).await.with_context(|| format!("no answer to {op}"))?;
            if let Some(reply) = self.take(received).await?.filter(|reply| reply.id == id) {
                return Ok(reply);
            }
        }
    }

    /// Takes in what came; a reply is handed on.
    async fn take(&mut self, received: Received) -> Result<Option<Reply>> {
        match received {
            Received::Frame(frame) => self.hear(*frame).await,
            Received::Other => Ok(None),
            Received::End(code) => {
                self.leave(false).await;
                bail!("the connection ended: {code:?}")
            }
        }
    }

    async fn hear(&mut self, frame: ServerFrame) -> Result<Option<Reply>> {
        if let Some(push) = frame.push {
            push.events.into_iter().for_each(|event| self.happened(event));
            self.resumes.push(push.resume);
            if let Some(socket) = &mut self.socket {
                socket.send(&json!({"ack": {"push_no": push.push_no}})).await?;
            }
        }
        if frame.sync_required.is_some() {
            self.continuous = false;
            self.lost_track = true;
        }
        Ok(frame.reply)
    }

    fn happened(&mut self, event: Event) {
        if let Some(entry) = event.entry {
            self.knowledge.pushed(&entry.conversation_id, entry.seq);
            self.state.keep(entry.clone());
            event.target.into_iter().for_each(|target| self.state.keep(target));
            self.look_for_target(&entry);
        }
        if let Some(deleted) = event.deleted {
            self.state.keep_deleted(deleted);
        }
        if let Some(own) = event.own_entry {
            // The words of one's own entry are known, but not its time: the log is asked, as for any other.
            self.knowledge.want(&own.conversation_id);
        }
        if let Some(joined) = event.conversation_joined {
            self.knowledge.came_in(&joined.conversation_id);
        }
    }
}
