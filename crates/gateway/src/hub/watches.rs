//! Whose presence the sockets here watch, and how it stands with those who are watched.
//!
//! A watch takes effect in three steps: the socket says whom it asks about, contact says whom of them it may see, and after
//! the answer those are watched. What ends somebody's right meanwhile is noted with the question, so nothing that was
//! over before is watched after. What messaging tells is the truth; what contact answered only bridges the time until
//! then. Its lock stands between the hub's and the intake's.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use anser_contract::v1::{Presence, event};
use anser_types::{Error, Result, UserId};
use parking_lot::{Mutex, MutexGuard};

use crate::{
    frames::{About, Block},
    link::Intake,
    ws::socket::{Desk, Socket},
};

/// How many people one socket may watch.
const MOST: usize = 200;
/// How many watches there may be here in all, those included that are being asked about.
const WATCHES: usize = 1_000_000;

/// Who watches whom.
#[derive(Default)]
pub(crate) struct Watches(Mutex<Table>);

#[derive(Default)]
pub(crate) struct Table {
    people: HashMap<UserId, Watched>,
    /// Whom each socket watches.
    sockets: HashMap<u32, Vec<UserId>>,
    /// The question that each socket asked last and that is not answered.
    questions: HashMap<u32, Question>,
    last_question: u64,
    watches: usize,
}

struct Watched {
    state: Presence,
    by: Vec<Arc<Socket>>,
}

struct Question {
    number: u64,
    by: UserId,
    people: HashSet<UserId>,
}

/// A question that is not answered yet. Dropped, it is forgotten.
pub(crate) struct Asked<'w> {
    watches: &'w Watches,
    socket: &'w Arc<Socket>,
    number: u64,
}

impl Watches {
    /// A socket asks about people, to watch those whom it may see.
    pub fn ask<'w>(&'w self, socket: &'w Arc<Socket>, user_ids: &[Vec<u8>]) -> Result<Asked<'w>> {
        if user_ids.len() > MOST {
            return Err(Error::field("user_ids", format!("at most {MOST} people")));
        }
        let ids = user_ids.iter().map(|id| UserId::try_from(&id[..])).collect::<Result<HashSet<_>>>();
        let people = ids.map_err(|error| Error::field("user_ids", error.detail))?;
        let mut table = self.0.lock();
        if table.watches + people.len() > WATCHES {
            return Err(Error::unavailable("too many people are watched"));
        }
        table.last_question += 1;
        let number = table.last_question;
        table.forget_question(socket.number);
        table.watches += people.len();
        table.questions.insert(socket.number, Question { number, by: socket.user, people });
        Ok(Asked { watches: self, socket, number })
    }

    /// Messaging tells how it stands with people. `low_water`: how far hints were handed out.
    pub fn tell(&self, told: Vec<Presence>, low_water: i64, desk: &Desk<'_>) {
        let mut table = self.0.lock();
        for state in told {
            let Ok(user) = UserId::try_from(&state.user_id[..]) else { continue };
            let Some(watched) = table.people.get_mut(&user) else { continue };
            if watched.state.online == state.online {
                continue;
            }
            watched.state = state;
            let block = Arc::new(block(&watched.state));
            for socket in &watched.by {
                socket.push(&block, low_water, desk);
            }
        }
    }

    /// A socket is gone.
    pub fn leave(&self, socket: &Socket, intake: &Intake) {
        let mut table = self.0.lock();
        table.forget_question(socket.number);
        for user in table.sockets.remove(&socket.number).unwrap_or_default() {
            table.stop(user, |by| by.number == socket.number, intake);
        }
    }

    /// `watcher` may no longer see `user`.
    pub fn end(&self, watcher: UserId, user: UserId, intake: &Intake) {
        self.0.lock().end(user, |by| by == watcher, intake);
    }

    /// Nobody may see `user` any more.
    pub fn hide(&self, user: UserId, intake: &Intake) {
        self.0.lock().end(user, |_| true, intake);
    }

    /// Who may see whom is no longer known: nobody watches anybody.
    pub fn clear(&self, intake: &Intake) {
        let mut table = self.0.lock();
        let people: HashSet<UserId> = table
            .people
            .keys()
            .copied()
            .chain(table.questions.values().flat_map(|asked| asked.people.iter().copied()))
            .collect();
        people.into_iter().for_each(|user| table.end(user, |_| true, intake));
    }

