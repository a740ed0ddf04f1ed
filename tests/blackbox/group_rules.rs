//! What owner and admins do to a group, and the ways into it besides being invited.

use anser_client::v1::{Entry, JoinRequestState, Role, content::Kind, event::Event};
use anser_tests::{Device, Person, TestApp, code};
use anser_types::{Code, ConversationId, JoinLinkId};
use serde_json::json;

async fn hears_kind(device: &Device, what: &str, wanted: impl Fn(&Kind) -> bool) -> Entry {
    device
        .hears(what, |event| match event {
            Event::Entry(entry) => {
                let kind = entry.content.as_ref().and_then(|content| content.kind.as_ref())?;
                wanted(kind).then(|| entry.clone())
            }
            _ => None,
        })
        .await
}

async fn two_and_a_stranger() -> (TestApp, Person, Person, Person, ConversationId) {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let carol = app.person("carol").await;
    let group = alice.group("walks", &[&bob]).await;
    (app, alice, bob, carol, group)
}

#[tokio::test]
async fn what_changes_reaches_those_who_are_here_and_those_who_come_later() {
    let (_app, alice, bob, _, group) = two_and_a_stranger().await;
    let bobs = bob.online().await;
    let changes = json!({ "title": "hikes", "announcement": "bring water", "history": "all", "inviters": "admins" });
    let changed = alice.client.change_group(group, changes).await.unwrap();
    assert_eq!((changed.title.as_str(), changed.announcement.as_str()), ("hikes", "bring water"));
    let renamed = hears_kind(&bobs, "the new title", |kind| matches!(kind, Kind::Renamed(_))).await;
    assert!(!renamed.countable && renamed.fallback_text.contains("hikes"), "any client can show it");
    hears_kind(&bobs, "the announcement", |kind| matches!(kind, Kind::Announced(told) if told.text == "bring water"))
        .await;
    hears_kind(&bobs, "the rules", |kind| matches!(kind, Kind::RulesChanged(_))).await;
    alice.client.set_member_nickname(group, bob.id, "Bobby").await.unwrap();
    hears_kind(&bobs, "his name", |kind| matches!(kind, Kind::MemberRenamed(named) if named.nickname == "Bobby")).await;
    assert_eq!(bob.syncs(group).await.entries.len(), 6);
    assert_eq!(code(bob.client.change_group(group, json!({ "title": "mine" })).await), Code::Forbidden);
    assert_eq!(code(alice.client.change_group(group, json!({ "title": "" })).await), Code::InvalidArgument);
    assert_eq!(code(alice.client.change_group(group, json!({ "inviters": "ghosts" })).await), Code::InvalidArgument);
    let members = bob.client.members(group, 50, "").await.unwrap().items;
    assert!(members.iter().any(|member| member.nickname == "Bobby"));
}

#[tokio::test]
async fn who_is_muted_is_told_so_over_http_and_over_the_socket() {
    let (_app, alice, bob, _, group) = two_and_a_stranger().await;
    let bobs = bob.online().await;
    let until = alice.client.mute_member(group, bob.id, 3_600_000).await.unwrap().until_at;
    assert_eq!(code(bob.client.send(&bob.message(group, "but")).await), Code::Muted);
    assert_eq!(code(bobs.socket.send(bob.message(group, "but")).await), Code::Muted);
    let seen = bob.sees(group).await;
    assert_eq!((seen.can_send, seen.my_muted_until_at), (false, until));
    alice.client.mute_member(group, bob.id, 0).await.unwrap();
    bob.says(group, "thank you").await;
    alice.client.mute_all(group, 3_600_000).await.unwrap();
    assert_eq!(code(bob.tries_to_say(group, "again?").await), Code::Muted);
    alice.says(group, "quiet please").await;
}

#[tokio::test]
async fn a_group_is_handed_over_and_closed() {
    let (_app, alice, bob, _, group) = two_and_a_stranger().await;
    assert_eq!(code(bob.client.dismiss_group(group).await), Code::Forbidden);
    alice.client.transfer_ownership(group, bob.id).await.unwrap();
    assert_eq!(alice.sees(group).await.my_role(), Role::Admin);
    let alices = alice.online().await;
    bob.client.dismiss_group(group).await.unwrap();
    hears_kind(&alices, "that it is closed", |kind| matches!(kind, Kind::Dismissed(_))).await;
    assert_eq!(code(bob.tries_to_say(group, "hello?").await), Code::ConversationClosed);
    assert_eq!(code(alices.socket.send(alice.message(group, "hello?")).await), Code::ConversationClosed);
    assert_eq!(alice.history(group).await.len(), 4);
    bob.client.leave(group).await.unwrap();
}

