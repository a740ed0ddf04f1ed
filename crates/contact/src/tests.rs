//! What two people and a messaging service that comes and goes can do to a friendship.

mod blocking;
mod erasing;
mod friendship;
mod histories;
mod messaging_away;
mod noting;
mod presence;
mod profiles;
mod requesting;
mod syncing;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use anser_contract::{
    Actor, Context,
    v1::{
        self, AnswerInvitationRequest, AnswerRequest, ApplyRelationReply, ApplyRelationRequest, Audience, Auth, Block,
        BlockRequest, ChangePasswordReply, ChangePasswordRequest, ChangeRoleRequest, CheckSessionsReply,
        CheckSessionsRequest, CloseAccountReply, CloseAccountRequest, CloseProfileReply, CloseProfileRequest,
        ContactChanged, Contacts, Conversation, Conversations, CreateCategoryRequest, CreateGroupRequest,
        CreateUserRequest, DeclineInvitationReply, DeleteCategoryRequest, DeleteFriendRequest, EndSessionReply,
        EndSessionRequest, EndedSinceReply, EndedSinceRequest, ErasePersonReply, ErasePersonRequest, Events,
        FindByUsernameReply, FindByUsernameRequest, FindPersonRequest, FinishClosingReply, FinishClosingRequest,
        FollowRequest, Friend, FriendCategories, FriendCategory, FriendRequest, FriendRequestState,
        GetConversationRequest, GetMeRequest, GetPrivacyRequest, GetUsersReply, GetUsersRequest, GetVerifyKeysReply,
        GetVerifyKeysRequest, InCategory, InviteReply, InviteRequest, LeaveReply, LeaveRequest, ListBlocksRequest,
        ListCategoriesRequest, ListChangedReply, ListChangedRequest, ListClosingReply, ListClosingRequest,
        ListConversationsReply, ListConversationsRequest, ListFriendsRequest, ListInvitationsReply,
        ListInvitationsRequest, ListMembersReply, ListMembersRequest, ListRequestsRequest, ListSessionsReply,
        ListSessionsRequest, LoginRequest, Member, MintTicketReply, MintTicketRequest, OpenDirectRequest, OwnProfile,
        Privacy, ProfileChange, PublicProfile, RedeemTicketRequest, RefreshRequest, RegisterReply, RegisterRequest,
        RemoveMemberReply, RemoveMemberRequest, RenameCategoryRequest, RequestFriendRequest, SessionClaims,
        SyncContactsReply, SyncContactsRequest, SyncProfileReply, SyncProfileRequest, TokenReply, UpdateFriendRequest,
        UpdatePrivacyRequest, UpdateProfileRequest, Users, service_event::Event,
    },
};
use anser_engine::{Db, DbOptions, Durability, outbox::Outbox};
use anser_types::{Clock, Code, ConversationId, Error, Result, SessionId, UserId};
use parking_lot::Mutex;
use tokio_stream::StreamExt;

use crate::{Callees, ContactOptions, ContactService, MIGRATIONS, pair::Pair};

const NOW: i64 = 1_700_000_000_000;
const DAY: i64 = 24 * 3_600_000;

