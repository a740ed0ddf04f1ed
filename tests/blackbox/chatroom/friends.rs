//! Friends: asking, answering, ending, and finding people in the first place.

use anser_tests::until;

use super::{
    client::field,
    town::{GET_FRIENDS, GET_PENDING, NO_SUCH_USER, NOT_A_MEMBER, Old, REMOVE, SEARCH_FRIEND, SET_PHONE, Town, names},
};

const NO_APPLICATION: &str = "没有找到对应的好友申请事件!";
const MAY_NOT_SEND: &str = "您不能在该会话中发送消息!";

async fn friends_of(who: &Old) -> Vec<String> {
    names(&who.does(GET_FRIENDS, &[]).await.subs(4))
}

async fn waiting_for(who: &Old) -> Vec<String> {
    let waiting = who.does(GET_PENDING, &[]).await.subs(4);
    let senders: Vec<_> = waiting.iter().map(|event| event.sub(3)).collect();
    assert!(senders.iter().all(|sender| !sender.has(4)), "no phones");
    assert!(waiting.iter().all(|event| event.text(1).len() == 26));
    names(&senders)
}

#[tokio::test]
async fn an_application_is_made_once_and_answered_by_who_was_asked() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, carol) = (town.person("alice").await, town.person("bob").await, town.person("carol").await);
    let apply = async |id: &str| alice.applies_to(id).await.errmsg();
    assert_eq!(apply(&alice.id).await, "不能申请添加自己为好友!");
    for nobody in ["", "nobody", &"0".repeat(26), &alice.token] {
        assert_eq!(apply(nobody).await, NO_SUCH_USER, "{nobody}");
    }
    assert_eq!(alice.applies_to(&bob.id).await.text(4).len(), 26, "the application's id");
    assert_eq!(apply(&bob.id).await, "已经申请过对方好友!");
    assert_eq!((waiting_for(&bob).await, waiting_for(&alice).await), (vec!["alice".to_owned()], vec![]));

    for wrong in [&carol.id, &bob.id, "nobody", ""] {
        assert_eq!(bob.answers(true, wrong).await.errmsg(), NO_APPLICATION, "{wrong}");
    }
    assert_eq!(carol.answers(true, &alice.id).await.errmsg(), NO_APPLICATION, "she was not asked");
    assert_eq!(alice.answers(true, &bob.id).await.errmsg(), NO_APPLICATION, "nor was who asked");
    let rejected = bob.answers(false, &alice.id).await;
    assert_eq!((rejected.errmsg(), rejected.has(4), rejected.text(4)), (String::new(), true, String::new()));
    assert!(waiting_for(&bob).await.is_empty() && friends_of(&bob).await.is_empty());

    assert_eq!(apply(&bob.id).await, "", "once more");
    let accepted = bob.answers(true, &alice.id).await;
    assert_eq!((accepted.errmsg(), accepted.text(4).len()), (String::new(), 26));
    assert_eq!(bob.answers(true, &alice.id).await.errmsg(), NO_APPLICATION);
    assert_eq!(apply(&bob.id).await, "两者已经是好友关系!");
    assert_eq!((friends_of(&alice).await, friends_of(&bob).await), (vec!["bob".into()], vec!["alice".into()]));

    // Two who ask each other are friends.
    assert_eq!(apply(&carol.id).await, "");
    assert_eq!(carol.applies_to(&alice.id).await.errmsg(), "");
    assert_eq!(friends_of(&carol).await, ["alice"]);
    assert!(waiting_for(&carol).await.is_empty());
}

#[tokio::test]
async fn who_is_blocked_may_not_ask() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob) = (town.person("alice").await, town.person("bob").await);
    town.over_our_api(&bob).await.client.block(alice.id.parse().unwrap()).await.unwrap();
    assert_eq!(alice.applies_to(&bob.id).await.errmsg(), "无法申请添加对方为好友!");
    assert!(waiting_for(&bob).await.is_empty());
}

#[tokio::test]
async fn the_end_of_a_friendship_closes_its_conversation_until_the_next() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let carol = town.person("carol").await;
    alice.says(&room, "before").await;
    let remove = async |id: &str| alice.refused(REMOVE, &[field(4, id)]).await;
    for nobody in [&carol.id, &alice.id, "nobody", ""] {
        assert_eq!(remove(nobody).await, "两者不是好友关系!", "{nobody}");
    }
    assert_eq!(remove(&bob.id).await, "");
    assert_eq!(remove(&bob.id).await, "两者不是好友关系!");
    for who in [&alice, &bob] {
        assert!(friends_of(who).await.is_empty());
        assert!(who.conversations().await.is_empty(), "a closed conversation is left out");
        assert_eq!(who.tries_to_say(&room, "hello?").await.errmsg(), MAY_NOT_SEND);
        assert_eq!(who.reads(&room).await, ["before"], "what was said can still be read");
    }
    assert_eq!(carol.tries_to_say(&room, "hello?").await.errmsg(), NOT_A_MEMBER);
    assert_eq!(bob.befriends(&alice).await, room, "the same conversation, with its history");
    assert_eq!(alice.conversations().await[0].text(2), room);
    bob.says(&room, "after").await;
    assert_eq!(alice.reads(&room).await, ["before", "after"]);
}

#[tokio::test]
async fn strangers_are_found_by_name_id_and_phone() {
    let Some(town) = Town::start().await else { return };
    let (alice, _bob, _) = town.friends("alice", "bob-the-builder").await;
    let dora = town.person("dora-the-explorer").await;
    let phone = town.phone();
    let (code_id, digits) = town.code(&phone).await;
    dora.does(SET_PHONE, &[field(4, &phone), field(5, code_id), field(6, digits)]).await;
    let search = async |who: &Old, key: &str| {
        let found = who.does(SEARCH_FRIEND, &[field(2, key)]).await.subs(4);
        assert!(found.iter().all(|person| !person.has(4)), "nobody's phone");
        names(&found)
    };
    until("Dora is found by name", async || search(&alice, "dora-the").await == ["dora-the-explorer"]).await;
    assert_eq!(search(&alice, &dora.id).await, ["dora-the-explorer"]);
    assert_eq!(search(&alice, &phone).await, ["dora-the-explorer"]);
    assert!(search(&alice, &town.phone()).await.is_empty(), "nobody's number");
    until("friends are found by strangers", async || search(&dora, "bob-the").await == ["bob-the-builder"]).await;
    for key in ["bob-the", "alice", "", "  ", "。"] {
        assert!(search(&alice, key).await.is_empty(), "neither friends nor oneself, nor anything for {key:?}");
    }
    town.over_our_api(&dora).await.client.block(alice.id.parse().unwrap()).await.unwrap();
    for key in ["dora-the", &dora.id, &phone] {
        assert!(search(&alice, key).await.is_empty(), "{key}: she wants nothing of Alice");
    }
}
