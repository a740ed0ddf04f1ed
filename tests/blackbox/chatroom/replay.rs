//! The order in which the two old clients were seen to call, from their start to their end, and what each relies on.

use std::collections::HashSet;

use anser_tests::{png, until};

use super::{
    client::{Fields, Pushes, call, field, http, number},
    town::{
        APPLY, CREATE_GROUP, GET_CONVERSATIONS, GET_FILE, GET_FRIENDS, GET_HISTORY, GET_MEMBERS, GET_PENDING,
        GET_RECENT, GET_USER_INFO, LOG_IN, NEW_MESSAGE, Old, PASSWORD, PROCESS, RECOGNIZE, REGISTER, REMOVE,
        SEARCH_FRIEND, SEARCH_HISTORY, Town, names, words,
    },
};

const ENGINE: &str = "speech.command=/bin/sh,-c,echo ten four,engine,{file}";

/// What the main window asks for when it opens, all at once.
struct Window {
    me: Fields,
    socket: Pushes,
    friends: Vec<Fields>,
    conversations: Vec<Fields>,
    pending: Vec<Fields>,
}

async fn opens_the_window(who: &Old) -> Window {
    let (me, socket, friends, conversations, pending) = tokio::join!(
        who.does(GET_USER_INFO, &[]),
        who.online(),
        who.does(GET_FRIENDS, &[]),
        who.does(GET_CONVERSATIONS, &[]),
        who.does(GET_PENDING, &[]),
    );
    let window = Window {
        me: me.sub(4),
        socket,
        friends: friends.subs(4),
        conversations: conversations.subs(4),
        pending: pending.subs(4),
    };
    // The client opens a conversation by its friend: each friend needs one.
    let with: HashSet<String> = window.conversations.iter().map(|info| info.text(1)).collect();
    assert!(window.friends.iter().all(|friend| with.contains(&friend.text(1))));
    assert_eq!(window.me.text(1), who.id);
    window
}

#[tokio::test]
async fn the_desktop_client_from_its_start_to_its_end() {
    let Some(town) = Town::start_with(&["speech.provider=command", ENGINE]).await else { return };
    let bob = town.person("bob").await;
    let mut bobs = bob.online().await;
    // Registering leads back to the login; a session is made there only. Captchas are the client's own.
    let alice = [field(2, "alice1"), field(3, PASSWORD)];
    assert_eq!(town.asks(REGISTER, &alice).await.errmsg(), "");
    let token = town.asks(LOG_IN, &alice).await.text(4);
    let alice = town.with_token(token).await;
    let mut window = opens_the_window(&alice).await;
    assert!(window.friends.is_empty() && window.conversations.is_empty() && window.pending.is_empty());

    // She looks for Bob and asks him; he reads it in the push and answers by her id, without the application's.
    until("he is found", async || names(&alice.does(SEARCH_FRIEND, &[field(2, "bob")]).await.subs(4)) == ["bob"]).await;
    alice.does(APPLY, &[field(4, &bob.id)]).await;
    let applicant = bobs.push(0).await.sub(3).sub(1).text(1);
    bob.does(PROCESS, &[number(3, 1), field(4, &applicant)]).await;
    let friend = window.socket.push(1).await.sub(4);
    assert_eq!((friend.number(1), friend.sub(2).text(1)), (1, bob.id.clone()));
    // The answers name no conversation that the client reads; the pushes do.
    let room = window.socket.push(2).await.sub(5).sub(1).text(2);
    assert_eq!(bobs.push(2).await.sub(5).sub(1).text(2), room);

    // A click on the conversation; then a message, which is shown when it is answered and never pushed back.
    assert!(alice.does(GET_RECENT, &[field(2, &room), number(3, 50)]).await.subs(4).is_empty());
    alice.does(NEW_MESSAGE, &[field(4, &room), field(5, field(2, field(1, "hello world")))]).await;
    bobs.push(3).await;
    // Bob has not opened it yet: his client throws the push away and takes the last of what it reads.
    assert_eq!(words(bob.recent(&room).await.last().unwrap()), "hello world");
    bob.sends(&room, 1, 5, &[field(1, ""), field(2, png(8, 8))]).await;
    bob.sends(&room, 2, 3, &[field(1, ""), number(2, 3), field(3, "a.txt"), field(4, "abc")]).await;
    bob.sends(&room, 3, 4, &[field(1, ""), field(2, [5; 320])]).await;
    // Bubbles without bytes are fetched one by one.
    for (arm, bytes) in [(5, png(8, 8)), (3, b"abc".to_vec()), (4, vec![5; 320])] {
        let id = window.socket.push(3).await.sub(6).sub(1).sub(5).sub(arm).text(1);
        let got = alice.does(GET_FILE, &[field(2, &id)]).await.sub(4);
        assert!(got.bytes(2) == bytes, "{arm}");
    }
    let said = alice.does(RECOGNIZE, &[field(2, [5; 320])]).await;
    assert_eq!(said.text(4), "ten four");

    // The dialog with the history: by words, and by a time in whole minutes.
    let search = [field(4, &room), field(5, "world")];
    until("it is found", async || alice.does(SEARCH_HISTORY, &search).await.subs(4).len() == 1).await;
    let newest = bob.recent(&room).await.pop().unwrap().number(3);
    let (from, to) = (newest / 60 * 60 - 60, newest / 60 * 60 + 60);
    let history = alice.does(GET_HISTORY, &[field(2, &room), number(3, from), number(4, to)]).await.subs(4);
    assert_eq!(history, alice.recent(&room).await, "in the same order");

    // A group of three, herself among them, always under this name; its dialog shows the members.
    let carol = town.person("carol").await;
    alice.befriends(&carol).await;
    for kind in [1, 2] {
        window.socket.push(kind).await;
    }
    let members = [&alice.id, &bob.id, &carol.id].map(|id| field(5, id));
    alice.does(CREATE_GROUP, &[&[field(4, "新的群聊")], &members[..]].concat()).await;
    let group = window.socket.push(2).await.sub(5).sub(1);
    assert_eq!((group.has(1), group.text(3)), (false, "新的群聊".into()));
    assert_eq!(alice.does(GET_MEMBERS, &[field(4, group.text(2))]).await.subs(4).len(), 3);
    carol.says(&group.text(2), "hi all").await;
    assert_eq!(words(&window.socket.push(3).await.sub(6).sub(1)), "hi all");

    // Removing a friend takes the conversation out of both lists; who did it knows.
    bobs.push(2).await;
    bobs.push(3).await;
    alice.does(REMOVE, &[field(4, &bob.id)]).await;
    assert_eq!(bobs.push(4).await.sub(7).text(1), alice.id);
    // The window closes: no logout. The next start logs in again and finds everything.
    window.socket.leaves().await;
    let again = opens_the_window(&town.log_in("alice1").await).await;
    assert_eq!(names(&again.friends), ["carol"]);
    assert_eq!(again.conversations.len(), 2);
    let preview = again.conversations.iter().find(|info| info.text(2) == group.text(2)).unwrap().sub(4);
    assert_eq!(words(&preview), "hi all");
    alice.does(GET_USER_INFO, &[]).await;
}

