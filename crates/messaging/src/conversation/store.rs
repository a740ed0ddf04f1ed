//! All SQL about conversations, members, pairs and invitations; what leads into a group by a link or by consent is in
//! [`joining`], what people set for themselves in [`settings`]. One function for each statement or one thing done;
//! nothing here decides.

pub mod joining;
pub mod settings;

use anser_contract::v1::{ConversationKind, GroupRules, HistoryFor, Invitation, Inviters, Member, Role};
use anser_engine::{Reader, Row, Tx, Value};
use anser_types::{ConversationId, Error, Result, Timestamp, UserId};

use crate::membership;

/// A conversation as it was made, and how many are in it.
pub struct ConversationRow {
    /// Direct or group.
    pub kind: ConversationKind,
    /// A group's name.
    pub title: String,
    /// A group's picture.
    pub avatar: String,
    /// A group's announcement.
    pub announcement: String,
    /// How people come into a group.
    pub rules: GroupRules,
    /// Until when plain members may not send.
    pub muted_until: Timestamp,
    /// When a group was closed for good; 0: it was not.
    pub dismissed_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many people are in it now.
    pub member_count: i64,
}

impl ConversationRow {
    /// A conversation that is about to be made.
    pub fn new(kind: ConversationKind, created_at: Timestamp, member_count: i64) -> Self {
        let (inviters, history) = (Inviters::Members as i32, HistoryFor::Joining as i32);
        Self {
            kind,
            title: String::new(),
            avatar: String::new(),
            announcement: String::new(),
            rules: GroupRules { approval: false, inviters, history },
            muted_until: 0,
            dismissed_at: 0,
            created_at,
            member_count,
        }
    }
}

/// What two people are to each other, as contact last told it.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Their one conversation. It may be no more than a reserved id, see [`conversation`].
    pub conversation: ConversationId,
    /// The version of the relation that was applied last; 0: none.
    pub version: i64,
    /// Whether they are friends.
    pub friends: bool,
    /// Whether one of them blocks the other.
    pub blocked: bool,
}

// Conversations

/// The conversation, if it exists.
pub fn conversation(reader: &Reader<'_>, id: ConversationId) -> Result<Option<ConversationRow>> {
    reader.row(
        "SELECT kind, title, avatar, announcement, approval, inviters, history, muted_until, dismissed_at, created_at,
             member_count
         FROM messaging_conversation WHERE id = ?",
        &[(&id).into()],
        |row| {
            Ok(ConversationRow {
                kind: ConversationKind::try_from(row.int(0)? as i32)
                    .map_err(|_| Error::internal("unknown kind of conversation"))?,
                title: row.text(1)?,
                avatar: row.text(2)?,
                announcement: row.text(3)?,
                rules: GroupRules { approval: row.flag(4)?, inviters: row.int(5)? as i32, history: row.int(6)? as i32 },
                muted_until: row.int(7)?,
                dismissed_at: row.int(8)?,
                created_at: row.int(9)?,
                member_count: row.int(10)?,
            })
        },
    )
}

/// A new conversation; `new.member_count` people are about to be put into it.
pub fn insert_conversation(tx: &mut Tx<'_>, id: ConversationId, creator: UserId, new: &ConversationRow) -> Result<()> {
    tx.exec(
        "INSERT INTO messaging_conversation (id, kind, title, avatar, creator, created_at, member_count)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        &[
            (&id).into(),
            (new.kind as i32).into(),
            (&new.title).into(),
            (&new.avatar).into(),
            (&creator).into(),
            new.created_at.into(),
            new.member_count.into(),
        ],
    )?;
    Ok(())
}

/// What a group is called and looks like, what it announces and how people come in.
pub fn set_group(tx: &mut Tx<'_>, id: ConversationId, group: &ConversationRow) -> Result<()> {
    tx.exec(
        "UPDATE messaging_conversation
         SET title = ?, avatar = ?, announcement = ?, approval = ?, inviters = ?, history = ? WHERE id = ?",
        &[
            (&group.title).into(),
            (&group.avatar).into(),
            (&group.announcement).into(),
            group.rules.approval.into(),
            group.rules.inviters.into(),
            group.rules.history.into(),
            (&id).into(),
        ],
    )?;
    Ok(())
}

/// Until when plain members may not send.
pub fn set_all_muted(tx: &mut Tx<'_>, id: ConversationId, until: Timestamp) -> Result<()> {
    tx.exec("UPDATE messaging_conversation SET muted_until = ? WHERE id = ?", &[until.into(), (&id).into()])?;
    Ok(())
}

/// The group is closed for good.
pub fn set_dismissed(tx: &mut Tx<'_>, id: ConversationId, now: Timestamp) -> Result<()> {
    tx.exec("UPDATE messaging_conversation SET dismissed_at = ? WHERE id = ?", &[now.into(), (&id).into()])?;
    Ok(())
}

