//! `bench idle`: what a WebSocket that says nothing costs the server, after it has been through something.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    Common, Report,
    measure::Tally,
    send::receive,
    server::Server,
    town::{Crowd, Person},
};

/// How idle.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// WebSockets; a process may have 20,000 open files on many systems
    #[arg(long, default_value_t = 19_000)]
    pub(crate) sockets: usize,
    /// Conversations that each is in
    #[arg(long, default_value_t = 5)]
    pub(crate) conversations: usize,
    /// Members of each conversation
    #[arg(long, default_value_t = 1_000)]
    pub(crate) members: usize,
    /// Messages that each receives before it is idle
    #[arg(long, default_value_t = 100)]
    pub(crate) messages: usize,
    /// Bytes of one large message that each receives as well
    #[arg(long, default_value_t = 60 << 10)]
    pub(crate) large: usize,
}

pub async fn run(options: Options) -> anyhow::Result<Report> {
    let common = &options.common;
    let server = Server::start(common).await?;
    let crowd = Crowd::gather(&server, options.sockets).await?;
    let mut groups = Vec::new();
    for layer in 0..options.conversations {
        for guests in crowd.guests.chunks(options.members) {
            groups.push((layer, crowd.group("idle", guests).await.context("make a group")?));
        }
    }

    let mut report = Report::new("idle", common, &server.settings);
    report.given("sockets", options.sockets);
    report.given("conversations_each", options.conversations);
    report.given("conversations", groups.len());
    let before = server.memory().context("only the memory of a server that was started here can be told")?;

    let tally = Tally::new();
    let mut listeners = JoinSet::new();
    let connect = |guest: Person| async move { guest.link(common.encoding.into()).await };
    let mut links = stream::iter(crowd.guests.clone()).map(connect).buffer_unordered(64);
    while let Some(link) = links.try_next().await.context("connect")? {
        listeners.spawn(receive(link, tally.clone()));
    }
    drop(links);
    quiet(&tally, 0).await?;
    let connected = server.memory().context("memory")?;

    let host = crowd.host.socket().await?;
    let text = "x".repeat(common.body.max(1));
    for round in 0..options.messages.div_ceil(options.conversations.max(1)) {
        for (_, group) in &groups {
            host.send_text(anser_types::ConversationId(*group), &text).await?;
        }
        wait_for(&tally, ((round + 1) * options.sockets * options.conversations) as u64).await?;
    }
    let small = tally.delivered.load(Ordering::Relaxed);
    let large = "x".repeat(options.large);
    for (_, group) in groups.iter().filter(|(layer, _)| *layer == 0) {
        host.send_text(anser_types::ConversationId(*group), &large).await?;
    }
    wait_for(&tally, small + options.sockets as u64).await?;
    quiet(&tally, tally.delivered.load(Ordering::Relaxed)).await?;
    let after = server.memory().context("memory")?;

    let each = |memory: u64, base: u64| {
        crate::report::round(memory.saturating_sub(base) as f64 / options.sockets.max(1) as f64)
    };
    report.figure("own_kib_per_socket", each(after.own, before.own));
    report.figure("own_kib_per_socket_fresh", each(connected.own, before.own));
    report.figure("resident_kib_per_socket", each(after.resident, before.resident));
    report.figure("own_mib_before", before.own / 1024);
    report.figure("own_mib_after", after.own / 1024);
    report.figure("delivered_in_all", tally.delivered.load(Ordering::Relaxed));
    let resets = tally.resets.load(Ordering::Relaxed);
    if resets > 0 {
        report.fault(format!("{resets} clients were told to sync"));
    }
    if let Some(Ok(Err(error))) = listeners.try_join_next() {
        report.fault(format!("a listener ended: {error:#}"));
    }
    Ok(report)
}

async fn wait_for(tally: &Arc<Tally>, delivered: u64) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(120);
    while tally.delivered.load(Ordering::Relaxed) < delivered {
        if Instant::now() > until {
            bail!("{} of {delivered} deliveries came", tally.delivered.load(Ordering::Relaxed));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Long enough for acknowledgements to have gone and for buffers to have been given back.
async fn quiet(tally: &Arc<Tally>, delivered: u64) -> anyhow::Result<()> {
    wait_for(tally, delivered).await?;
    sleep(Duration::from_secs(5)).await;
    Ok(())
}
