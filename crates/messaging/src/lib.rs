//! Messaging: conversations and their messages — authorise, order, store, decide who gets it.
//!
//! **Owns** (tables `messaging_…`): the log (entries, keys, extents), conversations, members, direct pairs with their
//! relation, read cursors, invitations, links and requests to join, what people set for themselves, which message holds
//! which file. **Calls** user, to note who was seen when, and file, before a message names one and after.
//! **Tells**: the log itself, over links to the gateways; `SettingsChanged` and `JoinRequestChanged`, which are no entries.
//!
//! What must always hold: seqs of a conversation are 1…n without holes and never reused; an answer to a send leaves
//! after the commit that stored it; rights are checked in the transaction that uses them; nobody receives an entry
//! outside their stays. One room with two traits, because members, heads and entries commit together; a third, `Journal`, is
//! for the services that follow the log or ask about it.

mod admin;
mod alarm;
mod audit;
mod conversation;
mod effects;
mod fanout;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod journal;
mod log;
mod membership;
mod message;
mod notice;
mod options;
mod presence;
mod rooms;
mod words;

use std::sync::Arc;

use anser_contract::{
    Context, Streaming,
    v1::{self, Conversations, Files, Messages, Users},
};
use anser_engine::{Db, Migration};
use anser_types::{Clock, Result, UserId, page::PageTokens};

use crate::{
    alarm::Alarm,
    fanout::Fanout,
    log::{Log, Snapshot},
    message::{
        claim::Claims,
        delivered::Deliveries,
        prepare::Sayable,
        send::{Committer, SendLane},
        throttle::Throttle,
        typing::Typists,
    },
    presence::Seen,
    rooms::Rooms,
    words::Words,
};
pub use admin::LogKeeper;
pub use options::MessagingOptions;
pub use words::WordsMode;

/// The schema of messaging.
pub const MIGRATIONS: &[Migration] = &[
    Migration { service: "messaging", number: 1, sql: include_str!("../migrations/0001_log.sql") },
    Migration { service: "messaging", number: 2, sql: include_str!("../migrations/0002_indexed.sql") },
    Migration { service: "messaging", number: 3, sql: include_str!("../migrations/0003_groups.sql") },
    Migration { service: "messaging", number: 4, sql: include_str!("../migrations/0004_changes.sql") },
    Migration { service: "messaging", number: 5, sql: include_str!("../migrations/0005_blocked.sql") },
    Migration { service: "messaging", number: 6, sql: include_str!("../migrations/0006_left.sql") },
    Migration { service: "messaging", number: 7, sql: include_str!("../migrations/0007_timed.sql") },
    Migration { service: "messaging", number: 8, sql: include_str!("../migrations/0008_files.sql") },
];

/// The service.
pub struct Messaging {
    db: Db,
    clock: Clock,
    options: MessagingOptions,
    pages: PageTokens,
    log: Log,
    rooms: Arc<Rooms>,
    claims: Arc<Claims>,
    throttle: Throttle,
    typists: Typists,
    seen: Arc<Seen>,
    fanout: Fanout,
    words: Arc<Words>,
    /// Rings when a message expires; at first at once, to see what did meanwhile.
    expiry: Arc<Alarm>,
    /// Rings when a scheduled message is to be sent.
    schedule: Arc<Alarm>,
    files: Arc<dyn Files>,
    /// Rings when the file service is to be told what messages hold.
    holding: Arc<Alarm>,
    deliveries: Arc<Deliveries>,
}

impl Messaging {
    /// Opens the room on `db`, which must be migrated, and starts its fan-out and its lane into the writer.
    pub async fn start(
        db: &Db,
        files: Arc<dyn Files>,
        options: MessagingOptions,
        clock: Clock,
    ) -> Result<Arc<MessagingService>> {
        let db = db.scoped("messaging");
        let position = db.read(log::last_position).await?;
        let log = Log::open(&db, options.index_run, clock.clone()).await?;
        let seen = Arc::new(Seen::new(clock.clone()));
        let fanout = Fanout::start(db.clone(), log.clone(), db.epoch().to_vec(), position, seen.clone());
        let rooms = Arc::new(Rooms::default());
        let sends = Arc::new(SendLane::new(&db, options.send_queue));
        let alarm = || Arc::new(Alarm::at(0));
        let (expiry, schedule, holding) = (alarm(), alarm(), alarm());
        let committer = Committer::new(
            sends.clone(),
            log.clone(),
            rooms.clone(),
            fanout.clone(),
            clock.clone(),
            options.strangers,
            (expiry.clone(), holding.clone()),
        );
        db.set_lane(Box::new(committer));
        let words = Arc::new(match &options.words_file {
            Some(path) => Words::read(path, options.words_mode)?,
            None => Words::none(),
        });
        if let Some(path) = &options.words_file {
            words::follow(&words, path.clone());
        }
        let sayable = Sayable::new(&options, words.clone());
        let claims = Arc::new(Claims::new(files.clone(), sends, &db, fanout.clone(), sayable));
        let throttle = Throttle::new(clock.clone(), options.sends_per_second, options.send_burst);
        let pages = PageTokens::new(options.page_key);
        let typists = Typists::new(clock.clone());
        let deliveries = Arc::new(Deliveries::new());
        let room = Arc::new(Self {
            db,
            clock,
            options,
            pages,
            log,
            rooms,
            claims,
            throttle,
            typists,
            seen,
            fanout,
            words,
            expiry,
            schedule,
            files,
            holding,
            deliveries,
        });
        Ok(Arc::new(MessagingService(room)))
    }

