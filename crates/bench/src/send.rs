//! `bench send`: pairs of people, one sends and one receives, as fast as a window allows or at a given rate.

mod disk;
mod load;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use clap::Args;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    Common, Report,
    measure::{Span, Tally, watch},
    prose::Prose,
    server::Server,
    town::{Pair, Town},
    verify::{Acked, verify},
};
pub use load::{Pace, Sender, receive};

/// How to send.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Pairs of one who sends and one who receives, both online
    #[arg(long, default_value_t = 64)]
    pub(crate) pairs: usize,
    /// Sends that one sender leaves open
    #[arg(long, default_value_t = 32)]
    pub(crate) window: usize,
    /// Conversations in all, each as likely; more than pairs makes groups of two
    #[arg(long)]
    pub(crate) conversations: Option<usize>,
    /// Sends per second in all, at fixed times; without it, as fast as the window allows
    #[arg(long)]
    pub(crate) rate: Option<u32>,
    /// Fill the store until it holds so many messages before measuring
    #[arg(long, default_value_t = 0)]
    pub(crate) preload: u64,
    /// Read the logs afterwards and find every acknowledged message
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) verify: bool,
}

pub async fn run(options: Options) -> anyhow::Result<Report> {
    let common = &options.common;
    let server = Server::start(common).await?;
    let conversations = options.conversations.unwrap_or(options.pairs);
    let mut town = Town::settle(&server, options.pairs, conversations).await?;
    preload(&mut town, common, options.preload).await?;

    let mut report = Report::new("send", common, &server.settings);
    report.given("pairs", options.pairs);
    report.given("window", options.window);
    report.given("conversations", town.pairs.iter().map(|pair| pair.conversations.len()).sum::<usize>());
    report.given("loop", options.rate.map_or("closed".into(), |rate| format!("open, {rate} a second")));
    report.given("messages_before", town.messages());

    let tally = Tally::new();
    let cpu_before = server.cpu();
    let span = Span::from_now(Duration::from_secs(common.warmup), Duration::from_secs(common.seconds));
    let exchanged = exchange(&town.pairs, common, options.window, options.rate, span, &tally).await?;
    let cpu_after = server.cpu();
    if exchanged.unanswered > 0 {
        report.fault(format!("{} sends were never answered", exchanged.unanswered));
    }
    settle_deliveries(&tally).await;
    figures(&mut report, &tally, common.seconds);
    if let (Some(after), Some(before)) = (cpu_after, cpu_before) {
        after.report(before, &mut report, "ack", tally.acked.load(Ordering::Relaxed));
    }
    if options.pairs == 1
        && let Some(dir) = server.data_dir()
    {
        report.latency("bare_fsync", &disk::bare_fsyncs(dir)?);
    }
    if options.verify {
        check(&mut report, &town.pairs, &exchanged.acked).await;
    }
    Ok(report)
}

/// What came of an exchange.
pub struct Exchange {
    /// What each pair's sender had acknowledged.
    pub acked: Vec<Vec<Acked>>,
    /// Sends that nobody answered.
    pub unanswered: usize,
    /// They go on receiving until this goes.
    _recipients: JoinSet<anyhow::Result<()>>,
}

