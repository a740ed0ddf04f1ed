//! The WebSocket: its first frame, its life, and the five pushes.

use anser_contract::v1::{Text, content::Kind};

use crate::{
    client::{Came, Pushes, field, number},
    world::{Town, words},
};

const UNREADABLE: &str = "正文反序列化失败!";
const UNKNOWN_SESSION: &str = "未找到会话信息!";

fn closed(reason: &str) -> Came {
    Came::Closed(1003, reason.into())
}

#[tokio::test]
async fn who_does_not_say_who_they_are_is_closed() {
    let town = Town::start().await;
    let mut garbage = Pushes::silent(town.address, "/").await;
    garbage.says(b"\xff").await;
    assert_eq!(garbage.next().await, closed(UNREADABLE));
    let mut text = Pushes::silent(town.address, "/any/path").await;
    text.says_text("hello").await;
    assert_eq!(text.next().await, closed(UNREADABLE));
    let mut stranger = Pushes::silent(town.address, "/ws").await;
    stranger.says(&field(2, "made up")).await;
    assert_eq!(stranger.next().await, closed(UNKNOWN_SESSION));
    let hasty = Town::start_with(|options| options.timings.hello = std::time::Duration::from_millis(50)).await;
    let mut silent = Pushes::silent(hasty.address, "/ws").await;
    assert_eq!(silent.next().await, closed(UNKNOWN_SESSION), "nobody waits for ever");
}

#[tokio::test]
async fn later_frames_say_the_same_again_or_somebody_else_or_nothing() {
    let town = Town::start().await;
    let (alice, bob) = (town.person("alice").await, town.person("bob").await);
    let room = town.friends(&alice, &bob).await;
    let mut socket = alice.online().await;
    socket.says(&[number(2, 51)].concat()).await;
    socket.says(&[number(2, 50)].concat()).await;
    socket.says(&[field(1, "R2"), field(2, &alice.token)].concat()).await;
    bob.says(&room, "still there?").await;
    socket.push(3).await;
    socket.says(&field(2, &bob.token)).await;
    socket.pinged().await;
    alice.says(&room, "it is yours now").await;
    assert_eq!(words(&socket.push(3).await.sub(6).sub(1)), "it is yours now");
    socket.says(b"\xff").await;
    assert_eq!(socket.next().await, closed(UNREADABLE));
}

#[tokio::test]
async fn a_session_outlives_its_socket_and_not_the_other_way_round() {
    let town = Town::start().await;
    let alice = town.person("alice").await;
    drop(alice.online().await);
    alice.online().await.leaves().await;
    let mut again = alice.online().await;
    assert_eq!(alice.asks("/service/user/get_user_info", 3, &[]).await.errmsg(), "");
    town.end(&alice.token);
    assert_eq!(again.next().await, closed(UNKNOWN_SESSION));
}

#[tokio::test]
async fn applications_and_their_results() {
    let town = Town::start().await;
    let (alice, bob) = (town.person("alice").await, town.person("bob").await);
    let (mut alices, mut bobs) = (alice.online().await, bob.online().await);
    let apply = async || alice.asks("/service/friend/add_friend_apply", 2, &[field(4, &bob.id)]).await;
    let answer = async |agree: u64| {
        bob.asks("/service/friend/add_friend_process", 5, &[number(3, agree), field(4, &alice.id)]).await.text(4)
    };
    apply().await;
    let applied = bobs.push(0).await;
    let applicant = applied.sub(3).sub(1);
    assert_eq!((applicant.text(1), applicant.text(2)), (alice.id.clone(), "alice".into()));
    assert!(!applied.has(1));
    answer(0).await;
    let rejected = alices.push(1).await.sub(4);
    assert_eq!((rejected.has(1), rejected.sub(2).text(1)), (false, bob.id.clone()));

    apply().await;
    bobs.push(0).await;
    let room = answer(1).await;
    let accepted = alices.push(1).await.sub(4);
    assert_eq!((accepted.number(1), accepted.sub(2).text(2)), (1, "bob".into()));
    for (socket, other) in [(&mut alices, &bob), (&mut bobs, &alice)] {
        let info = socket.push(2).await.sub(5).sub(1);
        assert_eq!((info.text(1), info.text(2), info.text(3)), (other.id.clone(), room.clone(), other.name.clone()));
    }

    let second = town.login("alice").await;
    let mut seconds = second.online().await;
    alice.asks("/service/friend/remove_friend", 3, &[field(4, &bob.id)]).await;
    assert_eq!(bobs.push(4).await.sub(7).text(1), alice.id);
    assert_eq!(seconds.push(4).await.sub(7).text(1), bob.id, "another session of hers");
    // Her own is told nothing: what comes next is something else.
    town.friends(&bob, &alice).await;
    alices.push(0).await;
}

