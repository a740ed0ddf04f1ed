//! Changes what others see of the caller. Friends are told of it by contact, which asks what changed.

use anser_contract::{
    Context,
    v1::{OwnProfile, UpdateProfileRequest},
};
use anser_engine::{Fingerprints, Tx};
use anser_types::{Action, Error, Result, Standing, Timestamp, UserId, authorise, text};

use crate::{UserService, limit, store, tell};

/// The longest avatar. It names a file; what it names is for the caller to know.
const AVATAR_BYTES: usize = 64;

pub(crate) async fn update_profile(
    service: &UserService,
    ctx: &Context,
    request: UpdateProfileRequest,
) -> Result<OwnProfile> {
    let me = ctx.user()?;
    authorise(Action::EditOwnProfile, Standing::Own)?;
    if let Some(nickname) = &request.nickname {
        text::check_name("nickname", nickname, service.options.nickname_bytes)?;
    }
    if let Some(signature) = &request.signature {
        text::check_line("signature", signature, service.options.signature_bytes)?;
    }
    if let Some(avatar) = &request.avatar {
        text::check_line("avatar", avatar, AVATAR_BYTES)?;
    }
    let mut asked = vec![Fingerprints::optional(&request.nickname), Fingerprints::optional(&request.signature)];
    if request.avatar.is_some() {
        asked.push(Fingerprints::optional(&request.avatar));
    }
    let once = service.fingerprints.once(me, "update_profile", request.idempotency_key, &asked);
    let changes = Changes { nickname: request.nickname, signature: request.signature, avatar: request.avatar };
    let (most, now) = (service.options.changes_an_hour, service.clock.now());
    service
        .db
        .write(move |tx| {
            tx.once(&once, now, |tx| {
                update(tx, me, &changes, most, now)?;
                Ok(Vec::new())
            })?;
            store::profile(tx, me)?.ok_or_else(|| Error::not_found("profile"))
        })
        .await
}

/// What is to change; what is not set stays.
struct Changes {
    nickname: Option<String>,
    signature: Option<String>,
    avatar: Option<String>,
}

fn update(tx: &mut Tx<'_>, me: UserId, changes: &Changes, most: u32, now: Timestamp) -> Result<()> {
    let known = store::profile(tx, me)?.ok_or_else(|| Error::not_found("profile"))?;
    let nickname = changes.nickname.as_ref().unwrap_or(&known.nickname);
    let signature = changes.signature.as_ref().unwrap_or(&known.signature);
    let avatar = changes.avatar.as_ref().unwrap_or(&known.avatar);
    if *nickname == known.nickname && *signature == known.signature && *avatar == known.avatar {
        return Ok(());
    }
    limit::take(tx, me, most, now)?;
    store::update_profile(tx, me, nickname, signature, avatar)?;
    tx.after_commit(|| metrics::counter!("anser_user_profiles_changed_total").increment(1));
    tell::updated(tx, me, now)
}
