//! The streams to the gateways: numbered messages down, users attached to each.
//!
//! Attaching takes a look at the store (in which conversations is this user, as of position R). What is committed
//! meanwhile is kept beside the look and applied after it, so the seats are right whichever comes first. The user's
//! attach position is the later of R and what was published by then: up to it entries come from the log.

mod presence;

use std::{collections::HashMap, sync::Arc};

use anser_contract::v1::{
    Attached, Beacon, Delivered, DeliveredTo, Entry, Hint, Hints, LinkDown, Origin, Outcome, Outcomes, ReadHint, Reset,
    Typing, link_down::Down,
};
use anser_engine::{Db, failpoint::failpoint};
use anser_types::{ConversationId, Result, UserId, plant::planted};
use tokio::sync::mpsc;

use super::{
    Input,
    online::{Online, Recipients, Sees},
    watched::Watched,
};
use crate::{
    effects::{Appended, Effect, LinkId},
    log::{self, Log, Snapshot},
    membership::{self, Stay, View},
    message::targets::targets,
    presence::Seen,
};

/// How many journal entries a gateway that comes back is given again; beyond it, everybody there must sync.
const REPLAY_ENTRIES: i64 = 10_000;

/// All links, and who is online.
pub struct Links {
    db: Db,
    log: Log,
    epoch: Vec<u8>,
    /// Everything up to here has been handed to every link.
    position: i64,
    links: HashMap<LinkId, Link>,
    online: Online,
    watched: Watched,
    seen: Arc<Seen>,
    looks: HashMap<u64, Look>,
    next_look: u64,
    inputs: mpsc::WeakSender<Input>,
}

struct Link {
    down: mpsc::Sender<Result<LinkDown>>,
    number: u64,
}

/// A look at the store on behalf of users who are being attached.
struct Look {
    link: LinkId,
    users: Vec<UserId>,
    replay: bool,
    meanwhile: Vec<Arc<Appended>>,
}

/// What a look found.
pub struct Loaded {
    look: u64,
    found: Result<Found>,
}

struct Found {
    position: i64,
    conversations: Vec<(UserId, Vec<(ConversationId, Sees)>)>,
    replay: Option<Vec<Hint>>,
}

impl Links {
    /// No links yet, on a log that ends at `position`.
    pub fn new(
        db: Db,
        log: Log,
        epoch: Vec<u8>,
        position: i64,
        seen: Arc<Seen>,
        inputs: mpsc::WeakSender<Input>,
    ) -> Self {
        Self {
            db,
            log,
            epoch,
            position,
            links: HashMap::new(),
            online: Online::default(),
            watched: Watched::default(),
            seen,
            looks: HashMap::new(),
            next_look: 0,
            inputs,
        }
    }

    /// What a commit did, in commit order.
    pub fn committed(&mut self, effects: Vec<Effect>) {
        let mut hints: HashMap<LinkId, Vec<Hint>> = HashMap::new();
        for effect in effects {
            match effect {
                Effect::Outcomes(link, outcomes) => self.outcomes(link, outcomes),
                Effect::Appended(appended) => self.appended(appended, &mut hints),
                Effect::Read { user, conversation, read_seq, unread } => {
                    let read = Some(ReadHint { user_id: user.to_vec(), read_seq, unread });
                    let hint = Hint { conversation_id: conversation.to_vec(), read, ..Hint::default() };
                    self.to_user(user, hint, &mut hints);
                }
                Effect::Typing { user, conversation } => self.typing(user, conversation, &mut hints),
                Effect::Delivered { conversation, moved } => self.delivered(conversation, &moved, &mut hints),
                Effect::Invited(invitation) => {
                    let Ok(user) = UserId::try_from(&invitation.user_id[..]) else { continue };
                    let hint = Hint {
                        conversation_id: invitation.conversation_id.clone(),
                        user_ids: vec![invitation.user_id.clone()],
                        invitation: Some(Box::new(invitation)),
                        ..Hint::default()
                    };
                    self.to_user(user, hint, &mut hints);
                }
            }
        }
        let through_position = self.position;
        failpoint("between_ack_and_push");
        for (link, items) in hints {
            self.send(link, Down::Hints(Hints { items, through_position }));
        }
    }

