//! Changing the password, and closing an account: what ends, what goes, what stays.

use std::time::Duration;

use anser_client::{
    http::LoginDevice,
    v1::{Role, event::Event},
};
use anser_tests::{PASSWORD, TestApp, code, texts, until};
use anser_types::Code;

const ONE_SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_new_password_throws_out_every_other_device() {
    let (app, alice) = TestApp::with_person("alice").await;
    let other = alice.on_another_device().await;
    let (mine, others) = (alice.online().await, other.online().await);
    assert_eq!(code(alice.client.change_password("not it at all", "something new").await), Code::Forbidden);
    assert_eq!(code(alice.client.change_password(PASSWORD, "short").await), Code::InvalidArgument);
    other.client.profile().await.unwrap();

    alice.client.change_password(PASSWORD, "something new").await.unwrap();
    assert_eq!(others.ends_within(ONE_SECOND).await.code, Some(4410));
    assert_eq!(code(other.client.profile().await), Code::Unauthenticated);
    mine.resume_point().await;
    assert_eq!(alice.client.sessions().await.unwrap().len(), 1, "this one stays");
    let client = app.anonymous();
    let device = LoginDevice::default();
    assert_eq!(code(client.login(&alice.username, PASSWORD, &device).await), Code::Unauthenticated);
    client.login(&alice.username, "something new", &device).await.unwrap();
}

#[tokio::test]
async fn a_closed_account_leaves_what_it_said_and_nothing_else() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = (app.person("alice").await, app.person("bob").await, app.person("carol").await);
    let talk = alice.befriends(&bob).await;
    alice.befriends(&carol).await;
    let group = alice.group("ours", &[&bob, &carol]).await;
    alice.says(talk, "remember me").await;
    alice.says(group, "all of you").await;
    let bobs = bob.online().await;
    let own = alice.online().await;

    assert_eq!(code(alice.client.close_account("not it at all").await), Code::Forbidden);
    alice.client.close_account(PASSWORD).await.unwrap();
    assert_eq!(own.ends_within(ONE_SECOND).await.code, Some(4410));
    assert_eq!(code(alice.client.profile().await), Code::Unauthenticated);
    let client = app.anonymous();
    let device = LoginDevice::default();
    assert_eq!(code(client.login(&alice.username, PASSWORD, &device).await), Code::Unauthenticated);
    assert_eq!(code(client.register(&alice.username, PASSWORD, "").await), Code::AlreadyExists);

    bobs.hears("the end of the friendship", |event| match event {
        Event::FriendRemoved(removed) if removed.user_id == alice.id.as_bytes() => Some(()),
        _ => None,
    })
    .await;
    until("she is out of the group", async || bob.sees(group).await.member_count == 2).await;
    assert!(bob.client.friends(0, "").await.unwrap().items.is_empty());
    let profile = bob.client.user(alice.id).await.unwrap();
    assert!(profile.closed && profile.username.is_empty() && profile.nickname.is_empty());
    assert_eq!(code(bob.client.find(&alice.username).await), Code::NotFound);
    assert_eq!(code(bob.client.request_friend(alice.id, "").await), Code::NotFound);

    // What she said stays; the group has an owner.
    assert_eq!(texts(&bob.history(talk).await), ["remember me"]);
    assert!(texts(&bob.history(group).await).contains(&"all of you"));
    assert_eq!(code(bob.tries_to_say(talk, "are you there?").await), Code::NotAllowed);
    let roles = [bob.sees(group).await.my_role(), carol.sees(group).await.my_role()];
    assert!(roles.contains(&Role::Owner) && roles.contains(&Role::Member), "{roles:?}");
    bob.says(group, "she is gone").await;
}

#[tokio::test]
async fn closing_goes_on_after_a_crash() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = (app.person("alice").await, app.person("bob").await);
    alice.befriends(&bob).await;
    let group = alice.group("ours", &[&bob]).await;
    alice.client.close_account(PASSWORD).await.unwrap();
    app.crash();
    app.start_again().await;
    until("all is erased", async || {
        let owner = bob.sees(group).await.my_role() == Role::Owner;
        owner && bob.client.friends(0, "").await.unwrap().items.is_empty()
    })
    .await;
    assert!(bob.client.user(alice.id).await.unwrap().closed);
}
