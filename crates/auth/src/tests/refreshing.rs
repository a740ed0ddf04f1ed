//! Refresh tokens: rotation, lost answers, theft, expiry.

use anser_contract::v1::EndSessionRequest;
use anser_types::Code;

use super::*;

async fn refused(world: &World, token: &str) {
    assert_eq!(world.refresh(token).await.unwrap_err().code, Code::Unauthenticated);
}

async fn signed_in() -> (World, TokenReply) {
    let world = World::new();
    world.register("ada").await;
    let reply = world.login("ada", 1).await;
    (world, reply)
}

#[tokio::test]
async fn each_use_gives_a_new_token_and_begins_its_time_anew() {
    let (world, first) = signed_in().await;
    let mut token = first.refresh_token.clone();
    for day in 1..=5 {
        world.clock.advance(29 * DAY);
        let reply = world.refresh(&token).await.unwrap();
        assert_ne!(reply.refresh_token, token);
        assert_eq!((&reply.session_id, &reply.device_id), (&first.session_id, &first.device_id));
        assert_eq!(reply.refresh_expires_at, NOW + (day * 29 + 30).min(180) * DAY);
        token = reply.refresh_token;
    }
    assert_eq!(world.told().await, []);
}

#[tokio::test]
async fn a_token_that_was_not_used_in_time_ends_the_session() {
    let (world, first) = signed_in().await;
    world.clock.advance(30 * DAY - 1);
    let second = world.refresh(&first.refresh_token).await.unwrap();
    world.clock.advance(30 * DAY);
    refused(&world, &second.refresh_token).await;
    assert_eq!(world.told().await, [(session_of(&first), "expired".to_owned())]);
}

#[tokio::test]
async fn no_session_outlives_its_absolute_time() {
    let (world, first) = signed_in().await;
    let mut token = first.refresh_token;
    for _ in 0..8 {
        world.clock.advance(20 * DAY);
        token = world.refresh(&token).await.unwrap().refresh_token;
    }
    world.clock.advance(20 * DAY - 1);
    let last = world.refresh(&token).await.unwrap();
    assert_eq!(last.refresh_expires_at, NOW + 180 * DAY);
    world.clock.advance(1);
    refused(&world, &last.refresh_token).await;
}

#[tokio::test]
async fn a_lost_answer_locks_nobody_out() {
    let (world, first) = signed_in().await;
    let lost = world.refresh(&first.refresh_token).await.unwrap();
    world.clock.advance(5 * DAY);
    let repeated = world.refresh(&first.refresh_token).await.unwrap();
    assert_eq!(repeated.refresh_token, lost.refresh_token, "the same successor, however late");
    assert!(world.refresh(&repeated.refresh_token).await.is_ok());
    assert_eq!(world.told().await, []);
}

#[tokio::test]
async fn the_fourth_repeat_is_theft() {
    let (world, first) = signed_in().await;
    let second = world.refresh(&first.refresh_token).await.unwrap();
    for _ in 0..3 {
        assert_eq!(world.refresh(&first.refresh_token).await.unwrap().refresh_token, second.refresh_token);
    }
    refused(&world, &first.refresh_token).await;
    assert_eq!(world.told().await, [(session_of(&first), "token_reused".to_owned())]);
    refused(&world, &second.refresh_token).await;
}

#[tokio::test]
async fn after_its_successor_was_used_a_token_is_good_for_half_a_minute() {
    let (world, first) = signed_in().await;
    let second = world.refresh(&first.refresh_token).await.unwrap();
    let third = world.refresh(&second.refresh_token).await.unwrap();
    world.clock.advance(29_999);
    // A second tab, late: it gets the successor, and by that the one after it.
    assert_eq!(world.refresh(&first.refresh_token).await.unwrap().refresh_token, second.refresh_token);
    assert_eq!(world.refresh(&second.refresh_token).await.unwrap().refresh_token, third.refresh_token);
    world.clock.advance(1);
    refused(&world, &first.refresh_token).await;
    refused(&world, &third.refresh_token).await;
    assert_eq!(world.told().await, [(session_of(&first), "token_reused".to_owned())]);
}

#[tokio::test]
async fn an_old_token_ends_the_session_for_thief_and_owner() {
    let (world, first) = signed_in().await;
    let mut token = first.refresh_token.clone();
    for _ in 0..5 {
        world.clock.advance(10 * MINUTE);
        token = world.refresh(&token).await.unwrap().refresh_token;
    }
    refused(&world, &first.refresh_token).await;
    refused(&world, &token).await;
    assert_eq!(world.told().await.len(), 1);
}

#[tokio::test]
async fn a_token_of_long_ago_is_merely_unknown() {
    let (world, first) = signed_in().await;
    let mut token = first.refresh_token.clone();
    for _ in 0..102 {
        world.clock.advance(MINUTE);
        token = world.refresh(&token).await.unwrap().refresh_token;
    }
    refused(&world, &first.refresh_token).await;
    assert!(world.refresh(&token).await.is_ok(), "it told nobody anything about this session");
}

#[tokio::test]
async fn two_tabs_at_once_end_up_with_the_same_token() {
    let (world, first) = signed_in().await;
    let (left, right) = tokio::join!(world.refresh(&first.refresh_token), world.refresh(&first.refresh_token));
    assert_eq!(left.unwrap().refresh_token, right.unwrap().refresh_token);
}

#[tokio::test]
async fn tokens_of_an_ended_session_and_made_up_ones_are_refused() {
    let (world, first) = signed_in().await;
    refused(&world, "").await;
    refused(&world, "ar_").await;
    refused(&world, &crate::refresh_token::RefreshToken::random().text()).await;
    world.auth.end_session(&holder(&first), EndSessionRequest { session_id: first.session_id.clone() }).await.unwrap();
    refused(&world, &first.refresh_token).await;
    assert_eq!(world.told().await, [(session_of(&first), "logged_out".to_owned())]);
}

#[tokio::test]
async fn no_token_stands_in_the_store() {
    let (world, first) = signed_in().await;
    let second = world.refresh(&first.refresh_token).await.unwrap();
    let stored: Vec<Vec<u8>> = world
        .auth
        .db
        .read(|reader| reader.rows("SELECT token_hash FROM auth_refresh", &[], |row| row.blob(0)))
        .await
        .unwrap();
    assert_eq!(stored.len(), 2);
    for token in [&first.refresh_token, &second.refresh_token] {
        let bytes = anser_types::base32::decode(&token[3..]).unwrap();
        assert!(!stored.contains(&bytes));
    }
}
