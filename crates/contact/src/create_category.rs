//! A new category of friends.

use anser_contract::{
    Context,
    v1::{CreateCategoryRequest, FriendCategory},
};
use anser_engine::{Reader, Tx};
use anser_types::{Code, Error, FriendCategoryId, Result, UserId, text};

use crate::{ContactService, store, tell};

pub(crate) async fn create_category(
    contact: &ContactService,
    ctx: &Context,
    request: CreateCategoryRequest,
) -> Result<FriendCategory> {
    let me = ctx.user()?;
    let name = request.name;
    text::check_name("name", &name, contact.options.name_bytes)?;
    let once = contact.fingerprints.once(me, "create_category", request.idempotency_key, &[name.as_bytes()]);
    let fresh = FriendCategoryId::new(&contact.clock);
    let (most, now) = (contact.options.categories_a_user, contact.clock.now());
    contact
        .db
        .write(move |tx| {
            let made = tx.once(&once, now, |tx| {
                create(tx, me, fresh, &name, most)?;
                tell::categories_changed(tx, me, now)?;
                Ok(fresh.to_vec())
            })?;
            store::category(tx, me, FriendCategoryId::try_from(&made[..])?)?
                .ok_or_else(|| Error::new(Code::Gone, "the category was deleted since"))
        })
        .await
}

fn create(tx: &mut Tx<'_>, me: UserId, fresh: FriendCategoryId, name: &str, most: usize) -> Result<()> {
    ensure_free(tx, me, fresh, name)?;
    if store::categories(tx, me)?.items.len() >= most {
        return Err(Error::new(Code::LimitExceeded, format!("nobody has more than {most} categories")));
    }
    store::insert_category(tx, me, fresh, name)
}

/// Refuses a name that another category of theirs has.
pub(crate) fn ensure_free(reader: &Reader<'_>, me: UserId, id: FriendCategoryId, name: &str) -> Result<()> {
    let taken = store::categories(reader, me)?
        .items
        .iter()
        .any(|category| category.name == name && category.category_id != id.as_bytes());
    if taken { Err(Error::new(Code::AlreadyExists, "you have a category of this name")) } else { Ok(()) }
}
