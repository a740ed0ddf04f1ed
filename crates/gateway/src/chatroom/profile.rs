//! One's own profile.

use anser_contract::{
    chatroom::{
        GetUserInfoReq, GetUserInfoRsp, SetUserAvatarReq, SetUserAvatarRsp, SetUserDescriptionReq,
        SetUserDescriptionRsp, SetUserNicknameReq, SetUserNicknameRsp, SetUserPhoneNumberReq, SetUserPhoneNumberRsp,
    },
    v1::{
        ChangePhoneRequest, ChangeUsernameRequest, CodePurpose, GetMeRequest, MakeAvatarRequest, UpdateProfileRequest,
    },
};
use anser_types::{Code, Error};

use super::{
    accounts::{check_name, phone_code, refuse_code},
    call::Call,
    files,
    people::id_text,
    words::{
        AVATAR_NOT_CHANGED, DESCRIPTION_NOT_CHANGED, NAME_LENGTH, NICKNAME_NOT_CHANGED, NO_SUCH_USER,
        PHONE_NOT_CHANGED, Refused,
    },
};

pub(super) async fn get_user_info(call: Call, _: GetUserInfoReq) -> Result<GetUserInfoRsp, Refused> {
    let me = call.services().users.get_me(&call.ctx, GetMeRequest {}).await.map_err(|error| match error.code {
        Code::NotFound => NO_SUCH_USER.into(),
        _ => call.refuse(&error),
    })?;
    Ok(GetUserInfoRsp { user_info: Some(call.room.myself(me).await), ..GetUserInfoRsp::default() })
}

pub(super) async fn set_avatar(call: Call, asked: SetUserAvatarReq) -> Result<SetUserAvatarRsp, Refused> {
    let changed = async {
        let name = files::picture_name(&asked.avatar);
        let file_id = files::upload(&call, name, asked.avatar, String::new()).await?;
        let face = call.services().files.make_avatar(&call.ctx, MakeAvatarRequest { file_id }).await?;
        update(&call, UpdateProfileRequest { avatar: Some(id_text(&face.file_id)), ..Default::default() }).await
    };
    changed.await.map_err(|error| not_changed(&call, &error, AVATAR_NOT_CHANGED))?;
    Ok(SetUserAvatarRsp::default())
}

/// In this protocol one name is both: what one logs in with, and what others see.
pub(super) async fn set_nickname(call: Call, asked: SetUserNicknameReq) -> Result<SetUserNicknameRsp, Refused> {
    check_name(&asked.nickname)?;
    let request = ChangeUsernameRequest { username: asked.nickname.clone() };
    call.services().auth.change_username(&call.ctx, request).await.map_err(|error| match error.code {
        Code::InvalidArgument => NAME_LENGTH.into(),
        _ => not_changed(&call, &error, NICKNAME_NOT_CHANGED),
    })?;
    let request = UpdateProfileRequest { nickname: Some(asked.nickname), ..Default::default() };
    update(&call, request).await.map_err(|error| not_changed(&call, &error, NICKNAME_NOT_CHANGED))?;
    Ok(SetUserNicknameRsp::default())
}

pub(super) async fn set_description(
    call: Call,
    asked: SetUserDescriptionReq,
) -> Result<SetUserDescriptionRsp, Refused> {
    let request = UpdateProfileRequest { signature: Some(asked.description), ..Default::default() };
    update(&call, request).await.map_err(|error| not_changed(&call, &error, DESCRIPTION_NOT_CHANGED))?;
    Ok(SetUserDescriptionRsp::default())
}

pub(super) async fn set_phone(call: Call, asked: SetUserPhoneNumberReq) -> Result<SetUserPhoneNumberRsp, Refused> {
    let code = phone_code(&asked.phone_number, &asked.phone_verify_code_id, asked.phone_verify_code)?;
    let request = ChangePhoneRequest { code: Some(code), purpose: CodePurpose::Account.into() };
    call.services().phones.change_phone(&call.ctx, request).await.map_err(|error| match error.code {
        Code::AlreadyExists => PHONE_NOT_CHANGED.into(),
        _ => refuse_code(&call, &error),
    })?;
    Ok(SetUserPhoneNumberRsp::default())
}

async fn update(call: &Call, request: UpdateProfileRequest) -> anser_types::Result<()> {
    call.services().users.update_profile(&call.ctx, request).await.map(|_| ())
}

/// Who asks too often, or whose session has ended, is told so; anything else is told as `words`.
fn not_changed(call: &Call, error: &Error, words: &'static str) -> Refused {
    match error.code {
        Code::RateLimited | Code::LimitExceeded | Code::Unauthenticated | Code::Unavailable => call.refuse(error),
        _ => words.into(),
    }
}
