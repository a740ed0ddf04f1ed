//! Clients of the chat-room protocol beside clients of ours: the same people, the same conversations.

#[expect(dead_code, reason = "not every test needs all that a client can do")]
#[path = "../../crates/gateway/tests/chatroom/client.rs"]
mod client;

use std::net::{SocketAddr, TcpListener};

use anser_tests::{Person, TestApp};
use client::{Fields, Pushes, call, field, number};

/// A server with the protocol on an address of its own.
async fn start() -> Option<(TestApp, SocketAddr)> {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let (http, ws) = (format!("chatroom.http_listen={address}"), format!("chatroom.ws_listen={address}"));
    let app = TestApp::start_with(&["chatroom.enabled=true", &http, &ws]).await?;
    Some((app, address))
}

/// Registers and logs in; answers the token.
async fn arrives(address: SocketAddr, name: &str) -> String {
    let who = [field(2, name), field(3, "Passw123")];
    assert_eq!(call(address, "/service/user/username_register", &who).await.errmsg(), "");
    let answered = call(address, "/service/user/username_login", &who).await;
    assert_eq!(answered.errmsg(), "");
    answered.text(4)
}

async fn recent(address: SocketAddr, token: &str, room: &str) -> Vec<Fields> {
    let fields = [field(2, room), number(3, 50), field(6, token)];
    call(address, "/service/message_storage/get_recent", &fields).await.subs(4)
}

fn words(message: &Fields) -> String {
    message.sub(5).sub(2).text(1)
}

#[tokio::test]
async fn two_protocols_meet_in_one_conversation() {
    let Some((app, address)) = start().await else { return };
    let ada: Person = app.person("ada").await;
    let token = arrives(address, "bob-of-old").await;
    let mut pushes = Pushes::open(address, &token).await;

    let apply = [field(2, &token), field(4, ada.id.to_string())];
    assert_eq!(call(address, "/service/friend/add_friend_apply", &apply).await.errmsg(), "");
    let request = ada.client.friend_requests(false, 0, "").await.unwrap().items.remove(0).request.unwrap();
    let request = anser_types::FriendRequestId::try_from(&request.request_id[..]).unwrap();
    ada.client.accept_friend(request).await.unwrap();
    assert_eq!(pushes.push(1).await.sub(4).number(1), 1);
    let room = pushes.push(2).await.sub(5).sub(1).text(2);
    assert!(recent(address, &token, &room).await.is_empty(), "nobody has said anything");

    let content = field(5, field(2, field(1, "from the old side")));
    let send = [field(3, &token), field(4, &room), content];
    let sent = call(address, "/service/message_transmit/new_message", &send).await;
    assert_eq!(sent.errmsg(), "");
    let conversation = room.parse().unwrap();
    ada.says(conversation, "from the new side").await;
    let pushed = pushes.push(3).await.sub(6).sub(1);
    assert_eq!((words(&pushed), pushed.sub(4).text(1)), ("from the new side".into(), ada.id.to_string()));
    let shown: Vec<String> = recent(address, &token, &room).await.iter().map(words).collect();
    assert_eq!(shown, ["from the old side", "from the new side"]);
}