    /// Asks the store a question about the log.
    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Snapshot<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let log = self.log.clone();
        self.db.read(move |reader| question(&log.at(reader)?)).await
    }

    /// What people may say.
    fn sayable(&self) -> Sayable {
        Sayable::new(&self.options, self.words.clone())
    }

    /// Whether `user` may send now, as far as limits and the disk go.
    fn admit(&self, user: UserId) -> Result<()> {
        self.db.growth_allowed()?;
        self.throttle.pass(user)
    }
}

/// The service as its callers hold it: each method is the verb of the same name.
pub struct MessagingService(Arc<Messaging>);

impl MessagingService {
    /// Looks after the log until the process ends: samples conversations and reports what does not add up.
    pub fn start_auditor(&self) {
        audit::start(&self.0);
    }

    /// The operator's hand in this room.
    pub fn keeper(&self) -> Arc<LogKeeper> {
        LogKeeper::new(&self.0.db, &self.0.log)
    }

    /// Notes in `users` when people were last online, once a second, until the process ends.
    pub fn start_noting_seen(&self, users: Arc<dyn Users>) {
        presence::start(&self.0, users);
    }

    /// Notes in `users` when people were last online, those included who still are: the process ends.
    pub async fn note_everybody(&self, users: &dyn Users) -> Result<()> {
        presence::note_everybody(&self.0, users).await
    }

    /// Tells of the reactions that are untold now; answers to how many messages.
    pub async fn tell_reactions(&self) -> Result<usize> {
        message::tell_reactions::tell(&self.0).await
    }

    /// Takes the words of the messages whose time is over; answers how many.
    pub async fn expire(&self) -> Result<usize> {
        message::expire::expire(&self.0).await
    }

    /// Takes the words of messages as their times come, until the process ends.
    pub fn start_expiring(&self) {
        message::expire::start(&self.0);
    }

    /// Sends the scheduled messages whose time has come; answers how many were sent or refused.
    pub async fn send_scheduled(&self) -> Result<usize> {
        message::send_scheduled::send_due(&self.0).await
    }

    /// Sends scheduled messages as their times come, until the process ends.
    pub fn start_sending_scheduled(&self) {
        message::send_scheduled::start(&self.0);
    }

    /// Writes some of what devices are said to hold; answers how many of them moved.
    pub async fn keep_delivered(&self) -> Result<usize> {
        message::delivered::keep(&self.0).await
    }

    /// Writes what devices are said to hold, until the process ends.
    pub fn start_keeping_delivered(&self) {
        message::delivered::start(&self.0);
    }

    /// Tells of reactions, once a second, until the process ends.
    pub fn start_telling_reactions(&self) {
        message::tell_reactions::start(&self.0);
    }
}

#[async_trait::async_trait]
impl Conversations for MessagingService {
    async fn create_group(&self, ctx: &Context, request: v1::CreateGroupRequest) -> Result<v1::Conversation> {
        conversation::create_group(&self.0, ctx, request).await
    }

    async fn open_direct(&self, ctx: &Context, request: v1::OpenDirectRequest) -> Result<v1::Conversation> {
        conversation::open_direct(&self.0, ctx, request).await
    }

    async fn get_conversation(&self, ctx: &Context, request: v1::GetConversationRequest) -> Result<v1::Conversation> {
        conversation::get_conversation(&self.0, ctx, request).await
    }

    async fn list_conversations(
        &self,
        ctx: &Context,
        request: v1::ListConversationsRequest,
    ) -> Result<v1::ListConversationsReply> {
        conversation::list_conversations(&self.0, ctx, request).await
    }

    async fn list_members(&self, ctx: &Context, request: v1::ListMembersRequest) -> Result<v1::ListMembersReply> {
        conversation::list_members(&self.0, ctx, request).await
    }

