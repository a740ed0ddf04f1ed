//! `/v1/phone-codes` and what a code is good for: an account, a session, another number, another password.
//!
//! Codes and passwords are secrets, so only registering takes an `Idempotency-Key`: of that one ids are kept.

use std::sync::Arc;

use anser_contract::v1::{
    ChangePhoneReply, ChangePhoneRequest, CodePurpose, LoginByPhoneRequest, PhoneCode, RegisterByPhoneRequest,
    RegisterReply, RequestCodeReply, RequestCodeRequest, ResetByPhoneRequest, SessionKind, TokenReply,
};
use anser_types::{Code, PhoneCodeId};
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::extract::{Call, IdempotencyKey, Json, NoIdempotencyKey},
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::POST, "/v1/phone-codes", "request_phone_code", request_code)
            .class(Class::Public)
            .rate(Rate::Own)
            .about("Send a code to a phone, to register, log in or reset a password with")
            .details(
                "Six digits, good once, for five minutes and five tries, for this number and purpose only. The answer is the \
                 same whether or not the number is somebody's. `resend_at` says when the number may get the next one: after a \
                 minute at first, later after longer. Numbers of countries that are not served are `unsupported`.",
            )
            .takes::<Wanted>()
            .answers::<RequestCodeReply>(201, "The code's id, which is shown together with the code")
            .refuses(&[Code::Unavailable]),
        route(Method::POST, "/v1/users/me/phone-codes", "request_own_phone_code", request_own_code)
            .class(Class::User)
            .rate(Rate::Own)
            .about("Send a code to a phone that is to be yours")
            .details("It is good for nobody else, and to change your number only.")
            .takes::<Number>()
            .answers::<RequestCodeReply>(201, "The code's id, which is shown together with the code")
            .refuses(&[Code::RateLimited, Code::Unavailable]),
        route(Method::POST, "/v1/users:by-phone", "register_by_phone", register)
            .class(Class::Public)
            .rate(Rate::Own)
            .about("Make an account with a phone number")
            .details(
                "Takes a code of the purpose `account`. Answers the new person's id only; log in afterwards. Without a user \
                 name their id stands for one; without a password they log in by codes, until a code sets the first. A \
                 wrong code is `unauthenticated`; only a right one is told that the number is taken (`already_exists`), and \
                 is then still good to log in.",
            )
            .keyed()
            .takes::<Registration>()
            .answers::<RegisterReply>(201, "The new person's id")
            .refuses(&[Code::Unauthenticated, Code::AlreadyExists, Code::StorageFull]),
        route(Method::POST, "/v1/sessions:by-phone", "log_in_by_phone", log_in)
            .class(Class::Public)
            .rate(Rate::Own)
            .about("Log in with a code")
            .details(
                "Takes a code of the purpose `account`. A wrong code is `unauthenticated`; only a right one is told that the \
                 number is nobody's (`not_found`), and is then still good to register.",
            )
            .takes::<Login>()
            .answers::<TokenReply>(201, "The session and its tokens")
            .refuses(&[Code::Unauthenticated, Code::NotFound]),
        route(Method::PUT, "/v1/users/me/phone", "change_phone", change)
            .class(Class::User)
            .rate(Rate::Session)
            .about("Change your phone number")
            .details(
                "Takes a code of `/v1/users/me/phone-codes`, sent to the new number. The number is shown to you only; \
                 others may find you by it where `find_me` lets them.",
            )
            .takes::<Shown>()
            .answers::<ChangePhoneReply>(200, "Your number as it is now")
            .refuses(&[Code::Forbidden, Code::AlreadyExists]),
        route(Method::POST, "/v1/password-resets", "reset_password", reset)
            .class(Class::Public)
            .rate(Rate::Own)
            .about("Set another password with a code, or the first one")
            .details("Takes a code of the purpose `reset_password`. All sessions of the account end.")
            .takes::<Reset>()
            .answers_other(204, None, "The new password counts")
            .refuses(&[Code::Unauthenticated, Code::NotFound]),
    ];
    rows.into_iter().map(|row| row.tag("phones")).collect()
}

/// What a code is for.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PublicCodePurpose)]
enum Purpose {
    /// To register or log in.
    Account,
    /// To set another password.
    ResetPassword,
}

/// Which phone, and what for.
#[derive(Deserialize, ToSchema)]
#[schema(as = WantedPhoneCode)]
struct Wanted {
    /// With the country in front, such as `+8613800138000`.
    phone: String,
    purpose: Purpose,
}

