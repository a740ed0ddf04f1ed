//! Conversations: the list of them, their people, and new groups.

use std::collections::{BTreeSet, HashMap, HashSet};

use anser_contract::{
    chatroom::{
        ChatSessionCreateReq, ChatSessionCreateRsp, ChatSessionInfo, GetChatSessionListReq, GetChatSessionListRsp,
        GetChatSessionMemberReq, GetChatSessionMemberRsp,
    },
    v1::{
        Conversation, ConversationKind, CreateGroupRequest, Entry, GetUsersRequest, HistoryRequest,
        ListConversationsRequest, ListMembersRequest, PublicProfile, Role,
    },
};
use anser_types::{Code, Error, Result as Answered, UserId};
use futures_util::stream::{self, StreamExt};

use super::{
    call::Call,
    friends::{friends, ids_of},
    people::{People, faceless, id_text, nameless, one_of, user_id},
    render,
    words::{GROUP_NAME, NEW_GROUP, NO_SUCH_USER, Refused, USERS_NOT_READ},
};

/// How many of a list are asked for at once, and how many pages are looked at.
const PAGE: u32 = 200;
const PAGES: usize = 60;
/// Of so many conversations that end with something nobody said the newest message is looked up; of the rest none is
/// shown until somebody says something.
const LOOKED_UP: usize = 64;
const AT_ONCE: usize = 8;

/// Newest first. Without those that the caller left, and without those with people who are no longer friends.
pub(super) async fn get_chat_session_list(
    call: Call,
    _: GetChatSessionListReq,
) -> Result<GetChatSessionListRsp, Refused> {
    let listed = async {
        let mut conversations = conversations(&call).await?;
        leave_out_closed(&call, &mut conversations).await?;
        look_up_messages(&call, &mut conversations).await?;
        Ok::<_, Error>(conversations)
    };
    let listed = listed.await.map_err(|error| call.refuse(&error))?;
    let peers = listed.iter().filter(|c| !c.peer_id.is_empty()).map(|c| c.peer_id.clone()).collect();
    let senders = listed.iter().filter_map(|c| c.last_message.as_ref()).map(|entry| entry.sender_id.clone());
    let senders = call.profiles(senders.collect()).await.map_err(|_| USERS_NOT_READ)?;
    let peers = call.room.people(&call.ctx, peers).await.map_err(|_| USERS_NOT_READ)?;
    let chat_session_info_list = listed.iter().map(|conversation| info(conversation, &peers, &senders)).collect();
    Ok(GetChatSessionListRsp { chat_session_info_list, ..GetChatSessionListRsp::default() })
}

pub(super) async fn create_chat_session(
    call: Call,
    asked: ChatSessionCreateReq,
) -> Result<ChatSessionCreateRsp, Refused> {
    let (me, _) = call.me()?;
    let ids: Option<BTreeSet<UserId>> = asked.member_id_list.iter().map(|text| user_id(text)).collect();
    let mut ids = ids.ok_or(NO_SUCH_USER)?;
    // Whoever makes a group is in it, named or not.
    ids.remove(&me);
    let member_ids: Vec<Vec<u8>> = ids.iter().map(|id| id.to_vec()).collect();
    everybody_exists(&call, &member_ids).await?;
    let title = if asked.chat_session_name.trim().is_empty() { NEW_GROUP.into() } else { asked.chat_session_name };
    let request = CreateGroupRequest { title, member_ids, ..CreateGroupRequest::default() };
    let made = call.services().conversations.create_group(&call.ctx, request).await;
    made.map_err(|error| match error.code {
        Code::InvalidArgument if error.fields.iter().any(|field| field.field == "title") => GROUP_NAME.into(),
        // It has words in it that are not said here.
        Code::Forbidden => GROUP_NAME.into(),
        Code::NotFound => NO_SUCH_USER.into(),
        _ => call.refuse(&error),
    })?;
    // Its maker hears of it over the WebSocket, like everybody in it.
    Ok(ChatSessionCreateRsp::default())
}

