//! Codes sent to phones, and what they are good for.

use std::net::IpAddr;

use anser_contract::v1::{
    ChangePasswordRequest, ChangePhoneRequest, CloseAccountRequest, CodePurpose, FindByPhoneRequest,
    LoginByPhoneRequest, PhoneCode, Phones, RegisterByPhoneRequest, RequestCodeReply, RequestCodeRequest,
    ResetByPhoneRequest,
};
use anser_types::{Code, SessionId};
use proptest::prelude::*;

use super::*;
use crate::{store, sweep};

const PHONE: &str = "+8613800138000";
const OTHER: &str = "+8613800138001";

impl World {
    async fn request(&self, by: &Context, phone: &str, purpose: CodePurpose) -> Result<RequestCodeReply> {
        self.auth.request_code(by, RequestCodeRequest { phone: phone.into(), purpose: purpose.into() }).await
    }

    /// A code as its phone's owner has it.
    async fn code(&self, by: &Context, phone: &str, purpose: CodePurpose) -> PhoneCode {
        let reply = self.request(by, phone, purpose).await.unwrap();
        let code = self.sms.sent.lock().last().unwrap().code.clone();
        PhoneCode { phone: phone.into(), code_id: reply.code_id, code }
    }

    async fn account_code(&self, phone: &str) -> PhoneCode {
        self.code(&anonymous(), phone, CodePurpose::Account).await
    }

    async fn register_by(&self, code: PhoneCode) -> Result<UserId> {
        let request = RegisterByPhoneRequest { code: Some(code), ..RegisterByPhoneRequest::default() };
        let reply = self.auth.register_by_phone(&anonymous(), request).await?;
        UserId::try_from(&reply.user_id[..])
    }

    async fn login_by(&self, code: PhoneCode) -> Result<TokenReply> {
        let request = LoginByPhoneRequest { code: Some(code), ..LoginByPhoneRequest::default() };
        self.auth.login_by_phone(&anonymous(), request).await
    }

    async fn reset_by(&self, code: PhoneCode, new_password: &str) -> Result<()> {
        let request = ResetByPhoneRequest { code: Some(code), new_password: new_password.into() };
        self.auth.reset_password(&anonymous(), request).await.map(|_| ())
    }

    async fn change_by(&self, by: &TokenReply, code: PhoneCode) -> Result<String> {
        self.auth
            .change_phone(&holder(by), ChangePhoneRequest { code: Some(code), ..Default::default() })
            .await
            .map(|reply| reply.phone)
    }

    async fn found(&self, phone: &str) -> Option<UserId> {
        let request = FindByPhoneRequest { phone: phone.into() };
        let found = self.auth.find_by_phone(&Context::service(), request).await.ok()?;
        UserId::try_from(&found.user_id[..]).ok()
    }

    fn shown_phone(&self, user: UserId) -> String {
        self.users.made.lock()[user.as_bytes()].phone.clone()
    }
}

fn other_digits(code: &PhoneCode) -> PhoneCode {
    let code_number: u32 = code.code.parse().unwrap();
    PhoneCode { code: format!("{:06}", (code_number + 1) % 1_000_000), ..code.clone() }
}

#[tokio::test]
async fn whoever_holds_a_phone_registers_and_logs_in() {
    let world = World::new();
    let code = world.account_code(PHONE).await;
    assert_eq!(world.login_by(code.clone()).await.unwrap_err().code, Code::NotFound, "nobody's yet");
    let ada = world.register_by(code.clone()).await.unwrap();
    assert_eq!(world.register_by(code.clone()).await.unwrap_err().code, Code::Unauthenticated, "good once");
    assert_eq!(world.login_by(code).await.unwrap_err().code, Code::Unauthenticated);
    let profile = world.users.made.lock()[ada.as_bytes()].clone();
    let id = ada.to_string();
    assert_eq!((profile.username, profile.nickname, profile.phone), (id.clone(), id, PHONE.into()));

    let code = world.account_code("+86 138-0013-8000").await;
    assert_eq!(world.login_by(code).await.unwrap().user_id, ada.to_vec());
    assert_eq!(world.found(PHONE).await, Some(ada));
}

