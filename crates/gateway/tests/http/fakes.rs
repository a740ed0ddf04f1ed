//! Services that answer what a test needs and note what they were asked.

use std::{sync::Arc, time::Duration};

use anser_contract::{Context, Streaming, v1::*};
use anser_gateway::GatewayServices;
use anser_types::{Clock, Error, Result, SessionId, UserId};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};

pub const ALICE: UserId = UserId([1; 16]);
pub const BOB: UserId = UserId([2; 16]);
pub const SESSION: SessionId = SessionId([9; 16]);

/// One object that is every service.
pub struct Fake {
    pub clock: Clock,
    calls: Mutex<Vec<Call>>,
    fail: Mutex<Option<Error>>,
    pub slow: Mutex<Option<Duration>>,
    pub panic: Mutex<bool>,
    key: EcdsaKeyPair,
}

/// One call that reached a service.
#[derive(Clone)]
pub struct Call {
    pub name: &'static str,
    pub context: Context,
    pub request: String,
}

impl Fake {
    pub fn new() -> Arc<Self> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Arc::new(Self {
            clock: Clock::fixed(1_700_000_000_000),
            calls: Mutex::default(),
            fail: Mutex::default(),
            slow: Mutex::default(),
            panic: Mutex::default(),
            key,
        })
    }

    /// It in the place of every service.
    pub fn services(self: &Arc<Self>) -> GatewayServices {
        GatewayServices {
            users: self.clone(),
            auth: self.clone(),
            phones: self.clone(),
            opaque: self.clone(),
            contacts: self.clone(),
            conversations: self.clone(),
            messages: self.clone(),
            files: self.clone(),
            journal: self.clone(),
            speech: self.clone(),
            events: self.clone(),
            search: self.clone(),
        }
    }

    /// An access token of Alice.
    pub fn token(&self) -> String {
        let now = self.clock.now() / 1_000;
        let header = r#"{"alg":"ES256","typ":"at+jwt","kid":"k1"}"#;
        let claims = serde_json::json!({
            "iss": "anser", "aud": "anser", "sub": ALICE.to_string(), "sid": SESSION.to_string(), "did": "d",
            "iat": now, "exp": now + 600,
        });
        self.sign(header.as_bytes(), claims.to_string().as_bytes())
    }

    /// A token that says this, whatever it is, with a good signature.
    pub fn sign(&self, header: &[u8], claims: &[u8]) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// From now on every call fails with `error`.
    pub fn fail_with(&self, error: Error) {
        *self.fail.lock() = Some(error);
    }

    /// What was asked of `name`, oldest first.
    pub fn calls(&self, name: &str) -> Vec<Call> {
        self.calls.lock().iter().filter(|call| call.name == name).cloned().collect()
    }

    /// What was asked of `name` last.
    pub fn last(&self, name: &str) -> Call {
        self.calls(name).pop().unwrap_or_else(|| panic!("{name} was never called"))
    }

    async fn called(&self, name: &'static str, context: &Context, request: String) -> Result<()> {
        self.calls.lock().push(Call { name, context: context.clone(), request });
        assert!(!*self.panic.lock(), "planted");
        let slow = *self.slow.lock();
        if let Some(slow) = slow {
            tokio::time::sleep(slow).await;
        }
        self.fail.lock().clone().map_or(Ok(()), Err)
    }
}

pub fn profile(user: &[u8]) -> PublicProfile {
    let nickname = if user == BOB.as_bytes() { "Bob" } else { "Alice" };
    PublicProfile {
        user_id: user.to_vec(),
        username: nickname.to_lowercase(),
        nickname: nickname.into(),
        avatar: format!("{nickname}.png"),
        ..PublicProfile::default()
    }
}

pub fn direct(conversation: u8, peer: UserId) -> Conversation {
    Conversation {
        conversation_id: vec![conversation; 16],
        kind: ConversationKind::Direct.into(),
        peer_id: peer.to_vec(),
        my_role: Role::Member.into(),
        unread: 3,
        last_message: Some(Entry { conversation_id: vec![conversation; 16], seq: 7, ..Entry::default() }),
        ..Conversation::default()
    }
}

