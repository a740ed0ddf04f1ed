//! What other services tell: sessions that ended, friends and requests, profiles, settings, people who want into groups.
//!
//! One numbered stream with a beacon each second. After a break, and before the first event, the gateway asks which
//! sessions ended lately and rechecks those it has open: only then may a session count as living. Ends of sessions
//! are taken at once; what needs looking up before it is told waits in a queue of its own ([`tell`]) and delays nothing.

use std::{collections::HashSet, sync::Arc};

use anser_contract::{
    Context,
    v1::{
        Audience, CheckSessionsRequest, ContactChanged, EndedSinceRequest, EventBatch, FollowRequest, ScheduledChanged,
        SessionEnded, SessionRevoked, UserUpdated, event::Event as Told, service_event::Event,
    },
};
use anser_types::{Error, Result, SessionId, UserId};
use futures_util::StreamExt;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::{
    frames::{About, Block},
    state::Gateway,
    tell::{self, Change},
    ws::close::Close,
};

/// Changes that may wait to be told. Beyond it returning clients are told to ask by themselves.
const WAITING_CHANGES: usize = 1_024;
/// How many sessions one question names.
const SESSIONS_A_CHECK: usize = 1_000;
/// How auth says that a device logged in again.
const REPLACED: &str = "replaced";
/// How auth says that there is nobody any more.
const ACCOUNT_CLOSED: &str = "account_closed";

/// Follows the events until it is dropped.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let (changes, waiting) = mpsc::channel(WAITING_CHANGES);
    let telling = tell::run(gateway.clone(), waiting);
    let following = async {
        let timings = &gateway.options.timings;
        let mut follower = Follower { gateway: &gateway, changes, through: None };
        let mut pause = timings.reconnect_first;
        loop {
            let before = follower.through;
            if let Err(error) = follower.follow().await {
                tracing::debug!(%error, "the stream of events broke");
            }
            let heard = follower.through != before;
            pause = if heard { timings.reconnect_first } else { (pause * 2).min(timings.reconnect_most) };
            sleep(pause).await;
        }
    };
    futures_util::future::join(telling, following).await;
}

struct Follower<'g> {
    gateway: &'g Arc<Gateway>,
    changes: mpsc::Sender<Change>,
    /// Up to here events were taken; none before the first.
    through: Option<i64>,
}

