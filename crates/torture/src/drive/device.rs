//! A device: connects, goes on where it was, does random things, and brings everything that it began to an end.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Duration, Instant, interval, sleep, timeout},
};

use super::{
    Dice, Encoding, Login, Person, Phase, Received, Socket, World,
    knowledge::Knowledge,
    session::{Asked, Intent, Session},
};
use crate::wire::frame::{Event, Problem, Reply, ServerFrame};

mod acts;
mod changes;
mod files;

/// A device of somebody.
pub struct Device {
    world: Arc<World>,
    person: Arc<Person>,
    login: Login,
    encoding: Encoding,
    dice: Dice,
    /// What it knows.
    pub knowledge: Knowledge,
    /// Messages to send again, and when.
    again: VecDeque<(Instant, Intent)>,
    /// Messages sent lately, to be repeated on purpose.
    recent: VecDeque<Intent>,
    /// Messages that it saw lately: where, which, and whether they are its owner's.
    seen: VecDeque<(String, i64, bool)>,
    /// Files that it saw lately, as others can pass them on.
    held: VecDeque<files::Held>,
    hushed_until: Instant,
    /// What calls over HTTP hand back: a message that is to be sent (again), or nothing.
    returned: (mpsc::Sender<Option<Intent>>, mpsc::Receiver<Option<Intent>>),
    calls_open: usize,
    heads_due: bool,
    settled: bool,
    texts: u64,
}

/// Why a connection ended.
enum End {
    /// The device wanted it.
    Wanted,
    /// The server or the network.
    Cut,
    /// The run is over.
    Over,
}

impl Device {
    /// The `index`th device of `person`, logged in.
    pub fn new(world: Arc<World>, person: Arc<Person>, login: Login, index: u64) -> Self {
        let dice = Dice::new(world.seed, index + 1);
        let encoding = if index.is_multiple_of(2) { Encoding::Json } else { Encoding::Proto };
        world.unsettled.fetch_add(1, Ordering::SeqCst);
        Self {
            world,
            person,
            login,
            encoding,
            dice,
            knowledge: Knowledge::default(),
            again: VecDeque::new(),
            recent: VecDeque::new(),
            seen: VecDeque::new(),
            held: VecDeque::new(),
            hushed_until: Instant::now(),
            returned: mpsc::channel(64),
            calls_open: 0,
            heads_due: true,
            settled: false,
            texts: 0,
        }
    }