fn group(title: &str) -> Conversation {
    Conversation {
        conversation_id: vec![8; 16],
        kind: ConversationKind::Group.into(),
        title: title.into(),
        ..Conversation::default()
    }
}

fn category(name: &str) -> FriendCategory {
    FriendCategory { category_id: vec![6; 16], name: name.into() }
}

fn friend_request(state: FriendRequestState) -> FriendRequest {
    FriendRequest {
        request_id: vec![5; 16],
        from_user_id: ALICE.to_vec(),
        to_user_id: BOB.to_vec(),
        state: state.into(),
        ..FriendRequest::default()
    }
}

macro_rules! fake {
    ($service:ident { $($method:ident($request:ident: $asked:ty) -> $reply:ty { $answer:expr })* }) => {
        #[async_trait::async_trait]
        impl $service for Fake {
            $(async fn $method(&self, ctx: &Context, $request: $asked) -> Result<$reply> {
                self.called(stringify!($method), ctx, format!("{:?}", $request)).await?;
                Ok($answer)
            })*
        }
    };
}

fake!(Speech {
    recognize(r: RecognizeRequest) -> RecognizeReply {
        RecognizeReply { text: format!("{} bytes of {}", r.audio.len(), r.media_type) }
    }
    transcribe(_r: TranscribeRequest) -> RecognizeReply { RecognizeReply { text: "good morning".into() } }
});

fake!(Users {
    create_user(_r: CreateUserRequest) -> OwnProfile { OwnProfile::default() }
    get_me(_r: GetMeRequest) -> OwnProfile { OwnProfile { user_id: ALICE.to_vec(), username: "alice".into(), ..OwnProfile::default() } }
    get_users(r: GetUsersRequest) -> GetUsersReply {
        // Nobody has the id of forty-fours.
        GetUsersReply { users: r.user_ids.iter().filter(|id| id.first() != Some(&44)).map(|id| profile(id)).collect() }
    }
    update_profile(r: UpdateProfileRequest) -> OwnProfile {
        OwnProfile { nickname: r.nickname.unwrap_or_default(), signature: r.signature.unwrap_or_default(), ..OwnProfile::default() }
    }
    set_phone(_r: SetPhoneRequest) -> SetPhoneReply { SetPhoneReply {} }
    close_profile(_r: CloseProfileRequest) -> CloseProfileReply { CloseProfileReply {} }
    rename_user(_r: RenameUserRequest) -> RenameUserReply { RenameUserReply {} }
    list_changed(_r: ListChangedRequest) -> ListChangedReply { ListChangedReply::default() }
    get_privacy(_r: GetPrivacyRequest) -> Privacy { Privacy { find_me: Audience::Nobody.into(), ..Privacy::default() } }
    list_privacy(_r: ListPrivacyRequest) -> ListPrivacyReply { ListPrivacyReply::default() }
    update_privacy(r: UpdatePrivacyRequest) -> Privacy { r.privacy.unwrap_or_default() }
    note_seen(_r: NoteSeenRequest) -> NoteSeenReply { NoteSeenReply {} }
    list_seen(_r: ListSeenRequest) -> ListSeenReply { ListSeenReply::default() }
    sync_profile(_r: SyncProfileRequest) -> SyncProfileReply { SyncProfileReply::default() }
});

/// A message that was found.
fn said(text: &str) -> MessageHit {
    let content = Content::from(content::Kind::Text(Text { text: text.into() }));
    let entry = Entry { conversation_id: vec![6; 16], seq: 7, content: Some(content), ..Entry::default() };
    let highlights = vec![Highlight { from: 0, until: text.len() as u32 }];
    MessageHit { entry: Some(entry), snippet: text.into(), highlights }
}

