//! Lists of conversations, members and invitations: their order, their pages, who gets them.

use anser_contract::v1::{
    Conversation, Conversations, CreateGroupRequest, ListConversationsRequest, ListInvitationsRequest,
    ListMembersRequest,
};
use anser_types::{Code, ConversationId, UserId};

use crate::house::{House, acting, id, ids, person};

const ALICE: UserId = UserId([0xa; 16]);
const BOB: UserId = UserId([0xb; 16]);
const CAROL: UserId = UserId([0xc; 16]);

fn one_more() -> CreateGroupRequest {
    CreateGroupRequest { title: "one more".into(), member_ids: ids(&[BOB]), ..Default::default() }
}

async fn list(house: &House, user: UserId, limit: u32, cursor: &str) -> (Vec<ConversationId>, String) {
    let request = ListConversationsRequest { limit, cursor: cursor.into() };
    let reply = house.service.list_conversations(&acting(user), request).await.unwrap();
    (reply.items.iter().map(id).collect(), reply.next_cursor)
}

#[tokio::test]
async fn the_list_is_newest_first_and_its_pages_bear_movement() {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB]).await;
    let mut groups = Vec::new();
    for _ in 0..5 {
        groups.push(house.group(ALICE, &[BOB]).await);
    }
    let direct = list(&house, ALICE, 0, "").await.0[5];
    house.say(BOB, groups[1], "first").await.unwrap();
    // Bob leaves one: his view of it stands still from then on.
    house.leave(BOB, groups[0]).await.unwrap();
    house.say(ALICE, groups[2], "later").await.unwrap();
    house.say(ALICE, groups[0], "without bob").await.unwrap();
    let bobs = [groups[2], groups[0], groups[1], groups[4], groups[3], direct];
    assert_eq!(list(&house, BOB, 0, "").await, (bobs.to_vec(), String::new()));

    let (first, cursor) = list(&house, BOB, 2, "").await;
    assert_eq!(first, bobs[..2]);
    house.say(ALICE, groups[3], "to the top").await.unwrap();
    let (second, cursor) = list(&house, BOB, 2, &cursor).await;
    assert_eq!(second, [groups[1], groups[4]]);
    assert_eq!(list(&house, BOB, 2, &cursor).await, (vec![direct], String::new()));

    let foreign = ListConversationsRequest { cursor: cursor.clone(), ..Default::default() };
    let refused = house.service.list_conversations(&acting(ALICE), foreign).await.unwrap_err();
    assert_eq!((refused.code, refused.fields[0].field.as_str()), (Code::InvalidArgument, "cursor"));
}

#[tokio::test]
async fn an_item_of_the_list_is_the_conversation_itself() {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB]).await;
    let group = house.group(ALICE, &[BOB]).await;
    house.say(ALICE, group, "one").await.unwrap();
    house.say(ALICE, group, "two").await.unwrap();
    let request = ListConversationsRequest { limit: 1, ..Default::default() };
    let item = house.service.list_conversations(&acting(BOB), request).await.unwrap().items.remove(0);
    assert_eq!(item, house.see(BOB, group).await.unwrap());
    let Conversation { unread, last_message, .. } = item;
    assert_eq!((unread, last_message.unwrap().fallback_text.as_str()), (2, "two"));
}

#[tokio::test]
async fn a_large_group_is_listed_in_pages_by_members_only() {
    let house = House::with(|options| options.strangers = true).await;
    let group = house.group(ALICE, &[]).await;
    let everybody: Vec<UserId> = (0..2_000).map(person).collect();
    for batch in everybody.chunks(500) {
        assert_eq!(house.invite(ALICE, group, batch).await.unwrap().joined.len(), 500);
    }
    house.remove(ALICE, group, everybody[7]).await.unwrap();
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = ListMembersRequest { conversation_id: group.to_vec(), limit: 150, cursor };
        let page = house.service.list_members(&acting(everybody[3]), request).await.unwrap();
        assert!(page.items.len() <= 150);
        found.extend(page.items.into_iter().map(|member| member.user_id));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    let mut expected = everybody.clone();
    expected.remove(7);
    expected.push(ALICE);
    expected.sort_unstable();
    assert_eq!(found, ids(&expected));
    assert_eq!(house.see(ALICE, group).await.unwrap().member_count, 2_000);
    // A cursor is good for its own conversation.
    let other = house.group(ALICE, &[]).await;
    let request = ListMembersRequest { conversation_id: group.to_vec(), limit: 1, ..Default::default() };
    let cursor = house.service.list_members(&acting(ALICE), request).await.unwrap().next_cursor;
    let request = ListMembersRequest { conversation_id: other.to_vec(), limit: 1, cursor };
    assert_eq!(house.service.list_members(&acting(ALICE), request).await.unwrap_err().code, Code::InvalidArgument);
}

#[tokio::test]
async fn invitations_come_in_pages_and_only_so_many_wait() {
    let house = House::new().await;
    let mut groups = Vec::new();
    for host in 0..5 {
        for _ in 0..100 {
            groups.push(house.group(person(host), &[BOB]).await);
        }
    }
    let refused = house.service.create_group(&acting(CAROL), one_more()).await.unwrap_err();
    assert_eq!((refused.code, refused.fields[0].field.clone()), (Code::LimitExceeded, BOB.to_string()));
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = ListInvitationsRequest { limit: 200, cursor };
        let page = house.service.list_invitations(&acting(BOB), request).await.unwrap();
        found.extend(page.items.iter().map(|item| ConversationId::try_from(&item.conversation_id[..]).unwrap()));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    groups.sort_unstable();
    assert_eq!(found, groups);
    house.decline(BOB, groups[0]).await.unwrap();
    house.service.create_group(&acting(CAROL), one_more()).await.unwrap();
}