impl Follower<'_> {
    /// Follows one stream until it breaks.
    async fn follow(&mut self) -> Result<()> {
        // No answer for longer than three beacons' time is a break.
        let patience = self.gateway.options.timings.beacon * 3 / 2;
        let events = &self.gateway.services.events;
        let request = FollowRequest { after: self.through.unwrap_or_default(), from_now: self.through.is_none() };
        let silent = |_| Error::unavailable("nothing was heard");
        let ended = || Error::unavailable("the stream ended");
        let ctx = Context::service();
        let mut stream = timeout(patience, events.follow(&ctx, request)).await.map_err(silent)??;
        let mut next = async || timeout(patience, stream.next()).await.map_err(silent)?.ok_or_else(ended)?;
        let first = next().await?;
        // After the stream stands, so that no end of a session falls between the question and the first event.
        self.recheck().await?;
        self.take(first).await?;
        loop {
            let batch = next().await?;
            self.take(batch).await?;
        }
    }

    async fn take(&mut self, batch: EventBatch) -> Result<()> {
        if batch.reset {
            self.recheck().await?;
            self.gateway.hub.sockets().iter().for_each(|socket| socket.forget_me());
            self.gateway.hub.watches.clear(&self.gateway.intake);
            self.gateway.hub.require_sync("events were missed", &self.gateway.desk());
        }
        let mut later = Vec::new();
        for item in batch.items {
            match item.event {
                Some(Event::SessionRevoked(revoked)) => self.revoked(revoked),
                Some(Event::ContactChanged(changed)) => {
                    self.end_watches(&changed);
                    later.push(Change::Contacts(Box::new(changed)));
                }
                Some(Event::SettingsChanged(changed)) => later.push(Change::Settings(changed)),
                Some(Event::JoinRequestChanged(changed)) => later.push(Change::JoinRequest(changed)),
                Some(Event::UserUpdated(updated)) => self.updated(updated),
                Some(Event::ScheduledChanged(changed)) => self.scheduled(changed),
                None => {}
            }
        }
        for changed in later {
            if let Err(refused) = self.changes.try_send(changed) {
                refused.into_inner().people().iter().for_each(|user| self.forget_me(user));
            }
        }
        self.through = Some(batch.through);
        Ok(())
    }

    fn revoked(&self, revoked: SessionRevoked) {
        let Ok(session) = SessionId::try_from(&revoked.session_id[..]) else { return };
        self.gateway.identities.ended().insert(session);
        if revoked.reason == ACCOUNT_CLOSED
            && let Ok(user) = UserId::try_from(&revoked.user_id[..])
        {
            self.hide(user);
        }
        let close = if revoked.reason == REPLACED { Close::REPLACED } else { Close::SESSION_ENDED };
        let told = SessionEnded { session_id: revoked.session_id, reason: revoked.reason };
        let farewell = Some(Arc::new(Block::one(Told::SessionEnded(told), About::Other)));
        self.gateway.end_sessions(&HashSet::from([session]), &Close { farewell, ..close });
    }

    /// Who is no longer a friend, or is blocked or blocks, sees nothing any more of who comes and goes.
    fn end_watches(&self, changed: &ContactChanged) {
        let (watches, intake) = (&self.gateway.hub.watches, &self.gateway.intake);
        let Ok(user) = UserId::try_from(&changed.user_id[..]) else { return };
        let blocked = changed.added_block.iter().map(|block| &block.user_id);
        for other in blocked.chain([&changed.removed_friend]).filter_map(|id| UserId::try_from(&id[..]).ok()) {
            watches.end(user, other, intake);
            watches.end(other, user, intake);
        }
    }

    fn hide(&self, user: UserId) {
        self.gateway.hub.watches.hide(user, &self.gateway.intake);
    }

    fn updated(&self, updated: UserUpdated) {
        let Ok(user) = UserId::try_from(&updated.user_id[..]) else { return };
        let privacy = updated.me.as_ref().and_then(|me| me.privacy);
        if privacy.is_none_or(|privacy| privacy.presence() != Audience::Friends) {
            self.hide(user);
        }
        let Some(me) = updated.me else { return self.forget_me(&updated.user_id) };
        let block = Block::one(Told::MeUpdated(Box::new(me)), About::Profile(updated.version));
        self.gateway.hub.tell(user, block, &self.gateway.desk());
    }

    fn scheduled(&self, changed: ScheduledChanged) {
        let Ok(user) = UserId::try_from(&changed.user_id[..]) else { return };
        if let Some(moved) = changed.moved {
            self.gateway.hub.tell(user, Block::one(Told::Scheduled(moved), About::Other), &self.gateway.desk());
        }
    }

    /// The user's clients must ask what is new about them when they return.
    fn forget_me(&self, user: &[u8]) {
        if let Ok(user) = UserId::try_from(user) {
            self.gateway.hub.sockets_of(user).iter().for_each(|socket| socket.forget_me());
        }
    }

    /// Learns which sessions ended lately, and which of those that are open here.
    async fn recheck(&self) -> Result<()> {
        let gateway = self.gateway;
        let auth = &gateway.services.auth;
        let since_at = gateway.clock.now() - gateway.options.timings.remember_ended.as_millis() as i64;
        let ended = auth.ended_since(&Context::service(), EndedSinceRequest { since_at }).await?;
        self.end(&ended.session_ids);
        let open: HashSet<SessionId> = gateway.hub.sockets().iter().map(|socket| socket.session).collect();
        let open: Vec<Vec<u8>> = open.iter().map(|session| session.to_vec()).collect();
        for session_ids in open.chunks(SESSIONS_A_CHECK) {
            let request = CheckSessionsRequest { session_ids: session_ids.to_vec() };
            let reply = auth.check_sessions(&Context::service(), request).await?;
            self.end(&reply.ended);
        }
        gateway.identities.ended().complete();
        Ok(())
    }

    fn end(&self, sessions: &[Vec<u8>]) {
        let ended: HashSet<SessionId> = sessions.iter().filter_map(|id| SessionId::try_from(&id[..]).ok()).collect();
        ended.iter().for_each(|session| self.gateway.identities.ended().insert(*session));
        self.gateway.end_sessions(&ended, &Close::SESSION_ENDED);
    }
}
