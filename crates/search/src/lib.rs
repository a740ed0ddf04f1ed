//! Finding messages and people by words.
//!
//! - **Owns**: two indexes on disk, of messages and of people, each with how far it has read. No table.
//! - **Calls**: messaging (the log, what somebody may read, entries as they see them), user (profiles), contact (whom somebody
//!   may find), auth (whose number is this).
//! - **Tells**: nothing.
//! - **Holds always**: an answer holds only what its caller may see at that moment, whatever the index says; it never holds a phone
//!   number; everything here can be removed and is made again.
//!
//! An index follows its source ([`follow`]) into its files ([`volume`]); what is indexed and what is asked is cut into the same words
//! ([`words`], over [`fold`]). [`messages`] and [`people`] each have what they index and how they are searched.
//!
//! Here does not live: who may read what (messaging), who may find whom (contact).

pub mod fold;
pub mod follow;
pub mod messages;
pub mod people;
#[cfg(test)]
mod tests;
pub mod volume;
pub mod words;

use std::{path::PathBuf, sync::Arc};

use anser_contract::{
    Context,
    v1::{
        Contacts, Journal, Phones, Search, SearchMessagesReply, SearchMessagesRequest, SearchUsersReply,
        SearchUsersRequest, Users,
    },
};
use anser_types::{Clock, Code, Error, Result, page::PageTokens};
use parking_lot::Mutex;
use tantivy::Searcher;
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, timeout_at},
};

use crate::{
    follow::{Follower, Progress},
    messages::{BoundsCache, Fields, Log},
    people::{PeopleFields, Profiles},
    volume::Volume,
};

/// What can be set about search.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Whether anything is followed and found; otherwise every search is `unsupported`.
    pub enabled: bool,
    /// Where the indexes stand.
    pub dir: PathBuf,
    /// The store that they are of.
    pub epoch: [u8; 16],
    /// Authenticates page tokens.
    pub page_key: [u8; 32],
    /// Bytes of changes that an index keeps in memory before it writes them out; at least 15 MB.
    pub memory_bytes: usize,
    /// Searches that run at the same time.
    pub at_once: usize,
    /// Searches that may wait for that.
    pub queue: usize,
}

/// What search calls.
#[derive(Clone)]
pub struct SearchPeers {
    /// The log.
    pub journal: Arc<dyn Journal>,
    /// Profiles.
    pub users: Arc<dyn Users>,
    /// Who may find whom.
    pub contacts: Arc<dyn Contacts>,
    /// Whose number is this.
    pub phones: Arc<dyn Phones>,
}

/// The service.
pub struct SearchService {
    messages: Arc<Messages>,
    people: Arc<People>,
    peers: SearchPeers,
    journal: Arc<dyn Journal>,
    pages: PageTokens,
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
    clock: Clock,
    options: SearchOptions,
    followers: Mutex<Vec<JoinHandle<()>>>,
}

/// The index of messages.
pub(crate) struct Messages {
    pub(crate) volume: Arc<Volume>,
    pub(crate) fields: Fields,
    pub(crate) bounds: Arc<BoundsCache>,
    pub(crate) progress: Arc<Progress>,
}

/// The index of people.
pub(crate) struct People {
    pub(crate) volume: Arc<Volume>,
    pub(crate) fields: PeopleFields,
    pub(crate) progress: Arc<Progress>,
}

impl SearchService {
    /// The service. [`Self::start`] opens the indexes and begins to follow; until then nothing is found.
    pub fn new(options: SearchOptions, peers: SearchPeers, clock: Clock) -> Arc<Self> {
        let (schema, fields) = Fields::schema();
        let messages = Messages {
            volume: Arc::new(Volume::new(&options.dir, "messages", messages::VERSION, schema)),
            fields,
            bounds: Arc::default(),
            progress: Arc::default(),
        };
        let (schema, fields) = PeopleFields::schema();
        let volume = Arc::new(Volume::new(&options.dir, "people", people::VERSION, schema));
        let people = People { volume, fields, progress: Arc::default() };
        Arc::new(Self {
            messages: Arc::new(messages),
            people: Arc::new(people),
            journal: peers.journal.clone(),
            peers,
            pages: PageTokens::new(options.page_key),
            running: Arc::new(Semaphore::new(options.at_once.max(1))),
            places: Arc::new(Semaphore::new(options.at_once.max(1) + options.queue)),
            clock,
            options,
            followers: Mutex::default(),
        })
    }