    fn to_user(&self, user: UserId, hint: Hint, hints: &mut HashMap<LinkId, Vec<Hint>>) {
        for link in self.online.links_of(user) {
            hints.entry(link).or_default().push(hint.clone());
        }
    }

    fn typing(&self, user: UserId, conversation: ConversationId, hints: &mut HashMap<LinkId, Vec<Hint>>) {
        let typing = Typing { conversation_id: conversation.to_vec(), user_id: user.to_vec() };
        let hint = Hint { typing: Some(Box::new(typing)), ..hint_in(conversation) };
        self.to_those_who_keep_up(conversation, Some(user), &hint, hints);
    }

    fn delivered(&self, conversation: ConversationId, moved: &[(UserId, i64)], hints: &mut HashMap<LinkId, Vec<Hint>>) {
        let items = moved.iter().map(|(user, seq)| DeliveredTo { user_id: user.to_vec(), delivered_seq: *seq });
        let delivered = Delivered { conversation_id: conversation.to_vec(), items: items.collect() };
        let hint = Hint { delivered: Some(Box::new(delivered)), ..hint_in(conversation) };
        // Who alone has moved is told nothing by it.
        let alone = if let [(user, _)] = moved { Some(*user) } else { None };
        self.to_those_who_keep_up(conversation, alone, &hint, hints);
    }

    /// What nobody misses: to everybody but `except` who is online in the conversation, at gateways that keep up.
    fn to_those_who_keep_up(
        &self,
        conversation: ConversationId,
        except: Option<UserId>,
        hint: &Hint,
        hints: &mut HashMap<LinkId, Vec<Hint>>,
    ) {
        let keeps_up = |open: &Link| open.down.capacity() > open.down.max_capacity() / 2;
        for (link, recipients) in self.online.recipients(conversation, i64::MAX, None) {
            let mut user_ids = recipients.full;
            user_ids.retain(|user| except.is_none_or(|except| user != except.as_bytes()));
            if !user_ids.is_empty() && self.links.get(&link).is_some_and(keeps_up) {
                hints.entry(link).or_default().push(Hint { user_ids, ..hint.clone() });
            }
        }
    }

    fn appended(&mut self, appended: Arc<Appended>, hints: &mut HashMap<LinkId, Vec<Hint>>) {
        self.position = self.position.max(appended.last_position);
        for look in self.looks.values_mut() {
            look.meanwhile.push(appended.clone());
        }
        let mut newcomers: HashMap<LinkId, Vec<Vec<u8>>> = HashMap::new();
        for user in &appended.joined {
            for link in self.online.join(appended.conversation, *user, &Sees::from(appended.first_readable)) {
                newcomers.entry(link).or_default().push(user.to_vec());
            }
        }
        for (link, user_ids) in newcomers {
            let earliest_seq = appended.first_readable;
            let hint = Hint { joined: true, user_ids, earliest_seq, ..hint_in(appended.conversation) };
            hints.entry(link).or_default().push(hint);
        }
        let target = appended.targets.first().map(|target| target.seq);
        let recipients = self.online.recipients(appended.conversation, appended.last_position, target);
        for user in appended.left.iter().filter(|_| !planted("delivery_after_removal")) {
            self.online.leave(appended.conversation, *user);
        }
        let mut appended = Some(appended);
        let mut left = recipients.len();
        for (link, recipients) in recipients {
            left -= 1;
            let Some(shared) = (if left == 0 { appended.take() } else { appended.clone() }) else { break };
            hints.entry(link).or_default().extend(hints_at(link, shared, recipients));
        }
    }

    /// Outcomes go before the hints of their commit and are never dropped: a link that cannot take them ends.
    pub fn outcomes(&mut self, link: LinkId, outcomes: Vec<Outcome>) {
        self.send(link, Down::Outcomes(Outcomes { items: outcomes }));
    }

    /// A gateway is here (again).
    pub fn opened(
        &mut self,
        link: LinkId,
        down: mpsc::Sender<Result<LinkDown>>,
        replay_after: Option<i64>,
        users: Vec<UserId>,
    ) {
        self.links.insert(link, Link { down, number: 0 });
        self.send(link, Down::Beacon(Beacon { through_position: replay_after.unwrap_or(self.position) }));
        self.attach(link, users, replay_after);
    }