struct World {
    contact: Arc<ContactService>,
    people: Arc<People>,
    messaging: Arc<Messaging>,
    clock: Clock,
    db: Db,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(ContactOptions::default())
    }

    fn with(options: ContactOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOW);
        let store = DbOptions { durability: Durability::Off, ..DbOptions::new(dir.path()) };
        let db = Db::open(&store, MIGRATIONS, clock.clone()).unwrap();
        let people = Arc::new(People::default());
        let messaging = Arc::new(Messaging { clock: clock.clone(), ..Messaging::default() });
        let contact = ContactService::new(
            &db,
            Callees {
                users: people.clone(),
                auth: people.clone(),
                phones: people.clone(),
                conversations: messaging.clone(),
            },
            [7; 32],
            options,
            clock.clone(),
        );
        Self { contact, people, messaging, clock, db, _dir: dir }
    }

    fn person(&self) -> UserId {
        let user = UserId::new(&self.clock);
        self.people.known.lock().insert(user.to_vec());
        user
    }

    async fn ask(&self, from: UserId, to: UserId) -> Result<FriendRequest> {
        self.contact.request_friend(&by(from), asking(to)).await
    }

    async fn accept(&self, by_whom: UserId, request: &FriendRequest) -> Result<FriendRequest> {
        self.contact.accept_request(&by(by_whom), naming(request)).await
    }

    async fn reject(&self, by_whom: UserId, request: &FriendRequest) -> Result<FriendRequest> {
        self.contact.reject_request(&by(by_whom), naming(request)).await
    }

    async fn get(&self, by_whom: UserId, request: &FriendRequest) -> Result<FriendRequest> {
        self.contact.get_request(&by(by_whom), naming(request)).await
    }

    async fn delete(&self, by_whom: UserId, friend: UserId) -> Result<()> {
        let request = DeleteFriendRequest { user_id: friend.to_vec(), ..Default::default() };
        self.contact.delete_friend(&by(by_whom), request).await.map(|_| ())
    }

    async fn befriend(&self, one: UserId, other: UserId) -> FriendRequest {
        let request = self.ask(one, other).await.unwrap();
        self.accept(other, &request).await.unwrap()
    }

    async fn friends(&self, of: UserId) -> Vec<Friend> {
        let request = ListFriendsRequest { limit: 200, cursor: String::new() };
        self.contact.list_friends(&by(of), request).await.unwrap().items
    }

    async fn requests(&self, of: UserId, sent: bool) -> Vec<FriendRequest> {
        let request = ListRequestsRequest { sent, limit: 200, cursor: String::new() };
        self.contact.list_requests(&by(of), request).await.unwrap().items
    }

    async fn sync(&self, of: UserId, since: i64) -> SyncContactsReply {
        self.contact.sync_contacts(&by(of), SyncContactsRequest { since }).await.unwrap()
    }

    /// Everything that was told, in order.
    async fn told(&self) -> Vec<ContactChanged> {
        let follow = FollowRequest { after: 0, from_now: false };
        let mut stream = Outbox::new(&self.db).follow(&Context::service(), follow).await.unwrap();
        let batch = stream.next().await.unwrap().unwrap();
        let changes = batch.items.into_iter().filter_map(|item| match item.event {
            Some(Event::ContactChanged(change)) => Some(change),
            _ => None,
        });
        changes.collect()
    }
}

fn by(user: UserId) -> Context {
    Context::new(Actor::User(user, SessionId([9; 16])), "test")
}

fn asking(to: UserId) -> RequestFriendRequest {
    RequestFriendRequest { to_user_id: to.to_vec(), message: "hello".into(), idempotency_key: String::new() }
}

fn naming(request: &FriendRequest) -> AnswerRequest {
    AnswerRequest { request_id: request.request_id.clone(), idempotency_key: String::new() }
}

/// A user service that knows who exists, and an auth service that knows their names.
#[derive(Default)]
struct People {
    known: Mutex<HashSet<Vec<u8>>>,
    names: Mutex<HashMap<String, Vec<u8>>>,
    numbers: Mutex<HashMap<String, Vec<u8>>>,
    /// Who lets nobody find or ask them.
    hidden: Mutex<HashSet<Vec<u8>>>,
    changes: Mutex<Vec<ProfileChange>>,
    last_change: AtomicI64,
}

#[rustfmt::skip]
#[async_trait::async_trait]
impl Users for People {
    async fn get_users(&self, _: &Context, request: GetUsersRequest) -> Result<GetUsersReply> {
        let known = self.known.lock();
        let users = request.user_ids.into_iter().filter(|id| known.contains(id));
        Ok(GetUsersReply { users: users.map(|user_id| PublicProfile { user_id, ..Default::default() }).collect() })
    }

    async fn get_privacy(&self, ctx: &Context, request: GetPrivacyRequest) -> Result<Privacy> {
        ctx.require_service()?;
        if !self.known.lock().contains(&request.user_id) {
            return Err(Error::not_found("user"));
        }
        let hidden = self.hidden.lock().contains(&request.user_id);
        let audience = if hidden { Audience::Nobody } else { Audience::Everyone }.into();
        Ok(Privacy { find_me: audience, request_me: audience, presence: Audience::Friends.into() })
    }

