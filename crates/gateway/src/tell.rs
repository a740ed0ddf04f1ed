//! Telling people what changed about them, where something must be looked up first: profiles, their own words.

use std::sync::Arc;

use anser_contract::{
    Actor, Context,
    v1::{
        BlockAdded, BlockRemoved, BlockView, ContactChanged, Friend, FriendAdded, FriendChanged, FriendRemoved,
        FriendView, JoinRequestChanged, JoinRequestEvent, SettingsChanged, SyncSettingsRequest, event::Event as Told,
    },
};
use anser_types::{Id, UserId};
use tokio::sync::mpsc;

use crate::{
    frames::{About, Block},
    state::Gateway,
    sync_me::{profiles, request_view},
};

/// Something that changed about people.
pub(crate) enum Change {
    /// Among somebody's friends and requests.
    Contacts(Box<ContactChanged>),
    /// Among what somebody set about conversations.
    Settings(SettingsChanged),
    /// Among those who wait to come into a group.
    JoinRequest(JoinRequestChanged),
}

impl Change {
    /// Who is concerned.
    pub(crate) fn people(&self) -> &[Vec<u8>] {
        match self {
            Change::Contacts(changed) => std::slice::from_ref(&changed.user_id),
            Change::Settings(changed) => std::slice::from_ref(&changed.user_id),
            Change::JoinRequest(changed) => &changed.user_ids,
        }
    }
}

/// Tells each change to those concerned who are here, in order.
pub(crate) async fn run(gateway: Arc<Gateway>, mut waiting: mpsc::Receiver<Change>) {
    while let Some(change) = waiting.recv().await {
        let people: Vec<UserId> = change.people().iter().filter_map(|id| UserId::try_from(&id[..]).ok()).collect();
        let here = |user: &UserId| !gateway.hub.sockets_of(*user).is_empty();
        let people: Vec<UserId> = people.into_iter().filter(here).collect();
        let Some(&first) = people.first() else { continue };
        let told = match change {
            Change::Contacts(changed) => {
                let about = About::Contacts(changed.version);
                events_of(&gateway, *changed).await.into_iter().map(|event| (event, about)).collect()
            }
            Change::Settings(changed) => settings(&gateway, first, changed).await,
            Change::JoinRequest(JoinRequestChanged { request, state, .. }) => {
                vec![(Told::JoinRequest(Box::new(JoinRequestEvent { request, state })), About::Other)]
            }
        };
        for (event, about) in told {
            for user in &people {
                gateway.hub.tell(*user, Block::one(event.clone(), about), &gateway.desk());
            }
        }
    }
}

/// What `user` set, as far as this change is concerned: the event does not say it, because drafts are words.
async fn settings(gateway: &Gateway, user: UserId, changed: SettingsChanged) -> Vec<(Told, About)> {
    let Some(session) = gateway.hub.sockets_of(user).first().map(|socket| socket.session) else { return Vec::new() };
    let ctx = Context::new(Actor::User(user, session), Id::new(&gateway.clock).to_string());
    let request = SyncSettingsRequest { since: changed.version - 1 };
    match gateway.services.conversations.sync_settings(&ctx, request).await {
        Ok(reply) => {
            let settings = reply.items.into_iter().map(|item| Told::Settings(Box::new(item)));
            let events = settings.chain(reply.deleted.into_iter().map(Told::Deleted));
            events.map(|event| (event, About::Settings(changed.version))).collect()
        }
        Err(error) => {
            tracing::warn!(%error, "people are not told of their settings");
            gateway.hub.sockets_of(user).iter().for_each(|socket| socket.forget_me());
            Vec::new()
        }
    }
}

/// A change as its person is told: with the profiles of the people in it, as far as they can be had.
async fn events_of(gateway: &Gateway, changed: ContactChanged) -> Vec<Told> {
    let in_request = changed.request.iter().flat_map(|request| [&request.from_user_id, &request.to_user_id]);
    let friends = changed.added_friend.iter().chain(&changed.changed_friend).map(|friend| &friend.user_id);
    let blocked = changed.added_block.iter().map(|block| &block.user_id);
    let people: Vec<Vec<u8>> = in_request.chain(friends).chain(blocked).cloned().collect();
    let profiles = match people.is_empty() {
        true => Ok(Default::default()),
        false => profiles(&gateway.services, &Context::service(), people).await,
    };
    let profiles = profiles.unwrap_or_else(|error| {
        tracing::warn!(%error, "people are told of a change without profiles");
        Default::default()
    });
    let mut events = Vec::new();
    if let Some(request) = changed.request {
        events.push(Told::FriendRequest(Box::new(request_view(request, &profiles))));
    }
    let view = |friend: Friend| {
        let profile = profiles.get(&friend.user_id).cloned();
        Some(FriendView { friend: Some(friend), profile })
    };
    if let Some(friend) = changed.added_friend {
        events.push(Told::FriendAdded(Box::new(FriendAdded { friend: view(friend) })));
    }
    if let Some(friend) = changed.changed_friend {
        events.push(Told::FriendChanged(Box::new(FriendChanged { friend: view(friend) })));
    }
    events.extend(changed.profile.map(|profile| Told::ProfileUpdated(Box::new(profile))));
    if let Some(block) = changed.added_block {
        let profile = profiles.get(&block.user_id).cloned();
        let block = Some(BlockView { block: Some(block), profile });
        events.push(Told::BlockAdded(Box::new(BlockAdded { block })));
    }
    if !changed.removed_block.is_empty() {
        events.push(Told::BlockRemoved(BlockRemoved { user_id: changed.removed_block }));
    }
    if let Some(categories) = changed.categories {
        events.push(Told::FriendCategories(categories));
    }
    if !changed.removed_friend.is_empty() {
        events.push(Told::FriendRemoved(FriendRemoved {
            user_id: changed.removed_friend,
            conversation_id: changed.removed_conversation,
        }));
    }
    events
}
