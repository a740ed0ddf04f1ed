//! Messages that expire: gone for every reader at their time, and from their rows soon after.

use anser_contract::Context;
use anser_contract::v1::{
    Content, EditRequest, ForwardRequest, HistoryRequest, ListPinsRequest, ListReadersRequest, ListVersionsRequest,
    Messages, RecallRequest, ResumeRequest, SendMessage, SetPinRequest, SetReactionRequest, Text, content::Kind,
};
use anser_types::{Code, ConversationId, MessageId, UserId};

use crate::house::{House, acting, person};

const LIFE_MS: i64 = 60_000;

fn words(text: &str) -> Content {
    Kind::Text(Text { text: text.into() }).into()
}

fn message(house: &House, conversation: ConversationId, text: &str, expires_in_ms: i64) -> SendMessage {
    SendMessage {
        conversation_id: conversation.to_vec(),
        client_msg_id: MessageId::new(&house.clock).to_vec(),
        content: Some(words(text)),
        expires_in_ms,
    }
}

/// Answers its seq, and whether it was a repeat.
async fn send(house: &House, user: UserId, send: SendMessage) -> Result<(i64, bool), Code> {
    let request = anser_contract::v1::AppendRequest { sends: vec![send] };
    let outcome = house.service.append(&acting(user), request).await.unwrap().outcomes.remove(0);
    match outcome.error {
        Some(problem) => Err(Code::parse(&problem.code).unwrap()),
        None => Ok(outcome.ack.map(|ack| (ack.seq, ack.dup)).unwrap()),
    }
}

async fn two() -> (House, UserId, UserId, ConversationId) {
    let house = House::with(|options| options.keep_versions = true).await;
    let (alice, bob) = (person(1), person(2));
    house.befriend(alice, &[bob]).await;
    let group = house.group(alice, &[bob]).await;
    (house, alice, bob, group)
}

#[tokio::test]
async fn at_its_time_nobody_reads_it_whether_it_was_taken_off_yet_or_not() {
    let (house, alice, bob, group) = two().await;
    let key = message(&house, group, "for a minute", LIFE_MS);
    let (seq, _) = send(&house, bob, key.clone()).await.unwrap();
    house.say(bob, group, "for ever").await.unwrap();
    let entry = house.sync(alice, group).await.unwrap().entries.into_iter().find(|entry| entry.seq == seq).unwrap();
    let expiring = entry.content.unwrap().expiring.unwrap();
    assert_eq!((expiring.after_ms, expiring.expires_at), (LIFE_MS, entry.server_ts + LIFE_MS));

    let edit =
        EditRequest { conversation_id: group.to_vec(), seq, content: Some(words("changed")), ..Default::default() };
    let react = SetReactionRequest { conversation_id: group.to_vec(), seq, emoji: "ok".into(), remove: false };
    let pin = SetPinRequest { conversation_id: group.to_vec(), seq, remove: false };
    house.clock.advance(LIFE_MS - 1);
    house.service.edit(&acting(bob), edit.clone()).await.unwrap();
    house.service.set_reaction(&acting(alice), react.clone()).await.unwrap();
    house.service.set_pin(&acting(alice), pin.clone()).await.unwrap();
    assert_eq!(house.service.tell_reactions().await, Ok(1));
    assert!(house.story(alice, group).await.contains(&"changed".to_owned()), "an edit does not shorten it");
    assert_eq!(house.service.expire().await, Ok(0));

    house.clock.advance(1);
    for taken in [0, 1] {
        let page = house.sync(alice, group).await.unwrap();
        assert!(page.hidden.iter().any(|range| range.from_seq == seq && range.to_seq == seq));
        assert!(page.entries.iter().chain(&page.targets).all(|entry| entry.seq != seq));
        let all = |texts: &str| !texts.contains("for a minute") && !texts.contains("changed");
        assert!(all(&format!("{page:?}")));
        let request = HistoryRequest { conversation_id: group.to_vec(), ..Default::default() };
        assert!(all(&format!("{:?}", house.service.history(&acting(alice), request).await.unwrap())));
        let request = ResumeRequest { user_id: alice.to_vec(), after_position: 0 };
        assert!(all(&format!("{:?}", house.service.resume(&Context::service(), request).await.unwrap())));
        let request = ListPinsRequest { conversation_id: group.to_vec() };
        assert!(house.service.list_pins(&acting(alice), request).await.unwrap().items.is_empty());
        let gone = Some(Code::Gone);
        let code = |answer: Result<(), anser_types::Error>| answer.err().map(|error| error.code);
        assert_eq!(code(house.service.edit(&acting(bob), edit.clone()).await.map(drop)), gone);
        assert_eq!(code(house.service.set_reaction(&acting(alice), react.clone()).await.map(drop)), gone);
        assert_eq!(code(house.service.set_pin(&acting(alice), pin.clone()).await.map(drop)), gone);
        let request = RecallRequest { conversation_id: group.to_vec(), seq, ..Default::default() };
        assert_eq!(code(house.service.recall(&acting(bob), request).await.map(drop)), gone);
        let request = ListReadersRequest { conversation_id: group.to_vec(), seq, ..Default::default() };
        assert_eq!(code(house.service.list_readers(&acting(bob), request).await.map(drop)), gone);
        let request = ListVersionsRequest { conversation_id: group.to_vec(), seq };
        assert_eq!(code(house.service.list_versions(&acting(alice), request).await.map(drop)), gone);
        // Its key is still its key.
        assert_eq!(send(&house, bob, key.clone()).await, Ok((seq, true)));
        assert_eq!(house.service.expire().await, Ok(1 - taken));
    }
}

