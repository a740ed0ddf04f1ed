//! Finding people by their names, and who is not found.

use anser_client::v1::{Audience, Privacy};
use anser_tests::{Person, TestApp, code, until};
use anser_types::Code;

async fn finds(person: &Person, question: &str) -> Vec<Vec<u8>> {
    let reply = person.client.search_users(question, 50, "").await.unwrap();
    reply.items.into_iter().map(|profile| profile.user_id).collect()
}

/// Waits until this person is the closest: the index is a moment behind. Others may have names that are nearly the same.
async fn comes_to_find(person: &Person, question: &str, expected: &Person) {
    let first = async || finds(person, question).await.first() == Some(&expected.id.to_vec());
    until(&format!("{question} to find them"), first).await;
}

#[tokio::test]
async fn people_are_found_by_name_sound_and_id() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    let name = format!("雁南飞{}", &bob.id.to_string()[20..]);
    bob.client.update_profile(Some(&name), None).await.unwrap();
    comes_to_find(&alice, &name, &bob).await;
    comes_to_find(&alice, &format!("yannanfei{}", &name["雁南飞".len()..]), &bob).await;
    comes_to_find(&alice, &name["雁".len()..], &bob).await;
    comes_to_find(&alice, &bob.id.to_string(), &bob).await;
    comes_to_find(&alice, &bob.username, &bob).await;
    assert_eq!(code(alice.client.search_users(" ", 5, "").await), Code::InvalidArgument);
}

#[tokio::test]
async fn the_hidden_are_found_by_friends_and_blockers_not_by_the_blocked() {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let eve = app.person("eve").await;
    comes_to_find(&eve, &alice.username, &alice).await;
    let nobody = Privacy { find_me: Audience::Nobody.into(), ..Privacy::default() };
    alice.client.update_privacy(&nobody).await.unwrap();
    assert!(!finds(&eve, &alice.username).await.contains(&alice.id.to_vec()));
    assert!(finds(&eve, &alice.id.to_string()).await.is_empty());
    comes_to_find(&bob, &alice.username, &alice).await;
    comes_to_find(&eve, &bob.username, &bob).await;
    bob.client.block(eve.id).await.unwrap();
    assert!(!finds(&eve, &bob.username).await.contains(&bob.id.to_vec()));
    comes_to_find(&bob, &eve.username, &eve).await;
}
