//! Friend requests, friends, what people note about their friends, and whom they block.
//!
//! - **Tables**: `contact_pair` (what two people decided), `contact_friend` (what each of them sees of it),
//!   `contact_block` (whom each blocks), `contact_request`, `contact_category`, `contact_version`.
//! - **Calls**: user (does the person exist, who may ask them, whose profile changed, who was seen
//!   when), auth (who has a name or a number), messaging (`ApplyRelation`, before the answer that rests on it; who is online).
//! - **Tells**: `ContactChanged` to each person, in the transaction that changes what they see.
//! - **Holds always**: at most one pending request between two people; friendship is symmetric, a block is one
//!   person's and hidden from the other; a person's contact
//!   version rises with each change they can see, and every change carries the version it came with.
//!
//! A friendship or a block begins or ends in two steps. First the decision is stored: the pair's version rises and it is not
//! *settled*. Then messaging is told, and once it has answered, the pair is settled: only now do people see
//! the change, together with the conversation's id. If the process dies between the two, [`ContactService::start`]'s task
//! tells messaging again (the same version changes nothing twice). No new decision is made about a pair that is not
//! settled.
//!
//! Here does not live: whether two people may talk (messaging decides by its own copy of the relation), profiles (user).

mod accept_request;
mod befriend;
mod block;
mod create_category;
mod delete_category;
mod delete_friend;
mod erase_person;
mod expire;
mod find_person;
mod get_presence;
mod get_request;
mod list_blocks;
mod list_categories;
mod list_findable;
mod list_friends;
mod list_requests;
mod pair;
mod reject_request;
mod relation;
mod rename_category;
mod request_friend;
mod spread_profiles;
mod store;
mod sync_contacts;
mod tell;
#[cfg(test)]
mod tests;
mod unblock;
mod update_friend;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use anser_contract::{
    Context,
    v1::{
        AnswerRequest, Auth, Block, BlockRequest, Contacts, Conversations, CreateCategoryRequest, DeleteCategoryReply,
        DeleteCategoryRequest, DeleteFriendReply, DeleteFriendRequest, ErasePersonReply, ErasePersonRequest,
        FindPersonReply, FindPersonRequest, Friend, FriendCategories, FriendCategory, FriendRequest, GetPresenceReply,
        GetPresenceRequest, ListBlocksReply, ListBlocksRequest, ListCategoriesRequest, ListFindableReply,
        ListFindableRequest, ListFriendsReply, ListFriendsRequest, ListRequestsReply, ListRequestsRequest, Phones,
        RenameCategoryRequest, RequestFriendRequest, SyncContactsReply, SyncContactsRequest, UnblockReply,
        UpdateFriendRequest, Users,
    },
};
use anser_engine::{Db, Fingerprints, Migration};
use anser_types::{Clock, Result, page::PageTokens};
use tokio::{task::JoinHandle, time::MissedTickBehavior};

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] = &[
    Migration { service: "contact", number: 1, sql: include_str!("../migrations/0001_friends.sql") },
    Migration { service: "contact", number: 2, sql: include_str!("../migrations/0002_categories.sql") },
    Migration { service: "contact", number: 3, sql: include_str!("../migrations/0003_blocks.sql") },
    Migration { service: "contact", number: 4, sql: include_str!("../migrations/0004_profiles.sql") },
];

/// How often messaging is told again of what it does not know yet.
const RECONCILE_EVERY: Duration = Duration::from_secs(1);

/// What can be set about friends.
#[derive(Clone, Debug)]
pub struct ContactOptions {
    /// Friends one person may have.
    pub friends_a_user: usize,
    /// Requests one person may make in 24 hours.
    pub requests_a_day: usize,
    /// How long a request waits for its answer.
    pub request_ttl: Duration,
    /// The longest message of a request, in bytes.
    pub message_bytes: usize,
    /// Categories of friends one person may have.
    pub categories_a_user: usize,
    /// People one person may block.
    pub blocks_a_user: usize,
    /// The longest remark on a friend or name of a category, in bytes.
    pub name_bytes: usize,
}

impl Default for ContactOptions {
    fn default() -> Self {
        Self {
            friends_a_user: 2_000,
            requests_a_day: 50,
            request_ttl: Duration::from_secs(30 * 24 * 3600),
            message_bytes: 200,
            categories_a_user: 100,
            blocks_a_user: 2_000,
            name_bytes: 64,
        }
    }
}

/// The service.
pub struct ContactService {
    db: Db,
    users: Arc<dyn Users>,
    auth: Arc<dyn Auth>,
    phones: Arc<dyn Phones>,
    conversations: Arc<dyn Conversations>,
    options: ContactOptions,
    clock: Clock,
    pages: PageTokens,
    fingerprints: Fingerprints,
}

/// The services that contact calls.
#[derive(Clone)]
pub struct Callees {
    /// Profiles.
    pub users: Arc<dyn Users>,
    /// User names.
    pub auth: Arc<dyn Auth>,
    /// Phone numbers.
    pub phones: Arc<dyn Phones>,
    /// Who may talk to whom.
    pub conversations: Arc<dyn Conversations>,
}

