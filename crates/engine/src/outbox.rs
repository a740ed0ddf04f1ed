//! Events of services on their way to the gateways: rows written with the change that they tell of.
//!
//! [`Tx::emit`] adds one; [`Outbox`] serves them as one numbered stream (the `Events` service). Events are kept for
//! [`KEPT_MS`], longer than an access token lives, so that a gateway that was away can catch up or knows that it
//! cannot.

use std::{sync::Arc, time::Duration};

use anser_contract::{
    Context, Streaming,
    v1::{EventBatch, Events, FollowRequest, ServiceEvent, service_event},
};
use anser_types::{Result, Timestamp};
use prost::Message;
use tokio::sync::mpsc;

use crate::{Db, Reader, Tx, Value, once};

/// How long events are kept.
pub const KEPT_MS: i64 = 15 * 60_000;
const BATCH: i64 = 256;
/// How many events one closure sweeps.
const SWEPT: i64 = 500;
const BEACON: Duration = Duration::from_secs(1);
/// Batches that may wait for a slow follower before the relay waits for it.
const WINDOW: usize = 16;

impl Tx<'_> {
    /// Tells `event` to the gateways once this transaction is committed.
    pub fn emit(&mut self, now: Timestamp, event: service_event::Event) -> Result<()> {
        let bytes = ServiceEvent { position: 0, event: Some(event) }.encode_to_vec();
        let service = self.service;
        self.exec(
            "INSERT INTO engine_outbox (position, service, at, event)
             SELECT COALESCE(MAX(position), 0) + 1, ?, ?, ? FROM engine_outbox",
            &[service.into(), now.into(), Value::from(&bytes)],
        )?;
        self.emitted = true;
        Ok(())
    }
}

/// Serves the outbox as the `Events` service.
pub struct Outbox {
    db: Db,
}

impl Outbox {
    /// The outbox of `db`.
    pub fn new(db: &Db) -> Arc<Self> {
        Arc::new(Self { db: db.clone() })
    }

    /// Drops events that everybody has had time to read, and answers of idempotent calls that are a day old. The newest
    /// event stays, so that positions go on from it. In steps, so that the writer is never held for long.
    pub async fn sweep(&self) -> Result<()> {
        while self.sweep_events().await? {}
        while once::sweep(&self.db).await? {}
        Ok(())
    }

    /// One step; answers whether there is more. Only from the front, so that there is never a hole behind a follower.
    /// An event from the future was told before the clock was set back; it goes too.
    async fn sweep_events(&self) -> Result<bool> {
        let now = self.db.clock().now();
        self.db
            .write(move |tx| {
                let oldest = tx.number("SELECT MIN(position) FROM engine_outbox", &[])?;
                let newest = tx.number("SELECT MAX(position) FROM engine_outbox", &[])?;
                let end = newest.min(oldest + SWEPT);
                let kept = tx
                    .row(
                        "SELECT position FROM engine_outbox WHERE position < ? AND at >= ? AND at <= ?
                         ORDER BY position LIMIT 1",
                        &[end.into(), (now - KEPT_MS).into(), now.into()],
                        |row| row.int(0),
                    )?
                    .unwrap_or(end);
                let dropped = tx.exec("DELETE FROM engine_outbox WHERE position < ?", &[kept.into()])?;
                Ok(dropped as i64 == SWEPT)
            })
            .await
    }
}

#[async_trait::async_trait]
impl Events for Outbox {
    async fn follow(&self, ctx: &Context, request: FollowRequest) -> Result<Streaming<EventBatch>> {
        ctx.require_service()?;
        let (sender, receiver) = mpsc::channel(WINDOW);
        tokio::spawn(relay(self.db.clone(), request, sender));
        Ok(Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver)))
    }
}

async fn relay(db: Db, request: FollowRequest, sender: mpsc::Sender<Result<EventBatch>>) {
    let mut emitted = db.emitted();
    let mut after = request.after;
    let mut first = true;
    loop {
        emitted.mark_unchanged();
        let from_now = first && request.from_now;
        let batch = match db.read(move |reader| batch(reader, after, from_now)).await {
            Ok(batch) => batch,
            Err(error) => {
                let _follower_gone = sender.send(Err(error)).await;
                return;
            }
        };
        let full = batch.items.len() as i64 == BATCH;
        after = batch.through;
        first = false;
        if sender.send(Ok(batch)).await.is_err() {
            return;
        }
        if !full && let Ok(Err(_closed)) = tokio::time::timeout(BEACON, emitted.changed()).await {
            return;
        }
    }
}

fn batch(reader: &Reader<'_>, after: i64, from_now: bool) -> Result<EventBatch> {
    let newest = reader.number("SELECT MAX(position) FROM engine_outbox", &[])?;
    let oldest = reader.number("SELECT MIN(position) FROM engine_outbox", &[])?;
    if from_now {
        return Ok(EventBatch { items: Vec::new(), through: newest, reset: false });
    }
    if after > newest || (oldest > 0 && after + 1 < oldest) {
        return Ok(EventBatch { items: Vec::new(), through: newest, reset: true });
    }
    let items = reader.rows(
        "SELECT position, event FROM engine_outbox WHERE position > ? ORDER BY position LIMIT ?",
        &[after.into(), BATCH.into()],
        |row| {
            let mut event = ServiceEvent::decode(row.bytes(1)?)
                .map_err(|_| anser_types::Error::internal("an outbox row cannot be read"))?;
            event.position = row.int(0)?;
            Ok(event)
        },
    )?;
    let through = items.last().map_or(after, |event| event.position);
    Ok(EventBatch { items, through, reset: false })
}
