//! Sessions: listing, ending, replacing, tickets, and what gateways ask.

use anser_contract::v1::{
    CheckSessionsRequest, EndSessionRequest, EndedSinceRequest, ListSessionsRequest, MintTicketRequest,
    RedeemTicketRequest,
};
use anser_types::Code;

use super::*;
use crate::sweep;

async fn devices(world: &World, reply: &TokenReply) -> Vec<(String, bool)> {
    let list = world.auth.list_sessions(&holder(reply), ListSessionsRequest {}).await.unwrap();
    list.items.into_iter().map(|session| (session.device_name, session.current)).collect()
}

async fn end(world: &World, by: &TokenReply, what: &TokenReply) -> Result<()> {
    let request = EndSessionRequest { session_id: what.session_id.clone() };
    world.auth.end_session(&holder(by), request).await.map(|_| ())
}

#[tokio::test]
async fn a_person_sees_their_sessions_newest_first() {
    let world = World::new();
    world.register("ada").await;
    world.register("bob").await;
    let phone = world.login("ada", 1).await;
    world.clock.advance(1_000);
    let laptop = world.login("ada", 2).await;
    world.login("bob", 3).await;
    assert_eq!(devices(&world, &phone).await, [("device 2".into(), false), ("device 1".into(), true)]);

    world.clock.advance(1_000);
    world.refresh(&phone.refresh_token).await.unwrap();
    let list = world.auth.list_sessions(&holder(&laptop), ListSessionsRequest {}).await.unwrap();
    let seen: Vec<_> =
        list.items.iter().map(|session| (session.created_at - NOW, session.last_seen_at - NOW)).collect();
    assert_eq!(seen, [(1_000, 1_000), (0, 2_000)]);
    let nobody = world.auth.list_sessions(&anonymous(), ListSessionsRequest {}).await;
    assert_eq!(nobody.unwrap_err().code, Code::Unauthenticated);
}

#[tokio::test]
async fn the_same_device_replaces_its_session() {
    let world = World::new();
    world.register("ada").await;
    world.register("bob").await;
    let first = world.login("ada", 1).await;
    let other = world.login("bob", 1).await;
    let upper = LoginRequest { device_id: login("ada", 1).device_id.to_uppercase(), ..login("ada", 1) };
    let second = world.auth.login(&anonymous(), upper).await.unwrap();
    assert_eq!(world.told().await, [(session_of(&first), "replaced".to_owned())]);
    assert!(world.refresh(&first.refresh_token).await.is_err());
    assert!(world.refresh(&second.refresh_token).await.is_ok());
    assert!(world.refresh(&other.refresh_token).await.is_ok(), "a device may serve two people");
}

#[tokio::test]
async fn the_twenty_first_device_ends_the_oldest_session() {
    let world = World::new();
    world.register("ada").await;
    let mut replies = Vec::new();
    for device in 0..22 {
        replies.push(world.login("ada", device).await);
        world.clock.advance(10);
    }
    let expected: Vec<_> = replies[..2].iter().map(|reply| (session_of(reply), "too_many".to_owned())).collect();
    assert_eq!(world.told().await, expected);
    assert_eq!(devices(&world, &replies[21]).await.len(), 20);
}

#[tokio::test]
async fn a_person_ends_their_own_sessions_and_nobody_elses() {
    let world = World::new();
    world.register("ada").await;
    world.register("eve").await;
    let (phone, laptop) = (world.login("ada", 1).await, world.login("ada", 2).await);
    let eve = world.login("eve", 3).await;
    assert_eq!(end(&world, &eve, &phone).await.unwrap_err().code, Code::NotFound);
    let unknown = TokenReply { session_id: vec![7; 16], ..TokenReply::default() };
    assert_eq!(end(&world, &phone, &unknown).await.unwrap_err().code, Code::NotFound);
    assert_eq!(
        end(&world, &phone, &TokenReply::default()).await.unwrap_err().code,
        Code::InvalidArgument,
        "an empty id is no id"
    );
    assert_eq!(world.told().await, []);

    end(&world, &phone, &laptop).await.unwrap();
    end(&world, &phone, &laptop).await.unwrap();
    end(&world, &phone, &phone).await.unwrap();
    let ends = [(session_of(&laptop), "logged_out".to_owned()), (session_of(&phone), "logged_out".to_owned())];
    assert_eq!(world.told().await, ends, "each end is told once");
}

