//! Messages for later: sent once when their time comes, refused as any other, seen by their sender alone.

use anser_contract::{
    Context,
    v1::{
        CancelScheduledRequest, Content, Conversations, ErasePersonRequest, ListScheduledRequest, Messages,
        RescheduleRequest, ScheduleRequest, ScheduledMessage, ScheduledState, SendMessage, Text, content::Kind,
    },
};
use anser_types::{Code, ConversationId, MessageId, Result, UserId};

use crate::house::{House, acting, person};

const HOUR_MS: i64 = 3_600_000;

fn message(house: &House, conversation: ConversationId, text: &str) -> SendMessage {
    SendMessage {
        conversation_id: conversation.to_vec(),
        client_msg_id: MessageId::new(&house.clock).to_vec(),
        content: Some(Kind::Text(Text { text: text.into() }).into()),
        expires_in_ms: 0,
    }
}

async fn schedule(house: &House, user: UserId, send: &SendMessage, in_ms: i64) -> Result<ScheduledMessage, Code> {
    let send_at = house.clock.now() + in_ms;
    let request = ScheduleRequest { send: Some(send.clone()), send_at };
    house.service.schedule(&acting(user), request).await.map_err(|error| error.code)
}

async fn listed(house: &House, user: UserId) -> Vec<ScheduledMessage> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            house.service.list_scheduled(&acting(user), ListScheduledRequest { limit: 2, cursor }).await.unwrap();
        items.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_empty() {
            return items;
        }
    }
}

async fn cancel(house: &House, user: UserId, send: &SendMessage) -> Result<(), Code> {
    let (conversation_id, client_msg_id) = (send.conversation_id.clone(), send.client_msg_id.clone());
    let request = CancelScheduledRequest { conversation_id, client_msg_id };
    house.service.cancel_scheduled(&acting(user), request).await.map(drop).map_err(|error| error.code)
}

async fn reschedule(house: &House, user: UserId, send: &SendMessage, send_at: i64) -> Result<i64, Code> {
    let (conversation_id, client_msg_id) = (send.conversation_id.clone(), send.client_msg_id.clone());
    let request = RescheduleRequest { conversation_id, client_msg_id, send_at };
    house.service.reschedule(&acting(user), request).await.map(|it| it.send_at).map_err(|error| error.code)
}

async fn two() -> (House, UserId, UserId, ConversationId) {
    let house = House::new().await;
    let (alice, bob) = (person(1), person(2));
    house.befriend(alice, &[bob]).await;
    let group = house.group(alice, &[bob]).await;
    (house, alice, bob, group)
}

#[tokio::test]
async fn it_is_sent_at_its_time_and_once() {
    let (house, alice, bob, group) = two().await;
    let (later, sooner) = (message(&house, group, "later"), message(&house, group, "sooner"));
    schedule(&house, bob, &later, 2 * HOUR_MS).await.unwrap();
    schedule(&house, bob, &sooner, HOUR_MS).await.unwrap();
    let waiting = listed(&house, bob).await;
    assert_eq!(waiting.iter().map(ScheduledMessage::state).collect::<Vec<_>>(), [ScheduledState::Waiting; 2]);
    assert!(listed(&house, alice).await.is_empty());
    let before = house.story(alice, group).await;
    house.clock.advance(HOUR_MS - 1);
    assert_eq!(house.service.send_scheduled().await, Ok(0));
    assert_eq!(house.story(alice, group).await, before);
    house.clock.advance(1);
    assert_eq!(house.service.send_scheduled().await, Ok(1));
    house.clock.advance(HOUR_MS);
    assert_eq!(house.service.send_scheduled().await, Ok(1));
    assert_eq!(house.story(alice, group).await[before.len()..], ["sooner", "later"]);
    assert!(listed(&house, bob).await.is_empty());
    // Who asks again is told that it was sent, and it is not sent again.
    let request = ScheduleRequest { send: Some(sooner.clone()), send_at: 0 };
    let again = house.service.schedule(&acting(bob), request).await.unwrap();
    assert_eq!((again.state(), again.seq), (ScheduledState::Sent, before.len() as i64 + 1));
    let other = SendMessage { content: later.content.clone(), ..sooner };
    assert_eq!(schedule(&house, bob, &other, HOUR_MS).await, Err(Code::IdempotencyConflict));
    assert_eq!(house.service.send_scheduled().await, Ok(0));
}

#[tokio::test]
async fn a_message_that_was_sent_meanwhile_is_not_doubled() {
    let (house, alice, bob, group) = two().await;
    let once = message(&house, group, "once");
    schedule(&house, bob, &once, HOUR_MS).await.unwrap();
    let request = anser_contract::v1::AppendRequest { sends: vec![once.clone()] };
    assert!(house.service.append(&acting(bob), request).await.unwrap().outcomes[0].ack.is_some());
    house.clock.advance(HOUR_MS);
    assert_eq!(house.service.send_scheduled().await, Ok(1));
    assert_eq!(house.story(alice, group).await.iter().filter(|word| *word == "once").count(), 1);
    assert!(listed(&house, bob).await.is_empty());
}

