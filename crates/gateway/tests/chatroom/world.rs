//! Services that keep everything in memory, in one object, and a gateway in front of them.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use anser_contract::{
    Context, Streaming,
    v1::{content::Kind, link_down::Down, link_up::Up, service_event::Event, *},
};
use anser_gateway::{Gateway, GatewayOptions, GatewayServices, ListenerOptions, chatroom};
use anser_types::{Clock, Code, Error, Id, Result, UserId};
use futures_util::StreamExt;
use parking_lot::Mutex;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;

use crate::client::{Fields, Pushes, call, field};

/// The code of every phone.
pub const CODE: &str = "123456";

/// Every service.
#[derive(Clone, Default)]
pub struct World {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    made: u8,
    people: HashMap<Vec<u8>, Person>,
    sessions: HashMap<String, SessionClaims>,
    ended: Vec<Vec<u8>>,
    friends: HashSet<(Vec<u8>, Vec<u8>)>,
    requests: Vec<FriendRequest>,
    rooms: HashMap<Vec<u8>, Room>,
    entries: Vec<Entry>,
    keys: HashMap<Vec<u8>, SendAck>,
    uploads: HashMap<Vec<u8>, (Vec<u8>, String, Vec<u8>)>,
    keyed: HashMap<String, Vec<u8>>,
    files: HashMap<Vec<u8>, (File, Vec<u8>)>,
    links: Vec<(u64, mpsc::Sender<Result<LinkDown>>)>,
    followers: Vec<mpsc::Sender<Result<EventBatch>>>,
    position: i64,
    /// The next sends are refused.
    limited: bool,
}

#[derive(Clone, Default)]
struct Person {
    profile: PublicProfile,
    password: String,
    phone: String,
}

#[derive(Clone, Default)]
struct Room {
    kind: ConversationKind,
    title: String,
    members: Vec<Vec<u8>>,
    open: bool,
}

impl State {
    fn id(&mut self) -> Vec<u8> {
        self.made += 1;
        vec![self.made; 16]
    }

    fn named(&self, name: &str) -> Option<Vec<u8>> {
        self.people.iter().find(|(_, person)| person.profile.username == name).map(|(id, _)| id.clone())
    }

    fn enter(&mut self, user_id: Vec<u8>) -> TokenReply {
        let session_id = self.id();
        let session_token = format!("token-{}", self.made);
        let claims = SessionClaims { user_id, session_id, device_id: String::new() };
        self.sessions.insert(session_token.clone(), claims);
        TokenReply { session_token, ..TokenReply::default() }
    }

    fn person(&mut self, name: &str, password: &str, phone: &str) -> Vec<u8> {
        let user_id = self.id();
        let name = if name.is_empty() { format!("user{}", self.made) } else { name.to_owned() };
        let profile =
            PublicProfile { user_id: user_id.clone(), username: name.clone(), nickname: name, ..Default::default() };
        let person = Person { profile, password: password.into(), phone: phone.into() };
        self.people.insert(user_id.clone(), person);
        user_id
    }

    fn room(&self, id: &[u8], user: &[u8]) -> Result<&Room> {
        let room = self.rooms.get(id).filter(|room| room.members.iter().any(|member| member == user));
        room.ok_or_else(|| Error::not_found("conversation"))
    }

    fn append(&mut self, room: &[u8], sender: &[u8], key: &[u8], content: Content) -> SendAck {
        let seq = self.entries.iter().filter(|entry| entry.conversation_id == room).count() as i64 + 1;
        let server_ts = 1_700_000_000_000 + self.entries.len() as i64 * 1_000;
        let entry = Entry {
            conversation_id: room.to_vec(),
            seq,
            sender_id: sender.to_vec(),
            client_msg_id: key.to_vec(),
            server_ts,
            content: Some(content),
            ..Entry::default()
        };
        self.entries.push(entry.clone());
        let user_ids = self.rooms[room].members.clone();
        self.hint(Hint { conversation_id: room.to_vec(), entries: vec![entry], user_ids, ..Hint::default() });
        SendAck { client_msg_id: key.to_vec(), conversation_id: room.to_vec(), seq, server_ts, dup: false }
    }

    fn hint(&mut self, hint: Hint) {
        let through_position = self.entries.len() as i64;
        self.down(Down::Hints(Hints { items: vec![hint], through_position }));
    }

    fn down(&mut self, down: Down) {
        for (number, link) in &mut self.links {
            *number += 1;
            let message = LinkDown { number: *number, epoch: b"this store".to_vec(), down: Some(down.clone()) };
            let _gone = link.try_send(Ok(message));
        }
    }

    fn tell(&mut self, event: Event) {
        self.position += 1;
        let items = vec![ServiceEvent { position: self.position, event: Some(event) }];
        let batch = EventBatch { items, through: self.position, reset: false };
        self.followers.iter().for_each(|follower| drop(follower.try_send(Ok(batch.clone()))));
    }