#[tokio::test]
async fn a_ticket_opens_one_socket_while_its_session_lives() {
    let world = World::new();
    world.register("ada").await;
    let reply = world.login("ada", 1).await;
    let mint = async || world.auth.mint_ticket(&holder(&reply), MintTicketRequest {}).await;
    let redeem = async |ticket: &str| {
        world.auth.redeem_ticket(&anonymous(), RedeemTicketRequest { ticket: ticket.into() }).await
    };
    let ticket = mint().await.unwrap();
    assert_eq!(ticket.expires_at, NOW + 30_000);
    let claims = redeem(&ticket.ticket).await.unwrap();
    assert_eq!((&claims.session_id, &claims.device_id), (&reply.session_id, &reply.device_id));
    assert_eq!(claims.user_id, reply.user_id);
    assert_eq!(redeem(&ticket.ticket).await.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(redeem("nonsense").await.unwrap_err().code, Code::Unauthenticated);

    let ticket = mint().await.unwrap();
    end(&world, &reply, &reply).await.unwrap();
    assert_eq!(redeem(&ticket.ticket).await.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(mint().await.unwrap_err().code, Code::Unauthenticated);
}

#[tokio::test]
async fn gateways_learn_what_ended_while_they_were_away() {
    let world = World::new();
    world.register("ada").await;
    let (phone, laptop, tablet) =
        (world.login("ada", 1).await, world.login("ada", 2).await, world.login("ada", 3).await);
    end(&world, &phone, &phone).await.unwrap();
    world.clock.advance(MINUTE);
    end(&world, &phone, &laptop).await.unwrap();

    let since = async |at: i64| {
        let request = EndedSinceRequest { since_at: at };
        world.auth.ended_since(&Context::service(), request).await.unwrap().session_ids
    };
    assert_eq!(since(NOW).await, [phone.session_id.clone(), laptop.session_id.clone()]);
    assert_eq!(since(NOW + 1).await, vec![laptop.session_id.clone()]);
    assert_eq!(since(0).await.len(), 2);

    let unknown = vec![7; 16];
    let asked = vec![tablet.session_id.clone(), phone.session_id.clone(), unknown.clone()];
    let check = CheckSessionsRequest { session_ids: asked };
    let ended = world.auth.check_sessions(&Context::service(), check.clone()).await.unwrap().ended;
    assert_eq!(ended, [phone.session_id.clone(), unknown]);

    let too_many = CheckSessionsRequest { session_ids: vec![vec![7; 16]; 1_001] };
    let error = world.auth.check_sessions(&Context::service(), too_many).await.unwrap_err();
    assert_eq!(error.code, Code::InvalidArgument);
    assert_eq!(world.auth.check_sessions(&holder(&tablet), check).await.unwrap_err().code, Code::Forbidden);
    let ask = EndedSinceRequest { since_at: 0 };
    assert_eq!(world.auth.ended_since(&holder(&tablet), ask).await.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn the_sweep_ends_what_expired_and_forgets_what_is_over() {
    let world = World::new();
    world.register("ada").await;
    let (old, kept) = (world.login("ada", 1).await, world.login("ada", 2).await);
    world.clock.advance(20 * DAY);
    let kept = world.refresh(&kept.refresh_token).await.unwrap();
    world.clock.advance(10 * DAY);
    assert_eq!(sweep::step(&world.auth).await, Ok(1));
    assert_eq!(world.told().await, [(session_of(&old), "expired".to_owned())]);
    assert_eq!(sweep::step(&world.auth).await, Ok(0));
    world.clock.advance(25 * 60 * MINUTE + 1);
    assert_eq!(sweep::step(&world.auth).await, Ok(1));
    assert_eq!(end(&world, &kept, &old).await.unwrap_err().code, Code::NotFound, "forgotten");
    assert_eq!(devices(&world, &kept).await, [("device 2".into(), true)]);
}