    async fn invite(&self, ctx: &Context, request: v1::InviteRequest) -> Result<v1::InviteReply> {
        conversation::invite(&self.0, ctx, request).await
    }

    async fn list_invitations(
        &self,
        ctx: &Context,
        request: v1::ListInvitationsRequest,
    ) -> Result<v1::ListInvitationsReply> {
        conversation::list_invitations(&self.0, ctx, request).await
    }

    async fn accept_invitation(&self, ctx: &Context, request: v1::AnswerInvitationRequest) -> Result<v1::Conversation> {
        conversation::accept_invitation(&self.0, ctx, request).await
    }

    async fn decline_invitation(
        &self,
        ctx: &Context,
        request: v1::AnswerInvitationRequest,
    ) -> Result<v1::DeclineInvitationReply> {
        conversation::decline_invitation(&self.0, ctx, request).await
    }

    async fn remove_member(&self, ctx: &Context, request: v1::RemoveMemberRequest) -> Result<v1::RemoveMemberReply> {
        conversation::remove_member(&self.0, ctx, request).await
    }

    async fn leave(&self, ctx: &Context, request: v1::LeaveRequest) -> Result<v1::LeaveReply> {
        conversation::leave(&self.0, ctx, request).await
    }

    async fn change_role(&self, ctx: &Context, request: v1::ChangeRoleRequest) -> Result<v1::Member> {
        conversation::change_role(&self.0, ctx, request).await
    }

    async fn change_group(&self, ctx: &Context, request: v1::ChangeGroupRequest) -> Result<v1::Conversation> {
        conversation::change_group(&self.0, ctx, request).await
    }

    async fn transfer_ownership(
        &self,
        ctx: &Context,
        request: v1::TransferOwnershipRequest,
    ) -> Result<v1::Conversation> {
        conversation::transfer_ownership(&self.0, ctx, request).await
    }

    async fn dismiss_group(&self, ctx: &Context, request: v1::DismissGroupRequest) -> Result<v1::Conversation> {
        conversation::dismiss_group(&self.0, ctx, request).await
    }

    async fn mute(&self, ctx: &Context, request: v1::MuteRequest) -> Result<v1::MuteReply> {
        conversation::mute(&self.0, ctx, request).await
    }

    async fn set_member_nickname(&self, ctx: &Context, request: v1::SetMemberNicknameRequest) -> Result<v1::Member> {
        conversation::set_member_nickname(&self.0, ctx, request).await
    }

    async fn create_join_link(&self, ctx: &Context, request: v1::CreateJoinLinkRequest) -> Result<v1::JoinLink> {
        conversation::create_join_link(&self.0, ctx, request).await
    }

    async fn list_join_links(
        &self,
        ctx: &Context,
        request: v1::ListJoinLinksRequest,
    ) -> Result<v1::ListJoinLinksReply> {
        conversation::list_join_links(&self.0, ctx, request).await
    }

    async fn revoke_join_link(
        &self,
        ctx: &Context,
        request: v1::RevokeJoinLinkRequest,
    ) -> Result<v1::RevokeJoinLinkReply> {
        conversation::revoke_join_link(&self.0, ctx, request).await
    }

    async fn look_at_join_link(&self, ctx: &Context, request: v1::JoinByLinkRequest) -> Result<v1::JoinLinkView> {
        conversation::look_at_join_link(&self.0, ctx, request).await
    }

    async fn join_by_link(&self, ctx: &Context, request: v1::JoinByLinkRequest) -> Result<v1::JoinByLinkReply> {
        conversation::join_by_link(&self.0, ctx, request).await
    }

    async fn list_join_requests(
        &self,
        ctx: &Context,
        request: v1::ListJoinRequestsRequest,
    ) -> Result<v1::ListJoinRequestsReply> {
        conversation::list_join_requests(&self.0, ctx, request).await
    }

    async fn answer_join_request(
        &self,
        ctx: &Context,
        request: v1::AnswerJoinRequestRequest,
    ) -> Result<v1::AnswerJoinRequestReply> {
        conversation::answer_join_request(&self.0, ctx, request).await
    }

    async fn change_settings(
        &self,
        ctx: &Context,
        request: v1::ChangeSettingsRequest,
    ) -> Result<v1::ConversationSettings> {
        conversation::change_settings(&self.0, ctx, request).await
    }

    async fn sync_settings(&self, ctx: &Context, request: v1::SyncSettingsRequest) -> Result<v1::SyncSettingsReply> {
        conversation::sync_settings(&self.0, ctx, request).await
    }

    async fn erase_person(&self, ctx: &Context, request: v1::ErasePersonRequest) -> Result<v1::ErasePersonReply> {
        conversation::erase_person(&self.0, ctx, request).await
    }

