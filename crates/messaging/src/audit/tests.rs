//! What is planted is found, and what is sound is left alone.

use std::sync::Arc;

use anser_contract::{
    Actor, Context, Peer, PeerSecret,
    v1::{
        AppendRequest, Conversations, CreateGroupRequest, Files, LeaveRequest, Messages, RemoteFiles, SendMessage, Text,
    },
};
use anser_engine::{Db, DbOptions, Durability};
use anser_types::{Clock, MessageId, SessionId};
use tempfile::TempDir;

use super::*;
use crate::{MIGRATIONS, MessagingOptions, MessagingService};

const ALICE: UserId = UserId([0xa; 16]);
const BOB: UserId = UserId([0xb; 16]);

struct House {
    db: Db,
    service: Arc<MessagingService>,
    group: ConversationId,
    _dir: TempDir,
}

/// A file service that is away.
fn no_files() -> Arc<dyn Files> {
    let nowhere = Peer::new("http://127.0.0.1:1", PeerSecret::new("nobody's")).unwrap();
    Arc::new(RemoteFiles::new(nowhere))
}

impl House {
    /// A group of two that talked, and some more groups around it.
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = DbOptions { durability: Durability::Off, ..DbOptions::new(dir.path()) };
        let clock = Clock::fixed(1_700_000_000_000);
        let db = Db::open(&store, MIGRATIONS, clock.clone()).unwrap();
        let options = MessagingOptions { strangers: true, sends_per_second: 0, ..MessagingOptions::default() };
        let service = Messaging::start(&db, no_files(), options, clock.clone()).await.unwrap();
        let mut groups = Vec::new();
        for _ in 0..3 {
            let request =
                CreateGroupRequest { title: "x".into(), member_ids: vec![BOB.to_vec()], ..Default::default() };
            let made = service.create_group(&acting(ALICE), request).await.unwrap();
            groups.push(ConversationId::try_from(&made.conversation_id[..]).unwrap());
        }
        let group = groups[1];
        // Two appends of two and three messages, another group's between them: extents of more than one entry.
        for (group, texts) in [(groups[1], 2), (groups[0], 1), (groups[1], 3), (groups[0], 1)] {
            let sends = (0..texts).map(|_| SendMessage {
                conversation_id: group.to_vec(),
                client_msg_id: MessageId::new(&clock).to_vec(),
                content: Some(anser_contract::v1::content::Kind::Text(Text { text: "hello".into() }).into()),
                ..SendMessage::default()
            });
            service.append(&acting(ALICE), AppendRequest { sends: sends.collect() }).await.unwrap();
        }
        let leave = LeaveRequest { conversation_id: group.to_vec(), ..Default::default() };
        service.leave(&acting(BOB), leave).await.unwrap();
        service.0.log.settle(&service.0.db).await;
        Self { db: db.scoped("messaging"), service, group, _dir: dir }
    }

    /// Runs `sql` with the group's id as its one parameter.
    async fn plant(&self, sql: &'static str) {
        let group = self.group;
        let changed = self.db.write(move |tx| tx.exec(sql, &[(&group).into()])).await.unwrap();
        assert_eq!(changed, 1, "{sql}");
    }

    /// One round through everything, `rows` at a time.
    async fn audit(&self, rows: usize) -> Vec<Mismatch> {
        self.service
            .0
            .read(move |log| {
                let (mut walk, mut found) = (Walk::default(), Vec::new());
                loop {
                    walk.step(log, rows, &mut found)?;
                    // As whoever asks for a part at a time carries it.
                    walk = Walk::from_message(&walk.to_message())?;
                    if walk.at_start() {
                        return Ok(found);
                    }
                }
            })
            .await
            .unwrap()
    }

    async fn whats(&self) -> Vec<(i64, &'static str)> {
        let found = self.audit(1_000).await;
        assert!(found.iter().all(|mismatch| mismatch.conversation == self.group));
        assert_eq!(self.audit(2).await, found, "small bites find the same");
        found.into_iter().map(|mismatch| (mismatch.seq, mismatch.what)).collect()
    }
}

