//! The log as it stands when all is quiet, and what follows from it: who was a member when, what is unread.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    deleted::Deleted,
    facts::{Facts, Place, Seen, Wish},
};
use crate::wire::{Changed, Content, Mentions};

/// A range of seqs somebody may see, both ends included.
pub type Range = (i64, i64);

/// A time of membership.
#[derive(Clone, Copy, Debug)]
struct Stay {
    /// The first entry they may see by it.
    from: i64,
    /// The entry by which they came.
    joined: i64,
    /// The entry by which they went.
    to: i64,
}

/// A change of a message, as the log tells of it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Where the log tells of it.
    pub seq: i64,
    /// Whose change it is.
    pub by: String,
    /// The version that the message has by it; 0 where it changes none.
    pub version: i64,
    /// What it changes.
    pub what: Changed,
    /// What the message says by it, where it is an edit and anybody knows.
    pub words: Option<Content>,
}

/// One conversation.
#[derive(Debug, Default)]
pub struct Log {
    /// Its entries by seq.
    pub entries: BTreeMap<i64, Seen>,
    /// What messages said at first, as far as anybody saw.
    pub originals: HashMap<i64, Seen>,
    /// The changes of each message, in the order of the log.
    pub changes: BTreeMap<i64, Vec<Told>>,
    stays: HashMap<String, Vec<Stay>>,
    /// Where messages stand, and whose they are.
    messages: Vec<(i64, String)>,
    /// Between which seqs a direct conversation was open; `None` for groups.
    open: Option<Vec<Range>>,
    /// Until when who may not send, from which entry on; without a name: plain members.
    mutes: Vec<(i64, Option<String>, i64)>,
    /// Who has which role from which entry on.
    roles: Vec<(i64, String, String)>,
}

/// All conversations.
#[derive(Debug, Default)]
pub struct Truth {
    /// By conversation.
    pub logs: HashMap<String, Log>,
    /// What people deleted for themselves.
    pub deleted: Deleted,
}

impl Truth {
    /// Puts together what the last readers read.
    pub fn build(facts: &Facts) -> Truth {
        let mut logs: HashMap<String, Log> = HashMap::new();
        let last = |conn: u64| facts.connections.get(&conn).is_some_and(|connection| connection.last);
        for sighting in facts.sightings.iter().filter(|sighting| last(sighting.conn) && !sighting.beside) {
            if let Ok(seen) = &sighting.seen {
                let log = logs.entry(sighting.conversation.clone()).or_default();
                log.entries.entry(sighting.seq).or_insert_with(|| seen.clone());
            }
        }
        for (conversation, log) in &mut logs {
            log.derive(facts.pairs.get(conversation));
        }
        let mut truth = Truth { logs, deleted: Deleted::of(facts) };
        truth.find_words(facts);
        truth
    }

    /// Finds out what messages said at first and by each edit.
    fn find_words(&mut self, facts: &Facts) {
        for log in self.logs.values_mut() {
            let first = log
                .entries
                .iter()
                .filter(|(seq, seen)| seen.content.is_message() && log.said_first(**seq, seen.version));
            log.originals = first.map(|(seq, seen)| (*seq, seen.clone())).collect();
        }
        for sighting in &facts.sightings {
            if let (Ok(seen), Some(log)) = (&sighting.seen, self.logs.get_mut(&sighting.conversation))
                && seen.content.is_message()
                && log.said_first(sighting.seq, seen.version)
            {
                log.originals.entry(sighting.seq).or_insert_with(|| seen.clone());
            }
        }
        let mut known: HashMap<(&str, i64), &Content> = HashMap::new();
        for attempt in &facts.tries {
            if let (Wish::Edit(content), Some((_, change, _))) = (&attempt.wish, attempt.done()) {
                known.insert((&attempt.place.0, change), content);
            }
        }
        let mut seen_at: HashMap<(&str, i64, i64), &Content> = HashMap::new();
        for sighting in &facts.sightings {
            if let Ok(seen) = &sighting.seen
                && seen.version > 1
            {
                let at = (&*sighting.conversation, sighting.seq, seen.version);
                seen_at.entry(at).or_insert(&seen.content);
            }
        }
        for (conversation, log) in &mut self.logs {
            for (&target, changes) in &mut log.changes {
                for change in changes.iter_mut().filter(|change| change.what == Changed::Edited) {
                    let words = known.get(&(&**conversation, change.seq));
                    let words = words.or_else(|| seen_at.get(&(&**conversation, target, change.version)));
                    change.words = words.map(|words| (*words).clone());
                }
            }
        }
    }

