//! What owner and admins do to a group: words, rules, mutes, names, handing it over, closing it.

use anser_contract::v1::{
    ChangeGroupRequest, Conversations, DismissGroupRequest, HistoryFor, ListMembersRequest, MuteRequest, Role,
    SetMemberNicknameRequest, TransferOwnershipRequest,
};
use anser_types::{Code, ConversationId, UserId};

use crate::house::{House, acting};

const ALICE: UserId = UserId([0xa; 16]);
const BOB: UserId = UserId([0xb; 16]);
const CAROL: UserId = UserId([0xc; 16]);
const DAVE: UserId = UserId([0xd; 16]);
const MINUTE: i64 = 60_000;

async fn group_of_three() -> (House, ConversationId) {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB, CAROL, DAVE]).await;
    let group = house.group(ALICE, &[BOB, CAROL]).await;
    (house, group)
}

fn change(group: ConversationId) -> ChangeGroupRequest {
    ChangeGroupRequest { conversation_id: group.to_vec(), ..ChangeGroupRequest::default() }
}

async fn mute(
    house: &House,
    by: UserId,
    group: ConversationId,
    whom: Option<UserId>,
    for_ms: i64,
) -> Result<i64, Code> {
    let user_id = whom.map(|user| user.to_vec()).unwrap_or_default();
    let request = MuteRequest { conversation_id: group.to_vec(), user_id, for_ms, idempotency_key: String::new() };
    house.service.mute(&acting(by), request).await.map(|reply| reply.until_at).map_err(|error| error.code)
}

async fn name(house: &House, by: UserId, group: ConversationId, whom: UserId, nickname: &str) -> Result<String, Code> {
    let request = SetMemberNicknameRequest {
        conversation_id: group.to_vec(),
        user_id: whom.to_vec(),
        nickname: nickname.into(),
        ..SetMemberNicknameRequest::default()
    };
    let named = house.service.set_member_nickname(&acting(by), request).await;
    named.map(|member| member.nickname).map_err(|error| error.code)
}

async fn transfer(house: &House, by: UserId, group: ConversationId, to: UserId) -> Result<(), Code> {
    let (conversation_id, user_id) = (group.to_vec(), to.to_vec());
    let request = TransferOwnershipRequest { conversation_id, user_id, ..TransferOwnershipRequest::default() };
    house.service.transfer_ownership(&acting(by), request).await.map(|_| ()).map_err(|error| error.code)
}

async fn dismiss(house: &House, by: UserId, group: ConversationId) -> Result<(), Code> {
    let request = DismissGroupRequest { conversation_id: group.to_vec(), ..DismissGroupRequest::default() };
    house.service.dismiss_group(&acting(by), request).await.map(|_| ()).map_err(|error| error.code)
}

#[tokio::test]
async fn each_thing_that_changes_is_an_entry_and_what_is_so_already_is_none() {
    let (house, group) = group_of_three().await;
    let request = ChangeGroupRequest {
        title: Some("rowing".into()),
        announcement: Some("on Sunday\nat nine".into()),
        ..change(group)
    };
    let changed = house.service.change_group(&acting(ALICE), request.clone()).await.unwrap();
    assert_eq!((changed.title.as_str(), changed.announcement.as_str()), ("rowing", "on Sunday\nat nine"));
    house.service.change_group(&acting(ALICE), request).await.unwrap();
    assert_eq!(house.story(BOB, group).await[2..], ["called rowing", "announced on Sunday\nat nine"]);
    assert_eq!(house.see(BOB, group).await.unwrap().title, "rowing");

    let refused = async |by, request| house.service.change_group(&acting(by), request).await.unwrap_err().code;
    let title = |title: &str| ChangeGroupRequest { title: Some(title.into()), ..change(group) };
    assert_eq!(refused(BOB, title("mine")).await, Code::Forbidden);
    assert_eq!(refused(DAVE, title("mine")).await, Code::NotFound);
    for bad in ["", "  ", "two\nlines", &"x".repeat(129)] {
        assert_eq!(refused(ALICE, title(bad)).await, Code::InvalidArgument, "{bad:?}");
    }
    assert_eq!(house.see(BOB, group).await.unwrap().title, "rowing");
}

#[tokio::test]
async fn newcomers_find_the_history_where_the_group_shows_it() {
    let (house, group) = group_of_three().await;
    house.say(BOB, group, "before").await.unwrap();
    let rules = ChangeGroupRequest { history: HistoryFor::All as i32, ..change(group) };
    house.service.change_group(&acting(ALICE), rules).await.unwrap();
    house.invite(ALICE, group, &[DAVE]).await.unwrap();
    assert_eq!(house.story(DAVE, group).await, ["created", "3 joined", "before", "rules", "1 joined"]);
    let seen = house.see(DAVE, group).await.unwrap();
    assert_eq!((seen.earliest_seq, seen.unread, seen.read_seq), (1, 0, 5), "nothing from before is unread");

    // Who was there before, left and comes again sees everything too: also what was said meanwhile.
    house.leave(BOB, group).await.unwrap();
    house.say(ALICE, group, "without Bob").await.unwrap();
    assert_eq!(house.story(BOB, group).await.last().unwrap(), "left");
    house.invite(ALICE, group, &[BOB]).await.unwrap();
    assert_eq!(house.story(BOB, group).await.len(), 8);
    assert!(house.sync(BOB, group).await.unwrap().hidden.is_empty());
}