    async fn list_privacy(&self, ctx: &Context, request: v1::ListPrivacyRequest) -> Result<v1::ListPrivacyReply> {
        let mut items = Vec::new();
        for user_id in request.user_ids {
            if let Ok(privacy) = self.get_privacy(ctx, GetPrivacyRequest { user_id: user_id.clone() }).await {
                items.push(v1::PersonPrivacy { user_id, privacy: Some(privacy) });
            }
        }
        Ok(v1::ListPrivacyReply { items })
    }

    async fn rename_user(&self, _: &Context, _: v1::RenameUserRequest) -> Result<v1::RenameUserReply> { unreachable!() }
    async fn list_changed(&self, ctx: &Context, request: ListChangedRequest) -> Result<ListChangedReply> {
        ctx.require_service()?;
        let changes = self.changes.lock();
        let after = changes.iter().filter(|change| change.change_no > request.after_no);
        Ok(ListChangedReply { items: after.take(request.limit as usize).cloned().collect() })
    }

    async fn list_seen(&self, ctx: &Context, request: v1::ListSeenRequest) -> Result<v1::ListSeenReply> {
        ctx.require_service()?;
        let hidden = self.hidden.lock();
        let shown = request.user_ids.into_iter().filter(|user_id| !hidden.contains(user_id));
        Ok(v1::ListSeenReply { items: shown.map(|user_id| v1::Seen { user_id, at: NOW - 5 }).collect() })
    }

    async fn set_phone(&self, _: &Context, _: v1::SetPhoneRequest) -> Result<v1::SetPhoneReply> { unreachable!() }
    async fn note_seen(&self, _: &Context, _: v1::NoteSeenRequest) -> Result<v1::NoteSeenReply> { unreachable!() }
    async fn create_user(&self, _: &Context, _: CreateUserRequest) -> Result<OwnProfile> { unreachable!() }
    async fn get_me(&self, _: &Context, _: GetMeRequest) -> Result<OwnProfile> { unreachable!() }
    async fn close_profile(&self, _: &Context, _: CloseProfileRequest) -> Result<CloseProfileReply> { unreachable!() }
    async fn update_profile(&self, _: &Context, _: UpdateProfileRequest) -> Result<OwnProfile> { unreachable!() }
    async fn update_privacy(&self, _: &Context, _: UpdatePrivacyRequest) -> Result<Privacy> { unreachable!() }
    async fn sync_profile(&self, _: &Context, _: SyncProfileRequest) -> Result<SyncProfileReply> { unreachable!() }
}

#[rustfmt::skip]
#[async_trait::async_trait]
impl Auth for People {
    async fn find_by_username(&self, _: &Context, request: FindByUsernameRequest) -> Result<FindByUsernameReply> {
        let found = self.names.lock().get(&request.username).cloned();
        found.map(|user_id| FindByUsernameReply { user_id }).ok_or_else(|| Error::not_found("user"))
    }

    async fn register(&self, _: &Context, _: RegisterRequest) -> Result<RegisterReply> { unreachable!() }
    async fn login(&self, _: &Context, _: LoginRequest) -> Result<TokenReply> { unreachable!() }
    async fn refresh(&self, _: &Context, _: RefreshRequest) -> Result<TokenReply> { unreachable!() }
    async fn list_sessions(&self, _: &Context, _: ListSessionsRequest) -> Result<ListSessionsReply> { unreachable!() }
    async fn end_session(&self, _: &Context, _: EndSessionRequest) -> Result<EndSessionReply> { unreachable!() }
    async fn change_username(&self, _: &Context, _: v1::ChangeUsernameRequest) -> Result<v1::ChangeUsernameReply> { unreachable!() }
    async fn change_password(&self, _: &Context, _: ChangePasswordRequest) -> Result<ChangePasswordReply> { unreachable!() }
    async fn close_account(&self, _: &Context, _: CloseAccountRequest) -> Result<CloseAccountReply> { unreachable!() }
    async fn list_closing(&self, _: &Context, _: ListClosingRequest) -> Result<ListClosingReply> { unreachable!() }
    async fn finish_closing(&self, _: &Context, _: FinishClosingRequest) -> Result<FinishClosingReply> { unreachable!() }
    async fn mint_ticket(&self, _: &Context, _: MintTicketRequest) -> Result<MintTicketReply> { unreachable!() }
    async fn redeem_ticket(&self, _: &Context, _: RedeemTicketRequest) -> Result<SessionClaims> { unreachable!() }
    async fn get_verify_keys(&self, _: &Context, _: GetVerifyKeysRequest) -> Result<GetVerifyKeysReply> { unreachable!() }
    async fn check_sessions(&self, _: &Context, _: CheckSessionsRequest) -> Result<CheckSessionsReply> { unreachable!() }
    async fn ended_since(&self, _: &Context, _: EndedSinceRequest) -> Result<EndedSinceReply> { unreachable!() }
}

