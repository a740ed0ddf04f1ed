//! The engines under the services: the data directory, the store in it, the secrets beside it.

use std::{fs, os::unix::fs::DirBuilderExt};

use anser_contract::PeerSecret;
use anser_engine::{Db, DbOptions, Durability};
use anser_gateway::Health;
use anser_types::Clock;
use anyhow::Context;

use crate::config::{self, Config};

/// What the services stand on.
pub struct Engines {
    /// The store.
    pub db: Db,
}

impl Engines {
    /// Opens everything in the data directory; makes it at the first start.
    pub fn open(config: &Config, clock: &Clock, health: &Health) -> anyhow::Result<Self> {
        let dir = &config.server.data_dir;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .with_context(|| format!("cannot make the data directory {}", dir.display()))?;
        let durability = match config.store.durability {
            config::Durability::Full => Durability::Full,
            config::Durability::Normal => Durability::Normal,
        };
        let options =
            DbOptions { durability, readers: config.store.readers, queue: config.store.queue, ..DbOptions::new(dir) };
        if durability != Durability::Full {
            tracing::warn!("store.durability = \"normal\": what was acknowledged last can be lost in a power cut");
            health.degrade("durability", true);
        }
        let db = Db::open(&options, anser_user::MIGRATIONS, clock.clone())?;
        Ok(Self { db })
    }

    /// The secret that gateways show, made at the first start.
    pub fn peer_secret(&self) -> anyhow::Result<PeerSecret> {
        Ok(PeerSecret::new("todo"))
    }

    /// Ends the store.
    pub async fn close(self) {}
}