    /// Follows the log and the profiles, until [`Self::stop`] or the end of the service. To be called once.
    pub fn start(&self) {
        if self.options.enabled {
            let (messages, people) = self.followers();
            self.followers.lock().extend([tokio::spawn(messages.run()), tokio::spawn(people.run())]);
        }
    }

    /// Those who follow.
    pub(crate) fn followers(&self) -> (Follower<Log>, Follower<Profiles>) {
        let SearchOptions { epoch, memory_bytes, .. } = self.options;
        let Messages { volume, fields, bounds, progress } = &*self.messages;
        let log = Log { journal: self.journal.clone(), fields: *fields, bounds: bounds.clone() };
        let (volume, progress) = (volume.clone(), progress.clone());
        let log = Follower::new(log, volume, epoch, memory_bytes, self.clock.clone(), progress);
        let People { volume, fields, progress } = &*self.people;
        let profiles = Profiles { users: self.peers.users.clone(), fields: *fields };
        let (volume, progress) = (volume.clone(), progress.clone());
        (log, Follower::new(profiles, volume, epoch, memory_bytes, self.clock.clone(), progress))
    }

    /// Follows no longer.
    pub async fn stop(&self) {
        let followers = std::mem::take(&mut *self.followers.lock());
        for follower in followers {
            follower.abort();
            let _cancelled = follower.await;
        }
    }

    /// Whether an index is known to be behind, so that answers are not all there is.
    pub fn is_late(&self) -> bool {
        self.messages.progress.is_late() || self.people.progress.is_late()
    }

    /// Looks something up in an index on a thread that may block; so many at once, so many waiting.
    pub(crate) async fn on_a_thread<T: Default + Send + 'static>(
        &self,
        ctx: &Context,
        volume: &Arc<Volume>,
        work: impl FnOnce(&Searcher) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if !self.options.enabled {
            return Err(Error::new(Code::Unsupported, "search is switched off here"));
        }
        let Some(searcher) = volume.searcher() else { return Ok(T::default()) };
        let place = self.places.clone().try_acquire_owned().map_err(|_| Error::unavailable("too many searches"))?;
        let late = |_| Error::new(Code::DeadlineExceeded, "the search did not get its turn in time");
        let turn = timeout_at(ctx.deadline, self.running.clone().acquire_owned()).await.map_err(late)?;
        let turn = turn.map_err(|_| Error::unavailable("search ends"))?;
        let began = Instant::now();
        let looked = spawn_blocking(move || {
            let _held = (place, turn);
            work(&searcher)
        });
        let outcome = looked.await.map_err(|error| {
            // The library panics where a file is not what it was.
            volume.give_up();
            volume::broken("index", &error)
        })?;
        metrics::histogram!("anser_search_seconds").record(began.elapsed().as_secs_f64());
        if outcome.as_ref().is_err_and(|error| error.code == Code::Unavailable) {
            volume.give_up();
        }
        outcome
    }
}

impl Drop for SearchService {
    fn drop(&mut self) {
        for follower in self.followers.lock().drain(..) {
            follower.abort();
        }
    }
}

#[async_trait::async_trait]
impl Search for SearchService {
    async fn search_messages(&self, ctx: &Context, request: SearchMessagesRequest) -> Result<SearchMessagesReply> {
        messages::search_messages(self, ctx, request).await
    }

    async fn search_users(&self, ctx: &Context, request: SearchUsersRequest) -> Result<SearchUsersReply> {
        people::search_users(self, ctx, request).await
    }
}
