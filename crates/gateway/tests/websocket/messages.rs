//! Sending, receiving, asking.

use anser_contract::v1::{
    ContactChanged, Friend, Hint, Invitation, MoveRead, SyncConversation, SyncConversations, SyncFrom, SyncHeads,
    SyncMe, event::Event, reply::Outcome, request::Op, service_event,
};

use crate::{
    client::{BOTH, Encoding, text_of},
    town::{ALICE, BOB, Town},
};

#[tokio::test]
async fn a_message_reaches_everybody_and_its_sender_in_order() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    for (cmid, encoding) in (1..).zip(BOTH) {
        let mut sender = town.connect(ALICE, encoding).await;
        let mut tab = town.connect(ALICE, Encoding::Json).await;
        let mut bob = town.connect(BOB, Encoding::Proto).await;
        sender.send_text(&room, cmid, "hi").await;
        let Some(Outcome::Send(ack)) = sender.reply().await.outcome else { panic!("no ack") };
        assert!(!ack.dup);
        match &sender.events(1).await[0] {
            Event::OwnEntry(own) => assert_eq!((own.seq, &own.client_msg_id[..]), (ack.seq, &[cmid; 16][..])),
            other => panic!("{other:?}"),
        }
        assert_eq!(tab.texts(1).await, ["hi"]);
        assert_eq!(bob.texts(1).await, ["hi"]);
    }
}

#[tokio::test]
async fn a_retry_gets_the_first_ack_again_and_no_push() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut alice = town.connect(ALICE, Encoding::Json).await;
    let mut bob = town.connect(BOB, Encoding::Json).await;
    alice.send_text(&room, 1, "once").await;
    let Some(Outcome::Send(first)) = alice.reply().await.outcome else { panic!("no ack") };
    alice.send_text(&room, 1, "once").await;
    let Some(Outcome::Send(again)) = alice.reply().await.outcome else { panic!("no ack") };
    assert_eq!((again.seq, again.dup), (first.seq, true));
    alice.send_text(&room, 2, "twice").await;
    assert_eq!(bob.texts(2).await, ["once", "twice"]);
}

#[tokio::test]
async fn errors_of_sends_are_answers() {
    let town = Town::start().await;
    let mut alice = town.connect(ALICE, Encoding::Proto).await;
    alice.send_text(&[77; 16], 1, "anybody?").await;
    assert_eq!(alice.error_code().await, "not_found");
}

#[tokio::test]
async fn many_messages_come_complete_and_in_order() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut bob = town.connect(BOB, Encoding::Proto).await;
    let mut alice = town.connect(ALICE, Encoding::Proto).await;
    let texts: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    for (cmid, text) in (0..).zip(&texts) {
        alice.send_text(&room, cmid, text).await;
    }
    assert_eq!(bob.texts(200).await, texts);
    let own = alice.events(200).await;
    assert!(own.iter().zip(1..).all(|(event, seq)| matches!(event, Event::OwnEntry(own) if own.seq == seq)));
}