fake!(Search {
    search_messages(_r: SearchMessagesRequest) -> SearchMessagesReply {
        SearchMessagesReply { items: vec![said("hello")], next_cursor: "more".into(), degraded: true }
    }
    search_users(_r: SearchUsersRequest) -> SearchUsersReply {
        SearchUsersReply { items: vec![profile(BOB.as_bytes())], ..SearchUsersReply::default() }
    }
});

#[async_trait::async_trait]
impl Auth for Fake {
    async fn register(&self, ctx: &Context, r: RegisterRequest) -> Result<RegisterReply> {
        self.called("register", ctx, format!("{r:?}")).await?;
        Ok(RegisterReply { user_id: ALICE.to_vec() })
    }
    async fn login(&self, ctx: &Context, r: LoginRequest) -> Result<TokenReply> {
        self.called("login", ctx, format!("{r:?}")).await?;
        Ok(TokenReply { user_id: ALICE.to_vec(), access_token: "access".into(), ..TokenReply::default() })
    }
    async fn refresh(&self, ctx: &Context, r: RefreshRequest) -> Result<TokenReply> {
        self.called("refresh", ctx, format!("{r:?}")).await?;
        Ok(TokenReply::default())
    }
    async fn list_sessions(&self, ctx: &Context, r: ListSessionsRequest) -> Result<ListSessionsReply> {
        self.called("list_sessions", ctx, format!("{r:?}")).await?;
        Ok(ListSessionsReply {
            items: vec![Session { session_id: SESSION.to_vec(), current: true, ..Session::default() }],
        })
    }
    async fn end_session(&self, ctx: &Context, r: EndSessionRequest) -> Result<EndSessionReply> {
        self.called("end_session", ctx, format!("{r:?}")).await?;
        Ok(EndSessionReply {})
    }
    async fn change_password(&self, ctx: &Context, r: ChangePasswordRequest) -> Result<ChangePasswordReply> {
        self.called("change_password", ctx, format!("{r:?}")).await?;
        Ok(ChangePasswordReply {})
    }
    async fn change_username(&self, ctx: &Context, r: ChangeUsernameRequest) -> Result<ChangeUsernameReply> {
        self.called("change_username", ctx, format!("{r:?}")).await?;
        Ok(ChangeUsernameReply {})
    }
    async fn close_account(&self, ctx: &Context, r: CloseAccountRequest) -> Result<CloseAccountReply> {
        self.called("close_account", ctx, format!("{r:?}")).await?;
        Ok(CloseAccountReply {})
    }
    async fn list_closing(&self, _: &Context, _: ListClosingRequest) -> Result<ListClosingReply> {
        Ok(ListClosingReply::default())
    }
    async fn finish_closing(&self, _: &Context, _: FinishClosingRequest) -> Result<FinishClosingReply> {
        Ok(FinishClosingReply {})
    }
    async fn mint_ticket(&self, ctx: &Context, r: MintTicketRequest) -> Result<MintTicketReply> {
        self.called("mint_ticket", ctx, format!("{r:?}")).await?;
        Ok(MintTicketReply { ticket: "at_x".into(), expires_at: 1 })
    }
    async fn redeem_ticket(&self, _: &Context, _: RedeemTicketRequest) -> Result<SessionClaims> {
        Ok(SessionClaims::default())
    }
    async fn find_by_username(&self, ctx: &Context, r: FindByUsernameRequest) -> Result<FindByUsernameReply> {
        self.called("find_by_username", ctx, format!("{r:?}")).await?;
        Ok(FindByUsernameReply { user_id: BOB.to_vec() })
    }
    /// Keys are found whatever else fails, or nobody would come in.
    async fn get_verify_keys(&self, _: &Context, _: GetVerifyKeysRequest) -> Result<GetVerifyKeysReply> {
        let public_key = self.key.public_key().as_ref().to_vec();
        let keys = vec![VerifyKey { kid: "k1".into(), public_key }];
        Ok(GetVerifyKeysReply { keys, issuer: "anser".into(), audience: "anser".into() })
    }
    async fn check_sessions(&self, _: &Context, _: CheckSessionsRequest) -> Result<CheckSessionsReply> {
        Ok(CheckSessionsReply::default())
    }
    async fn ended_since(&self, _: &Context, _: EndedSinceRequest) -> Result<EndedSinceReply> {
        Ok(EndedSinceReply::default())
    }
}

