//! Accounts that are being closed: every service erases what is the person's own, one after the other.
//!
//! The binary leads, because it is the only one that knows all services. It remembers nothing: auth says which accounts are
//! closing, each service erases what it still finds, and auth is told when nothing was left. A crash costs a second look.

use anser_contract::{
    Context,
    v1::{CloseProfileRequest, ErasePersonRequest, FinishClosingRequest, ListClosingRequest},
};
use anser_gateway::GatewayServices;
use anser_types::{Clock, Result};

/// Accounts that one round takes up.
const ACCOUNTS_A_ROUND: u32 = 10;
/// An account stays closing for at least so long: a connection of an ended session may act for up to five seconds, and
/// what it does then is found by the next round.
const SETTLE_MS: i64 = 5_000;

/// Erases what there is to erase of the accounts that are closing.
pub async fn round(services: &GatewayServices, clock: &Clock) -> Result<()> {
    let closing =
        services.auth.list_closing(&Context::service(), ListClosingRequest { limit: ACCOUNTS_A_ROUND }).await?;
    for account in closing.items {
        if let Err(error) = erase(services, &account.user_id).await {
            // The next round tries again; the others need not wait for it.
            tracing::warn!(%error, "a closed account could not be erased yet");
            continue;
        }
        if clock.now() - account.since_at >= SETTLE_MS {
            let request = FinishClosingRequest { user_id: account.user_id };
            services.auth.finish_closing(&Context::service(), request).await?;
        }
    }
    Ok(())
}

/// The profile first, so that nobody begins anything new with somebody who is going.
async fn erase(services: &GatewayServices, user_id: &[u8]) -> Result<()> {
    let request = CloseProfileRequest { user_id: user_id.to_vec() };
    services.users.close_profile(&Context::service(), request).await?;
    let request = ErasePersonRequest { user_id: user_id.to_vec() };
    while services.contacts.erase_person(&Context::service(), request.clone()).await?.more {}
    while services.conversations.erase_person(&Context::service(), request.clone()).await?.more {}
    while services.files.erase_files(&Context::service(), request.clone()).await?.more {}
    Ok(())
}