    fn are_friends(&self, one: &[u8], other: &[u8]) -> bool {
        self.friends.contains(&(one.to_vec(), other.to_vec()))
    }

    fn befriend(&mut self, request: &FriendRequest) {
        let (one, other) = (request.from_user_id.clone(), request.to_user_id.clone());
        self.friends.extend([(one.clone(), other.clone()), (other.clone(), one.clone())]);
        let members = vec![one.clone(), other.clone()];
        let room = Room { kind: ConversationKind::Direct, members, open: true, ..Room::default() };
        self.rooms.insert(request.conversation_id.clone(), room);
        for (user_id, friend) in [(one.clone(), other.clone()), (other, one)] {
            let conversation_id = request.conversation_id.clone();
            let friend = Friend { user_id: friend, conversation_id, ..Friend::default() };
            let (request, added_friend) = (Some(request.clone()), Some(friend));
            self.tell(Event::ContactChanged(ContactChanged { user_id, request, added_friend, ..Default::default() }));
        }
    }

    fn answer(&mut self, ctx: &Context, request: &AnswerRequest, state: FriendRequestState) -> Result<FriendRequest> {
        let me = ctx.user()?.to_vec();
        let id = self.id();
        let waiting = self.requests.iter_mut().find(|waiting| waiting.request_id == request.request_id);
        let waiting = waiting.filter(|waiting| waiting.to_user_id == me).ok_or_else(|| Error::not_found("request"))?;
        waiting.state = state.into();
        let mut answered = waiting.clone();
        if state == FriendRequestState::Accepted {
            answered.conversation_id = id;
            self.befriend(&answered);
        } else {
            let user_id = answered.from_user_id.clone();
            let request = Some(answered.clone());
            self.tell(Event::ContactChanged(ContactChanged { user_id, request, ..Default::default() }));
        }
        Ok(answered)
    }

    fn describe(&self, id: &[u8], user: &[u8]) -> Result<Conversation> {
        let room = self.room(id, user)?;
        let peer = room.members.iter().find(|member| *member != user).cloned().unwrap_or_default();
        let entries: Vec<&Entry> = self.entries.iter().filter(|entry| entry.conversation_id == id).collect();
        Ok(Conversation {
            conversation_id: id.to_vec(),
            kind: room.kind.into(),
            title: room.title.clone(),
            peer_id: if room.kind == ConversationKind::Direct { peer } else { Vec::new() },
            my_role: Role::Member.into(),
            can_send: room.open,
            head_seq: entries.len() as i64,
            earliest_seq: 1,
            last_message: entries.last().map(|entry| (*entry).clone()),
            ..Conversation::default()
        })
    }

    fn check(&self, code: Option<PhoneCode>) -> Result<String> {
        let code = code.unwrap_or_default();
        let right = code.code == CODE && code.code_id == vec![99; 16];
        if right { Ok(code.phone) } else { Err(Error::new(Code::Forbidden, "the code is wrong")) }
    }
}

fn taken() -> Error {
    Error::new(Code::AlreadyExists, "taken")
}

macro_rules! service {
    ($service:ident { $($done:tt)* } $($method:ident($asked:ty) -> $answered:ty;)*) => {
        #[async_trait::async_trait]
        impl $service for World {
            $($done)*
            $(async fn $method(&self, _: &Context, _: $asked) -> Result<$answered> {
                Err(Error::internal(concat!(stringify!($method), " is not in these tests")))
            })*
        }
    };
}

service!(Users {
    async fn get_me(&self, ctx: &Context, _: GetMeRequest) -> Result<OwnProfile> {
        let Person { profile, phone, .. } = self.state.lock().people[ctx.user()?.as_bytes()].clone();
        let PublicProfile { user_id, username, nickname, avatar, signature, .. } = profile;
        Ok(OwnProfile { user_id, username, nickname, avatar, signature, phone, ..OwnProfile::default() })
    }

    async fn get_users(&self, _: &Context, r: GetUsersRequest) -> Result<GetUsersReply> {
        let state = self.state.lock();
        let found = r.user_ids.iter().filter_map(|id| state.people.get(id)).map(|person| person.profile.clone());
        Ok(GetUsersReply { users: found.collect() })
    }

    async fn update_profile(&self, ctx: &Context, r: UpdateProfileRequest) -> Result<OwnProfile> {
        let mut state = self.state.lock();
        let profile = &mut state.people.get_mut(ctx.user()?.as_bytes()).unwrap().profile;
        if r.signature.as_ref().is_some_and(|signature| signature.len() > 256) {
            return Err(Error::field("signature", "too long"));
        }
        profile.nickname = r.nickname.unwrap_or(std::mem::take(&mut profile.nickname));
        profile.signature = r.signature.unwrap_or(std::mem::take(&mut profile.signature));
        profile.avatar = r.avatar.unwrap_or(std::mem::take(&mut profile.avatar));
        Ok(OwnProfile::default())
    }
}
    create_user(CreateUserRequest) -> OwnProfile;
    rename_user(RenameUserRequest) -> RenameUserReply;
    list_changed(ListChangedRequest) -> ListChangedReply;
    set_phone(SetPhoneRequest) -> SetPhoneReply;
    get_privacy(GetPrivacyRequest) -> Privacy;
    list_privacy(ListPrivacyRequest) -> ListPrivacyReply;
    update_privacy(UpdatePrivacyRequest) -> Privacy;
    close_profile(CloseProfileRequest) -> CloseProfileReply;
    note_seen(NoteSeenRequest) -> NoteSeenReply;
    list_seen(ListSeenRequest) -> ListSeenReply;
    sync_profile(SyncProfileRequest) -> SyncProfileReply;
);

