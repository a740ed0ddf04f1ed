//! Searching with a log and with people that are kept in memory.

mod crashes;
mod fakes;
mod finding;
mod people;

use std::{path::Path, sync::Arc};

use anser_contract::{
    Actor, Context,
    v1::{Content, Search, SearchMessagesReply, SearchMessagesRequest, Text, VisibleRange, content::Kind},
};
use anser_types::{Clock, Result, SessionId, UserId};
use fakes::{FakeJournal, FakePeople};

use crate::{SearchOptions, SearchPeers, SearchService, follow::Follower, messages::Log, people::Profiles};

const ADA: UserId = UserId([1; 16]);
const BOB: UserId = UserId([2; 16]);
const NOW: i64 = 1_700_000_000_000;

fn text(words: &str) -> Content {
    Kind::Text(Text { text: words.into() }).into()
}

fn room(number: u8) -> Vec<u8> {
    vec![100 + number; 16]
}

fn by(user: UserId) -> Context {
    Context::new(Actor::User(user, SessionId([9; 16])), "test")
}

/// A service on a directory, with the followers in the test's hands.
struct Town {
    clock: Clock,
    journal: Arc<FakeJournal>,
    people: Arc<FakePeople>,
    search: Arc<SearchService>,
    log: Follower<Log>,
    profiles: Follower<Profiles>,
}

impl Town {
    fn on(dir: &Path) -> Self {
        Self::with(dir, [3; 16], Arc::default(), Arc::default())
    }

    fn with(dir: &Path, epoch: [u8; 16], journal: Arc<FakeJournal>, people: Arc<FakePeople>) -> Self {
        let options = SearchOptions {
            enabled: true,
            dir: dir.to_owned(),
            epoch,
            page_key: [5; 32],
            memory_bytes: 15 << 20,
            at_once: 2,
            queue: 8,
        };
        let peers = SearchPeers {
            journal: journal.clone(),
            users: people.clone(),
            contacts: people.clone(),
            phones: people.clone(),
        };
        let clock = Clock::fixed(NOW);
        let search = SearchService::new(options, peers, clock.clone());
        let (log, profiles) = search.followers();
        Self { clock, journal, people, search, log, profiles }
    }

    /// Ada and Bob may read everything of these conversations.
    fn rooms(&self, rooms: impl IntoIterator<Item = u8>) {
        for number in rooms {
            self.may_read(ADA, number, 1, 0);
            self.may_read(BOB, number, 1, 0);
        }
    }

    fn may_read(&self, user: UserId, number: u8, from_seq: i64, to_seq: i64) {
        let range = VisibleRange { conversation_id: room(number), from_seq, to_seq };
        self.journal.ranges.lock().push((user, range));
    }

    fn says(&self, user: UserId, number: u8, words: &str) -> i64 {
        self.clock.advance(1);
        self.journal.append(number, user, self.clock.now(), text(words))
    }

    fn changes(&self, number: u8, seq: i64, content: Content, told: Content) {
        self.journal.rewrite(number, seq, content);
        self.journal.append(number, ADA, self.clock.now(), told);
    }

    async fn catch_up(&mut self) {
        self.log.settle().await.unwrap();
        self.profiles.settle().await.unwrap();
    }

    async fn asks(&self, user: UserId, request: SearchMessagesRequest) -> Result<SearchMessagesReply> {
        self.search.search_messages(&by(user), request).await
    }

    /// What somebody finds, as conversation and seq, in order.
    async fn finds(&self, user: UserId, question: &str) -> Vec<(u8, i64)> {
        names(&self.asks(user, ask(question)).await.unwrap())
    }
}

fn ask(question: &str) -> SearchMessagesRequest {
    SearchMessagesRequest { query: question.into(), limit: 50, ..SearchMessagesRequest::default() }
}

fn names(reply: &SearchMessagesReply) -> Vec<(u8, i64)> {
    let entries = reply.items.iter().map(|hit| hit.entry.as_ref().unwrap());
    entries.map(|entry| (entry.conversation_id[0] - 100, entry.seq)).collect()
}
