//! The one conversation of two people, and what the relation between them does to it.

use anser_contract::{
    Context,
    v1::{ApplyRelationRequest, ConversationKind, Conversations, OpenDirectRequest},
};
use anser_types::{Code, ConversationId, UserId};

use crate::house::{House, acting, id};

const ALICE: UserId = UserId([0xa; 16]);
const BOB: UserId = UserId([0xb; 16]);
const CAROL: UserId = UserId([0xc; 16]);
const DAVE: UserId = UserId([0xd; 16]);
const MALLORY: UserId = UserId([0xe; 16]);

#[tokio::test]
async fn a_pair_has_one_conversation_that_closes_and_opens_with_the_relation() {
    let house = House::new().await;
    let first = house.relate(ALICE, BOB, 1, true).await;
    let talk = ConversationId::try_from(&first.conversation_id[..]).unwrap();
    let seen = house.see(BOB, talk).await.unwrap();
    assert_eq!((seen.kind(), seen.peer_id, seen.can_send), (ConversationKind::Direct, ALICE.to_vec(), true));
    house.say(BOB, talk, "hi").await.unwrap();

    // The other way round, again, and late: nothing happens.
    assert_eq!(house.relate(BOB, ALICE, 1, false).await, first);
    assert!(house.see(ALICE, talk).await.unwrap().can_send);

    let ended = house.relate(BOB, ALICE, 5, false).await;
    assert_eq!((ended.conversation_id.clone(), ended.applied_version), (first.conversation_id, 5));
    assert_eq!(house.say(ALICE, talk, "why?").await, Err(Code::NotAllowed));
    assert!(!house.see(ALICE, talk).await.unwrap().can_send);
    assert_eq!(house.relate(ALICE, BOB, 4, true).await, ended);
    house.relate(ALICE, BOB, 6, false).await;
    house.relate(ALICE, BOB, 7, true).await;
    house.say(ALICE, talk, "good").await.unwrap();
    assert_eq!(house.story(BOB, talk).await, ["opened", "hi", "closed", "opened", "good"]);
    // Nobody goes out of it, and nobody else comes in.
    assert_eq!(house.leave(ALICE, talk).await, Err(Code::Forbidden));
    assert_eq!(house.invite(ALICE, talk, &[CAROL]).await, Err(Code::Forbidden));
    assert_eq!(house.remove(ALICE, talk, BOB).await, Err(Code::Forbidden));
}

#[tokio::test]
async fn an_overtaken_friendship_opens_nothing() {
    let house = House::new().await;
    house.relate(ALICE, BOB, 2, false).await;
    let late = house.relate(ALICE, BOB, 1, true).await;
    assert_eq!(late.applied_version, 2);
    let talk = ConversationId::try_from(&late.conversation_id[..]).unwrap();
    assert_eq!(house.see(ALICE, talk).await, Err(Code::NotFound));
    assert_eq!(house.relate(ALICE, BOB, 3, true).await.conversation_id, late.conversation_id);
    assert_eq!(house.story(ALICE, talk).await, ["opened"]);
}