service!(Auth {
    async fn register(&self, _: &Context, r: RegisterRequest) -> Result<RegisterReply> {
        let mut state = self.state.lock();
        if state.named(&r.username).is_some() {
            return Err(taken());
        }
        Ok(RegisterReply { user_id: state.person(&r.username, &r.password, "") })
    }

    async fn login(&self, _: &Context, r: LoginRequest) -> Result<TokenReply> {
        assert_eq!(r.kind(), SessionKind::Opaque);
        let mut state = self.state.lock();
        let found = state.named(&r.username).filter(|id| state.people[id].password == r.password);
        let user_id = found.ok_or_else(|| Error::new(Code::Unauthenticated, "no"))?;
        Ok(state.enter(user_id))
    }

    async fn change_username(&self, ctx: &Context, r: ChangeUsernameRequest) -> Result<ChangeUsernameReply> {
        let (mut state, me) = (self.state.lock(), ctx.user()?);
        if state.named(&r.username).is_some_and(|id| id != me.as_bytes()) {
            return Err(taken());
        }
        state.people.get_mut(me.as_bytes()).unwrap().profile.username = r.username;
        Ok(ChangeUsernameReply {})
    }

    async fn check_sessions(&self, _: &Context, r: CheckSessionsRequest) -> Result<CheckSessionsReply> {
        let state = self.state.lock();
        Ok(CheckSessionsReply { ended: r.session_ids.into_iter().filter(|id| state.ended.contains(id)).collect() })
    }

    async fn ended_since(&self, _: &Context, _: EndedSinceRequest) -> Result<EndedSinceReply> {
        Ok(EndedSinceReply { session_ids: self.state.lock().ended.clone() })
    }
}
    refresh(RefreshRequest) -> TokenReply;
    list_sessions(ListSessionsRequest) -> ListSessionsReply;
    end_session(EndSessionRequest) -> EndSessionReply;
    change_password(ChangePasswordRequest) -> ChangePasswordReply;
    close_account(CloseAccountRequest) -> CloseAccountReply;
    list_closing(ListClosingRequest) -> ListClosingReply;
    finish_closing(FinishClosingRequest) -> FinishClosingReply;
    mint_ticket(MintTicketRequest) -> MintTicketReply;
    redeem_ticket(RedeemTicketRequest) -> SessionClaims;
    find_by_username(FindByUsernameRequest) -> FindByUsernameReply;
    get_verify_keys(GetVerifyKeysRequest) -> GetVerifyKeysReply;
);

service!(Phones {
    async fn request_code(&self, _: &Context, r: RequestCodeRequest) -> Result<RequestCodeReply> {
        match r.phone.as_str() {
            "+8613900000001" => Err(Error::rate_limited(1_000)),
            "+8613900000002" => Err(Error::unavailable("no provider")),
            _ => Ok(RequestCodeReply { code_id: vec![99; 16], ..RequestCodeReply::default() }),
        }
    }

    async fn register_by_phone(&self, _: &Context, r: RegisterByPhoneRequest) -> Result<RegisterReply> {
        let mut state = self.state.lock();
        let phone = state.check(r.code)?;
        if state.people.values().any(|person| person.phone == phone) {
            return Err(taken());
        }
        Ok(RegisterReply { user_id: state.person("", "", &phone) })
    }

    async fn login_by_phone(&self, _: &Context, r: LoginByPhoneRequest) -> Result<TokenReply> {
        let mut state = self.state.lock();
        let phone = state.check(r.code)?;
        let found = state.people.iter().find(|(_, person)| person.phone == phone).map(|(id, _)| id.clone());
        let user_id = found.ok_or_else(|| Error::not_found("account"))?;
        Ok(state.enter(user_id))
    }

    async fn change_phone(&self, ctx: &Context, r: ChangePhoneRequest) -> Result<ChangePhoneReply> {
        let mut state = self.state.lock();
        let phone = state.check(r.code)?;
        if state.people.values().any(|person| person.phone == phone) {
            return Err(taken());
        }
        state.people.get_mut(ctx.user()?.as_bytes()).unwrap().phone = phone.clone();
        Ok(ChangePhoneReply { phone })
    }
}
    reset_password(ResetByPhoneRequest) -> ResetByPhoneReply;
    find_by_phone(FindByPhoneRequest) -> FindByUsernameReply;
);