    /// The log of a conversation, if anybody read it.
    pub fn log(&self, conversation: &str) -> Option<&Log> {
        self.logs.get(conversation)
    }

    /// The message at `place`, if it is one.
    pub fn message(&self, place: &Place) -> Option<&Seen> {
        self.log(&place.0).and_then(|log| log.entries.get(&place.1)).filter(|seen| seen.content.is_message())
    }
}

impl Log {
    /// The greatest seq.
    pub fn head(&self) -> i64 {
        self.entries.keys().next_back().copied().unwrap_or_default()
    }

    /// Whether `user` may see entry `seq` when the log is quiet.
    pub fn visible(&self, user: &str, seq: i64) -> bool {
        self.visible_at(user, seq, i64::MAX)
    }

    /// Whether `user` could see entry `seq` while the log ended at `head`.
    pub fn visible_at(&self, user: &str, seq: i64, head: i64) -> bool {
        self.ranges(user, head).iter().any(|&(from, to)| from <= seq && seq <= to)
    }

    /// What `user` could see while the log ended at `head`.
    pub fn ranges(&self, user: &str, head: i64) -> Vec<Range> {
        let mut ranges = Vec::new();
        for stay in self.stays.get(user).into_iter().flatten().filter(|stay| stay.joined <= head) {
            if stay.from < stay.joined && stay.from == 1 {
                ranges.clear();
            }
            ranges.push((stay.from, stay.to));
        }
        ranges
    }

    /// The latest stay that began by `head`: what it shows.
    pub fn latest_stay(&self, user: &str, head: i64) -> Option<Range> {
        self.ranges(user, head).pop()
    }

    /// Whether `user` was ever in it.
    pub fn knows(&self, user: &str) -> bool {
        self.stays.contains_key(user)
    }

    /// Whether `user` is in it when the log is quiet.
    pub fn has_member(&self, user: &str) -> bool {
        self.latest_stay(user, i64::MAX).is_some_and(|(_, to)| to == i64::MAX)
    }

    /// The visible seqs in `from..=to` while the log ended at `head`.
    pub fn visible_within(&self, user: &str, from: i64, to: i64, head: i64) -> impl Iterator<Item = i64> + use<> {
        let ranges = self.ranges(user, head).into_iter();
        ranges.flat_map(move |(start, end)| start.max(from)..=end.min(to))
    }

    /// The last seq that `user` may ever see.
    pub fn last_visible(&self, user: &str) -> i64 {
        self.latest_stay(user, i64::MAX).map_or(0, |(_, to)| to.min(self.head()))
    }

    /// Whether `user` may write entry `seq`, sent at `at` by the server's clock.
    pub fn may_write(&self, user: &str, seq: i64, at: i64) -> bool {
        let open = self.open.as_ref().is_none_or(|open| open.iter().any(|&(from, to)| from < seq && seq < to));
        open && self.visible_at(user, seq, seq) && !self.muted(user, seq, at)
    }

    fn muted(&self, user: &str, seq: i64, at: i64) -> bool {
        let role = self.roles.iter().rev().find(|(from, named, _)| *from < seq && named == user);
        if role.is_some_and(|(.., role)| role != "member") {
            return false;
        }
        let stays = self.stays.get(user).into_iter().flatten();
        let began = stays.map(|stay| stay.joined).filter(|joined| *joined <= seq).max().unwrap_or_default();
        let until = |whose: Option<&str>| {
            let mutes = self.mutes.iter().rev();
            let mut mine = mutes.filter(|(from, named, _)| *from < seq && named.as_deref() == whose);
            mine.next().filter(|(from, ..)| whose.is_none() || *from >= began).map_or(0, |&(.., until)| until)
        };
        until(Some(user)).max(until(None)) > at
    }