#[tokio::test]
async fn a_number_that_is_taken_is_told_with_a_right_code_only_which_stays_good() {
    let world = World::new();
    let ada = world.register_by(world.account_code(PHONE).await).await.unwrap();
    let code = world.account_code(PHONE).await;
    assert_eq!(world.register_by(other_digits(&code)).await.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(world.register_by(code.clone()).await.unwrap_err().code, Code::AlreadyExists);
    assert_eq!(world.login_by(code).await.unwrap().user_id, ada.to_vec());
}

#[tokio::test]
async fn a_name_and_a_password_can_come_with_the_number() {
    let world = World::new();
    world.register("bob").await;
    let code = world.account_code(PHONE).await;
    let request = |username: &str| RegisterByPhoneRequest {
        code: Some(code.clone()),
        username: username.into(),
        nickname: "Ada".into(),
        password: password("ada"),
        ..RegisterByPhoneRequest::default()
    };
    let taken = world.auth.register_by_phone(&anonymous(), request("Bob")).await.unwrap_err();
    assert_eq!(taken.code, Code::AlreadyExists);
    let reply = world.auth.register_by_phone(&anonymous(), request("ada")).await.unwrap();
    assert_eq!(world.login("ada", 1).await.user_id, reply.user_id);
    assert_eq!(world.users.made.lock()[&reply.user_id].nickname, "Ada");
}

#[tokio::test]
async fn of_many_who_register_one_number_at_once_one_does() {
    let world = World::new();
    let mut codes = Vec::new();
    for _ in 0..16 {
        codes.push(world.account_code(PHONE).await);
    }
    let tries = codes.into_iter().map(|code| {
        let auth = world.auth.clone();
        let request = RegisterByPhoneRequest { code: Some(code), ..RegisterByPhoneRequest::default() };
        tokio::spawn(async move { auth.register_by_phone(&anonymous(), request).await })
    });
    let mut made = Vec::new();
    for attempt in tries.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(reply) => made.push(reply.user_id),
            Err(error) => assert_eq!(error.code, Code::AlreadyExists),
        }
    }
    assert_eq!(made.len(), 1);
    assert_eq!(world.users.made.lock().keys().collect::<Vec<_>>(), made.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn one_code_used_many_times_at_once_is_used_once() {
    let world = World::new();
    world.register_by(world.account_code(PHONE).await).await.unwrap();
    let code = world.account_code(PHONE).await;
    let tries = (0..5).map(|_| {
        let auth = world.auth.clone();
        let request = LoginByPhoneRequest { code: Some(code.clone()), ..LoginByPhoneRequest::default() };
        tokio::spawn(async move { auth.login_by_phone(&anonymous(), request).await.is_ok() })
    });
    let mut opened = 0;
    for attempt in tries.collect::<Vec<_>>() {
        opened += u32::from(attempt.await.unwrap());
    }
    assert_eq!(opened, 1);
}

#[tokio::test]
async fn a_claim_that_died_gives_the_number_back_after_a_minute() {
    let world = World::new();
    let dead = UserId::new(&world.clock);
    let claim = move |tx: &mut anser_engine::Tx<'_>| store::insert_pending(tx, "dead", dead, "", Some(PHONE), NOW);
    assert!(world.auth.db.write(claim).await.unwrap());
    let code = world.account_code(PHONE).await;
    assert_eq!(world.register_by(code.clone()).await.unwrap_err().code, Code::AlreadyExists);
    world.clock.advance(MINUTE + 1);
    world.register_by(code).await.unwrap();
}

#[tokio::test]
async fn a_repeat_under_the_same_key_goes_on_where_the_first_attempt_stopped() {
    let world = World::new();
    let code = world.account_code(PHONE).await;
    let request = RegisterByPhoneRequest {
        code: Some(code.clone()),
        password: password("ada"),
        idempotency_key: "key 1".into(),
        ..RegisterByPhoneRequest::default()
    };
    let register = |request: RegisterByPhoneRequest| {
        let auth = world.auth.clone();
        async move { auth.register_by_phone(&anonymous(), request).await }
    };
    world.users.away.store(true, Ordering::Relaxed);
    assert_eq!(register(request.clone()).await.unwrap_err().code, Code::Unavailable);
    world.users.away.store(false, Ordering::Relaxed);
    let first = register(request.clone()).await.unwrap();
    assert_eq!(register(request.clone()).await.unwrap(), first, "the code is used up, the answer is not");
    assert_eq!(world.found(PHONE).await.unwrap().to_vec(), first.user_id);
    let changes: [fn(&mut RegisterByPhoneRequest); 3] = [
        |request| request.password = "another one".into(),
        |request| request.password = String::new(),
        |request| request.code = Some(other_digits(request.code.as_ref().unwrap())),
    ];
    for change in changes {
        let mut other = request.clone();
        change(&mut other);
        assert_eq!(register(other).await.unwrap_err().code, Code::IdempotencyConflict);
    }
}

#[tokio::test]
async fn five_wrong_tries_end_a_code_and_those_of_other_numbers_do_not_count() {
    let world = World::new();
    world.register_by(world.account_code(PHONE).await).await.unwrap();
    let code = world.account_code(PHONE).await;
    let elsewhere = PhoneCode { phone: OTHER.into(), ..code.clone() };
    for _ in 0..10 {
        assert_eq!(world.login_by(elsewhere.clone()).await.unwrap_err().code, Code::Unauthenticated);
        // Nor those for another purpose.
        assert_eq!(world.reset_by(code.clone(), "something new").await.unwrap_err().code, Code::Unauthenticated);
    }
    for _ in 0..4 {
        assert_eq!(world.login_by(other_digits(&code)).await.unwrap_err().code, Code::Unauthenticated);
    }
    world.login_by(code.clone()).await.unwrap();

    let code = world.account_code(PHONE).await;
    for _ in 0..5 {
        assert_eq!(world.login_by(other_digits(&code)).await.unwrap_err().code, Code::Unauthenticated);
    }
    assert_eq!(world.login_by(code).await.unwrap_err().code, Code::Unauthenticated, "no sixth try");
}

#[tokio::test]
async fn wrong_late_used_foreign_and_unknown_codes_look_alike() {
    let world = World::new();
    world.register_by(world.account_code(PHONE).await).await.unwrap();
    let (used, late, good) =
        (world.account_code(PHONE).await, world.account_code(PHONE).await, world.account_code(OTHER).await);
    world.login_by(used.clone()).await.unwrap();
    world.clock.advance(5 * MINUTE);
    let fresh = world.account_code(PHONE).await;
    let mut errors = Vec::new();
    for code in [
        used,
        late,
        other_digits(&fresh),
        PhoneCode { phone: PHONE.into(), ..good },
        PhoneCode { code_id: vec![7; 16], ..fresh.clone() },
    ] {
        errors.push(world.login_by(code).await.unwrap_err());
    }
    assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
    for (code, field) in [
        (PhoneCode { code: "12345".into(), ..fresh.clone() }, "code"),
        (PhoneCode { code: "１２３４５６".into(), ..fresh.clone() }, "code"),
        (PhoneCode { code_id: vec![1], ..fresh.clone() }, "code_id"),
        (PhoneCode { phone: "138".into(), ..fresh.clone() }, "phone"),
        (PhoneCode::default(), "phone"),
    ] {
        let error = world.login_by(code).await.unwrap_err();
        assert_eq!((error.code, error.fields[0].field.as_str()), (Code::InvalidArgument, field));
    }
    world.login_by(fresh).await.unwrap();
}

#[tokio::test]
async fn who_asks_for_a_code_learns_nothing_of_the_number_neither_in_words_nor_in_work() {
    let world = World::new();
    world.register_by(world.account_code(PHONE).await).await.unwrap();
    for purpose in [CodePurpose::Account, CodePurpose::ResetPassword] {
        let mut seen = Vec::new();
        for phone in [PHONE, OTHER] {
            // What the number's own pace makes of it is another matter: both begin anew.
            world.clock.advance(2 * DAY);
            let (sent, hashes, now) = (world.sms.sent.lock().len(), world.hashes(), world.clock.now());
            let reply = world.request(&anonymous(), phone, purpose).await.unwrap();
            let codes =
                world.auth.db.read(|reader| reader.number("SELECT COUNT(*) FROM auth_code", &[])).await.unwrap();
            seen.push((
                world.sms.sent.lock().len() - sent,
                world.hashes() - hashes,
                reply.expires_at - now,
                reply.resend_at - now,
                reply.code_id.len(),
                codes - seen.len() as i64,
            ));
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!((seen[0].0, seen[0].1), (1, 0));
        sweep::step(&world.auth).await.unwrap();
        world.auth.db.write(|tx| tx.exec("DELETE FROM auth_code", &[])).await.unwrap();
    }
}

#[tokio::test]
async fn a_number_gets_codes_at_a_slowing_pace_whatever_they_are_for() {
    let world =
        World::with(AuthOptions { codes: CodeOptions { cooldown: Duration::from_secs(60), ..easy().codes }, ..easy() });
    let mut waits = Vec::new();
    for purpose in [CodePurpose::Account, CodePurpose::ResetPassword, CodePurpose::Account, CodePurpose::Account] {
        let reply = world.request(&anonymous(), PHONE, purpose).await.unwrap();
        let wait = reply.resend_at - world.clock.now();
        let error = world.request(&anonymous(), "+86 13800138000", purpose).await.unwrap_err();
        assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(wait as u64)));
        waits.push(wait / MINUTE);
        world.clock.advance(wait);
    }
    assert_eq!(waits, [1, 1, 1, 2]);
    assert_eq!(world.sms.sent.lock().len(), 4);
    assert!(world.request(&anonymous(), OTHER, CodePurpose::Account).await.is_ok(), "others are not concerned");
}

