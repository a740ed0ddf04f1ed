//! Ways into a group: links that expire, are counted and revoked, and an admin's consent.

use anser_contract::v1::{
    AnswerJoinRequestRequest, ChangeGroupRequest, Conversations, CreateJoinLinkRequest, Inviters, JoinByLinkReply,
    JoinByLinkRequest, JoinLink, ListJoinLinksRequest, ListJoinRequestsRequest, RevokeJoinLinkRequest, Role,
};
use anser_types::{Code, ConversationId, UserId};

use crate::house::{House, acting, ids};

const ALICE: UserId = UserId([0xa; 16]);
const BOB: UserId = UserId([0xb; 16]);
const CAROL: UserId = UserId([0xc; 16]);
const DAVE: UserId = UserId([0xd; 16]);

async fn group_of_two() -> (House, ConversationId) {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB]).await;
    let group = house.group(ALICE, &[BOB]).await;
    (house, group)
}

async fn link(house: &House, group: ConversationId, valid_ms: i64, most_uses: u32) -> JoinLink {
    let request = CreateJoinLinkRequest { conversation_id: group.to_vec(), valid_ms, most_uses, ..Default::default() };
    house.service.create_join_link(&acting(ALICE), request).await.unwrap()
}

async fn join(house: &House, user: UserId, link: &JoinLink) -> Result<JoinByLinkReply, Code> {
    let request = JoinByLinkRequest { code: link.code.clone(), ..Default::default() };
    house.service.join_by_link(&acting(user), request).await.map_err(|error| error.code)
}

async fn with_consent(house: &House, group: ConversationId) {
    let request =
        ChangeGroupRequest { conversation_id: group.to_vec(), approval: Some(true), ..ChangeGroupRequest::default() };
    house.service.change_group(&acting(ALICE), request).await.unwrap();
}

async fn waiting(house: &House, by: UserId, group: ConversationId) -> Result<Vec<Vec<u8>>, Code> {
    let request = ListJoinRequestsRequest { conversation_id: group.to_vec(), ..Default::default() };
    let found = house.service.list_join_requests(&acting(by), request).await.map_err(|error| error.code)?;
    Ok(found.items.into_iter().map(|request| request.user_id).collect())
}

async fn answer(house: &House, by: UserId, group: ConversationId, user: UserId, accept: bool) -> Result<(), Code> {
    let (conversation_id, user_id) = (group.to_vec(), user.to_vec());
    let request = AnswerJoinRequestRequest { conversation_id, user_id, accept, ..Default::default() };
    house.service.answer_join_request(&acting(by), request).await.map(|_| ()).map_err(|error| error.code)
}

#[tokio::test]
async fn whoever_knows_the_code_comes_in_as_often_and_as_long_as_the_link_says() {
    let (house, group) = group_of_two().await;
    let twice = link(&house, group, 0, 2).await;
    let joined = join(&house, CAROL, &twice).await.unwrap().conversation.unwrap();
    assert_eq!((joined.my_role(), joined.member_count), (Role::Member, 3));
    assert!(join(&house, CAROL, &twice).await.is_ok(), "who is in uses nothing up");
    join(&house, DAVE, &twice).await.unwrap();
    assert_eq!(join(&house, UserId([0xe; 16]), &twice).await, Err(Code::Gone));
    assert_eq!(house.story(BOB, group).await[2..], ["1 joined", "1 joined"]);

    let brief = link(&house, group, 60_000, 0).await;
    house.clock.advance(60_000);
    assert_eq!(join(&house, UserId([0xe; 16]), &brief).await, Err(Code::Gone));
    let unknown = JoinLink { code: "nonsense".into(), ..JoinLink::default() };
    assert_eq!(join(&house, UserId([0xe; 16]), &unknown).await, Err(Code::NotFound));
}