async fn request_code(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
    Json(Wanted { phone, purpose }): Json<Wanted>,
) -> Answer<(StatusCode, axum::Json<RequestCodeReply>)> {
    let purpose = match purpose {
        Purpose::Account => CodePurpose::Account,
        Purpose::ResetPassword => CodePurpose::ResetPassword,
    };
    let request = RequestCodeRequest { phone, purpose: purpose.into() };
    Ok((StatusCode::CREATED, axum::Json(gateway.services.phones.request_code(&ctx, request).await?)))
}

/// Which phone.
#[derive(Deserialize, ToSchema)]
#[schema(as = PhoneNumber)]
struct Number {
    /// With the country in front, such as `+8613800138000`.
    phone: String,
}

async fn request_own_code(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
    Json(Number { phone }): Json<Number>,
) -> Answer<(StatusCode, axum::Json<RequestCodeReply>)> {
    let request = RequestCodeRequest { phone, purpose: CodePurpose::ChangePhone.into() };
    Ok((StatusCode::CREATED, axum::Json(gateway.services.phones.request_code(&ctx, request).await?)))
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[schema(as = RegistrationByPhone)]
struct Registration {
    /// The number that the code was sent to.
    phone: String,
    /// As it was answered when the code was sent.
    #[schema(value_type = String)]
    code_id: PhoneCodeId,
    /// The six digits.
    code: String,
    /// The login name, if there is to be one: 1 to 64 bytes, unique after normalisation and case folding.
    #[serde(default)]
    username: String,
    /// What others see; the user name where it is missing.
    #[serde(default)]
    nickname: String,
    /// 6 to 128 bytes, if there is to be one.
    #[serde(default)]
    password: String,
}

async fn register(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(Registration { phone, code_id, code, username, nickname, password }): Json<Registration>,
) -> Answer<(StatusCode, axum::Json<RegisterReply>)> {
    let code = shown(phone, code_id, code);
    let request = RegisterByPhoneRequest { code, username, nickname, password, idempotency_key };
    Ok((StatusCode::CREATED, axum::Json(gateway.services.phones.register_by_phone(&ctx, request).await?)))
}

/// Who logs in, on which device.
#[derive(Deserialize, ToSchema)]
#[schema(as = LoginByPhone)]
struct Login {
    /// The number that the code was sent to.
    phone: String,
    /// As it was answered when the code was sent.
    #[schema(value_type = String)]
    code_id: PhoneCodeId,
    /// The six digits.
    code: String,
    /// A UUID that the device made once; where it is missing, one is made for this login.
    #[serde(default)]
    device_id: String,
    /// What the device is called in the list of sessions.
    #[serde(default)]
    device_name: String,
    /// Such as `web`, `ios`, `linux`.
    #[serde(default)]
    platform: String,
}

async fn log_in(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
    Json(Login { phone, code_id, code, device_id, device_name, platform }): Json<Login>,
) -> Answer<(StatusCode, axum::Json<TokenReply>)> {
    let (code, kind) = (shown(phone, code_id, code), SessionKind::Tokens.into());
    let request = LoginByPhoneRequest { code, device_id, device_name, platform, kind };
    Ok((StatusCode::CREATED, axum::Json(gateway.services.phones.login_by_phone(&ctx, request).await?)))
}

/// That the phone is yours.
#[derive(Deserialize, ToSchema)]
#[schema(as = ShownCode)]
struct Shown {
    /// The number that the code was sent to.
    phone: String,
    /// As it was answered when the code was sent.
    #[schema(value_type = String)]
    code_id: PhoneCodeId,
    /// The six digits.
    code: String,
}

async fn change(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
    Json(Shown { phone, code_id, code }): Json<Shown>,
) -> Answer<axum::Json<ChangePhoneReply>> {
    let request = ChangePhoneRequest { code: shown(phone, code_id, code), purpose: CodePurpose::ChangePhone.into() };
    Ok(axum::Json(gateway.services.phones.change_phone(&ctx, request).await?))
}

/// A new password, and that it may be set.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordReset)]
struct Reset {
    /// The number that the code was sent to.
    phone: String,
    /// As it was answered when the code was sent.
    #[schema(value_type = String)]
    code_id: PhoneCodeId,
    /// The six digits.
    code: String,
    /// 6 to 128 bytes.
    new_password: String,
}

async fn reset(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    _: NoIdempotencyKey,
    Json(Reset { phone, code_id, code, new_password }): Json<Reset>,
) -> Answer<StatusCode> {
    let request = ResetByPhoneRequest { code: shown(phone, code_id, code), new_password };
    gateway.services.phones.reset_password(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(phone: String, code_id: PhoneCodeId, code: String) -> Option<PhoneCode> {
    Some(PhoneCode { phone, code_id: code_id.to_vec(), code })
}
