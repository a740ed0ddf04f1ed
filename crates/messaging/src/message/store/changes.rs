//! The statements of what changes of messages after they were sent, and of what people hide from themselves.

use anser_contract::v1::{Content, Entry, Mentions, MessageVersion, PersonReaction, Pin, Reaction};
use anser_engine::{Reader, Tx, Value};
use anser_types::{ConversationId, Error, Result, Timestamp, UserId};
use prost::Message as _;

use crate::membership::EVERYBODY;

// Earlier words

/// Keeps the words that an entry has now, before they give way to others.
pub fn keep_version(tx: &mut Tx<'_>, conversation: ConversationId, entry: &Entry) -> Result<()> {
    let body = entry.content.as_ref().map(Content::encode_to_vec).unwrap_or_default();
    tx.exec(
        "INSERT INTO messaging_version (conversation, seq, version, at, body) VALUES (?, ?, ?, ?, ?)",
        &[
            (&conversation).into(),
            entry.seq.into(),
            entry.version.into(),
            entry.edited_at.max(entry.server_ts).into(),
            (&body).into(),
        ],
    )?;
    Ok(())
}

/// The words that an entry had before, oldest first.
pub fn versions(reader: &Reader<'_>, conversation: ConversationId, seq: i64) -> Result<Vec<MessageVersion>> {
    reader.rows(
        "SELECT version, at, body FROM messaging_version WHERE conversation = ? AND seq = ? ORDER BY version LIMIT 200",
        &[(&conversation).into(), seq.into()],
        |row| {
            let content =
                Content::decode(row.bytes(2)?).map_err(|_| Error::internal("earlier words cannot be read"))?;
            Ok(MessageVersion { version: row.int(0)?, at: row.int(1)?, content: Some(content) })
        },
    )
}

// Mentions

/// A message is meant for these people.
pub fn insert_mentions(tx: &mut Tx<'_>, conversation: ConversationId, seq: i64, mentions: &Mentions) -> Result<()> {
    let all = mentions.all.then_some(EVERYBODY.as_bytes());
    for user in mentions.user_ids.iter().map(|id| &id[..]).chain(all) {
        tx.insert_new(
            "INSERT INTO messaging_mention (conversation, user_id, seq) VALUES (?, ?, ?)",
            &[(&conversation).into(), user.into(), seq.into()],
        )?;
    }
    Ok(())
}

/// A message is meant for others now than `before`.
pub fn replace_mentions(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    seq: i64,
    before: Option<&Mentions>,
    after: Option<&Mentions>,
) -> Result<()> {
    if before == after {
        return Ok(());
    }
    if let Some(before) = before {
        delete_mentions(tx, conversation, seq, before)?;
    }
    after.map_or(Ok(()), |after| insert_mentions(tx, conversation, seq, after))
}

fn delete_mentions(tx: &mut Tx<'_>, conversation: ConversationId, seq: i64, mentions: &Mentions) -> Result<()> {
    for user in mentions.user_ids.iter().map(|id| &id[..]).chain([EVERYBODY.as_bytes()]) {
        tx.exec(
            "DELETE FROM messaging_mention WHERE conversation = ? AND user_id = ? AND seq = ?",
            &[(&conversation).into(), user.into(), seq.into()],
        )?;
    }
    Ok(())
}

// Recall

/// Notes that a countable entry's words were recalled, and that all that hung on them is gone.
pub fn recall(tx: &mut Tx<'_>, conversation: ConversationId, entry: &Entry) -> Result<()> {
    let at = [Value::from(&conversation), entry.seq.into()];
    for sql in [
        "DELETE FROM messaging_version WHERE conversation = ? AND seq = ?",
        "DELETE FROM messaging_reaction WHERE conversation = ? AND seq = ?",
        "DELETE FROM messaging_reaction_count WHERE conversation = ? AND seq = ?",
        "DELETE FROM messaging_reaction_untold WHERE conversation = ? AND seq = ?",
        "DELETE FROM messaging_pin WHERE conversation = ? AND seq = ?",
    ] {
        tx.exec(sql, &at)?;
    }
    if let Some(mentions) = entry.content.as_ref().and_then(|content| content.mentions.as_ref()) {
        delete_mentions(tx, conversation, entry.seq, mentions)?;
    }
    tx.insert_new("INSERT INTO messaging_recalled (conversation, seq) VALUES (?, ?)", &at)?;
    Ok(())
}

// Deleted for oneself

