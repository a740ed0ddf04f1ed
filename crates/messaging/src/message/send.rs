//! Sending: the group committer over all conversations.
//!
//! Sends queue in [`SendLane`]; for each commit the writer takes what queued while the previous one ran (never waits
//! for more) and writes all of it: known keys get their first ACK again, the rest is authorised against membership as it
//! stands at this point of the log, numbered and stored. Outcomes leave after the COMMIT, and before the hints.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry as Slot},
    sync::Arc,
};

use anser_contract::v1::{Content, Outcome, SendAck};
use anser_engine::{Db, Lane, Tx};
use anser_types::{
    Action, Clock, Code, ConversationId, Error, MessageId, Result, Standing, Timestamp, UserId, authorise,
    plant::{planted, planted_every},
};
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::Instant};

use super::store;
use crate::{
    alarm::Alarm,
    effects::{Appended, Effect, LinkId},
    fanout::Fanout,
    log::{self, Head, Log, NewEntry},
    membership,
    rooms::{Room, Rooms},
};

/// How many entries, and how many bytes of them, one commit takes.
const ENTRIES_A_COMMIT: usize = 2_048;
const BYTES_A_COMMIT: usize = 1 << 20;

/// A send on its way to the log.
pub struct PendingSend {
    /// Who sends.
    pub user: UserId,
    /// Where.
    pub conversation: ConversationId,
    /// The client's key of it.
    pub cmid: MessageId,
    /// What.
    pub content: Content,
    /// `content` in canonical encoding.
    pub body: Vec<u8>,
    /// Hash over `body`.
    pub payload_hash: [u8; 16],
    /// When nobody waits any more; a send past it is dropped before it starts.
    pub deadline: Instant,
    /// Where the outcome goes.
    pub reply_to: ReplyTo,
}

/// Where an outcome goes.
pub enum ReplyTo {
    /// Over a gateway's stream, under the gateway's name for it.
    Link(LinkId, u64),
    /// To a waiting call.
    Call(oneshot::Sender<Result<SendAck>>),
}

/// The bounded queue of sends.
pub struct SendLane {
    db: Db,
    queue: Mutex<VecDeque<PendingSend>>,
    capacity: usize,
}

impl SendLane {
    /// An empty lane of `db` for at most `capacity` sends.
    pub fn new(db: &Db, capacity: usize) -> Self {
        Self { db: db.clone(), queue: Mutex::new(VecDeque::new()), capacity }
    }

    /// Queues sends in order; what does not fit comes back.
    pub fn push(&self, sends: Vec<PendingSend>) -> Vec<PendingSend> {
        let mut queue = self.queue.lock();
        let room = self.capacity - queue.len();
        let mut sends = sends.into_iter();
        queue.extend(sends.by_ref().take(room));
        drop(queue);
        self.db.wake_lane();
        sends.collect()
    }

    fn take(&self) -> Vec<PendingSend> {
        let mut queue = self.queue.lock();
        let mut bytes = 0;
        let fitting = queue.iter().take(ENTRIES_A_COMMIT).take_while(|send| {
            bytes += send.body.len();
            bytes <= BYTES_A_COMMIT
        });
        let count = fitting.count().max(1).min(queue.len());
        let mut sends: Vec<PendingSend> = queue.drain(..count).collect();
        if planted("batch_reversed") {
            sends.reverse();
        }
        sends
    }
}

/// The writer's side of the lane.
pub struct Committer {
    pub(crate) lane: Arc<SendLane>,
    pub(crate) log: Log,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) fanout: Fanout,
    pub(crate) clock: Clock,
    pub(crate) strangers: bool,
    /// Woken when the first message expires.
    pub(crate) expiry: Arc<Alarm>,
    /// Woken when messages hold files.
    pub(crate) holding: Arc<Alarm>,
    batch: Batch,
}

/// What one commit did, until it is known to be durable.
#[derive(Default)]
struct Batch {
    waiting: Vec<ReplyTo>,
    outcomes: Vec<(ReplyTo, Result<SendAck>)>,
    appended: Vec<Appended>,
    rooms: Vec<(ConversationId, Room)>,
    /// When the first of the new messages expires.
    expires: Option<Timestamp>,
    /// Since when the new messages hold files, if they do.
    holds: Option<Timestamp>,
}

