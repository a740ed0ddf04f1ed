//! Sending, reading and being told, through the service as the gateway holds it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use anser_contract::{
    Actor, Context, Peer, PeerSecret,
    v1::{
        AppendRequest, ApplyRelationRequest, Attach, Content, Conversations, CreateGroupRequest, Files, HeadsRequest,
        HistoryRequest, InviteRequest, LinkDown, LinkOpen, LinkUp, Messages, MoveReadCursorRequest, RemoteFiles,
        RemoveMemberRequest, ResumeRequest, SendAck, SendBatch, SendItem, SendMessage, SyncFrom, SyncManyRequest, Text,
        content::Kind, link_down::Down, link_up::Up,
    },
};
use anser_engine::{Db, DbOptions};
use anser_messaging::{MIGRATIONS, Messaging, MessagingOptions, MessagingService};
use anser_types::{Clock, Code, ConversationId, MessageId, SessionId, UserId};
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

const ALICE: UserId = UserId([0xa; 16]);
const BOB: UserId = UserId([0xb; 16]);
const CAROL: UserId = UserId([0xc; 16]);

struct House {
    service: Arc<MessagingService>,
    clock: Clock,
    _dir: TempDir,
}

impl House {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let clock = Clock::fixed(1_700_000_000_000);
        let db = Db::open(&DbOptions::new(dir.path()), MIGRATIONS, clock.clone()).unwrap();
        let options = MessagingOptions { sends_per_second: 0, ..MessagingOptions::default() };
        let service = Messaging::start(&db, no_files(), options, clock.clone()).await.unwrap();
        Self { service, clock, _dir: dir }
    }

    async fn relate(&self, a: UserId, b: UserId, version: i64, friends: bool) -> ConversationId {
        let request = ApplyRelationRequest { user_a: a.to_vec(), user_b: b.to_vec(), version, friends, blocked: false };
        let reply = self.service.apply_relation(&Context::service(), request).await.unwrap();
        ConversationId::try_from(&reply.conversation_id[..]).unwrap()
    }

    fn message(&self, conversation: ConversationId, text: &str) -> SendMessage {
        SendMessage {
            conversation_id: conversation.to_vec(),
            client_msg_id: MessageId::new(&self.clock).to_vec(),
            content: Some(Content::from(Kind::Text(Text { text: text.into() }))),
            ..SendMessage::default()
        }
    }

    async fn send(&self, user: UserId, send: SendMessage) -> Result<SendAck, Code> {
        let reply = self.service.append(&acting(user), AppendRequest { sends: vec![send] }).await.unwrap();
        let outcome = reply.outcomes.into_iter().next().unwrap();
        match outcome.error {
            Some(problem) => Err(Code::parse(&problem.code).unwrap()),
            None => Ok(outcome.ack.unwrap()),
        }
    }

    async fn texts(&self, user: UserId, conversation: ConversationId) -> Vec<String> {
        let items = vec![SyncFrom { conversation_id: conversation.to_vec(), after_seq: 0 }];
        let request = SyncManyRequest { items, ..SyncManyRequest::default() };
        let reply = self.service.sync_many(&acting(user), request).await.unwrap();
        let page = reply.items.into_iter().next().unwrap().page.unwrap();
        page.entries.into_iter().map(|entry| entry.fallback_text).collect()
    }
}

/// A file service that is away.
fn no_files() -> Arc<dyn Files> {
    let nowhere = Peer::new("http://127.0.0.1:1", PeerSecret::new("nobody's")).unwrap();
    Arc::new(RemoteFiles::new(nowhere))
}

fn acting(user: UserId) -> Context {
    Context::new(Actor::User(user, SessionId([1; 16])), "test")
}

#[tokio::test]
async fn friends_talk_and_a_retry_gets_the_first_ack_again() {
    let house = House::new().await;
    let talk = house.relate(ALICE, BOB, 1, true).await;
    let hello = house.message(talk, "hello");
    let first = house.send(ALICE, hello.clone()).await.unwrap();
    assert_eq!((first.seq, first.dup), (2, false)); // 1 is the notice that opened the conversation
    let again = house.send(ALICE, hello.clone()).await.unwrap();
    assert_eq!(again, SendAck { dup: true, ..first });
    let other = SendMessage { content: house.message(talk, "other").content, ..hello };
    assert_eq!(house.send(ALICE, other).await, Err(Code::IdempotencyConflict));
    assert_eq!(house.texts(BOB, talk).await[1..], ["hello"]);
}

