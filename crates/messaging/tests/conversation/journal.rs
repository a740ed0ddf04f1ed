//! The log as other services follow it and ask about it.

use anser_contract::{
    Context,
    v1::{
        DeleteForMeRequest, EntryName, HiddenRange, Journal, ListVisibleRequest, LookUpRequest, MayReadFilesRequest,
        Messages, ReadOnRequest, RecallRequest, SendMessage, SetTranscriptRequest, content::Kind,
    },
};
use anser_types::{Code, ConversationId, FileId, MessageId, UserId};

use crate::{
    attachments::{image, two, voice},
    house::{House, acting, person},
};

async fn read_on(house: &House, after_position: i64, limit: u32) -> (Vec<(i64, String)>, i64, i64) {
    let reply = house.service.read_on(&Context::service(), ReadOnRequest { after_position, limit }).await.unwrap();
    let items = reply.items.into_iter().map(|item| (item.position, item.entry.unwrap().fallback_text)).collect();
    (items, reply.through_position, reply.head_position)
}

async fn may_read(house: &House, user: UserId, file: FileId) -> bool {
    let request = MayReadFilesRequest { user_id: user.to_vec(), file_ids: vec![file.to_vec(), vec![9; 16]] };
    let reply = house.service.may_read_files(&acting(user), request).await.unwrap();
    assert!(reply.file_ids.iter().all(|id| id == &file.to_vec()));
    !reply.file_ids.is_empty()
}

async fn look_up(house: &House, user: UserId, conversation: ConversationId, seqs: &[i64]) -> Vec<String> {
    let items = seqs.iter().map(|seq| EntryName { conversation_id: conversation.to_vec(), seq: *seq }).collect();
    let request = LookUpRequest { user_id: user.to_vec(), items };
    let reply = house.service.look_up(&Context::service(), request).await.unwrap();
    reply.items.into_iter().map(|entry| entry.fallback_text).collect()
}

async fn transcribe(house: &House, conversation: ConversationId, seq: i64, text: &str) -> Result<(u32, String), Code> {
    let request = SetTranscriptRequest { conversation_id: conversation.to_vec(), seq, text: text.into() };
    let entry = house.service.set_transcript(&Context::service(), request).await.map_err(|error| error.code)?;
    Ok((entry.version, entry.fallback_text))
}

async fn recall(house: &House, user: UserId, conversation: ConversationId, seq: i64) {
    let request = RecallRequest { conversation_id: conversation.to_vec(), seq, ..Default::default() };
    house.service.recall(&acting(user), request).await.unwrap();
}

async fn delete_for_me(house: &House, user: UserId, conversation: ConversationId, seq: i64) {
    let ranges = vec![HiddenRange { from_seq: seq, to_seq: seq }];
    let request = DeleteForMeRequest { conversation_id: conversation.to_vec(), ranges };
    house.service.delete_for_me(&acting(user), request).await.unwrap();
}

