//! What devices hold: which messages they acknowledged, folded, and told to messaging a little at a time.
//!
//! Only conversations of few people count, as far as this gateway can see; messaging knows better and leaves the others
//! out. What is lost here is said again by the device's next acknowledgement or sync.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anser_contract::v1::{DeliveredItem, SyncFrom};
use anser_types::{ConversationId, SessionId, UserId};
use parking_lot::Mutex;
use tokio::time::MissedTickBehavior;

use crate::state::Gateway;

/// Where more people get a message nothing is noted.
pub const PEOPLE: usize = 50;
/// How many devices and conversations may wait to be told.
const WAITING: usize = 65_536;
/// How many are told at a time.
const A_TURN: usize = 2_048;
const EVERY: Duration = Duration::from_millis(500);

/// What is still to be told.
#[derive(Default)]
pub(crate) struct Receipts(Mutex<HashMap<(ConversationId, UserId, SessionId), i64>>);

impl Receipts {
    /// A device holds these conversations up to these seqs.
    pub fn note(&self, user: UserId, session: SessionId, held: impl IntoIterator<Item = (ConversationId, i64)>) {
        let mut waiting = None;
        for (conversation, seq) in held {
            let waiting = waiting.get_or_insert_with(|| self.0.lock());
            let device = (conversation, user, session);
            let has_room = waiting.len() < WAITING;
            match waiting.get_mut(&device) {
                Some(known) => *known = seq.max(*known),
                None if has_room => drop(waiting.insert(device, seq)),
                None => {}
            }
        }
    }

    /// A device that syncs says what it holds.
    pub fn note_sync(&self, user: UserId, session: SessionId, items: &[SyncFrom]) {
        let held = |item: &SyncFrom| {
            let conversation = ConversationId::try_from(&item.conversation_id[..]).ok()?;
            (item.after_seq > 0).then_some((conversation, item.after_seq))
        };
        self.note(user, session, items.iter().filter_map(held));
    }

    fn take(&self) -> Vec<DeliveredItem> {
        let mut waiting = self.0.lock();
        let devices: Vec<_> = waiting.keys().take(A_TURN).copied().collect();
        let taken = devices.into_iter().filter_map(|device| waiting.remove_entry(&device));
        let items = taken.map(|((conversation, user, session), seq)| DeliveredItem {
            conversation_id: conversation.to_vec(),
            user_id: user.to_vec(),
            session_id: session.to_vec(),
            seq,
        });
        let items = items.collect();
        if waiting.is_empty() {
            waiting.shrink_to(A_TURN);
        }
        items
    }
}

/// Tells messaging until it is dropped.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        gateway.intake.tell_delivered(|| gateway.receipts.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_holds_is_folded_and_told_once() {
        let receipts = Receipts::default();
        let (alice, phone) = (UserId([1; 16]), SessionId([2; 16]));
        let (one, other) = (ConversationId([3; 16]), ConversationId([4; 16]));
        receipts.note(alice, phone, [(one, 5), (other, 1)]);
        receipts.note(alice, phone, [(one, 7)]);
        let synced =
            |conversation: ConversationId, after_seq| SyncFrom { conversation_id: conversation.to_vec(), after_seq };
        receipts.note_sync(alice, phone, &[synced(one, 6), synced(other, 0)]);
        let mut told: Vec<_> = receipts.take().into_iter().map(|item| (item.conversation_id, item.seq)).collect();
        told.sort_unstable();
        assert_eq!(told, [(one.to_vec(), 7), (other.to_vec(), 1)]);
        assert!(receipts.take().is_empty());
    }
}
