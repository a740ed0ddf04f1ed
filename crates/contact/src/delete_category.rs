//! A category no longer. One row goes, however many friends are in it: they name what is not there, which is none.

use anser_contract::{
    Context,
    v1::{DeleteCategoryReply, DeleteCategoryRequest},
};
use anser_types::{Error, Result};

use crate::{ContactService, rename_category::category_id, store, tell};

pub(crate) async fn delete_category(
    contact: &ContactService,
    ctx: &Context,
    request: DeleteCategoryRequest,
) -> Result<DeleteCategoryReply> {
    let me = ctx.user()?;
    let id = category_id(&request.category_id)?;
    let once = contact.fingerprints.once(me, "delete_category", request.idempotency_key, &[id.as_bytes()]);
    let now = contact.clock.now();
    contact
        .db
        .write(move |tx| {
            tx.once(&once, now, |tx| {
                if !store::delete_category(tx, me, id)? {
                    return Err(Error::not_found("category"));
                }
                tell::categories_changed(tx, me, now)?;
                Ok(Vec::new())
            })
        })
        .await?;
    Ok(DeleteCategoryReply {})
}