service!(OpaqueSessions {
    async fn resolve(&self, _: &Context, r: ResolveRequest) -> Result<SessionClaims> {
        let found = self.state.lock().sessions.get(&r.token).cloned();
        found.ok_or_else(|| Error::new(Code::Unauthenticated, "no such session"))
    }
}
);

service!(Contacts {
    async fn request_friend(&self, ctx: &Context, r: RequestFriendRequest) -> Result<FriendRequest> {
        let (mut state, me) = (self.state.lock(), ctx.user()?.to_vec());
        if !state.people.contains_key(&r.to_user_id) {
            return Err(Error::not_found("profile"));
        }
        if state.are_friends(&me, &r.to_user_id) {
            return Err(taken());
        }
        let request_id = state.id();
        let made = FriendRequest {
            request_id,
            from_user_id: me,
            to_user_id: r.to_user_id.clone(),
            state: FriendRequestState::Pending.into(),
            ..FriendRequest::default()
        };
        state.requests.push(made.clone());
        let request = Some(made.clone());
        state.tell(Event::ContactChanged(ContactChanged { user_id: r.to_user_id, request, ..Default::default() }));
        Ok(made)
    }

    async fn list_requests(&self, ctx: &Context, r: ListRequestsRequest) -> Result<ListRequestsReply> {
        let (state, me) = (self.state.lock(), ctx.user()?);
        let side = |q: &&FriendRequest| *(if r.sent { &q.from_user_id } else { &q.to_user_id }) == me.as_bytes();
        Ok(ListRequestsReply { items: state.requests.iter().filter(side).cloned().collect(), ..Default::default() })
    }

    async fn accept_request(&self, ctx: &Context, r: AnswerRequest) -> Result<FriendRequest> {
        self.state.lock().answer(ctx, &r, FriendRequestState::Accepted)
    }

    async fn reject_request(&self, ctx: &Context, r: AnswerRequest) -> Result<FriendRequest> {
        self.state.lock().answer(ctx, &r, FriendRequestState::Rejected)
    }

    async fn list_friends(&self, ctx: &Context, _: ListFriendsRequest) -> Result<ListFriendsReply> {
        let (state, me) = (self.state.lock(), ctx.user()?);
        let mine = state.friends.iter().filter(|(one, _)| one == me.as_bytes());
        let items = mine.map(|(_, other)| Friend { user_id: other.clone(), ..Friend::default() }).collect();
        Ok(ListFriendsReply { items, ..ListFriendsReply::default() })
    }

    async fn delete_friend(&self, ctx: &Context, r: DeleteFriendRequest) -> Result<DeleteFriendReply> {
        let (mut state, me) = (self.state.lock(), ctx.user()?.to_vec());
        let other = r.user_id;
        if !state.friends.remove(&(me.clone(), other.clone())) {
            return Err(Error::not_found("friend"));
        }
        state.friends.remove(&(other.clone(), me.clone()));
        let pair = [&me, &other];
        for room in state.rooms.values_mut().filter(|room| room.kind == ConversationKind::Direct) {
            room.open &= !pair.iter().all(|one| room.members.contains(one));
        }
        for (user_id, removed_friend) in [(me.clone(), other.clone()), (other, me)] {
            state.tell(Event::ContactChanged(ContactChanged { user_id, removed_friend, ..Default::default() }));
        }
        Ok(DeleteFriendReply {})
    }
}
    find_person(FindPersonRequest) -> FindPersonReply;
    list_findable(ListFindableRequest) -> ListFindableReply;
    get_request(AnswerRequest) -> FriendRequest;
    update_friend(UpdateFriendRequest) -> Friend;
    list_categories(ListCategoriesRequest) -> FriendCategories;
    create_category(CreateCategoryRequest) -> FriendCategory;
    rename_category(RenameCategoryRequest) -> FriendCategory;
    delete_category(DeleteCategoryRequest) -> DeleteCategoryReply;
    block(BlockRequest) -> Block;
    unblock(BlockRequest) -> UnblockReply;
    list_blocks(ListBlocksRequest) -> ListBlocksReply;
    erase_person(ErasePersonRequest) -> ErasePersonReply;
    get_presence(GetPresenceRequest) -> GetPresenceReply;
    sync_contacts(SyncContactsRequest) -> SyncContactsReply;
);