fake!(Phones {
    request_code(_r: RequestCodeRequest) -> RequestCodeReply {
        RequestCodeReply { code_id: vec![4; 16], expires_at: 9, resend_at: 8 }
    }
    register_by_phone(_r: RegisterByPhoneRequest) -> RegisterReply { RegisterReply { user_id: ALICE.to_vec() } }
    login_by_phone(_r: LoginByPhoneRequest) -> TokenReply { TokenReply { access_token: "access".into(), ..TokenReply::default() } }
    change_phone(_r: ChangePhoneRequest) -> ChangePhoneReply { ChangePhoneReply { phone: "+8613800138000".into() } }
    reset_password(_r: ResetByPhoneRequest) -> ResetByPhoneReply { ResetByPhoneReply {} }
    find_by_phone(_r: FindByPhoneRequest) -> FindByUsernameReply { FindByUsernameReply { user_id: BOB.to_vec() } }
});

fake!(OpaqueSessions {
    resolve(_r: ResolveRequest) -> SessionClaims {
        SessionClaims { user_id: ALICE.to_vec(), session_id: SESSION.to_vec(), ..SessionClaims::default() }
    }
});

fake!(Contacts {
    request_friend(_r: RequestFriendRequest) -> FriendRequest { friend_request(FriendRequestState::Pending) }
    find_person(_r: FindPersonRequest) -> FindPersonReply { FindPersonReply { user_id: BOB.to_vec() } }
    list_findable(r: ListFindableRequest) -> ListFindableReply { ListFindableReply { user_ids: r.user_ids } }
    list_requests(_r: ListRequestsRequest) -> ListRequestsReply {
        ListRequestsReply { items: vec![friend_request(FriendRequestState::Pending)], next_cursor: "more".into() }
    }
    get_request(_r: AnswerRequest) -> FriendRequest { friend_request(FriendRequestState::Pending) }
    accept_request(_r: AnswerRequest) -> FriendRequest { friend_request(FriendRequestState::Accepted) }
    reject_request(_r: AnswerRequest) -> FriendRequest { friend_request(FriendRequestState::Rejected) }
    list_friends(_r: ListFriendsRequest) -> ListFriendsReply {
        ListFriendsReply { items: vec![Friend { user_id: BOB.to_vec(), since_at: 5, conversation_id: vec![7; 16], ..Friend::default() }], next_cursor: String::new() }
    }
    delete_friend(_r: DeleteFriendRequest) -> DeleteFriendReply { DeleteFriendReply {} }
    block(r: BlockRequest) -> Block { Block { user_id: r.user_id, since_at: 5 } }
    unblock(_r: BlockRequest) -> UnblockReply { UnblockReply {} }
    list_blocks(_r: ListBlocksRequest) -> ListBlocksReply {
        ListBlocksReply { items: vec![Block { user_id: BOB.to_vec(), since_at: 5 }], next_cursor: "more".into() }
    }
    update_friend(r: UpdateFriendRequest) -> Friend {
        Friend { user_id: r.user_id, remark: r.remark.unwrap_or_default(), category_id: r.category.unwrap_or_default().category_id, ..Friend::default() }
    }
    list_categories(_r: ListCategoriesRequest) -> FriendCategories { FriendCategories { items: vec![category("Geese")] } }
    create_category(r: CreateCategoryRequest) -> FriendCategory { category(&r.name) }
    rename_category(r: RenameCategoryRequest) -> FriendCategory { category(&r.name) }
    delete_category(_r: DeleteCategoryRequest) -> DeleteCategoryReply { DeleteCategoryReply {} }
    erase_person(_r: ErasePersonRequest) -> ErasePersonReply { ErasePersonReply::default() }
    get_presence(r: GetPresenceRequest) -> GetPresenceReply {
        // Of those who are asked for, Bob alone may be seen.
        GetPresenceReply { items: r.user_ids.into_iter().filter(|id| id[..] == *BOB.as_bytes()).map(|user_id| Presence { user_id, online: true, last_seen_at: 0 }).collect() }
    }
    sync_contacts(_r: SyncContactsRequest) -> SyncContactsReply { SyncContactsReply::default() }
});

