//! What changes of messages after they were sent reaches those who are here, those who come back, and those who sync.

use std::time::Duration;

use anser_client::v1::{
    Content, EditMessage, RecallMessage, ReplyTo, Text, content::Kind, event::Event, reply::Outcome, request::Op,
};
use anser_tests::{Person, TestApp, code, texts, until, within};
use anser_types::{Code, ConversationId, MessageId};

fn words(text: &str) -> Content {
    Kind::Text(Text { text: text.into() }).into()
}

async fn three() -> (TestApp, Person, Person, Person, ConversationId) {
    let app = TestApp::start().await;
    let (alice, bob) = app.friends("alice", "bob").await;
    let carol = app.person("carol").await;
    alice.befriends(&carol).await;
    let group = alice.group("three", &[&bob, &carol]).await;
    (app, alice, bob, carol, group)
}

#[tokio::test]
async fn an_edit_is_heard_with_the_new_words_over_both_encodings() {
    let (_app, alice, bob, carol, group) = three().await;
    let seq = bob.says(group, "helo").await.seq;
    for encoding in [anser_client::Encoding::Json, anser_client::Encoding::Proto] {
        let (alices, bobs) = (alice.online_in(encoding).await, bob.online_in(encoding).await);
        let text = format!("hello, {encoding:?}");
        let edit = EditMessage { conversation_id: group.to_vec(), seq, content: Some(words(&text)) };
        let outcome = bobs.socket.request(Op::Edit(edit)).await.unwrap();
        assert!(matches!(outcome, Outcome::Edit(changed) if changed.change_seq > seq));
        let (kind, target) = alices.hears_change("the edit").await;
        assert!(matches!(kind, Kind::Edited(edited) if edited.target_seq == seq));
        assert_eq!(target.unwrap().fallback_text, text);
    }
    let seen = &carol.history(group).await;
    assert_eq!(texts(seen).last(), Some(&"hello, Proto"));
    assert!(seen.iter().all(|entry| entry.target_seq().is_none()), "changes are no history");
    assert_eq!(code(alice.client.edit(group, seq, &words("not mine")).await), Code::Forbidden);
    let expected = Code::NotFound;
    assert_eq!(code(alice.client.edit(group, 999, &words("nothing")).await), expected);
}

#[tokio::test]
async fn a_recall_is_heard_and_the_words_are_nowhere_any_more() {
    let (_app, alice, bob, carol, group) = three().await;
    let secret = "the words that must go";
    let seq = bob.says(group, secret).await.seq;
    let away = carol.online().await;
    let point = away.socket.ping().await.unwrap();
    away.socket.close().await;
    let (alices, bobs) = (alice.online().await, bob.online().await);
    let recall = RecallMessage { conversation_id: group.to_vec(), seq };
    bobs.socket.request(Op::Recall(recall)).await.unwrap();
    let (kind, target) = alices.hears_change("the recall").await;
    assert!(matches!(kind, Kind::Recalled(recalled) if recalled.target_seq == seq));
    let target = target.unwrap();
    assert!(matches!(target.content.as_ref().unwrap().kind, Some(Kind::Withdrawn(_))) && !target.countable);
    // Who was away hears of it on coming back, with what it changed.
    let back = carol.back_from(&point).await;
    let (_, target) = back.hears_change("the recall").await;
    assert!(matches!(target.unwrap().content.unwrap().kind, Some(Kind::Withdrawn(_))));
    for person in [&alice, &bob, &carol] {
        assert!(!format!("{:?}{:?}", person.history(group).await, person.syncs(group).await).contains(secret));
        assert_eq!(person.unread(group).await, 0);
    }
    assert_eq!(code(bob.client.edit(group, seq, &words("again")).await), Code::Gone);
}

