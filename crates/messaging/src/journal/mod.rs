//! The log for other services: for those that follow it in the order of commits, and for those that ask whether a person
//! may read something. All of it is about what stands in the log now; nothing is remembered of who asked.
//!
//! Here does not live: what people themselves ask for (`message`).

mod list_visible;
mod look_up;
mod may_read_files;
pub mod read_on;
mod set_transcript;

use anser_contract::{
    Actor, Context,
    v1::{
        Entry, Journal, ListVisibleReply, ListVisibleRequest, LookUpReply, LookUpRequest, MayReadFilesReply,
        MayReadFilesRequest, ReadOnReply, ReadOnRequest, SetTranscriptRequest,
    },
};
use anser_types::{Code, Error, Result, UserId};

use crate::MessagingService;

/// How many names or files one call asks about.
const MOST: usize = 200;

#[async_trait::async_trait]
impl Journal for MessagingService {
    async fn read_on(&self, ctx: &Context, request: ReadOnRequest) -> Result<ReadOnReply> {
        read_on::read_on(&self.0, ctx, request).await
    }

    async fn list_visible(&self, ctx: &Context, request: ListVisibleRequest) -> Result<ListVisibleReply> {
        list_visible::list_visible(&self.0, ctx, request).await
    }

    async fn look_up(&self, ctx: &Context, request: LookUpRequest) -> Result<LookUpReply> {
        look_up::look_up(&self.0, ctx, request).await
    }

    async fn may_read_files(&self, ctx: &Context, request: MayReadFilesRequest) -> Result<MayReadFilesReply> {
        may_read_files::may_read_files(&self.0, ctx, request).await
    }

    async fn set_transcript(&self, ctx: &Context, request: SetTranscriptRequest) -> Result<Entry> {
        set_transcript::set_transcript(&self.0, ctx, request).await
    }
}

/// For whom is asked: a service asks for anybody, a person for themselves.
fn reader_of(ctx: &Context, user_id: &[u8]) -> Result<UserId> {
    let user = UserId::try_from(user_id).map_err(|error| Error::field("user_id", error.detail))?;
    match ctx.actor {
        Actor::Service => Ok(user),
        _ if ctx.user()? == user => Ok(user),
        _ => Err(Error::new(Code::Forbidden, "a person asks for themselves only")),
    }
}
