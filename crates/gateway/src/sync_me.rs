//! "Everything about me since": the answers of user and contact under one opaque token.

use anser_contract::{
    Context,
    v1::{MePage, SyncMe},
};
use anser_types::{Error, Result};

use crate::options::GatewayServices;

/// Answers what moved about the caller since `request.token`; everything without one.
pub async fn sync_me(_services: &GatewayServices, _ctx: &Context, _now: i64, _request: SyncMe) -> Result<MePage> {
    Err(Error::internal("not yet"))
}