    async fn list_online(&self, ctx: &Context, request: v1::ListOnlineRequest) -> Result<v1::ListOnlineReply> {
        presence::list_online(&self.0, ctx, request).await
    }

    async fn apply_relation(&self, ctx: &Context, request: v1::ApplyRelationRequest) -> Result<v1::ApplyRelationReply> {
        conversation::apply_relation(&self.0, ctx, request).await
    }
}

#[async_trait::async_trait]
impl Messages for MessagingService {
    async fn append(&self, ctx: &Context, request: v1::AppendRequest) -> Result<v1::AppendReply> {
        message::send_many::append(&self.0, ctx, request).await
    }

    async fn history(&self, ctx: &Context, request: v1::HistoryRequest) -> Result<v1::HistoryReply> {
        message::history::history(&self.0, ctx, request).await
    }

    async fn heads(&self, ctx: &Context, request: v1::HeadsRequest) -> Result<v1::HeadsReply> {
        message::heads::heads(&self.0, ctx, request).await
    }

    async fn sync_many(&self, ctx: &Context, request: v1::SyncManyRequest) -> Result<v1::SyncManyReply> {
        message::sync::sync_many(&self.0, ctx, request).await
    }

    async fn edit(&self, ctx: &Context, request: v1::EditRequest) -> Result<v1::Changed> {
        message::edit::edit(&self.0, ctx, request).await
    }

    async fn recall(&self, ctx: &Context, request: v1::RecallRequest) -> Result<v1::Changed> {
        message::recall::recall(&self.0, ctx, request).await
    }

    async fn list_versions(&self, ctx: &Context, request: v1::ListVersionsRequest) -> Result<v1::ListVersionsReply> {
        message::edit::list_versions(&self.0, ctx, request).await
    }

    async fn delete_for_me(&self, ctx: &Context, request: v1::DeleteForMeRequest) -> Result<v1::DeleteForMeReply> {
        message::delete_for_me::delete_for_me(&self.0, ctx, request).await
    }

    async fn set_reaction(&self, ctx: &Context, request: v1::SetReactionRequest) -> Result<v1::Changed> {
        message::react::set_reaction(&self.0, ctx, request).await
    }

    async fn list_reactions(&self, ctx: &Context, request: v1::ListReactionsRequest) -> Result<v1::ListReactionsReply> {
        message::react::list_reactions(&self.0, ctx, request).await
    }

    async fn set_pin(&self, ctx: &Context, request: v1::SetPinRequest) -> Result<v1::Changed> {
        message::pin::set_pin(&self.0, ctx, request).await
    }

    async fn list_pins(&self, ctx: &Context, request: v1::ListPinsRequest) -> Result<v1::ListPinsReply> {
        message::pin::list_pins(&self.0, ctx, request).await
    }

    async fn forward(&self, ctx: &Context, request: v1::ForwardRequest) -> Result<v1::AppendReply> {
        message::forward::forward(&self.0, ctx, request).await
    }

    async fn list_readers(&self, ctx: &Context, request: v1::ListReadersRequest) -> Result<v1::ListReadersReply> {
        message::readers::list_readers(&self.0, ctx, request).await
    }

    async fn schedule(&self, ctx: &Context, request: v1::ScheduleRequest) -> Result<v1::ScheduledMessage> {
        message::schedule::schedule(&self.0, ctx, request).await
    }

    async fn reschedule(&self, ctx: &Context, request: v1::RescheduleRequest) -> Result<v1::ScheduledMessage> {
        message::schedule::reschedule(&self.0, ctx, request).await
    }

    async fn cancel_scheduled(
        &self,
        ctx: &Context,
        request: v1::CancelScheduledRequest,
    ) -> Result<v1::CancelScheduledReply> {
        message::schedule::cancel(&self.0, ctx, request).await
    }

    async fn list_scheduled(&self, ctx: &Context, request: v1::ListScheduledRequest) -> Result<v1::ListScheduledReply> {
        message::schedule::list(&self.0, ctx, request).await
    }

    async fn move_read_cursor(&self, ctx: &Context, request: v1::MoveReadCursorRequest) -> Result<v1::ReadMoved> {
        message::read_cursor::move_read_cursor(&self.0, ctx, request).await
    }

    async fn typing(&self, ctx: &Context, request: v1::TypingRequest) -> Result<v1::TypingReply> {
        message::typing::typing(&self.0, ctx, request).await
    }

    async fn resume(&self, ctx: &Context, request: v1::ResumeRequest) -> Result<v1::ResumeReply> {
        message::resume::resume(&self.0, ctx, request).await
    }

    async fn link(&self, ctx: &Context, request: Streaming<v1::LinkUp>) -> Result<Streaming<v1::LinkDown>> {
        message::link::link(&self.0, ctx, request).await
    }
}
