//! How far devices have got in conversations of few people.
//!
//! Gateways tell, folded, what their devices acknowledged or said to hold. Here that is folded again, and each half second
//! some of it is written: by maximum, never beyond what the person may see. Nothing waits for it and nothing is done while
//! nothing moves; where more comes than is written, moves are folded longer, and beyond a bound left out: a device that
//! syncs or acknowledges again says the same again. Who is online in the conversation is told of what moved a person's
//! furthest device, under the rule of typing: the first thing to be left out.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use anser_contract::v1::DeliveredItem;
use anser_engine::Tx;
use anser_types::{Clock, ConversationId, Result, SessionId, Timestamp, UserId};
use parking_lot::Mutex;

use super::store;
use crate::{
    Messaging,
    alarm::Alarm,
    conversation,
    effects::Effect,
    fanout::Fanout,
    log::Snapshot,
    membership::{self, View},
};

/// In larger conversations nothing is kept.
pub const MEMBERS: i64 = 50;
/// How many moves may wait.
const WAITING: usize = 65_536;
/// How many of them are looked at in each turn, and written by one transaction: a few milliseconds.
const A_TURN: usize = 512;
const A_STEP: usize = 128;
/// The pause between two turns.
const PAUSE: Duration = Duration::from_millis(500);
/// How many devices of one person are kept for each conversation.
const DEVICES: usize = 16;

/// A device in a conversation.
type Device = (ConversationId, UserId, SessionId);

/// What devices have got, and what is not written yet.
pub struct Deliveries {
    waiting: Mutex<HashMap<Device, i64>>,
    alarm: Alarm,
}

impl Deliveries {
    /// Nothing waits.
    pub fn new() -> Self {
        Self { waiting: Mutex::default(), alarm: Alarm::at(Timestamp::MAX) }
    }

    /// Takes in what a gateway tells.
    pub fn note(&self, items: &[DeliveredItem], now: Timestamp) {
        let mut waiting = self.waiting.lock();
        for item in items {
            let Some(device) = device(item) else { continue };
            let seq = item.seq;
            let has_room = waiting.len() < WAITING;
            match waiting.get_mut(&device) {
                Some(known) => *known = seq.max(*known),
                None if has_room => drop(waiting.insert(device, seq)),
                None => {}
            }
        }
        let any = !waiting.is_empty();
        drop(waiting);
        if any {
            self.alarm.ring_by(now);
        }
    }

    fn take(&self) -> Vec<(Device, i64)> {
        let mut waiting = self.waiting.lock();
        let devices: Vec<Device> = waiting.keys().take(A_TURN).copied().collect();
        let taken = devices.into_iter().filter_map(|device| waiting.remove_entry(&device)).collect();
        if waiting.is_empty() {
            waiting.shrink_to(A_TURN);
        }
        taken
    }
}

fn device(item: &DeliveredItem) -> Option<Device> {
    let conversation = ConversationId::try_from(&item.conversation_id[..]).ok()?;
    let user = UserId::try_from(&item.user_id[..]).ok()?;
    Some((conversation, user, SessionId::try_from(&item.session_id[..]).ok()?))
}

/// Writes what devices have got, until the room is dropped.
pub fn start(room: &Arc<Messaging>) {
    tokio::spawn(run(Arc::downgrade(room), room.deliveries.clone(), room.clock.clone()));
}

async fn run(room: Weak<Messaging>, deliveries: Arc<Deliveries>, clock: Clock) {
    loop {
        deliveries.alarm.wait(&clock).await;
        let Some(room) = room.upgrade() else { return };
        if let Err(error) = keep(&room).await {
            tracing::warn!(%error, "how far devices have got is not kept");
        }
        drop(room);
        tokio::time::sleep(PAUSE).await;
        deliveries.note(&[], clock.now());
    }
}

/// Writes some of what waits; answers how many devices moved.
pub async fn keep(room: &Messaging) -> Result<usize> {
    let taken = room.deliveries.take();
    let look = move |log: &Snapshot<'_>| {
        let moves = taken.into_iter().map(|(device, seq)| forward(log, device, seq));
        moves.filter_map(Result::transpose).collect::<Result<Vec<Move>>>()
    };
    let moves = room.read(look).await?;
    for step in moves.chunks(A_STEP) {
        let (step, fanout) = (step.to_vec(), room.fanout.clone());
        room.db.write(move |tx| write(tx, &step, &fanout)).await?;
    }
    Ok(moves.len())
}

/// A device that has got further.
#[derive(Clone, Copy)]
struct Move {
    device: Device,
    seq: i64,
    /// It is the furthest of its person's now.
    leads: bool,
    /// A device that gives way to it.
    instead_of: Option<SessionId>,
}

/// Whether this moves anything.
fn forward(log: &Snapshot<'_>, device: Device, seq: i64) -> Result<Option<Move>> {
    let (conversation, user, session) = device;
    let stays = membership::stays(log, conversation, user)?;
    let is_member = stays.last().is_some_and(|stay| stay.to_seq.is_none());
    if !is_member || conversation::member_count(log, conversation)? > MEMBERS {
        return Ok(None);
    }
    let seq = seq.min(View::new(stays, log.head(conversation)?.seq).head_seq());
    let known = store::delivered(log, conversation, user)?;
    let own = known.iter().find(|(known, _)| *known == session).map(|&(_, seq)| seq);
    if seq <= own.unwrap_or(0) {
        return Ok(None);
    }
    let full = own.is_none() && known.len() >= DEVICES;
    let instead_of = known.first().filter(|_| full).map(|&(session, _)| session);
    let leads = known.last().is_none_or(|&(_, furthest)| seq > furthest);
    Ok(Some(Move { device, seq, leads, instead_of }))
}

fn write(tx: &mut Tx<'_>, moves: &[Move], fanout: &Fanout) -> Result<()> {
    let mut told: HashMap<ConversationId, Vec<(UserId, i64)>> = HashMap::new();
    for &Move { device: (conversation, user, session), seq, leads, instead_of } in moves {
        if let Some(last) = instead_of {
            store::forget_device(tx, conversation, user, last)?;
        }
        store::raise_delivered(tx, conversation, user, session, seq)?;
        if leads {
            told.entry(conversation).or_default().push((user, seq));
        }
    }
    let fanout = fanout.clone();
    tx.after_commit(move || {
        for (conversation, moved) in told {
            fanout.shed(Effect::Delivered { conversation, moved });
        }
    });
    Ok(())
}
