//! Services that keep everything in memory: people, sessions, events, and a log with its link.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use anser_contract::{
    Context, Streaming,
    v1::{link_down::Down, link_up::Up, service_event::Event, *},
};
use anser_types::{Clock, Code, Error, Result, SessionId, UserId};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::StreamExt;
use parking_lot::Mutex;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

const BEACON: Duration = Duration::from_millis(200);

fn no<T>() -> Result<T> {
    Err(Error::internal("not in this test"))
}

/// Auth with one key.
pub struct FakeAuth {
    pub clock: Clock,
    key: EcdsaKeyPair,
    pub tickets: Mutex<HashMap<String, SessionClaims>>,
    pub ended: Mutex<Vec<SessionId>>,
}

impl FakeAuth {
    pub fn new(clock: Clock) -> Arc<Self> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Arc::new(Self { clock, key, tickets: Mutex::default(), ended: Mutex::default() })
    }

    /// A token that says what the claims say, signed.
    pub fn token(&self, user: UserId, session: SessionId, change: impl FnOnce(&mut serde_json::Value)) -> String {
        let now = self.clock.now() / 1_000;
        let header = r#"{"alg":"ES256","typ":"at+jwt","kid":"k1"}"#;
        let mut claims = serde_json::json!({
            "iss": "anser", "aud": "clients", "sub": user.to_string(), "sid": session.to_string(), "did": "d",
            "scope": "all", "iat": now, "exp": now + 600, "jti": "1",
        });
        change(&mut claims);
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

#[async_trait::async_trait]
#[rustfmt::skip]
impl Auth for FakeAuth {
    async fn register(&self, _: &Context, _: RegisterRequest) -> Result<RegisterReply> { no() }
    async fn login(&self, _: &Context, _: LoginRequest) -> Result<TokenReply> { no() }
    async fn refresh(&self, _: &Context, _: RefreshRequest) -> Result<TokenReply> { no() }
    async fn list_sessions(&self, _: &Context, _: ListSessionsRequest) -> Result<ListSessionsReply> { no() }
    async fn end_session(&self, _: &Context, _: EndSessionRequest) -> Result<EndSessionReply> { no() }
    async fn change_password(&self, _: &Context, _: ChangePasswordRequest) -> Result<ChangePasswordReply> { no() }
    async fn change_username(&self, _: &Context, _: ChangeUsernameRequest) -> Result<ChangeUsernameReply> { no() }
    async fn close_account(&self, _: &Context, _: CloseAccountRequest) -> Result<CloseAccountReply> { no() }
    async fn list_closing(&self, _: &Context, _: ListClosingRequest) -> Result<ListClosingReply> { no() }
    async fn finish_closing(&self, _: &Context, _: FinishClosingRequest) -> Result<FinishClosingReply> { no() }
    async fn mint_ticket(&self, _: &Context, _: MintTicketRequest) -> Result<MintTicketReply> { no() }
    async fn find_by_username(&self, _: &Context, _: FindByUsernameRequest) -> Result<FindByUsernameReply> { no() }

    async fn redeem_ticket(&self, _: &Context, request: RedeemTicketRequest) -> Result<SessionClaims> {
        self.tickets.lock().remove(&request.ticket).ok_or_else(|| Error::new(Code::Unauthenticated, "no such ticket"))
    }

    async fn get_verify_keys(&self, _: &Context, _: GetVerifyKeysRequest) -> Result<GetVerifyKeysReply> {
        let key = VerifyKey { kid: "k1".into(), public_key: self.key.public_key().as_ref().to_vec() };
        Ok(GetVerifyKeysReply { keys: vec![key], issuer: "anser".into(), audience: "clients".into() })
    }

    async fn check_sessions(&self, _: &Context, request: CheckSessionsRequest) -> Result<CheckSessionsReply> {
        let ended = self.ended.lock();
        let is_ended = |id: &Vec<u8>| ended.iter().any(|session| session.as_bytes() == id);
        Ok(CheckSessionsReply { ended: request.session_ids.into_iter().filter(is_ended).collect() })
    }

    async fn ended_since(&self, _: &Context, _: EndedSinceRequest) -> Result<EndedSinceReply> {
        Ok(EndedSinceReply { session_ids: self.ended.lock().iter().map(|session| session.to_vec()).collect() })
    }
}

#[async_trait::async_trait]
#[rustfmt::skip]
impl Phones for FakeAuth {
    async fn request_code(&self, _: &Context, _: RequestCodeRequest) -> Result<RequestCodeReply> { no() }
    async fn register_by_phone(&self, _: &Context, _: RegisterByPhoneRequest) -> Result<RegisterReply> { no() }
    async fn login_by_phone(&self, _: &Context, _: LoginByPhoneRequest) -> Result<TokenReply> { no() }
    async fn change_phone(&self, _: &Context, _: ChangePhoneRequest) -> Result<ChangePhoneReply> { no() }
    async fn reset_password(&self, _: &Context, _: ResetByPhoneRequest) -> Result<ResetByPhoneReply> { no() }
    async fn find_by_phone(&self, _: &Context, _: FindByPhoneRequest) -> Result<FindByUsernameReply> { no() }
}

#[async_trait::async_trait]
#[rustfmt::skip]
impl OpaqueSessions for FakeAuth {
    async fn resolve(&self, _: &Context, _: ResolveRequest) -> Result<SessionClaims> { no() }
}

/// Whom no frame reaches.
pub struct FakeJournal;

#[async_trait::async_trait]
#[rustfmt::skip]
impl Journal for FakeJournal {
    async fn read_on(&self, _: &Context, _: ReadOnRequest) -> Result<ReadOnReply> { no() }
    async fn list_visible(&self, _: &Context, _: ListVisibleRequest) -> Result<ListVisibleReply> { no() }
    async fn look_up(&self, _: &Context, _: LookUpRequest) -> Result<LookUpReply> { no() }
    async fn may_read_files(&self, _: &Context, _: MayReadFilesRequest) -> Result<MayReadFilesReply> { no() }
    async fn set_transcript(&self, _: &Context, _: SetTranscriptRequest) -> Result<Entry> { no() }
}

/// Whom no frame reaches.
pub struct FakeSpeech;

#[async_trait::async_trait]
#[rustfmt::skip]
impl Speech for FakeSpeech {
    async fn recognize(&self, _: &Context, _: RecognizeRequest) -> Result<RecognizeReply> { no() }
    async fn transcribe(&self, _: &Context, _: TranscribeRequest) -> Result<RecognizeReply> { no() }
}

/// Profiles: everybody has one that says their id.
pub struct FakeUsers;

#[async_trait::async_trait]
#[rustfmt::skip]
impl Users for FakeUsers {
    async fn create_user(&self, _: &Context, _: CreateUserRequest) -> Result<OwnProfile> { no() }
    async fn get_me(&self, _: &Context, _: GetMeRequest) -> Result<OwnProfile> { no() }

    async fn update_profile(&self, _: &Context, _: UpdateProfileRequest) -> Result<OwnProfile> { no() }
    async fn set_phone(&self, _: &Context, _: SetPhoneRequest) -> Result<SetPhoneReply> { no() }
    async fn close_profile(&self, _: &Context, _: CloseProfileRequest) -> Result<CloseProfileReply> { no() }
    async fn rename_user(&self, _: &Context, _: RenameUserRequest) -> Result<RenameUserReply> { no() }
    async fn list_changed(&self, _: &Context, _: ListChangedRequest) -> Result<ListChangedReply> { no() }
    async fn note_seen(&self, _: &Context, _: NoteSeenRequest) -> Result<NoteSeenReply> { no() }
    async fn list_seen(&self, _: &Context, _: ListSeenRequest) -> Result<ListSeenReply> { no() }
    async fn get_privacy(&self, _: &Context, _: GetPrivacyRequest) -> Result<Privacy> { no() }
    async fn list_privacy(&self, _: &Context, _: ListPrivacyRequest) -> Result<ListPrivacyReply> { no() }
    async fn update_privacy(&self, _: &Context, _: UpdatePrivacyRequest) -> Result<Privacy> { no() }

    async fn get_users(&self, _: &Context, request: GetUsersRequest) -> Result<GetUsersReply> {
        let profile = |user_id: Vec<u8>| PublicProfile { nickname: format!("nick {}", user_id[0]), user_id, ..Default::default() };
        Ok(GetUsersReply { users: request.user_ids.into_iter().map(profile).collect() })
    }

    async fn sync_profile(&self, ctx: &Context, request: SyncProfileRequest) -> Result<SyncProfileReply> {
        let me = OwnProfile { user_id: ctx.user()?.to_vec(), version: 1, ..Default::default() };
        Ok(SyncProfileReply { me: (request.since < 1).then_some(me), version: 1 })
    }
}

/// Search: nothing is looked for here.
pub struct FakeSearch;

#[async_trait::async_trait]
#[rustfmt::skip]
impl Search for FakeSearch {
    async fn search_messages(&self, _: &Context, _: SearchMessagesRequest) -> Result<SearchMessagesReply> { no() }
    async fn search_users(&self, _: &Context, _: SearchUsersRequest) -> Result<SearchUsersReply> { no() }
}

/// Contacts: one version for everybody.
#[derive(Default)]
pub struct FakeContacts {
    pub version: Mutex<i64>,
}

#[async_trait::async_trait]
#[rustfmt::skip]
impl Contacts for FakeContacts {
    async fn request_friend(&self, _: &Context, _: RequestFriendRequest) -> Result<FriendRequest> { no() }
    async fn find_person(&self, _: &Context, _: FindPersonRequest) -> Result<FindPersonReply> { no() }
    async fn list_findable(&self, _: &Context, _: ListFindableRequest) -> Result<ListFindableReply> { no() }
    async fn list_requests(&self, _: &Context, _: ListRequestsRequest) -> Result<ListRequestsReply> { no() }
    async fn get_request(&self, _: &Context, _: AnswerRequest) -> Result<FriendRequest> { no() }
    async fn accept_request(&self, _: &Context, _: AnswerRequest) -> Result<FriendRequest> { no() }
    async fn reject_request(&self, _: &Context, _: AnswerRequest) -> Result<FriendRequest> { no() }
    async fn list_friends(&self, _: &Context, _: ListFriendsRequest) -> Result<ListFriendsReply> { no() }
    async fn delete_friend(&self, _: &Context, _: DeleteFriendRequest) -> Result<DeleteFriendReply> { no() }

    async fn erase_person(&self, _: &Context, _: ErasePersonRequest) -> Result<ErasePersonReply> { no() }
    async fn block(&self, _: &Context, _: BlockRequest) -> Result<Block> { no() }
    async fn unblock(&self, _: &Context, _: BlockRequest) -> Result<UnblockReply> { no() }
    async fn list_blocks(&self, _: &Context, _: ListBlocksRequest) -> Result<ListBlocksReply> { no() }
    async fn update_friend(&self, _: &Context, _: UpdateFriendRequest) -> Result<Friend> { no() }
    async fn list_categories(&self, _: &Context, _: ListCategoriesRequest) -> Result<FriendCategories> { no() }
    async fn create_category(&self, _: &Context, _: CreateCategoryRequest) -> Result<FriendCategory> { no() }
    async fn rename_category(&self, _: &Context, _: RenameCategoryRequest) -> Result<FriendCategory> { no() }
    async fn delete_category(&self, _: &Context, _: DeleteCategoryRequest) -> Result<DeleteCategoryReply> { no() }

    async fn get_presence(&self, _: &Context, _: GetPresenceRequest) -> Result<GetPresenceReply> { no() }
    async fn sync_contacts(&self, _: &Context, _: SyncContactsRequest) -> Result<SyncContactsReply> {
        Ok(SyncContactsReply { version: *self.version.lock(), ..Default::default() })
    }
}

/// No conversations but those of the log.
pub struct FakeConversations;

#[async_trait::async_trait]
#[rustfmt::skip]
impl Conversations for FakeConversations {
    async fn create_group(&self, _: &Context, _: CreateGroupRequest) -> Result<Conversation> { no() }
    async fn open_direct(&self, _: &Context, _: OpenDirectRequest) -> Result<Conversation> { no() }
    async fn get_conversation(&self, _: &Context, _: GetConversationRequest) -> Result<Conversation> { no() }
    async fn list_conversations(&self, _: &Context, _: ListConversationsRequest) -> Result<ListConversationsReply> { no() }
    async fn list_members(&self, _: &Context, _: ListMembersRequest) -> Result<ListMembersReply> { no() }
    async fn invite(&self, _: &Context, _: InviteRequest) -> Result<InviteReply> { no() }
    async fn list_invitations(&self, _: &Context, _: ListInvitationsRequest) -> Result<ListInvitationsReply> { no() }
    async fn accept_invitation(&self, _: &Context, _: AnswerInvitationRequest) -> Result<Conversation> { no() }
    async fn decline_invitation(&self, _: &Context, _: AnswerInvitationRequest) -> Result<DeclineInvitationReply> { no() }
    async fn remove_member(&self, _: &Context, _: RemoveMemberRequest) -> Result<RemoveMemberReply> { no() }
    async fn leave(&self, _: &Context, _: LeaveRequest) -> Result<LeaveReply> { no() }
    async fn change_role(&self, _: &Context, _: ChangeRoleRequest) -> Result<Member> { no() }
    async fn change_group(&self, _: &Context, _: ChangeGroupRequest) -> Result<Conversation> { no() }
    async fn transfer_ownership(&self, _: &Context, _: TransferOwnershipRequest) -> Result<Conversation> { no() }
    async fn dismiss_group(&self, _: &Context, _: DismissGroupRequest) -> Result<Conversation> { no() }
    async fn mute(&self, _: &Context, _: MuteRequest) -> Result<MuteReply> { no() }
    async fn set_member_nickname(&self, _: &Context, _: SetMemberNicknameRequest) -> Result<Member> { no() }
    async fn create_join_link(&self, _: &Context, _: CreateJoinLinkRequest) -> Result<JoinLink> { no() }
    async fn list_join_links(&self, _: &Context, _: ListJoinLinksRequest) -> Result<ListJoinLinksReply> { no() }
    async fn revoke_join_link(&self, _: &Context, _: RevokeJoinLinkRequest) -> Result<RevokeJoinLinkReply> { no() }
    async fn look_at_join_link(&self, _: &Context, _: JoinByLinkRequest) -> Result<JoinLinkView> { no() }
    async fn join_by_link(&self, _: &Context, _: JoinByLinkRequest) -> Result<JoinByLinkReply> { no() }
    async fn list_join_requests(&self, _: &Context, _: ListJoinRequestsRequest) -> Result<ListJoinRequestsReply> { no() }
    async fn answer_join_request(&self, _: &Context, _: AnswerJoinRequestRequest) -> Result<AnswerJoinRequestReply> { no() }
    async fn change_settings(&self, _: &Context, _: ChangeSettingsRequest) -> Result<ConversationSettings> { no() }
    async fn sync_settings(&self, _: &Context, _: SyncSettingsRequest) -> Result<SyncSettingsReply> {
        Ok(SyncSettingsReply::default())
    }
    async fn erase_person(&self, _: &Context, _: ErasePersonRequest) -> Result<ErasePersonReply> { no() }
    async fn list_online(&self, _: &Context, _: ListOnlineRequest) -> Result<ListOnlineReply> { no() }
    async fn apply_relation(&self, _: &Context, _: ApplyRelationRequest) -> Result<ApplyRelationReply> { no() }
}

/// Events as a test tells them.
#[derive(Default)]
pub struct FakeEvents {
    followers: Mutex<Vec<mpsc::Sender<Result<EventBatch>>>>,
    position: Mutex<i64>,
}

impl FakeEvents {
    pub async fn tell(&self, event: Event) {
        let position = {
            let mut position = self.position.lock();
            *position += 1;
            *position
        };
        let batch =
            EventBatch { items: vec![ServiceEvent { position, event: Some(event) }], through: position, reset: false };
        let followers = self.followers.lock().clone();
        for follower in followers {
            let _ = follower.send(Ok(batch.clone())).await;
        }
    }

    pub fn break_off(&self) {
        self.followers.lock().clear();
    }
}

#[async_trait::async_trait]
impl Events for FakeEvents {
    async fn follow(&self, _: &Context, _: FollowRequest) -> Result<Streaming<EventBatch>> {
        let (sender, receiver) = mpsc::channel(64);
        let first = EventBatch { through: *self.position.lock(), ..Default::default() };
        sender.try_send(Ok(first.clone())).unwrap();
        self.followers.lock().push(sender.clone());
        let weak = sender.downgrade();
        drop(sender);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(BEACON).await;
                let Some(sender) = weak.upgrade() else { return };
                if sender.send(Ok(first.clone())).await.is_err() {
                    return;
                }
            }
        });
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }
}