pub(super) async fn get_chat_session_member(
    call: Call,
    asked: GetChatSessionMemberReq,
) -> Result<GetChatSessionMemberRsp, Refused> {
    let conversation = call.conversation(&asked.chat_session_id)?;
    let mut ids = Vec::new();
    let mut cursor = String::new();
    for _ in 0..PAGES {
        let request = ListMembersRequest { conversation_id: conversation.to_vec(), limit: PAGE, cursor };
        let page = call.services().conversations.list_members(&call.ctx, request).await;
        let page = page.map_err(|error| call.refuse_conversation(&error))?;
        ids.extend(page.items.into_iter().map(|member| member.user_id));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    let people = call.room.people(&call.ctx, ids.clone()).await.map_err(|_| USERS_NOT_READ)?;
    let member_info_list = ids.iter().map(|id| one_of(&people, id)).collect();
    Ok(GetChatSessionMemberRsp { member_info_list, ..GetChatSessionMemberRsp::default() })
}

async fn everybody_exists(call: &Call, ids: &[Vec<u8>]) -> Result<(), Refused> {
    for ids in ids.chunks(PAGE as usize) {
        let request = GetUsersRequest { user_ids: ids.to_vec() };
        let found = call.services().users.get_users(&call.ctx, request).await.map_err(|error| call.refuse(&error))?;
        let living: HashSet<Vec<u8>> =
            found.users.into_iter().filter(|profile| !profile.closed).map(|profile| profile.user_id).collect();
        if ids.iter().any(|id| !living.contains(id)) {
            return Err(NO_SUCH_USER.into());
        }
    }
    Ok(())
}

async fn conversations(call: &Call) -> Answered<Vec<Conversation>> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    for _ in 0..PAGES {
        let request = ListConversationsRequest { limit: PAGE, cursor };
        let page = call.services().conversations.list_conversations(&call.ctx, request).await?;
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    Ok(all)
}

/// A friend whom one blocks is still a friend, and these clients need a conversation for each friend.
async fn leave_out_closed(call: &Call, conversations: &mut Vec<Conversation>) -> Answered<()> {
    let in_doubt = |c: &Conversation| c.kind() == ConversationKind::Direct && !c.can_send;
    let friends = match conversations.iter().any(in_doubt) {
        true => ids_of(&friends(call).await?),
        false => HashSet::new(),
    };
    let is_friend = |c: &Conversation| UserId::try_from(&c.peer_id[..]).is_ok_and(|peer| friends.contains(&peer));
    conversations.retain(|conversation| match conversation.kind() {
        ConversationKind::Direct => !in_doubt(conversation) || is_friend(conversation),
        _ => conversation.my_role() != Role::Unspecified,
    });
    Ok(())
}

/// Puts the newest message in the place of something newer that nobody said.
async fn look_up_messages(call: &Call, conversations: &mut [Conversation]) -> Answered<()> {
    let mut asked = Vec::new();
    for (index, conversation) in conversations.iter_mut().enumerate() {
        if conversation.last_message.as_ref().is_none_or(render::is_message) {
            continue;
        }
        conversation.last_message = None;
        // What there is besides its own opening may be a message.
        if asked.len() < LOOKED_UP && conversation.head_seq > conversation.earliest_seq {
            asked.push((index, conversation.conversation_id.clone()));
        }
    }
    let looking = stream::iter(asked).map(|(index, conversation_id)| async move {
        let request = HistoryRequest { conversation_id, limit: 8, ..HistoryRequest::default() };
        let page = call.services().messages.history(&call.ctx, request).await?;
        Ok::<_, Error>((index, page.items.into_iter().find(render::is_message)))
    });
    let mut looking = looking.buffer_unordered(AT_ONCE);
    while let Some(looked) = looking.next().await {
        let (index, found) = looked?;
        conversations[index].last_message = found;
    }
    Ok(())
}

fn info(conversation: &Conversation, peers: &People, senders: &HashMap<Vec<u8>, PublicProfile>) -> ChatSessionInfo {
    let sender = |entry: &Entry| match senders.get(&entry.sender_id) {
        // A preview shows no face.
        Some(profile) => faceless(profile),
        None => nameless(&entry.sender_id),
    };
    let last = conversation.last_message.as_ref();
    let info = ChatSessionInfo {
        chat_session_id: id_text(&conversation.conversation_id),
        chat_session_name: conversation.title.clone(),
        prev_message: last.and_then(|entry| render::message(entry, sender(entry))),
        ..ChatSessionInfo::default()
    };
    if conversation.peer_id.is_empty() {
        return info;
    }
    let peer = one_of(peers, &conversation.peer_id);
    ChatSessionInfo {
        single_chat_friend_id: Some(peer.user_id),
        chat_session_name: peer.nickname,
        avatar: Some(peer.avatar),
        ..info
    }
}