fake!(Conversations {
    create_group(r: CreateGroupRequest) -> Conversation { group(&r.title) }
    open_direct(_r: OpenDirectRequest) -> Conversation { direct(7, BOB) }
    get_conversation(_r: GetConversationRequest) -> Conversation { direct(7, BOB) }
    list_conversations(_r: ListConversationsRequest) -> ListConversationsReply {
        ListConversationsReply { items: vec![direct(7, BOB), group("Geese"), direct(6, UserId([44; 16]))], next_cursor: "next".into() }
    }
    list_members(_r: ListMembersRequest) -> ListMembersReply {
        ListMembersReply { items: vec![Member { user_id: BOB.to_vec(), role: Role::Admin.into(), ..Member::default() }], next_cursor: String::new() }
    }
    invite(_r: InviteRequest) -> InviteReply { InviteReply { joined: vec![BOB.to_vec()], ..InviteReply::default() } }
    list_invitations(_r: ListInvitationsRequest) -> ListInvitationsReply {
        ListInvitationsReply { items: vec![Invitation { invited_by: BOB.to_vec(), ..Invitation::default() }], next_cursor: String::new() }
    }
    accept_invitation(_r: AnswerInvitationRequest) -> Conversation { group("Geese") }
    decline_invitation(_r: AnswerInvitationRequest) -> DeclineInvitationReply { DeclineInvitationReply {} }
    remove_member(_r: RemoveMemberRequest) -> RemoveMemberReply { RemoveMemberReply {} }
    leave(_r: LeaveRequest) -> LeaveReply { LeaveReply {} }
    change_role(r: ChangeRoleRequest) -> Member { Member { user_id: r.user_id, role: r.role, ..Member::default() } }
    change_group(r: ChangeGroupRequest) -> Conversation { group(r.title.as_deref().unwrap_or("Geese")) }
    transfer_ownership(_r: TransferOwnershipRequest) -> Conversation { group("Geese") }
    dismiss_group(_r: DismissGroupRequest) -> Conversation { group("Geese") }
    mute(r: MuteRequest) -> MuteReply { MuteReply { until_at: r.for_ms } }
    set_member_nickname(r: SetMemberNicknameRequest) -> Member {
        Member { user_id: r.user_id, nickname: r.nickname, ..Member::default() }
    }
    create_join_link(r: CreateJoinLinkRequest) -> JoinLink { JoinLink { most_uses: r.most_uses, ..JoinLink::default() } }
    list_join_links(_r: ListJoinLinksRequest) -> ListJoinLinksReply { ListJoinLinksReply::default() }
    revoke_join_link(_r: RevokeJoinLinkRequest) -> RevokeJoinLinkReply { RevokeJoinLinkReply {} }
    look_at_join_link(_r: JoinByLinkRequest) -> JoinLinkView { JoinLinkView { title: "Geese".into(), ..JoinLinkView::default() } }
    join_by_link(_r: JoinByLinkRequest) -> JoinByLinkReply { JoinByLinkReply { conversation: Some(group("Geese")), waiting: false } }
    list_join_requests(_r: ListJoinRequestsRequest) -> ListJoinRequestsReply {
        ListJoinRequestsReply { items: vec![JoinRequest { user_id: BOB.to_vec(), ..JoinRequest::default() }], next_cursor: String::new() }
    }
    answer_join_request(_r: AnswerJoinRequestRequest) -> AnswerJoinRequestReply { AnswerJoinRequestReply {} }
    change_settings(r: ChangeSettingsRequest) -> ConversationSettings {
        ConversationSettings { archived: r.archived.unwrap_or_default(), draft: r.draft.unwrap_or_default(), ..ConversationSettings::default() }
    }
    sync_settings(_r: SyncSettingsRequest) -> SyncSettingsReply { SyncSettingsReply::default() }
    list_online(_r: ListOnlineRequest) -> ListOnlineReply { ListOnlineReply::default() }
    erase_person(_r: ErasePersonRequest) -> ErasePersonReply { ErasePersonReply::default() }
    apply_relation(_r: ApplyRelationRequest) -> ApplyRelationReply { ApplyRelationReply::default() }
});

