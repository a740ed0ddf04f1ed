//! The log as it stands when all is quiet, and what follows from it: who was a member when, what is unread.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::facts::{Facts, Seen};
use crate::wire::Content;

/// A range of seqs somebody may see, both ends included.
pub type Range = (i64, i64);

/// One conversation.
#[derive(Debug, Default)]
pub struct Log {
    /// Its entries by seq.
    pub entries: BTreeMap<i64, Seen>,
    /// Who may see what.
    pub ranges: HashMap<String, Vec<Range>>,
    /// Where messages stand, and whose they are.
    messages: Vec<(i64, String)>,
    /// Between which seqs a direct conversation was open; `None` for groups.
    open: Option<Vec<Range>>,
}

/// All conversations.
#[derive(Debug, Default)]
pub struct Truth {
    /// By conversation.
    pub logs: HashMap<String, Log>,
}

impl Truth {
    /// Puts together what the last readers read.
    pub fn build(facts: &Facts) -> Truth {
        let mut logs: HashMap<String, Log> = HashMap::new();
        let last = |conn: u64| facts.connections.get(&conn).is_some_and(|connection| connection.last);
        for sighting in facts.sightings.iter().filter(|sighting| last(sighting.conn)) {
            if let Ok(seen) = &sighting.seen {
                let log = logs.entry(sighting.conversation.clone()).or_default();
                log.entries.entry(sighting.seq).or_insert_with(|| seen.clone());
            }
        }
        for (conversation, log) in &mut logs {
            log.derive(facts.pairs.get(conversation));
        }
        Truth { logs }
    }

    /// The log of a conversation, if anybody read it.
    pub fn log(&self, conversation: &str) -> Option<&Log> {
        self.logs.get(conversation)
    }

    /// Whether `user` may see entry `seq`.
    pub fn visible(&self, user: &str, conversation: &str, seq: i64) -> bool {
        self.log(conversation).is_some_and(|log| log.visible(user, seq))
    }
}

impl Log {
    /// The greatest seq.
    pub fn head(&self) -> i64 {
        self.entries.keys().next_back().copied().unwrap_or_default()
    }

    /// Whether `user` may see entry `seq`.
    pub fn visible(&self, user: &str, seq: i64) -> bool {
        self.ranges(user).iter().any(|&(from, to)| from <= seq && seq <= to)
    }

    /// What `user` may see.
    pub fn ranges(&self, user: &str) -> &[Range] {
        self.ranges.get(user).map_or(&[], Vec::as_slice)
    }

    /// The first seq in `from..=to` that `user` may see.
    pub fn first_visible(&self, user: &str, from: i64, to: i64) -> Option<i64> {
        self.ranges(user)
            .iter()
            .map(|&(start, end)| (start.max(from), end.min(to)))
            .find(|(from, to)| from <= to)
            .map(|(from, _)| from)
    }

    /// The last seq that `user` may ever see.
    pub fn last_visible(&self, user: &str) -> i64 {
        self.ranges(user).last().map_or(0, |&(_, to)| to.min(self.head()))
    }

    /// Whether `user` may write entry `seq`.
    pub fn may_write(&self, user: &str, seq: i64) -> bool {
        let open = self.open.as_ref().is_none_or(|open| open.iter().any(|&(from, to)| from < seq && seq < to));
        open && self.ranges(user).iter().any(|&(from, to)| from <= seq && seq <= to)
    }

    /// Unread messages of `user` after `read_seq` up to `head`: those of others that `user` may see.
    pub fn unread(&self, user: &str, read_seq: i64, head: i64) -> i64 {
        let start = self.messages.partition_point(|&(seq, _)| seq <= read_seq);
        let after = self.messages[start..].iter().take_while(|&&(seq, _)| seq <= head);
        after.filter(|(seq, sender)| sender != user && self.visible(user, *seq)).count() as i64
    }

    fn derive(&mut self, pair: Option<&BTreeSet<String>>) {
        let mut ranges: HashMap<String, Vec<Range>> = HashMap::new();
        let mut open: Vec<Range> = Vec::new();
        for person in pair.into_iter().flatten() {
            ranges.insert(person.clone(), vec![(1, i64::MAX)]);
        }
        for (&seq, seen) in &self.entries {
            match &seen.content {
                Content::Created(_) => enter(&mut ranges, &seen.sender, seq),
                Content::Joined(people) => {
                    // The first members are named together with the maker, right after the making: they are there from
                    // the first entry on.
                    let from = if seq == 2 && people.contains(&seen.sender) { 1 } else { seq };
                    people.iter().for_each(|person| enter(&mut ranges, person, from));
                }
                Content::Left(person) | Content::Removed(person) => end(ranges.get_mut(person), seq),
                Content::Opened => open.push((seq, i64::MAX)),
                Content::Closed => end(Some(&mut open), seq),
                Content::Text(_) | Content::Custom(..) => self.messages.push((seq, seen.sender.clone())),
                Content::RoleChanged(..) | Content::Other(_) => {}
            }
        }
        self.open = pair.map(|_| open);
        self.ranges = ranges;
    }
}

fn enter(ranges: &mut HashMap<String, Vec<Range>>, person: &str, seq: i64) {
    let ranges = ranges.entry(person.to_owned()).or_default();
    if ranges.last().is_none_or(|&(_, to)| to != i64::MAX) {
        ranges.push((seq, i64::MAX));
    }
}

fn end(ranges: Option<&mut Vec<Range>>, seq: i64) {
    if let Some(last) = ranges.and_then(|ranges| ranges.last_mut())
        && last.1 == i64::MAX
    {
        last.1 = seq;
    }
}