impl Committer {
    /// The committer of `lane`.
    pub fn new(
        lane: Arc<SendLane>,
        log: Log,
        rooms: Arc<Rooms>,
        fanout: Fanout,
        clock: Clock,
        strangers: bool,
        (expiry, holding): (Arc<Alarm>, Arc<Alarm>),
    ) -> Self {
        Self { lane, log, rooms, fanout, clock, strangers, expiry, holding, batch: Batch::default() }
    }
}

impl Lane for Committer {
    fn ready(&self) -> bool {
        !self.lane.queue.lock().is_empty()
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let now = self.clock.now();
        let instant = Instant::now();
        let mut groups: Vec<(ConversationId, Vec<PendingSend>)> = Vec::new();
        let mut places: HashMap<ConversationId, usize> = HashMap::new();
        for send in self.lane.take() {
            if send.deadline <= instant {
                let late = Error::new(Code::DeadlineExceeded, "the send waited longer than its deadline");
                self.batch.outcomes.push((send.reply_to, Err(late)));
                continue;
            }
            match places.entry(send.conversation) {
                Slot::Occupied(place) => groups[*place.get()].1.push(send),
                Slot::Vacant(place) => {
                    place.insert(groups.len());
                    groups.push((send.conversation, vec![send]));
                }
            }
        }
        if groups.is_empty() {
            return Ok(());
        }
        let mut groups = groups.into_iter();
        let written = self.write(tx, &mut groups, now).and_then(|()| self.log.keep_index(tx));
        self.batch.waiting.extend(groups.flat_map(|(_, sends)| sends).map(|send| send.reply_to));
        if planted("ack_before_commit") {
            let early = std::mem::take(&mut self.batch.outcomes);
            self.answer(early.into_iter(), Vec::new());
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        written
    }

    fn finish(&mut self, outcome: Result<()>) {
        let batch = std::mem::take(&mut self.batch);
        metrics::histogram!("anser_messaging_batch_entries").record(batch.outcomes.len() as f64);
        let outcomes = batch.outcomes.into_iter();
        match outcome {
            Ok(()) => {
                for (conversation, room) in batch.rooms {
                    self.rooms.put(conversation, room);
                }
                if let Some(at) = batch.expires {
                    self.expiry.ring_by(at);
                }
                if let Some(at) = batch.holds {
                    self.holding.ring_by(at);
                }
                let effects = batch.appended.into_iter().map(|appended| Effect::Appended(Arc::new(appended)));
                self.answer(outcomes, effects.collect());
            }
            Err(error) => {
                let lost = outcomes.map(|(reply_to, _)| reply_to).chain(batch.waiting);
                self.answer(lost.map(|reply_to| (reply_to, Err(error.clone()))), Vec::new());
            }
        }
    }
}

impl Committer {
    /// Writes group after group; what an error leaves in `groups` was not tried.
    fn write(
        &mut self,
        tx: &mut Tx<'_>,
        groups: &mut impl Iterator<Item = (ConversationId, Vec<PendingSend>)>,
        now: Timestamp,
    ) -> Result<()> {
        let mut last_position = log::last_position(tx);
        for (conversation, sends) in groups {
            let room = match self.rooms.take(conversation) {
                Some(room) => Ok(room),
                None => self.head(tx, conversation).map(|head| Room { head, ..Room::default() }),
            };
            match (&mut last_position, room) {
                (Ok(last_position), Ok(room)) => {
                    let (strangers, batch) = (self.strangers, &mut self.batch);
                    let group = Group { log: &self.log, conversation, room, strangers, now, new: Vec::new(), batch };
                    group.write(tx, last_position, sends)?;
                }
                (Err(error), _) => return self.give_up(sends, error.clone()),
                (_, Err(error)) => return self.give_up(sends, error),
            }
        }
        Ok(())
    }

    fn head(&self, tx: &Tx<'_>, conversation: ConversationId) -> Result<Head> {
        self.log.at(tx)?.head(conversation)
    }

