//! What an operator may do with the store itself: look at its schema, copy it while it is used, check a file.

use std::{path::Path, sync::Arc};

use anser_contract::{
    Context, Streaming,
    v1::{CopyProgress, CopyStoreRequest, GetSchemaRequest, ServiceSchema, StoreAdmin, StoreSchema},
};
use anser_types::{Error, Result};
use rusqlite::Connection;
use tokio_stream::wrappers::ReceiverStream;

use crate::{Db, Migration, migrate, sqlite};

/// The [`StoreAdmin`] of a store.
pub struct StoreKeeper {
    db: Db,
    migrations: Vec<Migration>,
}

impl StoreKeeper {
    /// The keeper of `db`, for a program that knows `migrations`.
    pub fn new(db: &Db, migrations: Vec<Migration>) -> Arc<Self> {
        Arc::new(Self { db: db.clone(), migrations })
    }
}

#[async_trait::async_trait]
impl StoreAdmin for StoreKeeper {
    async fn get_schema(&self, ctx: &Context, _: GetSchemaRequest) -> Result<StoreSchema> {
        ctx.require_service()?;
        let applied = self.db.read(migrate::all_applied).await?;
        Ok(StoreSchema { services: compare(applied, &self.migrations), epoch: self.db.epoch().to_vec() })
    }

    async fn copy_store(&self, ctx: &Context, request: CopyStoreRequest) -> Result<Streaming<CopyProgress>> {
        ctx.require_service()?;
        let target = Path::new(&request.path);
        if !target.is_absolute() {
            return Err(Error::field("path", "must be absolute"));
        }
        Ok(Box::pin(ReceiverStream::new(self.db.copy_to(target)?)))
    }
}

/// What was applied beside what is known, a row for each service.
fn compare(applied: Vec<(String, i64)>, migrations: &[Migration]) -> Vec<ServiceSchema> {
    let row = |service: &str| ServiceSchema { service: service.into(), ..ServiceSchema::default() };
    let mut services: Vec<ServiceSchema> =
        applied.iter().map(|(service, number)| ServiceSchema { applied: *number, ..row(service) }).collect();
    for step in migrations {
        if !services.iter().any(|known| known.service == step.service) {
            services.push(row(step.service));
        }
        for known in services.iter_mut().filter(|known| known.service == step.service) {
            known.known = known.known.max(step.number);
        }
    }
    services.sort_unstable_by(|a, b| a.service.cmp(&b.service));
    services
}

/// SQLite's own check of a store's file that nobody uses: its pages, its trees, its indexes. The first few faults.
pub fn check_file(path: &Path) -> Result<Vec<String>> {
    let connection: Connection = sqlite::open_frozen(path)?;
    let faults: rusqlite::Result<Vec<String>> = connection
        .prepare("PRAGMA integrity_check(10)")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect());
    match faults {
        Ok(faults) => Ok(faults.into_iter().filter(|fault| fault != "ok").collect()),
        // What cannot be read at all is a finding too.
        Err(error) => Ok(vec![error.to_string()]),
    }
}