#[tokio::test]
async fn addresses_ranges_and_days_have_their_limits() {
    let limits = |codes: CodeOptions| World::with(AuthOptions { codes, ..easy() });
    let from = |ip: &str| Context { client_ip: Some(ip.parse::<IpAddr>().unwrap()), ..anonymous() };
    let number = |index: u32| format!("+86138001{index:02}000");

    let world = limits(CodeOptions { a_minute_per_ip: 3, ..easy().codes });
    for index in 0..3 {
        world.request(&from("10.0.0.1"), &number(index), CodePurpose::Account).await.unwrap();
    }
    let error = world.request(&from("10.0.0.1"), &number(4), CodePurpose::Account).await.unwrap_err();
    assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(20_000)));
    world.request(&from("10.0.0.2"), &number(4), CodePurpose::Account).await.unwrap();

    let world = limits(CodeOptions { a_minute_per_range: 2, ..easy().codes });
    for phone in [PHONE, OTHER] {
        world.request(&anonymous(), phone, CodePurpose::Account).await.unwrap();
    }
    let error = world.request(&anonymous(), "+8613800138002", CodePurpose::Account).await.unwrap_err();
    assert_eq!(error.code, Code::RateLimited);
    world.request(&anonymous(), "+8613800148002", CodePurpose::Account).await.unwrap();

    let world = limits(CodeOptions { a_day: 2, ..easy().codes });
    for index in 0..2 {
        world.request(&anonymous(), &number(index), CodePurpose::Account).await.unwrap();
    }
    let error = world.request(&anonymous(), &number(2), CodePurpose::Account).await.unwrap_err();
    let to_midnight = DAY - NOW % DAY;
    assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(to_midnight as u64)));
    world.clock.advance(to_midnight);
    world.request(&anonymous(), &number(2), CodePurpose::Account).await.unwrap();
}

