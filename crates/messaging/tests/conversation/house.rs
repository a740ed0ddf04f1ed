//! A messaging service on a store of its own, and people who use it.

use std::sync::Arc;

use anser_contract::{
    Actor, Context,
    v1::{
        AnswerInvitationRequest, AppendRequest, ApplyRelationReply, ApplyRelationRequest, ChangeRoleRequest, Content,
        Conversation, Conversations, CreateGroupRequest, Entry, GetConversationRequest, InviteReply, InviteRequest,
        LeaveRequest, Messages, RemoveMemberRequest, Role, SendMessage, SyncFrom, SyncManyRequest, SyncPage, Text,
        content::Kind,
    },
};
use anser_engine::{Db, DbOptions, Durability};
use anser_messaging::{MIGRATIONS, Messaging, MessagingOptions, MessagingService};
use anser_types::{Clock, Code, ConversationId, MessageId, SessionId, UserId};
use tempfile::TempDir;

use crate::files::FakeFiles;

pub struct House {
    pub service: Arc<MessagingService>,
    pub clock: Clock,
    pub files: Arc<FakeFiles>,
    db: Db,
    options: MessagingOptions,
    dir: TempDir,
}

impl House {
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut MessagingOptions)) -> Self {
        let dir = TempDir::new().unwrap();
        let clock = Clock::fixed(1_700_000_000_000);
        let store = DbOptions { durability: Durability::Off, ..DbOptions::new(dir.path()) };
        let db = Db::open(&store, MIGRATIONS, clock.clone()).unwrap();
        let mut options = MessagingOptions { sends_per_second: 0, ..MessagingOptions::default() };
        change(&mut options);
        let files = Arc::<FakeFiles>::default();
        let service = Messaging::start(&db, files.clone(), options.clone(), clock.clone()).await.unwrap();
        Self { service, clock, files, db, options, dir }
    }

    /// The same store after the process ended and began again.
    pub async fn restarted(self) -> Self {
        let Self { service, clock, files, db, options, dir } = self;
        drop(service);
        db.close().await;
        let store = DbOptions { durability: Durability::Off, ..DbOptions::new(dir.path()) };
        let db = Db::open(&store, MIGRATIONS, clock.clone()).unwrap();
        let service = Messaging::start(&db, files.clone(), options.clone(), clock.clone()).await.unwrap();
        Self { service, clock, files, db, options, dir }
    }

    pub async fn relate(&self, a: UserId, b: UserId, version: i64, friends: bool) -> ApplyRelationReply {
        let request = ApplyRelationRequest { user_a: a.to_vec(), user_b: b.to_vec(), version, friends, blocked: false };
        self.service.apply_relation(&Context::service(), request).await.unwrap()
    }

    /// One of the two blocks the other.
    pub async fn block(&self, a: UserId, b: UserId, version: i64, friends: bool) {
        let request = ApplyRelationRequest { user_a: a.to_vec(), user_b: b.to_vec(), version, friends, blocked: true };
        self.service.apply_relation(&Context::service(), request).await.unwrap();
    }

    pub async fn befriend(&self, a: UserId, others: &[UserId]) {
        for other in others {
            self.relate(a, *other, 1, true).await;
        }
    }

    pub async fn group(&self, creator: UserId, members: &[UserId]) -> ConversationId {
        let request = CreateGroupRequest { title: "the group".into(), member_ids: ids(members), ..Default::default() };
        id(&self.service.create_group(&acting(creator), request).await.unwrap())
    }

    pub async fn invite(&self, host: UserId, group: ConversationId, guests: &[UserId]) -> Result<InviteReply, Code> {
        let request = InviteRequest { conversation_id: group.to_vec(), user_ids: ids(guests), ..Default::default() };
        self.service.invite(&acting(host), request).await.map_err(|error| error.code)
    }

    pub async fn accept(&self, guest: UserId, group: ConversationId) -> Result<Conversation, Code> {
        self.service.accept_invitation(&acting(guest), answer(group)).await.map_err(|error| error.code)
    }

    pub async fn decline(&self, guest: UserId, group: ConversationId) -> Result<(), Code> {
        let reply = self.service.decline_invitation(&acting(guest), answer(group)).await;
        reply.map(|_| ()).map_err(|error| error.code)
    }

    pub async fn remove(&self, remover: UserId, group: ConversationId, target: UserId) -> Result<(), Code> {
        let (conversation_id, user_id) = (group.to_vec(), target.to_vec());
        let request = RemoveMemberRequest { conversation_id, user_id, ..Default::default() };
        self.service.remove_member(&acting(remover), request).await.map(|_| ()).map_err(|error| error.code)
    }

    pub async fn leave(&self, user: UserId, group: ConversationId) -> Result<(), Code> {
        let request = LeaveRequest { conversation_id: group.to_vec(), ..Default::default() };
        self.service.leave(&acting(user), request).await.map(|_| ()).map_err(|error| error.code)
    }

    pub async fn make(&self, owner: UserId, group: ConversationId, target: UserId, role: Role) -> Result<Role, Code> {
        let (conversation_id, user_id) = (group.to_vec(), target.to_vec());
        let request = ChangeRoleRequest { conversation_id, user_id, role: role as i32, ..Default::default() };
        let member = self.service.change_role(&acting(owner), request).await;
        member.map(|member| member.role()).map_err(|error| error.code)
    }

    pub async fn see(&self, user: UserId, conversation: ConversationId) -> Result<Conversation, Code> {
        let request = GetConversationRequest { conversation_id: conversation.to_vec() };
        self.service.get_conversation(&acting(user), request).await.map_err(|error| error.code)
    }

    pub async fn say(&self, user: UserId, conversation: ConversationId, text: &str) -> Result<i64, Code> {
        self.send(user, conversation, Kind::Text(Text { text: text.into() }).into()).await
    }

    pub async fn send(&self, user: UserId, conversation: ConversationId, content: Content) -> Result<i64, Code> {
        let send = SendMessage {
            conversation_id: conversation.to_vec(),
            client_msg_id: MessageId::new(&self.clock).to_vec(),
            content: Some(content),
            ..SendMessage::default()
        };
        let reply = self.service.append(&acting(user), AppendRequest { sends: vec![send] }).await.unwrap();
        let outcome = reply.outcomes.into_iter().next().unwrap();
        match outcome.error {
            Some(problem) => Err(Code::parse(&problem.code).unwrap()),
            None => Ok(outcome.ack.unwrap().seq),
        }
    }

    /// All that a device of `user` which knows nothing would get of `conversation`.
    pub async fn sync(&self, user: UserId, conversation: ConversationId) -> Result<SyncPage, Code> {
        let items = vec![SyncFrom { conversation_id: conversation.to_vec(), after_seq: 0 }];
        let request = SyncManyRequest { items, ..SyncManyRequest::default() };
        let result = self.service.sync_many(&acting(user), request).await.unwrap().items.remove(0);
        match result.error {
            Some(problem) => Err(Code::parse(&problem.code).unwrap()),
            None => Ok(result.page.unwrap()),
        }
    }

    /// What `user` sees of `conversation`, one word for each entry.
    pub async fn story(&self, user: UserId, conversation: ConversationId) -> Vec<String> {
        self.sync(user, conversation).await.unwrap().entries.iter().map(word).collect()
    }
}

