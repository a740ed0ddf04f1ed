//! Changing the password.

use anser_contract::v1::ChangePasswordRequest;
use anser_types::Code;

use super::*;

async fn change(world: &World, by: &TokenReply, old: &str, new: &str) -> Result<()> {
    let request = ChangePasswordRequest { old_password: old.into(), new_password: new.into() };
    world.auth.change_password(&holder(by), request).await.map(|_| ())
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let world = World::new();
    world.register("ada").await;
    world.register("bob").await;
    let (phone, laptop, bobs) = (world.login("ada", 1).await, world.login("ada", 2).await, world.login("bob", 1).await);
    change(&world, &phone, &password("ada"), "something new").await.unwrap();
    assert_eq!(world.told().await, [(session_of(&laptop), "password_changed".to_owned())]);
    assert!(world.refresh(&laptop.refresh_token).await.is_err());
    assert!(world.refresh(&phone.refresh_token).await.is_ok(), "this one stays");
    assert!(world.refresh(&bobs.refresh_token).await.is_ok());
    let old = world.auth.login(&anonymous(), login("ada", 3)).await.unwrap_err();
    assert_eq!(old.code, Code::Unauthenticated);
    let new = LoginRequest { password: "something new".into(), ..login("ada", 3) };
    world.auth.login(&anonymous(), new).await.unwrap();
}

#[tokio::test]
async fn without_the_old_password_nothing_changes() {
    let world = World::new();
    world.register("ada").await;
    let (phone, laptop) = (world.login("ada", 1).await, world.login("ada", 2).await);
    let error = change(&world, &phone, "a guess of it", "something new").await.unwrap_err();
    assert_eq!(error.code, Code::Forbidden);
    let error = change(&world, &phone, &password("ada"), "short").await.unwrap_err();
    assert_eq!((error.code, error.fields[0].field.as_str()), (Code::InvalidArgument, "new_password"));
    assert!(world.told().await.is_empty());
    assert!(world.refresh(&laptop.refresh_token).await.is_ok());
    let nobody = ChangePasswordRequest { old_password: password("ada"), new_password: "something new".into() };
    let error = world.auth.change_password(&anonymous(), nobody).await.unwrap_err();
    assert_eq!(error.code, Code::Unauthenticated);
}

#[tokio::test]
async fn who_was_thrown_out_does_not_change_it_any_more() {
    let world = World::new();
    world.register("ada").await;
    let (phone, thief) = (world.login("ada", 1).await, world.login("ada", 2).await);
    change(&world, &phone, &password("ada"), "something new").await.unwrap();
    let error = change(&world, &thief, "something new", "mine now, mine").await.unwrap_err();
    assert_eq!(error.code, Code::Unauthenticated);
}

#[tokio::test]
async fn guessing_is_limited_like_logins_and_together_with_them() {
    let world = World::with(AuthOptions { logins_a_minute_per_name: 3, ..easy() });
    world.register("ada").await;
    let phone = world.login("ada", 1).await;
    for _ in 0..2 {
        let error = change(&world, &phone, "a guess of it", "something new").await.unwrap_err();
        assert_eq!(error.code, Code::Forbidden);
    }
    let hashes = world.hashes();
    let error = change(&world, &phone, &password("ada"), "something new").await.unwrap_err();
    assert_eq!((error.code, world.hashes()), (Code::RateLimited, hashes));
}
