//! That somebody writes: who hears of it, and who does not.

use anser_client::{Encoding, v1::event::Event};
use anser_tests::{Device, Person, TestApp, code, texts};
use anser_types::{Code, ConversationId};

/// Who was said to write, up to an entry with this text.
async fn writers_before(device: &Device, text: &str) -> Vec<Vec<u8>> {
    let mut writers = Vec::new();
    device
        .hears("the message", |event| match event {
            Event::Typing(typing) => {
                writers.push(typing.user_id.clone());
                None
            }
            Event::Entry(entry) if texts(std::slice::from_ref(entry)) == [text] => Some(()),
            _ => None,
        })
        .await;
    writers
}

async fn writes_and_says(person: &Person, device: &Device, conversation: ConversationId, text: &str) {
    device.socket.typing(conversation).await.unwrap();
    person.says(conversation, text).await;
}

#[tokio::test]
async fn the_others_who_are_online_hear_that_somebody_writes() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = (app.person("alice").await, app.person("bob").await, app.person("carol").await);
    let talk = alice.befriends(&bob).await;
    alice.befriends(&carol).await;
    let group = alice.group("ours", &[&bob, &carol]).await;
    let alices = alice.online().await;
    let (bobs, carols) = (bob.online_in(Encoding::Json).await, carol.online().await);
    let own = alice.on_another_device().await.online().await;
    writes_and_says(&alice, &alices, talk, "to bob").await;
    assert_eq!(writers_before(&bobs, "to bob").await, [alice.id.to_vec()]);
    assert_eq!(writers_before(&own, "to bob").await, Vec::<Vec<u8>>::new(), "not oneself");
    writes_and_says(&alice, &alices, group, "to all").await;
    assert_eq!(writers_before(&bobs, "to all").await, [alice.id.to_vec()]);
    assert_eq!(writers_before(&carols, "to all").await, [alice.id.to_vec()]);
    assert_eq!(code(carols.socket.typing(talk).await), Code::NotFound);
}

#[tokio::test]
async fn somebody_at_one_gateway_is_heard_to_write_at_another() {
    let Some(app) = TestApp::start_split(&[]).await else { return };
    let other = app.another_gateway().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let talk = alice.with(&bob).await;
    let (here, there) = (alice.online().await, bob.through(&other).online().await);
    writes_and_says(&alice, &here, talk, "over there").await;
    assert_eq!(writers_before(&there, "over there").await, [alice.id.to_vec()]);
    there.socket.typing(talk).await.unwrap();
    bob.says(talk, "over here").await;
    assert_eq!(writers_before(&here, "over here").await, [bob.id.to_vec()]);
}

#[tokio::test]
async fn a_blocked_friend_writes_unheard_and_sees_nothing() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = (app.person("alice").await, app.person("bob").await, app.person("carol").await);
    let talk = alice.befriends(&bob).await;
    let other = alice.befriends(&carol).await;
    alice.client.block(bob.id).await.unwrap();
    let (alices, bobs) = (alice.online().await, bob.online().await);
    bobs.socket.typing(talk).await.unwrap();
    carol.says(other, "then this").await;
    assert_eq!(writers_before(&alices, "then this").await, Vec::<Vec<u8>>::new());
    alice.client.unblock(bob.id).await.unwrap();
    alice.client.delete_friend(bob.id).await.unwrap();
    assert_eq!(code(bobs.socket.typing(talk).await), Code::NotAllowed);
}
