//! The person with a user name or a phone number, for those who may find them. Who may not gets the answer of an unknown one.

use anser_contract::{
    Context,
    v1::{Audience, FindByPhoneRequest, FindByUsernameRequest, FindPersonReply, FindPersonRequest, GetPrivacyRequest},
};
use anser_types::{Action, Error, Result, Standing, UserId, authorise};

use crate::{ContactService, store};

pub(crate) async fn find_person(
    contact: &ContactService,
    ctx: &Context,
    request: FindPersonRequest,
) -> Result<FindPersonReply> {
    let me = ctx.user()?;
    let FindPersonRequest { username, phone } = request;
    let found = match (username.is_empty(), phone.is_empty()) {
        (_, true) => contact.auth.find_by_username(ctx, FindByUsernameRequest { username }).await?,
        (true, false) => contact.phones.find_by_phone(ctx, FindByPhoneRequest { phone }).await?,
        (false, false) => return Err(Error::invalid("a user name or a phone number, not both")),
    };
    let user_id = UserId::try_from(&found.user_id[..])?;
    let asked = GetPrivacyRequest { user_id: found.user_id.clone() };
    let privacy = contact.users.get_privacy(&Context::service(), asked).await?;
    let standing = match privacy.find_me() {
        _ if user_id == me => Standing::Own,
        Audience::Nobody => {
            let friend = contact.db.read(move |reader| store::friend(reader, me, user_id)).await?;
            if friend.is_some() { Standing::Person } else { Standing::Outsider }
        }
        _ => Standing::Person,
    };
    authorise(Action::ReadProfile, standing).map_err(|_| Error::not_found("user"))?;
    Ok(FindPersonReply { user_id: found.user_id })
}