#[tokio::test]
async fn what_expired_is_not_unread_and_not_the_last_message() {
    let (house, alice, bob, group) = two().await;
    house.say(bob, group, "stays").await.unwrap();
    let mut meant = message(&house, group, "goes", LIFE_MS);
    let mentions = anser_contract::v1::Mentions { user_ids: vec![alice.to_vec()], all: false };
    meant.content.as_mut().unwrap().mentions = Some(Box::new(mentions));
    send(&house, bob, meant).await.unwrap();
    let seen = house.see(alice, group).await.unwrap();
    assert_eq!((seen.unread, seen.mentions, seen.last_message.unwrap().fallback_text.as_str()), (2, 1, "goes"));
    house.clock.advance(LIFE_MS);
    assert_eq!(house.service.expire().await, Ok(1));
    let seen = house.see(alice, group).await.unwrap();
    assert_eq!((seen.unread, seen.mentions, seen.last_message.unwrap().fallback_text.as_str()), (1, 0, "stays"));
}

#[tokio::test]
async fn a_recall_before_its_time_stays_a_recall() {
    let (house, alice, bob, group) = two().await;
    let (seq, _) = send(&house, bob, message(&house, group, "goes", LIFE_MS)).await.unwrap();
    let request = RecallRequest { conversation_id: group.to_vec(), seq, ..Default::default() };
    house.service.recall(&acting(bob), request).await.unwrap();
    house.clock.advance(LIFE_MS);
    assert_eq!(house.service.expire().await, Ok(1));
    let page = house.sync(alice, group).await.unwrap();
    let entry = page.entries.into_iter().find(|entry| entry.seq == seq).unwrap();
    assert!(matches!(entry.content.unwrap().kind, Some(Kind::Withdrawn(_))));
}

#[tokio::test]
async fn how_long_has_bounds_and_is_part_of_what_a_key_stands_for() {
    let (house, _, bob, group) = two().await;
    for odd in [-1, 1, 4_999, 366 * 24 * 3_600_000, i64::MAX] {
        let refused = send(&house, bob, message(&house, group, "odd", odd)).await;
        assert_eq!(refused, Err(Code::InvalidArgument), "{odd}");
    }
    let once = message(&house, group, "once", LIFE_MS);
    send(&house, bob, once.clone()).await.unwrap();
    let longer = SendMessage { expires_in_ms: LIFE_MS + 1, ..once.clone() };
    assert_eq!(send(&house, bob, longer).await, Err(Code::IdempotencyConflict));
    assert_eq!(send(&house, bob, SendMessage { expires_in_ms: 0, ..once }).await, Err(Code::IdempotencyConflict));
}

#[tokio::test]
async fn it_is_not_forwarded() {
    let (house, _, bob, group) = two().await;
    let (seq, _) = send(&house, bob, message(&house, group, "here only", LIFE_MS)).await.unwrap();
    let forward = |house: &House| ForwardRequest {
        from_conversation_id: group.to_vec(),
        seqs: vec![seq],
        to_conversation_id: group.to_vec(),
        client_msg_ids: vec![MessageId::new(&house.clock).to_vec()],
        ..Default::default()
    };
    let refused = house.service.forward(&acting(bob), forward(&house)).await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    house.clock.advance(LIFE_MS);
    let refused = house.service.forward(&acting(bob), forward(&house)).await.unwrap_err();
    assert_eq!(refused.code, Code::Gone);
}