service!(Conversations {
    async fn create_group(&self, ctx: &Context, r: CreateGroupRequest) -> Result<Conversation> {
        let (mut state, me) = (self.state.lock(), ctx.user()?.to_vec());
        let id = state.id();
        let mut members = vec![me.clone()];
        members.extend(r.member_ids.into_iter().filter(|other| state.are_friends(&me, other)));
        let title = r.title.clone();
        let room = Room { kind: ConversationKind::Group, title, members: members.clone(), open: true };
        state.rooms.insert(id.clone(), room);
        state.append(&id, &me, &[], Kind::Created(Created { title: r.title }).into());
        state.hint(Hint { conversation_id: id.clone(), user_ids: members, joined: true, ..Hint::default() });
        state.describe(&id, &me)
    }

    async fn get_conversation(&self, ctx: &Context, r: GetConversationRequest) -> Result<Conversation> {
        self.state.lock().describe(&r.conversation_id, ctx.user()?.as_bytes())
    }

    async fn list_conversations(&self, ctx: &Context, _: ListConversationsRequest) -> Result<ListConversationsReply> {
        let (state, me) = (self.state.lock(), ctx.user()?);
        let items = state.rooms.keys().filter_map(|id| state.describe(id, me.as_bytes()).ok()).collect();
        Ok(ListConversationsReply { items, ..ListConversationsReply::default() })
    }

    async fn list_members(&self, ctx: &Context, r: ListMembersRequest) -> Result<ListMembersReply> {
        let (state, me) = (self.state.lock(), ctx.user()?);
        let members = &state.room(&r.conversation_id, me.as_bytes())?.members;
        let items = members.iter().map(|id| Member { user_id: id.clone(), ..Member::default() }).collect();
        Ok(ListMembersReply { items, ..ListMembersReply::default() })
    }
}
    open_direct(OpenDirectRequest) -> Conversation;
    invite(InviteRequest) -> InviteReply;
    list_invitations(ListInvitationsRequest) -> ListInvitationsReply;
    accept_invitation(AnswerInvitationRequest) -> Conversation;
    decline_invitation(AnswerInvitationRequest) -> DeclineInvitationReply;
    remove_member(RemoveMemberRequest) -> RemoveMemberReply;
    leave(LeaveRequest) -> LeaveReply;
    change_role(ChangeRoleRequest) -> Member;
    change_group(ChangeGroupRequest) -> Conversation;
    transfer_ownership(TransferOwnershipRequest) -> Conversation;
    dismiss_group(DismissGroupRequest) -> Conversation;
    mute(MuteRequest) -> MuteReply;
    set_member_nickname(SetMemberNicknameRequest) -> Member;
    create_join_link(CreateJoinLinkRequest) -> JoinLink;
    list_join_links(ListJoinLinksRequest) -> ListJoinLinksReply;
    revoke_join_link(RevokeJoinLinkRequest) -> RevokeJoinLinkReply;
    look_at_join_link(JoinByLinkRequest) -> JoinLinkView;
    join_by_link(JoinByLinkRequest) -> JoinByLinkReply;
    list_join_requests(ListJoinRequestsRequest) -> ListJoinRequestsReply;
    answer_join_request(AnswerJoinRequestRequest) -> AnswerJoinRequestReply;
    change_settings(ChangeSettingsRequest) -> ConversationSettings;
    sync_settings(SyncSettingsRequest) -> SyncSettingsReply;
    apply_relation(ApplyRelationRequest) -> ApplyRelationReply;
    erase_person(ErasePersonRequest) -> ErasePersonReply;
    list_online(ListOnlineRequest) -> ListOnlineReply;
);

