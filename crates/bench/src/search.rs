//! `bench search`: questions at fixed times, while others send, over text that is distributed like language.

use std::{collections::BTreeMap, fmt::Write as _, sync::atomic::Ordering, thread, time::Duration};

use anser_client::v1::SearchMessagesReply;
use anser_types::ConversationId;
use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use hdrhistogram::Histogram;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    Common, Report,
    link::http::Pages,
    measure::{Span, Tally, histogram, watch},
    prose::{Chance, Prose},
    send::{Pace, Sender, fill, receive},
    server::Server,
    town::{Pair, Person, Town},
};

/// How to search.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Questions per second, all kinds in turn
    #[arg(long, default_value_t = 50)]
    pub(crate) questions: u32,
    /// Connections that ask
    #[arg(long, default_value_t = 4)]
    pub(crate) askers: usize,
    /// Sends per second meanwhile
    #[arg(long, default_value_t = 1_000)]
    pub(crate) sends: u32,
    /// Pairs that talk; the senders ask
    #[arg(long, default_value_t = 8)]
    pub(crate) pairs: usize,
    /// Conversations in all
    #[arg(long, default_value_t = 400)]
    pub(crate) conversations: usize,
    /// Fill the store until it holds so many messages before measuring
    #[arg(long, default_value_t = 100_000)]
    pub(crate) preload: u64,
}

/// How long the index may take to have what was sent before.
const CATCH_UP: Duration = Duration::from_secs(3_600);
/// How long one message may take to be found.
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn run(options: Options) -> anyhow::Result<Report> {
    let common = &options.common;
    let server = Server::start(common).await?;
    let prose = Prose::new();
    let mut town = Town::settle(&server, options.pairs, options.conversations).await?;
    fill(&mut town, common, options.preload, Some(&prose)).await?;

    let mut report = Report::new("search", common, &server.settings);
    report.given("questions_wanted_per_second", options.questions);
    report.given("sends_wanted_per_second", options.sends);
    report.given("conversations", town.pairs.iter().map(|pair| pair.conversations.len()).sum::<usize>());
    report.given("messages_before", town.messages());

    let began = Instant::now();
    let lag = Lag::of(&town.pairs[0])?;
    let lag = tokio::task::spawn_blocking(move || lag.found(CATCH_UP)).await??;
    report.figure("index_caught_up_after_s", began.elapsed().as_secs());

    let tally = Tally::new();
    let (warmup, seconds) = (Duration::from_secs(common.warmup), Duration::from_secs(common.seconds));
    let (mut others, mut senders) = (JoinSet::new(), Vec::new());
    for (index, pair) in town.pairs.iter().enumerate() {
        others.spawn(receive(pair.recipient.link(common.encoding.into()).await?, tally.clone()));
        let link = pair.sender.link(common.encoding.into()).await?;
        let sender = Sender::new(link, pair.conversations.clone(), common.body, 64, index as u32);
        senders.push(sender.saying(prose.clone()));
    }
    let askers =
        (0..options.askers.max(1)).map(|index| Asker::new(&town.pairs[index % town.pairs.len()], &prose, index));
    let askers = askers.collect::<anyhow::Result<Vec<_>>>()?;
    let span = Span::from_now(warmup, seconds);
    let (count, mut sending) = (senders.len() as u32, JoinSet::new());
    for (index, sender) in senders.into_iter().enumerate() {
        let every = Duration::from_secs(1) * count / options.sends.max(1);
        let pace = Pace::Every { every, first: span.begin - warmup + every * index as u32 / count };
        let tally = tally.clone();
        sending.spawn(async move { sender.run(pace, span, tally).await });
    }
    let (mut asking, count) = (Vec::new(), askers.len() as u32);
    for (index, asker) in askers.into_iter().enumerate() {
        let every = Duration::from_secs(1) * count / options.questions.max(1);
        let first = span.begin - warmup + every * index as u32 / count;
        asking.push(thread::spawn(move || asker.run(every, first, span)));
    }
    let lagging = thread::spawn(move || lag.run(span));
    watch(span, &tally, "search").await;
    let mut took: BTreeMap<String, Histogram<u32>> = BTreeMap::new();
    for asking in asking {
        for (kind, durations) in asking.join().map_err(|_| anyhow!("an asker panicked"))?.context("ask")? {
            took.entry(kind).or_insert_with(histogram).add(durations)?;
        }
    }
    for (kind, durations) in &took {
        report.latency(kind, durations);
    }
    report.latency("until_found", &lagging.join().map_err(|_| anyhow!("who measures the lag panicked"))??);
    report.latency("ack_meanwhile", &tally.latencies());
    report.figure("acked_in_all", tally.acked.load(Ordering::Relaxed));
    while let Some(outcome) = sending.join_next().await {
        outcome??;
    }
    Ok(report)
}

