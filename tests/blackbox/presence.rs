//! Who sees that somebody is online, who is told when that changes, and when it is over.

use anser_client::v1::{Audience, Presence, Privacy, event::Event};
use anser_tests::{Device, Mode, Person, TestApp, code, texts};
use anser_types::{Code, UserId};

/// The next word about somebody's presence.
async fn hears_of_presence(device: &Device, what: &str) -> Presence {
    device.hears(what, |event| if let Event::Presence(told) = event { Some(told.clone()) } else { None }).await
}

/// What was told, up to the word that a person came or went.
async fn told_until(device: &Device, person: &Person, online: bool) -> Vec<(UserId, bool)> {
    let mut told = Vec::new();
    let last = (person.id, online);
    while told.last() != Some(&last) {
        let presence = hears_of_presence(device, "that somebody came or went").await;
        told.push((UserId::try_from(&presence.user_id[..]).unwrap(), presence.online));
    }
    told
}

fn away(person: &Person, last_seen_at: i64) -> Presence {
    Presence { user_id: person.id.to_vec(), online: false, last_seen_at }
}

fn online(person: &Person) -> Presence {
    Presence { user_id: person.id.to_vec(), online: true, last_seen_at: 0 }
}

async fn sets_presence(person: &Person, audience: Audience) {
    let privacy = Privacy { presence: audience.into(), ..Privacy::default() };
    person.client.update_privacy(&privacy).await.unwrap();
}

#[tokio::test]
async fn friends_are_told_who_comes_and_who_goes_and_see_when_they_were_here() {
    let (app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let carol = app.person("carol").await;
    alice.befriends(&carol).await;
    let group = alice.group("ours", &[&bob, &carol]).await;
    let bobs = bob.online_in(anser_client::Encoding::Json).await;
    assert_eq!(
        bobs.socket.watch_presence(&[alice.id, carol.id]).await.unwrap(),
        [away(&alice, 0)],
        "carol is no friend"
    );
    let alices = alice.online().await;
    assert_eq!(hears_of_presence(&bobs, "that alice came").await, online(&alice));
    assert_eq!(bob.client.presence(&[alice.id]).await.unwrap(), [online(&alice)]);
    let members = bob.client.members(group, 0, "").await.unwrap().items;
    let presence = |person: &Person| {
        let member = members.iter().find(|member| member.user_id == person.id.to_vec());
        member.unwrap().presence.clone()
    };
    assert_eq!((presence(&alice), presence(&bob), presence(&carol)), (Some(online(&alice)), None, None));

    alices.socket.cut().await;
    let gone = hears_of_presence(&bobs, "that alice went").await;
    assert!(!gone.online && gone.last_seen_at > 0, "{gone:?}");
    assert_eq!(bob.client.presence(&[alice.id]).await.unwrap(), [away(&alice, gone.last_seen_at)]);
    assert_eq!(bobs.socket.watch_presence(&[alice.id]).await.unwrap(), [away(&alice, gone.last_seen_at)]);
}

#[tokio::test]
async fn whom_one_may_not_see_is_like_nobody() {
    let app = TestApp::start().await;
    let bob = app.person("bob").await;
    let (stranger, blocking, blocked) = (app.person("s").await, app.person("b").await, app.person("c").await);
    let (hiding, unknown) = (app.person("h").await, UserId([7; 16]));
    for friend in [&blocking, &blocked, &hiding] {
        bob.befriends(friend).await;
        assert_eq!(bob.client.presence(&[friend.id]).await.unwrap(), [away(friend, 0)]);
    }
    blocking.client.block(bob.id).await.unwrap();
    bob.client.block(blocked.id).await.unwrap();
    sets_presence(&hiding, Audience::Nobody).await;
    for person in [&stranger, &blocking, &blocked, &hiding] {
        person.online().await;
    }
    let all = [stranger.id, blocking.id, blocked.id, hiding.id, unknown, bob.id];
    let bobs = bob.online().await;
    assert_eq!(bobs.socket.watch_presence(&all).await.unwrap(), []);
    assert_eq!(bob.client.presence(&all).await.unwrap(), []);
    assert_eq!(blocked.client.presence(&[bob.id]).await.unwrap(), [], "a block is two-sided");
    assert_eq!(hiding.client.presence(&[bob.id]).await.unwrap(), [online(&bob)], "who hides may look");
    assert_eq!(code(bobs.socket.watch_presence(&[unknown; 201]).await), Code::InvalidArgument);
    assert_eq!(code(bob.client.presence(&[unknown; 201]).await), Code::InvalidArgument);
}

#[tokio::test]
async fn whose_right_ends_while_watching_hears_nothing_more() {
    let app = TestApp::start().await;
    let bob = app.person("bob").await;
    let (leaving, blocking, blocked) = (app.person("l").await, app.person("b").await, app.person("c").await);
    let (hiding, friend) = (app.person("h").await, app.person("f").await);
    let all = [&leaving, &blocking, &blocked, &hiding, &friend];
    for person in all {
        bob.befriends(person).await;
    }
    let bobs = bob.online().await;
    assert_eq!(bobs.socket.watch_presence(&all.map(|person| person.id)).await.unwrap().len(), 5);
    leaving.client.delete_friend(bob.id).await.unwrap();
    blocking.client.block(bob.id).await.unwrap();
    sets_presence(&hiding, Audience::Nobody).await;
    bob.client.block(blocked.id).await.unwrap();
    // Events come in order, so when the last has come all have.
    bobs.hears("the block", |event| matches!(event, Event::BlockAdded(_)).then_some(())).await;
    for person in all {
        let _stays = person.online().await;
    }
    assert_eq!(told_until(&bobs, &friend, true).await, [(friend.id, true)]);
}

#[tokio::test]
async fn only_the_connection_that_watches_is_told_and_only_of_whom_it_watches_now() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = (app.person("alice").await, app.person("bob").await, app.person("carol").await);
    let talk = bob.befriends(&alice).await;
    bob.befriends(&carol).await;
    let (watching, other) = (bob.online().await, bob.on_another_device().await.online().await);
    watching.socket.watch_presence(&[alice.id]).await.unwrap();
    watching.socket.watch_presence(&[carol.id]).await.unwrap();
    let (_alices, carols) = (alice.online().await, carol.online().await);
    assert_eq!(told_until(&watching, &carol, true).await, [(carol.id, true)]);
    assert_eq!(watching.socket.watch_presence(&[]).await.unwrap(), []);
    drop(carols);
    alice.says(talk, "and now").await;
    for device in [&watching, &other] {
        let unasked = device.hears("the text", |event| match event {
            Event::Presence(told) => Some(Some(told.clone())),
            Event::Entry(entry) if texts(std::slice::from_ref(entry)) == ["and now"] => Some(None),
            _ => None,
        });
        assert_eq!(unasked.await, None);
    }
}

