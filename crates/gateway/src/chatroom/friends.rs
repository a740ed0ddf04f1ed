//! Friends and those who want to be.

use std::collections::HashSet;

use anser_contract::{
    chatroom::{
        FriendAddProcessReq, FriendAddProcessRsp, FriendAddReq, FriendAddRsp, FriendEvent, FriendRemoveReq,
        FriendRemoveRsp, FriendSearchReq, FriendSearchRsp, GetFriendListReq, GetFriendListRsp,
        GetPendingFriendEventListReq, GetPendingFriendEventListRsp,
    },
    v1::{
        AnswerRequest, DeleteFriendRequest, Friend, FriendRequest, FriendRequestState, ListFriendsRequest,
        ListRequestsRequest, PublicProfile, RequestFriendRequest, SearchUsersRequest,
    },
};
use anser_types::{Code, Result as Answered, UserId};

use super::{
    call::Call,
    doings::Doing,
    people::{id_text, one_of, user_id, with_country},
    words::{
        ASKED_ALREADY, ASKED_ONESELF, FRIENDS_ALREADY, MAY_NOT_ASK, NO_SUCH_APPLICATION, NO_SUCH_USER, NOT_FRIENDS,
        Refused, USERS_NOT_READ,
    },
};

/// How many of a list are asked for at once, and how many pages are looked at.
const PAGE: u32 = 200;
const PAGES: usize = 20;
/// How many people a search answers with.
const FOUND: usize = 10;

pub(super) async fn get_friend_list(call: Call, _: GetFriendListReq) -> Result<GetFriendListRsp, Refused> {
    let friends = friends(&call).await.map_err(|error| call.refuse(&error))?;
    let ids: Vec<Vec<u8>> = friends.into_iter().map(|friend| friend.user_id).collect();
    let people = call.room.people(&call.ctx, ids.clone()).await.map_err(|_| USERS_NOT_READ)?;
    // Somebody without a profile is left out; one missing friend fails nothing.
    let friend_list = ids.iter().filter_map(|id| people.get(id).cloned()).collect();
    Ok(GetFriendListRsp { friend_list, ..GetFriendListRsp::default() })
}

pub(super) async fn add_friend_apply(call: Call, asked: FriendAddReq) -> Result<FriendAddRsp, Refused> {
    let (me, _) = call.me()?;
    let other = user_id(&asked.respondent_id).ok_or(NO_SUCH_USER)?;
    if other == me {
        return Err(ASKED_ONESELF.into());
    }
    // Asking again is no error to contact; to these clients it is.
    let waiting = pending(&call, true).await.map_err(|error| call.refuse(&error))?;
    if waiting.iter().any(|request| request.to_user_id == other.as_bytes()) {
        return Err(ASKED_ALREADY.into());
    }
    let request = RequestFriendRequest { to_user_id: other.to_vec(), ..RequestFriendRequest::default() };
    let made = call.services().contacts.request_friend(&call.ctx, request).await;
    let made = made.map_err(|error| match error.code {
        Code::AlreadyExists => FRIENDS_ALREADY.into(),
        Code::NotFound | Code::Gone | Code::InvalidArgument => NO_SUCH_USER.into(),
        Code::NotAllowed | Code::Forbidden => MAY_NOT_ASK.into(),
        _ => call.refuse(&error),
    })?;
    Ok(FriendAddRsp { notify_event_id: id_text(&made.request_id), ..FriendAddRsp::default() })
}

pub(super) async fn add_friend_process(call: Call, asked: FriendAddProcessReq) -> Result<FriendAddProcessRsp, Refused> {
    // By the pair: these clients never say which application they mean.
    let from = user_id(&asked.apply_user_id).ok_or(NO_SUCH_APPLICATION)?;
    let waiting = pending(&call, false).await.map_err(|error| call.refuse(&error))?;
    let application = waiting.into_iter().find(|request| request.from_user_id == from.as_bytes());
    let request_id = application.ok_or(NO_SUCH_APPLICATION)?.request_id;
    let request = AnswerRequest { request_id, ..AnswerRequest::default() };
    let contacts = &call.services().contacts;
    let answered = match asked.agree {
        true => contacts.accept_request(&call.ctx, request).await,
        false => contacts.reject_request(&call.ctx, request).await,
    };
    let answered = answered.map_err(|error| match error.code {
        Code::NotFound | Code::Gone => NO_SUCH_APPLICATION.into(),
        _ => call.refuse(&error),
    })?;
    let new_session_id = if asked.agree { id_text(&answered.conversation_id) } else { String::new() };
    Ok(FriendAddProcessRsp { new_session_id: Some(new_session_id), ..FriendAddProcessRsp::default() })
}

