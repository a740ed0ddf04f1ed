//! Clients of the chat-room protocol beside clients of ours: the same people, the same conversations.

use anser_client::v1::{Text, content::Kind, event::Event};
use anser_tests::{Person, until};
use anser_types::{ConversationId, FriendRequestId, UserId};

use super::{
    client::{Pushes, field},
    town::{CREATE_GROUP, Old, REMOVE, Town, words},
};

/// Somebody of each, who have just become friends; Bob is online, and has not read of it yet.
async fn ada_and_bob(town: &Town) -> (Person, Old, Pushes) {
    let (ada, bob) = (town.app.person("ada").await, town.person("bob").await);
    let pushes = bob.online().await;
    assert_eq!(bob.applies_to(&ada.id.to_string()).await.errmsg(), "");
    accepts(&ada).await;
    (ada, bob, pushes)
}

/// Accepts the one request that waits.
async fn accepts(person: &Person) {
    let request = person.client.friend_requests(false, 0, "").await.unwrap().items.remove(0).request.unwrap();
    person.client.accept_friend(FriendRequestId::try_from(&request.request_id[..]).unwrap()).await.unwrap();
}

fn id(old: &Old) -> UserId {
    old.id.parse().unwrap()
}

fn text(text: &str) -> anser_client::v1::Content {
    Kind::Text(Text { text: text.into() }).into()
}

#[tokio::test]
async fn two_protocols_meet_in_one_conversation() {
    let Some(town) = Town::start().await else { return };
    let (ada, bob, mut pushes) = ada_and_bob(&town).await;
    let accepted = pushes.push(1).await.sub(4);
    assert_eq!((accepted.number(1), accepted.sub(2).text(1)), (1, ada.id.to_string()));
    let room = pushes.push(2).await.sub(5).sub(1).text(2);
    assert!(bob.recent(&room).await.is_empty(), "nobody has said anything");
    let conversation: ConversationId = room.parse().unwrap();

    let adas = ada.online().await;
    bob.says(&room, "from the old side").await;
    let heard = adas.hears_text("from the old side").await;
    assert_eq!(heard.sender_id, id(&bob).to_vec());
    assert_eq!(ada.unread(conversation).await, 1);
    ada.says(conversation, "from the new side").await;
    let pushed = pushes.push(3).await.sub(6).sub(1);
    assert_eq!((words(&pushed), pushed.sub(4).text(1)), ("from the new side".into(), ada.id.to_string()));
    assert_eq!(bob.reads(&room).await, ["from the old side", "from the new side"]);

    // Read, edited, recalled, liked, pinned over there: nothing of it is a message here, all of it shows.
    let mine = ada.says(conversation, "helo").await.seq;
    let gone = ada.says(conversation, "a secret").await.seq;
    for _ in 0..2 {
        pushes.push(3).await;
    }
    ada.client.mark_read(conversation, heard.seq).await.unwrap();
    assert_eq!(ada.unread(conversation).await, 0);
    ada.client.edit(conversation, mine, &text("hello")).await.unwrap();
    ada.client.recall(conversation, gone).await.unwrap();
    ada.client.react(conversation, heard.seq, "ok").await.unwrap();
    let shown = bob.reads(&room).await;
    assert_eq!((shown.len(), shown[2].as_str()), (4, "hello"));
    assert!(!shown.join("").contains("secret"), "{shown:?}");

    // And what he said here he changes over there, where he is the same person.
    let over_there = town.over_our_api(&bob).await;
    assert_eq!(over_there.unread(conversation).await, 2, "what Ada said, less what she took back");
    over_there.client.edit(conversation, heard.seq, &text("from another time")).await.unwrap();
    let (kind, target) = adas.hears_change("the edit").await;
    assert!(matches!(kind, Kind::Reacted(_) | Kind::Edited(_) | Kind::Recalled(_)), "{kind:?} {target:?}");
    until("he reads it himself", async || bob.reads(&room).await[0] == "from another time").await;
    over_there.client.recall(conversation, heard.seq).await.unwrap();
    assert!(!bob.reads(&room).await[0].contains("another time"));
    assert!(!format!("{:?}", ada.history(conversation).await).contains("another time"));
    // The next thing that he is told is a message.
    ada.says(conversation, "all said").await;
    assert_eq!(words(&pushes.push(3).await.sub(6).sub(1)), "all said");
}

