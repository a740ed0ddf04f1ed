//! Groups: who comes in, who goes, who may what, and what each may read.

use anser_client::v1::{Role, content::Kind, event::Event};
use anser_tests::{Person, TestApp, code, texts};
use anser_types::{Code, ConversationId};

async fn roles(person: &Person, group: ConversationId) -> Vec<(Vec<u8>, Role)> {
    let page = person.client.members(group, 200, "").await.unwrap();
    page.items.iter().map(|member| (member.user_id.clone(), member.role())).collect()
}

/// A group of three, made by the first.
async fn three() -> (TestApp, Person, Person, Person, ConversationId) {
    let app = TestApp::start().await;
    let (alice, bob, carol) = (app.person("alice").await, app.person("bob").await, app.person("carol").await);
    alice.befriends(&bob).await;
    alice.befriends(&carol).await;
    let group = alice.group("three", &[&bob, &carol]).await;
    (app, alice, bob, carol, group)
}

#[tokio::test]
async fn whoever_makes_a_group_owns_it_and_friends_are_in() {
    let (_app, alice, bob, carol, group) = three().await;
    let mut found = roles(&bob, group).await;
    found.sort_by_key(|(_, role)| std::cmp::Reverse(*role as i32));
    assert_eq!(found[0], (alice.id.to_vec(), Role::Owner));
    assert!(found.contains(&(bob.id.to_vec(), Role::Member)) && found.contains(&(carol.id.to_vec(), Role::Member)));
    let seen = bob.sees(group).await;
    assert_eq!((seen.title.as_str(), seen.member_count, seen.my_role()), ("three", 3, Role::Member));

    let log = carol.syncs(group).await.entries;
    assert!(matches!(log[0].content.as_ref().unwrap().kind, Some(Kind::Created(_))));
    assert!(matches!(log[1].content.as_ref().unwrap().kind, Some(Kind::Joined(_))));
    assert!(log.iter().all(|entry| !entry.countable), "notices are not unread");
    assert_eq!(carol.unread(group).await, 0);
}

#[tokio::test]
async fn friends_come_in_at_once_and_others_are_asked() {
    let (app, alice, bob, ..) = three().await;
    let group = alice.group("party", &[]).await;
    let dave = app.person("dave").await;
    let (bobs, daves) = (bob.online().await, dave.online().await);
    let reply = alice.client.invite(group, &[bob.id, dave.id]).await.unwrap();
    assert_eq!((reply.joined, reply.invited), (vec![bob.id.to_vec()], vec![dave.id.to_vec()]));
    bobs.hears("that he is in", |event| match event {
        Event::ConversationJoined(joined) => (joined.conversation_id == group.to_vec()).then_some(()),
        _ => None,
    })
    .await;
    let invitation = daves
        .hears("the invitation", |event| match event {
            Event::Invitation(invitation) => Some(invitation.clone()),
            _ => None,
        })
        .await;
    assert_eq!((invitation.title.as_str(), invitation.invited_by), ("party", alice.id.to_vec()));

    let listed = dave.client.invitations().await.unwrap().items;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].inviter.as_ref().unwrap().username, alice.username);
    assert_eq!(code(dave.client.conversation(group).await), Code::NotFound);
    dave.client.accept_invitation(group).await.unwrap();
    dave.says(group, "thank you").await;
    assert!(dave.client.invitations().await.unwrap().items.is_empty());
    let reply = alice.client.invite(group, &[bob.id]).await.unwrap();
    assert_eq!(reply.already, [bob.id.to_vec()]);
}

#[tokio::test]
async fn an_invitation_can_be_declined() {
    let (app, alice, ..) = three().await;
    let dave = app.person("dave").await;
    let group = alice.group("party", &[]).await;
    alice.client.invite(group, &[dave.id]).await.unwrap();
    dave.client.decline_invitation(group).await.unwrap();
    assert!(dave.client.invitations().await.unwrap().items.is_empty());
    assert_eq!(code(dave.client.accept_invitation(group).await), Code::NotFound);
    assert_eq!(code(dave.client.conversation(group).await), Code::NotFound);
}