impl ContactService {
    /// The service over its tables in `db`. `secret` goes into page cursors and into the hashes of idempotent requests:
    /// the same in every start. [`Self::start`] begins its background work.
    pub fn new(db: &Db, callees: Callees, secret: [u8; 32], options: ContactOptions, clock: Clock) -> Arc<Self> {
        let Callees { users, auth, phones, conversations } = callees;
        Arc::new(Self {
            db: db.scoped("contact"),
            users,
            auth,
            phones,
            conversations,
            options,
            clock,
            pages: PageTokens::new(secret),
            fingerprints: Fingerprints::new(secret),
        })
    }

    /// At once and then each second: tells messaging what it does not know yet, and lets old requests expire; and tells
    /// friends of changed profiles as they change. Until the service is dropped or the task is aborted.
    pub fn start(self: &Arc<Self>) -> JoinHandle<()> {
        let (reconciling, spreading) = (run(Arc::downgrade(self)), spread_profiles::run(Arc::downgrade(self)));
        tokio::spawn(async move {
            tokio::join!(reconciling, spreading);
        })
    }

    /// Tells messaging of decisions it does not know yet, a bounded number of them; answers how many were settled.
    pub async fn reconcile(&self) -> Result<usize> {
        relation::reconcile(self).await
    }
}

async fn run(contact: Weak<ContactService>) {
    let mut ticks = tokio::time::interval(RECONCILE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(contact) = contact.upgrade() else { return };
        let settled = contact.reconcile().await;
        let expired = expire::expire(&contact).await;
        for error in [settled.err(), expired.err()].into_iter().flatten() {
            tracing::warn!(%error, "friendships could not be brought up to date");
        }
    }
}

#[async_trait::async_trait]
impl Contacts for ContactService {
    async fn request_friend(&self, ctx: &Context, request: RequestFriendRequest) -> Result<FriendRequest> {
        request_friend::request_friend(self, ctx, request).await
    }

    async fn find_person(&self, ctx: &Context, request: FindPersonRequest) -> Result<FindPersonReply> {
        find_person::find_person(self, ctx, request).await
    }

    async fn list_findable(&self, ctx: &Context, request: ListFindableRequest) -> Result<ListFindableReply> {
        list_findable::list_findable(self, ctx, request).await
    }

    async fn list_requests(&self, ctx: &Context, request: ListRequestsRequest) -> Result<ListRequestsReply> {
        list_requests::list_requests(self, ctx, request).await
    }

    async fn get_request(&self, ctx: &Context, request: AnswerRequest) -> Result<FriendRequest> {
        get_request::get_request(self, ctx, request).await
    }

    async fn accept_request(&self, ctx: &Context, request: AnswerRequest) -> Result<FriendRequest> {
        accept_request::accept_request(self, ctx, request).await
    }

    async fn reject_request(&self, ctx: &Context, request: AnswerRequest) -> Result<FriendRequest> {
        reject_request::reject_request(self, ctx, request).await
    }

    async fn list_friends(&self, ctx: &Context, request: ListFriendsRequest) -> Result<ListFriendsReply> {
        list_friends::list_friends(self, ctx, request).await
    }

    async fn delete_friend(&self, ctx: &Context, request: DeleteFriendRequest) -> Result<DeleteFriendReply> {
        delete_friend::delete_friend(self, ctx, request).await
    }

    async fn block(&self, ctx: &Context, request: BlockRequest) -> Result<Block> {
        block::block(self, ctx, request).await
    }

    async fn unblock(&self, ctx: &Context, request: BlockRequest) -> Result<UnblockReply> {
        unblock::unblock(self, ctx, request).await
    }

    async fn list_blocks(&self, ctx: &Context, request: ListBlocksRequest) -> Result<ListBlocksReply> {
        list_blocks::list_blocks(self, ctx, request).await
    }

    async fn update_friend(&self, ctx: &Context, request: UpdateFriendRequest) -> Result<Friend> {
        update_friend::update_friend(self, ctx, request).await
    }

    async fn list_categories(&self, ctx: &Context, _: ListCategoriesRequest) -> Result<FriendCategories> {
        list_categories::list_categories(self, ctx).await
    }

    async fn create_category(&self, ctx: &Context, request: CreateCategoryRequest) -> Result<FriendCategory> {
        create_category::create_category(self, ctx, request).await
    }

    async fn rename_category(&self, ctx: &Context, request: RenameCategoryRequest) -> Result<FriendCategory> {
        rename_category::rename_category(self, ctx, request).await
    }

    async fn delete_category(&self, ctx: &Context, request: DeleteCategoryRequest) -> Result<DeleteCategoryReply> {
        delete_category::delete_category(self, ctx, request).await
    }

    async fn erase_person(&self, ctx: &Context, request: ErasePersonRequest) -> Result<ErasePersonReply> {
        erase_person::erase_person(self, ctx, request).await
    }

    async fn get_presence(&self, ctx: &Context, request: GetPresenceRequest) -> Result<GetPresenceReply> {
        get_presence::get_presence(self, ctx, request).await
    }

    async fn sync_contacts(&self, ctx: &Context, request: SyncContactsRequest) -> Result<SyncContactsReply> {
        sync_contacts::sync_contacts(self, ctx, request).await
    }
}