/// Lets all pairs send and receive until `span` ends, at `rate` sends a second in all or as fast as the window allows.
pub async fn exchange(
    pairs: &[Pair],
    common: &Common,
    window: usize,
    rate: Option<u32>,
    span: Span,
    tally: &Arc<Tally>,
) -> anyhow::Result<Exchange> {
    let mut recipients = JoinSet::new();
    let mut senders = Vec::new();
    for (index, pair) in pairs.iter().enumerate() {
        recipients.spawn(receive(pair.recipient.link(common.encoding.into()).await?, tally.clone()));
        senders.push(sender(pair, common, window, index).await?);
    }
    let mut sending = JoinSet::new();
    let count = senders.len() as u32;
    for (index, sender) in senders.into_iter().enumerate() {
        let pace = match rate {
            None => Pace::Window,
            Some(rate) => {
                let every = Duration::from_secs(1) * count / rate.max(1);
                let warmup = Duration::from_secs(common.warmup);
                Pace::Every { every, first: span.begin - warmup + every * index as u32 / count }
            }
        };
        let tally = tally.clone();
        sending.spawn(async move { (index, sender.run(pace, span, tally).await) });
    }
    watch(span, tally, "send").await;
    let mut exchange = Exchange { acked: vec![Vec::new(); pairs.len()], unanswered: 0, _recipients: recipients };
    while let Some(outcome) = sending.join_next().await {
        let (index, outcome) = outcome?;
        let outcome = outcome?;
        exchange.unanswered += outcome.unanswered;
        exchange.acked[index] = outcome.acked;
    }
    Ok(exchange)
}

async fn sender(pair: &Pair, common: &Common, window: usize, index: usize) -> anyhow::Result<Sender> {
    let link = pair.sender.link(common.encoding.into()).await?;
    Ok(Sender::new(link, pair.conversations.clone(), common.body, window, index as u32))
}

/// Fills the store until `wanted` messages were sent into it.
pub async fn preload(town: &mut Town, common: &Common, wanted: u64) -> anyhow::Result<()> {
    fill(town, common, wanted, None).await
}

/// The same, with messages that say something where there is a `prose`.
pub async fn fill(town: &mut Town, common: &Common, wanted: u64, prose: Option<&Arc<Prose>>) -> anyhow::Result<()> {
    let missing = wanted.saturating_sub(town.messages());
    if missing == 0 {
        return Ok(());
    }
    let each = missing.div_ceil(town.pairs.len() as u64);
    let tally = Tally::new();
    // The end of the span only bounds how long the progress line is shown.
    let span = Span::from_now(Duration::ZERO, Duration::from_secs(24 * 3600));
    let mut sending = JoinSet::new();
    for (index, pair) in town.pairs.iter().enumerate() {
        let mut sender = sender(pair, common, 48, index).await?;
        if let Some(prose) = prose {
            sender = sender.saying(prose.clone());
        }
        let tally = tally.clone();
        sending.spawn(async move { sender.run(Pace::Count(each), span, tally).await });
    }
    let finished = async {
        while let Some(outcome) = sending.join_next().await {
            outcome??;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        finished = finished => finished?,
        () = watch(span, &tally, "preload") => {}
    }
    town.filled(each * town.pairs.len() as u64)
}

/// Recipients may be a moment behind the senders.
async fn settle_deliveries(tally: &Tally) {
    for _ in 0..50 {
        if tally.delivered.load(Ordering::Relaxed) >= tally.acked.load(Ordering::Relaxed) {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn figures(report: &mut Report, tally: &Tally, seconds: u64) {
    let (acked, delivered) = (tally.acked.load(Ordering::Relaxed), tally.delivered.load(Ordering::Relaxed));
    let measured = tally.measured.load(Ordering::Relaxed);
    report.figure("acks_per_second", measured / seconds.max(1));
    report.latency("ack", &tally.latencies());
    report.figure("acked_in_all", acked);
    report.figure("delivered_in_all", delivered);
    let resets = tally.resets.load(Ordering::Relaxed);
    if resets > 0 {
        report.figure("told_to_sync", resets);
    } else if delivered < acked {
        report.fault(format!("{} acknowledged messages were not delivered", acked - delivered));
    }
    for (code, count) in tally.refusals() {
        report.figure(&format!("refused_{code}"), count);
    }
}

async fn check(report: &mut Report, pairs: &[Pair], acked: &[Vec<Acked>]) {
    let mut found = 0;
    for (pair, acked) in pairs.iter().zip(acked) {
        match verify(&pair.recipient, acked).await {
            Ok(count) => found += count,
            Err(error) => return report.fault(format!("{error:#}")),
        }
    }
    report.figure("verified_in_the_log", found);
}