#[tokio::test]
async fn a_code_that_was_not_sent_costs_its_number_nothing_and_is_good_for_nothing() {
    let world = World::with(AuthOptions {
        codes: CodeOptions { cooldown: Duration::from_secs(60), a_day: 2, ..easy().codes },
        ..easy()
    });
    let codes = || world.auth.db.read(|reader| reader.number("SELECT COUNT(*) FROM auth_code", &[]));
    *world.sms.failure.lock() = Some(SmsFailure::NotSent(Error::rate_limited(7_000)));
    for _ in 0..5 {
        let error = world.request(&anonymous(), PHONE, CodePurpose::Account).await.unwrap_err();
        assert_eq!(error, Error::rate_limited(7_000));
    }
    assert_eq!(codes().await, Ok(0));
    *world.sms.failure.lock() = Some(SmsFailure::Unknown(Error::unavailable("late")));
    let error = world.request(&anonymous(), PHONE, CodePurpose::Account).await.unwrap_err();
    assert_eq!(error.code, Code::Unavailable);
    assert_eq!(codes().await, Ok(0));
    *world.sms.failure.lock() = None;
    let error = world.request(&anonymous(), PHONE, CodePurpose::Account).await.unwrap_err();
    assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(60_000)), "it may have gone out");
    world.request(&anonymous(), OTHER, CodePurpose::Account).await.unwrap();
    world.clock.advance(MINUTE);
    let error = world.request(&anonymous(), PHONE, CodePurpose::Account).await.unwrap_err();
    assert_eq!(error.code, Code::RateLimited, "two a day");
}

