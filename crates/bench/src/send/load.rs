//! One who sends and one who receives, each a task with one socket.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anser_types::{Clock, MessageId};
use tokio::time::{Instant, sleep_until, timeout};

use crate::{
    link::{Key, Link, Seen, Send},
    measure::{Durations, Span, Tally},
    prose::{Chance, Prose},
    verify::Acked,
};

/// After a moment of quiet all that came is acknowledged.
const ACK_WITHIN: Duration = Duration::from_millis(500);
/// How long the last replies may take.
const LAST_REPLIES: Duration = Duration::from_secs(20);

/// When to send.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As soon as the window has room.
    Window,
    /// At fixed times; latency counts from them, also where the window had no room.
    Every {
        /// From one to the next.
        every: Duration,
        /// The first.
        first: Instant,
    },
    /// So many, as soon as the window has room, unmeasured.
    Count(u64),
}

/// One who sends.
pub struct Sender {
    link: Link,
    conversations: Vec<Key>,
    text: String,
    /// Where each message has words of its own.
    prose: Option<(Arc<Prose>, Chance)>,
    /// By request id, less one.
    slots: Vec<Slot>,
    free: Vec<u32>,
    chance: u32,
    clock: Clock,
}

#[derive(Clone, Copy)]
struct Slot {
    due: Instant,
    conversation: Key,
    key: Key,
}

/// What came of it.
pub struct Sent {
    /// Acknowledged, warm-up included; empty for [`Pace::Count`].
    pub acked: Vec<Acked>,
    /// Never answered.
    pub unanswered: usize,
}

impl Sender {
    /// A sender over `link` into these conversations.
    pub fn new(link: Link, conversations: Vec<Key>, body: usize, window: usize, chance: u32) -> Self {
        let nothing = Slot { due: Instant::now(), conversation: [0; 16], key: [0; 16] };
        Self {
            link,
            conversations,
            text: "x".repeat(body.max(1)),
            prose: None,
            slots: vec![nothing; window],
            free: (0..window as u32).rev().collect(),
            chance: chance.wrapping_mul(2_654_435_761) | 1,
            clock: Clock::system(),
        }
    }

    /// With words of its own in each message.
    pub fn saying(mut self, prose: Arc<Prose>) -> Self {
        self.prose = Some((prose, Chance::new(u64::from(self.chance))));
        self
    }

    /// Sends until the span or the count ends, then waits for the last replies.
    pub async fn run(mut self, pace: Pace, span: Span, tally: Arc<Tally>) -> anyhow::Result<Sent> {
        let mut durations = Durations::new(tally.clone());
        let mut acked = Vec::new();
        let keep = !matches!(pace, Pace::Count(_));
        let mut left = if let Pace::Count(count) = pace { count } else { u64::MAX };
        let mut next = if let Pace::Every { first, .. } = pace { Some(first) } else { None };
        loop {
            let now = Instant::now();
            let mut more = now < span.end && left > 0;
            while more && !self.free.is_empty() {
                let due = match (&mut next, pace) {
                    (Some(at), Pace::Every { every, .. }) => {
                        if *at > now {
                            break;
                        }
                        let due = *at;
                        *at += every;
                        due
                    }
                    _ => now,
                };
                self.send(due)?;
                left -= 1;
                more = left > 0;
            }
            self.link.ack_in_time()?;
            self.link.flush().await?;
            let open = self.slots.len() - self.free.len();
            if !more && open == 0 {
                break;
            }
            let next_due = next.filter(|_| more && !self.free.is_empty());
            tokio::select! {
                ready = self.link.readable() => ready?,
                () = sleep_until(next_due.map_or(now + LAST_REPLIES, |due| due.min(span.end))) => {
                    if next_due.is_none() {
                        return Ok(Sent { acked, unanswered: open });
                    }
                    continue;
                }
            }
            self.read(&span, &tally, &mut durations, keep.then_some(&mut acked))?;
        }
        Ok(Sent { acked, unanswered: 0 })
    }

    fn send(&mut self, due: Instant) -> anyhow::Result<()> {
        let Some(slot) = self.free.pop() else { return Ok(()) };
        // A linear congruence is random enough to visit conversations without a pattern the server could profit from.
        self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let index = (u64::from(self.chance) * self.conversations.len() as u64) >> 32;
        let conversation = self.conversations[index as usize];
        let key = MessageId::new(&self.clock).0;
        if let Some((prose, chance)) = &mut self.prose {
            self.text = prose.message(chance);
        }
        self.slots[slot as usize] = Slot { due, conversation, key };
        self.link.send(&Send { id: slot + 1, conversation: &conversation, key: &key, text: &self.text })
    }

    fn read(
        &mut self,
        span: &Span,
        tally: &Tally,
        durations: &mut Durations,
        mut acked: Option<&mut Vec<Acked>>,
    ) -> anyhow::Result<()> {
        let Self { link, slots, free, .. } = self;
        let now = Instant::now();
        let mut count = 0;
        link.read_ready(|seen| {
            let id = match seen {
                Seen::Acked { id, .. } | Seen::Refused { id, .. } => id,
                Seen::SyncRequired => {
                    tally.resets.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                _ => return,
            };
            let Some(slot) = slots.get(id as usize - 1) else { return };
            free.push(id - 1);
            match seen {
                Seen::Acked { seq, .. } => {
                    count += 1;
                    if span.holds(slot.due) {
                        durations.record(now - slot.due);
                    }
                    if let Some(acked) = &mut acked {
                        acked.push(Acked { conversation: slot.conversation, seq, key: slot.key });
                    }
                }
                Seen::Refused { code, .. } => tally.refused(code),
                _ => {}
            }
        })?;
        tally.acked.fetch_add(count, Ordering::Relaxed);
        if span.holds(now) {
            tally.measured.fetch_add(count, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// One who receives: decodes everything, acknowledges, counts. Ends when it is aborted or the connection does.
pub async fn receive(mut link: Link, tally: Arc<Tally>) -> anyhow::Result<()> {
    loop {
        match timeout(ACK_WITHIN, link.readable()).await {
            Ok(ready) => ready?,
            Err(_) => {
                link.ack()?;
                link.flush().await?;
                continue;
            }
        }
        let mut count = 0;
        link.read_ready(|seen| match seen {
            Seen::Entry { text, .. } if text > 0 => count += 1,
            Seen::SyncRequired => {
                tally.resets.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        })?;
        tally.delivered.fetch_add(count, Ordering::Relaxed);
        link.ack_in_time()?;
        link.flush().await?;
    }
}
