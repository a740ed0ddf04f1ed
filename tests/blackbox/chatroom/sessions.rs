//! Sessions: how many, how they end, and that they outlive their WebSockets.

use anser_tests::until;
use anser_types::SessionId;

use super::{
    client::{Came, field},
    town::{GET_USER_INFO, Old, Town, UNKNOWN_SESSION, words},
};

async fn is_known(session: &Old) -> bool {
    match session.refused(GET_USER_INFO, &[]).await.as_str() {
        "" => true,
        UNKNOWN_SESSION => false,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_session_outlives_its_sockets_and_its_sockets_do_not_outlive_it() {
    let Some(town) = Town::start().await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    drop(alice.online().await);
    alice.says(&room, "the line was cut").await;
    bob.says(&room, "and you are back").await;
    let (mut one, mut other) = (alice.online().await, alice.online().await);
    bob.says(&room, "twice").await;
    for socket in [&mut one, &mut other] {
        assert_eq!(words(&socket.push(3).await.sub(6).sub(1)), "twice", "what is new, and nothing that was");
    }
    // It is a session like any other: she sees and ends it over our own API.
    let new = town.over_our_api(&alice).await;
    let sessions = new.client.sessions().await.unwrap();
    let old = sessions.iter().find(|session| session.platform == "chatroom").expect("it is in the list");
    new.client.end_session(SessionId::try_from(&old.session_id[..]).unwrap()).await.unwrap();
    for socket in [&mut one, &mut other] {
        assert_eq!(socket.next().await, Came::Closed(1003, "未找到会话信息!".into()));
    }
    until("its calls are refused", async || !is_known(&alice).await).await;
    assert!(is_known(&bob).await);
}

#[tokio::test]
async fn five_at_a_time_and_never_at_the_cost_of_another_protocol() {
    let Some(town) = Town::start_with(&["limits.sessions=2"]).await else { return };
    let first = town.person("alice").await;
    let new = town.over_our_api(&first).await;
    let mut sockets = first.online().await;
    let mut rest = Vec::new();
    for _ in 0..4 {
        rest.push(town.log_in("alice").await);
    }
    assert!(is_known(&first).await, "five");
    rest.push(town.log_in("alice").await);
    assert_eq!(sockets.next().await, Came::Closed(1003, "未找到会话信息!".into()), "the oldest ends");
    until("its calls are refused", async || !is_known(&first).await).await;
    for session in &rest {
        assert!(is_known(session).await);
    }
    new.client.profile().await.unwrap();
    // The other way round: more sessions of the other API end none of these.
    let mut newest = new;
    for _ in 0..3 {
        newest = town.over_our_api(&first).await;
    }
    for session in &rest {
        assert!(is_known(session).await);
    }
    let listed = newest.client.sessions().await.unwrap();
    let old = listed.iter().filter(|session| session.platform == "chatroom").count();
    assert_eq!((old, listed.len() - old), (5, 2));
}

#[tokio::test]
async fn only_tokens_open_anything() {
    let Some(town) = Town::start().await else { return };
    let alice = town.person("alice").await;
    let _online = alice.online().await;
    let new = town.over_our_api(&alice).await;
    let tokens = new.client.tokens().unwrap();
    let (code_id, _) = town.code(&town.phone()).await;
    let mut upper = alice.token.clone();
    upper.pop();
    for token in ["", &alice.id, &code_id, &tokens.access_token, &tokens.refresh_token, &upper, &"x".repeat(100_000)] {
        let refused = town.asks(GET_USER_INFO.0, &[field(GET_USER_INFO.1, token)]).await;
        assert_eq!((refused.errmsg().as_str(), refused.has(4)), (UNKNOWN_SESSION, false), "{}", token.len());
    }
    // Nor does a token of this protocol open the other API.
    let url = format!("{}/v1/users/me", town.app.url());
    let answer = reqwest::Client::new().get(url).bearer_auth(&alice.token).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    // It stands nowhere as it is.
    let files =
        std::fs::read_dir(town.app.store_dir()).unwrap().filter_map(|file| std::fs::read(file.ok()?.path()).ok());
    let token = alice.token.as_bytes();
    for bytes in files {
        assert!(!bytes.windows(token.len()).any(|part| part == token));
    }
}
