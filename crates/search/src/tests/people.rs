//! People are found by whatever one remembers of their names.

use anser_contract::v1::{PublicProfile, SearchUsersReply, SearchUsersRequest};
use tempfile::tempdir;

use super::*;

async fn asked(town: &Town, question: &str, limit: u32, cursor: &str) -> SearchUsersReply {
    let request = SearchUsersRequest { query: question.into(), limit, cursor: cursor.into() };
    town.search.search_users(&by(ADA), request).await.unwrap()
}

async fn found(town: &Town, question: &str) -> Vec<String> {
    asked(town, question, 50, "").await.items.into_iter().map(|profile| profile.username).collect()
}

#[tokio::test]
async fn people_are_found_by_anything_of_their_names() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    for (id, username, nickname) in [
        (10, "wxm", "王小明"),
        (11, "zhangwei", "张伟 Victor"),
        (12, "alice", "Alice Liddell"),
        (13, "alicia", "Alicia"),
        (14, "christopher", "Kit"),
        (15, "mozart", "单乐"),
    ] {
        town.people.is_called(UserId([id; 16]), username, nickname);
    }
    town.catch_up().await;
    for (question, expected) in [
        ("alice", &["alice"][..]),
        ("ALIC", &["alice", "alicia"]),
        ("ａｌｉｃｅ", &["alice"]),
        ("lidd", &["alice"]),
        ("alice lid", &["alice"]),
        ("小明", &["wxm"]),
        ("明", &["wxm"]),
        ("王小", &["wxm"]),
        ("wangxiaoming", &["wxm"]),
        ("wangx", &["wxm"]),
        ("xiaoming", &["wxm"]),
        ("zw", &["zhangwei"]),
        ("张伟", &["zhangwei"]),
        ("victor", &["zhangwei"]),
        ("vicotr", &["zhangwei"]),
        ("zhangwie", &["zhangwei"]),
        ("alcie", &["alice"]),
        ("christofer", &["christopher"]),
        ("wangxiaomin", &["wxm"]),
        ("shanle", &["mozart"]),
        ("danyue", &["mozart"]),
        ("bob", &[]),
        ("xyz", &[]),
        ("明小", &[]),
    ] {
        assert_eq!(found(&town, question).await, expected, "{question}");
    }
}

#[tokio::test]
async fn an_exact_id_or_number_finds_its_person_and_no_number_is_told() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    town.people.is_called(BOB, "bob", "Bob");
    town.people.numbers.lock().insert("+8613800138000".into(), BOB.to_vec());
    town.catch_up().await;
    assert_eq!(found(&town, &BOB.to_string()).await, ["bob"]);
    assert_eq!(found(&town, "+8613800138000").await, ["bob"]);
    assert_eq!(found(&town, "+8613800138001").await, Vec::<String>::new());
    let reply = asked(&town, "+8613800138000", 50, "").await;
    assert!(!format!("{reply:?}").contains("138001"));
}

#[tokio::test]
async fn who_changed_closed_or_hides_is_found_accordingly() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    let eve = UserId([7; 16]);
    for (user, name) in [(BOB, "robert"), (eve, "evelyn")] {
        town.people.is_called(user, name, name);
    }
    town.catch_up().await;
    assert_eq!(found(&town, "rob").await, ["robert"]);
    town.people.hidden.lock().insert(BOB.to_vec());
    assert_eq!(found(&town, "rob").await, Vec::<String>::new());
    assert_eq!(found(&town, &BOB.to_string()).await, Vec::<String>::new());
    town.people.hidden.lock().clear();
    town.people.is_called(BOB, "robert", "Roderich");
    town.people.becomes(PublicProfile { user_id: eve.to_vec(), closed: true, ..PublicProfile::default() });
    assert_eq!(found(&town, "evelyn").await, Vec::<String>::new(), "closed at once");
    town.catch_up().await;
    assert_eq!(found(&town, "roder").await, ["robert"]);
    assert_eq!(found(&town, "evel").await, Vec::<String>::new());
}

#[tokio::test]
async fn pages_of_people_are_the_whole_without_repeats() {
    let dir = tempdir().unwrap();
    let mut town = Town::on(dir.path());
    for id in 20..57 {
        town.people.is_called(
            UserId([id; 16]),
            &format!("goose{id}"),
            if id % 2 == 0 { "Goose" } else { "Wild Goose" },
        );
        if id % 7 == 0 {
            town.people.hidden.lock().insert(vec![id; 16]);
        }
    }
    town.catch_up().await;
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let reply = asked(&town, "goose", 4, &cursor).await;
        assert!(reply.items.len() <= 4);
        names.extend(reply.items.into_iter().map(|profile| profile.username));
        cursor = reply.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    let whole = asked(&town, "goose", 200, "").await.items.into_iter().map(|profile| profile.username);
    assert_eq!(names, whole.collect::<Vec<_>>());
    assert_eq!(names.len(), 37 - 6);
}