#[rustfmt::skip]
#[async_trait::async_trait]
impl v1::Phones for People {
    async fn find_by_phone(&self, _: &Context, request: v1::FindByPhoneRequest) -> Result<FindByUsernameReply> {
        let found = self.numbers.lock().get(&request.phone).cloned();
        found.map(|user_id| FindByUsernameReply { user_id }).ok_or_else(|| Error::not_found("user"))
    }

    async fn request_code(&self, _: &Context, _: v1::RequestCodeRequest) -> Result<v1::RequestCodeReply> { unreachable!() }
    async fn register_by_phone(&self, _: &Context, _: v1::RegisterByPhoneRequest) -> Result<RegisterReply> { unreachable!() }
    async fn login_by_phone(&self, _: &Context, _: v1::LoginByPhoneRequest) -> Result<TokenReply> { unreachable!() }
    async fn change_phone(&self, _: &Context, _: v1::ChangePhoneRequest) -> Result<v1::ChangePhoneReply> { unreachable!() }
    async fn reset_password(&self, _: &Context, _: v1::ResetByPhoneRequest) -> Result<v1::ResetByPhoneReply> { unreachable!() }
}

/// What messaging holds of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    version: i64,
    friends: bool,
    blocked: bool,
    conversation: Vec<u8>,
}

/// A messaging service that can be away, and whose answers can get lost.
struct Messaging {
    pairs: Mutex<HashMap<Pair, Held>>,
    online: Mutex<HashSet<Vec<u8>>>,
    away: AtomicBool,
    answers_get_lost: AtomicBool,
    clock: Clock,
}

impl Default for Messaging {
    fn default() -> Self {
        Self {
            pairs: Mutex::default(),
            online: Mutex::default(),
            away: AtomicBool::new(false),
            answers_get_lost: AtomicBool::new(false),
            clock: Clock::fixed(NOW),
        }
    }
}

impl Messaging {
    fn held(&self, one: UserId, other: UserId) -> Option<Held> {
        self.pairs.lock().get(&Pair::of(one, other)).cloned()
    }

    fn go(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    fn lose_answers(&self, lost: bool) {
        self.answers_get_lost.store(lost, Ordering::Relaxed);
    }
}

#[rustfmt::skip]
#[async_trait::async_trait]
impl Conversations for Messaging {
    async fn apply_relation(&self, ctx: &Context, request: ApplyRelationRequest) -> Result<ApplyRelationReply> {
        ctx.require_service()?;
        if self.away.load(Ordering::Relaxed) {
            return Err(Error::unavailable("away"));
        }
        let id = |bytes: &[u8]| UserId::try_from(bytes).unwrap();
        let pair = Pair::of(id(&request.user_a), id(&request.user_b));
        let mut pairs = self.pairs.lock();
        let held = pairs.entry(pair).or_insert_with(|| {
            Held { version: 0, friends: false, blocked: false, conversation: ConversationId::new(&self.clock).to_vec() }
        });
        if request.version > held.version {
            (held.version, held.friends, held.blocked) = (request.version, request.friends, request.blocked);
        }
        if self.answers_get_lost.load(Ordering::Relaxed) {
            return Err(Error::new(Code::DeadlineExceeded, "lost"));
        }
        Ok(ApplyRelationReply { conversation_id: held.conversation.clone(), applied_version: held.version })
    }

