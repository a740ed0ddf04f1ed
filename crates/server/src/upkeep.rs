//! What the process looks after while it runs: small tasks on a timer, each ending with the shutdown.

use std::{future::ready, sync::Arc, time::Duration};

use anser_contract::{Context, v1::GetVerifyKeysRequest};
use anser_engine::outbox::Outbox;
use anser_gateway::{GatewayServices, Health};
use anser_search::SearchService;
use anser_types::Clock;
use metrics::gauge;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{closing, engines::Engines, metrics::Metrics};

const TICK: Duration = Duration::from_secs(1);
const SWEEP: Duration = Duration::from_secs(60);

/// Watches the clock, shows what is degraded, keeps the metrics small.
pub fn process(health: &Health, clock: &Clock, metrics: &Metrics, shutdown: &CancellationToken) {
    let (health, clock, metrics) = (health.clone(), clock.clone(), metrics.clone());
    let mut shown = Vec::new();
    every(TICK, shutdown, move || {
        // Asking for the time is what makes the clock compare itself with the wall.
        clock.now();
        let jump = clock.jump_ms();
        health.degrade("clock", jump != 0);
        gauge!("anser_clock_jump_seconds").set(jump as f64 / 1e3);
        for part in health.degraded() {
            if !shown.contains(&part) {
                shown.push(part);
            }
        }
        let degraded = health.degraded();
        for part in &shown {
            gauge!("anser_degraded", "part" => *part).set(f64::from(u8::from(degraded.contains(part))));
        }
        metrics.upkeep();
        ready(())
    });
}

/// Looks after the store: says when the disk is nearly full, drops old events.
pub fn store(engines: &Engines, health: &Health, shutdown: &CancellationToken) {
    let (db, health) = (engines.db.clone(), health.clone());
    every(TICK, shutdown, move || {
        health.degrade("storage", db.growth_allowed().is_err());
        ready(())
    });
    let outbox = Outbox::new(&engines.db);
    every(SWEEP, shutdown, move || {
        let outbox = outbox.clone();
        async move {
            if let Err(error) = outbox.sweep().await {
                tracing::warn!(%error, "old events could not be dropped");
            }
        }
    });
}

/// Erases what is left of accounts that are being closed.
pub fn closing(services: &GatewayServices, clock: &Clock, shutdown: &CancellationToken) {
    let (services, clock) = (services.clone(), clock.clone());
    every(TICK, shutdown, move || {
        let (services, clock) = (services.clone(), clock.clone());
        async move {
            if let Err(error) = closing::round(&services, &clock).await {
                tracing::warn!(%error, "it could not be seen which accounts are closing");
            }
        }
    });
}

/// Begins to follow the log for searches, and says when those do not find all there is, because an index is being made or is behind.
pub fn search(search: &Arc<SearchService>, health: &Health, shutdown: &CancellationToken) {
    search.start();
    let (search, health) = (search.clone(), health.clone());
    every(TICK, shutdown, move || {
        health.degrade("search", search.is_late());
        ready(())
    });
}

/// In a gateway's own process: says when the process with the store cannot be reached.
pub fn peers(services: &GatewayServices, health: &Health, shutdown: &CancellationToken) {
    let (auth, health) = (services.auth.clone(), health.clone());
    every(TICK, shutdown, move || {
        let (auth, health) = (auth.clone(), health.clone());
        async move {
            let mut ctx = Context::service();
            ctx.deadline = Instant::now() + TICK;
            let away = auth.get_verify_keys(&ctx, GetVerifyKeysRequest {}).await.is_err();
            health.degrade("store", away);
        }
    });
}

/// Does `work` now and then, until the shutdown.
fn every<F>(pause: Duration, shutdown: &CancellationToken, mut work: impl FnMut() -> F + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(pause);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => work().await,
            }
        }
    });
}
