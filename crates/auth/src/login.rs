//! Opens a session for whoever knows a name and its password.

use anser_contract::{
    Context,
    v1::{LoginRequest, TokenReply},
};
use anser_types::{Error, Result};

use crate::{AuthService, Source, device::Device, password, session, store, unauthenticated, username::Username};

pub(crate) async fn login(auth: &AuthService, ctx: &Context, request: LoginRequest) -> Result<TokenReply> {
    let now = auth.clock.now();
    let kind = session::kind_of(request.kind)?;
    let device = Device::of(&request.device_id, &request.device_name, &request.platform, &auth.clock)?;
    password::check_length(&auth.options, &request.password)?;
    // What cannot be a name is nobody's name, and costs what a wrong password costs.
    let key = Username::parse(&request.username, auth.options.username_bytes).map(|name| name.key).unwrap_or_default();
    if let Some(ip) = ctx.client_ip {
        auth.logins_by_ip.take(Source::of(ip), now)?;
    }
    auth.logins_by_name.take(key.clone(), now)?;

    let name_key = key.clone();
    let account = auth.db.read(move |reader| store::account_by_name(reader, &name_key)).await?;
    // Who has no password is to a password as if they were not there.
    let account = account.filter(|account| account.active && !account.password_hash.is_empty());
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let right = auth.hasher.verify(request.password, hash, ctx.deadline).await?;
    let Some(account) = account.filter(|_| right) else {
        metrics::counter!("anser_auth_logins_total", "outcome" => "refused").increment(1);
        return Err(wrong());
    };

    let now = auth.clock.now();
    let (opening, token) = auth.opening(device, kind, now);
    let opened = auth
        .db
        .write(move |tx| {
            // The password may have been changed, or the account closed, while it was being hashed.
            let still = store::account_by_name(tx, &key)?
                .filter(|now| now.active && now.user == account.user && now.password_hash == account.password_hash);
            still.ok_or_else(wrong)?;
            opening.open(tx, account.user, now)
        })
        .await?;
    metrics::counter!("anser_auth_logins_total", "outcome" => "opened").increment(1);
    auth.first_reply(&opened, &token, now)
}

fn wrong() -> Error {
    unauthenticated("the user name or the password is wrong")
}
