//! A log, profiles and friends that are kept in memory.

use std::collections::{BTreeMap, BTreeSet};

use anser_contract::{Context, v1::*};
use anser_types::{Error, Result, UserId};
use async_trait::async_trait;
use parking_lot::Mutex;

use super::text;

macro_rules! never {
    ($($method:ident: $request:ty => $reply:ty;)*) => {
        $(fn $method<'a, 'b, 'c>(&'a self, _: &'b Context, _: $request)
            -> std::pin::Pin<Box<dyn Future<Output = Result<$reply>> + Send + 'c>>
        where 'a: 'c, 'b: 'c, Self: 'c {
            unreachable!()
        })*
    };
}

/// The log: every entry of every conversation, in the order in which it came.
#[derive(Default)]
pub struct FakeJournal {
    pub entries: Mutex<Vec<Entry>>,
    /// Who may read which seqs of which conversation; an end of 0 is open.
    pub ranges: Mutex<Vec<(UserId, VisibleRange)>>,
    /// What people deleted for themselves.
    pub deleted: Mutex<BTreeSet<(UserId, Vec<u8>, i64)>>,
    pub away: Mutex<bool>,
}

impl FakeJournal {
    pub fn append(&self, conversation: u8, sender: UserId, server_ts: i64, content: Content) -> i64 {
        let mut entries = self.entries.lock();
        let conversation_id = super::room(conversation);
        let seq = entries.iter().filter(|entry| entry.conversation_id == conversation_id).count() as i64 + 1;
        let sender_id = sender.to_vec();
        entries.push(Entry { conversation_id, seq, sender_id, server_ts, content: Some(content), ..Entry::default() });
        seq
    }

    /// Other words, or none, on the row of an entry.
    pub fn rewrite(&self, conversation: u8, seq: i64, content: Content) {
        let id = super::room(conversation);
        let mut entries = self.entries.lock();
        let entry = entries.iter_mut().find(|entry| entry.conversation_id == id && entry.seq == seq);
        entry.unwrap().content = Some(content);
    }
}

#[async_trait]
impl Journal for FakeJournal {
    async fn read_on(&self, ctx: &Context, request: ReadOnRequest) -> Result<ReadOnReply> {
        ctx.require_service()?;
        if *self.away.lock() {
            return Err(Error::unavailable("away"));
        }
        let entries = self.entries.lock();
        let page = entries.iter().enumerate().skip(request.after_position as usize).take(request.limit as usize);
        let items: Vec<_> = page
            .map(|(index, entry)| {
                let of = |target: &&Entry| {
                    target.conversation_id == entry.conversation_id && Some(target.seq) == entry.target_seq()
                };
                let target = entries.iter().find(of).cloned();
                JournalEntry { position: index as i64 + 1, entry: Some(entry.clone()), target }
            })
            .collect();
        let through_position = items.last().map_or(request.after_position, |last| last.position);
        Ok(ReadOnReply { items, through_position, head_position: entries.len() as i64 })
    }

    async fn list_visible(&self, ctx: &Context, request: ListVisibleRequest) -> Result<ListVisibleReply> {
        ctx.require_service()?;
        let ranges = self.ranges.lock();
        let mine = ranges.iter().filter(|(user, _)| user.to_vec() == request.user_id);
        Ok(ListVisibleReply { items: mine.map(|(_, range)| range.clone()).collect() })
    }

    async fn look_up(&self, ctx: &Context, request: LookUpRequest) -> Result<LookUpReply> {
        ctx.require_service()?;
        let (ranges, deleted) = (self.ranges.lock(), self.deleted.lock());
        let me = UserId::try_from(&request.user_id[..])?;
        let may_read = |entry: &&Entry| {
            let within = ranges.iter().any(|(user, range)| {
                *user == me
                    && range.conversation_id == entry.conversation_id
                    && range.from_seq <= entry.seq
                    && (range.to_seq == 0 || entry.seq <= range.to_seq)
            });
            within && !deleted.contains(&(me, entry.conversation_id.clone(), entry.seq))
        };
        let entries = self.entries.lock();
        let named = request.items.iter().filter_map(|name| {
            entries.iter().find(|entry| entry.conversation_id == name.conversation_id && entry.seq == name.seq)
        });
        Ok(LookUpReply { items: named.filter(may_read).cloned().collect() })
    }

    never! {
        may_read_files: MayReadFilesRequest => MayReadFilesReply;
        set_transcript: SetTranscriptRequest => Entry;
    }
}

/// Profiles, who may find whom, and numbers.
#[derive(Default)]
pub struct FakePeople {
    pub changes: Mutex<Vec<ProfileChange>>,
    /// Nobody finds them.
    pub hidden: Mutex<BTreeSet<Vec<u8>>>,
    pub numbers: Mutex<BTreeMap<String, Vec<u8>>>,
}

#[async_trait]
impl Users for FakePeople {
    async fn list_changed(&self, ctx: &Context, request: ListChangedRequest) -> Result<ListChangedReply> {
        ctx.require_service()?;
        let changes = self.changes.lock();
        let items = changes.iter().filter(|change| change.change_no > request.after_no);
        Ok(ListChangedReply { items: items.take(request.limit as usize).cloned().collect() })
    }

