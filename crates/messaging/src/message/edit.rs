//! Editing: other words in the place of one's own message. The words stand on its row only; earlier ones are kept beside
//! it where the configuration says so.

use anser_contract::{
    Context,
    v1::{Changed, Content, EditRequest, Edited, ListVersionsReply, ListVersionsRequest, content::Kind},
};
use anser_engine::Tx;
use anser_types::{Action, Code, Error, Result, authorise, plant::planted_every};
use prost::Message as _;

use super::{
    claim, prepare, store,
    target::{Asked, Target},
};
use crate::{Messaging, conversation::once, log, membership, notice::Notices};

/// Edits the caller's own message, for as long as the configuration lets them.
pub async fn edit(room: &Messaging, ctx: &Context, request: EditRequest) -> Result<Changed> {
    let user = ctx.user()?;
    let asked = Asked::new(room, user, &request.conversation_id, request.seq)?;
    let mut content = request.content.ok_or_else(|| Error::field("content", "is missing"))?;
    let body = prepare::check_content(&content, room.options.body_bytes)?;
    room.words.apply(&mut content)?;
    room.admit(user)?;
    let key = [asked.conversation.as_bytes(), &asked.seq.to_be_bytes(), &body];
    let once = once(room, user, "edit", &request.idempotency_key, &key)?;
    let notices = Notices::new(room);
    let (within_ms, keep) = (room.options.edit_within_ms, room.options.keep_versions);
    let answer = room
        .db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                let target = asked.find(tx, notices.now)?;
                authorise(Action::Edit, target.standing).map_err(membership::hide)?;
                let target = target.standing_words()?;
                if !target.is_by(user) {
                    return Err(Error::new(Code::Forbidden, "only its sender edits a message"));
                }
                target.ensure_recent(within_ms, notices.now)?;
                if content.mentions.as_ref().is_some_and(|mentions| mentions.all) {
                    authorise(Action::MentionAll, target.standing)?;
                }
                apply(tx, &asked, target, content.clone(), keep, &notices).map(|changed| changed.encode_to_vec())
            })
        })
        .await?;
    Changed::decode(&answer[..]).map_err(|_| Error::internal("a stored answer cannot be read"))
}

fn apply(
    tx: &mut Tx<'_>,
    asked: &Asked,
    Target { mut stored, .. }: Target,
    mut content: Content,
    keep: bool,
    notices: &Notices,
) -> Result<Changed> {
    let (conversation, seq) = (asked.conversation, asked.seq);
    let before = stored.entry.content.clone().unwrap_or_default();
    if before.forwarded.is_some() || matches!(before.kind, Some(Kind::Bundle(_))) {
        return Err(Error::new(Code::Forbidden, "what was forwarded stays as it was said"));
    }
    let same_kind =
        before.kind.as_ref().map(std::mem::discriminant) == content.kind.as_ref().map(std::mem::discriminant);
    if !same_kind {
        return Err(Error::field("content", "an edited message stays of its kind"));
    }
    claim::keep_file(&before, &mut content)?;
    // What it answers is not edited, nor how long it stays.
    content.reply_to = before.reply_to;
    content.expiring = before.expiring.clone();
    let mut changed = Changed { conversation_id: conversation.to_vec(), seq, ..Changed::default() };
    if content == before {
        changed.version = i64::from(stored.entry.version);
        return Ok(changed);
    }
    if keep {
        store::keep_version(tx, conversation, &stored.entry)?;
    }
    let content = if planted_every("edit_lost", 5) { before.clone() } else { content };
    store::replace_mentions(tx, conversation, seq, before.mentions.as_deref(), content.mentions.as_deref())?;
    log::rewrite(tx, conversation, &mut stored, content, notices.now)?;
    changed.version = i64::from(stored.entry.version);
    let edited = Kind::Edited(Edited { target_seq: seq, version: changed.version });
    changed.change_seq = notices.change(tx, conversation, asked.user, edited, stored.entry)?;
    Ok(changed)
}

/// The earlier words of a message, oldest first, for owner and admins of a group; none where they are not kept.
pub async fn list_versions(room: &Messaging, ctx: &Context, request: ListVersionsRequest) -> Result<ListVersionsReply> {
    let user = ctx.user()?;
    let asked = Asked::new(room, user, &request.conversation_id, request.seq)?;
    let now = room.clock.now();
    room.db
        .read(move |reader| {
            let target = asked.find(reader, now)?;
            authorise(Action::ReadVersions, target.standing).map_err(membership::hide)?;
            Ok(ListVersionsReply { items: store::versions(reader, asked.conversation, asked.seq)? })
        })
        .await
}
