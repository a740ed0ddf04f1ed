//! Who stands how to a conversation, and what they may read of it: both come from their stays.
//!
//! A *stay* is one time of membership, a range of seqs from joining to leaving. All the stays of a person are what
//! they may read; the open one makes them a member.

use std::collections::{BTreeSet, HashMap};

use anser_contract::v1::{ConversationKind, HiddenRange, Role};
use anser_engine::{Reader, Row};
use anser_types::{
    Action, Code, ConversationId, Error, Result, Standing, Timestamp, UserId, authorise, plant::planted,
};

use crate::log::Snapshot;

/// One time of membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The entry of joining.
    pub from_seq: i64,
    /// The entry of leaving or removal; `None`: still there.
    pub to_seq: Option<i64>,
    /// The role, the last one held where it has ended.
    pub role: Role,
    /// When.
    pub joined_at: Timestamp,
    /// The entry of joining: later than `from_seq` in a group that shows newcomers its history.
    pub joined_seq: i64,
    /// Until when they may not send.
    pub muted_until: Timestamp,
}

/// What one person may read of one conversation, as its log stands.
#[derive(Clone, Debug)]
pub struct View {
    stays: Vec<Stay>,
    head_seq: i64,
    /// What they deleted for themselves, in order, nothing twice.
    deleted: Vec<(i64, i64)>,
}

impl View {
    /// The view that `stays` (in order of `from_seq`, not empty) give on a log that ends at `head_seq`.
    pub fn new(stays: Vec<Stay>, head_seq: i64) -> Self {
        Self { stays, head_seq, deleted: Vec::new() }
    }

    /// The same without what the person deleted for themselves.
    pub fn without(self, deleted: Vec<(i64, i64)>) -> Self {
        let deleted = if planted("deleted_shown") { Vec::new() } else { deleted };
        Self { deleted, ..self }
    }

    /// The same without these seqs too.
    pub fn hiding(mut self, seqs: Vec<i64>) -> Self {
        self.deleted = merged(self.deleted.into_iter().chain(seqs.into_iter().map(|seq| (seq, seq))).collect());
        self
    }

    /// The view of `user`, or `not_found` for somebody who was never a member.
    pub fn of(log: &Snapshot<'_>, conversation: ConversationId, user: UserId) -> Result<Self> {
        let stays = stays(log, conversation, user)?;
        if stays.is_empty() {
            return Err(Error::not_found("conversation"));
        }
        Ok(Self::new(stays, log.head(conversation)?.seq).without(deleted(log, conversation, user)?))
    }

    /// Of a planted fault only: as if they had always been there.
    pub fn show_everything(&mut self) {
        self.stays.truncate(1);
        self.stays[0].from_seq = 1;
        self.stays[0].to_seq = None;
    }

    /// The first seq they may read.
    pub fn earliest_seq(&self) -> i64 {
        self.stays.first().map_or(0, |stay| stay.from_seq)
    }

    /// The last seq they may read: the head for a member, the entry of leaving for one who left.
    pub fn head_seq(&self) -> i64 {
        self.stays.last().map_or(0, |stay| stay.to_seq.unwrap_or(self.head_seq).min(self.head_seq))
    }

    /// Where the latest stay began: nothing before it is unread.
    pub fn joined_seq(&self) -> i64 {
        self.stays.last().map_or(0, |stay| stay.joined_seq)
    }

    /// Whether they may read `seq`.
    pub fn shows(&self, seq: i64) -> bool {
        self.ranges(seq, seq).next().is_some()
    }

    /// The readable parts of `from..=to`, in order, both ends included.
    pub fn ranges(&self, from: i64, to: i64) -> impl DoubleEndedIterator<Item = (i64, i64)> + use<> {
        let mut ranges = Vec::with_capacity(self.stays.len());
        for stay in &self.stays {
            let mut first = stay.from_seq.max(from);
            let last = stay.to_seq.unwrap_or(self.head_seq).min(self.head_seq).min(to);
            for &(from, to) in &self.deleted {
                if to >= first && from <= last {
                    ranges.extend((first < from).then_some((first, from - 1)));
                    first = to + 1;
                }
            }
            ranges.extend((first <= last).then_some((first, last)));
        }
        ranges.into_iter()
    }

