//! Sending: texts, repeats, and what is refused. Pictures, files and sound are in `media`.

use anser_client::v1::{Card, Location, Text, content::Kind};
use anser_tests::{Person, until};

use super::{
    client::{field, number},
    town::{NEW_MESSAGE, NOT_A_MEMBER, Old, Town},
};

const EMPTY: &str = "消息内容不能为空!";

#[tokio::test]
async fn what_is_no_message_is_refused_in_so_many_words() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let eve = town.person("eve").await;
    for nowhere in ["", "nowhere", &"0".repeat(26), &alice.id] {
        assert_eq!(alice.tries_to_say(nowhere, "hi").await.errmsg(), NOT_A_MEMBER, "{nowhere}");
    }
    assert_eq!(eve.tries_to_say(&room, "me too").await.errmsg(), NOT_A_MEMBER);
    assert_eq!(alice.tries_to_say(&room, "").await.errmsg(), EMPTY);
    assert_eq!(alice.tries_to_say(&room, &"x".repeat(70_000)).await.errmsg(), "消息内容过长!");
    let tries = async |content: Vec<u8>| alice.refused(NEW_MESSAGE, &[field(4, &room), field(5, content)]).await;
    let text = field(2, field(1, "hi"));
    assert_eq!(tries([number(1, 9), text.clone()].concat()).await, "消息类型不支持!");
    // No content at all, a kind without its content, and content that is another kind's.
    assert_eq!(alice.refused(NEW_MESSAGE, &[field(4, &room)]).await, EMPTY);
    for kind in 0..4 {
        assert_eq!(tries(number(1, kind)).await, EMPTY);
    }
    assert_eq!(tries([number(1, 1), text].concat()).await, EMPTY);
    assert_eq!(tries([number(1, 1), field(5, field(1, ""))].concat()).await, EMPTY, "a picture without a picture");
    assert!(bob.recent(&room).await.is_empty());
}

#[tokio::test]
async fn the_same_message_again_is_the_same_message() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let again = town.log_in("alice").await;
    let mut bobs = bob.online().await;
    let send = async |who: &Old, key: &str, text: &str| {
        let fields = [field(4, &room), field(5, field(2, field(1, text))), field(6, key)];
        who.does(NEW_MESSAGE, &fields).await.text(4)
    };
    let first = send(&alice, "m-1", "once").await;
    assert_eq!(first, send(&alice, "m-1", "once").await);
    assert_eq!(first, send(&again, "m-1", "once").await, "from another session");
    assert_ne!(first, send(&bob, "m-1", "mine").await, "another person's name for it is another");
    let sound = field(5, [number(1, 3), field(4, field(2, [7; 320]))].concat());
    let fields = [field(4, &room), sound, field(6, "m-2")];
    let heard = alice.does(NEW_MESSAGE, &fields).await.text(4);
    assert_eq!(heard, again.does(NEW_MESSAGE, &fields).await.text(4), "media too");
    assert_ne!(alice.says(&room, "twice").await, alice.says(&room, "twice").await, "without a name each is new");

    let ids: Vec<String> = alice.recent(&room).await.iter().map(|message| message.text(1)).collect();
    assert_eq!(ids.len(), 5);
    let mut pushed = Vec::new();
    for _ in 0..4 {
        pushed.push(bobs.push(3).await.sub(6).sub(1).text(1));
    }
    assert_eq!(pushed, [&ids[..1], &ids[2..]].concat(), "each is pushed once, and his own not at all");
}

async fn said(person: &Person, room: &str, kind: Kind) -> i64 {
    let mut message = person.message(room.parse().unwrap(), "");
    message.content = Some(kind.into());
    person.client.send(&message).await.unwrap().seq
}

#[tokio::test]
async fn what_these_clients_do_not_know_arrives_as_text_and_as_it_now_stands() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let new = town.over_our_api(&alice).await;
    let conversation = room.parse().unwrap();
    let mut bobs = bob.online().await;
    let card = Card { title: "a goose".into(), ..Card::default() };
    said(&new, &room, Kind::Card(Box::new(card))).await;
    let place = Location { title: "the reeds".into(), latitude: 1.0, longitude: 2.0, ..Location::default() };
    said(&new, &room, Kind::Location(Box::new(place))).await;
    for part in ["a goose", "the reeds"] {
        let message = bobs.push(3).await.sub(6).sub(1);
        let shown = super::town::words(&message);
        assert!(shown.contains(part), "{shown}");
    }
    let edited = new.says(conversation, "helo").await.seq;
    let recalled = new.says(conversation, "a secret").await.seq;
    bobs.push(3).await;
    bobs.push(3).await;
    new.client.edit(conversation, edited, &Kind::Text(Text { text: "hello".into() }).into()).await.unwrap();
    new.client.recall(conversation, recalled).await.unwrap();
    let shown = bob.reads(&room).await;
    assert_eq!((shown.len(), shown[2].as_str()), (4, "hello"));
    assert!(!shown[3].is_empty() && !shown[3].contains("secret"), "{shown:?}");
    let ids: Vec<_> = bob.recent(&room).await.iter().map(|message| message.text(1)).collect();
    assert_eq!(ids[2..], [format!("{room}-{edited}"), format!("{room}-{recalled}")], "in their places");
    // Neither was a message: the next push is one.
    alice.says(&room, "next").await;
    assert_eq!(super::town::words(&bobs.push(3).await.sub(6).sub(1)), "next");
    // Whose account is closed still stands there, without a name.
    new.client.close_account(super::town::PASSWORD).await.unwrap();
    until("her name is gone", async || bob.recent(&room).await[0].sub(4).text(2) == "已注销用户").await;
    assert_eq!(bob.reads(&room).await.len(), 5, "nothing fails because of it");
}
