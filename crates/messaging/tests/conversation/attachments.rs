//! Messages that hold files: whose files they may name, in which order they come, and how long they hold them.

use std::{sync::Arc, time::Duration};

use anser_contract::{
    Context,
    v1::{
        AppendRequest, Attachment, CancelScheduledRequest, Content, Conversations, EditRequest, ErasePersonRequest,
        ForwardRequest, Image, LinkOpen, LinkUp, Messages, RecallRequest, ScheduleRequest, SendAck, SendBatch,
        SendItem, SendMessage, Text, Voice, content::Kind, link_down::Down, link_up::Up,
    },
};
use anser_types::{Code, ConversationId, FileId, MessageId, UserId};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::house::{House, acting, person};

const GRACE_MS: i64 = 60_000;

pub fn image(file: FileId, caption: &str) -> Content {
    let said = Image {
        file_id: file.to_vec(),
        name: "lies.exe".into(),
        size: 1,
        caption: caption.into(),
        ..Default::default()
    };
    Kind::Image(Box::new(said)).into()
}

pub fn voice(file: FileId) -> Content {
    Kind::Voice(Box::new(Voice { file_id: file.to_vec(), duration_ms: 9, ..Default::default() })).into()
}

fn attachment(file: FileId) -> Content {
    Kind::File(Box::new(Attachment { file_id: file.to_vec(), ..Default::default() })).into()
}

fn message(house: &House, conversation: ConversationId, content: Content) -> SendMessage {
    SendMessage {
        conversation_id: conversation.to_vec(),
        client_msg_id: MessageId::new(&house.clock).to_vec(),
        content: Some(content),
        ..SendMessage::default()
    }
}

async fn send(house: &House, user: UserId, sends: Vec<SendMessage>) -> Vec<Result<SendAck, Code>> {
    let reply = house.service.append(&acting(user), AppendRequest { sends }).await.unwrap();
    let outcomes = reply.outcomes.into_iter();
    outcomes.map(|outcome| outcome.ack.ok_or_else(|| Code::parse(&outcome.error.unwrap().code).unwrap())).collect()
}

async fn content_at(house: &House, user: UserId, conversation: ConversationId, seq: i64) -> Content {
    let page = house.sync(user, conversation).await.unwrap();
    page.entries.into_iter().find(|entry| entry.seq == seq).unwrap().content.unwrap()
}

async fn recall(house: &House, user: UserId, conversation: ConversationId, seq: i64) {
    let request = RecallRequest { conversation_id: conversation.to_vec(), seq, ..Default::default() };
    house.service.recall(&acting(user), request).await.unwrap();
}

async fn forward(house: &House, user: UserId, from: ConversationId, seqs: &[i64], bundle: bool) -> i64 {
    let keys = if bundle { 1 } else { seqs.len() };
    let request = ForwardRequest {
        from_conversation_id: from.to_vec(),
        seqs: seqs.to_vec(),
        to_conversation_id: from.to_vec(),
        client_msg_ids: (0..keys).map(|_| MessageId::new(&house.clock).to_vec()).collect(),
        bundle,
        ..Default::default()
    };
    let reply = house.service.forward(&acting(user), request).await.unwrap();
    reply.outcomes.into_iter().next().unwrap().ack.unwrap().seq
}

pub async fn two() -> (House, UserId, UserId, ConversationId) {
    let house = House::new().await;
    let (alice, bob) = (person(1), person(2));
    house.befriend(alice, &[bob]).await;
    let group = house.group(alice, &[bob]).await;
    (house, alice, bob, group)
}

