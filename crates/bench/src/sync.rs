//! `bench sync`: a device comes back after others have talked, and wants to have everything.

use std::time::Duration;

use anser_client::Socket;
use anser_types::ConversationId;
use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::future::try_join_all;
use tokio::time::Instant;

use crate::{
    Common, Report,
    measure::histogram,
    server::Server,
    town::{Person, Town},
};

/// How much was missed.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Conversations with missed messages
    #[arg(long, default_value_t = 100)]
    pub(crate) conversations: usize,
    /// Missed messages in all
    #[arg(long, default_value_t = 10_000)]
    pub(crate) messages: usize,
    /// How often to come back
    #[arg(long, default_value_t = 20)]
    pub(crate) times: usize,
    /// Conversations in one request; the requests of one round trip go together
    #[arg(long, default_value_t = 20)]
    pub(crate) batch: usize,
}

pub async fn run(options: Options) -> anyhow::Result<Report> {
    let common = &options.common;
    let server = Server::start(common).await?;
    let town = Town::settle(&server, 1, options.conversations).await?;
    let pair = &town.pairs[0];
    let each = options.messages.div_ceil(pair.conversations.len());
    // What is there already is not missed.
    let token = all_heads(&pair.recipient.socket().await?, "").await?.0;
    let sender = pair.sender.socket().await?;
    let text = "x".repeat(common.body.max(1));
    for conversation in &pair.conversations {
        let sends = (0..each).map(|_| sender.send_text(ConversationId(*conversation), &text));
        try_join_all(sends).await.context("send what will be missed")?;
    }
    let missed = each * pair.conversations.len();

    let mut report = Report::new("sync", common, &server.settings);
    report.given("conversations", pair.conversations.len());
    report.given("missed_messages", missed);
    let (mut durations, mut most_trips, mut bytes) = (histogram(), 0, 0);
    for _ in 0..options.times {
        let back = come_back(&pair.recipient, &token, each as i64, options.batch).await?;
        if back.entries != missed {
            report.fault(format!("{} of {missed} missed messages came", back.entries));
        }
        durations.saturating_record(back.took.as_micros() as u64);
        most_trips = most_trips.max(back.round_trips);
        bytes = back.text_bytes;
    }
    report.latency("until_complete", &durations);
    report.figure("round_trips", most_trips);
    report.figure("text_bytes", bytes);
    Ok(report)
}

struct Back {
    took: Duration,
    round_trips: usize,
    entries: usize,
    text_bytes: usize,
}

/// Connects, greets, asks which heads moved, and fetches them. The handshake is not a round trip of the sync, yet its
/// time counts.
async fn come_back(person: &Person, token: &str, missed_each: i64, batch: usize) -> anyhow::Result<Back> {
    let started = Instant::now();
    let socket = person.socket().await?;
    let (_, heads) = all_heads(&socket, token).await?;
    let mut round_trips = 1;
    let (mut entries, mut text_bytes) = (0, 0);
    let mut wanted: Vec<(ConversationId, i64)> = heads
        .iter()
        .map(|head| Ok((ConversationId::try_from(&head.conversation_id[..])?, head.head_seq - missed_each)))
        .collect::<anyhow::Result<_>>()?;
    while !wanted.is_empty() {
        round_trips += 1;
        let calls = wanted.chunks(batch.max(1)).map(|batch| socket.sync_conversations(batch));
        let mut again = Vec::new();
        for result in try_join_all(calls).await?.into_iter().flat_map(|pages| pages.items) {
            let page = result.page.context("a conversation without a page")?;
            entries += page.entries.len();
            text_bytes += page.entries.iter().map(|entry| entry.fallback_text.len()).sum::<usize>();
            if page.has_more {
                again.push((ConversationId::try_from(&page.conversation_id[..])?, page.next_seq));
            }
        }
        if round_trips > 1_000 {
            bail!("sync does not end");
        }
        wanted = again;
    }
    let took = started.elapsed();
    socket.close().await;
    Ok(Back { took, round_trips, entries, text_bytes })
}

async fn all_heads(socket: &Socket, token: &str) -> anyhow::Result<(String, Vec<anser_client::v1::Head>)> {
    let (mut token, mut heads) = (token.to_owned(), Vec::new());
    loop {
        let page = socket.sync_heads(&token, 0).await?;
        heads.extend(page.items);
        token = page.next_token;
        if !page.has_more {
            return Ok((token, heads));
        }
    }
}
