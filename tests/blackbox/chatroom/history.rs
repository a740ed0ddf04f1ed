//! Reading: the newest messages, those of a time, those with some words.

use anser_tests::until;

use super::{
    client::{Fields, field, number},
    town::{GET_HISTORY, GET_RECENT, NOT_A_MEMBER, Old, SEARCH_HISTORY, Town, words},
};

fn said(answered: &Fields) -> Vec<String> {
    answered.subs(4).iter().map(words).collect()
}

async fn between(who: &Old, room: &str, from: u64, until: u64) -> Fields {
    who.asks(GET_HISTORY, &[field(2, room), number(3, from), number(4, until)]).await
}

async fn search(who: &Old, room: &str, key: &str) -> Fields {
    who.asks(SEARCH_HISTORY, &[field(4, room), field(5, key)]).await
}

#[tokio::test]
async fn recent_messages_and_those_of_a_time_are_oldest_first() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let eve = town.person("eve").await;
    for text in ["one", "two", "three", "四 🪿", "five"] {
        alice.says(&room, text).await;
    }
    let recent = async |count: u64| bob.asks(GET_RECENT, &[field(2, &room), number(3, count)]).await;
    assert_eq!(said(&recent(50).await), ["one", "two", "three", "四 🪿", "five"]);
    assert_eq!(said(&recent(2).await), ["四 🪿", "five"], "the newest, and the newest of them last");
    assert_eq!(said(&recent(1 << 40).await).len(), 5);
    assert_eq!(recent(0).await.errmsg(), "");
    // What a client says of the present is not looked at.
    let asked = [field(2, &room), number(3, 50), number(4, 1)];
    assert_eq!(said(&bob.asks(GET_RECENT, &asked).await).len(), 5);

    let messages = recent(50).await.subs(4);
    let (first, last) = (messages[0].number(3), messages[4].number(3));
    assert!(messages.is_sorted_by_key(|message| message.number(3)));
    for message in &messages {
        assert_eq!((message.text(2), message.sub(4).text(1)), (room.clone(), alice.id.clone()));
        assert_eq!((message.sub(4).text(2), message.sub(4).has(4)), ("alice".into(), false), "a name and no phone");
    }
    assert_eq!(said(&between(&bob, &room, first, last).await).len(), 5, "both seconds are in it");
    assert_eq!(said(&between(&bob, &room, 0, first - 1).await).len(), 0);
    assert_eq!(said(&between(&bob, &room, last + 1, last + 60).await).len(), 0);
    assert_eq!(between(&bob, &room, last, first - 1).await.errmsg(), "", "backwards is nothing, and no error");
    assert_eq!(said(&between(&bob, &room, 0, i64::MAX as u64).await).len(), 5);
    assert_eq!(said(&between(&bob, &room, i64::MIN as u64, i64::MAX as u64).await).len(), 5);

    for refused in [
        eve.asks(GET_RECENT, &[field(2, &room), number(3, 50)]).await,
        between(&eve, &room, 0, last).await,
        between(&eve, &room, last, 0).await,
        search(&eve, &room, "one").await,
        search(&eve, &room, "").await,
        bob.asks(GET_RECENT, &[field(2, "nowhere"), number(3, 50)]).await,
        bob.asks(GET_RECENT, &[field(2, "' OR 1=1 --"), number(3, 50)]).await,
    ] {
        assert_eq!((refused.errmsg(), refused.has(4)), (NOT_A_MEMBER.into(), false));
    }
}

#[tokio::test]
async fn words_are_found_in_one_conversation_and_as_they_now_stand() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let carol = town.person("carol").await;
    let elsewhere = alice.befriends(&carol).await;
    alice.says(&elsewhere, "a goose elsewhere").await;
    let first = alice.says(&room, "A wild goose").await;
    bob.says(&room, "鸿雁传书").await;
    alice.says(&room, "two geese").await;
    bob.says(&room, "one more goose").await;
    let finds = async |who: &Old, key: &str| {
        let found = search(who, &room, key).await;
        assert_eq!(found.errmsg(), "", "{key}");
        said(&found)
    };
    until("the last is found", async || finds(&alice, "goose").await == ["A wild goose", "one more goose"]).await;
    assert_eq!(finds(&bob, "雁传").await, ["鸿雁传书"], "any part of it");
    assert!(finds(&bob, "elsewhere").await.is_empty() && finds(&bob, "  ").await.is_empty());
    assert_eq!(search(&bob, &room, "。").await.errmsg(), "", "nothing to search for is nothing found");
    let found = search(&bob, &room, "wild").await.subs(4).remove(0);
    assert_eq!((found.text(1), found.text(2), found.sub(4).text(2)), (first.clone(), room.clone(), "alice".into()));

    let new = town.over_our_api(&alice).await;
    let seq = first.rsplit('-').next().unwrap().parse().unwrap();
    new.client.recall(room.parse().unwrap(), seq).await.unwrap();
    assert!(finds(&bob, "wild").await.is_empty(), "at once");
    assert_eq!(finds(&alice, "goose").await, ["one more goose"]);
}

#[tokio::test]
async fn a_long_history_is_read_up_to_the_servers_limit() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let new = town.over_our_api(&alice).await;
    let conversation = room.parse().unwrap();
    for number in 1..=1_010 {
        new.says(conversation, &number.to_string()).await;
    }
    let expected: Vec<String> = (11..=1_010).map(|number| number.to_string()).collect();
    let all = bob.does(GET_RECENT, &[field(2, &room), number(3, 100_000)]).await;
    assert_eq!(said(&all), expected, "the newest thousand");
    assert_eq!(said(&between(&bob, &room, 0, 1 << 40).await), expected);
    let some = bob.does(GET_RECENT, &[field(2, &room), number(3, 300)]).await;
    assert_eq!(said(&some), expected[700..], "over more than one page of the log");
}