service!(Messages {
    async fn append(&self, ctx: &Context, r: AppendRequest) -> Result<AppendReply> {
        let (mut state, me) = (self.state.lock(), ctx.user()?.to_vec());
        let mut outcomes = Vec::new();
        for send in r.sends {
            let refused = match state.room(&send.conversation_id, &me) {
                Err(error) => Some(error),
                Ok(room) if !room.open => Some(Error::new(Code::NotAllowed, "closed")),
                Ok(_) if state.limited => Some(Error::rate_limited(1_000)),
                Ok(_) => None,
            };
            if let Some(error) = refused {
                outcomes.push(SendOutcome { ack: None, error: Some(error.into()) });
                continue;
            }
            let key = send.client_msg_id;
            let known = state.keys.get(&key).cloned();
            let ack = known.unwrap_or_else(|| state.append(&send.conversation_id, &me, &key, send.content.unwrap()));
            state.keys.insert(key, ack.clone());
            outcomes.push(SendOutcome { ack: Some(ack), error: None });
        }
        Ok(AppendReply { outcomes })
    }

    async fn history(&self, ctx: &Context, r: HistoryRequest) -> Result<HistoryReply> {
        let (state, me) = (self.state.lock(), ctx.user()?);
        state.room(&r.conversation_id, me.as_bytes())?;
        let before = if r.before_seq == 0 { i64::MAX } else { r.before_seq };
        let until = if r.until_at == 0 { i64::MAX } else { r.until_at };
        let wanted = |entry: &&Entry| {
            entry.conversation_id == r.conversation_id
                && entry.seq < before
                && (r.from_at..until).contains(&entry.server_ts)
        };
        // Small pages, so that they are joined.
        let limit = (r.limit as usize).min(3);
        let all: Vec<Entry> = state.entries.iter().rev().filter(wanted).cloned().collect();
        let items: Vec<Entry> = all.iter().take(limit).cloned().collect();
        let reached_seq = items.last().map_or(0, |entry| entry.seq);
        Ok(HistoryReply { has_more: all.len() > items.len(), items, reached_seq })
    }

    async fn link(&self, _: &Context, mut up: Streaming<LinkUp>) -> Result<Streaming<LinkDown>> {
        let (sender, receiver) = mpsc::channel(1_024);
        let Some(Ok(LinkUp { up: Some(Up::Open(open)) })) = up.next().await else { panic!("no opening") };
        let attached = |user_ids, position| Down::Attached(Attached { user_ids, position });
        {
            let mut state = self.state.lock();
            state.links = vec![(0, sender)];
            let position = state.entries.len() as i64;
            state.down(Down::Beacon(Beacon { through_position: position }));
            state.down(attached(open.user_ids, position));
        }
        let down = ReceiverStream::new(receiver);
        let world = self.clone();
        tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_millis(300));
            loop {
                tokio::select! {
                    said = up.next() => match said {
                        Some(Ok(LinkUp { up: Some(Up::Attach(attach)) })) => {
                            let mut state = world.state.lock();
                            let position = state.entries.len() as i64;
                            state.down(attached(attach.user_ids, position));
                        }
                        Some(_) => {}
                        None => return,
                    },
                    _ = beat.tick() => {
                        let mut state = world.state.lock();
                        let through_position = state.entries.len() as i64;
                        state.down(Down::Beacon(Beacon { through_position }));
                    }
                }
            }
        });
        Ok(Box::pin(down))
    }
}
    heads(HeadsRequest) -> HeadsReply;
    sync_many(SyncManyRequest) -> SyncManyReply;
    edit(EditRequest) -> Changed;
    recall(RecallRequest) -> Changed;
    list_versions(ListVersionsRequest) -> ListVersionsReply;
    delete_for_me(DeleteForMeRequest) -> DeleteForMeReply;
    set_reaction(SetReactionRequest) -> Changed;
    list_reactions(ListReactionsRequest) -> ListReactionsReply;
    set_pin(SetPinRequest) -> Changed;
    list_pins(ListPinsRequest) -> ListPinsReply;
    forward(ForwardRequest) -> AppendReply;
    list_readers(ListReadersRequest) -> ListReadersReply;
    schedule(ScheduleRequest) -> ScheduledMessage;
    reschedule(RescheduleRequest) -> ScheduledMessage;
    cancel_scheduled(CancelScheduledRequest) -> CancelScheduledReply;
    list_scheduled(ListScheduledRequest) -> ListScheduledReply;
    move_read_cursor(MoveReadCursorRequest) -> ReadMoved;
    typing(TypingRequest) -> TypingReply;
    resume(ResumeRequest) -> ResumeReply;
);

service!(Files {
    async fn create_upload(&self, ctx: &Context, r: CreateUploadRequest) -> Result<Upload> {
        let (mut state, me) = (self.state.lock(), ctx.user()?.to_vec());
        if r.size > 16 << 20 {
            return Err(Error::new(Code::TooLarge, "too large"));
        }
        if let Some(file_id) = state.keyed.get(&r.idempotency_key).filter(|_| !r.idempotency_key.is_empty()) {
            return Ok(Upload { file_id: file_id.clone(), ..Upload::default() });
        }
        let upload_id = state.id();
        if !r.idempotency_key.is_empty() {
            state.keyed.insert(r.idempotency_key, upload_id.clone());
        }
        state.uploads.insert(upload_id.clone(), (me, r.name, Vec::new()));
        Ok(Upload { upload_id, part_bytes: 3 << 20, ..Upload::default() })
    }

    async fn write_part(&self, _: &Context, r: WritePartRequest) -> Result<WritePartReply> {
        assert!(r.data.len() <= 1 << 20 && r.part >= 1);
        self.state.lock().uploads.get_mut(&r.upload_id).unwrap().2.extend(r.data);
        Ok(WritePartReply::default())
    }

    async fn complete_upload(&self, _: &Context, r: CompleteUploadRequest) -> Result<File> {
        let mut state = self.state.lock();
        let (owner_id, name, bytes) = state.uploads.remove(&r.upload_id).unwrap();
        let size = bytes.len() as i64;
        let file = File { file_id: r.upload_id, owner_id, name, size, ..File::default() };
        state.files.insert(file.file_id.clone(), (file.clone(), bytes));
        Ok(file)
    }

    async fn get_files(&self, _: &Context, r: GetFilesRequest) -> Result<GetFilesReply> {
        let state = self.state.lock();
        let found = r.file_ids.iter().filter_map(|id| state.files.get(id)).map(|(file, _)| file.clone());
        Ok(GetFilesReply { items: found.collect() })
    }

    async fn read_file(&self, _: &Context, r: ReadFileRequest) -> Result<ReadFileReply> {
        let state = self.state.lock();
        let (_, bytes) = state.files.get(&r.file_id).ok_or_else(|| Error::not_found("file"))?;
        if r.variant() == FileVariant::Small {
            return Ok(ReadFileReply { data: b"\xff\xd8small".to_vec(), ..ReadFileReply::default() });
        }
        let data = bytes.iter().skip(r.offset as usize).take(r.limit as usize).copied().collect();
        Ok(ReadFileReply { data, ..ReadFileReply::default() })
    }

    async fn make_avatar(&self, _: &Context, r: MakeAvatarRequest) -> Result<File> {
        let mut state = self.state.lock();
        let (mut file, bytes) = state.files[&r.file_id].clone();
        if !bytes.starts_with(b"\x89PNG") {
            return Err(Error::new(Code::Unsupported, "no picture"));
        }
        file.file_id = state.id();
        file.purpose = FilePurpose::Avatar.into();
        state.files.insert(file.file_id.clone(), (file.clone(), bytes));
        Ok(file)
    }
}
    get_upload(GetUploadRequest) -> Upload;
    list_uploads(ListUploadsRequest) -> ListUploadsReply;
    abort_upload(AbortUploadRequest) -> AbortUploadReply;
    claim_files(ClaimFilesRequest) -> GetFilesReply;
    hold_files(HoldFilesRequest) -> HoldFilesReply;
    get_usage(GetUsageRequest) -> FileUsage;
    mint_download(MintDownloadRequest) -> MintDownloadReply;
    redeem_download(RedeemDownloadRequest) -> RedeemDownloadReply;
    erase_files(ErasePersonRequest) -> ErasePersonReply;
);

