//! Closing an account.

use anser_contract::v1::{CloseAccountRequest, FindByUsernameRequest, FinishClosingRequest, ListClosingRequest};
use anser_types::Code;

use super::*;

async fn close(world: &World, by: &TokenReply, password: String) -> Result<()> {
    world.auth.close_account(&holder(by), CloseAccountRequest { password }).await.map(|_| ())
}

async fn closing(world: &World) -> Vec<(Vec<u8>, i64)> {
    let reply = world.auth.list_closing(&Context::service(), ListClosingRequest { limit: 10 }).await.unwrap();
    reply.items.into_iter().map(|account| (account.user_id, account.since_at)).collect()
}

#[tokio::test]
async fn a_closed_account_has_no_sessions_no_logins_and_is_not_found() {
    let world = World::new();
    let ada = world.register("ada").await;
    let (phone, laptop) = (world.login("ada", 1).await, world.login("ada", 2).await);
    assert_eq!(close(&world, &phone, "a guess of it".into()).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(closing(&world).await, []);
    world.clock.advance(1_000);
    close(&world, &phone, password("ada")).await.unwrap();
    let mut ended: Vec<_> = world.told().await;
    ended.sort_by_key(|(session, _)| *session != session_of(&phone));
    let closed = "account_closed".to_owned();
    assert_eq!(ended, [(session_of(&phone), closed.clone()), (session_of(&laptop), closed)]);
    assert!(world.refresh(&laptop.refresh_token).await.is_err());
    assert_eq!(world.auth.login(&anonymous(), login("ada", 1)).await.unwrap_err().code, Code::Unauthenticated);
    let request = FindByUsernameRequest { username: "ada".into() };
    let found = world.auth.find_by_username(&Context::service(), request).await;
    assert_eq!(found.unwrap_err().code, Code::NotFound);
    assert_eq!(closing(&world).await, [(ada.to_vec(), NOW + 1_000)]);
    assert_eq!(close(&world, &laptop, password("ada")).await.unwrap_err().code, Code::Unauthenticated);
}

#[tokio::test]
async fn it_stays_closing_until_all_is_erased_and_its_name_stays_taken() {
    let world = World::new();
    let ada = world.register("ada").await;
    let phone = world.login("ada", 1).await;
    close(&world, &phone, password("ada")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(world.auth.register(&anonymous(), registration("Ada")).await.unwrap_err().code, Code::AlreadyExists);
        world.clock.advance(DAY);
        let request = FinishClosingRequest { user_id: ada.to_vec() };
        world.auth.finish_closing(&Context::service(), request).await.unwrap();
        assert_eq!(closing(&world).await, []);
    }
    assert_eq!(world.auth.login(&anonymous(), login("ada", 1)).await.unwrap_err().code, Code::Unauthenticated);
    let request = ListClosingRequest::default();
    assert_eq!(world.auth.list_closing(&holder(&phone), request).await.unwrap_err().code, Code::Forbidden);
}