#[tokio::test]
async fn a_new_group_is_told_to_everybody_in_it() {
    let town = Town::start().await;
    let (alice, bob) = (town.person("alice").await, town.person("bob").await);
    town.friends(&alice, &bob).await;
    let (mut alices, mut bobs) = (alice.online().await, bob.online().await);
    let fields = [field(4, "geese"), field(5, &alice.id), field(5, &bob.id)];
    alice.asks("/service/friend/create_chat_session", 2, &fields).await;
    let (mine, theirs) = (alices.push(2).await.sub(5).sub(1), bobs.push(2).await.sub(5).sub(1));
    assert_eq!((mine.has(1), mine.text(3)), (false, "geese".into()));
    assert_eq!(mine.text(2), theirs.text(2));
}

#[tokio::test]
async fn messages_reach_everybody_but_the_session_that_sent_them() {
    let town = Town::start().await;
    let (alice, bob) = (town.person("alice").await, town.person("bob").await);
    let room = town.friends(&alice, &bob).await;
    let second = town.login("alice").await;
    let (mut alices, mut seconds, mut bobs) = (alice.online().await, second.online().await, bob.online().await);
    alice.says(&room, "hi").await;
    for socket in [&mut seconds, &mut bobs] {
        let message = socket.push(3).await.sub(6).sub(1);
        assert_eq!(
            (words(&message), message.text(2), message.text(1)),
            ("hi".into(), room.clone(), format!("{room}-1"))
        );
        assert_eq!((message.sub(4).text(1), message.sub(4).text(2)), (alice.id.clone(), "alice".into()));
        assert!(message.number(3) > 0 && !message.sub(5).has(1));
    }
    // What was pushed can be read.
    assert_eq!(bob.recent(&room, 1).await.subs(4).len(), 1);
    bob.says(&room, "hello").await;
    assert_eq!(words(&alices.push(3).await.sub(6).sub(1)), "hello", "the first that she is told");
    assert_eq!(words(&seconds.push(3).await.sub(6).sub(1)), "hello");

    // Somebody with another client, in Alice's name: every session of hers is told.
    town.said(&room, &alice, Kind::Text(Text { text: "from afar".into() }).into());
    for socket in [&mut alices, &mut seconds, &mut bobs] {
        assert_eq!(words(&socket.push(3).await.sub(6).sub(1)), "from afar");
    }
    let picture = field(5, [number(1, 1), field(5, field(2, b"\x89PNG"))].concat());
    alice.asks("/service/message_transmit/new_message", 3, &[field(4, &room), picture]).await;
    let content = bobs.push(3).await.sub(6).sub(1).sub(5);
    assert_eq!((content.number(1), content.sub(5).text(1).len(), content.sub(5).has(2)), (1, 26, false));
}

/// The order in which a client was seen to call, most of it without waiting for what it had asked before.
#[tokio::test]
async fn a_client_from_its_start_to_its_end() {
    let town = Town::start().await;
    let bob = town.person("bob").await;
    let alice = town.person("alice").await;
    let room = town.friends(&alice, &bob).await;
    bob.says(&room, "are you there?").await;
    let (me, mut socket, friends, conversations, pending) = tokio::join!(
        alice.asks("/service/user/get_user_info", 3, &[]),
        alice.online(),
        alice.asks("/service/friend/get_friend_list", 3, &[]),
        alice.asks("/service/friend/get_chat_session_list", 2, &[]),
        alice.asks("/service/friend/get_pending_friend_events", 2, &[]),
    );
    assert_eq!(me.sub(4).text(2), "alice");
    assert_eq!((friends.subs(4).len(), pending.subs(4).len()), (1, 0));
    let conversation = &conversations.subs(4)[0];
    assert_eq!((conversation.text(1), words(&conversation.sub(4))), (bob.id.clone(), "are you there?".into()));
    assert_eq!(alice.recent(&conversation.text(2), 50).await.subs(4).len(), 1);
    assert_eq!(alice.says(&room, "yes").await.errmsg(), "");
    let speech = field(5, [number(1, 3), field(4, [field(1, ""), field(2, [5; 320])].concat())].concat());
    bob.asks("/service/message_transmit/new_message", 3, &[field(4, &room), speech]).await;
    let sound = socket.push(3).await.sub(6).sub(1).sub(5).sub(4);
    let bytes = alice.asks("/service/file/get_single_file", 4, &[field(2, sound.text(1))]).await.sub(4).bytes(2);
    assert_eq!(bytes, [5; 320]);
    let said = alice.asks("/service/speech/recognition", 4, &[field(2, bytes)]).await;
    assert_eq!(said.text(4), "ten four");
    let found = alice.asks("/service/message_storage/search_history", 3, &[field(4, &room), field(5, "there")]).await;
    assert_eq!(found.subs(4).len(), 1);
}