#[tokio::test]
async fn only_services_tell_relations() {
    let house = House::new().await;
    let request = |user_a: UserId, user_b: UserId, version| ApplyRelationRequest {
        user_a: user_a.to_vec(),
        user_b: user_b.to_vec(),
        version,
        friends: true,
        blocked: false,
    };
    let service = &house.service;
    assert_eq!(service.apply_relation(&acting(ALICE), request(ALICE, BOB, 1)).await.unwrap_err().code, Code::Forbidden);
    for wrong in [request(ALICE, ALICE, 1), request(ALICE, BOB, 0)] {
        let error = service.apply_relation(&Context::service(), wrong).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_block_closes_both_directions_silently() {
    let house = House::new().await;
    let talk = ConversationId::try_from(&house.relate(ALICE, BOB, 1, true).await.conversation_id[..]).unwrap();
    house.say(BOB, talk, "hi").await.unwrap();
    let (before, bobs) = (house.see(ALICE, talk).await.unwrap(), house.see(BOB, talk).await.unwrap());
    house.block(ALICE, BOB, 2, true).await;
    assert_eq!(house.say(BOB, talk, "hello?").await, Err(Code::NotAllowed));
    assert_eq!(house.say(ALICE, talk, "no").await, Err(Code::NotAllowed));
    assert_eq!(house.see(BOB, talk).await.unwrap(), bobs, "nothing looks different");
    assert_eq!(house.see(ALICE, talk).await.unwrap(), before);
    house.relate(ALICE, BOB, 3, true).await;
    house.say(BOB, talk, "again").await.unwrap();

    // Ending the friendship meanwhile is told, as always.
    house.block(ALICE, BOB, 4, true).await;
    house.block(ALICE, BOB, 5, false).await;
    assert!(!house.see(BOB, talk).await.unwrap().can_send);
    house.relate(ALICE, BOB, 6, false).await;
    assert_eq!(house.say(BOB, talk, "friends?").await, Err(Code::NotAllowed));
    assert_eq!(house.story(BOB, talk).await, ["opened", "hi", "again", "closed"]);
}

#[tokio::test]
async fn a_blocked_person_reaches_common_groups_and_brings_nobody_into_new_ones() {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB, CAROL]).await;
    house.befriend(BOB, &[CAROL]).await;
    let group = house.group(CAROL, &[ALICE, BOB]).await;
    house.block(ALICE, BOB, 2, true).await;
    house.say(BOB, group, "hello all").await.unwrap();
    assert!(house.story(ALICE, group).await.contains(&"hello all".to_owned()));

    let new = house.group(BOB, &[CAROL]).await;
    let reply = house.invite(BOB, new, &[ALICE]).await.unwrap();
    assert_eq!((reply.joined, reply.invited), (vec![], vec![ALICE.to_vec()]), "as it would be with a stranger");
    let waiting = house.service.list_invitations(&acting(ALICE), Default::default()).await.unwrap();
    assert_eq!(waiting.items, [], "and she hears nothing of it");
    assert_eq!(house.accept(ALICE, new).await, Err(Code::NotFound));
}

#[tokio::test]
async fn strangers_talk_only_where_configuration_lets_them() {
    let open = |user: UserId| OpenDirectRequest { user_id: user.to_vec(), ..Default::default() };
    let strict = House::new().await;
    assert_eq!(strict.service.open_direct(&acting(ALICE), open(BOB)).await.unwrap_err().code, Code::NotAllowed);
    let own = strict.relate(ALICE, BOB, 1, true).await.conversation_id;
    assert_eq!(strict.service.open_direct(&acting(ALICE), open(BOB)).await.unwrap().conversation_id, own);

    let house = House::with(|options| {
        options.strangers = true;
        options.conversations = 2;
    })
    .await;
    let talk = id(&house.service.open_direct(&acting(ALICE), open(BOB)).await.unwrap());
    assert_eq!(id(&house.service.open_direct(&acting(BOB), open(ALICE)).await.unwrap()), talk);
    house.say(BOB, talk, "hello").await.unwrap();
    // Whether they are friends makes no difference to talking, so it leaves no entry.
    assert_eq!(house.relate(ALICE, BOB, 1, true).await.conversation_id, talk.to_vec());
    house.relate(ALICE, BOB, 2, false).await;
    house.say(ALICE, talk, "still here").await.unwrap();
    assert_eq!(house.story(ALICE, talk).await, ["opened", "hello", "still here"]);
    assert_eq!(house.service.open_direct(&acting(ALICE), open(ALICE)).await.unwrap_err().code, Code::InvalidArgument);
    house.service.open_direct(&acting(ALICE), open(CAROL)).await.unwrap();
    assert_eq!(house.service.open_direct(&acting(ALICE), open(DAVE)).await.unwrap_err().code, Code::LimitExceeded);
    // Where everybody may talk, a block closes too.
    house.block(ALICE, BOB, 3, false).await;
    assert_eq!(house.say(BOB, talk, "hm").await, Err(Code::NotAllowed));
    house.block(MALLORY, DAVE, 1, false).await;
    assert_eq!(house.service.open_direct(&acting(DAVE), open(MALLORY)).await.unwrap_err().code, Code::NotAllowed);
    // A group takes strangers in at once.
    let group = house.group(BOB, &[MALLORY]).await;
    assert!(house.see(MALLORY, group).await.unwrap().can_send);
}
