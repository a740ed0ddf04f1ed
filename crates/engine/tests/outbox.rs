//! Events on their way to the gateways, and calls that are done once.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use anser_contract::{
    Actor, Context, Streaming,
    v1::{EventBatch, Events, FollowRequest, SessionRevoked, service_event::Event},
};
use anser_engine::{Db, DbOptions, Once, outbox, outbox::Outbox};
use anser_types::{Clock, Code};
use tokio_stream::StreamExt;

struct Store {
    db: Db,
    outbox: Arc<Outbox>,
    clock: Clock,
    _dir: tempfile::TempDir,
}

fn store() -> Store {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::fixed(1_000_000_000);
    let db = Db::open(&DbOptions::new(dir.path()), &[], clock.clone()).unwrap();
    Store { outbox: Outbox::new(&db), db, clock, _dir: dir }
}

impl Store {
    async fn emit(&self, count: i64) {
        let now = self.clock.now();
        self.db
            .write(move |tx| {
                (0..count).try_for_each(|_| tx.emit(now, Event::SessionRevoked(SessionRevoked::default())))
            })
            .await
            .unwrap();
    }

    async fn follow(&self, after: i64, from_now: bool) -> Streaming<EventBatch> {
        self.outbox.follow(&Context::new(Actor::Service, "test"), FollowRequest { after, from_now }).await.unwrap()
    }

    async fn stored(&self) -> i64 {
        self.db.read(|reader| reader.number("SELECT COUNT(*) FROM engine_outbox", &[])).await.unwrap()
    }
}

async fn next(stream: &mut Streaming<EventBatch>) -> EventBatch {
    stream.next().await.unwrap().unwrap()
}

fn positions(batch: &EventBatch) -> Vec<i64> {
    batch.items.iter().map(|event| event.position).collect()
}

#[tokio::test]
async fn a_follower_gets_what_it_missed_and_then_what_comes() {
    let store = store();
    store.emit(3).await;
    let mut behind = store.follow(1, false).await;
    let mut fresh = store.follow(0, true).await;
    assert_eq!(positions(&next(&mut behind).await), [2, 3]);
    assert_eq!(next(&mut fresh).await.through, 3);
    store.emit(1).await;
    assert_eq!(positions(&next(&mut behind).await), [4]);
    assert_eq!(positions(&next(&mut fresh).await), [4]);
}

#[tokio::test]
async fn an_error_takes_its_events_back() {
    let store = store();
    let refused = store.db.write(|tx| {
        tx.emit(1, Event::SessionRevoked(SessionRevoked::default()))?;
        Err::<(), _>(anser_types::Error::not_found("thing"))
    });
    refused.await.unwrap_err();
    store.emit(1).await;
    assert_eq!(positions(&next(&mut store.follow(0, false).await).await), [1]);
}

#[tokio::test]
async fn old_events_go_positions_stay_and_who_is_too_far_behind_is_told() {
    let store = store();
    store.emit(1_200).await;
    store.clock.advance(outbox::KEPT_MS + 1);
    store.outbox.sweep().await.unwrap();
    assert_eq!(store.stored().await, 1, "the newest stays");
    store.emit(2).await;
    let batch = next(&mut store.follow(7, false).await).await;
    assert!(batch.reset && batch.items.is_empty());
    assert_eq!(batch.through, 1_202);
    let batch = next(&mut store.follow(1_200, false).await).await;
    assert!(!batch.reset);
    assert_eq!(positions(&batch), [1_201, 1_202]);
    assert!(next(&mut store.follow(5_000, false).await).await.reset, "a position of another store");
}

#[tokio::test]
async fn a_clock_that_was_set_back_leaves_no_hole() {
    let store = store();
    store.clock.advance(3_600_000);
    store.emit(2).await;
    store.clock.advance(-3_600_000);
    store.emit(2).await;
    store.clock.advance(outbox::KEPT_MS / 2);
    store.emit(1).await;
    store.outbox.sweep().await.unwrap();
    assert_eq!(store.stored().await, 3, "only from the front");
    store.clock.advance(outbox::KEPT_MS / 2 + 1);
    store.outbox.sweep().await.unwrap();
    assert_eq!(store.stored().await, 1);
}

#[tokio::test]
async fn the_same_key_gets_the_first_answer_for_a_day() {
    let store = store();
    let once = Once { user: vec![1], route: "thing.make", key: "k".into(), body_hash: vec![7; 32] };
    let make = |once: Once, answer: u8| {
        let now = store.clock.now();
        store.db.write(move |tx| tx.once(&once, now, |_| Ok(vec![answer])))
    };
    assert_eq!(make(once.clone(), 1).await.unwrap(), [1]);
    assert_eq!(make(once.clone(), 2).await.unwrap(), [1]);
    let other = Once { body_hash: vec![8; 32], ..once.clone() };
    assert_eq!(make(other.clone(), 3).await.unwrap_err().code, Code::IdempotencyConflict);
    let keyless = Once { key: String::new(), ..once.clone() };
    assert_eq!(make(keyless.clone(), 4).await.unwrap(), [4]);
    assert_eq!(make(keyless, 5).await.unwrap(), [5]);
    // A day later the key is free, swept or not.
    store.clock.advance(anser_engine::ONCE_KEPT_MS);
    assert_eq!(make(other, 6).await.unwrap(), [6]);
    store.clock.advance(anser_engine::ONCE_KEPT_MS);
    store.outbox.sweep().await.unwrap();
    let left = store.db.read(|reader| reader.number("SELECT COUNT(*) FROM engine_once", &[])).await.unwrap();
    assert_eq!(left, 0);
}
