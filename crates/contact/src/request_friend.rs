//! Asks somebody for friendship.

use anser_contract::{
    Context,
    v1::{Audience, FriendRequest, GetPrivacyRequest, RequestFriendRequest},
};
use anser_engine::Tx;
use anser_types::{Code, Error, FriendRequestId, Result, Timestamp, UserId};

use crate::{
    ContactOptions, ContactService,
    befriend::befriend,
    expire::expire_one,
    get_request,
    pair::Pair,
    relation,
    store::{self, Request, State},
    tell,
};

const DAY_MS: i64 = 24 * 3_600_000;

pub(crate) async fn request_friend(
    contact: &ContactService,
    ctx: &Context,
    request: RequestFriendRequest,
) -> Result<FriendRequest> {
    let me = ctx.user()?;
    let to = UserId::try_from(&request.to_user_id[..]).map_err(|error| Error::field("to_user_id", error.detail))?;
    if to == me {
        return Err(Error::field("to_user_id", "must be somebody else"));
    }
    let most = contact.options.message_bytes;
    if request.message.len() > most {
        return Err(Error::field("message", format!("must be at most {most} bytes")));
    }
    let asked = GetPrivacyRequest { user_id: to.to_vec() };
    let privacy = contact.users.get_privacy(&Context::service(), asked).await?;
    let unwanted = privacy.request_me() == Audience::Nobody;
    let pair = Pair::of(me, to);
    relation::finish(contact, ctx, pair).await?;

    let now = contact.clock.now();
    let once = contact.fingerprints.once(
        me,
        "request_friend",
        request.idempotency_key,
        &[to.as_bytes(), request.message.as_bytes()],
    );
    let new = Request {
        id: FriendRequestId::new(&contact.clock),
        from: me,
        to,
        message: request.message,
        state: State::Pending,
        created_at: now,
        expires_at: now + contact.options.request_ttl.as_millis() as i64,
        conversation_id: Vec::new(),
    };
    let options = contact.options.clone();
    let (id, decided) = contact
        .db
        .write(move |tx| {
            let answer =
                tx.once(&once, now, |tx| ask(tx, &options, &new, unwanted, now).map(FriendRequestId::to_vec))?;
            Ok((FriendRequestId::try_from(&answer[..])?, relation::unsettled(tx, pair)?))
        })
        .await?;
    if let Some(decided) = decided {
        relation::apply(contact, ctx, decided).await?;
    }
    get_request::answer(contact, id).await
}

/// Stores the request, unless there is one already: then that one is the answer, and a crossing one makes friends.
/// `unwanted`: the other one lets nobody ask, except whom they have asked themselves.
fn ask(
    tx: &mut Tx<'_>,
    options: &ContactOptions,
    new: &Request,
    unwanted: bool,
    now: Timestamp,
) -> Result<FriendRequestId> {
    let relation = store::relation(tx, new.pair())?;
    relation::ensure_settled(relation.as_ref())?;
    if let Some(relation) = relation {
        if relation.friends {
            return Err(Error::new(Code::AlreadyExists, "you are friends already"));
        }
        relation::ensure_open(&relation)?;
    }
    for open in store::requests_between(tx, new.pair(), State::Pending)? {
        if open.state_at(now) == State::Expired {
            expire_one(tx, open, now)?;
        } else if open.from == new.from {
            return Ok(open.id);
        } else {
            befriend(tx, &open, options.friends_a_user, now)?;
            return Ok(open.id);
        }
    }
    if unwanted {
        return Err(relation::not_allowed());
    }
    let (count, first_at) = store::requests_made(tx, new.from, now - DAY_MS)?;
    if count >= options.requests_a_day as i64 {
        return Err(Error::rate_limited((first_at + DAY_MS - now).max(1) as u64));
    }
    tell::request_changed(tx, new, store::insert_request, now)?;
    tx.after_commit(|| metrics::counter!("anser_contact_requests_total").increment(1));
    Ok(new.id)
}