service!(Journal {
    async fn may_read_files(&self, _: &Context, r: MayReadFilesRequest) -> Result<MayReadFilesReply> {
        let state = self.state.lock();
        let names = |entry: &Entry, id: &Vec<u8>| match &entry.content.as_ref().unwrap().kind {
            Some(Kind::Image(image)) => image.file_id == *id,
            Some(Kind::File(file)) => file.file_id == *id,
            Some(Kind::Voice(voice)) => voice.file_id == *id,
            _ => false,
        };
        let readable = |id: &Vec<u8>| {
            state.entries.iter().any(|entry| names(entry, id) && state.room(&entry.conversation_id, &r.user_id).is_ok())
        };
        Ok(MayReadFilesReply { file_ids: r.file_ids.iter().filter(|id| readable(id)).cloned().collect() })
    }
}
    read_on(ReadOnRequest) -> ReadOnReply;
    list_visible(ListVisibleRequest) -> ListVisibleReply;
    look_up(LookUpRequest) -> LookUpReply;
    set_transcript(SetTranscriptRequest) -> Entry;
);

service!(Search {
    async fn search_messages(&self, _: &Context, r: SearchMessagesRequest) -> Result<SearchMessagesReply> {
        let state = self.state.lock();
        let says = |entry: &&Entry| {
            entry.conversation_id == r.conversation_id
                && matches!(&entry.content.as_ref().unwrap().kind, Some(Kind::Text(text)) if text.text.contains(&r.query))
        };
        let found = state.entries.iter().rev().filter(says).cloned();
        let items = found.map(|entry| MessageHit { entry: Some(entry), ..MessageHit::default() }).collect();
        Ok(SearchMessagesReply { items, ..SearchMessagesReply::default() })
    }

    async fn search_users(&self, _: &Context, r: SearchUsersRequest) -> Result<SearchUsersReply> {
        let state = self.state.lock();
        let found = |person: &&Person| person.profile.nickname.contains(&r.query) || person.phone == r.query;
        let items = state.people.values().filter(found).map(|person| person.profile.clone()).collect();
        Ok(SearchUsersReply { items, ..SearchUsersReply::default() })
    }
}
);

service!(Speech {
    async fn recognize(&self, _: &Context, r: RecognizeRequest) -> Result<RecognizeReply> {
        assert!(r.media_type.is_empty());
        match r.audio.len() {
            0..4 => Err(Error::new(Code::Unsupported, "too short")),
            _ => Ok(RecognizeReply { text: "ten four".into() }),
        }
    }
}
    transcribe(TranscribeRequest) -> RecognizeReply;
);