#[tokio::test]
async fn a_message_names_its_senders_complete_files_and_says_what_the_server_knows_of_them() {
    let (house, alice, bob, group) = two().await;
    let cat = house.files.add(alice, 1, "cat.png");
    let seq = house.send(alice, group, image(cat, "my cat")).await.unwrap();
    let Some(Kind::Image(seen)) = content_at(&house, bob, group, seq).await.kind else { panic!() };
    assert_eq!((seen.name.as_str(), seen.size, seen.media_type.as_str()), ("cat.png", 1_001, "image/png"));
    assert_eq!((seen.width, seen.height, seen.caption.as_str()), (640, 480, "my cat"));
    let seq = house.send(alice, group, voice(cat)).await.unwrap();
    let Some(Kind::Voice(seen)) = content_at(&house, bob, group, seq).await.kind else { panic!() };
    assert_eq!((seen.duration_ms, seen.transcript.as_str()), (2_500, ""));

    let before = house.story(bob, group).await;
    assert_eq!(house.send(bob, group, image(cat, "mine!")).await, Err(Code::NotFound), "another's");
    assert_eq!(house.send(alice, group, attachment(FileId([9; 16]))).await, Err(Code::NotFound), "unknown");
    let nameless = Content::from(Kind::Image(Box::default()));
    assert_eq!(house.send(alice, group, nameless).await, Err(Code::InvalidArgument));
    let backwards = Voice { file_id: cat.to_vec(), duration_ms: -1, ..Default::default() };
    let backwards = Content::from(Kind::Voice(Box::new(backwards)));
    assert_eq!(house.send(alice, group, backwards).await, Err(Code::InvalidArgument));
    house.files.set_away(true);
    assert_eq!(house.send(alice, group, image(cat, "")).await, Err(Code::FileStoreUnavailable));
    assert!(Code::FileStoreUnavailable.retryable() && !Code::NotFound.retryable());
    assert_eq!(house.story(bob, group).await, before);
    house.say(alice, group, "words go on").await.unwrap();
}

#[tokio::test]
async fn a_retry_gets_its_first_answer_whatever_became_of_the_file() {
    let (house, alice, _, group) = two().await;
    let cat = house.files.add(alice, 1, "cat.png");
    let once = message(&house, group, image(cat, "my cat"));
    let first = send(&house, alice, vec![once.clone()]).await.remove(0).unwrap();
    assert!(!first.dup);
    let again = Ok(SendAck { dup: true, ..first });
    assert_eq!(send(&house, alice, vec![once.clone()]).await, std::slice::from_ref(&again));
    house.files.set_away(true);
    assert_eq!(send(&house, alice, vec![once.clone()]).await, std::slice::from_ref(&again));
    house.files.set_away(false);
    house.files.remove(cat);
    assert_eq!(send(&house, alice, vec![once.clone()]).await, [again]);
    let other = SendMessage { content: Some(image(cat, "another cat")), ..once };
    assert_eq!(send(&house, alice, vec![other]).await, [Err(Code::IdempotencyConflict)]);
}

#[tokio::test]
async fn one_call_asks_once_and_sends_without_files_ask_nothing() {
    let (house, alice, bob, group) = two().await;
    let (cat, dog) = (house.files.add(alice, 1, "cat.png"), house.files.add(alice, 2, "dog.png"));
    let words = |text: &str| Content::from(Kind::Text(Text { text: text.into() }));
    house.say(alice, group, "no files").await.unwrap();
    assert!(house.files.claims().is_empty());
    let contents =
        [image(cat, "one"), words("two"), attachment(FileId([9; 16])), image(dog, "four"), image(cat, "five")];
    let sends = contents.into_iter().map(|content| message(&house, group, content)).collect();
    let outcomes = send(&house, alice, sends).await;
    assert_eq!(house.files.claims(), [3]);
    assert_eq!(outcomes[2], Err(Code::NotFound));
    let seqs: Vec<i64> = outcomes.iter().flatten().map(|ack| ack.seq).collect();
    assert_eq!(seqs, (seqs[0]..seqs[0] + 4).collect::<Vec<_>>(), "in the order of the call");
    assert!(
        house
            .story(bob, group)
            .await
            .ends_with(&["[image] one", "two", "[image] four", "[image] five"].map(String::from))
    );
}