#[tokio::test]
async fn who_comes_back_in_a_moment_was_never_away() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = (app.person("alice").await, app.person("bob").await, app.person("carol").await);
    bob.befriends(&alice).await;
    bob.befriends(&carol).await;
    let (alices, carols) = (alice.online().await, carol.online().await);
    let bobs = bob.online().await;
    let seen = bobs.socket.watch_presence(&[alice.id, carol.id]).await.unwrap();
    assert!(seen.iter().all(|presence| presence.online), "{seen:?}");
    alices.socket.cut().await;
    let _back = alice.online().await;
    // Carol goes after that, so when she is told of, alice would have been.
    carols.socket.cut().await;
    assert_eq!(told_until(&bobs, &carol, false).await, [(carol.id, false)]);
    assert_eq!(bob.client.presence(&[alice.id]).await.unwrap(), [online(&alice)]);
}

#[tokio::test]
async fn when_somebody_was_last_online_outlives_a_crash() {
    let Some(app) = TestApp::start_own().await else { return };
    let (alice, bob) = app.friends("alice", "bob").await;
    let bobs = bob.online().await;
    bobs.socket.watch_presence(&[alice.id]).await.unwrap();
    alice.online().await.socket.cut().await;
    told_until(&bobs, &alice, true).await;
    let gone = hears_of_presence(&bobs, "that alice went").await;
    app.crash();
    app.start_again().await;
    assert_eq!(bob.client.presence(&[alice.id]).await.unwrap(), [gone]);
}

#[tokio::test]
async fn who_was_online_when_the_server_was_stopped_was_seen_until_then() {
    let Some(app) = TestApp::start_with(&["gateway.reconnect_spread_ms=50"]).await else { return };
    if app.mode() == Mode::Split {
        return; // The store process is killed there.
    }
    let (alice, bob) = app.friends("alice", "bob").await;
    let talk = alice.with(&bob).await;
    let alices = alice.online().await;
    let said_at = alices.socket.send_text(talk, "until then").await.unwrap().server_ts;
    app.terminate_gateway();
    assert_eq!(app.gateway_exit_code().await, Some(0));
    app.start_again().await;
    let seen = bob.client.presence(&[alice.id]).await.unwrap();
    assert!(!seen[0].online && seen[0].last_seen_at >= said_at, "{seen:?}");
}

#[tokio::test]
async fn a_closed_account_is_seen_by_nobody() {
    let (_app, alice, bob) = TestApp::with_friends("alice", "bob").await;
    let _alices = alice.online().await;
    let bobs = bob.online().await;
    assert_eq!(bobs.socket.watch_presence(&[alice.id]).await.unwrap(), [online(&alice)]);
    alice.client.close_account(anser_tests::PASSWORD).await.unwrap();
    let ended = bobs.hears("the friendship's end", |event| match event {
        Event::Presence(told) => Some(Some(told.clone())),
        Event::FriendRemoved(_) => Some(None),
        _ => None,
    });
    assert_eq!(ended.await, None);
    assert_eq!(bob.client.presence(&[alice.id]).await.unwrap(), []);
}

#[tokio::test]
async fn people_at_two_gateways_see_each_other_and_go_on_when_the_store_was_away() {
    let Some(app) = TestApp::start_split(&[]).await else { return };
    let other = app.another_gateway().await;
    let (alice, bob, carol) = (app.person("alice").await, app.person("bob").await, app.person("carol").await);
    let talk = bob.befriends(&alice).await;
    bob.befriends(&carol).await;
    let bobs = bob.online().await;
    // A gateway that has not heard of any entry would have to let everybody sync after the break.
    alice.says(talk, "before").await;
    bobs.hears_text("before").await;
    bobs.socket.watch_presence(&[alice.id, carol.id]).await.unwrap();
    let there = alice.through(&other).online().await;
    assert_eq!(told_until(&bobs, &alice, true).await, [(alice.id, true)]);
    // From one gateway to the other, one is online all the time.
    let _here = alice.online().await;
    there.socket.cut().await;
    let carols = carol.through(&other).online().await;
    assert_eq!(told_until(&bobs, &carol, true).await, [(carol.id, true)]);

    app.crash_store();
    app.start_store_again();
    carols.socket.cut().await;
    assert_eq!(told_until(&bobs, &carol, false).await, [(carol.id, false)], "and nobody else seemed to go");
    let _carols = carol.through(&other).online().await;
    assert_eq!(told_until(&bobs, &carol, true).await, [(carol.id, true)]);
}
