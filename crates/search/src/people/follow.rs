//! The profiles, in the order of their changes, as what the index of people is derived from.

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{ListChangedRequest, ProfileChange, Users},
};
use anser_types::{Result, Timestamp};
use tantivy::{Searcher, query::Query};

use super::PeopleFields;
use crate::follow::{Batch, Change, Source};

/// Changes that are read at once.
const PAGE: u32 = 100;

/// The profiles.
pub struct Profiles {
    /// Where they are read.
    pub users: Arc<dyn Users>,
    /// What of a profile goes where.
    pub fields: PeopleFields,
}

#[async_trait::async_trait]
impl Source for Profiles {
    fn name(&self) -> &'static str {
        "people"
    }

    /// Those who were there before changes were counted have numbers below zero.
    fn beginning(&self) -> i64 {
        i64::MIN
    }

    async fn read_on(&self, after: i64) -> Result<Batch> {
        let request = ListChangedRequest { after_no: after, limit: PAGE };
        let items = self.users.list_changed(&Context::service(), request).await?.items;
        let through = items.last().map_or(after, |last| last.change_no);
        // How many there are is not said; a full page means that there are more.
        let head = if items.len() == PAGE as usize { through.saturating_add(1) } else { through };
        let changes = items.into_iter().filter_map(|ProfileChange { profile, .. }| {
            let profile = profile?;
            Some(Change { old: self.fields.exactly(&profile.user_id), new: self.fields.document(&profile) })
        });
        Ok(Batch { changes: changes.collect(), through, head })
    }

    fn gone_by(&self, _: Timestamp) -> Option<Box<dyn Query>> {
        None
    }

    fn committed(&self, _: &Searcher) {}
}