#[tokio::test]
async fn strangers_and_former_friends_cannot_send_and_history_stays() {
    let house = House::new().await;
    let talk = house.relate(ALICE, BOB, 1, true).await;
    let hello = house.message(talk, "hello");
    house.send(ALICE, hello.clone()).await.unwrap();
    assert_eq!(house.send(CAROL, house.message(talk, "hi")).await, Err(Code::NotFound));
    house.relate(ALICE, BOB, 2, false).await;
    assert_eq!(house.send(BOB, house.message(talk, "still there?")).await, Err(Code::NotAllowed));
    assert!(house.send(ALICE, hello).await.unwrap().dup); // what became of an earlier send may still be learnt
    assert!(house.texts(BOB, talk).await.contains(&"hello".to_owned()));
    assert_eq!(house.relate(ALICE, BOB, 3, true).await, talk);
    house.send(BOB, house.message(talk, "back")).await.unwrap();
}

#[tokio::test]
async fn unread_counts_follow_reading_and_sending() {
    let house = House::new().await;
    let talk = house.relate(ALICE, BOB, 1, true).await;
    for text in ["one", "two", "three"] {
        house.send(ALICE, house.message(talk, text)).await.unwrap();
    }
    let heads = house.service.heads(&acting(BOB), HeadsRequest::default()).await.unwrap();
    assert_eq!((heads.items[0].head_seq, heads.items[0].unread), (4, 3));
    let read = MoveReadCursorRequest { conversation_id: talk.to_vec(), read_seq: 3 };
    let moved = house.service.move_read_cursor(&acting(BOB), read.clone()).await.unwrap();
    assert_eq!((moved.read_seq, moved.unread), (3, 1));
    let back = MoveReadCursorRequest { read_seq: 1, ..read };
    assert_eq!(house.service.move_read_cursor(&acting(BOB), back).await.unwrap().read_seq, 3);
    // Another device that has the earlier token learns that the cursor moved, though no entry did.
    let request = HeadsRequest { token: heads.next_token, limit: 0 };
    let later = house.service.heads(&acting(BOB), request).await.unwrap();
    assert_eq!((later.items[0].read_seq, later.items[0].unread), (3, 1));
    house.send(BOB, house.message(talk, "answer")).await.unwrap();
    let heads = house.service.heads(&acting(BOB), HeadsRequest::default()).await.unwrap();
    assert_eq!(heads.items[0].unread, 0);
}

#[tokio::test]
async fn a_gateway_gets_outcomes_before_hints_and_own_entries_are_marked() {
    let house = House::new().await;
    let talk = house.relate(ALICE, BOB, 1, true).await;
    let (up, mut down) = open_link(&house).await;
    up.send(Ok(up_message(Up::Attach(Attach { user_ids: vec![ALICE.to_vec(), BOB.to_vec()] })))).await.unwrap();
    let attached = next(&mut down, |down| matches!(down, Down::Attached(_))).await;
    let Down::Attached(attached) = attached else { unreachable!() };
    assert_eq!((attached.user_ids.len(), attached.position), (2, 1));
    let item = SendItem {
        tag: 77,
        user_id: ALICE.to_vec(),
        session_id: vec![1; 16],
        send: Some(house.message(talk, "over the link")),
        deadline_ms: 1_000,
    };
    up.send(Ok(up_message(Up::Sends(SendBatch { items: vec![item] })))).await.unwrap();
    let first = next(&mut down, |down| matches!(down, Down::Outcomes(_) | Down::Hints(_))).await;
    let Down::Outcomes(outcomes) = first else { panic!("hints came first") };
    assert_eq!((outcomes.items[0].tag, outcomes.items[0].ack.as_ref().unwrap().seq), (77, 2));
    let Down::Hints(hints) = next(&mut down, |down| matches!(down, Down::Hints(_))).await else { unreachable!() };
    assert_eq!((hints.through_position, hints.items[0].user_ids.len()), (2, 2));
    assert_eq!((hints.items[0].origins[0].seq, hints.items[0].origins[0].tag), (2, 77));
}