    /// Messages of others after `after` that `user` could see while the log ended at `head`, and by which entry each of
    /// them was recalled.
    pub fn countable<'l>(
        &'l self,
        user: &'l str,
        after: i64,
        head: i64,
    ) -> impl Iterator<Item = (i64, Option<i64>)> + 'l {
        let ranges = self.ranges(user, head);
        let start = self.messages.partition_point(|&(seq, _)| seq <= after);
        let until = self.messages[start..].iter().take_while(move |&&(seq, _)| seq <= head);
        until
            .filter(move |(seq, sender)| sender != user && ranges.iter().any(|&(from, to)| from <= *seq && *seq <= to))
            .map(|(seq, _)| (*seq, self.recalled_by(*seq)))
    }

    /// The entry that tells that message `seq` was recalled.
    pub fn recalled_by(&self, seq: i64) -> Option<i64> {
        let changes = self.changes.get(&seq)?;
        changes.iter().find(|change| change.what == Changed::Recalled).map(|change| change.seq)
    }

    /// For whom message `seq` was meant while the log ended at `head`; `None`: nobody knows.
    pub fn mentions(&self, seq: i64, head: i64) -> Option<Mentions> {
        let mut edits = self.changes.get(&seq).into_iter().flatten().filter(|change| change.seq <= head).rev();
        let content = match edits.find(|change| change.what == Changed::Edited) {
            Some(edit) => edit.words.as_ref()?,
            None => &self.originals.get(&seq)?.content,
        };
        Some(match content {
            Content::Text(_, mentions) => mentions.clone(),
            _ => Mentions::default(),
        })
    }

    /// The version of message `seq` while the log ended at `head`.
    pub fn version_at(&self, seq: i64, head: i64) -> i64 {
        let changes = self.changes.get(&seq).into_iter().flatten().filter(|change| change.seq <= head);
        changes.map(|change| change.version).max().unwrap_or(1).max(1)
    }

    /// Whether message `seq` still says at `version` what it said at first.
    fn said_first(&self, seq: i64, version: i64) -> bool {
        let changes = self.changes.get(&seq).into_iter().flatten();
        let mut words = changes.filter(|change| matches!(change.what, Changed::Edited | Changed::Recalled));
        words.all(|change| change.version > version)
    }

    fn derive(&mut self, pair: Option<&BTreeSet<String>>) {
        let mut open: Vec<Range> = Vec::new();
        for person in pair.into_iter().flatten() {
            self.stays.insert(person.clone(), vec![Stay { from: 1, joined: 0, to: i64::MAX }]);
        }
        let mut shows_all = false;
        for (&seq, seen) in &self.entries {
            match &seen.content {
                Content::Created(_) => {
                    enter(&mut self.stays, &seen.sender, (seq, seq));
                    self.roles.push((seq, seen.sender.clone(), "owner".into()));
                }
                Content::Joined(people) => {
                    // The first members are named together with the maker, right after the making: they are there from
                    // the first entry on.
                    let first = seq == 2 && people.contains(&seen.sender);
                    let from = if first || shows_all { 1 } else { seq };
                    for person in people {
                        enter(&mut self.stays, person, (from, if first { 1 } else { seq }));
                        if !first {
                            self.roles.push((seq, person.clone(), "member".into()));
                        }
                    }
                }
                Content::Left(person) | Content::Removed(person) => leave(&mut self.stays, person, seq),
                Content::RoleChanged(person, role) => self.roles.push((seq, person.clone(), role.clone())),
                Content::OwnerChanged(person) => {
                    self.roles.push((seq, seen.sender.clone(), "admin".into()));
                    self.roles.push((seq, person.clone(), "owner".into()));
                }
                Content::MemberMuted(person, until) => self.mutes.push((seq, Some(person.clone()), *until)),
                Content::AllMuted(until) => self.mutes.push((seq, None, *until)),
                Content::RulesChanged(all) => shows_all = *all,
                Content::Opened => open.push((seq, i64::MAX)),
                Content::Closed => {
                    if let Some(last) = open.last_mut().filter(|last| last.1 == i64::MAX) {
                        last.1 = seq;
                    }
                }
                Content::Text(..) | Content::Custom(..) | Content::File(..) | Content::Withdrawn(_) => {
                    self.messages.push((seq, seen.sender.clone()));
                }
                Content::Change(change) => {
                    let (by, what) = (seen.sender.clone(), change.what.clone());
                    let told = Told { seq, by, version: change.version, what, words: None };
                    self.changes.entry(change.target).or_default().push(told);
                }
                Content::Other => {}
            }
        }
        self.open = pair.map(|_| open);
    }
}

fn enter(stays: &mut HashMap<String, Vec<Stay>>, person: &str, (from, joined): (i64, i64)) {
    let stays = stays.entry(person.to_owned()).or_default();
    if stays.last().is_none_or(|last| last.to != i64::MAX) {
        stays.push(Stay { from, joined, to: i64::MAX });
    }
}

fn leave(stays: &mut HashMap<String, Vec<Stay>>, person: &str, seq: i64) {
    let last = stays.get_mut(person).and_then(|stays| stays.last_mut());
    if let Some(last) = last.filter(|last| last.to == i64::MAX) {
        last.to = seq;
    }
}
