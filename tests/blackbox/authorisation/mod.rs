//! Who may do what: a table of every operation and every kind of caller, and the real server compared with it.
//!
//! `matrix.txt` is the table. Each request is made by each of its eleven principals. What is refused must be refused with
//! the table's code and a documented status, must have changed nothing, and no answer may hold anything that its reader may not
//! know. `foreign.rs` puts ids of others into each place of each request, `tokens.rs` tries what else belongs to others.

mod asking;
mod foreign;
mod people;
mod scene;
mod table;
mod tokens;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anser_tests::{TestApp, until};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;

use asking::{Answered, ask};
use people::People;
use scene::Scene;
use table::{Principal, Request, Row, documented, operations, table};

/// Limits that this many requests of so few people do not meet.
const SETTINGS: &[&str] = &[
    "files.transfers_per_user=1000",
    "files.uploads=10000",
    "limits.conversations=1000000",
    "limits.friend_categories=10000",
    "limits.friends=1000000",
    "limits.invitations=100000",
    "limits.profile_changes_per_hour=100000",
    "limits.sessions=1000",
    "messaging.keep_versions=true",
];

/// Groups of people that work on the table at the same time.
const CREWS: usize = 4;

/// What the server says of itself.
async fn api_document(app: &TestApp) -> Value {
    app.anonymous().call(Method::GET, "/openapi.json", None, &[]).await.unwrap().value().unwrap()
}

#[tokio::test]
async fn the_table_has_every_operation_and_no_other() {
    let app = TestApp::start().await;
    let served = operations(&api_document(&app).await);
    let listed: BTreeSet<String> = table().iter().map(|row| row.request.operation()).collect();
    let missing: Vec<_> = served.difference(&listed).collect();
    assert!(missing.is_empty(), "matrix.txt has no row for {missing:?}");
    let superfluous: Vec<_> = listed.difference(&served).collect();
    assert!(superfluous.is_empty(), "the server knows nothing of {superfluous:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let Some(app) = TestApp::start_with(SETTINGS).await else { return };
    let app = Arc::new(app);
    let document = api_document(&app).await;
    let (rows, next) = (table(), AtomicUsize::new(0));
    let crews = (0..CREWS).map(|_| async {
        let people = People::arrive(&app).await;
        let mut found = BTreeMap::new();
        while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            let wrong = compare(&people, row, &document).await;
            if !wrong.is_empty() {
                found.insert(row.line, wrong);
            }
        }
        found
    });
    let wrong: BTreeMap<usize, Vec<String>> = join_all(crews).await.into_iter().flatten().collect();
    let wrong: Vec<String> = wrong.into_values().flatten().collect();
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// Everything about one row that is not as the table says.
async fn compare(people: &People, row: &Row, document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let cells = || Principal::ALL.into_iter().zip(&row.outcomes);
    let mut scene = Scene::new(people);
    if only_reads(&row.request) {
        // What nobody asks for must not turn up either.
        scene.thing("group", Principal::Owner).await;
    }
    // First those who are refused, all in one scene: it must stand there unchanged.
    let mut requests = Vec::new();
    for (who, expected) in cells().filter(|(_, expected)| *expected != "ok") {
        requests.push((who, expected, scene.request(&row.request, who).await));
    }
    let before = scene.digest().await;
    for (who, expected, request) in requests {
        for client in people.clients(who) {
            let answered = ask(&client, &request).await;
            wrong.extend(judge(row, &scene, who, expected, &answered, document));
        }
    }
    for ((what, before), (_, after)) in before.iter().zip(scene.digest().await) {
        if *before != after {
            wrong.push(format!("{}: refused, and yet {what} changed\n{before}\n{after}", place(row)));
        }
    }
    for (who, expected) in cells().filter(|(_, expected)| *expected == "ok") {
        if row.costly {
            let own = People::arrive(&people.app).await;
            let mut scene = Scene::new(&own);
            let request = scene.request(&row.request, who).await;
            let answered = ask(&own.clients(who)[0], &request).await;
            wrong.extend(judge(row, &scene, who, expected, &answered, document));
            continue;
        }
        if !only_reads(&row.request) {
            scene = Scene::new(people);
        }
        for client in people.clients(who) {
            let request = scene.request(&row.request, who).await;
            let head = people.victim.sees(people.with_friend).await.head_seq;
            let answered = ask(&client, &request).await;
            wrong.extend(judge(row, &scene, who, expected, &answered, document));
            if is_told_later(&row.request) && answered.outcome == "ok" {
                // Or a later row would take it for something of its own.
                until("the reaction is told", || async {
                    people.victim.sees(people.with_friend).await.head_seq > head
                })
                .await;
            }
        }
    }
    wrong
}

fn judge(
    row: &Row,
    scene: &Scene<'_>,
    who: Principal,
    expected: &str,
    answered: &Answered,
    document: &Value,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut complain = |what: String| wrong.push(format!("{}: {who:?}: {what}", place(row)));
    let Answered { outcome, status, heard } = answered;
    if outcome != expected {
        complain(format!("the table says {expected}, the server {outcome}: {heard}"));
    }
    if let Some(status) = status.filter(|status| *status >= 400) {
        let promised = documented(document, &row.request.operation());
        if !promised.contains(&status.to_string()) {
            complain(format!("{status} is not documented, but {promised:?}"));
        }
    }
    // Who comes in by a link is a member from then on.
    let came_in = outcome == "ok" && row.request.places().iter().any(|place| place == "code");
    for secret in scene.secrets_for(who).into_iter().filter(|_| !came_in) {
        if heard.contains(secret) {
            complain(format!("heard {secret:?}: {heard}"));
        }
    }
    wrong
}

fn place(row: &Row) -> String {
    format!("matrix.txt:{} {}", row.line, row.request.operation())
}

/// Reactions become an entry within a second; what the victim shares with their friend outlives the row.
fn is_told_later(request: &Request) -> bool {
    request.operation().contains("react") && request.places().iter().any(|place| place == "direct")
}

fn only_reads(request: &Request) -> bool {
    match request {
        Request::Http { method, .. } => *method == Method::GET,
        Request::Socket { op, .. } => op.starts_with("sync_"),
    }
}
