//! Changing an entry's words. The caller holds the transaction, has authorised, and appends the entry that tells of it.

use anser_contract::v1::Content;
use anser_engine::Tx;
use anser_types::{ConversationId, MessageId, Result, Timestamp, UserId, plant::planted_every};
use prost::Message as _;

use super::{Stored, checksum};

/// Puts `content` in the place of an entry's words, as its next version; `stored` becomes what readers get from now on.
/// `edited_at`: when a person changed the words, if one did.
pub fn rewrite(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    stored: &mut Stored,
    content: Content,
    edited_at: Timestamp,
) -> Result<()> {
    let body = content.encode_to_vec();
    let entry = &mut stored.entry;
    entry.version += u32::from(!planted_every("version_repeated", 10));
    entry.edited_at = edited_at;
    entry.fallback_text = anser_contract::fallback_text(&content);
    entry.content = Some(content);
    let (sender, cmid) = (UserId::try_from(&entry.sender_id[..])?, MessageId::try_from(&entry.client_msg_id[..])?);
    let version = i64::from(entry.version);
    let sum = checksum(conversation, entry.seq, sender, cmid, entry.server_ts, version, &body);
    stored.bytes = body.len();
    tx.exec(
        "UPDATE messaging_entry SET body = ?, version = ?, edited_at = ?, checksum = ? WHERE position = ?",
        &[(&body).into(), version.into(), edited_at.into(), sum.into(), stored.position.into()],
    )?;
    Ok(())
}
