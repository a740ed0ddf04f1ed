//! Accounts and sessions: by name and password, and by phone and code.

use anser_contract::{
    chatroom::{
        PhoneLoginReq, PhoneLoginRsp, PhoneRegisterReq, PhoneRegisterRsp, PhoneVerifyCodeReq, PhoneVerifyCodeRsp,
        UserLoginReq, UserLoginRsp, UserRegisterReq, UserRegisterRsp,
    },
    v1::{
        CodePurpose, LoginByPhoneRequest, LoginRequest, PhoneCode, RegisterByPhoneRequest, RegisterRequest,
        RequestCodeRequest, SessionKind,
    },
};
use anser_types::{Code, Error, Id};

use super::{
    call::Call,
    people::{id_text, with_country},
    words::{
        CODE_NOT_SENT, NAME_LENGTH, NAME_TAKEN, NOT_STORED, PASSWORD_FORM, PHONE_FORM, PHONE_TAKEN, PHONE_UNKNOWN,
        Refused, WRONG_CODE, WRONG_PASSWORD,
    },
};

/// What these clients are called in lists of sessions.
const DEVICE: &str = "chat-room client";
const PLATFORM: &str = "chatroom";

/// A name is at most so many bytes long in this protocol.
const NAME_BYTES: usize = 21;
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 6..=15;

pub(super) async fn username_register(call: Call, asked: UserRegisterReq) -> Result<UserRegisterRsp, Refused> {
    let UserRegisterReq { nickname, password, .. } = asked;
    check_name(&nickname)?;
    if !is_password(&password) {
        return Err(PASSWORD_FORM.into());
    }
    let request = RegisterRequest { username: nickname.clone(), nickname, password, idempotency_key: String::new() };
    call.services().auth.register(&call.ctx, request).await.map_err(|error| match error.code {
        Code::AlreadyExists => NAME_TAKEN.into(),
        Code::InvalidArgument if concerns(&error, "password") => PASSWORD_FORM.into(),
        Code::InvalidArgument => NAME_LENGTH.into(),
        Code::Internal | Code::StorageFull => NOT_STORED.into(),
        _ => call.refuse(&error),
    })?;
    Ok(UserRegisterRsp::default())
}

pub(super) async fn username_login(call: Call, asked: UserLoginReq) -> Result<UserLoginRsp, Refused> {
    let request = LoginRequest {
        username: asked.nickname,
        password: asked.password,
        device_id: String::new(),
        device_name: DEVICE.into(),
        platform: PLATFORM.into(),
        kind: SessionKind::Opaque.into(),
    };
    let reply = call.services().auth.login(&call.ctx, request).await.map_err(|error| match error.code {
        Code::Unauthenticated | Code::InvalidArgument | Code::NotFound => WRONG_PASSWORD.into(),
        _ => call.refuse(&error),
    })?;
    Ok(UserLoginRsp { login_session_id: reply.session_token, ..UserLoginRsp::default() })
}

pub(super) async fn get_phone_verify_code(
    call: Call,
    asked: PhoneVerifyCodeReq,
) -> Result<PhoneVerifyCodeRsp, Refused> {
    let phone = with_country(&asked.phone_number).ok_or(PHONE_FORM)?;
    let request = RequestCodeRequest { phone, purpose: CodePurpose::Account.into() };
    let reply = call.services().phones.request_code(&call.ctx, request).await.map_err(|error| match error.code {
        Code::RateLimited | Code::LimitExceeded => call.refuse(&error),
        Code::InvalidArgument => PHONE_FORM.into(),
        _ => CODE_NOT_SENT.into(),
    })?;
    Ok(PhoneVerifyCodeRsp { verify_code_id: id_text(&reply.code_id), ..PhoneVerifyCodeRsp::default() })
}

pub(super) async fn phone_register(call: Call, asked: PhoneRegisterReq) -> Result<PhoneRegisterRsp, Refused> {
    let code = phone_code(&asked.phone_number, &asked.verify_code_id, asked.verify_code)?;
    let request = RegisterByPhoneRequest { code: Some(code), ..RegisterByPhoneRequest::default() };
    call.services().phones.register_by_phone(&call.ctx, request).await.map_err(|error| match error.code {
        Code::AlreadyExists => PHONE_TAKEN.into(),
        Code::StorageFull => NOT_STORED.into(),
        _ => refuse_code(&call, &error),
    })?;
    Ok(PhoneRegisterRsp::default())
}

pub(super) async fn phone_login(call: Call, asked: PhoneLoginReq) -> Result<PhoneLoginRsp, Refused> {
    let code = phone_code(&asked.phone_number, &asked.verify_code_id, asked.verify_code)?;
    let request = LoginByPhoneRequest {
        code: Some(code),
        device_id: String::new(),
        device_name: DEVICE.into(),
        platform: PLATFORM.into(),
        kind: SessionKind::Opaque.into(),
    };
    let reply = call.services().phones.login_by_phone(&call.ctx, request).await.map_err(|error| match error.code {
        Code::NotFound => PHONE_UNKNOWN.into(),
        _ => refuse_code(&call, &error),
    })?;
    Ok(PhoneLoginRsp { login_session_id: reply.session_token, ..PhoneLoginRsp::default() })
}

/// A name in this protocol: not empty, and short. What it may hold is auth's to say.
pub(super) fn check_name(name: &str) -> Result<(), Refused> {
    if (1..=NAME_BYTES).contains(&name.len()) { Ok(()) } else { Err(NAME_LENGTH.into()) }
}

/// Letters, digits, `_` and `-`.
fn is_password(password: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    PASSWORD_BYTES.contains(&password.len()) && password.bytes().all(allowed)
}

/// A code as its owner shows it. An id that cannot be one is a code that is wrong, and nothing else is told of it.
pub(super) fn phone_code(number: &str, code_id: &str, code: String) -> Result<PhoneCode, Refused> {
    let phone = with_country(number).ok_or(PHONE_FORM)?;
    let id: Id = code_id.parse().map_err(|_| WRONG_CODE)?;
    Ok(PhoneCode { phone, code_id: id.0.to_vec(), code })
}

/// What went wrong with a code.
pub(super) fn refuse_code(call: &Call, error: &Error) -> Refused {
    match error.code {
        Code::InvalidArgument if concerns(error, "phone") => PHONE_FORM.into(),
        Code::InvalidArgument
        | Code::Unauthenticated
        | Code::Forbidden
        | Code::NotAllowed
        | Code::NotFound
        | Code::Gone => WRONG_CODE.into(),
        _ => call.refuse(error),
    }
}

/// Whether the error is about a field of this name, wherever it stands.
fn concerns(error: &Error, name: &str) -> bool {
    error.fields.iter().any(|field| field.field.rsplit('.').next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_not_empty() {
        assert!(check_name("a").is_ok() && check_name(&"a".repeat(21)).is_ok() && check_name("小明小明小明小").is_ok());
        assert!(
            check_name("").is_err() && check_name(&"a".repeat(22)).is_err() && check_name("小明小明小明小明").is_err()
        );
    }

    #[test]
    fn passwords_are_what_the_older_system_took_and_what_it_refused_by_mistake() {
        for good in ["Passw123", "a_z-AZ09", "zzzzzz", "000000", "abcdefghijklmno"] {
            assert!(is_password(good), "{good}");
        }
        for bad in ["", "short", "abcdefghijklmnop", "with space", "密码密码密码", "p@ssword"] {
            assert!(!is_password(bad), "{bad}");
        }
    }
}
