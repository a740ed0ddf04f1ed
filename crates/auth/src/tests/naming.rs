//! Taking another user name.

use anser_contract::v1::{ChangeUsernameRequest, EndSessionRequest};
use anser_types::Code;

use super::*;

async fn rename(world: &World, by: &TokenReply, name: &str) -> Result<()> {
    world.auth.change_username(&holder(by), ChangeUsernameRequest { username: name.into() }).await.map(|_| ())
}

fn code(outcome: Result<()>) -> Code {
    outcome.unwrap_err().code
}

#[tokio::test]
async fn a_new_name_is_logged_in_with_and_the_old_one_is_free() {
    let world = World::new();
    let ada = world.register("Ada").await;
    let session = world.login("Ada", 1).await;
    rename(&world, &session, "Countess").await.unwrap();
    assert_eq!(world.users.made.lock()[&ada.to_vec()].username, "Countess");
    let request = LoginRequest { password: password("Ada"), ..login("COUNTESS", 2) };
    assert_eq!(world.auth.login(&anonymous(), request).await.unwrap().user_id, ada.to_vec());
    assert_eq!(world.auth.login(&anonymous(), login("Ada", 3)).await.unwrap_err().code, Code::Unauthenticated);
    world.register("Ada").await;
    // Another spelling of one's own name.
    rename(&world, &session, "COUNTESS").await.unwrap();
    assert_eq!(world.users.made.lock()[&ada.to_vec()].username, "COUNTESS");
}

#[tokio::test]
async fn a_name_that_is_taken_or_none_changes_nothing() {
    let world = World::new();
    let ada = world.register("Ada").await;
    world.register("Grace").await;
    let session = world.login("Ada", 1).await;
    assert_eq!(code(rename(&world, &session, "GRACE").await), Code::AlreadyExists);
    assert_eq!(code(rename(&world, &session, "a\nb").await), Code::InvalidArgument);
    assert_eq!(world.users.made.lock()[&ada.to_vec()].username, "Ada");
    world.login("Ada", 2).await;
}

#[tokio::test]
async fn a_session_that_has_ended_renames_nobody() {
    let world = World::new();
    world.register("Ada").await;
    let session = world.login("Ada", 1).await;
    let end = EndSessionRequest { session_id: session.session_id.clone() };
    world.auth.end_session(&holder(&session), end).await.unwrap();
    assert_eq!(code(rename(&world, &session, "Thief").await), Code::Unauthenticated);
    let nobody = world.auth.change_username(&anonymous(), ChangeUsernameRequest { username: "Thief".into() }).await;
    assert_eq!(nobody.unwrap_err().code, Code::Unauthenticated);
}

#[tokio::test]
async fn a_change_that_stopped_half_way_goes_on() {
    let world = World::new();
    let ada = world.register("Ada").await;
    let session = world.login("Ada", 1).await;
    world.users.away.store(true, Ordering::Relaxed);
    assert_eq!(code(rename(&world, &session, "Countess").await), Code::Unavailable);
    world.users.away.store(false, Ordering::Relaxed);
    rename(&world, &session, "Countess").await.unwrap();
    assert_eq!(world.users.made.lock()[&ada.to_vec()].username, "Countess");
}
