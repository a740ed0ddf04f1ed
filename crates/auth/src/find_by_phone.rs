//! The person with exactly this phone number. People may ask so seldom that nobody reads a country's numbers.

use anser_contract::{
    Actor, Context,
    v1::{FindByPhoneRequest, FindByUsernameReply},
};
use anser_types::{Action, Error, Result, Standing, authorise};

use crate::{AuthService, phone::Phone, store};

pub(crate) async fn find_by_phone(
    auth: &AuthService,
    ctx: &Context,
    request: FindByPhoneRequest,
) -> Result<FindByUsernameReply> {
    if ctx.actor != Actor::Service {
        authorise(Action::ReadProfile, Standing::Person)?;
        auth.phones_looked_up.take(ctx.user()?, auth.clock.now())?;
    }
    let nobody = || Error::not_found("user");
    // What cannot be a number is nobody's number.
    let phone = Phone::parse(&request.phone, &auth.options.codes.countries).map_err(|_| nobody())?;
    let account = auth.db.read(move |reader| store::account_by_phone(reader, phone.as_str())).await?;
    let account = account.filter(|account| account.active).ok_or_else(nobody)?;
    Ok(FindByUsernameReply { user_id: account.user.to_vec() })
}
