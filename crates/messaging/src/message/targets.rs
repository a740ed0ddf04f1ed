//! What changes refer to: the entries they changed, as those now stand, for somebody who may see them.

use std::collections::BTreeSet;

use anser_contract::v1::Entry;
use anser_types::{ConversationId, Result};

use crate::{log::Snapshot, membership::View};

/// The targets of the changes among `entries` that are not among them, each once, as far as `view` shows them. `bytes`
/// grows by their bodies.
pub fn targets(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    view: &View,
    entries: &[Entry],
    bytes: &mut usize,
) -> Result<Vec<Entry>> {
    let mut targets = Vec::new();
    let seqs: BTreeSet<i64> = entries.iter().filter_map(Entry::target_seq).collect();
    for seq in seqs {
        if view.shows(seq) && !entries.iter().any(|entry| entry.seq == seq) {
            for stored in log.entries(conversation, seq, seq, 1, usize::MAX)? {
                if !stored.entry.is_expired() {
                    *bytes += stored.bytes;
                    targets.push(stored.entry);
                }
            }
        }
    }
    Ok(targets)
}