    /// Users came online at a gateway; with `replay_after` they also get what they missed since.
    pub fn attach(&mut self, link: LinkId, users: Vec<UserId>, replay_after: Option<i64>) {
        if users.is_empty() || !self.links.contains_key(&link) {
            return;
        }
        let look = self.next_look;
        self.next_look += 1;
        let waiting = Look { link, users: users.clone(), replay: replay_after.is_some(), meanwhile: Vec::new() };
        self.looks.insert(look, waiting);
        let (db, log, inputs) = (self.db.clone(), self.log.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let found = db.read(move |reader| find(&log.at(reader)?, users, replay_after)).await;
            if let Some(inputs) = inputs.upgrade() {
                let _shutting_down = inputs.send(Input::Loaded(Loaded { look, found })).await;
            }
        });
    }

    /// A look is back: the users are seated.
    pub fn loaded(&mut self, loaded: Loaded) {
        let Some(look) = self.looks.remove(&loaded.look) else { return };
        let found = match loaded.found {
            Ok(found) => found,
            Err(error) => {
                // The gateway asks again when its stream ends.
                tracing::warn!(%error, "users could not be attached");
                self.closed(look.link);
                return;
            }
        };
        for (user, conversations) in found.conversations {
            if self.online.attach(look.link, user, found.position.max(self.position), conversations) {
                self.came(user);
            }
        }
        if look.replay {
            self.replay(look.link, found.replay, found.position);
        }
        let later = look.meanwhile.iter().filter(|appended| appended.last_position > found.position);
        for appended in later {
            self.catch_up(&look, appended);
        }
        let position = found.position.max(self.position);
        let user_ids = look.users.iter().map(|user| user.to_vec()).collect();
        self.send(look.link, Down::Attached(Attached { user_ids, position }));
    }

    fn replay(&mut self, link: LinkId, hints: Option<Vec<Hint>>, through_position: i64) {
        match hints {
            Some(items) => self.send(link, Down::Hints(Hints { items, through_position })),
            None => {
                let reason = "too much was missed".to_owned();
                self.send(link, Down::Reset(Reset { reason, position: through_position }));
            }
        }
    }

    /// Something was committed after the look saw the store and before its users were seated: membership changes take
    /// effect now, and users who wait for a replay get the entries.
    fn catch_up(&mut self, look: &Look, appended: &Appended) {
        let among = |user: &&UserId| look.users.contains(user);
        for user in appended.joined.iter().filter(among) {
            self.online.join(appended.conversation, *user, &Sees::from(appended.first_readable));
        }
        if look.replay {
            let target = appended.targets.first().map(|target| target.seq);
            let mut here = self.online.recipients(appended.conversation, i64::MAX, target);
            if let Some(mut recipients) = here.remove(&look.link) {
                let waits = |user: &Vec<u8>| look.users.iter().any(|known| known.as_bytes() == user);
                recipients.full.retain(waits);
                recipients.bare.retain(waits);
                let (entries, targets) = (appended.entries.clone(), appended.targets.clone());
                let full = Hint { entries, targets, user_ids: recipients.full, ..hint_in(appended.conversation) };
                let items = with_bare(full, recipients.bare);
                self.send(look.link, Down::Hints(Hints { items, through_position: appended.last_position }));
            }
        }
        for user in appended.left.iter().filter(among) {
            self.online.leave(appended.conversation, *user);
        }
    }

    /// Users left a gateway.
    pub fn detach(&mut self, link: LinkId, users: &[UserId]) {
        for user in users {
            if self.online.detach(link, *user) {
                self.went(*user);
            }
        }
        for look in self.looks.values_mut().filter(|look| look.link == link) {
            look.users.retain(|user| !users.contains(user));
        }
    }

    /// A gateway's stream ended.
    pub fn closed(&mut self, link: LinkId) {
        if self.links.remove(&link).is_some() {
            self.watched.drop_link(link);
            for user in self.online.drop_link(link) {
                self.went(user);
            }
            self.looks.retain(|_, look| look.link != link);
        }
    }

    /// Tells every gateway that nothing is missing up to here.
    pub fn beacon(&mut self) {
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for link in links {
            self.send(link, Down::Beacon(Beacon { through_position: self.position }));
        }
    }

    fn send(&mut self, link: LinkId, down: Down) {
        let Some(open) = self.links.get_mut(&link) else { return };
        open.number += 1;
        let message = LinkDown { number: open.number, epoch: self.epoch.clone(), down: Some(down) };
        if open.down.try_send(Ok(message)).is_err() {
            metrics::counter!("anser_messaging_links_dropped_total").increment(1);
            self.closed(link);
        }
    }
}