#[tokio::test]
async fn what_one_sends_later_does_not_overtake_a_file_and_what_others_send_does() {
    let (house, alice, bob, group) = two().await;
    let other_group = house.group(alice, &[bob]).await;
    let cat = house.files.add(alice, 1, "cat.png");
    house.files.gate.forget_permits(1_000_000);
    let (up, receiver) = mpsc::channel(16);
    let open = LinkOpen { gateway: "test".into(), ..LinkOpen::default() };
    up.send(Ok(LinkUp { up: Some(Up::Open(open)) })).await.unwrap();
    let mut down = house.service.link(&Context::service(), Box::pin(ReceiverStream::new(receiver))).await.unwrap();
    let words = |text: &str| Content::from(Kind::Text(Text { text: text.into() }));
    let sends = [
        (1, alice, group, image(cat, "first")),
        (2, alice, group, words("second")),
        (3, alice, other_group, words("elsewhere")),
        (4, bob, group, words("by somebody else")),
        (5, alice, group, image(FileId([9; 16]), "refused")),
        (6, alice, group, words("third")),
    ];
    for (tag, user, conversation, content) in sends {
        let send = Some(message(&house, conversation, content));
        let item = SendItem { tag, user_id: user.to_vec(), session_id: vec![1; 16], send, deadline_ms: 60_000 };
        up.send(Ok(LinkUp { up: Some(Up::Sends(SendBatch { items: vec![item] })) })).await.unwrap();
    }
    let mut outcomes = Vec::new();
    while outcomes.len() < 6 {
        if outcomes.len() == 2 {
            house.files.gate.add_permits(2);
        }
        let down = tokio::time::timeout(Duration::from_secs(10), down.next()).await.unwrap().unwrap().unwrap();
        if let Some(Down::Outcomes(batch)) = down.down {
            outcomes.extend(batch.items.into_iter().map(|outcome| (outcome.tag, outcome.error.is_none())));
        }
    }
    let tags: Vec<u64> = outcomes.iter().map(|(tag, _)| *tag).collect();
    assert!(tags[..2].contains(&3) && tags[..2].contains(&4), "{tags:?}");
    assert!(outcomes.contains(&(5, false)));
    let story = house.story(bob, group).await;
    assert!(story.ends_with(&["by somebody else", "[image] first", "second", "third"].map(String::from)), "{story:?}");
}

#[tokio::test]
async fn a_file_is_held_while_a_message_has_it_and_released_a_while_after_the_last() {
    let (house, alice, bob, group) = two().await;
    let cat = house.files.add(alice, 1, "cat.png");
    let first = house.send(alice, group, image(cat, "my cat")).await.unwrap();
    assert_eq!(house.service.tell_files().await, Ok(1));
    assert_eq!(house.files.told(), [(vec![cat], false)]);
    assert_eq!(house.service.tell_files().await, Ok(0));
    // Whoever may read it may pass it on, though the file is another's; bundles hold what is in them.
    let (passed_on, bundle) =
        (forward(&house, bob, group, &[first], false).await, forward(&house, bob, group, &[first], true).await);
    assert_eq!(house.files.claims(), [1]);
    for seq in [first, passed_on, bundle] {
        recall(&house, if seq == first { alice } else { bob }, group, seq).await;
        house.clock.advance(GRACE_MS);
        house.service.tell_files().await.unwrap();
        assert_eq!(house.files.held().is_empty(), seq == bundle);
    }
    // One that is used again within the while is never released.
    let again = house.send(alice, group, image(cat, "again")).await.unwrap();
    recall(&house, alice, group, again).await;
    house.clock.advance(GRACE_MS - 1);
    house.files.told();
    house.service.tell_files().await.unwrap();
    house.send(alice, group, image(cat, "and again")).await.unwrap();
    house.clock.advance(GRACE_MS);
    house.service.tell_files().await.unwrap();
    assert!(house.files.told().iter().all(|(_, release)| !release));
    assert_eq!(house.files.held(), [cat]);
}

#[tokio::test]
async fn what_was_not_told_is_told_after_a_crash() {
    let (house, alice, _, group) = two().await;
    let cat = house.files.add(alice, 1, "cat.png");
    let seq = house.send(alice, group, image(cat, "my cat")).await.unwrap();
    house.files.set_away(true);
    assert!(house.service.tell_files().await.is_err());
    let house = house.restarted().await;
    house.files.set_away(false);
    assert_eq!(house.service.tell_files().await, Ok(1));
    assert_eq!(house.files.held(), [cat]);
    recall(&house, alice, group, seq).await;
    let house = house.restarted().await;
    house.clock.advance(GRACE_MS);
    assert_eq!(house.service.tell_files().await, Ok(1));
    assert!(house.files.held().is_empty());
}

#[tokio::test]
async fn an_expiring_message_lets_its_file_go_with_its_words() {
    let (house, alice, _, group) = two().await;
    let cat = house.files.add(alice, 1, "cat.png");
    let brief = SendMessage { expires_in_ms: 10_000, ..message(&house, group, image(cat, "brief")) };
    send(&house, alice, vec![brief]).await.remove(0).unwrap();
    house.service.tell_files().await.unwrap();
    house.clock.advance(10_000);
    assert_eq!(house.service.expire().await, Ok(1));
    house.clock.advance(GRACE_MS);
    house.service.tell_files().await.unwrap();
    assert_eq!(house.files.told(), [(vec![cat], false), (vec![cat], true)]);
}