/// What `user` deleted from a conversation for themselves, all of it.
pub fn set_deleted(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId, ranges: &[(i64, i64)]) -> Result<()> {
    tx.exec(
        "DELETE FROM messaging_deleted WHERE user_id = ? AND conversation = ?",
        &[(&user).into(), (&conversation).into()],
    )?;
    for &(from_seq, to_seq) in ranges {
        tx.exec(
            "INSERT INTO messaging_deleted (user_id, conversation, from_seq, to_seq) VALUES (?, ?, ?, ?)",
            &[(&user).into(), (&conversation).into(), from_seq.into(), to_seq.into()],
        )?;
    }
    Ok(())
}

/// When that changed last.
pub fn set_deleted_since(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId, version: i64) -> Result<()> {
    let row = [Value::from(version), (&user).into(), (&conversation).into()];
    let known =
        tx.exec("UPDATE messaging_deleted_since SET version = ? WHERE user_id = ? AND conversation = ?", &row)?;
    if known == 0 {
        tx.exec("INSERT INTO messaging_deleted_since (version, user_id, conversation) VALUES (?, ?, ?)", &row)?;
    }
    Ok(())
}

/// The conversations from which `user` deleted something after `version`, with the version of each.
pub fn deleted_since(
    reader: &Reader<'_>,
    user: UserId,
    version: i64,
    limit: usize,
) -> Result<Vec<(i64, ConversationId)>> {
    reader.rows(
        "SELECT version, conversation FROM messaging_deleted_since WHERE user_id = ? AND version > ?
         ORDER BY version LIMIT ?",
        &[(&user).into(), version.into(), (limit as i64).into()],
        |row| Ok((row.int(0)?, row.id(1)?)),
    )
}

// Reactions

/// Somebody reacts; answers false where they did so already.
pub fn insert_reaction(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    seq: i64,
    emoji: &str,
    user: UserId,
    now: Timestamp,
) -> Result<bool> {
    tx.insert_new(
        "INSERT INTO messaging_reaction (conversation, seq, emoji, user_id, at) VALUES (?, ?, ?, ?, ?)",
        &[(&conversation).into(), seq.into(), emoji.as_bytes().into(), (&user).into(), now.into()],
    )
}

/// Somebody takes a reaction back; answers false where there was none.
pub fn delete_reaction(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    seq: i64,
    emoji: &str,
    user: UserId,
) -> Result<bool> {
    let gone = tx.exec(
        "DELETE FROM messaging_reaction WHERE conversation = ? AND seq = ? AND emoji = ? AND user_id = ?",
        &[(&conversation).into(), seq.into(), emoji.as_bytes().into(), (&user).into()],
    )?;
    Ok(gone > 0)
}

/// How many different reactions a message has.
pub fn count_reaction_kinds(reader: &Reader<'_>, conversation: ConversationId, seq: i64) -> Result<i64> {
    reader.number(
        "SELECT COUNT(DISTINCT emoji) FROM messaging_reaction WHERE conversation = ? AND seq = ?",
        &[(&conversation).into(), seq.into()],
    )
}

/// The reactions to a message as they are.
pub fn count_reactions(reader: &Reader<'_>, conversation: ConversationId, seq: i64) -> Result<Vec<Reaction>> {
    reader.rows(
        "SELECT emoji, COUNT(*) FROM messaging_reaction WHERE conversation = ? AND seq = ? GROUP BY emoji ORDER BY emoji",
        &[(&conversation).into(), seq.into()],
        |row| Ok(Reaction { emoji: text(row.bytes(0)?), count: row.int(1)? as u32 }),
    )
}

/// The reactions to a message as they were last told.
pub fn told_reactions(reader: &Reader<'_>, conversation: ConversationId, seq: i64) -> Result<Vec<Reaction>> {
    reader.rows(
        "SELECT emoji, count FROM messaging_reaction_count WHERE conversation = ? AND seq = ? ORDER BY emoji",
        &[(&conversation).into(), seq.into()],
        |row| Ok(Reaction { emoji: text(row.bytes(0)?), count: row.int(1)? as u32 }),
    )
}

/// The reactions are told now as they are.
pub fn set_told_reactions(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    seq: i64,
    reactions: &[Reaction],
) -> Result<()> {
    tx.exec(
        "DELETE FROM messaging_reaction_count WHERE conversation = ? AND seq = ?",
        &[(&conversation).into(), seq.into()],
    )?;
    for reaction in reactions {
        tx.exec(
            "INSERT INTO messaging_reaction_count (conversation, seq, emoji, count) VALUES (?, ?, ?, ?)",
            &[(&conversation).into(), seq.into(), reaction.emoji.as_bytes().into(), reaction.count.into()],
        )?;
    }
    Ok(())
}

