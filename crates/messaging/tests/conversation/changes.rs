//! What changes of messages after they were sent: edits, recalls, reactions, pins, and what one deletes for oneself.

use anser_contract::v1::{
    AppendReply, Changed, Content, DeleteForMeRequest, EditRequest, Entry, ForwardRequest, HiddenRange, HistoryRequest,
    ListPinsRequest, ListReactionsRequest, ListReadersRequest, ListVersionsRequest, Mentions, Messages,
    MoveReadCursorRequest, RecallRequest, ReplyTo, Role, SendMessage, SetPinRequest, SetReactionRequest, Text,
    content::Kind,
};
use anser_types::{Code, ConversationId, MessageId, UserId};

use crate::house::{House, acting};

const ALICE: UserId = UserId([0xa; 16]);
const BOB: UserId = UserId([0xb; 16]);
const CAROL: UserId = UserId([0xc; 16]);
const DAVE: UserId = UserId([0xd; 16]);

/// A group of Alice (owner), Bob and Carol in which Bob said something: seq 3.
async fn bob_said(words: &str) -> (House, ConversationId, i64) {
    let house = House::new().await;
    house.befriend(ALICE, &[BOB, CAROL]).await;
    let group = house.group(ALICE, &[BOB, CAROL]).await;
    let seq = house.say(BOB, group, words).await.unwrap();
    (house, group, seq)
}

fn text(words: &str) -> Content {
    Kind::Text(Text { text: words.into() }).into()
}

async fn edit(house: &House, user: UserId, group: ConversationId, seq: i64, to: Content) -> Result<Changed, Code> {
    let request = EditRequest { conversation_id: group.to_vec(), seq, content: Some(to), ..EditRequest::default() };
    house.service.edit(&acting(user), request).await.map_err(|error| error.code)
}

async fn recall(house: &House, user: UserId, group: ConversationId, seq: i64) -> Result<Changed, Code> {
    let request = RecallRequest { conversation_id: group.to_vec(), seq, ..RecallRequest::default() };
    house.service.recall(&acting(user), request).await.map_err(|error| error.code)
}

async fn react(house: &House, user: UserId, group: ConversationId, seq: i64, emoji: &str) -> Result<(), Code> {
    let request = SetReactionRequest { conversation_id: group.to_vec(), seq, emoji: emoji.into(), remove: false };
    house.service.set_reaction(&acting(user), request).await.map(|_| ()).map_err(|error| error.code)
}

async fn entry(house: &House, user: UserId, group: ConversationId, seq: i64) -> Option<Entry> {
    house.sync(user, group).await.unwrap().entries.into_iter().find(|entry| entry.seq == seq)
}

async fn send(house: &House, user: UserId, group: ConversationId, content: Content) -> Result<i64, Code> {
    let client_msg_id = MessageId::new(&house.clock).to_vec();
    let send = SendMessage { conversation_id: group.to_vec(), client_msg_id, content: Some(content), expires_in_ms: 0 };
    let request = anser_contract::v1::AppendRequest { sends: vec![send] };
    outcome(house.service.append(&acting(user), request).await.unwrap()).map(|seqs| seqs[0])
}

fn outcome(reply: AppendReply) -> Result<Vec<i64>, Code> {
    let outcomes = reply.outcomes.into_iter();
    outcomes
        .map(|outcome| match outcome.error {
            Some(problem) => Err(Code::parse(&problem.code).unwrap()),
            None => Ok(outcome.ack.unwrap().seq),
        })
        .collect()
}