#[tokio::test]
async fn an_edit_changes_the_caption_and_nothing_else() {
    let (house, alice, bob, group) = two().await;
    let (cat, dog) = (house.files.add(alice, 1, "cat.png"), house.files.add(alice, 2, "dog.png"));
    let seq = house.send(alice, group, image(cat, "my cat")).await.unwrap();
    let edit = async |content| {
        let request =
            EditRequest { conversation_id: group.to_vec(), seq, content: Some(content), ..Default::default() };
        house.service.edit(&acting(alice), request).await.map(|changed| changed.version).map_err(|error| error.code)
    };
    assert_eq!(edit(image(dog, "a dog")).await, Err(Code::InvalidArgument));
    assert_eq!(edit(attachment(cat)).await, Err(Code::InvalidArgument));
    assert_eq!(edit(image(cat, "the cat")).await, Ok(2));
    assert_eq!(edit(image(cat, "the cat")).await, Ok(2), "nothing is different");
    let Some(Kind::Image(seen)) = content_at(&house, bob, group, seq).await.kind else { panic!() };
    assert_eq!((seen.caption.as_str(), seen.name.as_str(), seen.width), ("the cat", "cat.png", 640));
    assert_eq!(house.files.claims(), [1]);
}

#[tokio::test]
async fn a_file_for_later_is_held_until_then_or_until_it_is_taken_back() {
    let (house, alice, bob, group) = two().await;
    let (cat, dog) = (house.files.add(alice, 1, "cat.png"), house.files.add(alice, 2, "dog.png"));
    let schedule = async |send: &SendMessage| {
        let request = ScheduleRequest { send: Some(send.clone()), send_at: house.clock.now() + 3_600_000 };
        house.service.schedule(&acting(alice), request).await.map(|message| message.seq).map_err(|error| error.code)
    };
    let foreign = message(&house, group, image(FileId([9; 16]), ""));
    assert_eq!(schedule(&foreign).await, Err(Code::NotFound));
    let (sent, taken_back) = (message(&house, group, image(cat, "later")), message(&house, group, image(dog, "never")));
    schedule(&sent).await.unwrap();
    schedule(&taken_back).await.unwrap();
    house.service.tell_files().await.unwrap();
    assert_eq!(house.files.held(), [cat, dog]);
    let (conversation_id, client_msg_id) = (taken_back.conversation_id.clone(), taken_back.client_msg_id.clone());
    house
        .service
        .cancel_scheduled(&acting(alice), CancelScheduledRequest { conversation_id, client_msg_id })
        .await
        .unwrap();
    house.clock.advance(3_600_000);
    assert_eq!(house.service.send_scheduled().await, Ok(1));
    assert_eq!(house.story(bob, group).await.last().unwrap(), "[image] later");
    house.clock.advance(GRACE_MS);
    house.service.tell_files().await.unwrap();
    assert_eq!(house.files.held(), [cat]);
    let third = message(&house, group, image(dog, "gone with the account"));
    schedule(&third).await.unwrap();
    house.service.tell_files().await.unwrap();
    house.service.erase_person(&Context::service(), ErasePersonRequest { user_id: alice.to_vec() }).await.unwrap();
    house.clock.advance(GRACE_MS);
    house.service.tell_files().await.unwrap();
    assert_eq!(house.files.held(), [cat]);
}

#[tokio::test]
async fn a_file_service_that_says_nothing_is_away_and_nobody_else_waits_for_it() {
    let (house, alice, bob, group) = two().await;
    let cat = house.files.add(alice, 1, "cat.png");
    house.files.gate.forget_permits(1_000_000);
    let house = Arc::new(house);
    let waiting = tokio::spawn({
        let house = house.clone();
        async move { house.send(alice, group, image(cat, "stuck")).await }
    });
    house.say(bob, group, "meanwhile").await.unwrap();
    assert_eq!(waiting.await.unwrap(), Err(Code::FileStoreUnavailable));
    house.say(alice, group, "after all").await.unwrap();
    assert!(house.story(bob, group).await.ends_with(&["meanwhile", "after all"].map(String::from)));
}
