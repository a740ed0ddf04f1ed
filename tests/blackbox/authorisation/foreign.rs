//! Ids of others, put into each place of each request by somebody who has nothing to do with them: in paths, query
//! strings and bodies, over HTTP and over a WebSocket.

use std::{collections::HashMap, sync::Arc};

use anser_tests::{PASSWORD, Person, TestApp, soon};
use anser_types::ConversationId;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Duration, timeout},
};

use super::{
    SETTINGS, api_document,
    asking::{ask, greeted},
    people::{People, WITH_FRIEND},
    place,
    scene::{Scene, new_id, newcomer, own_category, said, session_of, tomorrow},
    table::{Principal, Request, documented, table},
};

/// What an id is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Conversation,
    Person,
    Request,
    Session,
    Link,
    Category,
}

/// The kind of id at a place of the table, where it is one.
fn kind_of(place: &str) -> Option<Kind> {
    Some(match place {
        "group" | "dismissed" | "direct" | "unfriended" | "own_group" | "group_that_invites_me" => Kind::Conversation,
        "owner" | "other_admin" | "member" | "me" | "applicant" | "victim" | "hidden" | "own_friend" | "newcomer"
        | "blocked_by_me" => Kind::Person,
        "request_to_me" | "request_from_me" | "request_of_others" => Kind::Request,
        "own_session" | "victim_session" => Kind::Session,
        "link" => Kind::Link,
        "own_category" | "victim_category" => Kind::Category,
        _ => return None,
    })
}

/// Where naming another person is what the operation is for. It may succeed, and still tells nothing.
const ABOUT_OTHERS: &[&str] =
    &["GET /v1/users/{}", "PUT /v1/blocks/{}", "DELETE /v1/blocks/{}", "POST /v1/friend-requests"];
/// The same, and whether the id is anybody's at all is not told: who is asked in, or looked for, may be nobody.
const MAY_BE_NOBODY: &[&str] =
    &["POST /v1/conversations", "POST /v1/conversations/{}/members", "GET /v1/presence", "WS watch_presence"];
/// What is as it is to be already is no error: the success must change nothing.
const ALREADY_SO: &[&str] = &["DELETE /v1/conversations/{}/links/{}"];

/// The stranger's own things, one of each kind.
async fn own_things(people: &People) -> HashMap<Kind, String> {
    let me = &people.stranger;
    let (friend, applicant) = (newcomer(people).await, newcomer(people).await);
    me.befriends(&friend).await;
    let group = me.group("my own", &[&friend]).await;
    let link = me.client.create_join_link(group, 0, 0).await.unwrap();
    let link = anser_types::JoinLinkId::try_from(&link.link_id[..]).unwrap();
    HashMap::from([
        (Kind::Conversation, group.to_string()),
        (Kind::Person, friend.id.to_string()),
        (Kind::Request, applicant.asks(me).await.to_string()),
        (Kind::Session, session_of(&me.on_another_device().await)),
        (Kind::Link, link.to_string()),
        (Kind::Category, own_category(me, "my own").await),
    ])
}

/// What stands at a place that is no id.
async fn harmless(people: &People, own: &HashMap<Kind, String>, place: &str) -> String {
    let me = &people.stranger;
    match place {
        "message"
        | "later_message"
        | "own_message"
        | "other_admins_message"
        | "owners_message"
        | "own_groups_message"
        | "own_direct_message"
        | "victims_direct_message" => said(me, own[&Kind::Conversation].parse().unwrap(), "hello").await,
        "tomorrow" => tomorrow(me).to_string(),
        "password" => PASSWORD.to_owned(),
        "emoji" => "%F0%9F%91%8D".to_owned(),
        _ => new_id(me),
    }
}

