//! Coming into a group by a link: at once, or with an admin's consent where the group's rules say so, or where an admin
//! showed this person out.

use anser_contract::{
    Context,
    v1::{JoinByLinkReply, JoinByLinkRequest, JoinLink, JoinLinkView},
};
use anser_engine::Reader;
use anser_types::{Code, ConversationId, Error, Result, Timestamp};

use super::{
    consent,
    describe::describe,
    guests,
    once::once,
    store::{self, ConversationRow, joining},
    words,
};
use crate::{Messaging, notice::Notices};

/// The longest code that is looked up, in bytes.
const CODE_BYTES: usize = 64;
/// The longest message to those who consent, in bytes.
const MESSAGE_BYTES: usize = 200;

/// Where the link leads, for somebody who thinks of going there.
pub async fn look_at_join_link(room: &Messaging, ctx: &Context, request: JoinByLinkRequest) -> Result<JoinLinkView> {
    let user = ctx.user()?;
    let code = code(&request.code)?;
    let now = room.clock.now();
    let log = room.log.clone();
    room.db
        .read(move |reader| {
            let (_, conversation, group) = open(reader, &code, now)?;
            let approval = consent::is_needed(&log.at(reader)?, conversation, user, &group)?;
            Ok(JoinLinkView {
                conversation_id: conversation.to_vec(),
                member: store::member(reader, conversation, user)?.is_some(),
                member_count: u32::try_from(group.member_count).unwrap_or_default(),
                title: group.title,
                avatar: group.avatar,
                approval,
            })
        })
        .await
}

/// Comes in. Who is in already stays in, and uses nothing up.
pub async fn join_by_link(room: &Messaging, ctx: &Context, request: JoinByLinkRequest) -> Result<JoinByLinkReply> {
    let user = ctx.user()?;
    room.db.growth_allowed()?;
    let code = code(&request.code)?;
    words::line("message", &request.message, MESSAGE_BYTES)?;
    let asked = [code.as_bytes(), request.message.as_bytes()];
    let once = once(room, user, "join_by_link", &request.idempotency_key, &asked)?;
    let (notices, options) = (Notices::new(room), room.options.clone());
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            let joined = tx.once(&once, notices.now, |tx| {
                let (link, conversation, group) = open(tx, &code, notices.now)?;
                if store::member(tx, conversation, user)?.is_some() {
                    return Ok(conversation.to_vec());
                }
                if consent::is_needed(&notices.log.at(tx)?, conversation, user, &group)? {
                    consent::wait(tx, conversation, user, None, &request.message, &notices)?;
                } else {
                    guests::join(tx, conversation, user, user, &notices, &options)?;
                }
                joining::use_link(tx, &link)?;
                Ok(conversation.to_vec())
            })?;
            let conversation = ConversationId::try_from(&joined[..])?;
            if store::member(tx, conversation, user)?.is_none() {
                return Ok(JoinByLinkReply { conversation: None, waiting: true });
            }
            let log = notices.log.at(tx)?;
            let joined = describe(&log, conversation, user, options.strangers, notices.now)?;
            Ok(JoinByLinkReply { conversation: Some(joined), waiting: false })
        })
        .await
}

fn code(code: &str) -> Result<String> {
    if code.is_empty() || code.len() > CODE_BYTES {
        return Err(Error::not_found("link"));
    }
    Ok(code.to_lowercase())
}

/// The link with this code and the group behind it, if it may be used at `now`.
fn open(reader: &Reader<'_>, code: &str, now: Timestamp) -> Result<(JoinLink, ConversationId, ConversationRow)> {
    let link = joining::link_by_code(reader, code)?.ok_or_else(|| Error::not_found("link"))?;
    if link.expires_at > 0 && link.expires_at <= now {
        return Err(Error::new(Code::Gone, "this link has expired"));
    }
    if link.most_uses > 0 && link.uses >= link.most_uses {
        return Err(Error::new(Code::Gone, "this link is used up"));
    }
    let conversation = ConversationId::try_from(&link.conversation_id[..])?;
    let group = store::conversation(reader, conversation)?.ok_or_else(|| Error::not_found("link"))?;
    if group.dismissed_at > 0 {
        return Err(Error::new(Code::ConversationClosed, "the group was closed for good"));
    }
    Ok((link, conversation, group))
}
