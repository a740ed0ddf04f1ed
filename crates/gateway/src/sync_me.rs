//! "Everything about me since": the answers of user, contact and messaging under one opaque token.

use std::collections::HashMap;

use anser_contract::{
    Context,
    v1::{
        BlockView, FriendRequest, FriendRequestView, FriendView, GetUsersRequest, MePage, PublicProfile,
        SyncContactsRequest, SyncMe, SyncProfileRequest, SyncSettingsRequest,
    },
};
use anser_types::{Code, Error, Result, Timestamp, base32};

use crate::{
    options::GatewayServices,
    resume::{MeVersions, StoreName, put_varint, take_varint},
};

const FORMAT: u8 = 3;
/// The format of before, which named no store.
const NAMELESS: u8 = 2;
/// How long a token is good: as long as removals are remembered.
const MAX_AGE_MS: i64 = 90 * 24 * 3_600_000;
const STORE_BYTES: usize = StoreName::BYTES;
/// How many profiles one call gives.
const PROFILES_A_CALL: usize = 200;

/// Answers what moved about the caller since `request.token`; everything without one. `store`: whose versions these are,
/// once that is known.
pub async fn sync_me(
    services: &GatewayServices,
    ctx: &Context,
    now: Timestamp,
    store: Option<StoreName>,
    request: SyncMe,
) -> Result<MePage> {
    sync_me_versions(services, ctx, now, store, request).await.map(|(page, _)| page)
}

/// The same, with the versions that the caller holds once they have the page; `None` while more pages follow.
pub(crate) async fn sync_me_versions(
    services: &GatewayServices,
    ctx: &Context,
    now: Timestamp,
    store: Option<StoreName>,
    request: SyncMe,
) -> Result<(MePage, Option<MeVersions>)> {
    let since = match request.token.as_str() {
        "" => Token { at: now, ..Token::default() },
        text => Token::parse(text)?.of(store)?,
    };
    if now - since.at > MAX_AGE_MS {
        return Err(Error::new(Code::SyncRequired, "the token is too old: ask again without one"));
    }
    let (profile, contacts, settings) = futures_util::future::try_join3(
        services.users.sync_profile(ctx, SyncProfileRequest { since: since.profile }),
        services.contacts.sync_contacts(ctx, SyncContactsRequest { since: since.contacts }),
        services.conversations.sync_settings(ctx, SyncSettingsRequest { since: since.settings }),
    )
    .await?;
    let friends = contacts.friends.iter().map(|friend| &friend.user_id);
    let in_requests = contacts.requests.iter().flat_map(|request| [&request.from_user_id, &request.to_user_id]);
    let blocked = contacts.blocks.iter().map(|block| &block.user_id);
    let people = friends.chain(in_requests).chain(blocked).cloned().collect();
    let profiles = profiles(services, ctx, people).await?;
    let view = |friend: anser_contract::v1::Friend| {
        let profile = profiles.get(&friend.user_id).cloned();
        FriendView { friend: Some(friend), profile }
    };
    let block_view = |block: anser_contract::v1::Block| {
        let profile = profiles.get(&block.user_id).cloned();
        BlockView { block: Some(block), profile }
    };
    let next =
        Token { store, at: now, profile: profile.version, contacts: contacts.version, settings: settings.version };
    let page = MePage {
        me: profile.me,
        friends: contacts.friends.into_iter().map(view).collect(),
        requests: contacts.requests.into_iter().map(|request| request_view(request, &profiles)).collect(),
        removed: contacts.removed,
        next_token: next.to_text(),
        has_more: contacts.has_more || settings.has_more,
        settings: settings.items,
        deleted: settings.deleted,
        categories: contacts.categories,
        blocks: contacts.blocks.into_iter().map(block_view).collect(),
        unblocked: contacts.unblocked,
    };
    let versions =
        MeVersions { contacts: Some(next.contacts), profile: Some(next.profile), settings: Some(next.settings) };
    let complete = (!page.has_more).then_some(versions);
    Ok((page, complete))
}

