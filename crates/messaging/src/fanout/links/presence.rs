//! Telling gateways that somebody whom they watch came or went.

use std::collections::HashMap;

use anser_contract::v1::{Presence, Presences, link_down::Down};
use anser_types::{Timestamp, UserId};
use tokio::time::Instant;

use super::{Link, Links};
use crate::effects::LinkId;

impl Links {
    /// A gateway wants to be told of these people, and of those no longer. Who is online is told at once.
    pub fn watch(&mut self, link: LinkId, users: &[UserId], no_longer: &[UserId]) {
        if !self.links.contains_key(&link) {
            return;
        }
        no_longer.iter().for_each(|user| self.watched.no_longer(link, *user));
        let mut online = Vec::new();
        for &user in users {
            match self.watched.watch(link, user) {
                true if self.online.has(user) => online.push((user, 0)),
                true => self.watched.away(user, 0, Instant::now()),
                false => {}
            }
        }
        self.tell(&online);
    }

    /// Tells of those who have been away for long enough.
    pub fn tell_due(&mut self) {
        let due = self.watched.take_due(Instant::now());
        self.tell(&due);
    }

    pub(super) fn came(&mut self, user: UserId) {
        self.seen.note(user);
        if self.watched.came(user) {
            self.tell(&[(user, 0)]);
        }
    }

    pub(super) fn went(&mut self, user: UserId) {
        let went_at = self.seen.note(user);
        self.watched.away(user, went_at, Instant::now());
    }

    /// Tells the gateways that watch these people how it stands with them, and when they went. A gateway that does not
    /// keep up is told later.
    fn tell(&mut self, people: &[(UserId, Timestamp)]) {
        let mut told: HashMap<LinkId, Vec<Presence>> = HashMap::new();
        for &(user, went_at) in people {
            let online = self.online.has(user);
            let last_seen_at = if online { 0 } else { went_at };
            let mut later = false;
            for link in self.watched.links_of(user) {
                let keeps_up = |open: &Link| open.down.capacity() > open.down.max_capacity() / 4;
                if self.links.get(link).is_some_and(keeps_up) {
                    let presence = Presence { user_id: user.to_vec(), online, last_seen_at };
                    told.entry(*link).or_default().push(presence);
                } else {
                    later = true;
                }
            }
            if later {
                self.watched.again(user, went_at, Instant::now());
            }
        }
        for (link, items) in told {
            self.send(link, Down::Presences(Presences { items }));
        }
    }

    /// Whether each of these people is online.
    pub fn who_is_online(&self, users: &[UserId]) -> Vec<bool> {
        let now = Instant::now();
        users.iter().map(|user| self.online.has(*user) || self.watched.lingers(*user, now)).collect()
    }

    /// Notes everybody who is online as seen now.
    pub fn note_everybody(&self) {
        for user in self.online.everybody() {
            self.seen.note(user);
        }
    }
}