/// It runs in a browser: it asks before it calls, its WebSocket is at `/` and returns, it sends signs of life, wants lists
/// without bytes, and has names for its messages.
#[tokio::test]
async fn the_web_client_from_its_start_to_its_end() {
    let Some(town) = Town::start().await else { return };
    let (bob, other, _) = town.friends("bob", "other").await;
    let asked = format!(
        "OPTIONS {LOG_IN} HTTP/1.1\r\norigin: http://localhost:5173\r\naccess-control-request-method: POST\r\naccess-control-request-headers: content-type"
    );
    assert!(http(town.http, &asked, b"").await.head.contains("access-control-allow-headers: content-type"));
    let alice = town.person("alice").await;
    let room = alice.befriends(&bob).await;
    let online = async || {
        let mut socket = Pushes::silent(town.ws, "/").await;
        socket.says(&[field(1, "Rm5x2k1abcdefghij"), field(2, &alice.token)].concat()).await;
        socket.pinged().await;
        socket
    };
    let mut socket = online().await;
    other.applies_to(&alice.id).await;
    assert_eq!(socket.push(0).await.number(2), 0, "the type is there, whatever it is");
    socket.says(&[field(1, "R2"), number(2, 51)].concat()).await;
    let recent = [field(2, &room), number(3, 50), number(7, 1)];
    let send = [field(4, &room), field(5, field(2, field(1, "hi"))), field(6, "m-1")];
    let message = alice.does(NEW_MESSAGE, &send).await.text(4);
    // The line breaks before the answer: it sends the same again, in the same session.
    drop(socket);
    let mut socket = online().await;
    assert_eq!(alice.does(NEW_MESSAGE, &send).await.text(4), message);
    let shown = alice.does(GET_RECENT, &recent).await.subs(4);
    assert_eq!(shown.iter().map(words).collect::<Vec<_>>(), ["hi"]);
    assert_eq!(shown[0].text(1), message);
    bob.sends(&room, 1, 5, &[field(2, png(8, 8))]).await;
    let pushed = socket.push(3).await.sub(6).sub(1);
    let shown = alice.does(GET_RECENT, &recent).await.subs(4).pop().unwrap();
    assert_eq!(shown, pushed);
    assert!(!shown.sub(5).sub(5).has(2) && alice.fetches(&shown.sub(5).sub(5).text(1)).await == Some(png(8, 8)));
    socket.leaves().await;
    let still = call(town.http, GET_USER_INFO.0, &[field(GET_USER_INFO.1, &alice.token)]).await;
    assert_eq!(still.errmsg(), "", "the session is what it was");
}