#[tokio::test]
async fn an_edit_changes_the_message_and_is_an_entry_of_its_own() {
    let (house, group, seq) = bob_said("helo").await;
    house.say(ALICE, group, "hi").await.unwrap();
    house.clock.advance(1_000);
    let changed = edit(&house, BOB, group, seq, text("hello")).await.unwrap();
    assert_eq!((changed.seq, changed.version, changed.change_seq), (seq, 2, 5));
    let seen = entry(&house, CAROL, group, seq).await.unwrap();
    assert_eq!((seen.fallback_text.as_str(), seen.version), ("hello", 2));
    assert_eq!(seen.edited_at, seen.server_ts + 1_000);
    let change = entry(&house, CAROL, group, 5).await.unwrap();
    assert_eq!((change.target_seq(), change.countable), (Some(seq), false));
    assert_eq!(house.see(CAROL, group).await.unwrap().unread, 2, "an edit is not unread");
    // The same words again change nothing.
    assert_eq!(edit(&house, BOB, group, seq, text("hello")).await.unwrap().change_seq, 0);
    assert_eq!(house.see(CAROL, group).await.unwrap().head_seq, 5);
}

#[tokio::test]
async fn only_its_sender_edits_a_message_and_only_for_a_while() {
    let (house, group, seq) = bob_said("mine").await;
    assert_eq!(edit(&house, ALICE, group, seq, text("yours")).await, Err(Code::Forbidden));
    assert_eq!(edit(&house, DAVE, group, seq, text("x")).await, Err(Code::NotFound));
    assert_eq!(edit(&house, BOB, group, 1, text("x")).await, Err(Code::NotFound), "a notice");
    assert_eq!(edit(&house, BOB, group, 99, text("x")).await, Err(Code::NotFound));
    assert_eq!(edit(&house, BOB, group, seq, text("")).await, Err(Code::InvalidArgument));
    assert_eq!(edit(&house, BOB, group, seq, Content::default()).await, Err(Code::Unsupported));
    let card = Kind::Card(anser_contract::v1::Card { title: "x".into(), ..Default::default() });
    assert_eq!(edit(&house, BOB, group, seq, card.into()).await, Err(Code::InvalidArgument), "another kind");
    house.clock.advance(25 * 3_600_000);
    assert_eq!(edit(&house, BOB, group, seq, text("late")).await, Err(Code::Gone));
}

#[tokio::test]
async fn a_recalled_message_has_no_words_in_any_answer_and_is_not_unread() {
    let (house, group, seq) = bob_said("secret words").await;
    let meant =
        Content { mentions: Some(Mentions { user_ids: vec![CAROL.to_vec()], all: false }), ..text("secret too") };
    let other = send(&house, BOB, group, meant).await.unwrap();
    react(&house, CAROL, group, seq, "👍").await.unwrap();
    let seen = house.see(CAROL, group).await.unwrap();
    assert_eq!((seen.unread, seen.mentions), (2, 1));
    for seq in [seq, other] {
        assert!(recall(&house, BOB, group, seq).await.unwrap().change_seq > other);
    }
    let seen = house.see(CAROL, group).await.unwrap();
    assert_eq!((seen.unread, seen.mentions), (0, 0));
    let page = house.sync(CAROL, group).await.unwrap();
    assert!(!format!("{page:?}").contains("secret"));
    let entry = page.entries.iter().find(|entry| entry.seq == seq).unwrap();
    assert!(
        matches!(&entry.content.as_ref().unwrap().kind, Some(Kind::Withdrawn(gone)) if gone.user_id == BOB.to_vec())
    );
    assert!(!entry.countable && entry.version == 2);
    // Nothing can be done to it any more, and recalling it again changes nothing.
    assert_eq!(edit(&house, BOB, group, seq, text("again")).await, Err(Code::Gone));
    assert_eq!(react(&house, CAROL, group, seq, "👍").await, Err(Code::Gone));
    assert_eq!(recall(&house, BOB, group, seq).await.unwrap().change_seq, 0);
}

