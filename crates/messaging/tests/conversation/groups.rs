//! Groups, invitations and roles: what each verb does and whom it refuses.

use anser_contract::Context;
use anser_contract::v1::{
    ConversationKind, Conversations, CreateGroupRequest, ErasePersonRequest, GetConversationRequest, InviteRequest,
    LeaveRequest, ListInvitationsRequest, ListMembersRequest, Role,
};
use anser_types::{Code, ConversationId, UserId};

use crate::house::{House, acting, id, ids};

const ALICE: UserId = UserId([0xa; 16]);
const BOB: UserId = UserId([0xb; 16]);
const CAROL: UserId = UserId([0xc; 16]);
const DAVE: UserId = UserId([0xd; 16]);
const MALLORY: UserId = UserId([0xe; 16]);

fn group_request(members: &[UserId], key: &str) -> CreateGroupRequest {
    CreateGroupRequest {
        title: "climbing".into(),
        avatar: "rock".into(),
        member_ids: ids(members),
        idempotency_key: key.into(),
    }
}

#[tokio::test]
async fn friends_are_in_a_new_group_at_once_and_others_are_asked() {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB]).await;
    // Named twice, and the creator too: that is as good as once.
    let request = group_request(&[BOB, CAROL, BOB, ALICE], "");
    let made = house.service.create_group(&acting(ALICE), request).await.unwrap();
    let group = id(&made);
    assert_eq!((made.kind(), made.title.as_str(), made.avatar.as_str()), (ConversationKind::Group, "climbing", "rock"));
    assert_eq!((made.my_role(), made.can_send, made.member_count), (Role::Owner, true, 2));
    assert_eq!((made.earliest_seq, made.head_seq, made.unread), (1, 2, 0));
    assert_eq!(house.story(BOB, group).await, ["created", "2 joined"]);
    assert_eq!(house.see(BOB, group).await.unwrap().my_role(), Role::Member);
    assert_eq!(house.see(CAROL, group).await, Err(Code::NotFound));

    let asked = house.service.list_invitations(&acting(CAROL), ListInvitationsRequest::default()).await.unwrap().items;
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].title.as_str(), asked[0].invited_by.clone()), ("climbing", ALICE.to_vec()));
    house.say(ALICE, group, "welcome").await.unwrap();
    let joined = house.accept(CAROL, group).await.unwrap();
    assert_eq!((joined.earliest_seq, joined.head_seq, joined.member_count), (4, 4, 3));
    assert_eq!(house.story(CAROL, group).await, ["1 joined"]);
    assert_eq!(house.accept(CAROL, group).await, Err(Code::NotFound));
}

#[tokio::test]
async fn the_same_key_makes_one_group_and_is_bound_to_what_was_asked() {
    let house = House::new().await;
    let alice = acting(ALICE);
    let make = |request| house.service.create_group(&alice, request);
    let first = make(group_request(&[BOB], "key 1")).await.unwrap();
    assert_eq!(id(&make(group_request(&[BOB], "key 1")).await.unwrap()), id(&first));
    assert_eq!(make(group_request(&[CAROL], "key 1")).await.unwrap_err().code, Code::IdempotencyConflict);
    assert_ne!(id(&make(group_request(&[BOB], "key 2")).await.unwrap()), id(&first));
    assert_eq!(make(group_request(&[BOB], &"x".repeat(65))).await.unwrap_err().code, Code::InvalidArgument);

    // A repeated departure is answered like the first, and happened once.
    house.befriend(ALICE, &[BOB]).await;
    let group = house.group(ALICE, &[BOB]).await;
    let request = LeaveRequest { conversation_id: group.to_vec(), idempotency_key: "bye".into() };
    house.service.leave(&acting(BOB), request.clone()).await.unwrap();
    house.service.leave(&acting(BOB), request).await.unwrap();
    assert_eq!(house.story(ALICE, group).await, ["created", "2 joined", "left"]);
}

#[tokio::test]
async fn what_a_group_is_called_must_be_one_short_line() {
    let house = House::new().await;
    for title in ["", "  ", "two\nlines", &"x".repeat(129)] {
        let request = CreateGroupRequest { title: title.into(), ..Default::default() };
        let error = house.service.create_group(&acting(ALICE), request).await.unwrap_err();
        assert_eq!((error.code, error.fields[0].field.as_str()), (Code::InvalidArgument, "title"), "{title:?}");
    }
    let request = CreateGroupRequest { title: "x".into(), member_ids: vec![vec![1]], ..Default::default() };
    assert_eq!(house.service.create_group(&acting(ALICE), request).await.unwrap_err().code, Code::InvalidArgument);
}