/// Messaging: one log for everything, members that never change.
#[derive(Clone, Default)]
pub struct FakeMessages(pub Arc<Mutex<Log>>);

#[derive(Default)]
pub struct Log {
    pub epoch: Vec<u8>,
    /// Who is in which conversation.
    pub members: HashMap<Vec<u8>, Vec<UserId>>,
    /// Entries; the position is the place, counted from one.
    pub entries: Vec<Entry>,
    keys: HashMap<(Vec<u8>, Vec<u8>), SendAck>,
    links: Vec<FakeLink>,
    /// Streams that stand and say nothing any more.
    hung: Vec<FakeLink>,
    /// Outcomes are held back.
    pub silent: bool,
    /// The stream cannot be opened.
    pub away: bool,
    pub resume_limit: Option<usize>,
    pub batches: Vec<usize>,
}

struct FakeLink {
    down: mpsc::Sender<Result<LinkDown>>,
    number: u64,
    users: HashSet<UserId>,
}

impl FakeLink {
    fn send(&mut self, epoch: &[u8], down: Down) {
        self.number += 1;
        let _ = self.down.try_send(Ok(LinkDown { number: self.number, epoch: epoch.to_vec(), down: Some(down) }));
    }
}

impl FakeMessages {
    /// A conversation of `members`.
    pub fn room(&self, id: u8, members: &[UserId]) -> Vec<u8> {
        self.0.lock().members.insert(vec![id; 16], members.to_vec());
        vec![id; 16]
    }

