//! `bench fanout`: one group, its members online, messages at fixed times; how long until each member has each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    Common, Report,
    link::{Key, Link, Seen, Send},
    measure::{Durations, Span, Tally, watch},
    server::Server,
    town::Crowd,
    verify::{Acked, verify},
};

/// How to spread.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Members of the group that are online
    #[arg(long, default_value_t = 1_000)]
    pub(crate) members: usize,
    /// Messages per second into the group
    #[arg(long, default_value_t = 300)]
    pub(crate) rate: u32,
    /// Members that take turns to send
    #[arg(long, default_value_t = 10)]
    pub(crate) senders: usize,
}

/// When each message was due. Its key begins with its number, so whoever receives it can tell how long it took.
struct Schedule {
    first: Instant,
    every: Duration,
    count: u64,
}

pub async fn run(options: Options) -> anyhow::Result<Report> {
    let common = &options.common;
    let server = Server::start(common).await?;
    let crowd = Crowd::gather(&server, options.members).await?;
    let group = crowd.group("fan-out", &crowd.guests).await?;

    let mut report = Report::new("fanout", common, &server.settings);
    report.given("members_online", options.members);
    report.given("loop", format!("open, {} messages a second", options.rate));
    report.given("conversations", 1);

    let tally = Tally::new();
    let mut links = Vec::new();
    for guest in &crowd.guests {
        links.push(guest.link(common.encoding.into()).await.context("connect a member")?);
    }
    let senders = options.senders.clamp(1, links.len());
    let (warmup, seconds) = (Duration::from_secs(common.warmup), Duration::from_secs(common.seconds));
    let span = Span::from_now(warmup, seconds);
    let every = Duration::from_secs(1) / options.rate.max(1);
    let first = span.begin - warmup;
    let count = ((warmup + seconds).as_nanos() / every.as_nanos().max(1)) as u64;
    let schedule = Arc::new(Schedule { first, every, count });
    let cpu_before = server.cpu();
    let delivered_measured = Arc::new(AtomicU64::new(0));
    let mut members = JoinSet::new();
    for (index, link) in links.into_iter().enumerate() {
        let member = Member {
            link,
            turn: (index < senders).then_some(index as u64),
            turns: senders as u64,
            group,
            text: "x".repeat(common.body.max(1)),
            schedule: schedule.clone(),
            span,
            tally: tally.clone(),
            measured: delivered_measured.clone(),
        };
        members.spawn(member.run());
    }
    watch(span, &tally, "fanout").await;
    let cpu_after = server.cpu();

    let mut acked: Vec<Acked> = Vec::new();
    while let Some(outcome) = members.join_next().await {
        acked.extend(outcome?.context("a member")?);
    }
    let (delivered, measured) = (tally.delivered.load(Ordering::Relaxed), delivered_measured.load(Ordering::Relaxed));
    report.figure("deliveries_per_second", measured / common.seconds.max(1));
    report.latency("delivery", &tally.latencies());
    report.figure("messages_acked", acked.len());
    report.figure("delivered_in_all", delivered);
    if let (Some(after), Some(before)) = (cpu_after, cpu_before) {
        after.report(before, &mut report, "delivery", delivered);
    }
    let resets = tally.resets.load(Ordering::Relaxed);
    // Each member gets every message; its sender gets it as `own_entry`, which is not counted as a delivery.
    let wanted = acked.len() as u64 * (options.members as u64 - 1);
    if resets > 0 {
        report.figure("told_to_sync", resets);
    } else if delivered < wanted {
        report.fault(format!("{} deliveries of {wanted} are missing", wanted - delivered));
    }
    for (code, count) in tally.refusals() {
        report.figure(&format!("refused_{code}"), count);
    }
    match verify(&crowd.host, &acked).await {
        Ok(found) => report.figure("verified_in_the_log", found),
        Err(error) => report.fault(format!("{error:#}")),
    }
    Ok(report)
}

/// A member who listens and, if it has a turn, sends.
struct Member {
    link: Link,
    turn: Option<u64>,
    turns: u64,
    group: Key,
    text: String,
    schedule: Arc<Schedule>,
    span: Span,
    tally: Arc<Tally>,
    measured: Arc<AtomicU64>,
}

impl Member {
    /// Runs until the schedule has ended and nothing more comes.
    async fn run(mut self) -> anyhow::Result<Vec<Acked>> {
        let mut durations = Durations::new(self.tally.clone());
        let mut acked = Vec::new();
        let mut next = self.turn;
        let quiet = Duration::from_secs(2);
        loop {
            while let Some(number) = next.filter(|&number| self.schedule.due(number) <= Instant::now()) {
                let key = key_of(number);
                self.link.send(&Send {
                    id: number as u32 + 1,
                    conversation: &self.group,
                    key: &key,
                    text: &self.text,
                })?;
                next = Some(number + self.turns).filter(|&number| number < self.schedule.count);
            }
            self.link.ack_in_time()?;
            self.link.flush().await?;
            let ready = match next {
                Some(number) => tokio::select! {
                    ready = self.link.readable() => { ready?; true }
                    () = sleep_until(self.schedule.due(number)) => false,
                },
                None => match timeout(quiet, self.link.readable()).await {
                    Ok(ready) => {
                        ready?;
                        true
                    }
                    Err(_) if Instant::now() > self.span.end => return Ok(acked),
                    Err(_) => {
                        self.link.ack()?;
                        false
                    }
                },
            };
            if ready {
                self.read(&mut durations, &mut acked)?;
            }
        }
    }

    fn read(&mut self, durations: &mut Durations, acked: &mut Vec<Acked>) -> anyhow::Result<()> {
        let Self { link, schedule, span, tally, group, .. } = self;
        let now = Instant::now();
        let (mut delivered, mut own) = (0, 0);
        link.read_ready(|seen| match seen {
            Seen::Entry { key, text, .. } if text > 0 => {
                let due = schedule.due(number_of(&key));
                delivered += 1;
                if span.holds(due) {
                    durations.record(now - due);
                }
            }
            Seen::Acked { id, seq } => {
                own += 1;
                acked.push(Acked { conversation: *group, seq, key: key_of(u64::from(id) - 1) });
            }
            Seen::Refused { code, .. } => tally.refused(code),
            Seen::SyncRequired => {
                tally.resets.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        })?;
        tally.acked.fetch_add(own, Ordering::Relaxed);
        tally.delivered.fetch_add(delivered, Ordering::Relaxed);
        if span.holds(now) {
            self.measured.fetch_add(delivered, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Schedule {
    fn due(&self, number: u64) -> Instant {
        self.first + Duration::from_nanos(self.every.as_nanos() as u64 * number)
    }
}

/// A UUIDv7 whose time is the number: keys of one run are new in a new group and rise as time does.
fn key_of(number: u64) -> Key {
    let mut key = [0; 16];
    key[..6].copy_from_slice(&(1_000_000 + number).to_be_bytes()[2..]);
    key[6] = 0x70;
    key[8] = 0x80;
    key
}

fn number_of(key: &Key) -> u64 {
    let mut bytes = [0; 8];
    bytes[2..].copy_from_slice(&key[..6]);
    u64::from_be_bytes(bytes).saturating_sub(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_carry_their_number() {
        for number in [0, 1, 77, 1 << 33] {
            assert_eq!(number_of(&key_of(number)), number);
        }
    }
}
