//! What these clients are told of what happens: five notifications of theirs, made of the gateway's own events.
//!
//! | Event | Notification | To |
//! |---|---|---|
//! | a friend request | an application | who is asked |
//! | its answer | its result | who asked |
//! | a new friend, a group that one is in | a new conversation | everybody in it |
//! | a message | a message | everybody in the conversation, but for the session that sent it |
//! | a friend is removed | a removal | both, but for the session that removed |
//!
//! The rest is not told: changes of messages, for instance, are seen where messages are read.

use anser_contract::{
    Actor, Context,
    chatroom::{
        ChatSessionInfo, NotifyFriendAddApply, NotifyFriendAddProcess, NotifyFriendRemove, NotifyGroupRenamed,
        NotifyNewChatSession, NotifyNewMessage, NotifyType, UserInfo, notify_message::NotifyRemarks,
    },
    v1::{
        ConversationKind, Entry, Event, Friend, FriendRequestState, FriendRequestView, GetConversationRequest,
        PublicProfile, content::Kind, event::Event as Told,
    },
};
use anser_types::{Id, MessageId, UserId};
use bytes::Bytes;

use super::{
    Room,
    doings::Doing,
    people::{id_text, nameless, one_of},
    render,
    wire::notification,
};
use crate::{
    frames::{About, Adapted, Block},
    ws::socket::Socket,
};

/// What `socket` is told of these events.
pub(super) async fn frames(room: &Room, socket: &Socket, block: &Block) -> Vec<Bytes> {
    if matches!(block.about(), About::Entries { .. }) {
        let spoken = block.adapted(entries(room, block.events())).await;
        let foreign = spoken.iter().filter(|entry| !is_own(room, socket, entry));
        let frames: Vec<Bytes> = foreign.map(|entry| entry.frame.clone()).collect();
        count("message", frames.len());
        return frames;
    }
    let mut frames = Vec::new();
    for event in block.events() {
        let frame = match &event.event {
            Some(Told::FriendRequest(view)) => request(room, socket.user, view).await,
            Some(Told::FriendAdded(added)) => match &added.friend {
                Some(view) => friend(room, socket.user, view.friend.as_ref(), view.profile.as_ref()).await,
                None => None,
            },
            Some(Told::FriendRemoved(removed)) => removal(room, socket, &removed.user_id),
            Some(Told::ConversationJoined(joined)) => group(room, socket, &joined.conversation_id).await,
            _ => None,
        };
        frames.extend(frame.map(|(kind, remarks)| Bytes::from(notification(kind, remarks))));
    }
    count("other", frames.len());
    frames
}

type Notification = (NotifyType, NotifyRemarks);

/// Entries as all of the adapter's connections are told them, but for the sender's own.
async fn entries(room: &Room, events: &[Event]) -> Vec<Adapted> {
    let entries = events.iter().filter_map(|event| match &event.event {
        Some(Told::Entry(entry)) => Some(entry),
        _ => None,
    });
    let entries: Vec<&Entry> = entries.collect();
    let senders = entries.iter().filter(|entry| render::is_message(entry)).map(|entry| entry.sender_id.clone());
    let people = room.people(&Context::service(), senders.collect()).await;
    let sender = |id: &[u8]| match &people {
        Ok(people) => one_of(people, id),
        // A message without its sender's name is better than none.
        Err(_) => UserInfo { user_id: id_text(id), ..UserInfo::default() },
    };
    let adapt = |entry: &&Entry| {
        let (kind, remarks) = match renamed(entry) {
            Some(renamed) => (NotifyType::GroupRenamedNotify, NotifyRemarks::GroupRenamed(renamed)),
            None => {
                let message_info = Some(render::message(entry, sender(&entry.sender_id))?);
                (NotifyType::ChatMessageNotify, NotifyRemarks::NewMessageInfo(NotifyNewMessage { message_info }))
            }
        };
        Some(Adapted {
            sender: entry.sender_id.clone(),
            key: entry.client_msg_id.clone(),
            frame: notification(kind, remarks).into(),
        })
    };
    let adapted: Vec<Adapted> = entries.iter().filter_map(adapt).collect();
    adapted
}

fn renamed(entry: &Entry) -> Option<NotifyGroupRenamed> {
    match &entry.content.as_ref()?.kind {
        Some(Kind::Renamed(renamed)) => Some(NotifyGroupRenamed {
            chat_session_id: id_text(&entry.conversation_id),
            group_name: renamed.title.clone(),
        }),
        _ => None,
    }
}

