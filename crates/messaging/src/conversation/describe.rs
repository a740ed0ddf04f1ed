//! A conversation as one of its people sees it. Who has left sees it as it was for them.

use anser_contract::v1::{Conversation, ConversationKind, Role};
use anser_engine::Reader;
use anser_types::{Action, ConversationId, Error, Result, Standing, Timestamp, UserId, authorise};

use super::{
    change_settings::told,
    store::{self, ConversationRow, settings},
};
use crate::{
    log::Snapshot,
    membership::{self, View},
    message,
};

/// `conversation` in the eyes of `user`, who must be or have been in it, as things are at `now`.
pub fn describe(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    user: UserId,
    strangers: bool,
    now: Timestamp,
) -> Result<Conversation> {
    let view = View::of(log, conversation, user)?;
    let (standing, _) = membership::standing_to_send(log, conversation, user, strangers, now)?;
    let mut row = store::conversation(log, conversation)?.ok_or_else(|| Error::not_found("conversation"))?;
    let (read_seq, _) = message::store::cursor(log, conversation, user)?;
    let last_message = message::history::newest(log, conversation, &view)?;
    let member = store::member(log, conversation, user)?;
    let group = row.kind == ConversationKind::Group;
    if member.is_none() {
        // What became of it since is no longer the business of somebody who left.
        let as_new = ConversationRow::new(row.kind, row.created_at, 0);
        let (title, avatar) = store::left_as(log, conversation, user)?;
        row = ConversationRow { title, avatar, ..as_new };
    }
    let peer_id = if group { Vec::new() } else { peer(log, conversation, user)? };
    let read_seq = read_seq.max(view.joined_seq());
    let delivered_seq = match UserId::try_from(&peer_id[..]) {
        Ok(peer) => delivered_to(log, conversation, peer)?.min(view.head_seq()),
        Err(_) => 0,
    };
    Ok(Conversation {
        conversation_id: conversation.to_vec(),
        kind: row.kind as i32,
        title: row.title,
        avatar: row.avatar,
        peer_id,
        delivered_seq,
        my_role: member.as_ref().map_or(Role::Unspecified as i32, |member| member.role),
        // A block shows to who is blocked when they speak, and not before.
        can_send: standing == Standing::BlockedPeer || authorise(Action::Send, standing).is_ok(),
        my_muted_until_at: member.as_ref().map_or(0, |member| member.muted_until_at),
        member_count: u32::try_from(row.member_count).unwrap_or_default(),
        created_at: row.created_at,
        head_seq: view.head_seq(),
        earliest_seq: view.earliest_seq(),
        read_seq,
        settings: Some(told(&settings::setting(log, user, conversation)?, read_seq, view.head_seq())),
        announcement: row.announcement,
        rules: (group && member.is_some()).then_some(row.rules),
        muted_until_at: row.muted_until,
        dismissed_at: row.dismissed_at,
        unread: view.unread(log, conversation, read_seq)?,
        mentions: view.mentions(log, conversation, user, read_seq)?,
        last_at: last_message.as_ref().map_or(row.created_at, |entry| entry.server_ts),
        last_message,
    })
}

/// Up to where a device of `peer` has it: what was read, however it came, has come.
fn delivered_to(log: &Snapshot<'_>, conversation: ConversationId, peer: UserId) -> Result<i64> {
    let (read_seq, _) = message::store::cursor(log, conversation, peer)?;
    Ok(read_seq.max(message::store::delivered_seq(log, conversation, peer)?))
}

fn peer(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<Vec<u8>> {
    let pair = membership::pair(reader, conversation)?;
    Ok(pair.map_or_else(Vec::new, |(lo, hi)| if lo == user { hi.to_vec() } else { lo.to_vec() }))
}