/// What a gateway is told of an append: everything to those who may see what it changed, the rest to the others.
fn hints_at(link: LinkId, shared: Arc<Appended>, recipients: Recipients) -> Vec<Hint> {
    let conversation = shared.conversation;
    let origins = shared.origins.iter().filter(|(origin, ..)| *origin == link);
    let origins = origins.map(|&(_, seq, tag)| Origin { seq: log::told(seq), tag }).collect();
    // The last one, mostly the only one, need not copy.
    let (mut entries, targets) = Arc::try_unwrap(shared)
        .map_or_else(|shared| (shared.entries.clone(), shared.targets.clone()), |own| (own.entries, own.targets));
    entries.iter_mut().for_each(|entry| entry.seq = log::told(entry.seq));
    let full = Hint { entries, targets, user_ids: recipients.full, origins, ..hint_in(conversation) };
    with_bare(full, recipients.bare)
}

fn with_bare(full: Hint, bare: Vec<Vec<u8>>) -> Vec<Hint> {
    if bare.is_empty() {
        return vec![full];
    }
    let without = Hint { user_ids: bare, targets: Vec::new(), ..full.clone() };
    [full, without].into_iter().filter(|hint| !hint.user_ids.is_empty()).collect()
}

fn hint_in(conversation: ConversationId) -> Hint {
    Hint { conversation_id: conversation.to_vec(), ..Hint::default() }
}

fn find(reader: &Snapshot<'_>, users: Vec<UserId>, replay_after: Option<i64>) -> Result<Found> {
    let position = reader.last_position();
    let replay = match replay_after {
        Some(after) if position - after <= REPLAY_ENTRIES && after <= position => {
            Some(replay_hints(reader, &users, after, position)?)
        }
        _ => None,
    };
    let conversations = users
        .into_iter()
        .map(|user| {
            let current =
                |(_, stays): &(ConversationId, Vec<Stay>)| stays.last().is_some_and(|stay| stay.to_seq.is_none());
            let mine = membership::conversations_of(reader, user)?.into_iter().filter(current);
            Ok((user, mine.map(|(conversation, stays)| (conversation, Sees::of(&stays))).collect()))
        })
        .collect::<Result<_>>()?;
    Ok(Found { position, conversations, replay })
}

/// The hints of `after < position <= through` for `users`, one a conversation and stay.
fn replay_hints(reader: &Snapshot<'_>, users: &[UserId], after: i64, through: i64) -> Result<Vec<Hint>> {
    let mut by_conversation: Vec<(ConversationId, Vec<Entry>)> = Vec::new();
    let mut places: HashMap<ConversationId, usize> = HashMap::new();
    for stored in reader.stored_since(after, through - after)? {
        let conversation = ConversationId::try_from(&stored.entry.conversation_id[..])?;
        let place = *places.entry(conversation).or_insert_with(|| {
            by_conversation.push((conversation, Vec::new()));
            by_conversation.len() - 1
        });
        by_conversation[place].1.push(stored.entry);
    }
    let mut hints = Vec::new();
    for (conversation, entries) in by_conversation {
        let head_seq = entries.last().map_or(0, |entry| entry.seq);
        for user in users {
            let stays = membership::stays(reader, conversation, *user)?;
            if stays.is_empty() {
                continue;
            }
            let view = View::new(stays, head_seq).without(membership::deleted(reader, conversation, *user)?);
            let visible: Vec<Entry> = entries.iter().filter(|entry| view.shows(entry.seq)).cloned().collect();
            if !visible.is_empty() {
                let targets = targets(reader, conversation, &view, &visible, &mut 0)?;
                let user_ids = vec![user.to_vec()];
                hints.push(Hint { entries: visible, targets, user_ids, ..hint_in(conversation) });
            }
        }
    }
    Ok(hints)
}
