//! Those who wait to come into a group: owner and admins see them, and let them in or not.

use anser_contract::{
    Context,
    v1::{
        AnswerJoinRequestReply, AnswerJoinRequestRequest, Invitation, JoinRequest, ListJoinRequestsReply,
        ListJoinRequestsRequest,
    },
};
use anser_engine::Tx;
use anser_types::{Action, ConversationId, Error, Result, UserId};

use super::{
    allow, consent, conversation_id, guests,
    once::once,
    page,
    store::{self, joining},
    user_id,
};
use crate::{Messaging, MessagingOptions, effects::Effect, membership::standing, notice::Notices};

/// A page of those who wait, in the order of their ids.
pub async fn list_join_requests(
    room: &Messaging,
    ctx: &Context,
    request: ListJoinRequestsRequest,
) -> Result<ListJoinRequestsReply> {
    let user = ctx.user()?;
    let conversation = conversation_id(&request.conversation_id)?;
    let size = page::size(request.limit);
    let query = format!("join requests of {conversation}");
    let after = match request.cursor.as_str() {
        "" => None,
        cursor => Some(UserId::try_from(&room.pages.open(user, &query, cursor)?[..])?),
    };
    let strangers = room.options.strangers;
    let mut items = room
        .db
        .read(move |reader| {
            allow(Action::AnswerJoinRequest, standing(reader, conversation, user, strangers)?)?;
            joining::requests(reader, conversation, after, size + 1)
        })
        .await?;
    let last = page::cut(&mut items, size);
    let next_cursor = last.map(|last| room.pages.seal(user, &query, &last.user_id)).unwrap_or_default();
    Ok(ListJoinRequestsReply { items, next_cursor })
}

/// Lets somebody in who waits, or sends them away.
pub async fn answer_join_request(
    room: &Messaging,
    ctx: &Context,
    request: AnswerJoinRequestRequest,
) -> Result<AnswerJoinRequestReply> {
    let admin = ctx.user()?;
    let options = room.options.clone();
    let conversation = conversation_id(&request.conversation_id)?;
    let guest = user_id("user_id", &request.user_id)?;
    let asked = [conversation.as_bytes(), guest.as_bytes(), &[u8::from(request.accept)]];
    let once = once(room, admin, "answer_join_request", &request.idempotency_key, &asked)?;
    let notices = Notices::new(room);
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            tx.once(&once, notices.now, |tx| {
                allow(Action::AnswerJoinRequest, standing(tx, conversation, admin, options.strangers)?)?;
                let waiting =
                    joining::request(tx, conversation, guest)?.ok_or_else(|| Error::not_found("join request"))?;
                if request.accept && store::member(tx, conversation, guest)?.is_none() {
                    let_in(tx, conversation, guest, admin, &waiting, &notices, &options)?;
                }
                joining::delete_request(tx, conversation, guest)?;
                consent::answered(tx, conversation, waiting, request.accept, &notices)?;
                Ok(Vec::new())
            })
        })
        .await?;
    Ok(AnswerJoinRequestReply {})
}

/// Who asked by a link comes in, and so does a friend of the member who wants them in; anybody else that a member named
/// is asked first.
fn let_in(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    guest: UserId,
    admin: UserId,
    waiting: &JoinRequest,
    notices: &Notices,
    options: &MessagingOptions,
) -> Result<()> {
    if waiting.invited_by.is_empty() {
        return guests::join(tx, conversation, guest, admin, notices, options);
    }
    let host = UserId::try_from(&waiting.invited_by[..])?;
    if options.strangers || store::guest(tx, conversation, host, guest)?.friend {
        return guests::join(tx, conversation, guest, host, notices, options);
    }
    if store::insert_invitation(tx, conversation, guest, host, notices.now)? {
        let title = store::conversation(tx, conversation)?.map(|group| group.title).unwrap_or_default();
        let invitation = Invitation {
            conversation_id: conversation.to_vec(),
            user_id: guest.to_vec(),
            invited_by: host.to_vec(),
            created_at: notices.now,
            title,
        };
        notices.tell(tx, Effect::Invited(invitation));
    }
    Ok(())
}
