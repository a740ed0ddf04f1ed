//! Changes what others see of the caller. Friends are told of it by contact, which asks what changed.

use anser_contract::{
    Context,
    v1::{OwnProfile, UpdateProfileRequest},
};
use anser_engine::{Fingerprints, Tx};
use anser_types::{Action, Error, Result, Standing, Timestamp, UserId, authorise, text};

use crate::{UserService, limit, store, tell};

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
    let asked = [Fingerprints::optional(&request.nickname), Fingerprints::optional(&request.signature)];
    let once = service.fingerprints.once(me, "update_profile", request.idempotency_key, &asked);
    let (nickname, signature) = (request.nickname, request.signature);
    let (most, now) = (service.options.changes_an_hour, service.clock.now());
    service
        .db
        .write(move |tx| {
            tx.once(&once, now, |tx| {
                update(tx, me, &nickname, &signature, most, now)?;
                Ok(Vec::new())
            })?;
            store::profile(tx, me)?.ok_or_else(|| Error::not_found("profile"))
        })
        .await
}

fn update(
    tx: &mut Tx<'_>,
    me: UserId,
    nickname: &Option<String>,
    signature: &Option<String>,
    most: u32,
    now: Timestamp,
) -> Result<()> {
    let known = store::profile(tx, me)?.ok_or_else(|| Error::not_found("profile"))?;
    let nickname = nickname.as_ref().unwrap_or(&known.nickname);
    let signature = signature.as_ref().unwrap_or(&known.signature);
    if *nickname == known.nickname && *signature == known.signature {
        return Ok(());
    }
    limit::take(tx, me, most, now)?;
    store::update_profile(tx, me, nickname, signature)?;
    tx.after_commit(|| metrics::counter!("anser_user_profiles_changed_total").increment(1));
    tell::updated(tx, me, now)
}
