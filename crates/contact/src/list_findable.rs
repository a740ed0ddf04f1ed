//! Which of some people the caller may find, for whoever looks for people. Who may not be found cannot be told from who does
//! not exist.

use std::collections::HashMap;

use anser_contract::{
    Actor, Context,
    v1::{Audience, ListFindableReply, ListFindableRequest, ListPrivacyRequest},
};
use anser_engine::Reader;
use anser_types::{Action, Error, Result, Standing, UserId, authorise};

use crate::{ContactService, store};

/// How many people one call may ask for.
const MOST: usize = 200;

pub(crate) async fn list_findable(
    contact: &ContactService,
    ctx: &Context,
    request: ListFindableRequest,
) -> Result<ListFindableReply> {
    let me = ctx.user()?;
    if request.user_ids.len() > MOST {
        return Err(Error::field("user_ids", format!("at most {MOST} at once")));
    }
    if request.user_ids.is_empty() {
        return Ok(ListFindableReply::default());
    }
    let service = Context { actor: Actor::Service, ..ctx.clone() };
    let asked = ListPrivacyRequest { user_ids: request.user_ids.clone() };
    let privacy = contact.users.list_privacy(&service, asked).await?.items;
    let hidden: HashMap<Vec<u8>, bool> = privacy
        .into_iter()
        .map(|person| (person.user_id, person.privacy.is_some_and(|privacy| privacy.find_me() == Audience::Nobody)))
        .collect();
    let user_ids = contact
        .db
        .read(move |reader| {
            let mut found = Vec::new();
            for user_id in request.user_ids {
                // Of closed accounts and of people who never were there is no privacy.
                let Some(&hidden) = hidden.get(&user_id) else { continue };
                let standing = standing(reader, me, UserId::try_from(&user_id[..])?, hidden)?;
                if authorise(Action::ReadProfile, standing).is_ok() {
                    found.push(user_id);
                }
            }
            Ok(found)
        })
        .await?;
    Ok(ListFindableReply { user_ids })
}

/// How somebody stands to a person whom they look for.
fn standing(reader: &Reader<'_>, me: UserId, person: UserId, hidden: bool) -> Result<Standing> {
    Ok(match () {
        () if person == me => Standing::Own,
        () if store::block(reader, person, me)?.is_some() => Standing::Outsider,
        () if hidden && store::friend(reader, me, person)?.is_none() => Standing::Outsider,
        () => Standing::Person,
    })
}
