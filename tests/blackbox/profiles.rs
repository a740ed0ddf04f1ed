//! What people change about themselves, who hears of it, and who may find and ask them.

use anser_client::v1::{Audience, Privacy, event::Event};
use anser_tests::{Device, TestApp, code};
use anser_types::Code;

async fn hears_of(device: &Device, nickname: &str) {
    device
        .hears("the new profile", |event| match event {
            Event::ProfileUpdated(profile) if profile.nickname == nickname => Some(()),
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn a_new_nickname_reaches_ones_devices_and_friends_and_waits_for_who_is_away() {
    let app = TestApp::start().await;
    let (alice, bob, carol, eve) =
        (app.person("alice").await, app.person("bob").await, app.person("carol").await, app.person("eve").await);
    alice.befriends(&bob).await;
    alice.befriends(&carol).await;
    let phone = alice.on_another_device().await.online().await;
    let bobs = bob.online().await;
    let (carols, eves) =
        (carol.client.sync_me("").await.unwrap().next_token, eve.client.sync_me("").await.unwrap().next_token);

    let changed = alice.client.update_profile(Some("Lady A"), Some("on the wing")).await.unwrap();
    assert_eq!((changed.nickname.as_str(), changed.signature.as_str()), ("Lady A", "on the wing"));
    let mine = phone
        .hears("the own profile", |event| match event {
            Event::MeUpdated(me) => Some(anser_client::v1::OwnProfile::clone(me)),
            _ => None,
        })
        .await;
    assert_eq!(mine, changed);
    hears_of(&bobs, "Lady A").await;
    assert_eq!(bob.client.user(alice.id).await.unwrap().signature, "on the wing");
    // Carol was away and finds it; bob, who heard, finds the same.
    let news = carol.client.sync_me(&carols).await.unwrap();
    assert_eq!(news.friends[0].profile.as_ref().unwrap().nickname, "Lady A");
    assert!(eve.client.sync_me(&eves).await.unwrap().friends.is_empty(), "strangers are told nothing");

    assert_eq!(code(alice.client.update_profile(Some(""), None).await), Code::InvalidArgument);
    let again = alice.client.update_profile(None, Some("")).await.unwrap();
    assert_eq!((again.nickname.as_str(), again.signature.as_str()), ("Lady A", ""));
}

#[tokio::test]
async fn who_wants_to_be_left_alone_is_neither_found_nor_asked() {
    let app = TestApp::start().await;
    let (alice, bob, eve) = (app.person("alice").await, app.person("bob").await, app.person("eve").await);
    alice.befriends(&bob).await;
    let phone = alice.on_another_device().await.online().await;
    let privacy = alice.client.privacy().await.unwrap();
    assert_eq!((privacy.find_me(), privacy.request_me()), (Audience::Everyone, Audience::Everyone));
    assert_eq!(privacy.presence(), Audience::Friends);
    assert_eq!(eve.client.find(&alice.username).await.unwrap().user_id, alice.id.to_vec());

    let nobody = Audience::Nobody as i32;
    let wanted = Privacy { find_me: nobody, request_me: nobody, ..Privacy::default() };
    let set = alice.client.update_privacy(&wanted).await.unwrap();
    assert_eq!(
        (set.find_me(), set.request_me(), set.presence()),
        (Audience::Nobody, Audience::Nobody, Audience::Friends)
    );
    let told = phone
        .hears("the settings", |event| match event {
            Event::MeUpdated(me) => me.privacy,
            _ => None,
        })
        .await;
    assert_eq!(told, set);
    assert_eq!(alice.client.sync_me("").await.unwrap().me.unwrap().privacy, Some(set));

    assert_eq!(code(eve.client.find(&alice.username).await), Code::NotFound);
    assert_eq!(bob.client.find(&alice.username).await.unwrap().user_id, alice.id.to_vec(), "friends do");
    assert_eq!(code(eve.client.request_friend(alice.id, "").await), Code::NotAllowed);
    // Whom she asks herself may answer in kind.
    alice.asks(&eve).await;
    eve.client.request_friend(alice.id, "").await.unwrap();
    assert_eq!(alice.client.friends(0, "").await.unwrap().items.len(), 2);
    let wrong = Privacy { find_me: Audience::Friends as i32, ..Privacy::default() };
    assert_eq!(code(alice.client.update_privacy(&wrong).await), Code::InvalidArgument);
}