#[tokio::test]
async fn a_limit_refuses_the_whole_call_and_changes_nothing() {
    let house = House::with(|options| {
        options.conversations = 2;
        options.group_members = 3;
        options.invite_batch = 3;
    })
    .await;
    house.befriend(ALICE, &[BOB, CAROL, DAVE]).await;
    house.befriend(BOB, &[CAROL]).await;
    let make = |creator, members: Vec<UserId>| {
        let request = group_request(&members, "");
        let house = &house;
        async move { house.service.create_group(&acting(creator), request).await }
    };
    // Too many at once, too many for a group.
    let crowd = vec![BOB, CAROL, DAVE, MALLORY];
    assert_eq!(make(ALICE, crowd).await.unwrap_err().code, Code::InvalidArgument);
    assert_eq!(make(ALICE, vec![BOB, CAROL, DAVE]).await.unwrap_err().code, Code::LimitExceeded);

    let group = id(&make(ALICE, vec![BOB]).await.unwrap());
    assert_eq!(house.invite(ALICE, group, &[CAROL, DAVE]).await.unwrap_err(), Code::LimitExceeded);
    make(BOB, vec![CAROL]).await.unwrap();
    // Bob is in two groups: he makes no third, and is brought into none. He is named.
    assert_eq!(make(BOB, vec![]).await.unwrap_err().code, Code::LimitExceeded);
    let refused = make(ALICE, vec![CAROL, BOB]).await.unwrap_err();
    assert_eq!((refused.code, refused.fields[0].field.clone()), (Code::LimitExceeded, BOB.to_string()));
    assert_eq!(house.story(ALICE, group).await, ["created", "2 joined"]);
    assert_eq!(house.see(CAROL, group).await, Err(Code::NotFound));
    // Who leaves makes room; friends' own conversations never counted.
    house.leave(BOB, group).await.unwrap();
    make(BOB, vec![]).await.unwrap();
    house.invite(ALICE, group, &[CAROL, DAVE]).await.unwrap();
}

#[tokio::test]
async fn inviting_tells_who_joined_who_was_asked_and_who_was_there() {
    let house = House::new().await;
    house.befriend(BOB, &[ALICE, CAROL]).await;
    let group = house.group(ALICE, &[BOB]).await;
    // Any member may invite; whose friend somebody is decides.
    let reply = house.invite(BOB, group, &[ALICE, CAROL, DAVE, CAROL]).await.unwrap();
    assert_eq!((reply.joined, reply.invited, reply.already), (ids(&[CAROL]), ids(&[DAVE]), ids(&[ALICE])));
    let again = house.invite(ALICE, group, &[DAVE, MALLORY]).await.unwrap();
    assert_eq!((again.joined.len(), again.invited), (0, ids(&[DAVE, MALLORY])));
    assert_eq!(house.story(CAROL, group).await, ["1 joined"]);
    assert_eq!(house.see(ALICE, group).await.unwrap().member_count, 3);

    house.decline(MALLORY, group).await.unwrap();
    assert_eq!(house.decline(MALLORY, group).await, Err(Code::NotFound));
    assert_eq!(house.accept(MALLORY, group).await, Err(Code::NotFound));
    // Dave becomes Alice's friend and is brought in: the invitation is answered by it.
    house.befriend(ALICE, &[DAVE]).await;
    assert_eq!(house.invite(ALICE, group, &[DAVE]).await.unwrap().joined, ids(&[DAVE]));
    assert_eq!(house.accept(DAVE, group).await, Err(Code::NotFound));

    let request = InviteRequest { conversation_id: group.to_vec(), ..Default::default() };
    assert_eq!(house.service.invite(&acting(ALICE), request).await.unwrap_err().code, Code::InvalidArgument);
}

#[tokio::test]
async fn the_same_key_answers_an_invitation_as_the_first_time() {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB]).await;
    let group = house.group(ALICE, &[]).await;
    let request =
        InviteRequest { conversation_id: group.to_vec(), user_ids: ids(&[BOB, CAROL]), idempotency_key: "once".into() };
    let first = house.service.invite(&acting(ALICE), request.clone()).await.unwrap();
    assert_eq!(house.service.invite(&acting(ALICE), request).await.unwrap(), first);
    assert_eq!(house.story(ALICE, group).await, ["created", "1 joined", "1 joined"]);
}

