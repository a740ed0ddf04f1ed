//! All SQL about conversations, members, pairs and invitations. One function for each statement or one thing done;
//! nothing here decides.

use anser_contract::v1::{ConversationKind, Invitation, Member, Role};
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
    /// When it was made.
    pub created_at: Timestamp,
    /// How many people are in it now.
    pub member_count: i64,
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
        "SELECT kind, title, avatar, created_at, member_count FROM messaging_conversation WHERE id = ?",
        &[(&id).into()],
        |row| {
            Ok(ConversationRow {
                kind: ConversationKind::try_from(row.int(0)? as i32)
                    .map_err(|_| Error::internal("unknown kind of conversation"))?,
                title: row.text(1)?,
                avatar: row.text(2)?,
                created_at: row.int(3)?,
                member_count: row.int(4)?,
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

/// A stay that begins at `from_seq`.
pub fn begin_stay(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    user: UserId,
    from_seq: i64,
    role: Role,
    now: Timestamp,
) -> Result<()> {
    tx.exec(
        "INSERT INTO messaging_member (conversation, user_id, from_seq, to_seq, role, joined_at)
         VALUES (?, ?, ?, NULL, ?, ?)",
        &[(&conversation).into(), (&user).into(), from_seq.into(), (role as i32).into(), now.into()],
    )?;
    Ok(())
}

/// The open stay ends with `to_seq`, the last entry they see.
pub fn end_stay(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId, to_seq: i64) -> Result<()> {
    tx.exec(
        "UPDATE messaging_member SET to_seq = ? WHERE conversation = ? AND user_id = ? AND to_seq IS NULL",
        &[to_seq.into(), (&conversation).into(), (&user).into()],
    )?;
    Ok(())
}

/// A member's role from now on.
pub fn set_role(tx: &mut Tx<'_>, conversation: ConversationId, user: UserId, role: Role) -> Result<()> {
    tx.exec(
        "UPDATE messaging_member SET role = ? WHERE conversation = ? AND user_id = ? AND to_seq IS NULL",
        &[(role as i32).into(), (&conversation).into(), (&user).into()],
    )?;
    Ok(())
}

/// Somebody who is a member now.
pub fn member(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<Option<Member>> {
    reader.row(
        "SELECT user_id, role, joined_at, from_seq FROM messaging_member
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
        "SELECT user_id, role, joined_at, from_seq FROM messaging_member
         WHERE conversation = ? AND user_id > ? AND to_seq IS NULL ORDER BY user_id LIMIT ?",
        &[(&conversation).into(), after.into(), (limit as i64).into()],
        member_from_row,
    )
}

fn member_from_row(row: &Row<'_>) -> Result<Member> {
    Ok(Member { user_id: row.blob(0)?, role: row.int(1)? as i32, joined_at: row.int(2)?, from_seq: row.int(3)? })
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
         WHERE i.user_id = ? AND i.conversation > ? ORDER BY i.conversation LIMIT ?",
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