    /// Ends every stream.
    pub fn break_links(&self) {
        self.0.lock().links.clear();
    }

    /// Lets every stream stand and say nothing any more.
    pub fn hang_links(&self) {
        let mut log = self.0.lock();
        let hung = std::mem::take(&mut log.links);
        log.hung.extend(hung);
    }

    /// Leaves a number out, as if a message had been lost.
    pub fn lose_one(&self) {
        self.0.lock().links.iter_mut().for_each(|link| link.number += 1);
    }

    /// Appends without a sender's link.
    pub fn append_text(&self, room: &[u8], sender: UserId, text: &str) -> i64 {
        let mut log = self.0.lock();
        let send = SendMessage {
            conversation_id: room.to_vec(),
            client_msg_id: rand::random::<[u8; 16]>().to_vec(),
            content: Some(Content::from(content::Kind::Text(Text { text: text.into() }))),
            ..SendMessage::default()
        };
        let (ack, entry) = log.append(sender, send).unwrap();
        log.hint(entry.into_iter().collect(), &[]);
        ack.seq
    }

    /// Sends hints as they are.
    pub fn hint(&self, hint: Hint) {
        let mut log = self.0.lock();
        let (epoch, through_position) = (log.epoch.clone(), log.entries.len() as i64);
        for link in &mut log.links {
            link.send(&epoch, Down::Hints(Hints { items: vec![hint.clone()], through_position }));
        }
    }

