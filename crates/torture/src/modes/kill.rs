//! `kill -9` under load, again and again, on the same data: nothing that was acknowledged may be gone.

use std::{path::Path, sync::atomic::Ordering, time::Duration};

use anyhow::{Result, ensure};
use tokio::time::{sleep, timeout};

use super::{Party, Server};
use crate::{
    check::Report,
    drive::{Dice, Habits, World},
    history::What,
};

/// The named places at which a test build ends itself.
pub const FAILPOINTS: &[&str] =
    &["before_commit", "between_commit_and_ack", "between_ack_and_push", "checkpoint", "index", "migration"];

/// What a run with kills found.
pub struct Killed {
    /// How often the server was killed.
    pub cycles: usize,
    /// In how many of them sends were un-acked at the kill.
    pub under_load: usize,
    /// How long the slowest start took.
    pub slowest_start: Duration,
    /// How often each fail-point was hit.
    pub hits: Vec<(String, usize)>,
    /// The verdict.
    pub report: Report,
}

impl std::fmt::Display for Killed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} cycles, sends un-acked at the kill in {}, slowest start {} ms",
            self.cycles,
            self.under_load,
            self.slowest_start.as_millis()
        )?;
        for (name, hits) in &self.hits {
            writeln!(f, "fail-point {name}: hit {hits} times")?;
        }
        write!(f, "{}", self.report)
    }
}

fn habits() -> Habits {
    Habits {
        pause: Duration::from_millis(60),
        social_pause: Some(Duration::from_millis(200)),
        burst: 8,
        disconnects: 1,
        stalls: 0,
        ..Habits::default()
    }
}

/// Kills the server `cycles` times at random moments.
pub async fn run(
    program: &Path,
    data_dir: &Path,
    history: &Path,
    cycles: usize,
    seed: u64,
    environment: &[(&str, &str)],
) -> Result<Killed> {
    let mut server =
        Server::new(program, data_dir)?.set("limits.sends_per_second=100000").set("limits.send_burst=100000");
    let mut slowest_start = server.start(environment).await?;
    let mut party = Party::prepare(&server.url(), history, "kill", 6, habits(), seed).await?;
    party.begin().await?;
    let world = party.world.clone();
    let mut dice = Dice::new(seed, 30_000);
    let mut under_load = 0;
    for cycle in 0..cycles {
        sleep(Duration::from_millis(300 + dice.below(900) as u64)).await;
        let before = world.cut_off.load(Ordering::SeqCst);
        wait_for_load(&world, &mut server).await?;
        server.kill().await?;
        note(&world, "killed", "kill -9");
        // The clients see the end of their sockets within moments.
        sleep(Duration::from_millis(30)).await;
        under_load += usize::from(world.cut_off.load(Ordering::SeqCst) > before);
        slowest_start = slowest_start.max(server.start(environment).await?);
        note(&world, "started", "");
        if (cycle + 1) % 10 == 0 {
            eprintln!("{} of {cycles} cycles, sends un-acked at the kill in {under_load}", cycle + 1);
        }
    }
    let report = party.finish(history).await?;
    server.kill().await?;
    Ok(Killed { cycles, under_load, slowest_start, hits: Vec::new(), report })
}

/// Lets the server end itself at each of `names`, `hits` times each.
pub async fn run_failpoints(
    program: &Path,
    data_dir: &Path,
    history: &Path,
    names: &[String],
    hits: usize,
    seed: u64,
) -> Result<Killed> {
    let mut server =
        Server::new(program, data_dir)?.set("limits.sends_per_second=100000").set("limits.send_burst=100000");
    let mut hit: Vec<(String, usize)> = Vec::new();
    // Migrations run on a store that is not there yet: each of these starts from nothing, or from a half-made store.
    if names.iter().any(|name| name == "migration") {
        hit.push(("migration".into(), end_in_migrations(&mut server, hits).await?));
    }
    let mut slowest_start = server.start(&[]).await?;
    let mut party = Party::prepare(&server.url(), history, "failpoints", 6, habits(), seed).await?;
    party.begin().await?;
    let world = party.world.clone();
    let mut dice = Dice::new(seed, 31_000);
    let (mut cycles, mut under_load) = (0, 0);
    for name in names.iter().filter(|name| *name != "migration") {
        let mut count = 0;
        for _ in 0..hits {
            server.kill().await?;
            note(&world, "killed", "before a fail-point");
            let passages = match name.as_str() {
                "checkpoint" => 1,
                "index" => 1 + dice.below(10),
                _ => 20 + dice.below(60),
            };
            let armed = format!("{name}:{passages}");
            // It may end before it serves: some places lie on the way there.
            server.spawn(&[("ANSER_FAILPOINT", &armed)])?;
            note(&world, "started", &armed);
            let before = world.cut_off.load(Ordering::SeqCst);
            count += usize::from(server.ends_within(Duration::from_secs(40)).await?);
            server.kill().await?;
            note(&world, "killed", &armed);
            sleep(Duration::from_millis(30)).await;
            cycles += 1;
            under_load += usize::from(world.cut_off.load(Ordering::SeqCst) > before);
            slowest_start = slowest_start.max(server.start(&[]).await?);
            note(&world, "started", "");
        }
        eprintln!("fail-point {name}: hit {count} of {hits} times");
        hit.push((name.clone(), count));
    }
    let report = party.finish(history).await?;
    server.kill().await?;
    Ok(Killed { cycles, under_load, slowest_start, hits: hit, report })
}

async fn end_in_migrations(server: &mut Server, hits: usize) -> Result<usize> {
    let mut count = 0;
    for passage in 1..=hits {
        server.spawn(&[("ANSER_FAILPOINT", &format!("migration:{}", 1 + passage % 3))])?;
        count += usize::from(server.ends_within(Duration::from_secs(5)).await?);
        server.kill().await?;
        if passage < hits {
            server.forget_data()?;
        }
    }
    eprintln!("fail-point migration: hit {count} of {hits} times");
    Ok(count)
}

/// Waits until sends are on the way, at most a second.
async fn wait_for_load(world: &World, server: &mut Server) -> Result<()> {
    let loaded = async {
        while world.unacked.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
    };
    let _idle = timeout(Duration::from_secs(1), loaded).await;
    ensure!(server.ended()?.is_none(), "the server ended by itself; its log ends with: {}", server.last_words());
    Ok(())
}

fn note(world: &World, event: &str, detail: &str) {
    world.recorder.note(What::Server { event: event.to_owned(), detail: detail.to_owned() });
}
