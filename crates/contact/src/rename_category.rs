//! Another name for a category; who is in it stays.

use anser_contract::{
    Context,
    v1::{FriendCategory, RenameCategoryRequest},
};
use anser_engine::Tx;
use anser_types::{Error, FriendCategoryId, Result, UserId, text};

use crate::{ContactService, create_category::ensure_free, store, tell};

pub(crate) async fn rename_category(
    contact: &ContactService,
    ctx: &Context,
    request: RenameCategoryRequest,
) -> Result<FriendCategory> {
    let me = ctx.user()?;
    let id = category_id(&request.category_id)?;
    let name = request.name;
    text::check_name("name", &name, contact.options.name_bytes)?;
    let asked = [id.as_bytes(), name.as_bytes()];
    let once = contact.fingerprints.once(me, "rename_category", request.idempotency_key, &asked);
    let now = contact.clock.now();
    contact
        .db
        .write(move |tx| {
            tx.once(&once, now, |tx| {
                if known(tx, me, id)?.name != name {
                    ensure_free(tx, me, id, &name)?;
                    store::rename_category(tx, me, id, &name)?;
                    tell::categories_changed(tx, me, now)?;
                }
                Ok(Vec::new())
            })?;
            known(tx, me, id)
        })
        .await
}

fn known(tx: &Tx<'_>, me: UserId, id: FriendCategoryId) -> Result<FriendCategory> {
    store::category(tx, me, id)?.ok_or_else(|| Error::not_found("category"))
}

pub(crate) fn category_id(bytes: &[u8]) -> Result<FriendCategoryId> {
    FriendCategoryId::try_from(bytes).map_err(|error| Error::field("category_id", error.detail))
}