    /// The parts of `from..=to` that exist and that they may not read.
    pub fn hidden(&self, from: i64, to: i64) -> Vec<HiddenRange> {
        let mut hidden = Vec::new();
        let mut next = from;
        for (first, last) in self.ranges(from, to) {
            if next < first {
                hidden.push(HiddenRange { from_seq: next, to_seq: first - 1 });
            }
            next = last + 1;
        }
        if next <= to {
            hidden.push(HiddenRange { from_seq: next, to_seq: to });
        }
        hidden
    }

    /// How many countable entries they may read after `read_seq`, in the latest stay, that were not recalled.
    pub fn unread(&self, log: &Snapshot<'_>, conversation: ConversationId, read_seq: i64) -> Result<i64> {
        let from = read_seq.max(self.joined_seq());
        let head = self.head_seq();
        if from >= head {
            return Ok(0);
        }
        let mut unread = countable(log, conversation, from + 1, head)?;
        for &(first, last) in self.deleted.iter().filter(|(_, last)| *last > from) {
            unread -= countable(log, conversation, first.max(from + 1), last.min(head))?;
        }
        Ok(unread)
    }

    /// How many unread messages are meant for `user` or for all.
    pub fn mentions(
        &self,
        log: &Snapshot<'_>,
        conversation: ConversationId,
        user: UserId,
        read_seq: i64,
    ) -> Result<i64> {
        let from = read_seq.max(self.joined_seq());
        if from >= self.head_seq() {
            return Ok(0);
        }
        let seqs: Vec<i64> = log.rows(
            "SELECT seq FROM messaging_mention
             WHERE conversation = ? AND user_id IN (?, ?) AND seq > ? AND seq <= ? LIMIT 1000",
            &[(&conversation).into(), (&user).into(), (&EVERYBODY).into(), from.into(), self.head_seq().into()],
            |row| row.int(0),
        )?;
        Ok(seqs.into_iter().filter(|seq| self.shows(*seq)).collect::<BTreeSet<_>>().len() as i64)
    }
}

/// The same seqs in as few ranges as there can be, in order.
pub fn merged(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ranges.sort_unstable();
    let mut out: Vec<(i64, i64)> = Vec::new();
    for (from, to) in ranges {
        match out.last_mut() {
            Some((_, last)) if from <= *last + 1 => *last = to.max(*last),
            _ => out.push((from, to)),
        }
    }
    out
}

/// Stands for everybody in a conversation where a message is meant for all.
pub const EVERYBODY: UserId = UserId([0; 16]);

/// How many entries of `from..=to` are countable and not recalled.
fn countable(log: &Snapshot<'_>, conversation: ConversationId, from: i64, to: i64) -> Result<i64> {
    if from > to {
        return Ok(0);
    }
    let upto = if planted("recalled_counted") { from - 1 } else { to };
    let recalled = log.number(
        "SELECT COUNT(*) FROM messaging_recalled WHERE conversation = ? AND seq >= ? AND seq <= ?",
        &[(&conversation).into(), from.into(), upto.into()],
    )?;
    Ok(log.countable_upto(conversation, to)? - log.countable_upto(conversation, from - 1)? - recalled)
}

