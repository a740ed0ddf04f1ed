//! What a device holds, and how a device that knows nothing finds it out.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    drive::{Dice, Person, World, finale::Reader},
    wire::{Content, frame},
};

/// An entry as a device keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Who sent it, under which id, when: what never changes.
    pub origin: (String, String, i64),
    /// How often it was changed.
    pub version: i64,
    /// What it says, when that was changed last, and how many reacted how.
    pub says: (Content, i64, Vec<(String, i64)>),
}

/// What a device knows about a conversation beside its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Its end and the read cursor.
    pub seqs: (i64, i64),
    /// What is unread, and how much of it is meant for the owner.
    pub unread: (i64, i64),
}

/// What a device holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The entries, by conversation and seq.
    pub entries: BTreeMap<String, BTreeMap<i64, Kept>>,
    /// What is known about conversations.
    pub heads: BTreeMap<String, Counts>,
    /// The friends.
    pub friends: BTreeSet<String>,
    /// What the owner deleted for themselves, by conversation.
    pub deleted: BTreeMap<String, Vec<(i64, i64)>>,
}

impl State {
    /// Keeps an entry, unless a later version of it is held.
    pub fn keep(&mut self, entry: frame::Entry) {
        let mut reactions: Vec<(String, i64)> =
            entry.reactions.into_iter().map(|reaction| (reaction.emoji, reaction.count)).collect();
        reactions.sort();
        let kept = Kept {
            origin: (entry.sender_id, entry.client_msg_id, entry.server_ts),
            version: entry.version,
            says: (Content::read(&entry.content), entry.edited_at, reactions),
        };
        let held = self.entries.entry(entry.conversation_id).or_default();
        if held.get(&entry.seq).is_none_or(|held| held.version <= kept.version) {
            held.insert(entry.seq, kept);
        }
    }

    /// The version that is held of an entry; `None`: none.
    pub fn version(&self, conversation: &str, seq: i64) -> Option<i64> {
        self.entries.get(conversation)?.get(&seq).map(|kept| kept.version)
    }

    /// Keeps what is told about a conversation.
    pub fn keep_head(&mut self, head: &frame::Head) {
        let counts = Counts { seqs: (head.head_seq, head.read_seq), unread: (head.unread, head.mentions) };
        self.heads.insert(head.conversation_id.clone(), counts);
    }

    /// Keeps what the owner deleted.
    pub fn keep_deleted(&mut self, deleted: frame::Deleted) {
        let ranges = deleted.ranges.iter().map(|range| (range.from_seq, range.to_seq)).collect();
        self.deleted.insert(deleted.conversation_id, ranges);
    }

    /// Keeps what is told about friends.
    pub fn keep_me(&mut self, me: &Value) {
        let list = |name: &str| me.get(name).and_then(Value::as_array).into_iter().flatten();
        for gone in list("removed").filter_map(Value::as_str) {
            self.friends.remove(gone);
        }
        for deleted in list("deleted").filter_map(|deleted| serde_json::from_value(deleted.clone()).ok()) {
            self.keep_deleted(deleted);
        }
        for view in list("friends") {
            if let Some(friend) = view.pointer("/friend/user_id").and_then(Value::as_str) {
                self.friends.insert(friend.to_owned());
            }
        }
    }

    /// Where a device of `owner` and a fresh one differ, in words; `None` if they do not. What happened to a conversation
    /// after the owner went out of it need not be known.
    pub fn difference(&self, fresh: &State, owner: &str) -> Option<String> {
        if self.deleted != fresh.deleted {
            return Some(format!("deleted are {:?} on the device, {:?} on a fresh one", self.deleted, fresh.deleted));
        }
        let nothing = BTreeMap::new();
        for conversation in self.entries.keys().chain(fresh.entries.keys()) {
            let (mine, right) = (
                self.entries.get(conversation).unwrap_or(&nothing),
                fresh.entries.get(conversation).unwrap_or(&nothing),
            );
            let out = is_out(right, owner);
            let gone = |seq: i64| {
                let ranges = self.deleted.get(conversation).into_iter().flatten();
                ranges.into_iter().any(|&(from, to)| from <= seq && seq <= to)
            };
            for &seq in mine.keys().chain(right.keys()).filter(|seq| !gone(**seq)) {
                let (mine, right) = (mine.get(&seq), right.get(&seq));
                let older = |mine: &Kept, right: &Kept| mine.origin == right.origin && mine.version <= right.version;
                let same = match (mine, right) {
                    (Some(mine), Some(right)) if out => older(mine, right),
                    (mine, right) => mine == right,
                };
                if !same {
                    return Some(format!("{conversation} {seq}: the device holds {mine:?}, a fresh one {right:?}"));
                }
            }
        }
        for conversation in self.heads.keys().chain(fresh.heads.keys()) {
            let (mine, right) = (self.heads.get(conversation), fresh.heads.get(conversation));
            let out = is_out(fresh.entries.get(conversation).unwrap_or(&nothing), owner);
            if mine != right && !(out && mine.map(|mine| mine.seqs) == right.map(|right| right.seqs)) {
                return Some(format!("{conversation}: known are {mine:?} on the device, {right:?} on a fresh one"));
            }
        }
        (self.friends != fresh.friends)
            .then(|| format!("friends are {:?} on the device, {:?} on a fresh one", self.friends, fresh.friends))
    }
}

/// Whether `owner` went out of the conversation with these entries and is not back.
fn is_out(entries: &BTreeMap<i64, Kept>, owner: &str) -> bool {
    let moves = entries.values().rev().find_map(|kept| match &kept.says.0 {
        Content::Left(person) | Content::Removed(person) if person == owner => Some(true),
        Content::Joined(people) if people.iter().any(|person| person == owner) => Some(false),
        _ => None,
    });
    moves.unwrap_or_default()
}

/// All that `person` may know, as a device finds it that knows nothing.
pub async fn fresh(world: &World, person: &Person, dice: &mut Dice) -> Result<State> {
    let mut reader = Reader::open(world, person, &person.desk, false, dice).await?;
    let mut state = State::default();
    for head in reader.heads("").await?.items {
        state.keep_head(&head);
        for entry in reader.whole_log(&head.conversation_id).await? {
            state.keep(entry);
        }
    }
    let mut token = String::new();
    loop {
        let me = reader.ask("sync_me", json!({"token": token})).await?.sync_me.context("nothing about me")?;
        state.keep_me(&me);
        token = me.get("next_token").and_then(Value::as_str).unwrap_or_default().to_owned();
        if me.get("has_more").and_then(Value::as_bool) != Some(true) {
            break;
        }
    }
    reader.close().await;
    Ok(state)
}
