//! The caller's categories of friends: all of them, they are few.

use anser_contract::{Context, v1::FriendCategories};
use anser_types::Result;

use crate::{ContactService, store};

pub(crate) async fn list_categories(contact: &ContactService, ctx: &Context) -> Result<FriendCategories> {
    let me = ctx.user()?;
    contact.db.read(move |reader| store::categories(reader, me)).await
}