#[tokio::test]
async fn syncing_and_reading_work_over_the_socket() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    town.messages.append_text(&room, BOB, "earlier");
    for encoding in BOTH {
        let mut alice = town.connect(ALICE, encoding).await;
        let mut tab = town.connect(ALICE, encoding).await;
        alice.request(Op::SyncHeads(SyncHeads::default()), 0).await;
        assert!(matches!(alice.reply().await.outcome, Some(Outcome::SyncHeads(page)) if page.next_token == "t"));

        let one = SyncConversation { conversation_id: room.clone(), ..Default::default() };
        alice.request(Op::SyncConversation(one), 0).await;
        assert!(
            matches!(alice.reply().await.outcome, Some(Outcome::SyncConversation(page)) if page.entries.len() == 1)
        );

        let none = SyncConversation { conversation_id: vec![3; 16], ..Default::default() };
        alice.request(Op::SyncConversation(none), 0).await;
        assert_eq!(alice.error_code().await, "not_found");

        let items = [room.clone(), vec![3; 16]].map(|conversation_id| SyncFrom { conversation_id, after_seq: 0 });
        alice.request(Op::SyncConversations(SyncConversations { items: items.to_vec() }), 0).await;
        let Some(Outcome::SyncConversations(pages)) = alice.reply().await.outcome else { panic!() };
        assert!(pages.items[0].page.is_some() && pages.items[1].error.is_some());

        alice.request(Op::SyncMe(SyncMe::default()), 0).await;
        let Some(Outcome::SyncMe(me)) = alice.reply().await.outcome else { panic!() };
        assert!(me.me.is_some() && !me.next_token.is_empty());
        alice.request(Op::SyncMe(SyncMe { token: me.next_token }), 0).await;
        assert!(matches!(alice.reply().await.outcome, Some(Outcome::SyncMe(me)) if me.me.is_none()));
        alice.request(Op::SyncMe(SyncMe { token: "nonsense".into() }), 0).await;
        assert_eq!(alice.error_code().await, "invalid_argument");

        alice.request(Op::Read(MoveRead { conversation_id: room.clone(), read_seq: 1 }), 0).await;
        assert!(matches!(alice.reply().await.outcome, Some(Outcome::Read(moved)) if moved.read_seq == 1));
        assert!(matches!(&tab.events(1).await[0], Event::Read(moved) if moved.read_seq == 1));
    }
}

#[tokio::test]
async fn joining_and_invitations_are_told() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut bob = town.connect(BOB, Encoding::Json).await;
    let user_ids = vec![BOB.to_vec()];
    town.messages.hint(Hint {
        conversation_id: room.clone(),
        joined: true,
        earliest_seq: 4,
        user_ids: user_ids.clone(),
        ..Default::default()
    });
    let invitation = Some(Invitation { conversation_id: room.clone(), title: "walks".into(), ..Default::default() });
    town.messages.hint(Hint {
        conversation_id: room.clone(),
        invitation: invitation.map(Box::new),
        user_ids,
        ..Default::default()
    });
    let events = bob.events(2).await;
    assert!(matches!(&events[0], Event::ConversationJoined(joined) if joined.earliest_seq == 4), "{events:?}");
    assert!(matches!(&events[1], Event::Invitation(invitation) if invitation.title == "walks"), "{events:?}");
}

#[tokio::test]
async fn changes_among_friends_are_told_with_profiles() {
    let town = Town::start().await;
    let mut alice = town.connect(ALICE, Encoding::Json).await;
    let friend = Friend { user_id: BOB.to_vec(), ..Default::default() };
    let changed =
        ContactChanged { user_id: ALICE.to_vec(), version: 1, added_friend: Some(friend), ..Default::default() };
    town.events.tell(service_event::Event::ContactChanged(changed)).await;
    let removed =
        ContactChanged { user_id: ALICE.to_vec(), version: 2, removed_friend: BOB.to_vec(), ..Default::default() };
    town.events.tell(service_event::Event::ContactChanged(removed)).await;
    let events = alice.events(2).await;
    let Event::FriendAdded(added) = &events[0] else { panic!("{events:?}") };
    assert_eq!(added.friend.as_ref().unwrap().profile.as_ref().unwrap().nickname, "nick 2");
    assert!(matches!(&events[1], Event::FriendRemoved(removed) if removed.user_id == BOB.to_vec()));
}

#[tokio::test]
async fn sends_of_one_read_go_up_together() {
    let town = Town::start().await;
    let room = town.messages.room(9, &[ALICE, BOB]);
    let mut alice = town.connect(ALICE, Encoding::Proto).await;
    let mut bob = town.connect(BOB, Encoding::Proto).await;
    let parts: Vec<u8> = (1..=30).collect();
    for cmid in &parts {
        alice.send_text(&room, *cmid, "x").await;
    }
    assert_eq!(bob.events(30).await.into_iter().map(text_of).collect::<Vec<_>>(), vec!["x"; 30]);
    assert_eq!(town.messages.0.lock().batches.iter().sum::<usize>(), 30);
}
