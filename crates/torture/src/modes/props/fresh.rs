//! What a device holds, and how a device that knows nothing finds it out.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    drive::{Dice, Person, World, finale::Reader},
    wire::{Content, frame},
};

/// An entry as a device keeps it.
pub type Kept = (String, String, i64, Content);

/// What a device holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The entries, by conversation and seq.
    pub entries: BTreeMap<String, BTreeMap<i64, Kept>>,
    /// Head, read cursor and unread count, by conversation.
    pub heads: BTreeMap<String, (i64, i64, i64)>,
    /// The friends.
    pub friends: BTreeSet<String>,
}

impl State {
    /// Keeps an entry.
    pub fn keep(&mut self, entry: frame::Entry) {
        let kept = (entry.sender_id, entry.client_msg_id, entry.server_ts, Content::read(&entry.content));
        self.entries.entry(entry.conversation_id).or_default().insert(entry.seq, kept);
    }

    /// Keeps what is told about a conversation.
    pub fn keep_head(&mut self, head: &frame::Head) {
        self.heads.insert(head.conversation_id.clone(), (head.head_seq, head.read_seq, head.unread));
    }

    /// Keeps what is told about friends.
    pub fn keep_me(&mut self, me: &Value) {
        let list = |name: &str| me.get(name).and_then(Value::as_array).into_iter().flatten();
        for gone in list("removed").filter_map(Value::as_str) {
            self.friends.remove(gone);
        }
        for view in list("friends") {
            if let Some(friend) = view.pointer("/friend/user_id").and_then(Value::as_str) {
                self.friends.insert(friend.to_owned());
            }
        }
    }

    /// Where two devices differ, in words; `None` if they do not.
    pub fn difference(&self, fresh: &State) -> Option<String> {
        for conversation in self.entries.keys().chain(fresh.entries.keys()) {
            let nothing = BTreeMap::new();
            let (mine, right) = (
                self.entries.get(conversation).unwrap_or(&nothing),
                fresh.entries.get(conversation).unwrap_or(&nothing),
            );
            for seq in mine.keys().chain(right.keys()) {
                let (mine, right) = (mine.get(seq), right.get(seq));
                if mine != right {
                    return Some(format!("{conversation} {seq}: the device holds {mine:?}, a fresh one {right:?}"));
                }
            }
        }
        for conversation in self.heads.keys().chain(fresh.heads.keys()) {
            let (mine, right) = (self.heads.get(conversation), fresh.heads.get(conversation));
            if mine != right {
                return Some(format!(
                    "{conversation}: (head, read, unread) are {mine:?} on the device, {right:?} on a fresh one"
                ));
            }
        }
        (self.friends != fresh.friends)
            .then(|| format!("friends are {:?} on the device, {:?} on a fresh one", self.friends, fresh.friends))
    }
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
