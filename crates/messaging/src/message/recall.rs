//! Recalling: a message's words are gone for everybody, at once through every API and soon from the files. Its place in the
//! log stays.

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{Changed, Content, RecallRequest, Recalled, Role, Withdrawn, content::Kind},
};
use anser_engine::{Reader, Tx};
use anser_types::{Action, Error, Result, UserId, authorise, plant::planted};
use prost::Message as _;

use super::{
    hold, store,
    target::{Asked, Target, is_withdrawn},
};
use crate::{
    Messaging, MessagingOptions,
    alarm::Alarm,
    conversation::{once, role_of},
    log, membership,
    notice::Notices,
};

/// Recalls a message: one's own for as long as the configuration says, and as owner or admin those of people below.
pub async fn recall(room: &Messaging, ctx: &Context, request: RecallRequest) -> Result<Changed> {
    let user = ctx.user()?;
    let asked = Asked::new(room, user, &request.conversation_id, request.seq)?;
    let key = [asked.conversation.as_bytes(), &asked.seq.to_be_bytes()[..]];
    let once = once(room, user, "recall", &request.idempotency_key, &key)?;
    let (notices, options, db) = (Notices::new(room), room.options.clone(), room.db.clone());
    let holding = room.holding.clone();
    let answer = room
        .db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                let target = asked.find(tx, notices.now)?;
                may_recall(tx, &asked, &target, &options, &notices)?;
                let changed = apply(tx, &asked, target, &notices, &holding)?;
                // The words still stand in the write-ahead log.
                let db = db.clone();
                tx.after_commit(move || db.schedule_truncate());
                Ok(changed.encode_to_vec())
            })
        })
        .await?;
    Changed::decode(&answer[..]).map_err(|_| Error::internal("a stored answer cannot be read"))
}

fn may_recall(
    reader: &Reader<'_>,
    asked: &Asked,
    target: &Target,
    options: &MessagingOptions,
    notices: &Notices,
) -> Result<()> {
    let (action, within_ms) = if target.is_by(asked.user) {
        (Action::RecallOwn, options.recall_within_ms)
    } else {
        let sender = UserId::try_from(&target.stored.entry.sender_id[..])?;
        let action = match role_of(reader, asked.conversation, sender)? {
            Some(Role::Owner | Role::Admin) => Action::RecallOfAdmin,
            _ => Action::RecallOfMember,
        };
        (action, options.recall_as_admin_within_ms)
    };
    authorise(action, target.standing).map_err(membership::hide)?;
    // To recall what was recalled changes nothing, whenever that is.
    if is_withdrawn(&target.stored.entry) { Ok(()) } else { target.ensure_recent(within_ms, notices.now) }
}

fn apply(tx: &mut Tx<'_>, asked: &Asked, target: Target, notices: &Notices, holding: &Arc<Alarm>) -> Result<Changed> {
    let (conversation, seq, mut stored) = (asked.conversation, asked.seq, target.stored);
    let mut changed = Changed { conversation_id: conversation.to_vec(), seq, ..Changed::default() };
    if is_withdrawn(&stored.entry) {
        changed.version = i64::from(stored.entry.version);
        return Ok(changed);
    }
    store::recall(tx, conversation, &stored.entry)?;
    let files = store::delete_objects(tx, conversation, seq)?;
    hold::moved(tx, &files, notices.now + hold::GRACE_MS, holding)?;
    let mut withdrawn = Content::from(Kind::Withdrawn(Withdrawn { user_id: asked.user.to_vec(), at: notices.now }));
    if planted("recall_keeps_words") {
        withdrawn = stored.entry.content.clone().unwrap_or_default();
    }
    let edited_at = stored.entry.edited_at;
    log::rewrite(tx, conversation, &mut stored, withdrawn, edited_at)?;
    stored.entry.countable = false;
    stored.entry.reactions.clear();
    changed.version = i64::from(stored.entry.version);
    let recalled = Kind::Recalled(Recalled { target_seq: seq, version: changed.version });
    changed.change_seq = notices.change(tx, conversation, asked.user, recalled, stored.entry)?;
    Ok(changed)
}
