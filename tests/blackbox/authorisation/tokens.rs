//! Cursors, tokens, resume points and device ids of others, and the services behind the gateway: what is no id and must
//! not open anything either.

use std::{cell::RefCell, sync::Arc};

use anser_client::{Client, RawSocket, http::LoginDevice};
use anser_tests::{PASSWORD, TestApp, soon, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    SETTINGS, api_document,
    asking::greeted,
    people::{People, WITH_FRIEND},
    scene::{Scene, begun_upload, newcomer, tomorrow},
    table::Principal,
};

#[tokio::test]
async fn a_cursor_is_good_for_its_own_person_only() {
    let Some(app) = TestApp::start_with(SETTINGS).await else { return };
    let app = Arc::new(app);
    let document = api_document(&app).await;
    let people = People::arrive(&app).await;
    let (owner, admin) = (&people.owner, &people.admin);
    let mut scene = Scene::new(&people);
    let group = scene.thing("group", Principal::Owner).await;
    let message = scene.thing("message", Principal::Owner).await;
    let (conversation, seq) = (group.parse().unwrap(), message.parse().unwrap());
    let code = scene.thing("code", Principal::Owner).await;
    owner.client.change_group(conversation, json!({ "approval": true })).await.unwrap();
    for reader in [owner, admin, &people.member] {
        reader.client.react(conversation, seq, "👍").await.unwrap();
        reader.client.mark_read(conversation, seq).await.unwrap();
        let other = newcomer(&people).await;
        owner.client.block(newcomer(&people).await.id).await.unwrap();
        other.asks(owner).await;
        other.group("come", &[owner]).await;
        other.client.join_by_link(&code, "").await.unwrap();
        owner.client.schedule(&owner.message(conversation, "later"), tomorrow(owner)).await.unwrap();
        begun_upload(owner).await;
        owner.says(conversation, "an otter").await;
    }
    let mut lists = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        if !parameters.into_iter().any(|parameter| parameter["name"] == "cursor") {
            continue;
        }
        let path = path.replace("{conversation_id}", &group).replace("{seq}", &message);
        let path = match path.as_str() {
            "/v1/search/messages" => format!("{path}?q=otter&limit=1"),
            "/v1/search/users" => format!("{path}?q=newcomer&limit=1"),
            _ => format!("{path}?limit=1"),
        };
        // What is searched is a moment behind.
        let found = RefCell::new(String::new());
        until(&format!("{path} has more than one item: make them here"), async || {
            let page = get(&owner.client, &path).await;
            found.replace(page.1["next_cursor"].as_str().unwrap_or_else(|| panic!("{path}: {}", page.1)).to_owned());
            !found.borrow().is_empty()
        })
        .await;
        let cursor = found.into_inner();
        assert_eq!(get(&owner.client, &format!("{path}&cursor={cursor}")).await.0, 200, "{path}");
        let foreign = get(&admin.client, &format!("{path}&cursor={cursor}")).await;
        assert_eq!((foreign.0, foreign.1["code"].as_str()), (400, Some("invalid_argument")), "{path}");
        lists += 1;
    }
    assert!(lists >= 9, "{lists} lists");
    let token = get(&owner.client, "/v1/sync/heads").await.1["next_token"].as_str().unwrap().to_owned();
    assert_eq!(get(&owner.client, &format!("/v1/sync/heads?token={token}")).await.0, 200);
    assert_eq!(get(&admin.client, &format!("/v1/sync/heads?token={token}")).await.0, 400);
    // This one holds nothing but numbers of versions: whoever shows it is told about themselves.
    let token = get(&people.victim.client, "/v1/sync/me").await.1["next_token"].as_str().unwrap().to_owned();
    let (status, page) = get(&people.stranger.client, &format!("/v1/sync/me?token={token}")).await;
    assert!(status != 200 || !page.to_string().contains("quetzal"), "{page}");
}

async fn get(client: &Client, path: &str) -> (u16, Value) {
    let answer = client.call(Method::GET, path, None, &[]).await.unwrap();
    (answer.status, answer.value().unwrap())
}

#[tokio::test]
async fn a_resume_point_of_another_person_tells_nothing_of_them() {
    let Some(app) = TestApp::start_with(SETTINGS).await else { return };
    let people = People::arrive(&Arc::new(app)).await;
    let welcome = until_frame(&mut greeted(&people.victim.client, "").await, "welcome").await;
    let resume = welcome["welcome"]["resume"].as_str().unwrap();
    people.friend.says(people.with_friend, WITH_FRIEND).await;
    let mut socket = greeted(&people.stranger.client, resume).await;
    until_frame(&mut socket, "welcome").await;
    // Whatever is resumed stands before one's own word.
    let own = people.stranger.group("my own", &[]).await;
    people.stranger.says(own, "the end").await;
    while !until_frame(&mut socket, "push").await.to_string().contains("the end") {}
}

/// The next frame of a kind; none before it may hold a secret.
async fn until_frame(socket: &mut RawSocket, kind: &str) -> Value {
    soon(kind, async {
        loop {
            let payload = socket.next_payload().await.unwrap();
            let text = String::from_utf8_lossy(&payload);
            assert!(!text.contains("quetzal"), "{text}");
            let frame: Value = serde_json::from_str(&text).unwrap();
            if !frame[kind].is_null() {
                return frame;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_device_id_of_another_person_ends_nothing() {
    let (app, alice) = TestApp::with_person("alice").await;
    let mallory = app.person("mallory").await;
    let device_id = alice.client.tokens().unwrap().device_id;
    let phone = alice.online().await;
    let device = LoginDevice { id: device_id.clone(), ..LoginDevice::default() };
    mallory.client.login(&mallory.username, PASSWORD, &device).await.unwrap();
    mallory.on_device(&device_id).await.online().await;
    alice.client.profile().await.unwrap();
    phone.socket.ping().await.unwrap();
    assert_eq!(alice.client.sessions().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_public_port_knows_no_services() {
    let (app, alice) = TestApp::with_person("alice").await;
    let token = alice.client.tokens().unwrap().access_token;
    let http = reqwest::Client::builder().build().unwrap();
    for path in ["/anser.v1.Conversations/CreateGroup", "/anser.v1.Messages/Link", "/anser.v1.Auth/Login"] {
        let call = http.post(format!("{}{path}", app.url())).header("content-type", "application/grpc+proto");
        let answer = call.bearer_auth(&token).body(vec![0, 0, 0, 0, 0]).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}