#[tokio::test]
async fn who_is_removed_gets_that_entry_and_nothing_later() {
    let house = House::new().await;
    house.relate(ALICE, BOB, 1, true).await;
    house.relate(ALICE, CAROL, 1, true).await;
    let create = CreateGroupRequest { title: "walks".into(), member_ids: vec![BOB.to_vec()], ..Default::default() };
    let group = house.service.create_group(&acting(ALICE), create).await.unwrap();
    let id = ConversationId::try_from(&group.conversation_id[..]).unwrap();
    house.send(ALICE, house.message(id, "before carol")).await.unwrap();
    let invite = InviteRequest { conversation_id: id.to_vec(), user_ids: vec![CAROL.to_vec()], ..Default::default() };
    assert_eq!(house.service.invite(&acting(ALICE), invite).await.unwrap().joined, [CAROL.to_vec()]);
    house.send(BOB, house.message(id, "welcome carol")).await.unwrap();
    let remove = RemoveMemberRequest { conversation_id: id.to_vec(), user_id: BOB.to_vec(), ..Default::default() };
    house.service.remove_member(&acting(ALICE), remove).await.unwrap();
    house.send(CAROL, house.message(id, "bye bob")).await.unwrap();
    let seen = house.texts(BOB, id).await;
    assert_eq!(seen.last().map(String::as_str), Some("A member was removed"));
    assert!(!house.texts(CAROL, id).await.contains(&"before carol".to_owned()));
    assert_eq!(house.send(BOB, house.message(id, "let me in")).await, Err(Code::Forbidden));
}

#[tokio::test]
async fn resume_replays_what_was_missed_and_refuses_the_future() {
    let house = House::new().await;
    let talk = house.relate(ALICE, BOB, 1, true).await;
    for text in ["one", "two"] {
        house.send(ALICE, house.message(talk, text)).await.unwrap();
    }
    let resume = |after_position| ResumeRequest { user_id: BOB.to_vec(), after_position };
    let missed = house.service.resume(&Context::service(), resume(2)).await.unwrap();
    assert_eq!(missed.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3]);
    assert_eq!((missed.through_position, missed.sync_required), (3, false));
    assert!(house.service.resume(&Context::service(), resume(99)).await.unwrap().sync_required);
    assert_eq!(house.service.resume(&acting(BOB), resume(0)).await.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn history_pages_back_and_forth_without_holes() {
    let house = House::new().await;
    let talk = house.relate(ALICE, BOB, 1, true).await;
    for number in 0..25 {
        house.clock.advance(1_000);
        house.send(ALICE, house.message(talk, &format!("message {number}"))).await.unwrap();
    }
    let mut seqs = Vec::new();
    let mut before_seq = 0;
    loop {
        let request = HistoryRequest { conversation_id: talk.to_vec(), before_seq, limit: 7, ..Default::default() };
        let page = house.service.history(&acting(BOB), request).await.unwrap();
        seqs.extend(page.items.iter().map(|entry| entry.seq));
        before_seq = *seqs.last().unwrap();
        if !page.has_more {
            break;
        }
    }
    assert_eq!(seqs, (1..=26).rev().collect::<Vec<_>>());
    let from_at = 1_700_000_000_000 + 3_000;
    let range =
        HistoryRequest { conversation_id: talk.to_vec(), from_at, until_at: from_at + 2_000, ..Default::default() };
    let page = house.service.history(&acting(BOB), range).await.unwrap();
    assert_eq!(
        page.items.iter().map(|entry| entry.fallback_text.as_str()).collect::<Vec<_>>(),
        ["message 3", "message 2"]
    );
}

async fn open_link(house: &House) -> (mpsc::Sender<anser_types::Result<LinkUp>>, anser_contract::Streaming<LinkDown>) {
    let (up, receiver) = mpsc::channel(16);
    up.send(Ok(up_message(Up::Open(LinkOpen { gateway: "test".into(), ..LinkOpen::default() })))).await.unwrap();
    let down = house.service.link(&Context::service(), Box::pin(ReceiverStream::new(receiver))).await.unwrap();
    (up, down)
}

fn up_message(up: Up) -> LinkUp {
    LinkUp { up: Some(up) }
}

async fn next(down: &mut anser_contract::Streaming<LinkDown>, wanted: impl Fn(&Down) -> bool) -> Down {
    loop {
        let message = down.next().await.expect("the stream stands").unwrap();
        if let Some(found) = message.down.filter(|down| wanted(down)) {
            return found;
        }
    }
}