fn acting(user: UserId) -> Context {
    Context::new(Actor::User(user, SessionId([1; 16])), "test")
}

#[tokio::test]
async fn a_sound_store_has_nothing_to_report() {
    let house = House::new().await;
    for rows in [1, 2, 3, 1_000] {
        assert_eq!(house.audit(rows).await, []);
    }
    let (walk, found) = house.service.0.read(|log| look(log, Walk::default())).await.unwrap();
    assert!(walk.at_start() && found.is_empty(), "one look is enough for so little");
}

#[tokio::test]
async fn each_planted_mismatch_is_found_and_named() {
    let cases: [(&'static str, &[(i64, &str)]); 13] = [
        (
            "UPDATE messaging_entry SET body = x'00' WHERE conversation = ? AND seq = 4",
            &[(4, "the row's checksum is wrong")],
        ),
        (
            // An image with the file 0101…
            "UPDATE messaging_entry SET body = x'1a120a1001010101010101010101010101010101'
             WHERE conversation = ? AND seq = 4",
            &[(4, "the row's checksum is wrong"), (4, "a file that the message names is not noted as held")],
        ),
        (
            "UPDATE messaging_entry SET countable_no = 9 WHERE conversation = ? AND seq = 5",
            &[(5, "the countable entries are counted wrong"), (6, "the countable entries are counted wrong")],
        ),
        (
            "DELETE FROM messaging_entry WHERE conversation = ? AND seq = 4",
            &[
                (4, "the entry is missing"),
                (4, "the extent counts other countable entries"),
                (5, "the countable entries are counted wrong"),
            ],
        ),
        (
            "UPDATE messaging_entry SET seq = 40 WHERE conversation = ? AND seq = 6",
            &[(6, "another entry stands in its place"), (7, "the countable entries are counted wrong")],
        ),
        ("DELETE FROM messaging_extent WHERE conversation = ? AND first_seq = 3", &[(3, "the extents have a hole")]),
        (
            "UPDATE messaging_extent SET countable = 7 WHERE conversation = ? AND first_seq = 5",
            &[(7, "the extent counts other countable entries")],
        ),
        (
            "UPDATE messaging_extent SET last_at = 7 WHERE conversation = ? AND first_seq = 5",
            &[(7, "the extent has another time than its last entry")],
        ),
        (
            "DELETE FROM messaging_key WHERE conversation = ?
             AND cmid = (SELECT cmid FROM messaging_entry WHERE seq = 7 AND kind = 1)",
            &[(7, "the key of the message is missing or names another entry")],
        ),
        (
            "UPDATE messaging_cursor SET read_seq = 99 WHERE conversation = ?",
            &[(99, "a read cursor is beyond the head")],
        ),
        (
            "UPDATE messaging_member SET to_seq = 99 WHERE conversation = ? AND to_seq IS NOT NULL",
            &[(1, "a stay is not within the log")],
        ),
        (
            "UPDATE messaging_member SET from_seq = 0 WHERE conversation = ? AND to_seq IS NULL",
            &[(0, "a stay is not within the log")],
        ),
        ("UPDATE messaging_conversation SET member_count = 5 WHERE id = ?", &[(0, "the member count is wrong")]),
    ];
    for (sql, expected) in cases {
        let house = House::new().await;
        house.plant(sql).await;
        assert_eq!(house.whats().await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_reported_and_passed() {
    let house = House::new().await;
    house.plant("UPDATE messaging_entry SET sender = x'00' WHERE conversation = ? AND seq = 4").await;
    let (walk, found) = house.service.0.read(|log| look(log, Walk::default())).await.unwrap();
    let whats: Vec<_> = found.iter().map(|mismatch| (mismatch.conversation, mismatch.what)).collect();
    assert_eq!(whats, [(house.group, "a row cannot be read")]);
    assert!(walk.at_start(), "the conversations behind it are looked at too");
}