fn answer(group: ConversationId) -> AnswerInvitationRequest {
    AnswerInvitationRequest { conversation_id: group.to_vec(), ..Default::default() }
}

fn word(entry: &Entry) -> String {
    match entry.content.as_ref().unwrap().kind.as_ref().unwrap() {
        Kind::Text(text) => text.text.clone(),
        Kind::Custom(custom) => custom.r#type.clone(),
        Kind::Created(_) => "created".into(),
        Kind::Joined(joined) => format!("{} joined", joined.user_ids.len()),
        Kind::Left(_) => "left".into(),
        Kind::Removed(_) => "removed".into(),
        Kind::RoleChanged(_) => "role".into(),
        Kind::Opened(_) => "opened".into(),
        Kind::Closed(_) => "closed".into(),
        Kind::Renamed(renamed) => format!("called {}", renamed.title),
        Kind::AvatarChanged(_) => "picture".into(),
        Kind::Announced(announced) => format!("announced {}", announced.text),
        Kind::OwnerChanged(_) => "owner".into(),
        Kind::Dismissed(_) => "dismissed".into(),
        Kind::MemberMuted(muted) if muted.until_at == 0 => "unmuted".into(),
        Kind::MemberMuted(_) => "muted".into(),
        Kind::AllMuted(muted) if muted.until_at == 0 => "all unmuted".into(),
        Kind::AllMuted(_) => "all muted".into(),
        Kind::MemberRenamed(renamed) => format!("known as {}", renamed.nickname),
        Kind::RulesChanged(_) => "rules".into(),
        _ => entry.fallback_text.clone(),
    }
}

pub fn acting(user: UserId) -> Context {
    Context::new(Actor::User(user, SessionId([1; 16])), "test")
}

pub fn person(number: u16) -> UserId {
    let mut bytes = [7; 16];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    UserId(bytes)
}

pub fn ids(users: &[UserId]) -> Vec<Vec<u8>> {
    users.iter().map(|user| user.to_vec()).collect()
}

pub fn id(conversation: &Conversation) -> ConversationId {
    ConversationId::try_from(&conversation.conversation_id[..]).unwrap()
}
