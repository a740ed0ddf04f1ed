//! Making a group: the creator owns it, friends come in at once, others are asked.

use anser_contract::{
    Context,
    v1::{Conversation, ConversationKind, CreateGroupRequest, Created, Joined, Role, content::Kind},
};
use anser_engine::Tx;
use anser_types::{ConversationId, Result, UserId};

use super::{
    describe::describe,
    guests::{self, Guests},
    once::once,
    store::{self, ConversationRow},
    words,
};
use crate::{Messaging, MessagingOptions, notice::Notices};

/// Makes a group of the caller and the people named. Whether an id names a person at all is not known here: friends
/// exist, and an invitation to nobody is never answered. Where strangers may be brought in, the ids are believed.
pub async fn create_group(room: &Messaging, ctx: &Context, request: CreateGroupRequest) -> Result<Conversation> {
    let creator = ctx.user()?;
    room.db.growth_allowed()?;
    let options = room.options.clone();
    words::title(&request.title, &options)?;
    words::avatar(&request.avatar)?;
    room.words.check(&request.title)?;
    let named = guests::named("member_ids", &request.member_ids, creator, &options)?;
    let asked = [request.title.as_bytes(), request.avatar.as_bytes(), &request.member_ids.concat()];
    let once = once(room, creator, "create_group", &request.idempotency_key, &asked)?;

    let new = NewGroup {
        id: ConversationId::new(&room.clock),
        creator,
        title: request.title,
        avatar: request.avatar,
        notices: Notices::new(room),
        options,
    };
    room.db
        .until(ctx.deadline)
        .write(move |tx| {
            let made = tx.once(&once, new.notices.now, |tx| {
                new.make(tx, &named)?;
                Ok(new.id.to_vec())
            })?;
            describe(
                &new.notices.log.at(tx)?,
                ConversationId::try_from(&made[..])?,
                creator,
                new.options.strangers,
                new.notices.now,
            )
        })
        .await
}

struct NewGroup {
    id: ConversationId,
    creator: UserId,
    title: String,
    avatar: String,
    notices: Notices,
    options: MessagingOptions,
}

impl NewGroup {
    fn make(&self, tx: &mut Tx<'_>, named: &[UserId]) -> Result<()> {
        guests::room_for_group(self.creator, store::groups_joined(tx, self.creator)?, &self.options)?;
        let guests = Guests::sort(tx, self.id, self.creator, named, &self.options)?;
        let mut first: Vec<UserId> = vec![self.creator];
        first.extend(&guests.joining);
        guests::room_for_members(0, first.len(), &self.options)?;

        let (now, member_count) = (self.notices.now, first.len() as i64);
        let (title, avatar) = (self.title.clone(), self.avatar.clone());
        let row = ConversationRow { title, avatar, ..ConversationRow::new(ConversationKind::Group, now, member_count) };
        store::insert_conversation(tx, self.id, self.creator, &row)?;
        // The first members see the group from its first entry on.
        store::begin_stay(tx, self.id, self.creator, (1, 1), Role::Owner, now)?;
        store::change_groups_joined(tx, self.creator, 1)?;
        guests.bring_in(tx, self.id, 1, row.rules.history(), now)?;

        let joined = Joined { user_ids: first.iter().map(|user| user.to_vec()).collect() };
        let created = Created { title: self.title.clone() };
        let what = vec![Kind::Created(created), Kind::Joined(joined)];
        self.notices.let_in(tx, self.id, self.creator, what, first, row.rules.history())?;
        guests.ask(tx, self.id, self.creator, &self.title, &self.notices)
    }
}
