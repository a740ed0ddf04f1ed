//! From a request to the service that answers it. Who asks is the session's to say, never the frame's.

use std::{sync::Arc, time::Duration};

use anser_contract::{
    Actor, Context,
    v1::{
        EditMessage, EditRequest, GetPresenceRequest, HeadsPage, HeadsRequest, MoveReadCursorRequest, Presence,
        Presences, React, RecallMessage, RecallRequest, SendItem, SetReactionRequest, SyncConversation, SyncFrom,
        SyncManyRequest, SyncPage, SyncPages, TypingPassed, TypingRequest, reply::Outcome, request::Op,
    },
};
use anser_types::{Code, Error, Id, Result};
use tokio::time::{Instant, timeout_at};

use super::socket::Socket;
use crate::{
    hub::{Asked, tag},
    rates::{Asker, Rate},
    resume::MeVersions,
    state::Gateway,
    sync_me::sync_me_versions,
};

/// What one `sync_conversations` may name.
const MOST_CONVERSATIONS: usize = 100;
/// What its entries may weigh together.
const MOST_BYTES: u32 = 1 << 20;

/// A request as the wire had it.
pub(super) struct Request {
    pub id: u32,
    pub deadline_ms: u32,
    pub op: Result<Op>,
}

/// Takes a request in: a send joins `sends`, anything else runs as a task of its own.
pub(super) fn dispatch(
    gateway: &Arc<Gateway>,
    socket: &Arc<Socket>,
    sends: &mut Vec<SendItem>,
    now_ms: u64,
    request: Request,
) {
    let timings = &gateway.options.timings;
    let time = match request.deadline_ms {
        0 => timings.request,
        asked => Duration::from_millis(asked.into()).min(timings.request_max),
    };
    let Request { id, op, .. } = request;
    // The sweep is the last resort for an answer that never comes; the parties themselves keep the deadline better.
    let expires_at = now_ms + time.as_millis() as u64;
    match op {
        Err(error) => {
            let mut outbox = socket.outbox();
            outbox.begin(id, expires_at, false);
            outbox.refuse(id, &error);
        }
        Ok(Op::Send(send)) => {
            socket.outbox().begin(id, expires_at, true);
            sends.push(SendItem {
                tag: tag(socket.number, id),
                user_id: socket.user.to_vec(),
                session_id: socket.session.to_vec(),
                send: Some(send),
                deadline_ms: time.as_millis() as u32,
            });
        }
        Ok(op) => {
            let mut outbox = socket.outbox();
            outbox.begin(id, expires_at, false);
            if let Err(error) = gateway.rates.take(rate(&op), Asker::User(socket.user), gateway.clock.now()) {
                return outbox.refuse(id, &error);
            }
            drop(outbox);
            let call = call(gateway.clone(), socket.clone(), id, op, Instant::now() + time);
            gateway.tasks.spawn(call);
        }
    }
}

/// The same as of the operation's row in the route table.
fn rate(op: &Op) -> Rate {
    match op {
        Op::Send(_) => Rate::Own,
        Op::SyncHeads(_) | Op::SyncConversation(_) | Op::SyncConversations(_) | Op::SyncMe(_) => Rate::Read,
        Op::WatchPresence(_) => Rate::Read,
        Op::Read(_) | Op::Edit(_) | Op::Recall(_) | Op::React(_) | Op::Typing(_) => Rate::Write,
    }
}

/// What follows once an answer is on its way.
#[derive(Default)]
struct After<'g> {
    /// What the client then knows about its user. No resume point may claim what it has not been told.
    me: Option<MeVersions>,
    /// Whom it then watches. No push may come before the state that it changes.
    watched: Option<(Asked<'g>, Vec<Presence>)>,
}

async fn call(gateway: Arc<Gateway>, socket: Arc<Socket>, id: u32, op: Op, deadline: Instant) {
    let mut ctx = Context::new(Actor::User(socket.user, socket.session), Id::new(&gateway.clock).to_string());
    ctx.deadline = deadline;
    let late = || Err(Error::new(Code::DeadlineExceeded, "the request's time ran out"));
    let mut after = After::default();
    let answer = timeout_at(deadline, run(&gateway, &socket, &ctx, op, &mut after)).await.unwrap_or_else(|_| late());
    let outcome = answer.unwrap_or_else(|error| {
        if error.code == Code::Internal {
            tracing::error!(request_id = ctx.request_id, user.id = %socket.user, %error, "a request failed");
        }
        let mut problem = anser_contract::v1::Problem::from(&error);
        problem.request_id.clone_from(&ctx.request_id);
        Outcome::Error(problem)
    });
    socket.answer(id, outcome, &gateway.desk());
    if let Some(me) = after.me {
        socket.knows_me(me);
    }
    if let Some((asked, found)) = after.watched {
        asked.watch(found, &gateway.intake, gateway.hub.position(), &gateway.desk());
    }
}

