//! One call: who asks, for how long, and what its verb may use.

use std::{pin::Pin, sync::Arc};

use anser_contract::{Context, v1::PublicProfile};
use anser_types::{Code, ConversationId, Error, SessionId, UserId};
use bytes::Bytes;
use futures_util::Stream;

use super::{
    Room,
    words::{NO_NODE, NOT_A_MEMBER, Part, Refused, TOO_OFTEN, UNKNOWN_SESSION},
};
use crate::{options::GatewayServices, sync_me};

/// A call on its way through its verb.
pub(super) struct Call {
    pub room: Arc<Room>,
    /// The caller, where the call asks for one.
    pub ctx: Context,
    pub part: Part,
}

/// Further fields of an answer, made while they are sent.
pub(super) type Fields = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

/// What a verb answers.
pub(super) enum Answer<R> {
    /// All of it.
    Whole(R),
    /// Its first fields, and those that follow.
    Streamed(R, Fields),
}

impl Call {
    /// The services.
    pub fn services(&self) -> &GatewayServices {
        &self.room.gateway.services
    }

    /// Who asks, and in which session.
    pub fn me(&self) -> Result<(UserId, SessionId), Refused> {
        let me = self.ctx.user().and_then(|user| Ok((user, self.ctx.session()?)));
        me.map_err(|error| self.refuse(&error))
    }

    /// The circumstances of a call that a service of ours makes for this one.
    pub fn as_service(&self) -> Context {
        Context { actor: anser_contract::Actor::Service, ..self.ctx.clone() }
    }

    /// What went wrong, where the call has no words of its own for it.
    pub fn refuse(&self, error: &Error) -> Refused {
        match error.code {
            Code::RateLimited | Code::LimitExceeded => TOO_OFTEN.into(),
            Code::Unavailable | Code::FileStoreUnavailable => NO_NODE.into(),
            Code::Unauthenticated => UNKNOWN_SESSION.into(),
            Code::Internal => {
                tracing::error!(request.id = self.ctx.request_id, %error, "a chat-room call failed");
                self.part.failed()
            }
            _ => self.part.failed(),
        }
    }

    /// The same about a conversation: what somebody may not see does not exist.
    pub fn refuse_conversation(&self, error: &Error) -> Refused {
        match error.code {
            Code::NotFound | Code::Forbidden => NOT_A_MEMBER.into(),
            _ => self.refuse(error),
        }
    }

    /// The conversation of this name, which a client may have made up.
    pub fn conversation(&self, text: &str) -> Result<ConversationId, Refused> {
        text.parse().map_err(|_| NOT_A_MEMBER.into())
    }

    /// Profiles by user id.
    pub async fn profiles(
        &self,
        users: Vec<Vec<u8>>,
    ) -> anser_types::Result<std::collections::HashMap<Vec<u8>, PublicProfile>> {
        if users.is_empty() {
            return Ok(Default::default());
        }
        sync_me::profiles(self.services(), &self.ctx, users).await
    }
}