#[tokio::test]
async fn friendships_are_made_and_ended_from_both_sides() {
    let Some(town) = Town::start().await else { return };
    let (ada, bob) = (town.app.person("ada").await, town.person("bob").await);
    let (adas, mut pushes) = (ada.online().await, bob.online().await);
    // She asks, he refuses; he asks, she refuses.
    ada.client.request_friend(id(&bob), "it is me").await.unwrap();
    let applicant = pushes.push(0).await.sub(3).sub(1);
    assert_eq!((applicant.text(1), applicant.text(2)), (ada.id.to_string(), "ada".into()));
    assert_eq!(bob.answers(false, &ada.id.to_string()).await.errmsg(), "");
    let hears_request = async |what: &str| {
        adas.hears(what, |event| match event {
            Event::FriendRequest(view) => view.request.clone(),
            _ => None,
        })
        .await
    };
    hears_request("her own request").await;
    hears_request("the refusal").await;
    bob.applies_to(&ada.id.to_string()).await;
    let asked = hears_request("his request").await;
    ada.client.reject_friend(FriendRequestId::try_from(&asked.request_id[..]).unwrap()).await.unwrap();
    assert!(!pushes.push(1).await.sub(4).has(1), "refused");

    // She asks once more, and he agrees.
    ada.client.request_friend(id(&bob), "").await.unwrap();
    pushes.push(0).await;
    let room = bob.answers(true, &ada.id.to_string()).await.text(4);
    assert_eq!(pushes.push(2).await.sub(5).sub(1).text(2), room);
    let friend = adas
        .hears("that they are friends", |event| match event {
            Event::FriendAdded(added) => added.friend.clone()?.friend,
            _ => None,
        })
        .await;
    assert_eq!(friend.user_id, id(&bob).to_vec());
    // He ends it; then, after another beginning, she does.
    bob.does(REMOVE, &[field(4, ada.id.to_string())]).await;
    adas.hears("the end", |event| {
        matches!(event, Event::FriendRemoved(removed) if removed.user_id == id(&bob).as_bytes()).then_some(())
    })
    .await;
    bob.applies_to(&ada.id.to_string()).await;
    accepts(&ada).await;
    pushes.push(1).await;
    assert_eq!(pushes.push(2).await.sub(5).sub(1).text(2), room, "the same conversation");
    ada.client.delete_friend(id(&bob)).await.unwrap();
    assert_eq!(pushes.push(4).await.sub(7).text(1), ada.id.to_string());
    assert!(bob.conversations().await.is_empty());
    assert_eq!(bob.tries_to_say(&room, "?").await.errmsg(), "您不能在该会话中发送消息!");
}

#[tokio::test]
async fn groups_are_made_on_either_side_and_used_on_both() {
    let Some(town) = Town::start().await else { return };
    let (ada, bob, mut pushes) = ada_and_bob(&town).await;
    pushes.push(1).await;
    pushes.push(2).await;
    // Hers, with everything that happens in it; of that he is told what is said.
    let hers = ada.client.create_group("walks", &[id(&bob)]).await.unwrap();
    let hers = ConversationId::try_from(&hers.conversation_id[..]).unwrap();
    let info = pushes.push(2).await.sub(5).sub(1);
    assert_eq!((info.text(2), info.text(3), info.has(1)), (hers.to_string(), "walks".into(), false));
    ada.client.change_group(hers, serde_json::json!({ "announcement": "bring water" })).await.unwrap();
    ada.client.set_member_nickname(hers, id(&bob), "Bobby").await.unwrap();
    ada.client.change_group(hers, serde_json::json!({ "title": "hikes" })).await.unwrap();
    assert_eq!(pushes.push(5).await.sub(8).text(2), "hikes");
    ada.says(hers, "on Sunday?").await;
    assert_eq!(words(&pushes.push(3).await.sub(6).sub(1)), "on Sunday?");
    assert_eq!(bob.reads(&hers.to_string()).await, ["on Sunday?"], "what nobody said is no message");
    bob.says(&hers.to_string(), "yes").await;
    ada.client.mute_member(hers, id(&bob), 3_600_000).await.unwrap();
    assert_eq!(bob.tries_to_say(&hers.to_string(), "or").await.errmsg(), "您不能在该会话中发送消息!");

    // His, which she sees at once.
    let adas = ada.online().await;
    bob.does(CREATE_GROUP, &[field(4, "新的群聊"), field(5, &bob.id), field(5, ada.id.to_string())]).await;
    let his = pushes.push(2).await.sub(5).sub(1).text(2);
    adas.hears("that she is in it", |event| matches!(event, Event::ConversationJoined(_)).then_some(())).await;
    ada.says(his.parse().unwrap(), "nice").await;
    assert_eq!(words(&pushes.push(3).await.sub(6).sub(1)), "nice");
    assert_eq!(ada.sees(his.parse().unwrap()).await.title, "新的群聊");
    // She takes him out of hers: it is no longer his.
    ada.client.remove_member(hers, id(&bob)).await.unwrap();
    assert!(bob.conversations().await.iter().all(|info| info.text(2) != hers.to_string()));
    assert_eq!(bob.tries_to_say(&hers.to_string(), "?").await.errmsg(), "您不能在该会话中发送消息!");
}