/// A conversation that the fake log refuses.
pub const CLOSED: u8 = 66;

fn refused(conversation_id: &[u8]) -> Option<Problem> {
    let closed = conversation_id.first() == Some(&CLOSED);
    closed.then(|| Error::new(anser_types::Code::NotAllowed, "you may not talk to this person").into())
}

#[async_trait::async_trait]
impl Messages for Fake {
    async fn append(&self, ctx: &Context, r: AppendRequest) -> Result<AppendReply> {
        self.called("append", ctx, format!("{r:?}")).await?;
        let outcome = |send: SendMessage| match refused(&send.conversation_id) {
            Some(error) => SendOutcome { ack: None, error: Some(error) },
            None => SendOutcome {
                ack: Some(SendAck {
                    client_msg_id: send.client_msg_id,
                    conversation_id: send.conversation_id,
                    seq: 11,
                    ..SendAck::default()
                }),
                error: None,
            },
        };
        Ok(AppendReply { outcomes: r.sends.into_iter().map(outcome).collect() })
    }
    async fn history(&self, ctx: &Context, r: HistoryRequest) -> Result<HistoryReply> {
        self.called("history", ctx, format!("{r:?}")).await?;
        Ok(HistoryReply {
            items: [3, 2, 1].map(|seq| Entry { seq, ..Entry::default() }).to_vec(),
            has_more: true,
            reached_seq: 1,
        })
    }
    async fn heads(&self, ctx: &Context, r: HeadsRequest) -> Result<HeadsReply> {
        self.called("heads", ctx, format!("{r:?}")).await?;
        Ok(HeadsReply {
            items: vec![Head { head_seq: 4, ..Head::default() }],
            next_token: "t2".into(),
            has_more: false,
        })
    }
    async fn sync_many(&self, ctx: &Context, r: SyncManyRequest) -> Result<SyncManyReply> {
        self.called("sync_many", ctx, format!("{r:?}")).await?;
        let result = |from: SyncFrom| match refused(&from.conversation_id) {
            Some(error) => SyncResult { conversation_id: from.conversation_id, page: None, error: Some(error) },
            None => SyncResult {
                page: Some(SyncPage { next_seq: from.after_seq.saturating_add(1), ..SyncPage::default() }),
                conversation_id: from.conversation_id,
                error: None,
            },
        };
        Ok(SyncManyReply { items: r.items.into_iter().map(result).collect() })
    }
    async fn edit(&self, ctx: &Context, r: EditRequest) -> Result<Changed> {
        self.called("edit", ctx, format!("{r:?}")).await?;
        Ok(Changed { conversation_id: r.conversation_id, seq: r.seq, version: 2, change_seq: 9 })
    }

    async fn recall(&self, ctx: &Context, r: RecallRequest) -> Result<Changed> {
        self.called("recall", ctx, format!("{r:?}")).await?;
        Ok(Changed { conversation_id: r.conversation_id, seq: r.seq, version: 2, change_seq: 9 })
    }

    async fn list_versions(&self, ctx: &Context, r: ListVersionsRequest) -> Result<ListVersionsReply> {
        self.called("list_versions", ctx, format!("{r:?}")).await?;
        Ok(ListVersionsReply::default())
    }