    /// Tells every gateway to let its clients sync.
    pub fn reset(&self) {
        let mut log = self.0.lock();
        let (epoch, position) = (log.epoch.clone(), log.entries.len() as i64);
        for link in &mut log.links {
            link.send(&epoch, Down::Reset(Reset { reason: "test".into(), position }));
        }
    }

    pub fn attached(&self, user: UserId) -> bool {
        self.0.lock().links.iter().any(|link| link.users.contains(&user))
    }
}

impl Log {
    fn append(&mut self, sender: UserId, send: SendMessage) -> Result<(SendAck, Option<Entry>)> {
        let room = send.conversation_id.clone();
        if !self.members.get(&room).is_some_and(|members| members.contains(&sender)) {
            return Err(Error::not_found("conversation"));
        }
        let key = (room.clone(), send.client_msg_id.clone());
        if let Some(first) = self.keys.get(&key) {
            return Ok((SendAck { dup: true, ..first.clone() }, None));
        }
        let seq = self.entries.iter().filter(|entry| entry.conversation_id == room).count() as i64 + 1;
        let ack = SendAck {
            client_msg_id: send.client_msg_id.clone(),
            conversation_id: room.clone(),
            seq,
            ..Default::default()
        };
        let entry = Entry {
            conversation_id: room,
            seq,
            sender_id: sender.to_vec(),
            client_msg_id: send.client_msg_id,
            content: send.content,
            countable: true,
            ..Default::default()
        };
        self.keys.insert(key, ack.clone());
        self.entries.push(entry.clone());
        Ok((ack, Some(entry)))
    }