/// Whether the socket's own session sent it.
fn is_own(room: &Room, socket: &Socket, entry: &Adapted) -> bool {
    entry.sender == socket.user.as_bytes()
        && MessageId::try_from(&entry.key[..])
            .is_ok_and(|key| room.doings.are_of(socket.session, Doing::Sent(key), room.gateway.now_ms()))
}

/// An application to `me`, or the answer to one of mine.
async fn request(room: &Room, me: UserId, view: &FriendRequestView) -> Option<Notification> {
    let request = view.request.as_ref()?;
    let mine = request.from_user_id == me.as_bytes();
    let (other, id) = if mine { (&view.to, &request.to_user_id) } else { (&view.from, &request.from_user_id) };
    let agree = match request.state() {
        FriendRequestState::Pending if !mine => {
            let user_info = Some(person(room, other.as_ref(), id).await);
            let applied = NotifyRemarks::FriendAddApply(NotifyFriendAddApply { user_info });
            return Some((NotifyType::FriendAddApplyNotify, applied));
        }
        FriendRequestState::Accepted if mine => true,
        FriendRequestState::Rejected if mine => false,
        _ => return None,
    };
    let user_info = Some(person(room, other.as_ref(), id).await);
    let result = NotifyRemarks::FriendProcessResult(NotifyFriendAddProcess { agree, user_info });
    Some((NotifyType::FriendAddProcessNotify, result))
}

/// The conversation with a new friend.
async fn friend(
    room: &Room,
    me: UserId,
    friend: Option<&Friend>,
    profile: Option<&PublicProfile>,
) -> Option<Notification> {
    let friend = friend?;
    // Whoever ends this friendship now, it is not the one who ended the last.
    room.doings.forget(Doing::Removed(me, UserId::try_from(&friend.user_id[..]).ok()?));
    let person = person(room, profile, &friend.user_id).await;
    Some(conversation(ChatSessionInfo {
        single_chat_friend_id: Some(person.user_id),
        chat_session_id: id_text(&friend.conversation_id),
        chat_session_name: person.nickname,
        avatar: Some(person.avatar),
        ..ChatSessionInfo::default()
    }))
}

/// A group that the socket's person has just come into. Of a conversation of two the new friend tells.
async fn group(room: &Room, socket: &Socket, conversation_id: &[u8]) -> Option<Notification> {
    let actor = Actor::User(socket.user, socket.session);
    let ctx = Context::new(actor, Id::new(&room.gateway.clock).to_string());
    let request = GetConversationRequest { conversation_id: conversation_id.to_vec() };
    let described = match room.gateway.services.conversations.get_conversation(&ctx, request).await {
        Ok(described) => described,
        Err(error) => {
            tracing::debug!(%error, "somebody is not told of a group");
            return None;
        }
    };
    (described.kind() == ConversationKind::Group).then(|| {
        conversation(ChatSessionInfo {
            chat_session_id: id_text(conversation_id),
            chat_session_name: described.title,
            ..ChatSessionInfo::default()
        })
    })
}

fn conversation(info: ChatSessionInfo) -> Notification {
    let made = NotifyNewChatSession { chat_session_info: Some(info) };
    (NotifyType::ChatSessionCreateNotify, NotifyRemarks::NewChatSessionInfo(made))
}

fn removal(room: &Room, socket: &Socket, other: &[u8]) -> Option<Notification> {
    let removed = UserId::try_from(other).ok()?;
    if room.doings.are_of(socket.session, Doing::Removed(socket.user, removed), room.gateway.now_ms()) {
        return None;
    }
    let removal = NotifyRemarks::FriendRemove(NotifyFriendRemove { user_id: id_text(other) });
    Some((NotifyType::FriendRemoveNotify, removal))
}

async fn person(room: &Room, profile: Option<&PublicProfile>, id: &[u8]) -> UserInfo {
    let people = room.with_faces(profile.cloned().into_iter().collect()).await;
    people.into_values().next().unwrap_or_else(|| nameless(id))
}

fn count(kind: &'static str, pushes: usize) {
    metrics::counter!("anser_chatroom_pushes_total", "kind" => kind).increment(pushes as u64);
}