    /// Holds everything as it is while a new stream begins.
    pub fn hold(&self) -> MutexGuard<'_, Table> {
        self.0.lock()
    }
}

impl Asked<'_> {
    /// The answer was given: the socket watches these, as far as nothing ended meanwhile, and nobody else. To be called
    /// after the answer is on its way, because what is known better is pushed at once.
    pub fn watch(self, found: Vec<Presence>, intake: &Intake, low_water: i64, desk: &Desk<'_>) {
        let mut table = self.watches.0.lock();
        let number = self.socket.number;
        // A later question counts, and a socket that is closing may be gone already.
        if table.questions.get(&number).is_none_or(|last| last.number != self.number) || self.socket.is_closing() {
            return;
        }
        let allowed = table.forget_question(number);
        let found = found.into_iter().filter_map(|state| Some((UserId::try_from(&state.user_id[..]).ok()?, state)));
        let found: HashMap<UserId, Presence> = found.filter(|(user, _)| allowed.contains(user)).collect();
        let before = table.sockets.remove(&number).unwrap_or_default();
        let (kept, over): (Vec<UserId>, Vec<UserId>) = before.into_iter().partition(|user| found.contains_key(user));
        for user in over {
            table.stop(user, |by| by.number == number, intake);
        }
        let kept: HashSet<UserId> = kept.into_iter().collect();
        let users: Vec<UserId> = found.keys().copied().collect();
        for (user, state) in found {
            let answered = state.online;
            let known = table.person(user, state, intake);
            if known.state.online != answered {
                self.socket.push(&Arc::new(block(&known.state)), low_water, desk);
            }
            if !kept.contains(&user) {
                known.by.push(self.socket.clone());
                table.watches += 1;
            }
        }
        if !users.is_empty() {
            table.sockets.insert(number, users);
        }
        table.count();
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let mut table = self.watches.0.lock();
        if table.questions.get(&self.socket.number).is_some_and(|last| last.number == self.number) {
            table.forget_question(self.socket.number);
        }
    }
}

impl Table {
    /// Everybody who is watched.
    pub fn people(&self) -> impl Iterator<Item = UserId> + '_ {
        self.people.keys().copied()
    }

    /// What is known of somebody who is watched, from now on if not before.
    fn person(&mut self, user: UserId, state: Presence, intake: &Intake) -> &mut Watched {
        match self.people.entry(user) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                intake.watch(user);
                place.insert(Watched { state, by: Vec::with_capacity(1) })
            }
        }
    }

    /// Sockets no longer watch `user`; their lists are the caller's to change.
    fn stop(&mut self, user: UserId, which: impl Fn(&Socket) -> bool, intake: &Intake) {
        let Some(watched) = self.people.get_mut(&user) else { return };
        let before = watched.by.len();
        watched.by.retain(|by| !which(by));
        self.watches -= before - watched.by.len();
        if watched.by.is_empty() {
            self.people.remove(&user);
            intake.no_longer(user);
        }
        self.count();
    }

    fn end(&mut self, user: UserId, whose: impl Fn(UserId) -> bool, intake: &Intake) {
        for question in self.questions.values_mut().filter(|question| whose(question.by)) {
            self.watches -= usize::from(question.people.remove(&user));
        }
        let Some(watched) = self.people.get(&user) else { return };
        for by in watched.by.iter().filter(|by| whose(by.user)) {
            if let Some(users) = self.sockets.get_mut(&by.number) {
                users.retain(|other| *other != user);
            }
        }
        self.stop(user, |by| whose(by.user), intake);
    }

    fn forget_question(&mut self, socket: u32) -> HashSet<UserId> {
        let people = self.questions.remove(&socket).map(|question| question.people).unwrap_or_default();
        self.watches -= people.len();
        people
    }

    fn count(&self) {
        metrics::gauge!("anser_gateway_presence_watched").set(self.people.len() as f64);
    }
}

fn block(state: &Presence) -> Block {
    Block::one(event::Event::Presence(state.clone()), About::Ephemeral)
}

#[cfg(test)]
mod tests;