#[tokio::test]
async fn a_reset_sets_the_password_and_ends_every_session() {
    let world = World::new();
    let ada = world.register_by(world.account_code(PHONE).await).await.unwrap();
    let phone = world.login_by(world.account_code(PHONE).await).await.unwrap();
    // There was no password: none is right, and none can be changed.
    let name = ada.to_string();
    for try_password in ["", "a guess of it"] {
        let request = LoginRequest { username: name.clone(), password: try_password.into(), ..login("x", 1) };
        let hashes = world.hashes();
        assert_eq!(world.auth.login(&anonymous(), request).await.unwrap_err().code, Code::Unauthenticated);
        assert_eq!(world.hashes() - hashes, 1, "the work of a wrong password");
    }
    let change = ChangePasswordRequest { old_password: String::new(), new_password: "something new".into() };
    assert_eq!(world.auth.change_password(&holder(&phone), change).await.unwrap_err().code, Code::Forbidden);
    let close = CloseAccountRequest { password: String::new() };
    assert_eq!(world.auth.close_account(&holder(&phone), close).await.unwrap_err().code, Code::Forbidden);

    let reset = async |phone: &str| world.code(&anonymous(), phone, CodePurpose::ResetPassword).await;
    let code = reset(PHONE).await;
    let error = world.reset_by(code.clone(), "short").await.unwrap_err();
    assert_eq!((error.code, error.fields[0].field.as_str()), (Code::InvalidArgument, "new_password"));
    world.reset_by(code, "something new").await.unwrap();
    assert_eq!(world.told().await, [(session_of(&phone), "password_reset".to_owned())]);
    let request = LoginRequest { username: name, password: "something new".into(), ..login("x", 1) };
    assert_eq!(world.auth.login(&anonymous(), request).await.unwrap().user_id, ada.to_vec());
    assert_eq!(world.reset_by(reset(OTHER).await, "something new").await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn a_number_is_changed_by_whom_the_code_was_sent_for() {
    let world = World::new();
    let ada = world.register_by(world.account_code(PHONE).await).await.unwrap();
    let eve = world.register("eve").await;
    let adas = world.login_by(world.account_code(PHONE).await).await.unwrap();
    let eves = world.login("eve", 1).await;
    let purpose = CodePurpose::ChangePhone;
    assert_eq!(world.request(&anonymous(), OTHER, purpose).await.unwrap_err().code, Code::Unauthenticated);

    let code = world.code(&holder(&adas), OTHER, purpose).await;
    assert_eq!(world.change_by(&eves, code.clone()).await.unwrap_err().code, Code::Forbidden, "not hers");
    let account = world.account_code(OTHER).await;
    assert_eq!(world.change_by(&adas, account).await.unwrap_err().code, Code::Forbidden, "not for that");
    assert_eq!(world.register_by(code.clone()).await.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(world.change_by(&adas, code.clone()).await.unwrap(), OTHER);
    assert_eq!(world.change_by(&adas, code).await.unwrap_err().code, Code::Forbidden, "good once");
    assert_eq!((world.found(PHONE).await, world.found(OTHER).await), (None, Some(ada)));
    assert_eq!(world.shown_phone(ada), OTHER);
    assert!(world.login_by(world.account_code(OTHER).await).await.is_ok());

    let code = world.code(&holder(&eves), OTHER, purpose).await;
    assert_eq!(world.change_by(&eves, code).await.unwrap_err().code, Code::AlreadyExists);
    let code = world.code(&holder(&eves), PHONE, purpose).await;
    world.change_by(&eves, code).await.unwrap();
    assert_eq!(world.found(PHONE).await, Some(eve), "a number that was given up is free");

    // Whose session was ended meanwhile changes nothing.
    let code = world.code(&holder(&adas), "+8613800138009", purpose).await;
    let ended = Context::new(Actor::User(ada, SessionId([7; 16])), "test");
    let request = ChangePhoneRequest { code: Some(code), ..Default::default() };
    assert_eq!(world.auth.change_phone(&ended, request).await.unwrap_err().code, Code::Unauthenticated);
}

#[tokio::test]
async fn clients_that_cannot_say_what_a_code_is_for_change_a_number_by_any_that_it_was_sent() {
    let world = World::new();
    let ada = world.register_by(world.account_code(PHONE).await).await.unwrap();
    let adas = world.login_by(world.account_code(PHONE).await).await.unwrap();
    let change = async |code: PhoneCode, purpose: CodePurpose| {
        let request = ChangePhoneRequest { code: Some(code), purpose: purpose.into() };
        world.auth.change_phone(&holder(&adas), request).await.map(|reply| reply.phone).map_err(|error| error.code)
    };
    let bound = world.code(&holder(&adas), OTHER, CodePurpose::ChangePhone).await;
    assert_eq!(change(bound, CodePurpose::Account).await, Err(Code::Unauthenticated), "each code for its purpose");
    let code = world.account_code(OTHER).await;
    assert_eq!(change(code.clone(), CodePurpose::ResetPassword).await, Err(Code::InvalidArgument));
    assert_eq!(change(other_digits(&code), CodePurpose::Account).await, Err(Code::Unauthenticated));
    assert_eq!(change(code, CodePurpose::Account).await, Ok(OTHER.into()));
    assert_eq!(world.found(OTHER).await, Some(ada));
}

#[tokio::test]
async fn a_profile_shows_the_number_as_soon_as_user_can_be_told() {
    let world = World::new();
    let ada = world.register("ada").await;
    let adas = world.login("ada", 1).await;
    world.users.away.store(true, Ordering::Relaxed);
    let code = world.code(&holder(&adas), PHONE, CodePurpose::ChangePhone).await;
    world.change_by(&adas, code).await.unwrap();
    assert_eq!((world.found(PHONE).await, world.shown_phone(ada)), (Some(ada), String::new()));
    world.users.away.store(false, Ordering::Relaxed);
    crate::tell_phone::tell_soon(&world.auth).await;
    assert_eq!(world.shown_phone(ada), PHONE);
}

#[tokio::test]
async fn closing_an_account_frees_its_number_and_forgets_its_codes() {
    let world = World::new();
    let ada = world.register("ada").await;
    let adas = world.login("ada", 1).await;
    let code = world.code(&holder(&adas), PHONE, CodePurpose::ChangePhone).await;
    world.change_by(&adas, code).await.unwrap();
    let login = world.account_code(PHONE).await;
    world.code(&holder(&adas), OTHER, CodePurpose::ChangePhone).await;
    let request = CloseAccountRequest { password: password("ada") };
    world.auth.close_account(&holder(&adas), request).await.unwrap();
    assert_eq!(world.auth.db.read(|reader| reader.number("SELECT COUNT(*) FROM auth_code", &[])).await, Ok(0));
    assert_eq!(world.login_by(login).await.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(world.found(PHONE).await, None);
    assert_ne!(world.register_by(world.account_code(PHONE).await).await.unwrap(), ada);
}

#[tokio::test]
async fn a_disabled_account_is_nobodys_number_and_still_not_free() {
    let world = World::new();
    let ada = world.register_by(world.account_code(PHONE).await).await.unwrap();
    world.auth.db.write(move |tx| store::set_disabled(tx, ada, true)).await.unwrap();
    let code = world.account_code(PHONE).await;
    assert_eq!(world.login_by(code.clone()).await.unwrap_err().code, Code::NotFound);
    assert_eq!(world.register_by(code).await.unwrap_err().code, Code::AlreadyExists);
    assert_eq!(world.found(PHONE).await, None);
}

#[tokio::test]
async fn nobody_reads_a_countrys_numbers() {
    let world = World::with(AuthOptions { codes: CodeOptions { lookups_a_minute: 3, ..easy().codes }, ..easy() });
    let ada = world.register_by(world.account_code(PHONE).await).await.unwrap();
    let adas = world.login_by(world.account_code(PHONE).await).await.unwrap();
    let look =
        async |phone: &str| world.auth.find_by_phone(&holder(&adas), FindByPhoneRequest { phone: phone.into() }).await;
    assert_eq!(look(PHONE).await.unwrap().user_id, ada.to_vec());
    assert_eq!(look(OTHER).await.unwrap_err().code, Code::NotFound);
    assert_eq!(look("no number").await.unwrap_err().code, Code::NotFound);
    assert_eq!(look(PHONE).await.unwrap_err().code, Code::RateLimited);
    let request = FindByPhoneRequest { phone: PHONE.into() };
    assert_eq!(world.auth.find_by_phone(&anonymous(), request).await.unwrap_err().code, Code::Unauthenticated);
}

#[tokio::test]
async fn neither_codes_nor_numbers_stand_in_the_store_in_the_clear() {
    let world = World::new();
    let code = world.account_code(PHONE).await;
    let rows = world.auth.db.read(|reader| {
        reader.rows("SELECT phone_mac, mac, code_id FROM auth_code", &[], |row| {
            Ok([row.blob(0)?, row.blob(1)?, row.blob(2)?].concat())
        })
    });
    let stored = rows.await.unwrap().concat();
    for secret in [code.code.as_bytes(), &PHONE.as_bytes()[1..]] {
        assert!(!stored.windows(secret.len()).any(|window| window == secret));
    }
    world.clock.advance(2 * DAY);
    while sweep::step(&world.auth).await.unwrap() > 0 {}
    for table in ["SELECT COUNT(*) FROM auth_code", "SELECT COUNT(*) FROM auth_code_pace"] {
        assert_eq!(world.auth.db.read(move |reader| reader.number(table, &[])).await, Ok(0), "{table}");
    }
}

/// What can happen to a code.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Right,
    Wrong,
    OtherNumber,
    OtherPurpose,
    Wait(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        1 => Just(Deed::Right),
        3 => Just(Deed::Wrong),
        1 => Just(Deed::OtherNumber),
        1 => Just(Deed::OtherPurpose),
        2 => (0..200_000_i64).prop_map(Deed::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    /// Whatever is tried in whatever order: a code is good exactly while it is younger than five minutes, was not used, and
    /// saw fewer than five tries of its own.
    #[test]
    fn a_code_lives_as_promised(deeds in prop::collection::vec(deed(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            world.register_by(world.account_code(PHONE).await).await.unwrap();
            let code = world.account_code(PHONE).await;
            let (made_at, mut tries, mut used) = (world.clock.now(), 0, false);
            for deed in deeds {
                let alive = !used && tries < 5 && world.clock.now() < made_at + 5 * MINUTE;
                match deed {
                    Deed::Right => {
                        assert_eq!(world.login_by(code.clone()).await.is_ok(), alive);
                        used |= alive;
                    }
                    Deed::Wrong => {
                        assert!(world.login_by(other_digits(&code)).await.is_err());
                        tries += 1;
                    }
                    Deed::OtherNumber => {
                        let code = PhoneCode { phone: OTHER.into(), ..code.clone() };
                        assert!(world.login_by(code).await.is_err());
                    }
                    Deed::OtherPurpose => assert!(world.reset_by(code.clone(), "something new").await.is_err()),
                    Deed::Wait(milliseconds) => world.clock.advance(milliseconds),
                }
            }
        });
    }
}