#[tokio::test]
async fn admins_remove_members_the_owner_removes_admins_and_nobody_the_owner() {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB, CAROL, DAVE]).await;
    let group = house.group(ALICE, &[BOB, CAROL, DAVE]).await;
    assert_eq!(house.remove(BOB, group, CAROL).await, Err(Code::Forbidden));
    assert_eq!(house.make(BOB, group, BOB, Role::Admin).await, Err(Code::Forbidden));
    assert_eq!(house.make(ALICE, group, BOB, Role::Admin).await, Ok(Role::Admin));
    assert_eq!(house.make(ALICE, group, BOB, Role::Admin).await, Ok(Role::Admin));
    assert_eq!(house.make(ALICE, group, CAROL, Role::Admin).await, Ok(Role::Admin));
    assert_eq!(house.make(ALICE, group, CAROL, Role::Owner).await, Err(Code::InvalidArgument));
    assert_eq!(house.make(ALICE, group, CAROL, Role::Unspecified).await, Err(Code::InvalidArgument));
    assert_eq!(house.make(ALICE, group, ALICE, Role::Member).await, Err(Code::Forbidden));
    assert_eq!(house.make(ALICE, group, MALLORY, Role::Admin).await, Err(Code::NotFound));

    assert_eq!(house.remove(BOB, group, CAROL).await, Err(Code::Forbidden));
    assert_eq!(house.remove(BOB, group, ALICE).await, Err(Code::Forbidden));
    assert_eq!(house.remove(ALICE, group, ALICE).await, Err(Code::Forbidden));
    assert_eq!(house.remove(BOB, group, MALLORY).await, Err(Code::NotFound));
    assert_eq!(house.remove(BOB, group, DAVE).await, Ok(()));
    assert_eq!(house.remove(BOB, group, DAVE).await, Err(Code::NotFound));
    assert_eq!(house.remove(ALICE, group, CAROL).await, Ok(()));
    assert_eq!(house.make(ALICE, group, BOB, Role::Member).await, Ok(Role::Member));
    assert_eq!(house.see(BOB, group).await.unwrap().my_role(), Role::Member);
    let story = ["created", "4 joined", "role", "role", "removed", "removed", "role"];
    assert_eq!(house.story(ALICE, group).await, story);
    assert_eq!(house.story(DAVE, group).await, story[..5]);
    // Who was removed is no longer told who is there.
    assert_eq!(house.remove(DAVE, group, BOB).await, Err(Code::Forbidden));
    let request = ListMembersRequest { conversation_id: group.to_vec(), ..Default::default() };
    assert_eq!(house.service.list_members(&acting(DAVE), request).await.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn who_left_sees_it_as_it_was_and_who_comes_back_sees_both_times() {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB]).await;
    let group = house.group(ALICE, &[BOB]).await;
    house.say(ALICE, group, "one").await.unwrap();
    assert_eq!(house.leave(ALICE, group).await, Err(Code::Forbidden));
    assert_eq!(house.leave(BOB, group).await, Ok(()));
    assert_eq!(house.leave(BOB, group).await, Err(Code::Forbidden));
    house.clock.advance(5_000);
    house.say(ALICE, group, "not for bob").await.unwrap();

    let was = house.see(BOB, group).await.unwrap();
    assert_eq!((was.my_role(), was.can_send, was.member_count), (Role::Unspecified, false, 0));
    assert_eq!((was.earliest_seq, was.head_seq, was.unread), (1, 4, 1));
    assert_eq!((was.last_message.unwrap().seq, was.last_at), (4, 1_700_000_000_000));
    assert_eq!(house.say(BOB, group, "hello?").await, Err(Code::Forbidden));

    house.invite(ALICE, group, &[BOB]).await.unwrap();
    house.say(ALICE, group, "two").await.unwrap();
    let now = house.see(BOB, group).await.unwrap();
    assert_eq!((now.earliest_seq, now.head_seq, now.read_seq, now.unread), (1, 7, 6, 1));
    assert_eq!(house.story(BOB, group).await, ["created", "2 joined", "one", "left", "1 joined", "two"]);
    let hidden = house.sync(BOB, group).await.unwrap().hidden;
    assert_eq!(hidden.iter().map(|range| (range.from_seq, range.to_seq)).collect::<Vec<_>>(), [(5, 5)]);
}

