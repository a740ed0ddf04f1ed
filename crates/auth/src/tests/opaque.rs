//! Sessions with one opaque token.

use anser_contract::v1::{
    EndSessionRequest, ListSessionsRequest, OpaqueSessions, ResolveRequest, SessionClaims, SessionKind,
};
use anser_types::Code;

use super::*;
use crate::sweep;

const HOUR: i64 = 60 * MINUTE;

impl World {
    async fn enter(&self, name: &str) -> TokenReply {
        let request = LoginRequest { kind: SessionKind::Opaque.into(), ..login(name, 1) };
        self.auth.login(&anonymous(), request).await.unwrap()
    }

    async fn resolve(&self, token: &str) -> Result<SessionClaims> {
        self.auth.resolve(&Context::service(), ResolveRequest { token: token.into() }).await
    }
}

#[tokio::test]
async fn one_token_says_whose_session_it_is() {
    let world = World::new();
    let ada = world.register("ada").await;
    let reply = world.enter("ada").await;
    assert_eq!((reply.access_token.as_str(), reply.refresh_token.as_str()), ("", ""));
    assert_eq!(reply.session_token.len(), 52);
    let claims = world.resolve(&reply.session_token).await.unwrap();
    assert_eq!((claims.user_id, claims.session_id), (ada.to_vec(), reply.session_id.clone()));
    let stored = world.auth.db.read(|reader| reader.rows("SELECT token_hash FROM auth_opaque", &[], |row| row.blob(0)));
    let stored = stored.await.unwrap();
    assert_ne!(Some(&stored[0]), anser_types::base32::decode(&reply.session_token).as_ref(), "hashed");
    let last = if reply.session_token.ends_with('0') { 'g' } else { '0' };
    let other = format!("{}{last}", &reply.session_token[..51]);
    for wrong in ["", "x", &other, &reply.session_token[1..], &"0".repeat(52), &"z".repeat(5_200)] {
        assert_eq!(world.resolve(wrong).await.unwrap_err().code, Code::Unauthenticated, "{wrong}");
    }
    assert!(world.refresh(&reply.session_token).await.is_err());
}

#[tokio::test]
async fn they_are_counted_among_themselves() {
    let world = World::new();
    world.register("ada").await;
    let phone = world.login("ada", 1).await;
    let mut entered = Vec::new();
    for _ in 0..7 {
        world.clock.advance(10);
        entered.push(world.enter("ada").await);
    }
    let too_many: Vec<_> = entered[..2].iter().map(|reply| (session_of(reply), "too_many".to_owned())).collect();
    assert_eq!(world.told().await, too_many, "the same device, and none replaced");
    for (index, reply) in entered.iter().enumerate() {
        assert_eq!(world.resolve(&reply.session_token).await.is_ok(), index >= 2);
    }
    for device in 1..=21 {
        world.clock.advance(10);
        world.login("ada", device).await;
    }
    let told = world.told().await.split_off(2);
    let of_tokens = told.iter().filter(|(session, _)| *session != session_of(&phone)).count();
    assert_eq!((told.len(), of_tokens), (2, 1), "one replaced, one too many");
    for reply in &entered[2..] {
        assert!(world.resolve(&reply.session_token).await.is_ok());
    }
}

#[tokio::test]
async fn they_are_listed_and_ended_like_any_session() {
    let world = World::new();
    world.register("ada").await;
    let (phone, entered) = (world.login("ada", 1).await, world.enter("ada").await);
    let list = world.auth.list_sessions(&holder(&phone), ListSessionsRequest {}).await.unwrap().items;
    assert_eq!(list.len(), 2);
    let request = EndSessionRequest { session_id: entered.session_id.clone() };
    world.auth.end_session(&holder(&phone), request).await.unwrap();
    assert_eq!(world.told().await, [(session_of(&entered), "logged_out".to_owned())]);
    assert_eq!(world.resolve(&entered.session_token).await.unwrap_err().code, Code::Unauthenticated);
}

#[tokio::test]
async fn being_used_moves_the_end_on_and_is_seldom_written() {
    let world = World::new();
    world.register("ada").await;
    let (used, unused) = (world.enter("ada").await, world.enter("ada").await);
    let seen = async || {
        let list = world.auth.list_sessions(&holder(&used), ListSessionsRequest {}).await.unwrap().items;
        list.into_iter().find(|session| session.session_id == used.session_id).unwrap().last_seen_at - NOW
    };
    for (pause, last_seen) in [(HOUR - 1, 0), (1, HOUR), (HOUR / 2, HOUR), (HOUR / 2, 2 * HOUR)] {
        world.clock.advance(pause);
        world.resolve(&used.session_token).await.unwrap();
        assert_eq!(seen().await, last_seen);
    }
    world.clock.advance(30 * DAY - HOUR);
    world.resolve(&used.session_token).await.unwrap();
    assert_eq!(world.resolve(&unused.session_token).await.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(sweep::step(&world.auth).await, Ok(1));
    assert_eq!(world.told().await, [(session_of(&unused), "expired".to_owned())]);
    // However old it is, while it is used.
    for _ in 0..10 {
        world.clock.advance(29 * DAY);
        world.resolve(&used.session_token).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_kind_of_session_is_refused() {
    let world = World::new();
    world.register("ada").await;
    let request = LoginRequest { kind: 9, ..login("ada", 1) };
    let error = world.auth.login(&anonymous(), request).await.unwrap_err();
    assert_eq!((error.code, error.fields[0].field.as_str()), (Code::InvalidArgument, "kind"));
}