/// How many people are in a conversation.
pub fn member_count(reader: &Reader<'_>, id: ConversationId) -> Result<i64> {
    reader.number("SELECT member_count FROM messaging_conversation WHERE id = ?", &[(&id).into()])
}

/// `change` more (or fewer) people are in a conversation.
pub fn change_member_count(tx: &mut Tx<'_>, id: ConversationId, change: i64) -> Result<()> {
    tx.exec(
        "UPDATE messaging_conversation SET member_count = member_count + ? WHERE id = ?",
        &[change.into(), (&id).into()],
    )?;
    Ok(())
}

// Stays

/// A stay that begins at `from_seq`, by the entry `joined_seq`.
pub fn begin_stay(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    user: UserId,
    (from_seq, joined_seq): (i64, i64),
    role: Role,
    now: Timestamp,
) -> Result<()> {
    tx.exec(
        "INSERT INTO messaging_member (conversation, user_id, from_seq, to_seq, role, joined_at, joined_seq)
         VALUES (?, ?, ?, NULL, ?, ?, ?)",
        &[(&conversation).into(), (&user).into(), from_seq.into(), (role as i32).into(), now.into(), joined_seq.into()],
    )?;
    Ok(())
}

/// A person's stays are forgotten: one that shows everything is about to take their place.
pub fn delete_stays(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId) -> Result<()> {
    tx.exec(
        "DELETE FROM messaging_member WHERE conversation = ? AND user_id = ?",
        &[(&conversation).into(), (&user).into()],
    )?;
    Ok(())
}

/// The open stay ends with `to_seq`, the last entry they see.
pub fn end_stay(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId, to_seq: i64) -> Result<()> {
    tx.exec(
        "UPDATE messaging_member SET to_seq = ?,
           left_title = (SELECT title FROM messaging_conversation WHERE id = ?),
           left_avatar = (SELECT avatar FROM messaging_conversation WHERE id = ?)
         WHERE conversation = ? AND user_id = ? AND to_seq IS NULL",
        &[to_seq.into(), (&conversation).into(), (&conversation).into(), (&conversation).into(), (&user).into()],
    )?;
    Ok(())
}

