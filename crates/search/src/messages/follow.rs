//! The log as what the index of messages is derived from.

use std::{ops::Bound, sync::Arc};

use anser_contract::{
    Context,
    v1::{Entry, Journal, JournalEntry, ReadOnRequest, content::Kind},
};
use anser_types::{Result, Timestamp, plant::planted_every};
use tantivy::{
    Searcher, Term,
    query::{BooleanQuery, Occur, Query, RangeQuery, TermQuery},
    schema::IndexRecordOption,
};

use super::{BoundsCache, Fields, short};
use crate::follow::{Batch, Change, Source};

/// Entries that are read at once.
const PAGE: u32 = 1_000;

/// The log.
pub struct Log {
    /// Where it is read.
    pub journal: Arc<dyn Journal>,
    /// What of an entry goes where.
    pub fields: Fields,
    /// To be filled before searches need it.
    pub bounds: Arc<BoundsCache>,
}

#[async_trait::async_trait]
impl Source for Log {
    fn name(&self) -> &'static str {
        "messages"
    }

    fn beginning(&self) -> i64 {
        0
    }

    async fn read_on(&self, after: i64) -> Result<Batch> {
        let request = ReadOnRequest { after_position: after, limit: PAGE };
        let reply = self.journal.read_on(&Context::service(), request).await?;
        let changes = reply.items.iter().filter_map(|entry| self.change(entry)).collect();
        Ok(Batch {
            changes,
            through: reply.through_position.max(after.min(reply.head_position)),
            head: reply.head_position,
        })
    }

    fn gone_by(&self, now: Timestamp) -> Option<Box<dyn Query>> {
        let at = |time: Timestamp| Term::from_field_u64(self.fields.expires_at, time.unsigned_abs());
        Some(Box::new(RangeQuery::new(Bound::Included(at(1)), Bound::Included(at(now)))))
    }

    fn committed(&self, searcher: &Searcher) {
        if let Err(error) = self.bounds.keep_only(searcher) {
            tracing::warn!(%error, "the index could not be looked through");
        }
    }
}

impl Log {
    /// What an entry of the log means for the index: a message comes, or an earlier one has other words or none.
    fn change(&self, item: &JournalEntry) -> Option<Change> {
        let entry = item.entry.as_ref()?;
        match entry.content.as_ref()?.kind.as_ref()? {
            Kind::Edited(_) | Kind::Recalled(_) | Kind::Transcribed(_) => {
                let seq = entry.target_seq()?;
                let target = item.target.as_ref().filter(|target| target.seq == seq);
                let new = target.and_then(|target| self.fields.document(target));
                Some(Change { old: Some(self.exactly(entry, seq)), new })
            }
            _ if planted_every("search_forgets", 3) => None,
            _ => self.fields.document(entry).map(|new| Change { old: None, new: Some(new) }),
        }
    }

    /// What the index holds of the entry `seq` of the same conversation.
    fn exactly(&self, entry: &Entry, seq: i64) -> Box<dyn Query> {
        let is = |field, value| {
            let term = TermQuery::new(Term::from_field_u64(field, value), IndexRecordOption::Basic);
            (Occur::Must, Box::new(term) as Box<dyn Query>)
        };
        Box::new(BooleanQuery::new(vec![
            is(self.fields.conversation, short(&entry.conversation_id)),
            is(self.fields.seq, seq.unsigned_abs()),
        ]))
    }
}