    /// One hint for each entry, at each link for who is there.
    fn hint(&mut self, entries: Vec<Entry>, origins: &[(usize, i64, u64)]) {
        let (epoch, through_position) = (self.epoch.clone(), self.entries.len() as i64);
        for (place, link) in self.links.iter_mut().enumerate() {
            let mut items = Vec::new();
            for entry in &entries {
                let here = self.members[&entry.conversation_id].iter().filter(|user| link.users.contains(user));
                let of_link = origins.iter().filter(|(at, seq, _)| *at == place && *seq == entry.seq);
                items.push(Hint {
                    conversation_id: entry.conversation_id.clone(),
                    entries: vec![entry.clone()],
                    user_ids: here.map(|user| user.to_vec()).collect(),
                    origins: of_link.map(|&(_, seq, tag)| Origin { seq, tag }).collect(),
                    ..Default::default()
                });
            }
            link.send(&epoch, Down::Hints(Hints { items, through_position }));
        }
    }

    fn take(&mut self, place: usize, up: LinkUp) {
        let (epoch, position) = (self.epoch.clone(), self.entries.len() as i64);
        match up.up {
            Some(Up::Attach(attach)) => {
                let link = &mut self.links[place];
                link.users.extend(attach.user_ids.iter().map(|id| UserId::try_from(&id[..]).unwrap()));
                link.send(&epoch, Down::Attached(Attached { user_ids: attach.user_ids, position }));
            }
            Some(Up::Detach(detach)) => {
                for id in detach.user_ids {
                    self.links[place].users.remove(&UserId::try_from(&id[..]).unwrap());
                }
            }
            Some(Up::Sends(batch)) => self.sends(place, batch),
            Some(Up::Delivered(_) | Up::Open(_) | Up::Watch(_)) | None => {}
        }
    }