#[tokio::test]
async fn links_are_made_seen_and_revoked_by_owner_and_admins() {
    let (house, group) = group_of_two().await;
    let made = link(&house, group, 0, 0).await;
    let list = ListJoinLinksRequest { conversation_id: group.to_vec() };
    assert_eq!(
        house.service.list_join_links(&acting(ALICE), list.clone()).await.unwrap().items,
        std::slice::from_ref(&made)
    );
    let revoke = RevokeJoinLinkRequest { conversation_id: group.to_vec(), link_id: made.link_id.clone() };
    for (user, code) in [(BOB, Code::Forbidden), (CAROL, Code::NotFound)] {
        let request = CreateJoinLinkRequest { conversation_id: group.to_vec(), ..Default::default() };
        assert_eq!(house.service.create_join_link(&acting(user), request).await.unwrap_err().code, code);
        assert_eq!(house.service.list_join_links(&acting(user), list.clone()).await.unwrap_err().code, code);
        assert_eq!(house.service.revoke_join_link(&acting(user), revoke.clone()).await.unwrap_err().code, code);
    }
    house.service.revoke_join_link(&acting(ALICE), revoke.clone()).await.unwrap();
    house.service.revoke_join_link(&acting(ALICE), revoke).await.unwrap();
    assert_eq!(join(&house, CAROL, &made).await, Err(Code::NotFound));

    // The owner of another group cannot reach into this one.
    let foreign = house.group(CAROL, &[]).await;
    let made = link(&house, group, 0, 0).await;
    let revoke = RevokeJoinLinkRequest { conversation_id: foreign.to_vec(), link_id: made.link_id.clone() };
    house.service.revoke_join_link(&acting(CAROL), revoke).await.unwrap();
    assert!(join(&house, DAVE, &made).await.is_ok());
}

#[tokio::test]
async fn where_consent_is_wanted_people_wait_for_it() {
    let (house, group) = group_of_two().await;
    with_consent(&house, group).await;
    let open = link(&house, group, 0, 0).await;
    for user in [CAROL, DAVE, DAVE] {
        assert!(join(&house, user, &open).await.unwrap().waiting);
    }
    assert_eq!(house.see(CAROL, group).await, Err(Code::NotFound));
    assert_eq!(waiting(&house, ALICE, group).await, Ok(ids(&[CAROL, DAVE])));
    assert_eq!(waiting(&house, BOB, group).await, Err(Code::Forbidden));
    assert_eq!(answer(&house, BOB, group, CAROL, true).await, Err(Code::Forbidden));
    answer(&house, ALICE, group, CAROL, true).await.unwrap();
    answer(&house, ALICE, group, DAVE, false).await.unwrap();
    assert_eq!(answer(&house, ALICE, group, DAVE, true).await, Err(Code::NotFound));
    assert!(house.see(CAROL, group).await.is_ok());
    assert_eq!(house.see(DAVE, group).await, Err(Code::NotFound));
    assert_eq!(waiting(&house, ALICE, group).await, Ok(Vec::new()));
}

#[tokio::test]
async fn whom_a_plain_member_wants_in_waits_too_and_a_stranger_is_asked_after() {
    let (house, group) = group_of_two().await;
    with_consent(&house, group).await;
    house.befriend(BOB, &[CAROL]).await;
    let reply = house.invite(BOB, group, &[CAROL, DAVE]).await.unwrap();
    assert_eq!((reply.joined.len(), reply.waiting), (0, ids(&[CAROL, DAVE])));
    answer(&house, ALICE, group, CAROL, true).await.unwrap();
    answer(&house, ALICE, group, DAVE, true).await.unwrap();
    assert!(house.see(CAROL, group).await.is_ok(), "Bob's friend");
    assert_eq!(house.see(DAVE, group).await, Err(Code::NotFound));
    assert!(house.accept(DAVE, group).await.is_ok());
    // Owner and admins need nobody's consent.
    house.befriend(ALICE, &[UserId([0xe; 16])]).await;
    assert_eq!(house.invite(ALICE, group, &[UserId([0xe; 16])]).await.unwrap().joined.len(), 1);
}

#[tokio::test]
async fn a_group_may_leave_inviting_to_its_admins() {
    let (house, group) = group_of_two().await;
    house.befriend(BOB, &[CAROL]).await;
    let rules = ChangeGroupRequest {
        conversation_id: group.to_vec(),
        inviters: Inviters::Admins as i32,
        ..ChangeGroupRequest::default()
    };
    house.service.change_group(&acting(ALICE), rules).await.unwrap();
    assert_eq!(house.invite(BOB, group, &[CAROL]).await, Err(Code::Forbidden));
    house.make(ALICE, group, BOB, Role::Admin).await.unwrap();
    assert_eq!(house.invite(BOB, group, &[CAROL]).await.unwrap().joined, ids(&[CAROL]));
}
