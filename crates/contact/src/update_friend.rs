//! What a person notes about a friend for themselves: a remark, a category. The friend does not learn of it.

use anser_contract::{
    Context,
    v1::{Friend, UpdateFriendRequest},
};
use anser_engine::{Fingerprints, Tx};
use anser_types::{Action, Error, FriendCategoryId, Result, Standing, Timestamp, UserId, authorise, text};

use crate::{ContactService, store, tell};

pub(crate) async fn update_friend(
    contact: &ContactService,
    ctx: &Context,
    request: UpdateFriendRequest,
) -> Result<Friend> {
    let me = ctx.user()?;
    let friend = UserId::try_from(&request.user_id[..]).map_err(|error| Error::field("user_id", error.detail))?;
    if let Some(remark) = &request.remark {
        text::check_line("remark", remark, contact.options.name_bytes)?;
    }
    let category = request.category.map(|chosen| chosen.category_id);
    let asked = [friend.as_bytes(), &Fingerprints::optional(&request.remark), &Fingerprints::optional(&category)];
    let once = contact.fingerprints.once(me, "update_friend", request.idempotency_key, &asked);
    let (remark, now) = (request.remark, contact.clock.now());
    contact
        .db
        .write(move |tx| {
            tx.once(&once, now, |tx| {
                update(tx, me, friend, &remark, &category, now)?;
                Ok(Vec::new())
            })?;
            store::friend(tx, me, friend)?.ok_or_else(|| Error::not_found("friend"))
        })
        .await
}

fn update(
    tx: &mut Tx<'_>,
    me: UserId,
    friend: UserId,
    remark: &Option<String>,
    category: &Option<Vec<u8>>,
    now: Timestamp,
) -> Result<()> {
    let known = store::friend(tx, me, friend)?;
    let standing = if known.is_some() { Standing::Own } else { Standing::Outsider };
    authorise(Action::NoteFriend, standing).map_err(|_| Error::not_found("friend"))?;
    let known = known.unwrap_or_default();
    if let Some(chosen) = category.as_ref().filter(|chosen| !chosen.is_empty()) {
        let id = FriendCategoryId::try_from(&chosen[..]).map_err(|error| Error::field("category_id", error.detail))?;
        store::category(tx, me, id)?.ok_or_else(|| Error::not_found("category"))?;
    }
    let changed = Friend {
        remark: remark.clone().unwrap_or_else(|| known.remark.clone()),
        category_id: category.clone().unwrap_or_else(|| known.category_id.clone()),
        ..known.clone()
    };
    if changed == known {
        return Ok(());
    }
    tell::friend_changed(tx, me, changed, now)
}