/// One who asks, in turn for each word, in one conversation and in all.
struct Asker {
    pages: Pages,
    /// What it is called, and the path.
    questions: Vec<(String, String)>,
    turn: usize,
}

impl Asker {
    fn new(pair: &Pair, prose: &Prose, index: usize) -> anyhow::Result<Self> {
        let one = ConversationId(pair.conversations[index % pair.conversations.len()]);
        let mut questions = Vec::new();
        for wanted in prose.wanted() {
            let path = format!("/v1/search/messages?limit=20&q={}", encoded(&wanted.word));
            questions.push((format!("one_{}", wanted.name), format!("{path}&conversation_id={one}")));
            questions.push((format!("all_{}", wanted.name), path));
        }
        Ok(Self { pages: pages(&pair.sender)?, questions, turn: index })
    }

    fn run(mut self, every: Duration, first: Instant, span: Span) -> anyhow::Result<BTreeMap<String, Histogram<u32>>> {
        let (mut due, mut took) = (first, BTreeMap::new());
        while due < span.end {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let (kind, path) = &self.questions[self.turn % self.questions.len()];
            let reply: SearchMessagesReply = serde_json::from_slice(self.pages.get(path)?)?;
            if reply.degraded {
                bail!("the index is behind");
            }
            if span.holds(due) {
                let durations: &mut Histogram<u32> = took.entry(kind.clone()).or_insert_with(histogram);
                durations.saturating_record(due.elapsed().as_micros() as u64);
            }
            self.turn += 1;
            due += every;
        }
        Ok(took)
    }
}

/// One who sends a word that nobody ever said, once a second, and looks for it until it is found.
struct Lag {
    pages: Pages,
    sender: Person,
    conversation: ConversationId,
    runtime: tokio::runtime::Handle,
    chance: Chance,
}

impl Lag {
    fn of(pair: &Pair) -> anyhow::Result<Self> {
        Ok(Self {
            pages: pages(&pair.sender)?,
            sender: pair.sender.clone(),
            conversation: ConversationId(pair.conversations[0]),
            runtime: tokio::runtime::Handle::current(),
            chance: Chance::new(rand::random()),
        })
    }

    /// Waits until something said now is found.
    fn found(mut self, patience: Duration) -> anyhow::Result<Self> {
        self.once(patience)?;
        Ok(self)
    }

    fn run(mut self, span: Span) -> anyhow::Result<Histogram<u32>> {
        let mut durations = histogram();
        while Instant::now() < span.end {
            let took = self.once(PATIENCE)?;
            if Instant::now() >= span.begin {
                durations.saturating_record(took.as_micros() as u64);
            }
            thread::sleep(Duration::from_secs(1));
        }
        Ok(durations)
    }

    fn once(&mut self, patience: Duration) -> anyhow::Result<Duration> {
        let word = format!("mark{:016x}", self.chance.number());
        let said = self.sender.client.send_text(self.conversation, &word);
        self.runtime.block_on(said).context("send")?;
        let said_at = Instant::now();
        while said_at.elapsed() < patience {
            let body = self.pages.get(&format!("/v1/search/messages?limit=1&q={word}"))?;
            let reply: SearchMessagesReply = serde_json::from_slice(body)?;
            if !reply.items.is_empty() {
                return Ok(said_at.elapsed());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("what was sent was not found in time")
    }
}

fn pages(person: &Person) -> anyhow::Result<Pages> {
    let tokens = person.client.tokens().context("nobody is logged in")?;
    Pages::open(person.client.base(), &tokens.access_token)
}

fn encoded(word: &str) -> String {
    word.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
}
