//! The check afterwards: every acknowledged message stands in the log exactly once, at the place that was told.

use std::collections::{HashMap, HashSet};

use anser_types::ConversationId;
use anyhow::{Context as _, bail};

use crate::{link::Key, town::Person};

/// A send that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Acked {
    /// Where.
    pub conversation: Key,
    /// Its place.
    pub seq: i64,
    /// Its key.
    pub key: Key,
}

/// Conversations in one call.
const AT_ONCE: usize = 100;

/// What one conversation's log must hold.
struct Expected {
    after_seq: i64,
    last_seq: i64,
    places: HashMap<i64, Key>,
    keys: HashSet<Key>,
}

/// Reads the logs as `reader` and compares; answers how many messages were found.
pub async fn verify(reader: &Person, acked: &[Acked]) -> anyhow::Result<u64> {
    let mut expected: HashMap<Key, Expected> = HashMap::new();
    for Acked { conversation, seq, key } in acked {
        let log = expected.entry(*conversation).or_insert_with(|| Expected {
            after_seq: i64::MAX,
            last_seq: 0,
            places: HashMap::new(),
            keys: HashSet::new(),
        });
        log.after_seq = log.after_seq.min(seq - 1);
        log.last_seq = log.last_seq.max(*seq);
        if log.places.insert(*seq, *key).is_some() {
            bail!("two messages were acknowledged at seq {seq} of {}", ConversationId(*conversation));
        }
    }
    let socket = reader.socket().await.context("open a socket to verify")?;
    let mut open: Vec<Key> = expected.keys().copied().collect();
    let mut found = 0;
    while !open.is_empty() {
        let batch: Vec<_> = open.iter().take(AT_ONCE).map(|id| (ConversationId(*id), expected[id].after_seq)).collect();
        let pages = socket.sync_conversations(&batch).await.context("sync to verify")?;
        let before = found;
        for result in pages.items {
            if let Some(problem) = result.error {
                bail!("a conversation cannot be read: {}", problem.code);
            }
            let conversation: Key = crate::link::id(&result.conversation_id)?;
            let log = expected.get_mut(&conversation).context("a page of another conversation")?;
            let page = result.page.context("an outcome without a page")?;
            for entry in &page.entries {
                found += log.meet(conversation, entry.seq, &crate::link::id(&entry.client_msg_id)?)?;
            }
            log.after_seq = page.next_seq;
        }
        open.retain(|id| expected[id].after_seq < expected[id].last_seq);
        if found == before && !open.is_empty() && batch.iter().all(|(id, after)| expected[&id.0].after_seq == *after) {
            bail!("sync does not move on");
        }
    }
    match expected.iter().find(|(_, log)| !log.places.is_empty()) {
        Some((id, log)) => bail!("{} acknowledged messages are missing in {}", log.places.len(), ConversationId(*id)),
        None => Ok(found),
    }
}

impl Expected {
    /// One entry of the log; counts it if it was acknowledged.
    fn meet(&mut self, conversation: Key, seq: i64, key: &Key) -> anyhow::Result<u64> {
        if *key != [0; 16] && !self.keys.insert(*key) {
            bail!("a message stands twice in {}, the second time at seq {seq}", ConversationId(conversation));
        }
        match self.places.remove(&seq) {
            Some(acked) if acked == *key => Ok(1),
            Some(_) => bail!("another message stands at seq {seq} of {}", ConversationId(conversation)),
            None => Ok(0),
        }
    }
}
