//! Registering, logging in, being found.

use std::net::IpAddr;

use anser_contract::v1::{FindByUsernameRequest, GetVerifyKeysRequest, RegisterReply};
use anser_types::Code;

use super::*;
use crate::{jwt, store};

#[tokio::test]
async fn one_of_many_who_want_a_name_at_once_gets_it() {
    let world = World::new();
    let spellings = ["Ada", "ada", "ADA", "ａｄａ"];
    let tries: Vec<_> = (0..32)
        .map(|index| {
            let auth = world.auth.clone();
            let spelling = spellings[index % spellings.len()];
            // One password, whichever spelling comes first.
            let request = RegisterRequest { username: spelling.into(), ..registration("ada") };
            tokio::spawn(async move { auth.register(&anonymous(), request).await })
        })
        .collect();
    let mut made = Vec::new();
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(reply) => made.push(reply.user_id),
            Err(error) => assert_eq!(error.code, Code::AlreadyExists),
        }
    }
    assert_eq!(made.len(), 1);
    let profiles: Vec<_> = world.users.made.lock().keys().cloned().collect();
    assert_eq!(profiles, made, "nobody else got a profile");
    assert_eq!(world.login("aDa", 1).await.user_id, made[0]);
}

#[tokio::test]
async fn the_nickname_is_the_user_name_unless_given() {
    let world = World::new();
    let plain = world.register("ＡdaL").await;
    let request = RegisterRequest { nickname: "Bobby".into(), ..registration("bob") };
    let named = world.auth.register(&anonymous(), request).await.unwrap().user_id;
    let made = world.users.made.lock();
    assert_eq!((&*made[plain.as_bytes()].nickname, &*made[plain.as_bytes()].username), ("AdaL", "AdaL"));
    assert_eq!(made[&named].nickname, "Bobby");
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_any_work() {
    let world = World::new();
    for (name, password) in [("", "secret!"), ("a\u{202e}", "secret!"), ("ada", "short"), ("ada", &"x".repeat(129))] {
        let request = RegisterRequest { username: name.into(), password: password.into(), ..registration("x") };
        let error = world.auth.register(&anonymous(), request).await.unwrap_err();
        assert_eq!((error.code, error.fields.len()), (Code::InvalidArgument, 1));
    }
    assert_eq!(world.hashes(), 0);
}

#[tokio::test]
async fn a_refused_profile_gives_the_name_back_at_once() {
    let world = World::new();
    let request = RegisterRequest { nickname: "a\nb".into(), ..registration("ada") };
    assert_eq!(world.auth.register(&anonymous(), request).await.unwrap_err().code, Code::InvalidArgument);
    world.register("ada").await;
}

#[tokio::test]
async fn a_claim_that_died_is_free_again_after_a_minute() {
    let world = World::new();
    let dead = UserId::new(&world.clock);
    let claim = |user: UserId| world.auth.db.write(move |tx| store::insert_pending(tx, "ada", user, "hash", None, NOW));
    assert!(claim(dead).await.unwrap());

    world.clock.advance(MINUTE);
    assert_eq!(world.auth.register(&anonymous(), registration("ada")).await.unwrap_err().code, Code::AlreadyExists);
    assert_eq!(world.auth.login(&anonymous(), login("ada", 1)).await.unwrap_err().code, Code::Unauthenticated);
    assert!(find(&world, "ada").await.is_err(), "not an account yet");
    world.clock.advance(1);
    let ada = world.register("ada").await;
    assert_ne!(ada, dead);
    // The dead one comes back to life too late.
    assert!(!world.auth.db.write(move |tx| store::activate(tx, "ada", dead)).await.unwrap());
    assert_eq!(find(&world, "ada").await.unwrap(), ada);
}

#[tokio::test]
async fn a_repeat_under_the_same_key_is_the_same_registration() {
    let world = World::new();
    let request = RegisterRequest { idempotency_key: "key 1".into(), ..registration("ada") };
    let again = |request: RegisterRequest| {
        let auth = world.auth.clone();
        async move { auth.register(&anonymous(), request).await }
    };
    let first = again(request.clone()).await.unwrap();
    assert_eq!(again(request.clone()).await.unwrap(), first);
    let changes: [fn(&mut RegisterRequest); 3] = [
        |request| request.password = "another one".into(),
        |request| request.username = "eve".into(),
        |request| request.nickname = "Eve".into(),
    ];
    for change in changes {
        let mut other = request.clone();
        change(&mut other);
        assert_eq!(again(other).await.unwrap_err().code, Code::IdempotencyConflict);
    }
    let without = RegisterRequest { idempotency_key: String::new(), ..request };
    assert_eq!(again(without).await.unwrap_err().code, Code::AlreadyExists);
}

#[tokio::test]
async fn a_repeat_takes_up_where_the_first_attempt_stopped() {
    let world = World::new();
    let request = RegisterRequest { idempotency_key: "key 1".into(), ..registration("ada") };
    world.users.away.store(true, Ordering::Relaxed);
    assert_eq!(world.auth.register(&anonymous(), request.clone()).await.unwrap_err().code, Code::Unavailable);
    world.users.away.store(false, Ordering::Relaxed);
    let RegisterReply { user_id } = world.auth.register(&anonymous(), request).await.unwrap();
    assert_eq!(world.login("ada", 1).await.user_id, user_id);

    // Without a key nobody could go on with the claim, so it was given back.
    world.users.away.store(true, Ordering::Relaxed);
    assert_eq!(world.auth.register(&anonymous(), registration("bob")).await.unwrap_err().code, Code::Unavailable);
    world.users.away.store(false, Ordering::Relaxed);
    world.register("bob").await;
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_are_told_apart_neither_in_words_nor_in_work() {
    let world = World::new();
    world.register("ada").await;
    world.auth.db.write(|tx| store::insert_pending(tx, "half", UserId([1; 16]), "no hash", None, NOW)).await.unwrap();
    let mut answers = Vec::new();
    for (name, password) in [
        ("ada", "a wrong password"),
        ("nobody", "a wrong password"),
        ("half", "a wrong password"),
        ("ada", "x"),
        ("nobody", ""),
        ("not\u{202e}a name", "a wrong password"),
    ] {
        let before = world.hashes();
        let request = LoginRequest { username: name.into(), password: password.into(), ..login("ada", 1) };
        let error = world.auth.login(&anonymous(), request).await.unwrap_err();
        answers.push((error, world.hashes() - before));
    }
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    assert_eq!((answers[0].0.code, answers[0].1), (Code::Unauthenticated, 1));
    // Knowing the password costs one hash too.
    let before = world.hashes();
    world.login("ada", 1).await;
    assert_eq!(world.hashes() - before, 1);
}

#[tokio::test]
async fn an_access_token_says_who_where_and_until_when() {
    let world = World::new();
    let ada = world.register("ada").await;
    world.clock.advance(999);
    let reply = world.login("ada", 7).await;
    let keys = world.auth.get_verify_keys(&anonymous(), GetVerifyKeysRequest {}).await.unwrap();
    let claims = jwt::tests::open(&reply.access_token, &keys.keys[0].public_key, &keys.keys[0].kid).unwrap();
    assert_eq!((&claims.iss, &claims.aud), (&keys.issuer, &keys.audience));
    assert_eq!((claims.sub, claims.sid), (ada.to_string(), session_of(&reply).to_string()));
    assert_eq!((claims.did.as_str(), claims.scope.as_str()), (reply.device_id.as_str(), "user"));
    assert_eq!((claims.iat, claims.exp), (NOW / 1_000, NOW / 1_000 + 600));
    assert_eq!(reply.access_expires_at, claims.exp * 1_000);
    assert!(!claims.jti.is_empty());
    assert_eq!(reply.refresh_expires_at, NOW + 999 + 30 * DAY);
}

async fn find(world: &World, name: &str) -> Result<UserId> {
    let request = FindByUsernameRequest { username: name.into() };
    let reply = world.auth.find_by_username(&Context::service(), request).await?;
    UserId::try_from(&reply.user_id[..])
}

#[tokio::test]
async fn people_are_found_by_exactly_their_name() {
    let world = World::new();
    let ada = world.register("Ada Lovelace").await;
    for name in ["Ada Lovelace", "ada lovelace", "ＡDA LOVELACE"] {
        assert_eq!(find(&world, name).await, Ok(ada));
    }
    for name in ["Ada", "ada  lovelace", "", "\u{202e}"] {
        assert_eq!(find(&world, name).await.unwrap_err().code, Code::NotFound);
    }
    let request = FindByUsernameRequest { username: "ada lovelace".into() };
    let nobody = world.auth.find_by_username(&anonymous(), request.clone()).await;
    assert_eq!(nobody.unwrap_err().code, Code::Unauthenticated);
    let reader = holder(&world.login("ada lovelace", 1).await);
    assert!(world.auth.find_by_username(&reader, request).await.is_ok());
}

#[tokio::test]
async fn logins_and_registrations_are_limited_by_address_and_name() {
    let world = World::with(AuthOptions {
        logins_a_minute_per_ip: 10,
        logins_a_minute_per_name: 5,
        registrations_a_minute_per_ip: 3,
        ..easy()
    });
    let from = |last: u8| Context { client_ip: Some(IpAddr::from([10, 0, 0, last])), ..anonymous() };
    world.auth.register(&from(1), registration("ada")).await.unwrap();
    for _ in 0..5 {
        world.auth.login(&from(1), login("ada", 1)).await.unwrap();
    }
    let error = world.auth.login(&from(2), login("ADA", 1)).await.unwrap_err();
    assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(12_000)), "by name, from anywhere");
    for name in ["n1", "n2", "n3", "n4", "n5"] {
        assert_eq!(world.auth.login(&from(1), login(name, 1)).await.unwrap_err().code, Code::Unauthenticated);
    }
    let before = world.hashes();
    let error = world.auth.login(&from(1), login("n6", 1)).await.unwrap_err();
    assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(6_000)), "by address, into any name");
    assert_eq!(world.hashes(), before, "and without a hash");

    for name in ["b1", "b2"] {
        world.auth.register(&from(1), registration(name)).await.unwrap();
    }
    let error = world.auth.register(&from(1), registration("b3")).await.unwrap_err();
    assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(20_000)));
    world.clock.advance(20_000);
    world.auth.register(&from(1), registration("b3")).await.unwrap();
}