#[tokio::test]
async fn recalled_words_leave_the_files_of_the_store() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let secret = "a-sentence-nobody-else-would-write";
    let seq = alice.says(conversation, secret).await.seq;
    alice.client.recall(conversation, seq).await.unwrap();
    let folder = app.store_dir();
    let stands = || {
        let files = std::fs::read_dir(&folder).unwrap().filter_map(|file| std::fs::read(file.ok()?.path()).ok());
        let words = secret.as_bytes();
        files.into_iter().any(|bytes| bytes.windows(words.len()).any(|part| part == words))
    };
    within(Duration::from_secs(60), "the words to be gone from every file", async {
        while stands() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn reactions_are_told_to_all_together() {
    let (_app, alice, bob, carol, group) = three().await;
    let seq = bob.says(group, "lunch?").await.seq;
    let bobs = bob.online().await;
    alice.client.react(group, seq, "%F0%9F%91%8D").await.unwrap();
    carol.client.react(group, seq, "ok").await.unwrap();
    until("both to be told", || async {
        let (kind, target) = bobs.hears_change("a reaction").await;
        let Kind::Reacted(reacted) = kind else { panic!("{kind:?}") };
        assert_eq!(reacted.reactions, target.unwrap().reactions);
        reacted.reactions.len() == 2
    })
    .await;
    let who = carol.client.reactions(group, seq).await.unwrap().items;
    assert!(who.len() == 2 && who.iter().any(|it| it.emoji == "👍" && it.user_id == alice.id.to_vec()));
    carol.client.take_reaction_back(group, seq, "ok").await.unwrap();
    let (kind, _) = bobs.hears_change("that it was taken back").await;
    assert!(matches!(kind, Kind::Reacted(reacted) if reacted.reactions.len() == 1));
    assert_eq!(code(alice.client.react(group, seq, "two%20words").await), Code::InvalidArgument);
}

#[tokio::test]
async fn what_was_said_before_one_came_does_not_come_with_its_changes() {
    let (app, alice, bob, _, group) = three().await;
    let seq = bob.says(group, "before Dave").await.seq;
    let dave = app.person("dave").await;
    alice.befriends(&dave).await;
    let (alices, daves) = (alice.online().await, dave.online().await);
    alice.client.invite(group, &[dave.id]).await.unwrap();
    bob.client.edit(group, seq, &words("still before Dave")).await.unwrap();
    let (_, target) = alices.hears_change("the edit").await;
    assert!(target.is_some());
    let (_, target) = daves.hears_change("the edit").await;
    assert_eq!(target, None);
    assert!(!format!("{:?}", dave.syncs(group).await).contains("before Dave"));
}

#[tokio::test]
async fn what_i_delete_is_gone_from_my_devices_only() {
    let (_app, alice, bob, carol, group) = three().await;
    let seq = bob.says(group, "not for me").await.seq;
    let elsewhere = carol.on_another_device().await.online().await;
    carol.client.delete_for_me(group, &[(seq, seq)]).await.unwrap();
    let deleted = elsewhere
        .hears("what was deleted", |event| match event {
            Event::Deleted(deleted) => Some(deleted.clone()),
            _ => None,
        })
        .await;
    assert_eq!((deleted.ranges[0].from_seq, deleted.ranges[0].to_seq), (seq, seq));
    assert_eq!(carol.client.sync_me("").await.unwrap().deleted, [deleted]);
    assert!(!texts(&carol.history(group).await).contains(&"not for me"));
    assert!(texts(&alice.history(group).await).contains(&"not for me"));
    assert_eq!(carol.unread(group).await, 0);
}

#[tokio::test]
async fn pins_readers_answers_and_forwards() {
    let (_app, alice, bob, carol, group) = three().await;
    let seq = bob.says(group, "the plan").await.seq;
    assert_eq!(code(bob.client.pin(group, seq).await), Code::Forbidden);
    alice.client.pin(group, seq).await.unwrap();
    let pins = carol.client.pins(group).await.unwrap().items;
    assert_eq!((pins.len(), pins[0].entry.as_ref().unwrap().fallback_text.as_str()), (1, "the plan"));
    alice.client.unpin(group, seq).await.unwrap();
    assert!(carol.client.pins(group).await.unwrap().items.is_empty());

    carol.client.mark_read(group, seq).await.unwrap();
    let readers = bob.client.readers(group, seq, 50, "").await.unwrap();
    assert_eq!((readers.read_by, readers.members, readers.user_ids), (1, 2, vec![carol.id.to_vec()]));

    let mut answer = carol.message(group, "agreed");
    answer.content.as_mut().unwrap().reply_to = Some(ReplyTo { seq });
    let answered = carol.client.send(&answer).await.unwrap().seq;
    let seen = bob.history(group).await.into_iter().find(|entry| entry.seq == answered).unwrap();
    assert_eq!(seen.content.unwrap().reply_to.unwrap().seq, seq);

    let direct = alice.with(&carol).await;
    let key = MessageId::new(carol.client.clock());
    let reply = carol.client.forward(group, &[seq], direct, &[key]).await.unwrap();
    assert!(reply.outcomes[0].ack.is_some());
    let repeated = carol.client.forward(group, &[seq], direct, &[key]).await.unwrap();
    assert!(repeated.outcomes[0].ack.as_ref().unwrap().dup);
    assert_eq!(texts(&alice.history(direct).await), ["the plan"]);
    let key = MessageId::new(carol.client.clock());
    assert_eq!(code(bob.client.forward(direct, &[2], group, &[key]).await), Code::NotFound);
}