#[tokio::test]
async fn who_is_muted_may_not_send_until_the_time_is_over() {
    let (house, group) = group_of_three().await;
    assert!(house.say(BOB, group, "one").await.is_ok());
    let until = mute(&house, ALICE, group, Some(BOB), MINUTE).await.unwrap();
    assert_eq!(house.say(BOB, group, "two").await, Err(Code::Muted));
    let seen = house.see(BOB, group).await.unwrap();
    assert_eq!((seen.can_send, seen.my_muted_until_at), (false, until));
    assert!(house.say(CAROL, group, "I am not").await.is_ok());
    house.clock.advance(MINUTE);
    assert!(house.say(BOB, group, "three").await.is_ok());
    assert!(house.see(BOB, group).await.unwrap().can_send);

    mute(&house, ALICE, group, Some(BOB), 1_000 * 24 * 60 * MINUTE).await.unwrap();
    house.clock.advance(900 * 24 * 60 * MINUTE);
    assert_eq!(house.say(BOB, group, "four").await, Err(Code::Muted), "until further notice");
    assert_eq!(mute(&house, ALICE, group, Some(BOB), 0).await, Ok(0));
    assert!(house.say(BOB, group, "five").await.is_ok());
    assert_eq!(house.story(CAROL, group).await[2..], ["one", "muted", "I am not", "three", "muted", "unmuted", "five"]);
}

#[tokio::test]
async fn when_all_are_muted_owner_and_admins_still_speak() {
    let (house, group) = group_of_three().await;
    house.make(ALICE, group, BOB, Role::Admin).await.unwrap();
    mute(&house, BOB, group, None, MINUTE).await.unwrap();
    assert_eq!(house.say(CAROL, group, "but").await, Err(Code::Muted));
    assert!(house.say(BOB, group, "silence").await.is_ok());
    assert!(house.say(ALICE, group, "please").await.is_ok());
    mute(&house, ALICE, group, None, 0).await.unwrap();
    assert!(house.say(CAROL, group, "thanks").await.is_ok());

    assert_eq!(mute(&house, CAROL, group, None, MINUTE).await, Err(Code::Forbidden));
    assert_eq!(mute(&house, ALICE, group, Some(BOB), MINUTE).await, Err(Code::Forbidden), "an admin");
    assert_eq!(mute(&house, ALICE, group, Some(DAVE), MINUTE).await, Err(Code::NotFound));
    assert_eq!(mute(&house, ALICE, group, Some(CAROL), -1).await, Err(Code::InvalidArgument));
}

#[tokio::test]
async fn everybody_names_themselves_and_admins_name_members() {
    let (house, group) = group_of_three().await;
    assert_eq!(name(&house, BOB, group, BOB, "Bobby").await, Ok("Bobby".into()));
    assert_eq!(name(&house, BOB, group, CAROL, "Caro").await, Err(Code::Forbidden));
    house.make(ALICE, group, BOB, Role::Admin).await.unwrap();
    assert_eq!(name(&house, BOB, group, CAROL, "Caro").await, Ok("Caro".into()));
    assert_eq!(name(&house, BOB, group, ALICE, "boss").await, Err(Code::Forbidden));
    assert_eq!(name(&house, ALICE, group, BOB, "").await, Ok(String::new()));
    assert_eq!(name(&house, ALICE, group, BOB, "a\nb").await, Err(Code::InvalidArgument));
    let request = ListMembersRequest { conversation_id: group.to_vec(), ..ListMembersRequest::default() };
    let members = house.service.list_members(&acting(CAROL), request).await.unwrap().items;
    let names: Vec<&str> = members.iter().map(|member| member.nickname.as_str()).collect();
    assert_eq!(names, ["", "", "Caro"]);
}

#[tokio::test]
async fn a_group_is_handed_over_and_then_its_first_owner_may_leave() {
    let (house, group) = group_of_three().await;
    assert_eq!(house.leave(ALICE, group).await, Err(Code::Forbidden));
    assert_eq!(transfer(&house, BOB, group, BOB).await, Err(Code::Forbidden));
    assert_eq!(transfer(&house, ALICE, group, DAVE).await, Err(Code::NotFound));
    transfer(&house, ALICE, group, BOB).await.unwrap();
    assert_eq!(house.see(ALICE, group).await.unwrap().my_role(), Role::Admin);
    assert_eq!(house.see(BOB, group).await.unwrap().my_role(), Role::Owner);
    house.leave(ALICE, group).await.unwrap();
    assert_eq!(house.story(BOB, group).await[2..], ["owner", "left"]);
}

#[tokio::test]
async fn a_dismissed_group_is_read_and_left_and_nothing_else() {
    let (house, group) = group_of_three().await;
    house.invite(ALICE, group, &[UserId([0xf; 16])]).await.unwrap();
    assert_eq!(dismiss(&house, BOB, group).await, Err(Code::Forbidden));
    dismiss(&house, ALICE, group).await.unwrap();
    assert_eq!(house.say(ALICE, group, "hello?").await, Err(Code::ConversationClosed));
    assert_eq!(house.say(BOB, group, "hello?").await, Err(Code::ConversationClosed));
    assert_eq!(house.invite(ALICE, group, &[DAVE]).await, Err(Code::ConversationClosed));
    assert_eq!(mute(&house, ALICE, group, None, MINUTE).await, Err(Code::ConversationClosed));
    assert_eq!(dismiss(&house, ALICE, group).await, Err(Code::ConversationClosed));
    assert_eq!(house.accept(UserId([0xf; 16]), group).await, Err(Code::ConversationClosed));
    let seen = house.see(BOB, group).await.unwrap();
    assert!(!seen.can_send && seen.dismissed_at > 0);
    assert_eq!(house.story(BOB, group).await.last().unwrap(), "dismissed");
    house.leave(ALICE, group).await.unwrap();
    house.leave(BOB, group).await.unwrap();
    assert_eq!(house.story(CAROL, group).await.len(), 5);
}
