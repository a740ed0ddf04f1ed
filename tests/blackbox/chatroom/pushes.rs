//! The WebSocket: its first frame, and who is told what.

use super::{
    client::{Came, Fields, Pushes, field, number},
    town::{CREATE_GROUP, REMOVE, Town, words},
};

fn closed(reason: &str) -> Came {
    Came::Closed(1003, reason.into())
}

/// The conversation that a push of type 2 is about.
fn conversation(push: &Fields) -> Fields {
    assert_eq!(push.number(2), 2);
    push.sub(5).sub(1)
}

#[tokio::test]
async fn the_first_frame_says_who_is_there_or_it_was_the_last() {
    let Some(town) = Town::start_with(&["gateway.hello_timeout_ms=1000"]).await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    for path in ["/", "/ws", "/any/path?at=all"] {
        let mut garbage = Pushes::silent(town.ws, path).await;
        garbage.says(b"\xff").await;
        assert_eq!(garbage.next().await, closed("正文反序列化失败!"));
        let mut stranger = Pushes::silent(town.ws, path).await;
        stranger.says(&[field(1, "R1"), field(2, "5e55-10abcdef-0001")].concat()).await;
        assert_eq!(stranger.next().await, closed("未找到会话信息!"));
    }
    let mut text = Pushes::silent(town.ws, "/ws").await;
    text.says_text(&alice.token).await;
    assert_eq!(text.next().await, closed("正文反序列化失败!"));
    let mut silent = Pushes::silent(town.ws, "/ws").await;
    assert_eq!(silent.next().await, closed("未找到会话信息!"), "nobody waits for ever");

    // Later frames are read like the first; signs of life and receipts lead to nothing.
    let mut socket = alice.online().await;
    for frame in [number(2, 51), number(2, 50), field(2, &alice.token)] {
        socket.says(&frame).await;
    }
    bob.says(&room, "still there?").await;
    assert_eq!(words(&socket.push(3).await.sub(6).sub(1)), "still there?");
    socket.says(&field(2, &bob.token)).await;
    socket.pinged().await;
    alice.says(&room, "it is yours now").await;
    assert_eq!(words(&socket.push(3).await.sub(6).sub(1)), "it is yours now");
    socket.says(&field(2, "nobody's")).await;
    assert_eq!(socket.next().await, closed("未找到会话信息!"));
}

#[tokio::test]
async fn applications_their_answers_and_the_end_of_friendships() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob) = (town.person("alice").await, town.person("bob").await);
    let (mut alices, mut bobs) = (alice.online().await, bob.online().await);
    alice.applies_to(&bob.id).await;
    let applied = bobs.push(0).await;
    let applicant = applied.sub(3).sub(1);
    assert_eq!((applicant.text(1), applicant.text(2)), (alice.id.clone(), "alice".into()));
    assert!(!applied.has(1) && !applicant.has(4), "neither an id nor a phone");
    bob.answers(false, &alice.id).await;
    let rejected = alices.push(1).await.sub(4);
    assert_eq!((rejected.has(1), rejected.sub(2).text(1)), (false, bob.id.clone()));

    alice.applies_to(&bob.id).await;
    bobs.push(0).await;
    let room = bob.answers(true, &alice.id).await.text(4);
    let accepted = alices.push(1).await.sub(4);
    assert_eq!((accepted.number(1), accepted.sub(2).text(2)), (1, "bob".into()));
    for (socket, other) in [(&mut alices, &bob), (&mut bobs, &alice)] {
        let info = conversation(&socket.push(2).await);
        assert_eq!((info.text(1), info.text(2), info.text(3)), (other.id.clone(), room.clone(), other.name.clone()));
    }

    // Another session of hers is told of what she does in this one.
    let mut elsewhere = town.log_in("alice").await.online().await;
    alice.does(REMOVE, &[field(4, &bob.id)]).await;
    assert_eq!(bobs.push(4).await.sub(7).text(1), alice.id, "who ended it");
    assert_eq!(elsewhere.push(4).await.sub(7).text(1), bob.id);
    bob.applies_to(&alice.id).await;
    alices.push(0).await;
    alice.answers(true, &bob.id).await;
    // Both ends of a second friendship hear of it as of the first.
    for socket in [&mut alices, &mut elsewhere] {
        while conversation_id(&socket.next().await).as_ref() != Some(&room) {}
    }
    bobs.push(1).await;
    assert_eq!(conversation(&bobs.push(2).await).text(2), room);
}

/// The conversation that came is about, where it is new.
fn conversation_id(came: &Came) -> Option<String> {
    match came {
        Came::Push(push) if push.number(2) == 2 => Some(conversation(push).text(2)),
        Came::Push(_) => None,
        closed => panic!("{closed:?}"),
    }
}

#[tokio::test]
async fn a_group_is_told_to_all_in_it_and_so_is_what_is_said_there() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, _) = town.friends("alice", "bob").await;
    let (carol, eve) = (town.person("carol").await, town.person("eve").await);
    alice.befriends(&carol).await;
    let second = town.log_in("alice").await;
    let (mut alices, mut seconds) = (alice.online().await, second.online().await);
    let (mut bobs, mut carols, mut eves) = (bob.online().await, carol.online().await, eve.online().await);
    let fields = [field(4, "geese"), field(5, &alice.id), field(5, &bob.id), field(5, &carol.id)];
    alice.does(CREATE_GROUP, &fields).await;
    let mut rooms = Vec::new();
    for socket in [&mut alices, &mut seconds, &mut bobs, &mut carols] {
        let info = conversation(&socket.push(2).await);
        assert_eq!((info.has(1), info.text(3), info.has(4)), (false, "geese".into(), false), "an id and a name");
        rooms.push(info.text(2));
    }
    rooms.dedup();
    let [room] = &rooms[..] else { panic!("{rooms:?}") };

    alice.says(room, "hi").await;
    for (socket, reader) in [(&mut seconds, &second), (&mut bobs, &bob), (&mut carols, &carol)] {
        let message = socket.push(3).await.sub(6).sub(1);
        // What is pushed can be read: the newest is what was pushed.
        let newest = reader.recent(room).await.pop().unwrap();
        assert_eq!(message, newest);
        assert_eq!((message.text(2), message.sub(4).text(2)), (room.clone(), "alice".into()));
    }
    bob.says(room, "hello").await;
    for socket in [&mut alices, &mut seconds, &mut carols] {
        assert_eq!(words(&socket.push(3).await.sub(6).sub(1)), "hello", "her own she is not told");
    }
    let new = town.over_our_api(&alice).await;
    new.client.change_group(room.parse().unwrap(), serde_json::json!({ "title": "swans" })).await.unwrap();
    for socket in [&mut alices, &mut bobs] {
        let renamed = socket.push(5).await.sub(8);
        assert_eq!((renamed.text(1), renamed.text(2)), (room.clone(), "swans".into()));
    }
    // A stranger heard nothing of it all.
    bob.applies_to(&eve.id).await;
    eves.push(0).await;
}

#[tokio::test]
async fn what_is_pushed_can_be_read_however_fast_it_comes() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    let mut bobs = bob.online().await;
    let said = async {
        for number in 0..50 {
            alice.says(&room, &number.to_string()).await;
        }
    };
    let read = async {
        for number in 0..50 {
            let message = bobs.push(3).await.sub(6).sub(1);
            assert_eq!(words(&message), number.to_string(), "in order, each once");
            let ids: Vec<String> = bob.recent(&room).await.iter().map(|message| message.text(1)).collect();
            assert!(ids.contains(&message.text(1)), "{number}");
        }
    };
    tokio::join!(said, read);
}