#[tokio::test]
async fn whether_one_may_is_looked_at_twice() {
    let (house, alice, bob, group) = two().await;
    let stranger = person(9);
    let from_outside = schedule(&house, stranger, &message(&house, group, "let me in"), HOUR_MS).await;
    assert_eq!(from_outside, Err(Code::NotFound));
    let all = anser_contract::v1::Mentions { user_ids: Vec::new(), all: true };
    let mut for_all = message(&house, group, "all");
    for_all.content.as_mut().unwrap().mentions = Some(Box::new(all));
    assert_eq!(schedule(&house, bob, &for_all, HOUR_MS).await, Err(Code::Forbidden));

    let goodbye = message(&house, group, "I am gone by then");
    schedule(&house, bob, &goodbye, HOUR_MS).await.unwrap();
    house.remove(alice, group, bob).await.unwrap();
    house.clock.advance(HOUR_MS);
    assert_eq!(house.service.send_scheduled().await, Ok(1));
    let failed = listed(&house, bob).await.remove(0);
    assert_eq!((failed.state(), failed.code.as_str()), (ScheduledState::Failed, "forbidden"));
    assert!(!house.story(alice, group).await.contains(&"I am gone by then".to_owned()));
    assert_eq!(house.service.send_scheduled().await, Ok(0), "a refusal is not tried again");
    assert_eq!(reschedule(&house, bob, &goodbye, house.clock.now() + 1).await, Err(Code::Gone));
    house.clock.advance(8 * 24 * HOUR_MS);
    assert!(listed(&house, bob).await.is_empty(), "it is forgotten after a week");
}

#[tokio::test]
async fn it_is_given_another_time_or_taken_back_by_its_sender_only() {
    let (house, alice, bob, group) = two().await;
    let (moved, gone) = (message(&house, group, "moved"), message(&house, group, "gone"));
    schedule(&house, bob, &moved, HOUR_MS).await.unwrap();
    schedule(&house, bob, &gone, HOUR_MS).await.unwrap();
    assert_eq!(cancel(&house, alice, &gone).await, Err(Code::NotFound));
    cancel(&house, bob, &gone).await.unwrap();
    assert_eq!(cancel(&house, bob, &gone).await, Err(Code::NotFound));
    let at = house.clock.now() + 2 * HOUR_MS;
    assert_eq!(reschedule(&house, alice, &moved, at).await, Err(Code::NotFound));
    assert_eq!(reschedule(&house, bob, &moved, at).await, Ok(at));
    assert_eq!(reschedule(&house, bob, &moved, house.clock.now()).await, Err(Code::InvalidArgument));
    house.clock.advance(HOUR_MS);
    assert_eq!(house.service.send_scheduled().await, Ok(0));
    house.clock.advance(HOUR_MS);
    assert_eq!(house.service.send_scheduled().await, Ok(1));
    assert_eq!(house.story(alice, group).await.last().map(String::as_str), Some("moved"));
}

#[tokio::test]
async fn there_are_only_so_many_and_they_go_with_the_account() {
    let house = House::with(|options| options.scheduled = 2).await;
    let (alice, bob) = (person(1), person(2));
    house.befriend(alice, &[bob]).await;
    let group = house.group(alice, &[bob]).await;
    for odd in [0, -1, 366 * 24 * HOUR_MS] {
        let refused = schedule(&house, bob, &message(&house, group, "when?"), odd).await;
        assert_eq!(refused, Err(Code::InvalidArgument), "{odd}");
    }
    let first = message(&house, group, "one");
    schedule(&house, bob, &first, HOUR_MS).await.unwrap();
    schedule(&house, bob, &message(&house, group, "two"), HOUR_MS).await.unwrap();
    schedule(&house, bob, &first, HOUR_MS).await.unwrap();
    let third = schedule(&house, bob, &message(&house, group, "three"), HOUR_MS).await;
    assert_eq!(third, Err(Code::LimitExceeded));
    assert_eq!(schedule(&house, bob, &first, HOUR_MS + 1).await, Err(Code::IdempotencyConflict));
    house.service.erase_person(&Context::service(), ErasePersonRequest { user_id: bob.to_vec() }).await.unwrap();
    assert!(listed(&house, bob).await.is_empty());
    house.clock.advance(HOUR_MS);
    assert_eq!(house.service.send_scheduled().await, Ok(0));
}

#[tokio::test]
async fn one_that_expires_does_so_from_when_it_is_sent() {
    let (house, alice, bob, group) = two().await;
    let brief = SendMessage { expires_in_ms: 60_000, ..message(&house, group, "brief") };
    schedule(&house, bob, &brief, HOUR_MS).await.unwrap();
    house.clock.advance(HOUR_MS);
    assert_eq!(house.service.send_scheduled().await, Ok(1));
    house.clock.advance(59_999);
    assert!(house.story(alice, group).await.contains(&"brief".to_owned()));
    house.clock.advance(1);
    assert!(!house.story(alice, group).await.contains(&"brief".to_owned()));
    let content: Content = listed(&house, bob).await.into_iter().find_map(|it| it.content).unwrap_or_default();
    assert_eq!(content, Content::default(), "its row is gone");
}