/// What of the owner's and the victim's a stranger might get hold of.
async fn foreign_things(scene: &mut Scene<'_>) -> Vec<(Kind, String)> {
    let names = [
        "group",
        "direct",
        "dismissed",
        "victim",
        "member",
        "request_of_others",
        "victim_session",
        "link",
        "victim_category",
    ];
    let mut things = Vec::new();
    for name in names {
        things.push((kind_of(name).unwrap(), scene.thing(name, Principal::Stranger).await));
    }
    things
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_others_lead_nowhere_and_tell_nothing() {
    let Some(app) = TestApp::start_with(SETTINGS).await else { return };
    let app = Arc::new(app);
    let document = api_document(&app).await;
    let people = People::arrive(&app).await;
    let mut scene = Scene::new(&people);
    let (own, foreign) = (own_things(&people).await, foreign_things(&mut scene).await);
    let group: ConversationId = foreign[0].1.parse().unwrap();
    // Never sent by the stranger, so never to be heard.
    let mut unheard: Vec<String> = scene.secrets_for(Principal::Stranger).into_iter().map(str::to_owned).collect();
    unheard.push(scene.thing("code", Principal::Stranger).await);
    unheard.push(people.with_blocked.to_string());
    unheard.extend([&people.admin, &people.muted, &people.friend].map(|person| person.id.to_string()));

    let listening = Listening::begin(&people.stranger).await;
    let mut wrong = Vec::new();
    for row in table() {
        let places = row.request.places();
        let Some(first) = places.iter().position(|place| kind_of(place).is_some()) else { continue };
        // Those who are spied on go on talking.
        people.other_member.says(group, &scene.later_secret).await;
        people.friend.says(people.with_friend, WITH_FRIEND).await;
        let before = scene.digest().await;
        let mut may_change = false;
        for at in (first..places.len()).filter(|at| kind_of(&places[*at]).is_some()) {
            for (kind, thing) in &foreign {
                let request = spy(&people, &own, &row.request, &places, at, thing).await;
                let answered = ask(&people.stranger.client, &request).await;
                let what = format!("{}: {kind:?} for {}", place(&row), places[at]);
                let operation = row.request.operation();
                let person = kind_of(&places[at]) == Some(Kind::Person);
                let named = person && *kind == Kind::Person && ABOUT_OTHERS.contains(&operation.as_str())
                    || person && MAY_BE_NOBODY.contains(&operation.as_str());
                let already_so = kind_of(&places[at]) == Some(Kind::Link) && ALREADY_SO.contains(&operation.as_str());
                let only_looks = operation.starts_with("GET ") || operation == "WS watch_presence";
                may_change |= named && !only_looks && answered.outcome == "ok";
                if answered.outcome == "ok" && !named && !already_so {
                    wrong.push(format!("{what}: was let in: {request:?} {}", answered.heard));
                }
                if let Some(status) = answered.status.filter(|status| *status >= 400)
                    && !documented(&document, &row.request.operation()).contains(&status.to_string())
                {
                    wrong.push(format!("{what}: {status} is not documented: {}", answered.heard));
                }
                let sent = format!("{request:?}");
                let ids = foreign.iter().map(|(_, id)| id).filter(|id| !sent.contains(*id));
                for secret in unheard.iter().chain(ids).filter(|secret| answered.heard.contains(*secret)) {
                    wrong.push(format!("{what}: heard {secret:?}: {}", answered.heard));
                }
            }
        }
        if !may_change && before != scene.digest().await {
            wrong.push(format!("{}: refused, and yet something changed", place(&row)));
        }
    }
    let pushed = listening.end(&people.stranger, &own[&Kind::Conversation]).await;
    for secret in unheard.iter().filter(|secret| pushed.contains(*secret)) {
        wrong.push(format!("pushed: {secret:?}"));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// The request with one's own things everywhere but at one place.
async fn spy(
    people: &People,
    own: &HashMap<Kind, String>,
    request: &Request,
    places: &[String],
    at: usize,
    foreign: &str,
) -> Request {
    let mut things = Vec::new();
    for (index, place) in places.iter().enumerate() {
        things.push(match kind_of(place) {
            _ if index == at => foreign.to_owned(),
            Some(kind) => own[&kind].clone(),
            None => harmless(people, own, place).await,
        });
    }
    request.filled(&things)
}

/// A socket of the stranger's, on which everything is written down.
struct Listening {
    heard: mpsc::Receiver<String>,
}

impl Listening {
    async fn begin(person: &Person) -> Self {
        let mut socket = greeted(&person.on_another_device().await.client, "").await;
        let (hears, heard) = mpsc::channel(100_000);
        tokio::spawn(async move {
            while let Ok(payload) = socket.next_payload().await {
                let text = String::from_utf8_lossy(&payload).into_owned();
                let frame: Value = serde_json::from_str(&text).unwrap();
                if let Some(number) = frame["push"]["push_no"].as_u64() {
                    socket.ack(number).await.unwrap();
                }
                if hears.send(text).await.is_err() {
                    return;
                }
            }
        });
        Self { heard }
    }

    /// All that came until a word of one's own, and in the second after it.
    async fn end(mut self, person: &Person, own_group: &str) -> String {
        let last = new_id(person);
        said(person, own_group.parse().unwrap(), &last).await;
        let mut all = String::new();
        while !all.contains(&last) {
            all.push_str(&soon("one's own word", self.heard.recv()).await.expect("the socket stays open"));
        }
        while let Ok(Some(text)) = timeout(Duration::from_secs(1), self.heard.recv()).await {
            all.push_str(&text);
        }
        all
    }
}
