//! What a device knows, and the client's rule: the next entry is applied, a known one dropped, a later one means that
//! the log must be asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::{
    Content,
    frame::{Head, SyncPage},
};

/// A device's state. It outlives connections.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// Up to where each conversation is known without gaps.
    pub places: BTreeMap<String, i64>,
    /// From where lists of heads go on.
    pub heads_token: String,
    /// From where the connection goes on.
    pub resume: String,
    /// Conversations that must be asked for.
    wanting: BTreeSet<String>,
    /// Conversations that are being asked for; `true` if something came meanwhile.
    asking: BTreeMap<String, bool>,
    /// The entries by which the owner came into conversations, as far as they were met on pages.
    joinings: BTreeSet<(String, i64)>,
}

impl Knowledge {
    /// An entry was pushed.
    pub fn pushed(&mut self, conversation: &str, seq: i64) {
        let place = self.places.entry(conversation.to_owned()).or_default();
        if seq == *place + 1 {
            *place = seq;
        } else if seq > *place {
            self.want(conversation);
        }
    }

    /// The conversation must be asked for.
    pub fn want(&mut self, conversation: &str) {
        match self.asking.get_mut(conversation) {
            Some(again) => *again = true,
            None => drop(self.wanting.insert(conversation.to_owned())),
        }
    }

    /// The owner came in: what was hidden from them before may be theirs now, and what they held may have changed.
    pub fn came_in(&mut self, conversation: &str) {
        self.places.insert(conversation.to_owned(), 0);
        self.want(conversation);
    }

    /// Heads were told.
    pub fn told(&mut self, head: &Head) {
        let place = *self.places.entry(head.conversation_id.clone()).or_default();
        if head.head_seq > place {
            self.want(&head.conversation_id);
        }
    }

    /// A conversation to ask for now, and after which seq.
    pub fn ask(&mut self) -> Option<(String, i64)> {
        let conversation = self.wanting.pop_first()?;
        self.asking.insert(conversation.clone(), false);
        let after = self.places.get(&conversation).copied().unwrap_or_default();
        Some((conversation, after))
    }

    /// What was asked for came, for `owner`.
    pub fn learned(&mut self, page: &SyncPage, owner: &str) {
        let conversation = &page.conversation_id;
        let place = self.places.entry(conversation.clone()).or_default();
        let knew_some = *place > 0;
        *place = page.next_seq.max(*place);
        for entry in &page.entries {
            let came_in =
                matches!(Content::read(&entry.content), Content::Joined(people) if people.iter().any(|id| id == owner));
            if came_in && self.joinings.insert((conversation.clone(), entry.seq)) && knew_some {
                self.came_in(conversation);
            }
        }
        let again = self.asking.remove(&page.conversation_id).unwrap_or_default();
        if page.has_more || again {
            self.want(&page.conversation_id);
        }
    }

    /// What was asked for is refused: it is not asked for again.
    pub fn refused(&mut self, conversation: &str) {
        self.asking.remove(conversation);
    }

    /// The connection ended: what was being asked for must be asked for again.
    pub fn cut_off(&mut self) {
        self.wanting.extend(std::mem::take(&mut self.asking).into_keys());
    }

    /// Whether nothing is missing.
    pub fn complete(&self) -> bool {
        self.wanting.is_empty() && self.asking.is_empty()
    }

    /// The conversations that the device knows.
    pub fn conversations(&self) -> Vec<String> {
        self.places.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_asked_for_and_healed() {
        let mut knowledge = Knowledge::default();
        knowledge.pushed("c", 1);
        knowledge.pushed("c", 1);
        assert!(knowledge.complete());
        knowledge.pushed("c", 4);
        assert_eq!(knowledge.ask(), Some(("c".into(), 1)));
        knowledge.pushed("c", 5);
        let page = SyncPage { conversation_id: "c".into(), next_seq: 4, ..SyncPage::default() };
        knowledge.learned(&page, "me");
        assert_eq!(knowledge.ask(), Some(("c".into(), 4)));
        knowledge.cut_off();
        assert!(!knowledge.complete());
    }
}