#[tokio::test]
async fn members_are_listed_in_pages() {
    let (_app, alice, bob, carol, group) = three().await;
    let (mut cursor, mut people) = (String::new(), Vec::new());
    loop {
        let page = bob.client.members(group, 1, &cursor).await.unwrap();
        people.extend(page.items.iter().map(|member| member.profile.clone().unwrap().username));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    people.sort();
    let mut wanted = vec![alice.username, bob.username, carol.username];
    wanted.sort();
    assert_eq!(people, wanted);
}

#[tokio::test]
async fn owner_admins_and_members_may_what_their_role_allows() {
    let (_app, alice, bob, carol, group) = three().await;
    assert_eq!(code(bob.client.remove_member(group, carol.id).await), Code::Forbidden);
    assert_eq!(code(bob.client.change_role(group, bob.id, "admin").await), Code::Forbidden);
    assert_eq!(alice.client.change_role(group, bob.id, "admin").await.unwrap().role(), Role::Admin);
    assert_eq!(code(bob.client.remove_member(group, alice.id).await), Code::Forbidden);
    assert_eq!(code(bob.client.change_role(group, carol.id, "admin").await), Code::Forbidden);
    alice.client.change_role(group, carol.id, "admin").await.unwrap();
    assert_eq!(code(bob.client.remove_member(group, carol.id).await), Code::Forbidden, "admins do not remove admins");
    alice.client.change_role(group, carol.id, "member").await.unwrap();
    bob.client.remove_member(group, carol.id).await.unwrap();
    assert_eq!(roles(&alice, group).await.len(), 2);
    assert_eq!(code(alice.client.change_role(group, carol.id, "admin").await), Code::NotFound);
}

#[tokio::test]
async fn the_owner_stays_and_others_leave() {
    let (_app, alice, bob, _carol, group) = three().await;
    assert_eq!(code(alice.client.leave(group).await), Code::Forbidden);
    let device = alice.online().await;
    bob.client.leave(group).await.unwrap();
    let entry = device.hears_entry().await;
    assert!(matches!(entry.content.unwrap().kind, Some(Kind::Left(left)) if left.user_id == bob.id.to_vec()));
    assert_eq!(code(bob.tries_to_say(group, "one more thing").await), Code::Forbidden);
    assert_eq!(alice.sees(group).await.member_count, 2);
}

#[tokio::test]
async fn whoever_is_removed_sees_up_to_their_removal_and_no_further() {
    let (_app, alice, bob, carol, group) = three().await;
    alice.says(group, "while bob was here").await;
    let device = bob.online().await;
    alice.client.remove_member(group, bob.id).await.unwrap();
    alice.says(group, "after bob").await;

    let last = device.hears_entry().await;
    let removal = last.seq;
    assert!(matches!(last.content.unwrap().kind, Some(Kind::Removed(removed)) if removed.user_id == bob.id.to_vec()));
    assert_eq!(texts(&bob.history(group).await), ["while bob was here"]);
    let page = bob.syncs(group).await;
    assert_eq!((page.head_seq, page.entries.last().unwrap().seq), (removal, removal));
    assert_eq!(bob.sees(group).await.head_seq, removal);
    let head = bob.heads().await.into_iter().find(|head| head.conversation_id == group.to_vec()).unwrap();
    assert_eq!(head.head_seq, removal);
    assert_eq!(code(bob.tries_to_say(group, "hello?").await), Code::Forbidden);
    assert_eq!(code(bob.client.members(group, 0, "").await), Code::Forbidden);

    // Nothing reached the device either: what comes next is another conversation's message.
    let direct = alice.with(&bob).await;
    alice.says(direct, "a marker").await;
    device.hears_text("a marker").await;
    assert_eq!(texts(&carol.history(group).await), ["while bob was here", "after bob"]);
}

#[tokio::test]
async fn new_members_see_from_their_joining_on() {
    let (app, alice, ..) = three().await;
    let dave = app.person("dave").await;
    alice.befriends(&dave).await;
    let group = alice.group("old", &[]).await;
    alice.says(group, "before dave").await;
    alice.client.invite(group, &[dave.id]).await.unwrap();
    alice.says(group, "welcome").await;

    assert_eq!(texts(&dave.history(group).await), ["welcome"]);
    let page = dave.syncs(group).await;
    let joined_at = page.entries[0].seq;
    assert!(matches!(page.entries[0].content.as_ref().unwrap().kind, Some(Kind::Joined(_))));
    assert_eq!((page.hidden[0].from_seq, page.hidden.last().unwrap().to_seq), (1, joined_at - 1));
    assert_eq!((page.earliest_seq, dave.sees(group).await.earliest_seq), (joined_at, joined_at));
    assert_eq!(dave.unread(group).await, 1);
}

#[tokio::test]
async fn coming_back_leaves_a_gap_that_is_named() {
    let (_app, alice, bob, _carol, group) = three().await;
    alice.says(group, "first").await;
    alice.client.remove_member(group, bob.id).await.unwrap();
    alice.says(group, "not for bob").await;
    alice.client.invite(group, &[bob.id]).await.unwrap();
    alice.says(group, "second").await;
    let page = bob.syncs(group).await;
    assert_eq!(texts(&page.entries), ["first", "second"]);
    let hidden: i64 = page.hidden.iter().map(|range| range.to_seq - range.from_seq + 1).sum();
    assert_eq!(hidden, 1);
    assert_eq!(page.entries.len() as i64 + hidden, page.head_seq, "every seq is shown or named");
}

#[tokio::test]
async fn a_group_needs_a_name_and_takes_its_key_once() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    assert_eq!(code(alice.client.create_group("   ", &[bob.id]).await), Code::InvalidArgument);
    let body = serde_json::json!({ "title": "once", "member_ids": [bob.id] });
    let first: serde_json::Value = alice.client.post_once("/v1/conversations", body.clone(), "k").await.unwrap();
    let again: serde_json::Value = alice.client.post_once("/v1/conversations", body, "k").await.unwrap();
    assert_eq!(first["conversation_id"], again["conversation_id"]);
    let other = serde_json::json!({ "title": "another", "member_ids": [bob.id] });
    let conflict = alice.client.post_once::<serde_json::Value>("/v1/conversations", other, "k").await;
    assert_eq!(code(conflict), Code::IdempotencyConflict);
}

#[tokio::test]
async fn direct_conversations_are_no_groups() {
    let (app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let carol = app.person("carol").await;
    alice.befriends(&carol).await;
    let direct = alice.with(&bob).await;
    assert_eq!(code(alice.client.invite(direct, &[carol.id]).await), Code::Forbidden);
    assert_eq!(code(alice.client.leave(direct).await), Code::Forbidden);
    assert_eq!(code(alice.client.remove_member(direct, bob.id).await), Code::Forbidden);
    assert_eq!(roles(&alice, direct).await.len(), 2);
}