    async fn list_online(&self, ctx: &Context, request: v1::ListOnlineRequest) -> Result<v1::ListOnlineReply> {
        ctx.require_service()?;
        let online = self.online.lock();
        let presence = |user_id| v1::Presence { online: online.contains(&user_id), user_id, last_seen_at: 0 };
        Ok(v1::ListOnlineReply { items: request.user_ids.into_iter().map(presence).collect() })
    }

    async fn erase_person(&self, _: &Context, _: ErasePersonRequest) -> Result<ErasePersonReply> { unreachable!() }
    async fn create_group(&self, _: &Context, _: CreateGroupRequest) -> Result<Conversation> { unreachable!() }
    async fn open_direct(&self, _: &Context, _: OpenDirectRequest) -> Result<Conversation> { unreachable!() }
    async fn get_conversation(&self, _: &Context, _: GetConversationRequest) -> Result<Conversation> { unreachable!() }
    async fn list_conversations(&self, _: &Context, _: ListConversationsRequest) -> Result<ListConversationsReply> { unreachable!() }
    async fn list_members(&self, _: &Context, _: ListMembersRequest) -> Result<ListMembersReply> { unreachable!() }
    async fn invite(&self, _: &Context, _: InviteRequest) -> Result<InviteReply> { unreachable!() }
    async fn list_invitations(&self, _: &Context, _: ListInvitationsRequest) -> Result<ListInvitationsReply> { unreachable!() }
    async fn accept_invitation(&self, _: &Context, _: AnswerInvitationRequest) -> Result<Conversation> { unreachable!() }
    async fn decline_invitation(&self, _: &Context, _: AnswerInvitationRequest) -> Result<DeclineInvitationReply> { unreachable!() }
    async fn remove_member(&self, _: &Context, _: RemoveMemberRequest) -> Result<RemoveMemberReply> { unreachable!() }
    async fn leave(&self, _: &Context, _: LeaveRequest) -> Result<LeaveReply> { unreachable!() }
    async fn change_role(&self, _: &Context, _: ChangeRoleRequest) -> Result<Member> { unreachable!() }
    async fn change_group(&self, _: &Context, _: v1::ChangeGroupRequest) -> Result<Conversation> { unreachable!() }
    async fn transfer_ownership(&self, _: &Context, _: v1::TransferOwnershipRequest) -> Result<Conversation> { unreachable!() }
    async fn dismiss_group(&self, _: &Context, _: v1::DismissGroupRequest) -> Result<Conversation> { unreachable!() }
    async fn mute(&self, _: &Context, _: v1::MuteRequest) -> Result<v1::MuteReply> { unreachable!() }
    async fn set_member_nickname(&self, _: &Context, _: v1::SetMemberNicknameRequest) -> Result<Member> { unreachable!() }
    async fn create_join_link(&self, _: &Context, _: v1::CreateJoinLinkRequest) -> Result<v1::JoinLink> { unreachable!() }
    async fn list_join_links(&self, _: &Context, _: v1::ListJoinLinksRequest) -> Result<v1::ListJoinLinksReply> { unreachable!() }
    async fn revoke_join_link(&self, _: &Context, _: v1::RevokeJoinLinkRequest) -> Result<v1::RevokeJoinLinkReply> { unreachable!() }
    async fn look_at_join_link(&self, _: &Context, _: v1::JoinByLinkRequest) -> Result<v1::JoinLinkView> { unreachable!() }
    async fn join_by_link(&self, _: &Context, _: v1::JoinByLinkRequest) -> Result<v1::JoinByLinkReply> { unreachable!() }
    async fn list_join_requests(&self, _: &Context, _: v1::ListJoinRequestsRequest) -> Result<v1::ListJoinRequestsReply> { unreachable!() }
    async fn answer_join_request(&self, _: &Context, _: v1::AnswerJoinRequestRequest) -> Result<v1::AnswerJoinRequestReply> { unreachable!() }
    async fn change_settings(&self, _: &Context, _: v1::ChangeSettingsRequest) -> Result<v1::ConversationSettings> { unreachable!() }
    async fn sync_settings(&self, _: &Context, _: v1::SyncSettingsRequest) -> Result<v1::SyncSettingsReply> { unreachable!() }
}