    async fn get_users(&self, _: &Context, request: GetUsersRequest) -> Result<GetUsersReply> {
        let changes = self.changes.lock();
        let profiles: Vec<_> = changes.iter().filter_map(|change| change.profile.as_ref()).collect();
        let users = request.user_ids.iter().filter_map(|id| profiles.iter().find(|profile| profile.user_id == *id));
        Ok(GetUsersReply { users: users.map(|&profile| profile.clone()).collect() })
    }

    never! {
        create_user: CreateUserRequest => OwnProfile;
        get_me: GetMeRequest => OwnProfile;
        update_profile: UpdateProfileRequest => OwnProfile;
        get_privacy: GetPrivacyRequest => Privacy;
        list_privacy: ListPrivacyRequest => ListPrivacyReply;
        update_privacy: UpdatePrivacyRequest => Privacy;
        set_phone: SetPhoneRequest => SetPhoneReply;
        rename_user: RenameUserRequest => RenameUserReply;
        close_profile: CloseProfileRequest => CloseProfileReply;
        note_seen: NoteSeenRequest => NoteSeenReply;
        list_seen: ListSeenRequest => ListSeenReply;
        sync_profile: SyncProfileRequest => SyncProfileReply;
    }
}

#[async_trait]
impl Contacts for FakePeople {
    async fn list_findable(&self, ctx: &Context, request: ListFindableRequest) -> Result<ListFindableReply> {
        ctx.user()?;
        let hidden = self.hidden.lock();
        Ok(ListFindableReply { user_ids: request.user_ids.into_iter().filter(|id| !hidden.contains(id)).collect() })
    }

    never! {
        request_friend: RequestFriendRequest => FriendRequest;
        find_person: FindPersonRequest => FindPersonReply;
        list_requests: ListRequestsRequest => ListRequestsReply;
        get_request: AnswerRequest => FriendRequest;
        accept_request: AnswerRequest => FriendRequest;
        reject_request: AnswerRequest => FriendRequest;
        list_friends: ListFriendsRequest => ListFriendsReply;
        delete_friend: DeleteFriendRequest => DeleteFriendReply;
        update_friend: UpdateFriendRequest => Friend;
        list_categories: ListCategoriesRequest => FriendCategories;
        create_category: CreateCategoryRequest => FriendCategory;
        rename_category: RenameCategoryRequest => FriendCategory;
        delete_category: DeleteCategoryRequest => DeleteCategoryReply;
        block: BlockRequest => Block;
        unblock: BlockRequest => UnblockReply;
        list_blocks: ListBlocksRequest => ListBlocksReply;
        erase_person: ErasePersonRequest => ErasePersonReply;
        get_presence: GetPresenceRequest => GetPresenceReply;
        sync_contacts: SyncContactsRequest => SyncContactsReply;
    }
}

#[async_trait]
impl Phones for FakePeople {
    async fn find_by_phone(&self, ctx: &Context, request: FindByPhoneRequest) -> Result<FindByUsernameReply> {
        ctx.require_service()?;
        let found = self.numbers.lock().get(&request.phone).cloned();
        found.map(|user_id| FindByUsernameReply { user_id }).ok_or_else(|| Error::not_found("user"))
    }

    never! {
        request_code: RequestCodeRequest => RequestCodeReply;
        register_by_phone: RegisterByPhoneRequest => RegisterReply;
        login_by_phone: LoginByPhoneRequest => TokenReply;
        change_phone: ChangePhoneRequest => ChangePhoneReply;
        reset_password: ResetByPhoneRequest => ResetByPhoneReply;
    }
}

impl FakePeople {
    /// Somebody comes, or has other names.
    pub fn is_called(&self, user: UserId, username: &str, nickname: &str) {
        let (username, nickname) = (username.into(), nickname.into());
        self.becomes(PublicProfile { user_id: user.to_vec(), username, nickname, ..PublicProfile::default() });
    }

    pub fn becomes(&self, profile: PublicProfile) {
        let mut changes = self.changes.lock();
        let change_no = changes.last().map_or(1, |last| last.change_no + 1);
        changes.retain(|change| change.profile.as_ref().is_some_and(|other| other.user_id != profile.user_id));
        changes.push(ProfileChange { change_no, profile: Some(profile) });
    }
}

/// What a text says now that it was taken back.
pub fn withdrawn() -> Content {
    content::Kind::Withdrawn(Withdrawn::default()).into()
}

/// The entry that tells of other words.
pub fn edited(seq: i64) -> Content {
    content::Kind::Edited(Edited { target_seq: seq, version: 2 }).into()
}

/// The entry that tells of words taken back.
pub fn recalled(seq: i64) -> Content {
    content::Kind::Recalled(Recalled { target_seq: seq, version: 2 }).into()
}

/// A voice message and what is said in it.
pub fn voice(transcript: &str) -> Content {
    content::Kind::Voice(Box::new(Voice { transcript: transcript.into(), ..Voice::default() })).into()
}

/// The entry that tells that a voice message has words.
pub fn transcribed(seq: i64) -> Content {
    content::Kind::Transcribed(Transcribed { target_seq: seq, version: 2 }).into()
}

/// A file by its name.
pub fn file(name: &str) -> Content {
    content::Kind::File(Box::new(Attachment { name: name.into(), ..Attachment::default() })).into()
}

/// A text that goes by itself.
pub fn expiring(words: &str, expires_at: i64) -> Content {
    Content { expiring: Some(Box::new(Expiring { after_ms: 1, expires_at })), ..text(words) }
}