#[async_trait::async_trait]
impl Events for World {
    async fn follow(&self, _: &Context, _: FollowRequest) -> Result<Streaming<EventBatch>> {
        let (sender, receiver) = mpsc::channel(1_024);
        {
            let mut state = self.state.lock();
            let first = EventBatch { through: state.position, ..EventBatch::default() };
            sender.try_send(Ok(first)).unwrap();
            state.followers = vec![sender.clone()];
        }
        let world = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let beat = EventBatch { through: world.state.lock().position, ..EventBatch::default() };
                if sender.send(Ok(beat)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }
}

/// The adapter with everything behind it, and people in it.
pub struct Town {
    pub address: SocketAddr,
    world: World,
}

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Resident {
    address: SocketAddr,
    pub name: String,
    pub token: String,
    pub id: String,
}

impl Town {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut GatewayOptions)) -> Self {
        let world = World::default();
        let one = Arc::new(world.clone());
        let services = GatewayServices {
            users: one.clone(),
            auth: one.clone(),
            contacts: one.clone(),
            conversations: one.clone(),
            messages: one.clone(),
            events: one.clone(),
            phones: one.clone(),
            opaque: one.clone(),
            files: one.clone(),
            journal: one.clone(),
            search: one.clone(),
            speech: one,
        };
        let mut options = GatewayOptions::default();
        options.timings.sweep = Duration::from_millis(50);
        change(&mut options);
        let gateway = Gateway::new(services, options, Clock::system());
        gateway.start();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = chatroom::router(gateway.clone());
        tokio::spawn(anser_gateway::serve(listener, router, Default::default(), ListenerOptions::default()));
        while !gateway.connected() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { address, world }
    }

    /// Makes somebody and logs them in.
    pub async fn person(&self, name: &str) -> Resident {
        let who = [field(2, name), field(3, "Passw123")];
        assert_eq!(call(self.address, "/service/user/username_register", &who).await.errmsg(), "");
        self.login(name).await
    }

    /// Another session of somebody.
    pub async fn login(&self, name: &str) -> Resident {
        let who = [field(2, name), field(3, "Passw123")];
        let answered = call(self.address, "/service/user/username_login", &who).await;
        assert_eq!(answered.errmsg(), "");
        let token = answered.text(4);
        let id = self.world.state.lock().named(name).unwrap();
        let id = Id::try_from(&id[..]).unwrap().to_string();
        Resident { address: self.address, name: name.into(), token, id }
    }

    /// Two people who are friends; and the name of their conversation.
    pub async fn friends(&self, one: &Resident, other: &Resident) -> String {
        assert_eq!(one.asks("/service/friend/add_friend_apply", 2, &[field(4, &other.id)]).await.errmsg(), "");
        let yes = [crate::client::number(3, 1), field(4, &one.id)];
        let answered = other.asks("/service/friend/add_friend_process", 5, &yes).await;
        assert_eq!(answered.errmsg(), "");
        answered.text(4)
    }

    /// Ends a session.
    pub fn end(&self, token: &str) {
        let mut state = self.world.state.lock();
        let SessionClaims { user_id, session_id, .. } = state.sessions.remove(token).unwrap();
        state.ended.push(session_id.clone());
        state.tell(Event::SessionRevoked(SessionRevoked { user_id, session_id, ..SessionRevoked::default() }));
    }

    /// From now on nobody may send.
    pub fn limit_sends(&self) {
        self.world.state.lock().limited = true;
    }

    /// A message that another client sends, of a kind that these do not know or do.
    pub fn said(&self, room: &str, sender: &Resident, content: Content) -> i64 {
        let (room, sender): (Id, UserId) = (room.parse().unwrap(), sender.id.parse().unwrap());
        self.world.state.lock().append(&room.0, sender.as_bytes(), &[7; 16], content).seq
    }

    /// A message's words as they now stand.
    pub fn becomes(&self, seq: i64, content: Content) {
        let mut state = self.world.state.lock();
        state.entries.iter_mut().find(|entry| entry.seq == seq).unwrap().content = Some(content);
    }

    /// The store loses a file.
    pub fn lose(&self, file_id: &str) {
        let id: Id = file_id.parse().unwrap();
        self.world.state.lock().files.remove(&id.0[..]);
    }

    /// Somebody's profile goes.
    pub fn forget(&self, person: &Resident) {
        let id: UserId = person.id.parse().unwrap();
        self.world.state.lock().people.remove(id.as_bytes());
    }
}

impl Resident {
    /// Calls with the token at the number where this request has it.
    pub async fn asks(&self, path: &str, token_at: u64, fields: &[Vec<u8>]) -> Fields {
        let mut all = vec![field(token_at, &self.token)];
        all.extend_from_slice(fields);
        call(self.address, path, &all).await
    }

    /// Opens a WebSocket.
    pub async fn online(&self) -> Pushes {
        Pushes::open(self.address, &self.token).await
    }

    /// Sends some text; answers what it was answered.
    pub async fn says(&self, room: &str, text: &str) -> Fields {
        let content = field(5, field(2, field(1, text)));
        self.asks("/service/message_transmit/new_message", 3, &[field(4, room), content]).await
    }

    /// The newest messages.
    pub async fn recent(&self, room: &str, count: u64) -> Fields {
        let fields = [field(2, room), crate::client::number(3, count)];
        self.asks("/service/message_storage/get_recent", 6, &fields).await
    }
}

/// What a message's text is, if it is one.
pub fn words(message: &Fields) -> String {
    message.sub(5).sub(2).text(1)
}