/// What `user` deleted from a conversation for themselves, in order.
pub fn deleted(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<Vec<(i64, i64)>> {
    reader.rows(
        "SELECT from_seq, to_seq FROM messaging_deleted WHERE user_id = ? AND conversation = ? ORDER BY from_seq",
        &[(&user).into(), (&conversation).into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )
}

/// All that `user` deleted for themselves.
pub fn all_deleted(reader: &Reader<'_>, user: UserId) -> Result<HashMap<ConversationId, Vec<(i64, i64)>>> {
    let mut all: HashMap<ConversationId, Vec<(i64, i64)>> = HashMap::new();
    reader.rows(
        "SELECT conversation, from_seq, to_seq FROM messaging_deleted WHERE user_id = ?
         ORDER BY conversation, from_seq",
        &[(&user).into()],
        |row| {
            all.entry(row.id(0)?).or_default().push((row.int(1)?, row.int(2)?));
            Ok(())
        },
    )?;
    Ok(all)
}

/// A person's stays in a conversation, oldest first.
pub fn stays(reader: &Reader<'_>, conversation: ConversationId, user: UserId) -> Result<Vec<Stay>> {
    reader.rows(
        "SELECT from_seq, to_seq, role, joined_at, joined_seq, muted_until FROM messaging_member
         WHERE conversation = ? AND user_id = ? ORDER BY from_seq",
        &[(&conversation).into(), (&user).into()],
        |row| stay_from_row(row, 0),
    )
}

/// Every conversation a person is or was in, with their stays.
pub fn conversations_of(reader: &Reader<'_>, user: UserId) -> Result<Vec<(ConversationId, Vec<Stay>)>> {
    let mut out: Vec<(ConversationId, Vec<Stay>)> = Vec::new();
    reader.rows(
        "SELECT conversation, from_seq, to_seq, role, joined_at, joined_seq, muted_until FROM messaging_member
         WHERE user_id = ? ORDER BY conversation, from_seq",
        &[(&user).into()],
        |row| {
            let (conversation, stay) = (row.id(0)?, stay_from_row(row, 1)?);
            match out.last_mut() {
                Some((last, stays)) if *last == conversation => stays.push(stay),
                _ => out.push((conversation, vec![stay])),
            }
            Ok(())
        },
    )?;
    Ok(out)
}

/// In which relation `user` stands to `conversation`; `Outsider` also where there is no such conversation.
/// `strangers`: whether configuration lets people talk who are not friends. Whether they are muted for now is another
/// question: [`standing_to_send`].
pub fn standing(reader: &Reader<'_>, conversation: ConversationId, user: UserId, strangers: bool) -> Result<Standing> {
    let Some(stay) = stays(reader, conversation, user)?.pop() else { return Ok(Standing::Outsider) };
    let Some(state) = state(reader, conversation)? else { return Ok(Standing::Outsider) };
    stands(reader, conversation, stay, &state, strangers)
}

/// [`standing`] with regard to sending: plain members may be muted, which ends by itself. Answers until when it holds.
pub fn standing_to_send(
    reader: &Reader<'_>,
    conversation: ConversationId,
    user: UserId,
    strangers: bool,
    now: Timestamp,
) -> Result<(Standing, Timestamp)> {
    let Some(stay) = stays(reader, conversation, user)?.pop() else { return Ok((Standing::Outsider, Timestamp::MAX)) };
    let Some(state) = state(reader, conversation)? else { return Ok((Standing::Outsider, Timestamp::MAX)) };
    let muted_until = stay.muted_until.max(state.muted_until);
    Ok(match stands(reader, conversation, stay, &state, strangers)? {
        Standing::Member if muted_until > now => (Standing::MutedMember, muted_until),
        standing => (standing, Timestamp::MAX),
    })
}

fn stands(
    reader: &Reader<'_>,
    conversation: ConversationId,
    stay: Stay,
    state: &State,
    strangers: bool,
) -> Result<Standing> {
    if stay.to_seq.is_some() {
        return Ok(Standing::FormerMember);
    }
    if state.kind == ConversationKind::Direct {
        let (friends, blocked) = relation(reader, conversation)?;
        return Ok(match strangers || friends {
            true if blocked && !planted("block_ignored") => Standing::BlockedPeer,
            true => Standing::Peer,
            false => Standing::ClosedPeer,
        });
    }
    if state.dismissed {
        return Ok(Standing::Dismissed);
    }
    Ok(match stay.role {
        Role::Owner => Standing::Owner,
        Role::Admin => Standing::Admin,
        _ => Standing::Member,
    })
}

/// Lets `user` read entries of `conversation`, or answers `not_found`.
pub fn may_read(reader: &Reader<'_>, conversation: ConversationId, user: UserId, strangers: bool) -> Result<()> {
    authorise(Action::ReadEntries, standing(reader, conversation, user, strangers)?).map_err(hide)
}

/// A refusal that hides existence, in the words of this service.
pub fn hide(refusal: Error) -> Error {
    match refusal.code {
        Code::NotFound => Error::not_found("conversation"),
        _ => refusal,
    }
}

/// What a conversation itself says about who may send.
struct State {
    kind: ConversationKind,
    dismissed: bool,
    muted_until: Timestamp,
}

fn state(reader: &Reader<'_>, conversation: ConversationId) -> Result<Option<State>> {
    reader.row(
        "SELECT kind, dismissed_at, muted_until FROM messaging_conversation WHERE id = ?",
        &[(&conversation).into()],
        |row| {
            let kind = ConversationKind::try_from(row.int(0)? as i32)
                .map_err(|_| Error::internal("unknown kind of conversation"))?;
            Ok(State { kind, dismissed: row.flag(1)?, muted_until: row.int(2)? })
        },
    )
}

/// The two people of a direct conversation, the smaller id first.
pub fn pair(reader: &Reader<'_>, conversation: ConversationId) -> Result<Option<(UserId, UserId)>> {
    let people = reader.rows(
        "SELECT user_id FROM messaging_member WHERE conversation = ? ORDER BY user_id LIMIT 2",
        &[(&conversation).into()],
        |row| row.id(0),
    )?;
    Ok(match people[..] {
        [lo, hi] => Some((lo, hi)),
        _ => None,
    })
}

/// Whether the two of a direct conversation are friends, and whether one of them blocks the other.
fn relation(reader: &Reader<'_>, conversation: ConversationId) -> Result<(bool, bool)> {
    let Some((lo, hi)) = pair(reader, conversation)? else { return Ok((false, false)) };
    let known = reader.row(
        "SELECT friends, blocked FROM messaging_direct WHERE user_lo = ? AND user_hi = ?",
        &[(&lo).into(), (&hi).into()],
        |row| Ok((row.flag(0)?, row.flag(1)?)),
    )?;
    Ok(known.unwrap_or_default())
}

fn stay_from_row(row: &Row<'_>, first: usize) -> Result<Stay> {
    let from_seq = row.int(first)?;
    let joined_seq = match row.int(first + 4)? {
        0 => from_seq,
        later => later,
    };
    Ok(Stay {
        from_seq,
        to_seq: row.opt_int(first + 1)?,
        role: Role::try_from(row.int(first + 2)? as i32).unwrap_or(Role::Member),
        joined_at: row.int(first + 3)?,
        joined_seq,
        muted_until: row.int(first + 5)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stay(from_seq: i64, to_seq: Option<i64>) -> Stay {
        Stay { from_seq, to_seq, role: Role::Member, joined_at: 0, joined_seq: from_seq, muted_until: 0 }
    }

    #[test]
    fn somebody_who_left_and_came_back_sees_both_stays_and_is_told_what_is_hidden() {
        let view = View::new(vec![stay(3, Some(5)), stay(9, None)], 12);
        assert_eq!((view.earliest_seq(), view.head_seq()), (3, 12));
        assert_eq!(view.ranges(1, 12).collect::<Vec<_>>(), [(3, 5), (9, 12)]);
        let hidden: Vec<_> = view.hidden(1, 12).iter().map(|range| (range.from_seq, range.to_seq)).collect();
        assert_eq!(hidden, [(1, 2), (6, 8)]);
        assert!(view.shows(5) && !view.shows(6) && view.shows(9) && !view.shows(13));
    }

    #[test]
    fn what_one_deleted_is_hidden_from_both_ends_of_a_stay_and_between() {
        let view =
            View::new(vec![stay(3, Some(8)), stay(10, None)], 14).without(vec![(1, 3), (5, 6), (8, 10), (13, 20)]);
        assert_eq!(view.ranges(1, 14).collect::<Vec<_>>(), [(4, 4), (7, 7), (11, 12)]);
        assert_eq!(view.ranges(5, 11).rev().collect::<Vec<_>>(), [(11, 11), (7, 7)]);
        let hidden: Vec<_> = view.hidden(1, 14).iter().map(|range| (range.from_seq, range.to_seq)).collect();
        assert_eq!(hidden, [(1, 3), (5, 6), (8, 10), (13, 14)]);
        assert!(!view.shows(5) && view.shows(7));
    }

    proptest! {
        #[test]
        fn what_is_shown_and_what_is_hidden_are_all_of_it_and_never_the_same(
            gaps in prop::collection::vec((0..4i64, 0..6i64), 1..5),
            stays_on: bool,
            deleted in prop::collection::vec((2..4i64, 0..4i64), 0..4),
            (after, from, to) in (0..6i64, 1..40i64, 0..40i64),
        ) {
            // Stays and deleted ranges as tables hold them: in order, and none meets another.
            let mut next = 1;
            let mut stays: Vec<Stay> = gaps
                .iter()
                .map(|(gap, length)| {
                    let first = next + gap;
                    next = first + length + 1;
                    stay(first, Some(first + length))
                })
                .collect();
            let head = next - 1 + after;
            if stays_on {
                stays.last_mut().unwrap().to_seq = None;
            }
            let mut next = 0;
            let deleted = deleted.iter().map(|(gap, length)| {
                next += gap + length;
                (next - length, next)
            });
            let deleted: Vec<(i64, i64)> = deleted.collect();
            let within = |stay: &Stay, seq| (stay.from_seq..=stay.to_seq.unwrap_or(head)).contains(&seq);
            let sees = |seq: &i64| {
                stays.iter().any(|stay| within(stay, *seq))
                    && !deleted.iter().any(|(first, last)| (first..=last).contains(&seq))
            };
            let view = View::new(stays.clone(), head).without(deleted.clone());

            let to = to.min(view.head_seq());
            let shown: Vec<i64> = view.ranges(from, to).flat_map(|(first, last)| first..=last).collect();
            prop_assert_eq!(&shown, &(from..=to).filter(sees).collect::<Vec<_>>());
            let backward = view.ranges(from, to).rev().flat_map(|(first, last)| (first..=last).rev());
            prop_assert_eq!(backward.collect::<Vec<_>>(), shown.iter().rev().copied().collect::<Vec<_>>());
            let hidden = view.hidden(from, to);
            let hidden: Vec<i64> = hidden.iter().flat_map(|range| range.from_seq..=range.to_seq).collect();
            prop_assert_eq!(hidden, (from..=to).filter(|seq| !sees(seq)).collect::<Vec<_>>());
            for seq in from..=to {
                prop_assert_eq!(view.shows(seq), sees(&seq));
            }
        }
    }

    #[test]
    fn neighbours_and_overlapping_ranges_become_one() {
        assert_eq!(merged(vec![(5, 6), (1, 2), (3, 3), (9, 9), (6, 7)]), [(1, 3), (5, 7), (9, 9)]);
        assert!(merged(Vec::new()).is_empty());
    }

    #[test]
    fn somebody_who_left_sees_nothing_later() {
        let view = View::new(vec![stay(1, Some(4))], 10);
        assert_eq!(view.head_seq(), 4);
        assert_eq!(view.ranges(1, 10).collect::<Vec<_>>(), [(1, 4)]);
    }
}