#[tokio::test]
async fn a_follower_reads_everything_once_in_the_order_of_commits_as_it_now_stands() {
    let (house, alice, bob, group) = two().await;
    let (_, _, start) = read_on(&house, 0, 1).await;
    let first = house.say(alice, group, "first").await.unwrap();
    let other = house.group(bob, &[alice]).await;
    house.say(bob, other, "elsewhere").await.unwrap();
    recall(&house, alice, group, first).await;
    let (mut all, mut after) = (Vec::new(), start);
    loop {
        let (items, through, head) = read_on(&house, after, 2).await;
        assert!(items.len() <= 2 && through <= head);
        if items.is_empty() {
            assert_eq!(through, head);
            break;
        }
        after = through;
        all.extend(items);
    }
    assert_eq!(all.iter().map(|(position, _)| *position).collect::<Vec<_>>(), (start + 1..=after).collect::<Vec<_>>());
    let words: Vec<&str> = all.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!((words[0], *words.last().unwrap()), ("This message was recalled", "A message was recalled"));
    assert!(words.contains(&"elsewhere"));
    let request = ReadOnRequest { after_position: after - 1, limit: 0 };
    let last = house.service.read_on(&Context::service(), request).await.unwrap().items.remove(0);
    assert_eq!(last.target.unwrap().seq, first);
    let by_a_person = house.service.read_on(&acting(alice), ReadOnRequest::default()).await;
    assert_eq!(by_a_person.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn one_answer_is_bounded_and_has_one_entry_at_least() {
    let (house, alice, _, group) = two().await;
    let (_, _, start) = read_on(&house, 0, 1).await;
    for _ in 0..20 {
        house.say(alice, group, &"x".repeat(60 << 10)).await.unwrap();
    }
    let (items, through, head) = read_on(&house, start, 0).await;
    assert_eq!((items.len(), head), (17, start + 20), "17 × 60 KiB are less than 1 MiB");
    assert_eq!(read_on(&house, through, 0).await.0.len(), 3);
}

#[tokio::test]
async fn what_somebody_sees_is_what_is_looked_up_for_them() {
    let (house, alice, bob, group) = two().await;
    let carol = person(3);
    let early = house.say(alice, group, "early").await.unwrap();
    house.befriend(alice, &[carol]).await;
    house.invite(alice, group, &[carol]).await.unwrap();
    let (late, mine) = (house.say(alice, group, "late").await.unwrap(), house.say(bob, group, "mine").await.unwrap());
    let seqs = [early, late, mine, 1_000, 0, -1];
    assert_eq!(look_up(&house, bob, group, &seqs).await, ["early", "late", "mine"]);
    assert_eq!(look_up(&house, carol, group, &seqs).await, ["late", "mine"]);
    assert!(look_up(&house, person(9), group, &seqs).await.is_empty());
    delete_for_me(&house, carol, group, late).await;
    recall(&house, bob, group, mine).await;
    assert_eq!(look_up(&house, carol, group, &seqs).await, ["This message was recalled"]);
    let request = LookUpRequest { user_id: bob.to_vec(), items: Vec::new() };
    assert_eq!(house.service.look_up(&acting(alice), request).await.unwrap_err().code, Code::Forbidden);

    house.remove(alice, group, carol).await.unwrap();
    house.say(alice, group, "without carol").await.unwrap();
    let request = ListVisibleRequest { user_id: carol.to_vec() };
    let ranges = house.service.list_visible(&acting(carol), request).await.unwrap().items;
    let of_group: Vec<_> = ranges.iter().filter(|range| range.conversation_id == group.to_vec()).collect();
    assert_eq!(of_group.len(), 1);
    assert!(of_group[0].from_seq > early && of_group[0].to_seq > mine);
}

#[tokio::test]
async fn a_file_is_read_by_those_who_may_read_a_message_that_holds_it_now() {
    let (house, alice, bob, group) = two().await;
    let (carol, stranger) = (person(3), person(9));
    let cat = house.files.add(alice, 1, "cat.png");
    assert!(!may_read(&house, alice, cat).await, "no message holds it yet");
    let seq = house.send(alice, group, image(cat, "my cat")).await.unwrap();
    house.befriend(alice, &[carol]).await;
    house.invite(alice, group, &[carol]).await.unwrap();
    for (user, may) in [(alice, true), (bob, true), (carol, false), (stranger, false)] {
        assert_eq!(may_read(&house, user, cat).await, may, "{user}");
    }
    delete_for_me(&house, bob, group, seq).await;
    assert!(!may_read(&house, bob, cat).await);
    // A second message with it is another reason.
    let brief = SendMessage {
        conversation_id: group.to_vec(),
        client_msg_id: MessageId::new(&house.clock).to_vec(),
        content: Some(image(cat, "again")),
        expires_in_ms: 60_000,
    };
    let request = anser_contract::v1::AppendRequest { sends: vec![brief] };
    assert!(house.service.append(&acting(alice), request).await.unwrap().outcomes[0].ack.is_some());
    assert!(may_read(&house, bob, cat).await && may_read(&house, carol, cat).await);
    house.clock.advance(60_000);
    assert!(!may_read(&house, carol, cat).await, "it has expired, whether its words were taken off or not");
    assert!(may_read(&house, alice, cat).await);
    recall(&house, alice, group, seq).await;
    assert!(!may_read(&house, alice, cat).await);
}

#[tokio::test]
async fn a_transcript_is_written_once_told_to_all_and_gone_with_the_message() {
    let (house, alice, bob, group) = two().await;
    let file = house.files.add(alice, 1, "memo.wav");
    let (memo, words) =
        (house.send(alice, group, voice(file)).await.unwrap(), house.say(bob, group, "hm").await.unwrap());
    assert_eq!(transcribe(&house, group, words, "no").await, Err(Code::InvalidArgument));
    assert_eq!(transcribe(&house, group, 1_000, "no").await, Err(Code::NotFound));
    assert_eq!(transcribe(&house, group, memo, " ").await, Ok((1, "[voice]".into())), "nothing was said");
    assert_eq!(transcribe(&house, group, memo, "good morning").await, Ok((2, "[voice] good morning".into())));
    assert_eq!(transcribe(&house, group, memo, "bad evening").await, Ok((2, "[voice] good morning".into())));
    let page = house.sync(bob, group).await.unwrap();
    let told: Vec<_> = page.entries.iter().filter(|entry| entry.target_seq() == Some(memo)).collect();
    assert_eq!(told.len(), 1);
    assert!(matches!(told[0].content.as_ref().unwrap().kind, Some(Kind::Transcribed(it)) if it.version == 2));
    assert!(!told[0].countable);
    assert_eq!(look_up(&house, bob, group, &[memo]).await, ["[voice] good morning"]);
    assert_eq!(house.see(bob, group).await.unwrap().last_message.unwrap().fallback_text, "hm");

    recall(&house, alice, group, memo).await;
    let after = transcribe(&house, group, memo, "still here").await.unwrap();
    assert_eq!(after.1, "This message was recalled");
    assert!(!format!("{:?}", house.sync(bob, group).await.unwrap()).contains("morning"));
    let long = house.send(alice, group, voice(file)).await.unwrap();
    let (_, text) = transcribe(&house, group, long, &"é".repeat(60_000)).await.unwrap();
    assert!(text.len() > 60_000 && text.len() < 64 << 10, "as much as a message may hold");
    let request = SetTranscriptRequest { conversation_id: group.to_vec(), seq: long, text: "no".into() };
    assert_eq!(house.service.set_transcript(&acting(alice), request).await.unwrap_err().code, Code::Forbidden);
}