#[tokio::test]
async fn admins_recall_what_members_said_and_the_owner_what_admins_said() {
    let (house, group, bobs) = bob_said("rude").await;
    assert_eq!(recall(&house, CAROL, group, bobs).await, Err(Code::Forbidden));
    house.make(ALICE, group, CAROL, Role::Admin).await.unwrap();
    let carols = house.say(CAROL, group, "also rude").await.unwrap();
    let alices = house.say(ALICE, group, "hm").await.unwrap();
    house.clock.advance(25 * 3_600_000);
    assert_eq!(recall(&house, BOB, group, bobs).await, Err(Code::Gone), "a sender has a day");
    recall(&house, CAROL, group, bobs).await.unwrap();
    assert_eq!(recall(&house, CAROL, group, alices).await, Err(Code::Forbidden));
    assert_eq!(recall(&house, BOB, group, carols).await, Err(Code::Forbidden));
    recall(&house, ALICE, group, carols).await.unwrap();
}

#[tokio::test]
async fn earlier_words_are_kept_only_where_it_is_so_configured_and_go_with_a_recall() {
    let house = House::with(|options| options.keep_versions = true).await;
    house.befriend(ALICE, &[BOB]).await;
    let group = house.group(ALICE, &[BOB]).await;
    let seq = house.say(BOB, group, "one").await.unwrap();
    edit(&house, BOB, group, seq, text("two")).await.unwrap();
    edit(&house, BOB, group, seq, text("three")).await.unwrap();
    let versions = async |user| {
        let request = ListVersionsRequest { conversation_id: group.to_vec(), seq };
        let reply = house.service.list_versions(&acting(user), request).await.map_err(|error| error.code)?;
        Ok::<_, Code>(
            reply
                .items
                .iter()
                .map(|item| anser_contract::fallback_text(item.content.as_ref().unwrap()))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(versions(ALICE).await.unwrap(), ["one", "two"]);
    assert_eq!(versions(BOB).await, Err(Code::Forbidden));
    recall(&house, BOB, group, seq).await.unwrap();
    assert!(versions(ALICE).await.unwrap().is_empty());
}

#[tokio::test]
async fn reactions_are_told_together_once_a_second() {
    let (house, group, seq) = bob_said("lunch?").await;
    react(&house, ALICE, group, seq, "👍").await.unwrap();
    react(&house, CAROL, group, seq, "👍").await.unwrap();
    react(&house, CAROL, group, seq, "🍜").await.unwrap();
    react(&house, CAROL, group, seq, "🍜").await.unwrap();
    assert!(entry(&house, BOB, group, seq).await.unwrap().reactions.is_empty(), "not told yet");
    house.service.tell_reactions().await.unwrap();
    house.service.tell_reactions().await.unwrap();
    let page = house.sync(BOB, group).await.unwrap();
    assert_eq!(page.head_seq, seq + 1, "one entry for three people's reactions");
    let counts: Vec<(String, u32)> =
        entry(&house, BOB, group, seq).await.unwrap().reactions.into_iter().map(|it| (it.emoji, it.count)).collect();
    assert_eq!(counts, [("🍜".into(), 1), ("👍".into(), 2)]);
    let take_back = SetReactionRequest { conversation_id: group.to_vec(), seq, emoji: "🍜".into(), remove: true };
    house.service.set_reaction(&acting(CAROL), take_back).await.unwrap();
    house.service.tell_reactions().await.unwrap();
    assert_eq!(entry(&house, BOB, group, seq).await.unwrap().reactions.len(), 1);

    let who = ListReactionsRequest { conversation_id: group.to_vec(), seq, limit: 1, ..Default::default() };
    let first = house.service.list_reactions(&acting(BOB), who.clone()).await.unwrap();
    assert_eq!((first.items.len(), first.items[0].user_id.clone()), (1, ALICE.to_vec()));
    let rest = ListReactionsRequest { cursor: first.next_cursor, ..who };
    assert_eq!(house.service.list_reactions(&acting(BOB), rest).await.unwrap().items[0].user_id, CAROL.to_vec());
    for bad in ["", "two words", &"x".repeat(65)] {
        assert_eq!(react(&house, CAROL, group, seq, bad).await, Err(Code::InvalidArgument));
    }
    assert_eq!(react(&house, DAVE, group, seq, "👍").await, Err(Code::NotFound));
}

#[tokio::test]
async fn a_page_of_sync_brings_what_its_changes_changed_as_far_as_one_may_see_it() {
    let (house, group, seq) = bob_said("helo").await;
    house.befriend(ALICE, &[DAVE]).await;
    house.invite(ALICE, group, &[DAVE]).await.unwrap();
    let changed = edit(&house, BOB, group, seq, text("hello")).await.unwrap();
    let after = |user, after_seq| {
        let items = vec![anser_contract::v1::SyncFrom { conversation_id: group.to_vec(), after_seq }];
        let request = anser_contract::v1::SyncManyRequest { items, ..Default::default() };
        let house = &house;
        async move {
            let reply = house.service.sync_many(&acting(user), request).await.unwrap();
            reply.items.into_iter().next().unwrap().page.unwrap()
        }
    };
    let page = after(CAROL, changed.change_seq - 1).await;
    assert_eq!(page.targets.iter().map(|entry| entry.fallback_text.as_str()).collect::<Vec<_>>(), ["hello"]);
    let page = after(DAVE, changed.change_seq - 1).await;
    assert_eq!((page.entries.len(), page.targets.len()), (1, 0), "it was said before he came");
    let page = after(CAROL, 0).await;
    assert!(page.targets.is_empty(), "what is on the page is not told twice");
}

#[tokio::test]
async fn history_leaves_changes_out_and_counts_messages() {
    let (house, group, seq) = bob_said("one").await;
    for round in 0..5 {
        edit(&house, BOB, group, seq, text(&format!("one, {round}"))).await.unwrap();
    }
    house.say(ALICE, group, "two").await.unwrap();
    let request = HistoryRequest { conversation_id: group.to_vec(), limit: 2, ..HistoryRequest::default() };
    let page = house.service.history(&acting(CAROL), request).await.unwrap();
    let words: Vec<&str> = page.items.iter().map(|entry| entry.fallback_text.as_str()).collect();
    assert_eq!((words, page.has_more, page.reached_seq), (vec!["two", "one, 4"], true, seq));
    let newest = house.see(CAROL, group).await.unwrap().last_message.unwrap();
    edit(&house, BOB, group, seq, text("one again")).await.unwrap();
    assert_eq!(house.see(CAROL, group).await.unwrap().last_message.unwrap(), newest, "a change is no message");
}

#[tokio::test]
async fn what_i_delete_for_myself_is_hidden_from_me_alone() {
    let (house, group, seq) = bob_said("embarrassing").await;
    let next = house.say(BOB, group, "fine").await.unwrap();
    let delete = |ranges: Vec<(i64, i64)>| {
        let ranges = ranges.into_iter().map(|(from_seq, to_seq)| HiddenRange { from_seq, to_seq }).collect();
        let request = DeleteForMeRequest { conversation_id: group.to_vec(), ranges };
        let house = &house;
        async move { house.service.delete_for_me(&acting(CAROL), request).await.map_err(|error| error.code) }
    };
    assert_eq!(house.see(CAROL, group).await.unwrap().unread, 2);
    delete(vec![(seq, seq)]).await.unwrap();
    assert_eq!(house.see(CAROL, group).await.unwrap().unread, 1);
    let page = house.sync(CAROL, group).await.unwrap();
    assert!(page.entries.iter().all(|entry| entry.seq != seq));
    assert_eq!(page.hidden, [HiddenRange { from_seq: seq, to_seq: seq }]);
    assert!(entry(&house, ALICE, group, seq).await.is_some());
    let all = delete(vec![(1, 999)]).await.unwrap().ranges;
    assert_eq!(all, [HiddenRange { from_seq: 1, to_seq: next }], "to the end as it is now");
    house.say(BOB, group, "later").await.unwrap();
    assert_eq!(house.story(CAROL, group).await, ["later"]);
    assert_eq!(delete(vec![]).await, Err(Code::InvalidArgument));
    assert_eq!(delete(vec![(0, 3)]).await, Err(Code::InvalidArgument));
    assert_eq!(delete(vec![(5, 3)]).await, Err(Code::InvalidArgument));
    assert_eq!(react(&house, CAROL, group, seq, "👍").await, Err(Code::NotFound));
}

#[tokio::test]
async fn mentions_count_until_one_reads_and_only_admins_mean_all() {
    let (house, group, _) = bob_said("hello").await;
    let meant = |user_ids: Vec<Vec<u8>>, all| Content { mentions: Some(Mentions { user_ids, all }), ..text("look") };
    send(&house, BOB, group, meant(vec![CAROL.to_vec(), CAROL.to_vec()], false)).await.unwrap();
    assert_eq!(send(&house, BOB, group, meant(vec![], true)).await, Err(Code::Forbidden));
    let last = send(&house, ALICE, group, meant(vec![CAROL.to_vec()], true)).await.unwrap();
    assert_eq!(house.see(CAROL, group).await.unwrap().mentions, 2);
    assert_eq!(house.see(BOB, group).await.unwrap().mentions, 1, "for all");
    let read = MoveReadCursorRequest { conversation_id: group.to_vec(), read_seq: last };
    house.service.move_read_cursor(&acting(CAROL), read).await.unwrap();
    assert_eq!(house.see(CAROL, group).await.unwrap().mentions, 0);
    // An edit may mean others.
    let seq = send(&house, BOB, group, meant(vec![ALICE.to_vec()], false)).await.unwrap();
    edit(&house, BOB, group, seq, meant(vec![CAROL.to_vec()], false)).await.unwrap();
    let mentions = async |user| house.see(user, group).await.unwrap().mentions;
    assert_eq!((mentions(ALICE).await, mentions(CAROL).await), (0, 1));
    let many = vec![DAVE.to_vec(); 51];
    assert_eq!(send(&house, BOB, group, meant(many, false)).await, Err(Code::InvalidArgument));
}

#[tokio::test]
async fn an_answer_names_a_message_that_is_there() {
    let (house, group, seq) = bob_said("shall we?").await;
    let answer = |seq| Content { reply_to: Some(ReplyTo { seq }), ..text("yes") };
    let sent = send(&house, CAROL, group, answer(seq)).await.unwrap();
    let seen = entry(&house, BOB, group, sent).await.unwrap();
    assert_eq!(seen.content.unwrap().reply_to.unwrap().seq, seq);
    assert_eq!(send(&house, CAROL, group, answer(99)).await, Err(Code::InvalidArgument));
    assert_eq!(send(&house, CAROL, group, answer(0)).await, Err(Code::InvalidArgument));
}

#[tokio::test]
async fn pins_are_set_by_admins_and_seen_by_all() {
    let (house, group, seq) = bob_said("the address").await;
    let pin = |user, remove| {
        let request = SetPinRequest { conversation_id: group.to_vec(), seq, remove };
        let house = &house;
        async move { house.service.set_pin(&acting(user), request).await.map_err(|error| error.code) }
    };
    assert_eq!(pin(BOB, false).await, Err(Code::Forbidden));
    assert!(pin(ALICE, false).await.unwrap().change_seq > 0);
    assert_eq!(pin(ALICE, false).await.unwrap().change_seq, 0, "it is pinned");
    let pins = async |user| {
        let request = ListPinsRequest { conversation_id: group.to_vec() };
        house.service.list_pins(&acting(user), request).await.unwrap().items
    };
    let found = pins(CAROL).await;
    assert_eq!((found.len(), found[0].entry.as_ref().unwrap().fallback_text.as_str()), (1, "the address"));
    house.befriend(ALICE, &[DAVE]).await;
    house.invite(ALICE, group, &[DAVE]).await.unwrap();
    assert!(pins(DAVE).await.is_empty(), "said before he came");
    assert!(pin(ALICE, true).await.unwrap().change_seq > 0);
    pin(ALICE, false).await.unwrap();
    recall(&house, BOB, group, seq).await.unwrap();
    assert!(pins(CAROL).await.is_empty());
}

#[tokio::test]
async fn forwarding_says_the_words_again_and_leads_nowhere() {
    let (house, group, seq) = bob_said("joke").await;
    let second = house.say(ALICE, group, "another").await.unwrap();
    house.befriend(CAROL, &[DAVE]).await;
    let elsewhere = house.group(CAROL, &[DAVE]).await;
    let request = ForwardRequest {
        from_conversation_id: group.to_vec(),
        seqs: vec![seq, second],
        to_conversation_id: elsewhere.to_vec(),
        client_msg_ids: vec![MessageId::new(&house.clock).to_vec(), MessageId::new(&house.clock).to_vec()],
        ..ForwardRequest::default()
    };
    let forward = async |user, request: &ForwardRequest| {
        let reply = house.service.forward(&acting(user), request.clone()).await.map_err(|error| error.code)?;
        outcome(reply)
    };
    let first = forward(CAROL, &request).await.unwrap();
    let seen = entry(&house, DAVE, elsewhere, first[0]).await.unwrap();
    assert_eq!((seen.sender_id, seen.fallback_text.as_str()), (CAROL.to_vec(), "joke"));
    assert_eq!(seen.content.unwrap().forwarded.unwrap().sender_id, BOB.to_vec());
    // The original goes; what was forwarded stays, and the same call again answers the same.
    recall(&house, BOB, group, seq).await.unwrap();
    assert_eq!(forward(CAROL, &request).await.unwrap(), first);
    assert_eq!(entry(&house, DAVE, elsewhere, first[0]).await.unwrap().fallback_text, "joke");
    let again = ForwardRequest { client_msg_ids: vec![MessageId::new(&house.clock).to_vec(); 2], ..request.clone() };
    assert_eq!(forward(CAROL, &again).await, Err(Code::Gone));

    let bundle = ForwardRequest {
        seqs: vec![second],
        client_msg_ids: vec![MessageId::new(&house.clock).to_vec()],
        bundle: true,
        title: "Jokes".into(),
        ..request.clone()
    };
    let sent = forward(CAROL, &bundle).await.unwrap();
    let seen = entry(&house, DAVE, elsewhere, sent[0]).await.unwrap();
    assert!(matches!(seen.content.unwrap().kind, Some(Kind::Bundle(bundle)) if bundle.items.len() == 1));
    // Rights are checked at both ends.
    let foreign = ForwardRequest { client_msg_ids: vec![MessageId::new(&house.clock).to_vec()], ..bundle.clone() };
    assert_eq!(forward(DAVE, &foreign).await, Err(Code::NotFound));
    let back = ForwardRequest { client_msg_ids: vec![MessageId::new(&house.clock).to_vec()], ..bundle };
    assert_eq!(forward(ALICE, &back).await, Err(Code::NotFound));
}

#[tokio::test]
async fn who_has_read_is_counted_from_the_cursors() {
    let (house, group, seq) = bob_said("read this").await;
    let readers = async |user, unread| {
        let request = ListReadersRequest { conversation_id: group.to_vec(), seq, unread, ..Default::default() };
        let reply = house.service.list_readers(&acting(user), request).await.map_err(|error| error.code)?;
        Ok::<_, Code>((reply.user_ids, reply.read_by, reply.members))
    };
    assert_eq!(readers(BOB, false).await.unwrap(), (Vec::new(), 0, 2));
    house.say(ALICE, group, "done").await.unwrap();
    assert_eq!(readers(BOB, false).await.unwrap(), (vec![ALICE.to_vec()], 1, 2), "who answers has read");
    assert_eq!(readers(BOB, true).await.unwrap().0, [CAROL.to_vec()]);
    let read = MoveReadCursorRequest { conversation_id: group.to_vec(), read_seq: seq };
    house.service.move_read_cursor(&acting(CAROL), read).await.unwrap();
    assert_eq!(readers(BOB, false).await.unwrap().1, 2);
    assert_eq!(readers(DAVE, false).await, Err(Code::NotFound));
}
