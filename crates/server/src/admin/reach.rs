//! Whom a command talks to: the server that runs on the data directory or, where none does, the same services made here.
//!
//! A server that runs holds the directory's lock, so the store is opened here only where it does not.

use std::{io, path::Path, sync::Arc};

use anser_contract::{
    Peer,
    v1::{GetSchemaRequest, StoreAdmin, StoreSchema},
};
use anser_engine::{Db, StoreKeeper, restore};
use anser_gateway::{GatewayServices, Health};
use anser_types::Clock;
use anyhow::{Context, bail, ensure};
use tokio::net::UnixStream;

use super::socket;
use crate::{
    config::Config,
    engines::{self, Engines, PEER_SECRET},
    options,
    peers::{self, AdminServices, Node},
    wiring,
};

/// The services, wherever they are.
pub struct Reached {
    /// As people reach them.
    pub people: GatewayServices,
    /// As an operator does.
    pub admin: AdminServices,
    /// The store, where it was opened here.
    db: Option<Db>,
}

impl Reached {
    /// The services of the server on the configured data directory, or made here. The schema must be this program's.
    pub async fn all(config: &Config) -> anyhow::Result<Self> {
        if let Some(peer) = server(&config.server.data_dir).await? {
            return Ok(Self { people: peers::remote(&peer), admin: peers::remote_admin(&peer), db: None });
        }
        let store = ReachedStore::opened(config).await?;
        let schema = store.schema().await?;
        store.leave().await;
        refuse_other(&schema)?;
        Self::made(config).await
    }

    /// The services made here; brings the schema up to this program's version.
    pub async fn made(config: &Config) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let engines = Engines::open(config, &clock, &Health::new())?;
        let mut node = Node::new(engines.peer.clone());
        let built = wiring::services(config, &engines, &clock, &mut node).await?;
        Ok(Self { people: built.services, admin: built.admin, db: Some(engines.db) })
    }

    /// The store, where it was opened here.
    pub fn db(&self) -> Option<&Db> {
        self.db.as_ref()
    }

    /// Closes what was opened.
    pub async fn leave(self) {
        if let Some(db) = self.db {
            db.close().await;
        }
    }
}

/// The store alone, of whatever version.
pub struct ReachedStore {
    /// The store, wherever it is.
    pub store: Arc<dyn StoreAdmin>,
    db: Option<Db>,
}

impl ReachedStore {
    /// The store of the running server, or opened here as it is.
    pub async fn any(config: &Config) -> anyhow::Result<Self> {
        match server(&config.server.data_dir).await? {
            Some(peer) => Ok(Self { store: peers::remote_admin(&peer).store, db: None }),
            None => Self::opened(config).await,
        }
    }

    async fn opened(config: &Config) -> anyhow::Result<Self> {
        let options = options::store(config);
        ensure!(restore::is_occupied(&options.dir), "there is no store in {}", options.dir.display());
        let db = Db::open_unmigrated(&options, Clock::system()).map_err(engines::in_words)?;
        Ok(Self { store: StoreKeeper::new(&db, engines::migrations()), db: Some(db) })
    }

    /// Whether a server has it.
    pub fn is_served(&self) -> bool {
        self.db.is_none()
    }

    /// Its schema.
    pub async fn schema(&self) -> anyhow::Result<StoreSchema> {
        Ok(self.store.get_schema(&super::ctx(), GetSchemaRequest {}).await?)
    }

    /// Closes what was opened.
    pub async fn leave(self) {
        if let Some(db) = self.db {
            db.close().await;
        }
    }
}

/// Refuses a store whose schema is not this program's.
pub fn refuse_other(schema: &StoreSchema) -> anyhow::Result<()> {
    for service in &schema.services {
        let name = &service.service;
        ensure!(service.applied <= service.known, "the store was written by a newer version ({name})");
        ensure!(
            service.applied == service.known,
            "the store is of an older version ({name}): run `anser admin migrate`"
        );
    }
    Ok(())
}

/// The server on `data_dir`, if one listens there.
async fn server(data_dir: &Path) -> anyhow::Result<Option<Peer>> {
    let path = socket::path(data_dir);
    match UnixStream::connect(&path).await {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            bail!("{}: only the user who runs the server may give it orders", path.display())
        }
        // Longer than a socket's path may be: then no server has one there.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot reach the server at {}", path.display())),
    }
    let secret = peers::read_secret(&data_dir.join(PEER_SECRET)).context("the server's secret")?;
    Ok(Some(Peer::at_socket(&path, secret)?))
}