    fn sends(&mut self, place: usize, batch: SendBatch) {
        self.batches.push(batch.items.len());
        if self.silent {
            return;
        }
        let (mut outcomes, mut entries, mut origins) = (Vec::new(), Vec::new(), Vec::new());
        for item in batch.items {
            let user = UserId::try_from(&item.user_id[..]).unwrap();
            let (ack, error) = match self.append(user, item.send.unwrap()) {
                Ok((ack, entry)) => {
                    if let Some(entry) = entry {
                        origins.push((place, ack.seq, item.tag));
                        entries.push(entry);
                    }
                    (Some(ack), None)
                }
                Err(error) => (None, Some(Box::new(error.into()))),
            };
            outcomes.push(Outcome { tag: item.tag, ack, error });
        }
        let epoch = self.epoch.clone();
        self.links[place].send(&epoch, Down::Outcomes(Outcomes { items: outcomes }));
        self.hint(entries, &origins);
    }

    fn open(&mut self, open: LinkOpen, down: mpsc::Sender<Result<LinkDown>>) {
        let users: HashSet<UserId> = open.user_ids.iter().map(|id| UserId::try_from(&id[..]).unwrap()).collect();
        let epoch = self.epoch.clone();
        let position = self.entries.len() as i64;
        let mut link = FakeLink { down, number: 0, users };
        link.send(&epoch, Down::Beacon(Beacon { through_position: position }));
        self.links.push(link);
        if open.after_position > 0 && open.after_position <= position {
            let missed = self.entries[open.after_position as usize..].to_vec();
            self.hint(missed, &[]);
        }
        let link = self.links.last_mut().unwrap();
        link.send(&epoch, Down::Attached(Attached { user_ids: open.user_ids, position }));
    }
}