/// Reactions to a message were moved by `user` and are still to be told.
pub fn note_untold(tx: &mut Tx<'_>, conversation: ConversationId, seq: i64, user: UserId) -> Result<()> {
    tx.insert_new(
        "INSERT INTO messaging_reaction_untold (conversation, seq, user_id) VALUES (?, ?, ?)",
        &[(&conversation).into(), seq.into(), (&user).into()],
    )?;
    Ok(())
}

/// Messages whose reactions are still to be told, and who moved them.
pub fn untold(reader: &Reader<'_>, limit: usize) -> Result<Vec<(ConversationId, i64, UserId)>> {
    reader.rows(
        "SELECT conversation, seq, user_id FROM messaging_reaction_untold LIMIT ?",
        &[(limit as i64).into()],
        |row| Ok((row.id(0)?, row.int(1)?, row.id(2)?)),
    )
}

/// They are told.
pub fn forget_untold(tx: &mut Tx<'_>, conversation: ConversationId, seq: i64) -> Result<()> {
    tx.exec(
        "DELETE FROM messaging_reaction_untold WHERE conversation = ? AND seq = ?",
        &[(&conversation).into(), seq.into()],
    )?;
    Ok(())
}

/// Who reacted after a person and an emoji, in their order; with `emoji`, only so.
pub fn reactions(
    reader: &Reader<'_>,
    conversation: ConversationId,
    seq: i64,
    emoji: Option<&str>,
    (after, after_emoji): (&[u8], &[u8]),
    limit: usize,
) -> Result<Vec<PersonReaction>> {
    reader.rows(
        "SELECT user_id, emoji, at FROM messaging_reaction
         WHERE conversation = ? AND seq = ? AND (? = 1 OR emoji = ?) AND (user_id > ? OR (user_id = ? AND emoji > ?))
         ORDER BY user_id, emoji LIMIT ?",
        &[
            (&conversation).into(),
            seq.into(),
            emoji.is_none().into(),
            emoji.unwrap_or_default().as_bytes().into(),
            after.into(),
            after.into(),
            after_emoji.into(),
            (limit as i64).into(),
        ],
        |row| Ok(PersonReaction { user_id: row.blob(0)?, emoji: text(row.bytes(1)?), at: row.int(2)? }),
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

// Pins

/// A message is pinned; answers false where it is already.
pub fn insert_pin(tx: &mut Tx<'_>, conversation: ConversationId, seq: i64, by: UserId, now: Timestamp) -> Result<bool> {
    tx.insert_new(
        "INSERT INTO messaging_pin (conversation, seq, pinned_by, pinned_at) VALUES (?, ?, ?, ?)",
        &[(&conversation).into(), seq.into(), (&by).into(), now.into()],
    )
}

/// A message is no longer pinned; answers false where it was not.
pub fn delete_pin(tx: &mut Tx<'_>, conversation: ConversationId, seq: i64) -> Result<bool> {
    let gone =
        tx.exec("DELETE FROM messaging_pin WHERE conversation = ? AND seq = ?", &[(&conversation).into(), seq.into()])?;
    Ok(gone > 0)
}

/// How many messages are pinned.
pub fn count_pins(reader: &Reader<'_>, conversation: ConversationId) -> Result<i64> {
    reader.number("SELECT COUNT(*) FROM messaging_pin WHERE conversation = ?", &[(&conversation).into()])
}

/// The pinned messages, the newest pin first, without their entries.
pub fn pins(reader: &Reader<'_>, conversation: ConversationId) -> Result<Vec<Pin>> {
    reader.rows(
        "SELECT seq, pinned_by, pinned_at FROM messaging_pin WHERE conversation = ? ORDER BY pinned_at DESC, seq DESC",
        &[(&conversation).into()],
        |row| Ok(Pin { seq: row.int(0)?, pinned_by: row.blob(1)?, pinned_at: row.int(2)?, entry: None }),
    )
}

// Readers

/// The members of now who may see `seq`, in the order of their ids, and the entry that each joined by.
pub fn members_who_see(reader: &Reader<'_>, conversation: ConversationId, seq: i64) -> Result<Vec<(UserId, i64)>> {
    reader.rows(
        "SELECT user_id, CASE joined_seq WHEN 0 THEN from_seq ELSE joined_seq END FROM messaging_member
         WHERE conversation = ? AND to_seq IS NULL AND from_seq <= ? ORDER BY user_id",
        &[(&conversation).into(), seq.into()],
        |row| Ok((row.id(0)?, row.int(1)?)),
    )
}