    async fn delete_for_me(&self, ctx: &Context, r: DeleteForMeRequest) -> Result<DeleteForMeReply> {
        self.called("delete_for_me", ctx, format!("{r:?}")).await?;
        Ok(DeleteForMeReply::default())
    }

    async fn set_reaction(&self, ctx: &Context, r: SetReactionRequest) -> Result<Changed> {
        self.called("set_reaction", ctx, format!("{r:?}")).await?;
        Ok(Changed { conversation_id: r.conversation_id, seq: r.seq, version: 2, change_seq: 9 })
    }

    async fn list_reactions(&self, ctx: &Context, r: ListReactionsRequest) -> Result<ListReactionsReply> {
        self.called("list_reactions", ctx, format!("{r:?}")).await?;
        Ok(ListReactionsReply::default())
    }

    async fn set_pin(&self, ctx: &Context, r: SetPinRequest) -> Result<Changed> {
        self.called("set_pin", ctx, format!("{r:?}")).await?;
        Ok(Changed { conversation_id: r.conversation_id, seq: r.seq, version: 2, change_seq: 9 })
    }

    async fn list_pins(&self, ctx: &Context, r: ListPinsRequest) -> Result<ListPinsReply> {
        self.called("list_pins", ctx, format!("{r:?}")).await?;
        Ok(ListPinsReply::default())
    }

    async fn forward(&self, ctx: &Context, r: ForwardRequest) -> Result<AppendReply> {
        self.called("forward", ctx, format!("{r:?}")).await?;
        Ok(AppendReply {
            outcomes: r
                .client_msg_ids
                .iter()
                .map(|id| SendOutcome {
                    ack: Some(SendAck { client_msg_id: id.clone(), seq: 12, ..SendAck::default() }),
                    error: None,
                })
                .collect(),
        })
    }

    async fn list_readers(&self, ctx: &Context, r: ListReadersRequest) -> Result<ListReadersReply> {
        self.called("list_readers", ctx, format!("{r:?}")).await?;
        Ok(ListReadersReply::default())
    }

    async fn schedule(&self, ctx: &Context, r: ScheduleRequest) -> Result<ScheduledMessage> {
        self.called("schedule", ctx, format!("{r:?}")).await?;
        Ok(ScheduledMessage { send_at: r.send_at, ..ScheduledMessage::default() })
    }

    async fn reschedule(&self, ctx: &Context, r: RescheduleRequest) -> Result<ScheduledMessage> {
        self.called("reschedule", ctx, format!("{r:?}")).await?;
        Ok(ScheduledMessage { send_at: r.send_at, ..ScheduledMessage::default() })
    }

    async fn cancel_scheduled(&self, ctx: &Context, r: CancelScheduledRequest) -> Result<CancelScheduledReply> {
        self.called("cancel_scheduled", ctx, format!("{r:?}")).await?;
        Ok(CancelScheduledReply {})
    }

    async fn list_scheduled(&self, ctx: &Context, r: ListScheduledRequest) -> Result<ListScheduledReply> {
        self.called("list_scheduled", ctx, format!("{r:?}")).await?;
        Ok(ListScheduledReply::default())
    }

    async fn move_read_cursor(&self, ctx: &Context, r: MoveReadCursorRequest) -> Result<ReadMoved> {
        self.called("move_read_cursor", ctx, format!("{r:?}")).await?;
        Ok(ReadMoved { conversation_id: r.conversation_id, read_seq: r.read_seq, unread: 0 })
    }
    async fn typing(&self, _: &Context, _: TypingRequest) -> Result<TypingReply> {
        Ok(TypingReply {})
    }
    async fn resume(&self, _: &Context, _: ResumeRequest) -> Result<ResumeReply> {
        Ok(ResumeReply::default())
    }
    async fn link(&self, _: &Context, _: Streaming<LinkUp>) -> Result<Streaming<LinkDown>> {
        Err(Error::unavailable("no link here"))
    }
}

/// What every file of the fake store holds.
pub const CONTENT: &[u8] = b"0123456789";

