//! Links into a group: owner and admins make, see and revoke them. Whoever knows a link's code may come in by it.

use anser_contract::{
    Context,
    v1::{
        CreateJoinLinkRequest, JoinLink, ListJoinLinksReply, ListJoinLinksRequest, RevokeJoinLinkReply,
        RevokeJoinLinkRequest,
    },
};
use anser_types::{Action, Code, Error, JoinLinkId, Result, base32};

use super::{allow, conversation_id, once::once, store::joining};
use crate::{Messaging, membership::standing};

/// How many links may lead into a group.
const LINKS: i64 = 50;

/// Makes a link that is good for `valid_ms` (0: for ever) and `most_uses` times (0: without bound).
pub async fn create_join_link(room: &Messaging, ctx: &Context, request: CreateJoinLinkRequest) -> Result<JoinLink> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    if request.valid_ms < 0 {
        return Err(Error::field("valid_ms", "must not be negative"));
    }
    let asked = [conversation.as_bytes(), &request.valid_ms.to_be_bytes(), &request.most_uses.to_be_bytes()];
    let once = once(room, user, "create_join_link", &request.idempotency_key, &asked)?;
    let now = room.clock.now();
    let link = JoinLink {
        link_id: JoinLinkId::new(&room.clock).to_vec(),
        conversation_id: conversation.to_vec(),
        code: base32::encode(&rand::random::<[u8; 16]>()),
        created_by: user.to_vec(),
        created_at: now,
        expires_at: if request.valid_ms == 0 { 0 } else { now.saturating_add(request.valid_ms) },
        uses: 0,
        most_uses: request.most_uses,
    };
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            let made = tx.once(&once, now, |tx| {
                allow(Action::ManageLinks, standing(tx, conversation, user, strangers)?)?;
                if joining::count_links(tx, conversation)? >= LINKS {
                    return Err(Error::new(Code::LimitExceeded, format!("{LINKS} links at most; revoke one")));
                }
                joining::insert_link(tx, &link)?;
                Ok(link.link_id.clone())
            })?;
            joining::link(tx, JoinLinkId::try_from(&made[..])?)?.ok_or_else(|| Error::not_found("link"))
        })
        .await
}

/// The links into a group, used up and expired ones among them.
pub async fn list_join_links(
    room: &Messaging,
    ctx: &Context,
    request: ListJoinLinksRequest,
) -> Result<ListJoinLinksReply> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    room.db
        .read(move |reader| {
            allow(Action::ManageLinks, standing(reader, conversation, user, strangers)?)?;
            Ok(ListJoinLinksReply { items: joining::links(reader, conversation, LINKS)? })
        })
        .await
}

/// The link leads nowhere from now on. One that does not exist leads nowhere already.
pub async fn revoke_join_link(
    room: &Messaging,
    ctx: &Context,
    request: RevokeJoinLinkRequest,
) -> Result<RevokeJoinLinkReply> {
    let user = ctx.user()?;
    let strangers = room.options.strangers;
    let conversation = conversation_id(&request.conversation_id)?;
    let link = JoinLinkId::try_from(&request.link_id[..]).map_err(|error| Error::field("link_id", error.detail))?;
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            allow(Action::ManageLinks, standing(tx, conversation, user, strangers)?)?;
            joining::delete_link(tx, conversation, link)
        })
        .await?;
    Ok(RevokeJoinLinkReply {})
}
