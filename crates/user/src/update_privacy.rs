//! Changes who may do what about the caller. What is not said stays.

use anser_contract::{
    Context,
    v1::{Audience, Privacy, UpdatePrivacyRequest},
};
use anser_types::{Action, Error, Result, Standing, authorise};

use crate::{UserService, store, tell};

pub(crate) async fn update_privacy(
    service: &UserService,
    ctx: &Context,
    request: UpdatePrivacyRequest,
) -> Result<Privacy> {
    let me = ctx.user()?;
    authorise(Action::EditOwnProfile, Standing::Own)?;
    let wanted = request.privacy.unwrap_or_default();
    let chosen = [
        ("find_me", wanted.find_me, Audience::Everyone),
        ("request_me", wanted.request_me, Audience::Everyone),
        ("presence", wanted.presence, Audience::Friends),
    ];
    for (field, value, widest) in chosen {
        let allowed = [Audience::Unspecified, widest, Audience::Nobody].map(i32::from);
        if !allowed.contains(&value) {
            let widest = widest.as_str_name().trim_start_matches("AUDIENCE_").to_lowercase();
            return Err(Error::field(field, format!("{widest} or nobody")));
        }
    }
    let asked = chosen.map(|(_, value, _)| value.to_be_bytes().to_vec());
    let once = service.fingerprints.once(me, "update_privacy", request.idempotency_key, &asked);
    let now = service.clock.now();
    service
        .db
        .write(move |tx| {
            let privacy = |profile: anser_contract::v1::OwnProfile| profile.privacy.unwrap_or_default();
            tx.once(&once, now, |tx| {
                let known = store::profile(tx, me)?.map(privacy).ok_or_else(|| Error::not_found("profile"))?;
                let or = |wanted: i32, known: i32| if wanted == 0 { known } else { wanted };
                let new = Privacy {
                    find_me: or(wanted.find_me, known.find_me),
                    request_me: or(wanted.request_me, known.request_me),
                    presence: or(wanted.presence, known.presence),
                };
                if new != known {
                    store::update_privacy(tx, me, &new)?;
                    tell::updated(tx, me, now)?;
                }
                Ok(Vec::new())
            })?;
            store::profile(tx, me)?.map(privacy).ok_or_else(|| Error::not_found("profile"))
        })
        .await
}
