//! Sends outside a link: HTTP, and whoever else calls.

use anser_contract::{
    Context,
    v1::{AppendReply, AppendRequest, SendAck, SendOutcome},
};
use anser_types::{Code, Error, Result, UserId};
use tokio::sync::oneshot;

use super::{
    prepare::prepare,
    send::{PendingSend, ReplyTo},
};
use crate::Messaging;

/// The most sends of one call.
const MOST: usize = 256;

/// Sends by the caller, in order, each with its own outcome.
pub async fn append(room: &Messaging, ctx: &Context, request: AppendRequest) -> Result<AppendReply> {
    let user = ctx.user()?;
    if request.sends.is_empty() || request.sends.len() > MOST {
        return Err(Error::field("sends", format!("1 to {MOST} sends")));
    }
    let (sayable, deadline) = (&room.sayable(), ctx.deadline);
    let sends = request.sends.into_iter();
    let sends = sends.map(|send| move |reply_to| prepare(user, send, sayable, deadline, reply_to));
    send_all(room, ctx, user, sends.collect()).await
}

/// Sends by `user` that make themselves ready, in order, each with its own outcome.
pub async fn send_all<F>(room: &Messaging, ctx: &Context, user: UserId, sends: Vec<F>) -> Result<AppendReply>
where
    F: FnOnce(ReplyTo) -> Result<PendingSend, (ReplyTo, Error)>,
{
    let mut ready: Vec<PendingSend> = Vec::new();
    let mut answers = Vec::new();
    for send in sends {
        let (reply, answer) = oneshot::channel();
        answers.push(answer);
        let reply = ReplyTo::Call(reply);
        let prepared = match room.admit(user) {
            Ok(()) => send(reply),
            Err(error) => Err((reply, error)),
        };
        match prepared {
            Ok(send) => ready.push(send),
            Err((reply, error)) => refuse(reply, error),
        }
    }
    for send in room.claims.push(ready) {
        refuse(send.reply_to, Error::unavailable("too many sends are waiting"));
    }
    let mut outcomes = Vec::with_capacity(answers.len());
    for answer in answers {
        outcomes.push(to_outcome(await_answer(ctx, answer).await));
    }
    Ok(AppendReply { outcomes })
}

async fn await_answer(ctx: &Context, answer: oneshot::Receiver<Result<SendAck>>) -> Result<SendAck> {
    match tokio::time::timeout_at(ctx.deadline, answer).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Error::unavailable("the store is closed")),
        Err(_) => Err(Error::new(Code::DeadlineExceeded, "the send's time ran out; try again with the same key")),
    }
}

fn refuse(reply_to: ReplyTo, error: Error) {
    if let ReplyTo::Call(reply) = reply_to {
        let _caller_gone = reply.send(Err(error));
    }
}

fn to_outcome(outcome: Result<SendAck>) -> SendOutcome {
    match outcome {
        Ok(ack) => SendOutcome { ack: Some(ack), error: None },
        Err(error) => SendOutcome { ack: None, error: Some(error.into()) },
    }
}