#[tokio::test]
async fn a_link_leads_into_the_group_until_it_is_revoked() {
    let (app, alice, bob, carol, group) = two_and_a_stranger().await;
    let link = alice.client.create_join_link(group, 0, 0).await.unwrap();
    assert_eq!(code(bob.client.create_join_link(group, 0, 0).await), Code::Forbidden);
    let seen = carol.client.look_at_join_link(&link.code).await.unwrap();
    assert_eq!((seen.title.as_str(), seen.member_count, seen.member), ("walks", 2, false));
    let carols = carol.online().await;
    let joined = carol.client.join_by_link(&link.code.to_uppercase(), "").await.unwrap();
    assert!(!joined.waiting && joined.conversation.unwrap().my_role() == Role::Member);
    let earliest = carols
        .hears("that she is in", |event| match event {
            Event::ConversationJoined(joined) => Some(joined.earliest_seq),
            _ => None,
        })
        .await;
    assert_eq!(earliest, carol.sees(group).await.earliest_seq);
    carol.says(group, "hello").await;
    assert_eq!(alice.client.join_links(group).await.unwrap()[0].uses, 1);
    let id = JoinLinkId::try_from(&link.link_id[..]).unwrap();
    alice.client.revoke_join_link(group, id).await.unwrap();
    let dave = app.person("dave").await;
    assert_eq!(code(dave.client.join_by_link(&link.code, "").await), Code::NotFound);
    assert_eq!(code(dave.client.look_at_join_link("no such code").await), Code::NotFound);
}

#[tokio::test]
async fn who_was_removed_comes_by_a_link_only_with_consent_and_who_left_at_once() {
    let (_app, alice, bob, carol, group) = two_and_a_stranger().await;
    let link = alice.client.create_join_link(group, 0, 0).await.unwrap();
    carol.client.join_by_link(&link.code, "").await.unwrap();
    alice.client.remove_member(group, bob.id).await.unwrap();
    carol.client.leave(group).await.unwrap();

    assert!(!carol.client.join_by_link(&link.code, "").await.unwrap().waiting);
    assert!(bob.client.look_at_join_link(&link.code).await.unwrap().approval);
    assert!(bob.client.join_by_link(&link.code, "sorry").await.unwrap().waiting);
    assert_eq!(code(bob.tries_to_say(group, "am I in?").await), Code::Forbidden);
    alice.client.answer_join_request(group, bob.id, true).await.unwrap();
    bob.says(group, "hello again").await;
}

#[tokio::test]
async fn admins_hear_who_waits_and_who_waits_hears_the_answer() {
    let (app, alice, _, carol, group) = two_and_a_stranger().await;
    alice.client.change_group(group, json!({ "approval": true, "history": "all" })).await.unwrap();
    alice.says(group, "from before").await;
    let link = alice.client.create_join_link(group, 0, 0).await.unwrap();
    let (alices, carols) = (alice.online().await, carol.online().await);
    assert!(carol.client.join_by_link(&link.code, "it is me").await.unwrap().waiting);
    let state = |wanted: JoinRequestState| {
        move |event: &Event| match event {
            Event::JoinRequest(told) if told.state() == wanted => told.request.clone(),
            _ => None,
        }
    };
    let request = alices.hears("who waits", state(JoinRequestState::Waiting)).await;
    assert_eq!((request.user_id, request.message.as_str()), (carol.id.to_vec(), "it is me"));
    assert_eq!(alice.client.join_requests(group, 50, "").await.unwrap().items.len(), 1);
    assert_eq!(code(carol.client.conversation(group).await), Code::NotFound);
    alice.client.answer_join_request(group, carol.id, true).await.unwrap();
    carols.hears("the answer", state(JoinRequestState::Accepted)).await;
    assert_eq!(carol.sees(group).await.earliest_seq, 1);
    assert!(carol.history(group).await.iter().any(|entry| entry.fallback_text == "from before"));

    let dave = app.person("dave").await;
    let daves = dave.online().await;
    dave.client.join_by_link(&link.code, "").await.unwrap();
    alice.client.answer_join_request(group, dave.id, false).await.unwrap();
    daves.hears("the refusal", state(JoinRequestState::Rejected)).await;
    assert_eq!(code(alice.client.answer_join_request(group, dave.id, true).await), Code::NotFound);
}