    fn give_up(&mut self, sends: Vec<PendingSend>, error: Error) -> Result<()> {
        self.batch.waiting.extend(sends.into_iter().map(|send| send.reply_to));
        Err(error)
    }

    fn answer(&self, outcomes: impl Iterator<Item = (ReplyTo, Result<SendAck>)>, hints: Vec<Effect>) {
        let mut links: HashMap<LinkId, Vec<Outcome>> = HashMap::new();
        for (reply_to, outcome) in outcomes {
            match reply_to {
                ReplyTo::Call(reply) => drop(reply.send(outcome)),
                ReplyTo::Link(link, tag) => links.entry(link).or_default().push(to_outcome(tag, outcome)),
            }
        }
        let mut effects: Vec<Effect> =
            links.into_iter().map(|(link, outcomes)| Effect::Outcomes(link, outcomes)).collect();
        effects.extend(hints);
        self.fanout.publish(effects);
    }
}

/// An outcome as it travels over a link.
pub fn to_outcome(tag: u64, outcome: Result<SendAck>) -> Outcome {
    match outcome {
        Ok(ack) => Outcome { tag, ack: Some(ack), error: None },
        Err(error) => Outcome { tag, ack: None, error: Some(Box::new(error.into())) },
    }
}

/// The sends of one conversation in one commit.
struct Group<'b> {
    log: &'b Log,
    conversation: ConversationId,
    room: Room,
    strangers: bool,
    now: Timestamp,
    new: Vec<(PendingSend, Place)>,
    batch: &'b mut Batch,
}

/// What becomes of one send.
enum Decision {
    New(Place),
    Answer(Result<SendAck>),
}

/// Where a new entry will stand.
#[derive(Clone, Copy)]
struct Place {
    seq: i64,
    position: i64,
    at: Timestamp,
}