    /// Lives until the run is over.
    pub async fn run(mut self) {
        let mut failures = 0;
        while self.world.phase() != Phase::Over {
            match self.connect().await {
                Ok(session) => {
                    failures = 0;
                    if let End::Over = self.live(session).await {
                        return;
                    }
                }
                Err(_away) => {
                    failures += 1;
                    sleep(Duration::from_millis(20 + self.dice.below(60 * failures.min(10)) as u64)).await;
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<Session> {
        self.settle(false);
        let token = self.person.token(&self.login).await;
        let authority = self.world.http.authority().to_owned();
        let whose = (&*self.person.id, &*self.login.device, false);
        let mut socket = Socket::connect(&authority, self.encoding, self.world.recorder.clone(), whose).await?;
        // Now and then a client forgets its resume point, as after a reinstallation of half of it.
        let resume = if self.dice.chance(85) { self.knowledge.resume.clone() } else { String::new() };
        socket.hello(&token, &self.login.device, &resume).await?;
        let welcome = timeout(Duration::from_secs(15), async {
            loop {
                match socket.next().await {
                    Received::Frame(frame) => break frame.welcome.context("the first frame is no welcome"),
                    Received::Other => {}
                    Received::End(code) => anyhow::bail!("closed before the welcome: {code:?}"),
                }
            }
        })
        .await??;
        self.knowledge.resume = welcome.resume;
        self.heads_due |= !welcome.resumed;
        Ok(Session::new(socket))
    }

    async fn live(&mut self, mut session: Session) -> End {
        let end = match self.converse(&mut session).await {
            Ok(end) => end,
            Err(_gone) => End::Cut,
        };
        let Session { socket, open, .. } = session;
        let politely = self.dice.chance(50);
        socket.leave(politely && !matches!(end, End::Cut)).await;
        for (_, asked) in open.into_values() {
            match asked {
                Asked::Send(intent) => {
                    self.world.unacked.fetch_sub(1, Ordering::SeqCst);
                    if let End::Cut = end {
                        self.world.cut_off.fetch_add(1, Ordering::SeqCst);
                    }
                    self.try_again(intent, None);
                }
                Asked::Heads => self.heads_due = true,
                Asked::Pages(_) | Asked::Other => {}
            }
        }
        self.knowledge.cut_off();
        if let End::Wanted = end {
            sleep(Duration::from_millis(self.dice.below(600) as u64)).await;
        }
        end
    }

    async fn converse(&mut self, session: &mut Session) -> Result<End> {
        let mut ticks = interval(Duration::from_millis(15));
        let mut next_act = Instant::now() + self.pause();
        loop {
            tokio::select! {
                received = session.socket.next() => match received {
                    Received::Frame(frame) => {
                        if let Some(after) = self.hear(session, *frame).await? {
                            sleep(after).await;
                            return Ok(End::Wanted);
                        }
                    }
                    Received::Other => {}
                    Received::End(_) => return Ok(End::Cut),
                },
                Some(returned) = self.returned.1.recv() => {
                    self.calls_open -= 1;
                    if let Some(intent) = returned {
                        self.try_again(intent, None);
                    }
                }
                _ = ticks.tick() => {
                    session.acknowledge().await?;
                    session.check_patience()?;
                    self.go_on(session).await?;
                    match self.world.phase() {
                        Phase::Over => return Ok(End::Over),
                        Phase::Settling => self.settle(self.has_finished(session)),
                        Phase::Busy if Instant::now() >= next_act => {
                            next_act = Instant::now() + self.pause();
                            self.world.actions.fetch_add(1, Ordering::Relaxed);
                            if self.act(session).await? {
                                return Ok(End::Wanted);
                            }
                        }
                        Phase::Busy => {}
                    }
                }
            }
        }
    }

    fn pause(&mut self) -> Duration {
        let mean = self.world.habits.pause.as_micros() as usize;
        Duration::from_micros((mean / 4 + self.dice.below(mean * 3 / 2)) as u64)
    }

    /// Goes on with what was begun: missing pages, messages to send again.
    async fn go_on(&mut self, session: &mut Session) -> Result<()> {
        if self.heads_due && session.open.len() < 24 {
            self.heads_due = false;
            session.ask("sync_heads", json!({"token": self.knowledge.heads_token}), Asked::Heads).await?;
        }
        let together = self.dice.chance(50);
        session.catch_up(&mut self.knowledge, together).await?;
        let now = Instant::now();
        while session.open.len() < 48 && now >= self.hushed_until {
            let Some(index) = self.again.iter().position(|(when, _)| *when <= now) else { break };
            let Some((_, intent)) = self.again.remove(index) else { break };
            self.send(session, intent).await?;
        }
        Ok(())
    }

    async fn send(&mut self, session: &mut Session, intent: Intent) -> Result<()> {
        self.world.unacked.fetch_add(1, Ordering::SeqCst);
        session.ask("send", intent.send(), Asked::Send(intent)).await
    }

    /// Takes in a frame. Answers a pause if the server wants the client to come back later.
    async fn hear(&mut self, session: &mut Session, frame: ServerFrame) -> Result<Option<Duration>> {
        if let Some(push) = frame.push {
            session.processed(push.push_no);
            push.events.into_iter().for_each(|event| self.happened(event));
            self.knowledge.resume = push.resume;
        }
        if let Some(pong) = frame.pong {
            self.knowledge.resume = pong.resume;
        }
        if let Some(reply) = frame.reply {
            self.answered(session, reply);
        }
        if frame.sync_required.is_some() {
            self.heads_due = true;
        }
        Ok(frame.reconnect.map(|reconnect| Duration::from_millis(reconnect.after_ms.min(3000))))
    }

    fn happened(&mut self, event: Event) {
        if let Some(entry) = event.entry {
            self.look_at(&entry);
            self.knowledge.pushed(&entry.conversation_id, entry.seq);
            if entry.countable {
                self.remember(entry.conversation_id, entry.seq, entry.sender_id == self.person.id);
            }
        }
        if let Some(own) = event.own_entry {
            self.knowledge.pushed(&own.conversation_id, own.seq);
            self.remember(own.conversation_id, own.seq, true);
        }
        if let Some(joined) = event.conversation_joined {
            self.knowledge.came_in(&joined.conversation_id);
        }
    }

    fn remember(&mut self, conversation: String, seq: i64, own: bool) {
        self.seen.push_back((conversation, seq, own));
        if self.seen.len() > 60 {
            self.seen.pop_front();
        }
    }

    fn answered(&mut self, session: &mut Session, reply: Reply) {
        match session.open.remove(&reply.id) {
            Some((_, Asked::Send(intent))) => {
                self.world.unacked.fetch_sub(1, Ordering::SeqCst);
                if let Some(problem) = reply.error {
                    self.refused(intent, problem);
                }
            }
            Some((_, Asked::Heads)) => match reply.sync_heads {
                Some(page) => {
                    page.items.iter().for_each(|head| self.knowledge.told(head));
                    self.knowledge.heads_token = page.next_token;
                    self.heads_due |= page.has_more;
                }
                None => {
                    self.knowledge.heads_token.clear();
                    self.heads_due = true;
                }
            },
            Some((_, Asked::Pages(conversations))) => {
                let retry = reply.error.as_ref().is_some_and(|problem| problem.retryable);
                let many =
                    reply.sync_conversations.into_iter().flat_map(|pages| pages.items).filter_map(|item| item.page);
                let pages: Vec<_> = reply.sync_conversation.into_iter().chain(many).collect();
                pages.iter().for_each(|page| self.knowledge.learned(page, &self.person.id));
                let answered = |name: &String| pages.iter().any(|page| page.conversation_id == *name);
                for name in conversations.iter().filter(|name| !answered(name)) {
                    self.knowledge.refused(name);
                    if retry {
                        self.knowledge.want(name);
                    }
                }
            }
            Some((_, Asked::Other)) | None => {}
        }
    }

    fn refused(&mut self, intent: Intent, problem: Problem) {
        if !problem.retryable {
            return;
        }
        let wait = problem.retry_after_ms.map(Duration::from_millis);
        if problem.code == "rate_limited" {
            self.hushed_until = Instant::now() + wait.unwrap_or(Duration::from_millis(500));
        }
        self.try_again(intent, wait);
    }

    fn try_again(&mut self, intent: Intent, wait: Option<Duration>) {
        self.again.push_back((Instant::now() + wait.unwrap_or(Duration::from_millis(30)), intent));
    }

    fn has_finished(&self, session: &Session) -> bool {
        session.open.is_empty()
            && self.again.is_empty()
            && self.calls_open == 0
            && !self.heads_due
            && self.knowledge.complete()
    }

    fn settle(&mut self, settled: bool) {
        if settled != self.settled {
            self.settled = settled;
            let unsettled = &self.world.unsettled;
            if settled {
                unsettled.fetch_sub(1, Ordering::SeqCst)
            } else {
                unsettled.fetch_add(1, Ordering::SeqCst)
            };
        }
    }
}
