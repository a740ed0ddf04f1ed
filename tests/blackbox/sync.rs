//! Three calls find everything.

use anser_client::v1::Role;
use anser_tests::{TestApp, code, texts};
use anser_types::{Code, ConversationId};

#[tokio::test]
async fn heads_that_moved_are_named_and_only_those() {
    let app = TestApp::start().await;
    let alice = app.person("alice").await;
    let (bob, carol) = (app.person("bob").await, app.person("carol").await);
    let (with_bob, with_carol) = (alice.befriends(&bob).await, alice.befriends(&carol).await);
    let all = alice.client.sync_heads("", 0).await.unwrap();
    assert_eq!(all.items.len(), 2);
    // It may name too much (what moved last of all), never too little.
    let nothing = alice.client.sync_heads(&all.next_token, 0).await.unwrap();
    assert!(nothing.items.iter().all(|head| head.conversation_id == with_carol.to_vec()) && !nothing.has_more);

    let ack = bob.says(with_bob, "hello").await;
    let moved = alice.client.sync_heads(&nothing.next_token, 0).await.unwrap();
    let head = &moved.items[0];
    assert_eq!((head.conversation_id.clone(), head.head_seq, head.unread), (with_bob.to_vec(), ack.seq, 1));

    // A cursor that another device moved is a move as well.
    alice.client.mark_read(with_bob, ack.seq).await.unwrap();
    let read = alice.client.sync_heads(&moved.next_token, 0).await.unwrap();
    assert_eq!((read.items.len(), read.items[0].read_seq, read.items[0].unread), (1, ack.seq, 0));
    let last = alice.client.sync_heads(&read.next_token, 0).await.unwrap();
    assert!(last.items.iter().all(|head| head.conversation_id == with_bob.to_vec()), "carol's did not move");
}

#[tokio::test]
async fn heads_come_in_pages() {
    let app = TestApp::start().await;
    let alice = app.person("alice").await;
    let mut groups = Vec::new();
    for number in 0..7 {
        groups.push(alice.group(&number.to_string(), &[]).await.to_vec());
    }
    let (mut token, mut found, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let page = alice.client.sync_heads(&token, 3).await.unwrap();
        assert!(page.items.len() <= 3);
        found.extend(page.items.into_iter().map(|head| head.conversation_id));
        token = page.next_token;
        pages += 1;
        if !page.has_more {
            break;
        }
    }
    assert!(pages >= 3);
    found.sort();
    found.dedup();
    groups.sort();
    assert_eq!(found, groups);
}

#[tokio::test]
async fn a_long_conversation_comes_in_pages_of_256() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let conversation = alice.with(&bob).await;
    let device = alice.online().await;
    for batch in 0..10 {
        let messages = (0..60).map(|number| alice.message(conversation, &format!("{batch} {number}"))).collect();
        assert!(device.socket.send_all(messages).await.iter().all(Result::is_ok));
    }
    let socket = &bob.online().await.socket;
    let (mut after, mut seqs) = (0, Vec::new());
    loop {
        let page = socket.sync_conversation(conversation, after, 0).await.unwrap();
        assert!(page.entries.len() <= 256);
        seqs.extend(page.entries.iter().map(|entry| entry.seq));
        after = page.next_seq;
        if !page.has_more {
            assert_eq!(page.head_seq, after);
            break;
        }
    }
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
    assert!(seqs.len() >= 600);
}

#[tokio::test]
async fn several_conversations_in_one_call_each_with_its_own_outcome() {
    let (app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let direct = alice.with(&bob).await;
    let group = alice.group("us", &[&bob]).await;
    let eve = app.person("eve").await;
    let hers = eve.group("hers", &[]).await;
    alice.says(direct, "one").await;
    alice.says(group, "two").await;
    let device = bob.online().await;
    let from = [(direct, 0), (hers, 0), (group, 0)];
    for pages in
        [bob.client.sync_conversations(&from).await.unwrap(), device.socket.sync_conversations(&from).await.unwrap()]
    {
        let of = |id: ConversationId| pages.items.iter().find(|item| item.conversation_id == id.to_vec()).unwrap();
        assert_eq!(texts(&of(direct).page.as_ref().unwrap().entries), ["one"]);
        assert_eq!(texts(&of(group).page.as_ref().unwrap().entries), ["two"]);
        assert_eq!(of(hers).error.as_ref().unwrap().code, "not_found");
    }
    let too_many: Vec<_> = (0..101).map(|_| (direct, 0)).collect();
    assert_eq!(code(bob.client.sync_conversations(&too_many).await), Code::InvalidArgument);
}

#[tokio::test]
async fn tokens_that_are_none_lead_to_a_sync_from_the_beginning() {
    let (app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let other = TestApp::start().await;
    let stranger = other.person("zoe").await;
    let foreign = stranger.client.sync_heads("", 0).await.unwrap().next_token;
    let device = bob.online().await;
    for token in ["nonsense", &foreign] {
        for outcome in [code(alice.client.sync_heads(token, 0).await), code(device.socket.sync_heads(token, 0).await)] {
            assert!(matches!(outcome, Code::SyncRequired | Code::InvalidArgument), "{token}: {outcome}");
        }
    }
    assert!(matches!(code(alice.client.sync_me("nonsense").await), Code::SyncRequired | Code::InvalidArgument));
    drop(app);
}

#[tokio::test]
async fn somebody_who_was_away_finds_everything_in_three_calls() {
    let (app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let direct = alice.with(&bob).await;
    let heads = bob.client.sync_heads("", 0).await.unwrap();
    let me = bob.client.sync_me("").await.unwrap();
    let known = bob.syncs(direct).await.head_seq;

    alice.says(direct, "while you were away").await;
    let carol = app.person("carol").await;
    carol.befriends(&bob).await;
    let group = alice.group("made meanwhile", &[&bob]).await;
    alice.client.change_role(group, bob.id, "admin").await.unwrap();

    let moved = bob.client.sync_heads(&heads.next_token, 0).await.unwrap();
    assert_eq!(moved.items.len(), 3, "the known one, carol's and the group");
    let from: Vec<_> = moved
        .items
        .iter()
        .map(|head| {
            let id = ConversationId::try_from(&head.conversation_id[..]).unwrap();
            (id, if id == direct { known } else { 0 })
        })
        .collect();
    let pages = bob.client.sync_conversations(&from).await.unwrap();
    for item in &pages.items {
        let page = item.page.as_ref().unwrap();
        let head = moved.items.iter().find(|head| head.conversation_id == item.conversation_id).unwrap();
        assert_eq!(page.entries.last().unwrap().seq, head.head_seq);
    }
    let about_me = bob.client.sync_me(&me.next_token).await.unwrap();
    assert_eq!(about_me.friends[0].friend.as_ref().unwrap().user_id, carol.id.to_vec());
    assert_eq!(bob.sees(group).await.my_role(), Role::Admin);
}
