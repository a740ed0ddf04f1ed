//! The categories into which a person puts their friends.

use anser_contract::v1::{FriendCategories, FriendCategory};
use anser_engine::{Reader, Row, Tx};
use anser_types::{FriendCategoryId, Result, UserId};

fn category_of(row: &Row<'_>) -> Result<FriendCategory> {
    Ok(FriendCategory { category_id: row.blob(0)?, name: row.text(1)? })
}

/// A person's categories, oldest first. They are few: whoever makes one keeps them so.
pub(crate) fn categories(reader: &Reader<'_>, user: UserId) -> Result<FriendCategories> {
    let items = reader.rows(
        "SELECT category_id, name FROM contact_category WHERE user_id = ? ORDER BY category_id",
        &[(&user).into()],
        category_of,
    )?;
    Ok(FriendCategories { items })
}

/// One of a person's categories.
pub(crate) fn category(reader: &Reader<'_>, user: UserId, id: FriendCategoryId) -> Result<Option<FriendCategory>> {
    reader.row(
        "SELECT category_id, name FROM contact_category WHERE user_id = ? AND category_id = ?",
        &[(&user).into(), (&id).into()],
        category_of,
    )
}

pub(crate) fn insert_category(tx: &mut Tx<'_>, user: UserId, id: FriendCategoryId, name: &str) -> Result<()> {
    tx.exec(
        "INSERT INTO contact_category (user_id, category_id, name) VALUES (?, ?, ?)",
        &[(&user).into(), (&id).into(), name.into()],
    )
    .map(|_| ())
}

pub(crate) fn rename_category(tx: &mut Tx<'_>, user: UserId, id: FriendCategoryId, name: &str) -> Result<()> {
    tx.exec(
        "UPDATE contact_category SET name = ? WHERE user_id = ? AND category_id = ?",
        &[name.into(), (&user).into(), (&id).into()],
    )
    .map(|_| ())
}

/// Answers whether there was one.
pub(crate) fn delete_category(tx: &mut Tx<'_>, user: UserId, id: FriendCategoryId) -> Result<bool> {
    let deleted =
        tx.exec("DELETE FROM contact_category WHERE user_id = ? AND category_id = ?", &[(&user).into(), (&id).into()])?;
    Ok(deleted > 0)
}

/// The version at which the person's categories changed last; 0: never.
pub(crate) fn categories_version(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    reader.number("SELECT categories_version FROM contact_version WHERE user_id = ?", &[(&user).into()])
}

/// Notes that the person's categories changed at one of their versions.
pub(crate) fn set_categories_version(tx: &mut Tx<'_>, user: UserId, version: i64) -> Result<()> {
    tx.exec("UPDATE contact_version SET categories_version = ? WHERE user_id = ?", &[version.into(), (&user).into()])
        .map(|_| ())
}

/// Forgets somebody's categories, which are few; answers whether there were any.
pub(crate) fn forget_categories(tx: &mut Tx<'_>, user: UserId) -> Result<bool> {
    Ok(tx.exec("DELETE FROM contact_category WHERE user_id = ?", &[(&user).into()])? > 0)
}