#[async_trait::async_trait]
#[rustfmt::skip]
impl Messages for FakeMessages {
    async fn append(&self, _: &Context, _: AppendRequest) -> Result<AppendReply> { no() }
    async fn history(&self, _: &Context, _: HistoryRequest) -> Result<HistoryReply> { no() }

    async fn heads(&self, ctx: &Context, _: HeadsRequest) -> Result<HeadsReply> {
        ctx.user()?;
        Ok(HeadsReply { next_token: "t".into(), ..Default::default() })
    }

    async fn sync_many(&self, ctx: &Context, request: SyncManyRequest) -> Result<SyncManyReply> {
        let user = ctx.user()?;
        let log = self.0.lock();
        let result = |from: SyncFrom| {
            if !log.members.get(&from.conversation_id).is_some_and(|members| members.contains(&user)) {
                let error = Some(Error::not_found("conversation").into());
                return SyncResult { conversation_id: from.conversation_id, page: None, error };
            }
            let entries = log.entries.iter().filter(|entry| entry.conversation_id == from.conversation_id && entry.seq > from.after_seq);
            let page = SyncPage { entries: entries.cloned().collect(), conversation_id: from.conversation_id.clone(), ..Default::default() };
            SyncResult { conversation_id: from.conversation_id, page: Some(page), error: None }
        };
        Ok(SyncManyReply { items: request.items.into_iter().map(result).collect() })
    }

    async fn edit(&self, _: &Context, request: EditRequest) -> Result<Changed> {
        Ok(Changed { conversation_id: request.conversation_id, seq: request.seq, version: 2, change_seq: 9 })
    }
    async fn recall(&self, _: &Context, request: RecallRequest) -> Result<Changed> {
        Ok(Changed { conversation_id: request.conversation_id, seq: request.seq, version: 3, change_seq: 9 })
    }
    async fn list_versions(&self, _: &Context, _: ListVersionsRequest) -> Result<ListVersionsReply> { no() }
    async fn delete_for_me(&self, _: &Context, _: DeleteForMeRequest) -> Result<DeleteForMeReply> { no() }
    async fn set_reaction(&self, _: &Context, request: SetReactionRequest) -> Result<Changed> {
        Ok(Changed { conversation_id: request.conversation_id, seq: request.seq, version: 1, change_seq: 0 })
    }
    async fn list_reactions(&self, _: &Context, _: ListReactionsRequest) -> Result<ListReactionsReply> { no() }
    async fn set_pin(&self, _: &Context, _: SetPinRequest) -> Result<Changed> { no() }
    async fn list_pins(&self, _: &Context, _: ListPinsRequest) -> Result<ListPinsReply> { no() }
    async fn forward(&self, _: &Context, _: ForwardRequest) -> Result<AppendReply> { no() }
    async fn list_readers(&self, _: &Context, _: ListReadersRequest) -> Result<ListReadersReply> { no() }
    async fn schedule(&self, _: &Context, _: ScheduleRequest) -> Result<ScheduledMessage> { no() }
    async fn reschedule(&self, _: &Context, _: RescheduleRequest) -> Result<ScheduledMessage> { no() }
    async fn cancel_scheduled(&self, _: &Context, _: CancelScheduledRequest) -> Result<CancelScheduledReply> { no() }
    async fn list_scheduled(&self, _: &Context, _: ListScheduledRequest) -> Result<ListScheduledReply> { no() }
    async fn move_read_cursor(&self, ctx: &Context, request: MoveReadCursorRequest) -> Result<ReadMoved> {
        let user = ctx.user()?;
        let read = ReadHint { user_id: user.to_vec(), read_seq: request.read_seq, unread: 0 };
        self.hint(Hint { conversation_id: request.conversation_id.clone(), read: Some(read), ..Default::default() });
        Ok(ReadMoved { conversation_id: request.conversation_id, read_seq: request.read_seq, unread: 0 })
    }

