//! Opens a session for whoever holds the phone of an account.

use anser_contract::{
    Context,
    v1::{CodePurpose, LoginByPhoneRequest, TokenReply},
};
use anser_types::{Error, Result};

use crate::{AuthService, Source, codes, device::Device, session, store};

pub(crate) async fn login_by_phone(
    auth: &AuthService,
    ctx: &Context,
    request: LoginByPhoneRequest,
) -> Result<TokenReply> {
    let kind = session::kind_of(request.kind)?;
    let device = Device::of(&request.device_id, &request.device_name, &request.platform, &auth.clock)?;
    let code = codes::shown(auth, request.code, CodePurpose::Account, None)?;
    if let Some(ip) = ctx.client_ip {
        auth.logins_by_ip.take(Source::of(ip), auth.clock.now())?;
    }
    let tried = codes::try_code(auth, code).await?;

    let now = auth.clock.now();
    let (opening, token) = auth.opening(device, kind, now);
    let opened = auth
        .db
        .write(move |tx| {
            // First the code: who has no right one learns nothing of the number.
            tried.spend(tx, now)?;
            let account = store::account_by_phone(tx, tried.code.phone.as_str())?.filter(|account| account.active);
            let account = account.ok_or_else(|| Error::not_found("account"))?;
            opening.open(tx, account.user, now)
        })
        .await;
    let outcome = if opened.is_ok() { "opened" } else { "refused" };
    metrics::counter!("anser_auth_logins_total", "outcome" => outcome).increment(1);
    auth.first_reply(&opened?, &token, now)
}