async fn run<'g>(
    gateway: &'g Gateway,
    socket: &'g Arc<Socket>,
    ctx: &Context,
    op: Op,
    after: &mut After<'g>,
) -> Result<Outcome> {
    let messages = &gateway.services.messages;
    Ok(match op {
        Op::SyncHeads(request) => {
            let reply = messages.heads(ctx, HeadsRequest { token: request.token, limit: request.limit }).await?;
            let (items, next_token, has_more) = (reply.items, reply.next_token, reply.has_more);
            Outcome::SyncHeads(HeadsPage { items, next_token, has_more })
        }
        Op::SyncConversation(request) => Outcome::SyncConversation(sync_conversation(gateway, ctx, request).await?),
        Op::SyncConversations(request) => {
            if request.items.len() > MOST_CONVERSATIONS {
                return Err(Error::field("items", format!("at most {MOST_CONVERSATIONS} conversations")));
            }
            gateway.receipts.note_sync(ctx.user()?, ctx.session()?, &request.items);
            let request = SyncManyRequest { items: request.items, limit: 0, max_bytes: MOST_BYTES };
            Outcome::SyncConversations(SyncPages { items: messages.sync_many(ctx, request).await?.items })
        }
        Op::SyncMe(request) => {
            let (now, store) = (gateway.clock.now(), gateway.hub.store());
            let (page, versions) = sync_me_versions(&gateway.services, ctx, now, store, request).await?;
            after.me = versions;
            Outcome::SyncMe(Box::new(page))
        }
        Op::Read(request) => {
            let request =
                MoveReadCursorRequest { conversation_id: request.conversation_id, read_seq: request.read_seq };
            Outcome::Read(messages.move_read_cursor(ctx, request).await?)
        }
        Op::Edit(EditMessage { conversation_id, seq, content }) => {
            let request = EditRequest { conversation_id, seq, content, ..EditRequest::default() };
            Outcome::Edit(messages.edit(ctx, request).await?)
        }
        Op::Recall(RecallMessage { conversation_id, seq }) => {
            let request = RecallRequest { conversation_id, seq, ..RecallRequest::default() };
            Outcome::Recall(messages.recall(ctx, request).await?)
        }
        Op::React(React { conversation_id, seq, emoji, remove }) => {
            let request = SetReactionRequest { conversation_id, seq, emoji, remove };
            Outcome::React(messages.set_reaction(ctx, request).await?)
        }
        Op::Typing(request) => {
            messages.typing(ctx, TypingRequest { conversation_id: request.conversation_id }).await?;
            Outcome::Typing(TypingPassed {})
        }
        Op::WatchPresence(request) => {
            let asked = gateway.hub.watches.ask(socket, &request.user_ids)?;
            let request = GetPresenceRequest { user_ids: request.user_ids };
            let items = gateway.services.contacts.get_presence(ctx, request).await?.items;
            after.watched = Some((asked, items.clone()));
            Outcome::WatchPresence(Presences { items })
        }
        Op::Send(_) => return Err(Error::internal("sends go over the link")),
    })
}

async fn sync_conversation(gateway: &Gateway, ctx: &Context, request: SyncConversation) -> Result<SyncPage> {
    let limits = &gateway.options.limits;
    let item = SyncFrom { conversation_id: request.conversation_id, after_seq: request.after_seq };
    gateway.receipts.note_sync(ctx.user()?, ctx.session()?, std::slice::from_ref(&item));
    let request = SyncManyRequest { items: vec![item], limit: request.limit, max_bytes: limits.sync_bytes };
    let result = gateway.services.messages.sync_many(ctx, request).await?.items.pop();
    match result.map(|result| (result.page, result.error)) {
        Some((Some(page), _)) => Ok(page),
        Some((None, Some(error))) => Err(error.into()),
        _ => Err(Error::internal("a conversation without an outcome")),
    }
}

#[cfg(test)]
mod tests {
    use anser_contract::v1::{MoveRead, SendMessage, SyncConversations, SyncHeads, SyncMe, WatchPresence};

    use super::*;
    use crate::http::table;

    #[test]
    fn an_operation_has_the_same_rate_over_http_and_websocket() {
        let table = table();
        for (op, name) in [
            (Op::Send(SendMessage::default()), "send_message"),
            (Op::SyncHeads(SyncHeads::default()), "sync_heads"),
            (Op::SyncConversation(SyncConversation::default()), "sync_conversation"),
            (Op::SyncConversations(SyncConversations::default()), "sync_conversations"),
            (Op::SyncMe(SyncMe::default()), "sync_me"),
            (Op::Read(MoveRead::default()), "move_read_cursor"),
            (Op::Edit(EditMessage::default()), "edit_message"),
            (Op::Recall(RecallMessage::default()), "recall_message"),
            (Op::React(React::default()), "add_reaction"),
            (Op::WatchPresence(WatchPresence::default()), "get_presence"),
        ] {
            let row = table.iter().find(|row| row.name() == name).unwrap();
            assert_eq!(row.rate_of(), Some(rate(&op)), "{name}");
        }
    }
}