impl Group<'_> {
    fn write(mut self, tx: &mut Tx<'_>, last_position: &mut i64, sends: Vec<PendingSend>) -> Result<()> {
        self.misplace();
        let mut sends = sends.into_iter();
        while let Some(send) = sends.next() {
            match self.decide(tx, *last_position, &send) {
                Ok(Decision::New(place)) => self.new.push((send, place)),
                Ok(Decision::Answer(outcome)) => self.batch.outcomes.push((send.reply_to, outcome)),
                Err(error) => {
                    let written = self.new.into_iter().map(|(send, _)| send);
                    let unanswered = written.chain([send]).chain(sends);
                    self.batch.waiting.extend(unanswered.map(|send| send.reply_to));
                    return Err(error);
                }
            }
        }
        self.append(tx, last_position)
    }

    /// Where planted faults spoil the numbering: nothing without them.
    fn misplace(&mut self) {
        let head = &mut self.room.head;
        if head.seq > 1 && planted_every("seq_reused", 40) {
            head.seq -= 1;
        }
        if planted_every("ts_backwards", 40) {
            self.now -= 10_000;
            head.at = 0;
        }
    }

    fn decide(&mut self, tx: &mut Tx<'_>, last_position: i64, send: &PendingSend) -> Result<Decision> {
        let standing = self.standing(tx, send.user)?;
        if let Err(refusal) = authorise(Action::Send, standing).map_err(membership::hide) {
            // Who may no longer send may still learn what became of an earlier try.
            return Ok(Decision::Answer(self.first_ack(tx, send)?.unwrap_or(Err(refusal))));
        }
        if let Err(refusal) = self.check_references(&send.content, standing) {
            return Ok(Decision::Answer(self.first_ack(tx, send)?.unwrap_or(Err(refusal))));
        }
        let ahead = self.new.len() as i64 + 1;
        let position = last_position + ahead;
        if store::insert_key(tx, send.cmid, self.conversation, send.user, position, &send.payload_hash)? {
            let (seq, at) = (self.room.head.seq + ahead, self.now.max(self.room.head.at));
            return Ok(Decision::New(Place { seq, position, at }));
        }
        let first = self.first_ack(tx, send)?;
        Ok(Decision::Answer(first.ok_or_else(|| Error::internal("a key without its entry"))?))
    }

    /// What the message answers exists, and whoever means all may.
    fn check_references(&self, content: &Content, standing: Standing) -> Result<()> {
        if content.reply_to.is_some_and(|reply| reply.seq > self.room.head.seq) {
            return Err(Error::field("content.reply_to.seq", "there is no such message"));
        }
        match &content.mentions {
            Some(mentions) if mentions.all => authorise(Action::MentionAll, standing),
            _ => Ok(()),
        }
    }

    fn standing(&mut self, tx: &Tx<'_>, user: UserId) -> Result<Standing> {
        if let Some((standing, until)) = self.room.senders.get(&user)
            && self.now < *until
        {
            return Ok(*standing);
        }
        let known = membership::standing_to_send(tx, self.conversation, user, self.strangers, self.now)?;
        self.room.senders.insert(user, known);
        Ok(known.0)
    }

    /// The ACK that this key got before; `None`: there was no such send.
    fn first_ack(&self, tx: &Tx<'_>, send: &PendingSend) -> Result<Option<Result<SendAck>>> {
        let Some((position, payload_hash)) = log::find_key(tx, self.conversation, send.user, send.cmid)? else {
            return Ok(None);
        };
        if payload_hash != send.payload_hash {
            let conflict = Error::new(Code::IdempotencyConflict, "this client_msg_id was used for another message");
            return Ok(Some(Err(conflict)));
        }
        // A repeat may stand in the same commit as its original, which is not in the journal yet.
        let in_this_commit = self.new.iter().find(|(_, place)| place.position == position);
        let found = match in_this_commit {
            Some((_, place)) => Some((place.seq, place.at)),
            None => store::seq_and_time(tx, position)?,
        };
        let (seq, at) = found.ok_or_else(|| Error::internal("a key without its entry"))?;
        Ok(Some(Ok(ack(send.cmid, self.conversation, seq, at, true))))
    }

    fn append(mut self, tx: &mut Tx<'_>, last_position: &mut i64) -> Result<()> {
        if self.new.is_empty() {
            self.batch.rooms.push((self.conversation, self.room));
            return Ok(());
        }
        let mut origins = Vec::new();
        let mut new = Vec::with_capacity(self.new.len());
        for (send, place) in self.new.drain(..) {
            if let ReplyTo::Link(link, tag) = send.reply_to {
                origins.push((link, place.seq, tag));
            }
            let outcome = ack(send.cmid, self.conversation, place.seq, place.at, false);
            self.batch.outcomes.push((send.reply_to, Ok(outcome)));
            if let Some(expiring) = &send.content.expiring {
                let due = place.at.saturating_add(expiring.after_ms);
                store::insert_expiring(tx, due, self.conversation, place.seq)?;
                self.batch.expires = Some(self.batch.expires.map_or(due, |first| first.min(due)));
            }
            if let Some(mentions) = &send.content.mentions {
                store::insert_mentions(tx, self.conversation, place.seq, mentions)?;
            }
            for file in store::insert_objects(tx, self.conversation, place.seq, &send.content)? {
                store::note_moved(tx, file, self.now)?;
                self.batch.holds = Some(self.now);
            }
            new.push(NewEntry { sender: send.user, cmid: send.cmid, content: send.content, body: send.body });
        }
        if planted_every("phantom", 40)
            && let Some(last) = new.last()
        {
            let mut twin = NewEntry { content: last.content.clone(), body: last.body.clone(), ..*last };
            twin.cmid.0[15] ^= 0xff;
            new.push(twin);
        }
        let entries = self.log.append(tx, self.conversation, &mut self.room.head, last_position, new, self.now)?;
        self.batch.appended.push(Appended {
            conversation: self.conversation,
            entries,
            targets: Vec::new(),
            last_position: *last_position,
            joined: Vec::new(),
            first_readable: 0,
            left: Vec::new(),
            origins,
        });
        self.batch.rooms.push((self.conversation, self.room));
        Ok(())
    }
}

fn ack(cmid: MessageId, conversation: ConversationId, seq: i64, server_ts: Timestamp, dup: bool) -> SendAck {
    let seq = log::told(seq);
    SendAck { client_msg_id: cmid.to_vec(), conversation_id: conversation.to_vec(), seq, server_ts, dup }
}
