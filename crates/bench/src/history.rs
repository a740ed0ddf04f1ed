//! `bench history`: pages of history at fixed times, while others send.

use std::{sync::Arc, thread, time::Duration};

use anser_client::v1::HistoryReply;
use anser_types::ConversationId;
use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    Common, Report,
    link::http::Pages,
    measure::{Durations, Span, Tally, watch},
    send::{Pace, Sender, preload, receive},
    server::Server,
    town::{Pair, Town},
};

/// How to read.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Pages per second
    #[arg(long, default_value_t = 1_000)]
    pub(crate) pages: u32,
    /// Entries on a page
    #[arg(long, default_value_t = 50)]
    pub(crate) entries: u32,
    /// Connections that read
    #[arg(long, default_value_t = 32)]
    pub(crate) readers: usize,
    /// Sends per second meanwhile
    #[arg(long, default_value_t = 5_000)]
    pub(crate) sends: u32,
    /// Pairs that talk and are read
    #[arg(long, default_value_t = 64)]
    pub(crate) pairs: usize,
    /// Conversations in all
    #[arg(long)]
    pub(crate) conversations: Option<usize>,
    /// Fill the store until it holds so many messages before measuring
    #[arg(long, default_value_t = 100_000)]
    pub(crate) preload: u64,
}

pub async fn run(options: Options) -> anyhow::Result<Report> {
    let common = &options.common;
    let server = Server::start(common).await?;
    let mut town = Town::settle(&server, options.pairs, options.conversations.unwrap_or(options.pairs)).await?;
    preload(&mut town, common, options.preload).await?;

    let mut report = Report::new("history", common, &server.settings);
    report.given("pages_wanted_per_second", options.pages);
    report.given("entries_per_page", options.entries);
    report.given("sends_wanted_per_second", options.sends);
    report.given("conversations", town.pairs.iter().map(|pair| pair.conversations.len()).sum::<usize>());
    report.given("messages_before", town.messages());

    let (sends, pages) = (Tally::new(), Tally::new());
    let (warmup, seconds) = (Duration::from_secs(common.warmup), Duration::from_secs(common.seconds));
    let mut others = JoinSet::new();
    let mut senders = Vec::new();
    for (index, pair) in town.pairs.iter().enumerate() {
        others.spawn(receive(pair.recipient.link(common.encoding.into()).await?, sends.clone()));
        let link = pair.sender.link(common.encoding.into()).await?;
        senders.push(Sender::new(link, pair.conversations.clone(), common.body, 64, index as u32));
    }
    let mut readers = Vec::new();
    for index in 0..options.readers.max(1) {
        readers.push(Reader::new(&town.pairs[index % town.pairs.len()], &options, index).await?);
    }
    let span = Span::from_now(warmup, seconds);
    let count = senders.len() as u32;
    let mut sending = JoinSet::new();
    for (index, sender) in senders.into_iter().enumerate() {
        let every = Duration::from_secs(1) * count / options.sends.max(1);
        let pace = Pace::Every { every, first: span.begin - warmup + every * index as u32 / count };
        let tally = sends.clone();
        sending.spawn(async move { sender.run(pace, span, tally).await });
    }
    let mut reading = Vec::new();
    for (index, reader) in readers.into_iter().enumerate() {
        let count = options.readers.max(1) as u32;
        let every = Duration::from_secs(1) * count / options.pages.max(1);
        let first = span.begin - warmup + every * index as u32 / count;
        let pages = pages.clone();
        reading.push(thread::spawn(move || reader.run(every, first, span, pages)));
    }
    watch(span, &sends, "history").await;
    let mut read = 0;
    for reader in reading {
        // They end with the span, which `watch` has waited for.
        read += reader.join().map_err(|_| anyhow!("a reader panicked"))?.context("read a page")?;
    }
    report.figure("pages_per_second", read / common.seconds.max(1));
    report.latency("page", &pages.latencies());
    report.latency("ack_meanwhile", &sends.latencies());
    let mut acked = 0;
    while let Some(outcome) = sending.join_next().await {
        acked += outcome??.acked.len();
    }
    report.figure("acked_in_all", acked);
    Ok(report)
}

/// One who reads pages from anywhere in their conversations.
struct Reader {
    pages: Pages,
    /// With the head as it was at the start.
    conversations: Vec<(ConversationId, i64)>,
    limit: u32,
    chance: u64,
}

impl Reader {
    async fn new(pair: &Pair, options: &Options, index: usize) -> anyhow::Result<Self> {
        let tokens = pair.recipient.client.tokens().context("nobody is logged in")?;
        let pages = Pages::open(pair.recipient.client.base(), &tokens.access_token)?;
        let socket = pair.recipient.socket().await?;
        let (mut token, mut conversations) = (String::new(), Vec::new());
        loop {
            let heads = socket.sync_heads(&token, 0).await?;
            for head in heads.items.iter().filter(|head| head.head_seq > i64::from(options.entries)) {
                conversations.push((ConversationId::try_from(&head.conversation_id[..])?, head.head_seq));
            }
            token = heads.next_token;
            if !heads.has_more {
                break;
            }
        }
        socket.close().await;
        if conversations.is_empty() {
            bail!("no conversation has a full page; preload more");
        }
        Ok(Self { pages, conversations, limit: options.entries, chance: index as u64 + 1 })
    }

    fn run(mut self, every: Duration, first: Instant, span: Span, tally: Arc<Tally>) -> anyhow::Result<u64> {
        let mut durations = Durations::new(tally);
        let (mut due, mut read) = (first, 0);
        while due < span.end {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let path = self.somewhere();
            let body = self.pages.get(&path)?;
            let now = Instant::now();
            if span.holds(due) {
                durations.record(now - due);
            }
            if span.holds(now) {
                read += 1;
            }
            // Reading every page again would cost the server processor time that it needs.
            if read % 10 == 0 {
                let page: HistoryReply = serde_json::from_slice(body)?;
                if page.items.len() != self.limit as usize {
                    bail!("a page of {} entries instead of {}", page.items.len(), self.limit);
                }
            }
            due += every;
        }
        Ok(read)
    }

    fn somewhere(&mut self) -> String {
        let mut chance = |bound: u64| {
            self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.chance >> 33) % bound.max(1)
        };
        let (conversation, head) = self.conversations[chance(self.conversations.len() as u64) as usize];
        let before = head + 1 - chance((head - i64::from(self.limit)) as u64) as i64;
        format!("/v1/conversations/{conversation}/messages?before_seq={before}&limit={}", self.limit)
    }
}