pub(super) async fn remove_friend(call: Call, asked: FriendRemoveReq) -> Result<FriendRemoveRsp, Refused> {
    let (me, session) = call.me()?;
    let other = user_id(&asked.peer_id).ok_or(NOT_FRIENDS)?;
    call.room.doings.note(Doing::Removed(me, other), session, call.room.gateway.now_ms());
    let request = DeleteFriendRequest { user_id: other.to_vec(), ..DeleteFriendRequest::default() };
    call.services().contacts.delete_friend(&call.ctx, request).await.map_err(|error| match error.code {
        Code::NotFound | Code::Forbidden | Code::InvalidArgument => NOT_FRIENDS.into(),
        _ => call.refuse(&error),
    })?;
    Ok(FriendRemoveRsp::default())
}

pub(super) async fn get_pending_friend_events(
    call: Call,
    _: GetPendingFriendEventListReq,
) -> Result<GetPendingFriendEventListRsp, Refused> {
    let waiting = pending(&call, false).await.map_err(|error| call.refuse(&error))?;
    let ids = waiting.iter().map(|request| request.from_user_id.clone()).collect();
    let people = call.room.people(&call.ctx, ids).await.map_err(|_| USERS_NOT_READ)?;
    let event = |request: &FriendRequest| FriendEvent {
        event_id: id_text(&request.request_id),
        sender: Some(one_of(&people, &request.from_user_id)),
    };
    let event = waiting.iter().map(event).collect();
    Ok(GetPendingFriendEventListRsp { event, ..GetPendingFriendEventListRsp::default() })
}

/// Strangers by words: not the caller, and not their friends.
pub(super) async fn search_friend(call: Call, asked: FriendSearchReq) -> Result<FriendSearchRsp, Refused> {
    let (me, _) = call.me()?;
    let key = asked.search_key.trim();
    if key.is_empty() {
        return Ok(FriendSearchRsp::default());
    }
    let mut found = search(&call, key).await?;
    if let Some(phone) = with_country(key) {
        found.splice(0..0, search(&call, &phone).await?);
    }
    let friends = friends(&call).await.map_err(|error| call.refuse(&error))?;
    let mut known: HashSet<Vec<u8>> = friends.into_iter().map(|friend| friend.user_id).collect();
    known.insert(me.to_vec());
    found.retain(|profile| known.insert(profile.user_id.clone()));
    found.truncate(FOUND);
    let order: Vec<Vec<u8>> = found.iter().map(|profile| profile.user_id.clone()).collect();
    let people = call.room.with_faces(found).await;
    let user_info = order.iter().filter_map(|id| people.get(id).cloned()).collect();
    Ok(FriendSearchRsp { user_info, ..FriendSearchRsp::default() })
}

async fn search(call: &Call, query: &str) -> Result<Vec<PublicProfile>, Refused> {
    // More than are shown, because friends are taken out afterwards.
    let request = SearchUsersRequest { query: query.to_owned(), limit: 50, cursor: String::new() };
    match call.services().search.search_users(&call.ctx, request).await {
        Ok(reply) => Ok(reply.items),
        // There is nothing in it that could be searched for.
        Err(error) if error.code == Code::InvalidArgument => Ok(Vec::new()),
        Err(error) => Err(call.refuse(&error)),
    }
}

/// All of the caller's friends.
pub(super) async fn friends(call: &Call) -> Answered<Vec<Friend>> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    for _ in 0..PAGES {
        let request = ListFriendsRequest { limit: PAGE, cursor };
        let page = call.services().contacts.list_friends(&call.ctx, request).await?;
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    Ok(all)
}

/// The caller's requests that wait, made or received, newest first.
async fn pending(call: &Call, sent: bool) -> Answered<Vec<FriendRequest>> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    for _ in 0..PAGES {
        let request = ListRequestsRequest { sent, limit: PAGE, cursor };
        let page = call.services().contacts.list_requests(&call.ctx, request).await?;
        all.extend(page.items.into_iter().filter(|request| request.state() == FriendRequestState::Pending));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    Ok(all)
}

/// The ids among `friends`.
pub(super) fn ids_of(friends: &[Friend]) -> HashSet<UserId> {
    friends.iter().filter_map(|friend| UserId::try_from(&friend.user_id[..]).ok()).collect()
}
