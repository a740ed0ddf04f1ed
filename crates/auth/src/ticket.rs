//! A ticket opens one WebSocket where a token cannot be sent: minted for a session, redeemed by a gateway.

use anser_contract::{
    Context,
    v1::{MintTicketReply, RedeemTicketRequest, SessionClaims},
};
use anser_types::{Action, Error, Result, SessionId, Standing, authorise};

use crate::{AuthService, session::Session, store, unauthenticated};

pub(crate) async fn mint_ticket(auth: &AuthService, ctx: &Context) -> Result<MintTicketReply> {
    let (user, id) = (ctx.user()?, ctx.session()?);
    let session = open_session(auth, id).await?.filter(|session| session.user == user).ok_or_else(ended)?;
    authorise(Action::ManageSession, Standing::Own)?;
    let (ticket, expires_at) = auth.tickets.mint(session.id, auth.clock.now())?;
    Ok(MintTicketReply { ticket, expires_at })
}

pub(crate) async fn redeem_ticket(auth: &AuthService, request: RedeemTicketRequest) -> Result<SessionClaims> {
    let refused = || unauthenticated("the ticket is not valid");
    let id = auth.tickets.redeem(&request.ticket, auth.clock.now()).ok_or_else(refused)?;
    let session = open_session(auth, id).await?.ok_or_else(ended)?;
    Ok(SessionClaims { user_id: session.user.to_vec(), session_id: session.id.to_vec(), device_id: session.device_id })
}

async fn open_session(auth: &AuthService, id: SessionId) -> Result<Option<Session>> {
    let now = auth.clock.now();
    let session = auth.db.read(move |reader| store::session_by_id(reader, id)).await?;
    Ok(session.filter(|session| session.is_open(now)))
}

fn ended() -> Error {
    unauthenticated("the session has ended")
}