/// The public profiles of `users`, as far as they have one.
pub(crate) async fn profiles(
    services: &GatewayServices,
    ctx: &Context,
    mut users: Vec<Vec<u8>>,
) -> Result<HashMap<Vec<u8>, PublicProfile>> {
    users.sort_unstable();
    users.dedup();
    let mut found = HashMap::with_capacity(users.len());
    for users in users.chunks(PROFILES_A_CALL) {
        let reply = services.users.get_users(ctx, GetUsersRequest { user_ids: users.to_vec() }).await?;
        found.extend(reply.users.into_iter().map(|profile| (profile.user_id.clone(), profile)));
    }
    Ok(found)
}

/// A request with the profiles of both people.
pub(crate) fn request_view(request: FriendRequest, profiles: &HashMap<Vec<u8>, PublicProfile>) -> FriendRequestView {
    let from = profiles.get(&request.from_user_id).cloned();
    let to = profiles.get(&request.to_user_id).cloned();
    FriendRequestView { request: Some(request), from, to }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Token {
    store: Option<StoreName>,
    at: Timestamp,
    profile: i64,
    contacts: i64,
    settings: i64,
}

impl Token {
    /// The token, if it is of this store: versions of another one mean nothing here.
    fn of(self, store: Option<StoreName>) -> Result<Self> {
        match (self.store, store) {
            (Some(_), None) => Err(Error::unavailable("the store has not been heard of yet")),
            (named, known) if named == known => Ok(self),
            _ => Err(Error::new(Code::SyncRequired, "a token of another store: ask again without one")),
        }
    }

    pub(crate) fn to_text(self) -> String {
        let mut bytes = [0; 1 + STORE_BYTES + 4 * 10];
        bytes[0] = FORMAT;
        let mut length = 1 + STORE_BYTES;
        bytes[1..length].copy_from_slice(&self.store.map(StoreName::bytes).unwrap_or_default());
        for number in [self.at, self.profile, self.contacts, self.settings] {
            length += put_varint(&mut bytes[length..], number as u64);
        }
        base32::encode(&bytes[..length])
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refused = || Error::field("token", "not a token of this list");
        let bytes = base32::decode(text).ok_or_else(refused)?;
        let (&[format], rest) = bytes.split_at_checked(1).ok_or_else(refused)? else { return Err(refused()) };
        if format == NAMELESS {
            return Err(Error::new(Code::SyncRequired, "the token is too old: ask again without one"));
        }
        let (store, mut rest) = rest.split_at_checked(STORE_BYTES).filter(|_| format == FORMAT).ok_or_else(refused)?;
        let store = StoreName::of(store);
        let mut number = || take_varint(&mut rest).and_then(|number| i64::try_from(number).ok()).ok_or_else(refused);
        let store = (store != StoreName::of(&[])).then_some(store);
        let token = Self { store, at: number()?, profile: number()?, contacts: number()?, settings: number()? };
        if rest.is_empty() { Ok(token) } else { Err(refused()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_foreign_ones_are_refused() {
        let store = Some(StoreName::of(b"a store's epoch"));
        let token = Token { store, at: 1_700_000_000_000, profile: 3, contacts: 900, settings: 7 };
        assert_eq!(Token::parse(&token.to_text()), Ok(token));
        assert_eq!(token.of(store), Ok(token));
        let elsewhere = token.of(Some(StoreName::of(b"another one's"))).map_err(|error| error.code);
        assert_eq!(elsewhere, Err(Code::SyncRequired));
        assert_eq!(token.of(None).map_err(|error| error.code), Err(Code::Unavailable));
        let nameless = Token { store: None, ..token };
        assert_eq!(Token::parse(&nameless.to_text()), Ok(nameless));
        for text in ["", "nonsense!", "zzzz", &token.to_text()[1..]] {
            assert_eq!(Token::parse(text).map_err(|error| error.code), Err(Code::InvalidArgument), "{text:?}");
        }
    }
}