/// Title and avatar that a group had when somebody went who is no member now.
pub fn left_as(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<(String, String)> {
    let row = reader.row(
        "SELECT left_title, left_avatar FROM messaging_member
         WHERE conversation = ? AND user_id = ? ORDER BY from_seq DESC LIMIT 1",
        &[(&conversation).into(), (&user).into()],
        |row| Ok((row.text(0)?, row.text(1)?)),
    )?;
    Ok(row.unwrap_or_default())
}

/// A member's role from now on.
pub fn set_role(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId, role: Role) -> Result<()> {
    tx.exec(
        "UPDATE messaging_member SET role = ? WHERE conversation = ? AND user_id = ? AND to_seq IS NULL",
        &[(role as i32).into(), (&conversation).into(), (&user).into()],
    )?;
    Ok(())
}

/// Until when a member may not send.
pub fn set_muted(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId, until: Timestamp) -> Result<()> {
    tx.exec(
        "UPDATE messaging_member SET muted_until = ? WHERE conversation = ? AND user_id = ? AND to_seq IS NULL",
        &[until.into(), (&conversation).into(), (&user).into()],
    )?;
    Ok(())
}

/// A member's name in the group.
pub fn set_nickname(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId, nickname: &str) -> Result<()> {
    tx.exec(
        "UPDATE messaging_member SET nickname = ? WHERE conversation = ? AND user_id = ? AND to_seq IS NULL",
        &[nickname.into(), (&conversation).into(), (&user).into()],
    )?;
    Ok(())
}

/// Owner and admins of a group, at most `limit` of them.
pub fn admins(reader: &Reader<'_>, conversation: ConversationId, limit: i64) -> Result<Vec<UserId>> {
    reader.rows(
        "SELECT user_id FROM messaging_member WHERE conversation = ? AND role > ? AND to_seq IS NULL LIMIT ?",
        &[(&conversation).into(), (Role::Member as i32).into(), limit.into()],
        |row| row.id(0),
    )
}

/// Somebody who is a member now.
pub fn member(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<Option<Member>> {
    reader.row(
        "SELECT user_id, role, joined_at, from_seq, nickname, muted_until FROM messaging_member
         WHERE conversation = ? AND user_id = ? AND to_seq IS NULL",
        &[(&conversation).into(), (&user).into()],
        member_from_row,
    )
}

/// The members after `after`, in the order of their ids.
pub fn members(
    reader: &Reader<'_>,
    conversation: ConversationId,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<Member>> {
    let after: &[u8] = after.as_ref().map_or(&[], |user| &user.0);
    reader.rows(
        "SELECT user_id, role, joined_at, from_seq, nickname, muted_until FROM messaging_member
         WHERE conversation = ? AND user_id > ? AND to_seq IS NULL ORDER BY user_id LIMIT ?",
        &[(&conversation).into(), after.into(), (limit as i64).into()],
        member_from_row,
    )
}

fn member_from_row(row: &Row<'_>) -> Result<Member> {
    Ok(Member {
        user_id: row.blob(0)?,
        role: row.int(1)? as i32,
        joined_at: row.int(2)?,
        from_seq: row.int(3)?,
        nickname: row.text(4)?,
        muted_until_at: row.int(5)?,
        presence: None,
    })
}

/// Who owns a group after its owner: the oldest admin, else the oldest member.
pub fn heir(reader: &Reader<'_>, conversation: ConversationId, owner: UserId) -> Result<Option<UserId>> {
    reader.row(
        "SELECT user_id FROM messaging_member WHERE conversation = ? AND user_id <> ? AND to_seq IS NULL
         ORDER BY role DESC, from_seq, user_id LIMIT 1",
        &[(&conversation).into(), (&owner).into()],
        |row| row.id(0),
    )
}

// People

/// In how many groups a person is.
pub fn groups_joined(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    reader.number("SELECT joined FROM messaging_person WHERE user_id = ?", &[(&user).into()])
}

/// `change` more (or fewer) groups that a person is in.
pub fn change_groups_joined(tx: &mut Tx<'_>, user: UserId, change: i64) -> Result<()> {
    let known =
        tx.exec("UPDATE messaging_person SET joined = joined + ? WHERE user_id = ?", &[change.into(), (&user).into()])?;
    if known == 0 {
        tx.exec("INSERT INTO messaging_person (user_id, joined) VALUES (?, ?)", &[(&user).into(), change.into()])?;
    }
    Ok(())
}

/// In how many conversations of any kind a person is.
pub fn conversations_joined(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    reader.number("SELECT COUNT(*) FROM messaging_member WHERE user_id = ? AND to_seq IS NULL", &[(&user).into()])
}

// Pairs

/// What messaging knows of two people, in whichever order.
pub fn pair(reader: &Reader<'_>, one: UserId, other: UserId) -> Result<Option<Pair>> {
    let (lo, hi) = in_order(one, other);
    reader.row(
        "SELECT conversation, relation_version, friends, blocked FROM messaging_direct WHERE user_lo = ? AND user_hi = ?",
        &[(&lo).into(), (&hi).into()],
        |row| Ok(Pair { conversation: row.id(0)?, version: row.int(1)?, friends: row.flag(2)?, blocked: row.flag(3)? }),
    )
}

/// Two people of whom nothing was known.
pub fn insert_pair(tx: &mut Tx<'_>, one: UserId, other: UserId, pair: Pair) -> Result<()> {
    let (lo, hi) = in_order(one, other);
    tx.exec(
        "INSERT INTO messaging_direct (user_lo, user_hi, conversation, relation_version, friends, blocked)
         VALUES (?, ?, ?, ?, ?, ?)",
        &[
            (&lo).into(),
            (&hi).into(),
            (&pair.conversation).into(),
            pair.version.into(),
            pair.friends.into(),
            pair.blocked.into(),
        ],
    )?;
    Ok(())
}

/// What two people are to each other now.
pub fn set_relation(tx: &mut Tx<'_>, one: UserId, other: UserId, new: Pair) -> Result<()> {
    let (lo, hi) = in_order(one, other);
    tx.exec(
        "UPDATE messaging_direct SET relation_version = ?, friends = ?, blocked = ? WHERE user_lo = ? AND user_hi = ?",
        &[new.version.into(), new.friends.into(), new.blocked.into(), (&lo).into(), (&hi).into()],
    )?;
    Ok(())
}

fn in_order(one: UserId, other: UserId) -> (UserId, UserId) {
    (one.min(other), one.max(other))
}

/// Whether a direct conversation would take messages, if the two were friends.
pub fn takes_messages(reader: &Reader<'_>, conversation: ConversationId) -> Result<bool> {
    let Some((lo, hi)) = membership::pair(reader, conversation)? else { return Ok(false) };
    let blocked = "SELECT COUNT(*) FROM messaging_direct WHERE user_lo = ? AND user_hi = ? AND blocked = 0";
    Ok(reader.number(blocked, &[(&lo).into(), (&hi).into()])? > 0)
}

/// Whatever the two of a direct conversation are to each other, it takes no more messages.
pub fn take_no_messages(tx: &mut Tx<'_>, conversation: ConversationId) -> Result<()> {
    let Some((lo, hi)) = membership::pair(tx, conversation)? else { return Ok(()) };
    tx.exec(
        "UPDATE messaging_direct SET blocked = 1 WHERE user_lo = ? AND user_hi = ?",
        &[(&lo).into(), (&hi).into()],
    )?;
    Ok(())
}

// Guests

/// How a host's guest stands to a conversation.
pub struct GuestRow {
    /// Is a member now.
    pub member: bool,
    /// Is a friend of the host.
    pub friend: bool,
    /// Blocks the host, or is blocked by them.
    pub blocked: bool,
    /// Is asked already.
    pub invited: bool,
    /// In how many groups they are.
    pub groups: i64,
}

/// How `guest` of `host` stands to a conversation; one statement, because a call may bring hundreds.
pub fn guest(reader: &Reader<'_>, conversation: ConversationId, host: UserId, guest: UserId) -> Result<GuestRow> {
    let (lo, hi) = in_order(host, guest);
    let found = reader.row(
        "SELECT
           (SELECT COUNT(*) FROM messaging_member WHERE conversation = ? AND user_id = ? AND to_seq IS NULL),
           (SELECT COUNT(*) FROM messaging_direct WHERE user_lo = ? AND user_hi = ? AND friends = 1),
           (SELECT COUNT(*) FROM messaging_direct WHERE user_lo = ? AND user_hi = ? AND blocked = 1),
           (SELECT COUNT(*) FROM messaging_invitation WHERE user_id = ? AND conversation = ?),
           (SELECT joined FROM messaging_person WHERE user_id = ?)",
        &[
            Value::from(&conversation),
            (&guest).into(),
            (&lo).into(),
            (&hi).into(),
            (&lo).into(),
            (&hi).into(),
            (&guest).into(),
            (&conversation).into(),
            (&guest).into(),
        ],
        |row| {
            Ok(GuestRow {
                member: row.flag(0)?,
                friend: row.flag(1)?,
                blocked: row.flag(2)?,
                invited: row.flag(3)?,
                groups: row.opt_int(4)?.unwrap_or_default(),
            })
        },
    )?;
    found.ok_or_else(|| Error::internal("a statement without its one row"))
}

// Invitations

/// How many invitations wait for a person.
pub fn invitation_count(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    reader.number("SELECT COUNT(*) FROM messaging_invitation WHERE user_id = ?", &[(&user).into()])
}

/// Asks somebody in; answers false where they are asked already.
pub fn insert_invitation(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    user: UserId,
    invited_by: UserId,
    now: Timestamp,
) -> Result<bool> {
    tx.insert_new(
        "INSERT INTO messaging_invitation (user_id, conversation, invited_by, created_at) VALUES (?, ?, ?, ?)",
        &[(&user).into(), (&conversation).into(), (&invited_by).into(), now.into()],
    )
}

/// Whether somebody is asked into a conversation.
pub fn is_invited(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<bool> {
    let known = reader.number(
        "SELECT COUNT(*) FROM messaging_invitation WHERE user_id = ? AND conversation = ?",
        &[(&user).into(), (&conversation).into()],
    )?;
    Ok(known > 0)
}

/// The invitation is answered, or needs no answer any more.
pub fn delete_invitation(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId) -> Result<()> {
    tx.exec(
        "DELETE FROM messaging_invitation WHERE user_id = ? AND conversation = ?",
        &[(&user).into(), (&conversation).into()],
    )?;
    Ok(())
}

/// Nobody waits for this person's answers any more.
pub fn delete_invitations(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    tx.exec("DELETE FROM messaging_invitation WHERE user_id = ?", &[(&user).into()])?;
    Ok(())
}

/// A person's invitations into conversations after `after`, in the order of their ids.
pub fn invitations(
    reader: &Reader<'_>,
    user: UserId,
    after: Option<ConversationId>,
    limit: usize,
) -> Result<Vec<Invitation>> {
    let after: &[u8] = after.as_ref().map_or(&[], |conversation| &conversation.0);
    reader.rows(
        "SELECT i.conversation, i.user_id, i.invited_by, i.created_at, c.title
         FROM messaging_invitation i JOIN messaging_conversation c ON c.id = i.conversation
         WHERE i.user_id = ? AND i.conversation > ? AND c.dismissed_at = 0 ORDER BY i.conversation LIMIT ?",
        &[(&user).into(), after.into(), (limit as i64).into()],
        |row| {
            Ok(Invitation {
                conversation_id: row.blob(0)?,
                user_id: row.blob(1)?,
                invited_by: row.blob(2)?,
                created_at: row.int(3)?,
                title: row.text(4)?,
            })
        },
    )
}