#[tokio::test]
async fn an_outsider_learns_nothing_of_a_group_and_less_of_none() {
    let house = House::new().await;
    let group = house.group(ALICE, &[]).await;
    for conversation in [group, ConversationId([9; 16])] {
        let conversation_id = conversation.to_vec();
        let get = GetConversationRequest { conversation_id: conversation_id.clone() };
        let members = ListMembersRequest { conversation_id, ..Default::default() };
        let got = house.service.get_conversation(&acting(MALLORY), get).await.unwrap_err();
        assert_eq!((got.code, &*got.detail), (Code::NotFound, "there is no such conversation"));
        assert_eq!(house.service.list_members(&acting(MALLORY), members).await.unwrap_err(), got);
        assert_eq!(house.invite(MALLORY, conversation, &[BOB]).await, Err(Code::NotFound));
        assert_eq!(house.remove(MALLORY, conversation, ALICE).await, Err(Code::NotFound));
        assert_eq!(house.leave(MALLORY, conversation).await, Err(Code::NotFound));
        assert_eq!(house.make(MALLORY, conversation, ALICE, Role::Member).await, Err(Code::NotFound));
        assert_eq!(house.accept(MALLORY, conversation).await, Err(Code::NotFound));
        assert_eq!(house.say(MALLORY, conversation, "hi").await, Err(Code::NotFound));
    }
}

#[tokio::test]
async fn somebody_who_closed_their_account_goes_out_of_everything_and_what_they_said_stays() {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB, CAROL, DAVE]).await;
    let owned = house.group(ALICE, &[BOB, CAROL, DAVE]).await;
    house.make(ALICE, owned, CAROL, Role::Admin).await.unwrap();
    let alone = house.group(ALICE, &[]).await;
    house.befriend(BOB, &[CAROL]).await;
    let other = house.group(BOB, &[CAROL]).await;
    house.invite(BOB, other, &[ALICE]).await.unwrap();
    house.accept(ALICE, other).await.ok();
    house.say(ALICE, owned, "goodbye").await.unwrap();
    let talk = house.relate(ALICE, BOB, 1, true).await.conversation_id;
    let talk = ConversationId::try_from(&talk[..]).unwrap();
    house.say(ALICE, talk, "see you").await.unwrap();

    let request = ErasePersonRequest { user_id: ALICE.to_vec() };
    let refused = house.service.erase_person(&acting(ALICE), request.clone()).await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    for _ in 0..2 {
        let reply = house.service.erase_person(&Context::service(), request.clone()).await.unwrap();
        assert!(!reply.more);
    }
    let story = house.story(BOB, owned).await;
    assert_eq!(story[story.len() - 3..], ["goodbye", "owner", "left"], "once, with the new owner first");
    assert_eq!(house.see(CAROL, owned).await.unwrap().my_role(), Role::Owner, "an admin before members");
    assert_eq!(house.see(BOB, owned).await.unwrap().member_count, 3);
    house.say(BOB, owned, "she is gone").await.unwrap();
    house.make(CAROL, owned, BOB, Role::Admin).await.unwrap();
    assert_eq!(house.see(ALICE, alone).await.unwrap().my_role(), Role::Unspecified);
    assert_eq!(house.story(BOB, other).await.last().unwrap(), "left");
    // The direct conversation is as it was, and takes nothing more.
    assert_eq!(house.story(BOB, talk).await, ["opened", "see you"]);
    assert_eq!(house.say(BOB, talk, "where are you?").await, Err(Code::NotAllowed));
}

#[tokio::test]
async fn without_admins_a_group_passes_to_its_oldest_member() {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB, CAROL]).await;
    let group = house.group(ALICE, &[CAROL]).await;
    house.invite(ALICE, group, &[BOB]).await.unwrap();
    let request = ErasePersonRequest { user_id: ALICE.to_vec() };
    house.service.erase_person(&Context::service(), request).await.unwrap();
    assert_eq!(house.see(CAROL, group).await.unwrap().my_role(), Role::Owner);
    assert_eq!(house.see(BOB, group).await.unwrap().my_role(), Role::Member);
}
