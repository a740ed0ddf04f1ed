//! The last readers: when all is quiet, everybody reads everything on a fresh device.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep, timeout};

use super::{Dice, Encoding, Login, Person, Received, Socket, World, http::persist, world::lock};
use crate::wire::frame::{HeadsPage, Reply};

/// A log longer than this is read once only.
const LONG: i64 = 5_000;

/// Files that each of the last readers fetches, and words that each looks for, at most.
const FETCHED: usize = 30;
const LOOKED_FOR: usize = 20;

/// How long an index may take to catch up.
const CATCHING_UP: Duration = Duration::from_secs(30);

/// No log of a run is longer than this.
const MOST: usize = 1_000_000;

/// Lets all of `people` read everything, four at a time.
pub async fn read_everything(world: &Arc<World>, people: &[Arc<Person>]) -> Result<()> {
    for (index, four) in people.chunks(4).enumerate() {
        let mut readers = tokio::task::JoinSet::new();
        for (lane, person) in four.iter().enumerate() {
            let dice = Dice::new(world.seed, 20_000 + (index * 4 + lane) as u64);
            readers.spawn(read_all(world.clone(), person.clone(), dice));
        }
        while let Some(read) = readers.join_next().await {
            read?.context("a last reader could not read everything")?;
        }
    }
    Ok(())
}

async fn read_all(world: Arc<World>, person: Arc<Person>, mut dice: Dice) -> Result<()> {
    let login = person.log_in(&mut dice).await?;
    let mut reader = Reader::open(&world, &person, &login, true, &mut dice).await?;
    let heads = reader.heads("").await?;
    for head in &heads.items {
        reader.whole_log(&head.conversation_id).await?;
        // Once more, unless it is very long: what a single page left out is that page's fault, not the log's.
        if head.head_seq < LONG {
            reader.whole_log(&head.conversation_id).await?;
        }
        // Says who the two people of a direct conversation are.
        person.insist("GET", &format!("/v1/conversations/{}", head.conversation_id), Value::Null).await?;
    }
    look_around(&world, &person, &heads).await?;
    fetch_and_find(&world, &person, &mut dice).await?;
    reader.close().await;
    Ok(())
}

/// What is on when all is quiet: one's blocks, and the links into one's groups. And the histories, for recalled words.
async fn look_around(world: &World, person: &Person, heads: &HeadsPage) -> Result<()> {
    person.insist("GET", "/v1/blocks?limit=200", Value::Null).await?;
    for group in world.groups().iter().filter(|group| world.people[group.owner].id == person.id) {
        person.insist("GET", &format!("/v1/conversations/{}/links", group.id), Value::Null).await?;
    }
    for head in &heads.items {
        let path = format!("/v1/conversations/{}/messages?limit=200", head.conversation_id);
        person.insist("GET", &path, Value::Null).await?;
    }
    Ok(())
}

/// Some of the files, whether they are theirs to read or not, and some of the words that were said.
async fn fetch_and_find(world: &World, person: &Person, dice: &mut Dice) -> Result<()> {
    let mut some = |all: &std::sync::Mutex<Vec<String>>, most: usize| {
        let all = lock(all);
        let picked = (0..most.min(all.len())).filter_map(|_| dice.pick(&all).cloned());
        picked.collect::<Vec<String>>()
    };
    let (files, words) = (some(&world.files, FETCHED), some(&world.said, LOOKED_FOR));
    for file in files {
        persist(|| person.downloads(&file)).await;
    }
    let until = Instant::now() + CATCHING_UP;
    for word in words {
        let path = format!("/v1/search/messages?q={word}");
        while person.insist("GET", &path, Value::Null).await?.body["degraded"] == true {
            ensure!(Instant::now() < until, "search says again and again that it does not know all");
            sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// A device that only reads, one request at a time.
pub struct Reader {
    socket: Socket,
    next: u32,
}

impl Reader {
    /// Connects as `login` of `person`, knowing nothing.
    pub async fn open(world: &World, person: &Person, login: &Login, last: bool, dice: &mut Dice) -> Result<Self> {
        let encoding = if dice.chance(50) { Encoding::Json } else { Encoding::Proto };
        let whose = (&*person.id, &*login.device, last);
        let mut socket = Socket::connect(world.http.authority(), encoding, world.recorder.clone(), whose).await?;
        socket.hello(&person.token(login).await, &login.device, "").await?;
        let mut reader = Self { socket, next: 0 };
        timeout(Duration::from_secs(15), reader.wait(|frame| frame.welcome)).await.context("no welcome")??;
        Ok(reader)
    }

    /// Goes away.
    pub async fn close(self) {
        self.socket.leave(true).await;
    }

    async fn wait<T>(&mut self, wanted: impl Fn(crate::wire::frame::ServerFrame) -> Option<T>) -> Result<T> {
        loop {
            match self.socket.next().await {
                Received::Frame(frame) => {
                    if let Some(found) = wanted(*frame) {
                        return Ok(found);
                    }
                }
                Received::Other => {}
                Received::End(code) => bail!("the connection ended: {code:?}"),
            }
        }
    }

    /// Asks and waits for the answer.
    pub async fn ask(&mut self, op: &str, body: Value) -> Result<Reply> {
        self.next += 1;
        let id = self.next;
        self.socket.send(&json!({"request": {"id": id, op: body}})).await?;
        let reply = timeout(Duration::from_secs(30), self.wait(|frame| frame.reply.filter(|reply| reply.id == id)));
        let reply = reply.await.with_context(|| format!("no answer to {op}"))??;
        match &reply.error {
            Some(problem) => bail!("{op}: {} {}", problem.code, problem.detail),
            None => Ok(reply),
        }
    }

    /// Sends all of these at once and waits until each has its outcome, whatever it is.
    pub async fn send_at_once(&mut self, sends: Vec<Value>) -> Result<()> {
        let first = self.next + 1;
        for send in sends {
            self.next += 1;
            self.socket.send(&json!({"request": {"id": self.next, "send": send}})).await?;
        }
        for _ in first..=self.next {
            let reply = self.wait(|frame| frame.reply.filter(|reply| reply.id >= first));
            timeout(Duration::from_secs(30), reply).await.context("no outcome")??;
        }
        Ok(())
    }

    /// All heads since `token`.
    pub async fn heads(&mut self, token: &str) -> Result<HeadsPage> {
        let mut all = HeadsPage { next_token: token.to_owned(), ..HeadsPage::default() };
        loop {
            let reply = self.ask("sync_heads", json!({"token": all.next_token})).await?;
            let page = reply.sync_heads.context("no heads")?;
            all.items.extend(page.items);
            all.next_token = page.next_token;
            if !page.has_more {
                return Ok(all);
            }
        }
    }

    /// Reads a conversation from its beginning to its end.
    pub async fn whole_log(&mut self, conversation: &str) -> Result<Vec<crate::wire::frame::Entry>> {
        // The end is believed when it was told twice without anything new.
        let (mut after, mut ends, mut all) = (0, 0, Vec::new());
        loop {
            let body = json!({"conversation_id": conversation, "after_seq": after});
            let page = self.ask("sync_conversation", body).await?.sync_conversation.context("no page")?;
            ensure!(page.next_seq > after || !page.has_more, "a page that leads nowhere");
            all.extend(page.entries);
            ensure!(all.len() <= MOST, "a log without an end");
            ends = if page.has_more || page.next_seq > after { 0 } else { ends + 1 };
            after = page.next_seq.max(after);
            if ends == 2 {
                return Ok(all);
            }
        }
    }
}