    async fn typing(&self, _: &Context, _: TypingRequest) -> Result<TypingReply> { no() }

    async fn resume(&self, ctx: &Context, request: ResumeRequest) -> Result<ResumeReply> {
        ctx.require_service()?;
        let user = UserId::try_from(&request.user_id[..])?;
        let log = self.0.lock();
        let mine = |entry: &&Entry| log.members[&entry.conversation_id].contains(&user);
        let after = (request.after_position as usize).min(log.entries.len());
        let mut entries: Vec<Entry> = log.entries[after..].iter().filter(mine).cloned().collect();
        if log.resume_limit.is_some_and(|limit| entries.len() > limit) {
            return Ok(ResumeReply { sync_required: true, ..Default::default() });
        }
        entries.sort_by(|a, b| (&a.conversation_id, a.seq).cmp(&(&b.conversation_id, b.seq)));
        Ok(ResumeReply { through_position: log.entries.len() as i64, entries, ..Default::default() })
    }

    async fn link(&self, ctx: &Context, mut request: Streaming<LinkUp>) -> Result<Streaming<LinkDown>> {
        ctx.require_service()?;
        let Some(Ok(LinkUp { up: Some(Up::Open(open)) })) = request.next().await else { return no() };
        let (down, receiver) = mpsc::channel(2_048);
        let beacon = down.downgrade();
        if self.0.lock().away {
            return Err(Error::unavailable("away"));
        }
        self.0.lock().open(open, down.clone());
        let (log, mine) = (self.0.clone(), down.downgrade());
        tokio::spawn(async move {
            while let Some(Ok(up)) = request.next().await {
                let mut log = log.lock();
                let Some(mine) = mine.upgrade() else { return };
                let Some(place) = log.links.iter().position(|link| link.down.same_channel(&mine)) else { return };
                log.take(place, up);
            }
        });
        drop(down);
        let log = self.0.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(BEACON).await;
                let Some(down) = beacon.upgrade() else { return };
                let mut log = log.lock();
                let (epoch, through_position) = (log.epoch.clone(), log.entries.len() as i64);
                let Some(link) = log.links.iter_mut().find(|link| link.down.same_channel(&down)) else { return };
                link.send(&epoch, Down::Beacon(Beacon { through_position }));
            }
        });
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }
}

/// No files.
pub struct NoFiles;

macro_rules! nothing {
    ($service:ident { $($method:ident: $asked:ty => $reply:ty;)* }) => {
        #[async_trait::async_trait]
        impl $service for NoFiles {
            $(async fn $method(&self, _: &Context, _: $asked) -> Result<$reply> {
                Err(Error::unavailable("no files here"))
            })*
        }
    };
}

nothing!(Files {
    create_upload: CreateUploadRequest => Upload;
    write_part: WritePartRequest => WritePartReply;
    get_upload: GetUploadRequest => Upload;
    list_uploads: ListUploadsRequest => ListUploadsReply;
    complete_upload: CompleteUploadRequest => File;
    abort_upload: AbortUploadRequest => AbortUploadReply;
    get_files: GetFilesRequest => GetFilesReply;
    read_file: ReadFileRequest => ReadFileReply;
    claim_files: ClaimFilesRequest => GetFilesReply;
    hold_files: HoldFilesRequest => HoldFilesReply;
    make_avatar: MakeAvatarRequest => File;
    get_usage: GetUsageRequest => FileUsage;
    mint_download: MintDownloadRequest => MintDownloadReply;
    redeem_download: RedeemDownloadRequest => RedeemDownloadReply;
    erase_files: ErasePersonRequest => ErasePersonReply;
});
