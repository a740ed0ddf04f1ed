//! What people set about conversations for themselves.

use anser_contract::v1::{
    ChangeSettingsRequest, ConversationSettings, Conversations, ListConversationsRequest, Messages,
    MoveReadCursorRequest, SyncSettingsRequest,
};
use anser_types::{Code, ConversationId, UserId};

use crate::house::{House, acting};

const ALICE: UserId = UserId([0xa; 16]);
const BOB: UserId = UserId([0xb; 16]);
const CAROL: UserId = UserId([0xc; 16]);

fn setting(conversation: ConversationId) -> ChangeSettingsRequest {
    ChangeSettingsRequest { conversation_id: conversation.to_vec(), ..ChangeSettingsRequest::default() }
}

async fn set(house: &House, user: UserId, request: ChangeSettingsRequest) -> Result<ConversationSettings, Code> {
    house.service.change_settings(&acting(user), request).await.map_err(|error| error.code)
}

async fn list(house: &House, user: UserId, limit: u32) -> Vec<Vec<u8>> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = ListConversationsRequest { limit, cursor };
        let page = house.service.list_conversations(&acting(user), request).await.unwrap();
        found.extend(page.items.into_iter().map(|item| item.conversation_id));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            return found;
        }
    }
}

async fn two_groups() -> (House, ConversationId, ConversationId) {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB]).await;
    let first = house.group(ALICE, &[BOB]).await;
    let second = house.group(ALICE, &[BOB]).await;
    (house, first, second)
}

#[tokio::test]
async fn what_is_on_top_comes_first_and_what_is_hidden_comes_back_with_news() {
    let (house, first, second) = two_groups().await;
    let direct = house.relate(ALICE, BOB, 1, true).await.conversation_id;
    assert_eq!(list(&house, BOB, 1).await, [second.to_vec(), first.to_vec(), direct.clone()]);
    set(&house, BOB, ChangeSettingsRequest { pinned: Some(true), ..setting(first) }).await.unwrap();
    assert_eq!(list(&house, BOB, 1).await, [first.to_vec(), second.to_vec(), direct.clone()]);
    assert_eq!(list(&house, ALICE, 1).await[0], second.to_vec(), "only for Bob");

    let hidden = set(&house, BOB, ChangeSettingsRequest { hidden: Some(true), ..setting(second) }).await.unwrap();
    assert!(hidden.hidden);
    assert_eq!(list(&house, BOB, 50).await, [first.to_vec(), direct.clone()]);
    house.say(ALICE, second, "news").await.unwrap();
    assert_eq!(list(&house, BOB, 50).await, [first.to_vec(), second.to_vec(), direct]);
}

#[tokio::test]
async fn a_mark_goes_when_one_reads_on_and_the_rest_stays() {
    let (house, group, _) = two_groups().await;
    let request = ChangeSettingsRequest { marked_unread: Some(true), draft: Some("Dear".into()), ..setting(group) };
    let set_now = set(&house, BOB, request).await.unwrap();
    assert!(set_now.marked_unread && set_now.draft == "Dear");
    house.say(ALICE, group, "hello").await.unwrap();
    assert!(house.see(BOB, group).await.unwrap().settings.unwrap().marked_unread);
    let read = MoveReadCursorRequest { conversation_id: group.to_vec(), read_seq: 99 };
    house.service.move_read_cursor(&acting(BOB), read).await.unwrap();
    let seen = house.see(BOB, group).await.unwrap().settings.unwrap();
    assert!(!seen.marked_unread && seen.draft == "Dear");
}

#[tokio::test]
async fn another_device_finds_what_was_set_since_and_nothing_twice() {
    let (house, first, second) = two_groups().await;
    let sync = async |since| {
        let reply = house.service.sync_settings(&acting(BOB), SyncSettingsRequest { since }).await.unwrap();
        (reply.items.into_iter().map(|item| item.conversation_id).collect::<Vec<_>>(), reply.version)
    };
    assert_eq!(sync(0).await, (Vec::new(), 0));
    set(&house, BOB, ChangeSettingsRequest { archived: Some(true), ..setting(first) }).await.unwrap();
    set(&house, BOB, ChangeSettingsRequest { mute_ms: Some(60_000), ..setting(second) }).await.unwrap();
    assert_eq!(sync(0).await, (vec![first.to_vec(), second.to_vec()], 2));
    assert_eq!(sync(1).await, (vec![second.to_vec()], 2));
    set(&house, BOB, ChangeSettingsRequest { archived: Some(true), ..setting(first) }).await.unwrap();
    assert_eq!(sync(2).await, (Vec::new(), 2), "it was so already");
    assert_eq!(sync(77).await.0.len(), 2, "a version of another store");
}

#[tokio::test]
async fn settings_are_for_those_who_may_look_and_within_bounds() {
    let (house, group, _) = two_groups().await;
    let request = |draft: String| ChangeSettingsRequest { draft: Some(draft), ..setting(group) };
    assert_eq!(set(&house, CAROL, request("x".into())).await, Err(Code::NotFound));
    assert_eq!(set(&house, BOB, request("x".repeat(4_097))).await, Err(Code::InvalidArgument));
    let forward = ChangeSettingsRequest { mute_ms: Some(-1), ..setting(group) };
    assert_eq!(set(&house, BOB, forward).await, Err(Code::InvalidArgument));
    house.leave(BOB, group).await.unwrap();
    assert!(set(&house, BOB, ChangeSettingsRequest { archived: Some(true), ..setting(group) }).await.is_ok());
}
