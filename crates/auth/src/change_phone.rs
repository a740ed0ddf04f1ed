//! Another phone number for the caller, who holds it. Their profile shows it in the next moment.

use anser_contract::{
    Context,
    v1::{ChangePhoneReply, ChangePhoneRequest, CodePurpose},
};
use anser_types::{Action, Error, Result, Standing, authorise};

use crate::{AuthService, Source, codes, register_by_phone::free_phone, store, tell_phone, unauthenticated};

pub(crate) async fn change_phone(
    auth: &AuthService,
    ctx: &Context,
    request: ChangePhoneRequest,
) -> Result<ChangePhoneReply> {
    let (me, this) = (ctx.user()?, ctx.session()?);
    authorise(Action::EditOwnProfile, Standing::Own)?;
    let code = match request.purpose() {
        CodePurpose::Unspecified | CodePurpose::ChangePhone => {
            codes::shown(auth, request.code, CodePurpose::ChangePhone, Some(me))?
        }
        // Clients of other protocols have one kind of code for everything: whoever has it holds the number all the same.
        CodePurpose::Account => codes::shown(auth, request.code, CodePurpose::Account, None)?,
        CodePurpose::ResetPassword => return Err(Error::field("purpose", "such a code changes no number")),
    };
    if let Some(ip) = ctx.client_ip {
        auth.logins_by_ip.take(Source::of(ip), auth.clock.now())?;
    }
    let tried = codes::try_code(auth, code).await?;
    let phone = tried.code.phone.as_str().to_owned();

    let (now, wanted) = (auth.clock.now(), phone.clone());
    auth.db
        .write(move |tx| {
            tried.spend(tx, now)?;
            // A thief whose session was ended meanwhile changes nothing.
            let open = store::session_by_id(tx, this)?.is_some_and(|session| session.is_open(now));
            if !open {
                return Err(unauthenticated("the session has ended"));
            }
            let account = store::account_of(tx, me)?.ok_or_else(|| unauthenticated("the account is closed"))?;
            if account.phone.as_ref() == Some(&wanted) {
                return Ok(());
            }
            free_phone(tx, &wanted, now)?;
            store::set_phone(tx, me, &wanted)
        })
        .await?;
    tell_phone::tell_soon(auth).await;
    Ok(ChangePhoneReply { phone })
}
