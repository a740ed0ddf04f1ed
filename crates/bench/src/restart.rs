//! `bench restart`: the server is killed under load and started again; how long until it acknowledges.

use std::{sync::Arc, time::Duration};

use anser_types::{Clock, ConversationId, MessageId};
use anyhow::bail;
use clap::Args;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use anser_client::{Client, SocketOptions, http::text_message};

use crate::{
    Common, Report,
    measure::{Span, Tally, histogram},
    send::{Pace, Sender, preload},
    server::Server,
    town::{Person, Town},
};

/// How to restart.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Fill the store until it holds so many messages before measuring
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) preload: u64,
    /// How often to kill
    #[arg(long, default_value_t = 5)]
    pub(crate) times: usize,
    /// Pairs that talk
    #[arg(long, default_value_t = 64)]
    pub(crate) pairs: usize,
    /// Conversations in all
    #[arg(long)]
    pub(crate) conversations: Option<usize>,
}

/// An acknowledgement that takes longer than this is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn run(options: Options) -> anyhow::Result<Report> {
    let common = &options.common;
    let mut server = Server::start(common).await?;
    let mut town = Town::settle(&server, options.pairs, options.conversations.unwrap_or(options.pairs)).await?;
    preload(&mut town, common, options.preload).await?;

    let mut report = Report::new("restart", common, &server.settings);
    report.given("messages_before", town.messages());
    report.given("conversations", town.pairs.iter().map(|pair| pair.conversations.len()).sum::<usize>());
    report.given("load", format!("{} senders, window 32, until the kill", options.pairs));
    let mut durations = histogram();
    for _ in 0..options.times {
        let _load = under_load(&town, common).await?;
        let killed_at = server.crash_and_restart().await?;
        let person = &town.pairs[0].sender;
        let acked_at = first_ack(person, &server.url, ConversationId(town.pairs[0].conversations[0])).await?;
        durations.saturating_record((acked_at - killed_at).as_micros() as u64);
        // Everybody else goes to the new address too.
        for person in town.pairs.iter_mut().flat_map(|pair| [&mut pair.sender, &mut pair.recipient]) {
            person.client = moved(&person.client, &server.url)?;
        }
    }
    report.latency("kill_to_first_ack", &durations);
    Ok(report)
}

/// Senders at full speed, for a moment already when this returns.
async fn under_load(town: &Town, common: &Common) -> anyhow::Result<JoinSet<()>> {
    let tally = Tally::new();
    let span = Span::from_now(Duration::ZERO, Duration::from_secs(3600));
    let mut load = JoinSet::new();
    for (index, pair) in town.pairs.iter().enumerate() {
        let link = pair.sender.link(common.encoding.into()).await?;
        let sender = Sender::new(link, pair.conversations.clone(), common.body, 32, index as u32);
        let tally = Arc::clone(&tally);
        load.spawn(async move {
            // It ends with an error when the server is killed; that is the plan.
            let _ = sender.run(Pace::Window, span, tally).await;
        });
    }
    sleep(Duration::from_secs(common.warmup.max(1))).await;
    Ok(load)
}

/// The same session at another address.
fn moved(client: &Client, url: &str) -> anyhow::Result<Client> {
    let there = Client::new(url)?;
    there.set_tokens(client.tokens());
    Ok(there)
}

/// Comes back as a client does, without logging in again, and sends.
async fn first_ack(person: &Person, url: &str, conversation: ConversationId) -> anyhow::Result<Instant> {
    let client = moved(&person.client, url)?;
    let message = text_message(conversation, MessageId::new(&Clock::system()), "back");
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Ok(socket) = anser_client::Socket::open(&client, None, SocketOptions::default()).await
            && socket.send(message.clone()).await.is_ok()
        {
            return Ok(Instant::now());
        }
        sleep(Duration::from_millis(5)).await;
    }
    bail!("no acknowledgement within a minute")
}