/// A file of Alice's where its id begins with 1, Bob's face where it begins with 2, else a file of Bob's.
fn file(file_id: &[u8]) -> File {
    let (owner, purpose) = match file_id.first() {
        Some(1) => (ALICE, FilePurpose::Message),
        Some(2) => (BOB, FilePurpose::Avatar),
        _ => (BOB, FilePurpose::Message),
    };
    File {
        file_id: file_id.to_vec(),
        owner_id: owner.to_vec(),
        purpose: purpose.into(),
        name: "résumé.txt".into(),
        size: CONTENT.len() as i64,
        media_type: "image/png".into(),
        sha256: "ab".repeat(32),
        crc32: 0xa684_c7c6,
        ..File::default()
    }
}

fn piece(offset: usize, limit: usize) -> ReadFileReply {
    let data = CONTENT[offset..(offset + limit).min(CONTENT.len())].to_vec();
    ReadFileReply { data, size: CONTENT.len() as i64, media_type: "image/png".into() }
}

fake!(Files {
    create_upload(r: CreateUploadRequest) -> Upload { Upload { upload_id: vec![1; 16], size: r.size, parts: 1, ..Upload::default() } }
    write_part(r: WritePartRequest) -> WritePartReply { WritePartReply { next_offset: r.offset + r.data.len() as i64 } }
    get_upload(r: GetUploadRequest) -> Upload { Upload { upload_id: r.upload_id, ..Upload::default() } }
    list_uploads(_r: ListUploadsRequest) -> ListUploadsReply { ListUploadsReply::default() }
    complete_upload(r: CompleteUploadRequest) -> File { file(&r.upload_id) }
    abort_upload(_r: AbortUploadRequest) -> AbortUploadReply { AbortUploadReply {} }
    get_files(r: GetFilesRequest) -> GetFilesReply {
        // Nothing has the id of forty-fours.
        GetFilesReply { items: r.file_ids.iter().filter(|id| id.first() != Some(&44)).map(|id| file(id)).collect() }
    }
    read_file(r: ReadFileRequest) -> ReadFileReply { piece(r.offset as usize, r.limit as usize) }
    claim_files(_r: ClaimFilesRequest) -> GetFilesReply { GetFilesReply::default() }
    hold_files(_r: HoldFilesRequest) -> HoldFilesReply { HoldFilesReply {} }
    make_avatar(r: MakeAvatarRequest) -> File { file(&r.file_id) }
    get_usage(_r: GetUsageRequest) -> FileUsage { FileUsage { files: 3, ..FileUsage::default() } }
    mint_download(_r: MintDownloadRequest) -> MintDownloadReply { MintDownloadReply { token: "word".into(), expires_at: 9 } }
    redeem_download(_r: RedeemDownloadRequest) -> RedeemDownloadReply {
        RedeemDownloadReply { user_id: ALICE.to_vec(), session_id: SESSION.to_vec(), file_id: vec![1; 16], variant: 1 }
    }
    erase_files(_r: ErasePersonRequest) -> ErasePersonReply { ErasePersonReply::default() }
});

fake!(Journal {
    read_on(_r: ReadOnRequest) -> ReadOnReply { ReadOnReply::default() }
    list_visible(_r: ListVisibleRequest) -> ListVisibleReply { ListVisibleReply::default() }
    look_up(_r: LookUpRequest) -> LookUpReply { LookUpReply::default() }
    may_read_files(r: MayReadFilesRequest) -> MayReadFilesReply {
        // Messages that Alice may read name the files of threes.
        MayReadFilesReply { file_ids: r.file_ids.into_iter().filter(|id| id.first() == Some(&3)).collect() }
    }
    set_transcript(_r: SetTranscriptRequest) -> Entry { Entry::default() }
});

#[async_trait::async_trait]
impl Events for Fake {
    async fn follow(&self, _: &Context, _: FollowRequest) -> Result<Streaming<EventBatch>> {
        Err(Error::unavailable("no events here"))
    }
}
