//! What a connection is doing, and until when it may. Plain data: the stream and the service note, the task looks.
//!
//! The time of a request's body and of its handler is not kept here but where they are awaited ([`crate::http`]), so a
//! connection that is busy has only to take what is written to it.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Patience;

/// The notes about one connection.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<Notes>);

#[derive(Debug)]
struct Notes {
    /// Its bytes do not tell where a request's head begins, so heads have the time of idleness.
    multiplexed: bool,
    phase: Phase,
    since: Instant,
    /// Requests that are being answered; with HTTP/1.1 at most one.
    open: usize,
    /// Since when the client takes no more bytes than it is given, and how many it took since then.
    unsent: Option<(Instant, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing has come yet.
    Fresh,
    /// A request's head has begun.
    Head,
    /// A request is being answered.
    Busy,
    /// All that was asked is answered.
    Idle,
}

/// When a connection is late, and the word for it in the metric.
pub(super) type Deadline = (Instant, &'static str);

impl Pulse {
    /// Of a connection on which one request follows the other.
    pub(super) fn of_http1() -> Self {
        Self::new(false)
    }

    /// Of a connection on which requests go side by side.
    pub(super) fn of_http2() -> Self {
        Self::new(true)
    }

    fn new(multiplexed: bool) -> Self {
        Self(Mutex::new(Notes { multiplexed, phase: Phase::Fresh, since: Instant::now(), open: 0, unsent: None }))
    }

    /// Bytes have come.
    pub(super) fn heard(&self) {
        let mut notes = self.0.lock();
        match notes.phase {
            Phase::Fresh if notes.multiplexed => notes.turn(Phase::Idle),
            Phase::Idle if notes.multiplexed => {}
            Phase::Fresh | Phase::Idle => notes.turn(Phase::Head),
            Phase::Head | Phase::Busy => {}
        }
    }

    /// A request's head is complete.
    pub(super) fn asked(&self) {
        let mut notes = self.0.lock();
        notes.open += 1;
        notes.turn(Phase::Busy);
    }

    /// A part of an answer is about to be written.
    pub(super) fn answering(&self) {
        let mut notes = self.0.lock();
        if notes.multiplexed {
            notes.since = Instant::now();
        }
    }

    /// A request's answer is made, if not yet taken.
    pub(super) fn answered(&self) {
        let mut notes = self.0.lock();
        notes.open -= 1;
        let phase = if notes.open == 0 { Phase::Idle } else { Phase::Busy };
        notes.turn(phase);
    }

    /// The client took `bytes`; none: it takes no more at the moment.
    pub(super) fn took(&self, bytes: usize) {
        let mut notes = self.0.lock();
        match &mut notes.unsent {
            Some((_, taken)) => *taken += bytes,
            None if bytes == 0 => notes.unsent = Some((Instant::now(), 0)),
            None => {}
        }
    }

    /// All that was written is on its way.
    pub(super) fn took_all(&self) {
        self.0.lock().unsent = None;
    }

    /// When the connection is late as things stand, if ever.
    pub(super) fn deadline(&self, patience: &Patience) -> Option<Deadline> {
        let notes = self.0.lock();
        let after = |limit: Duration, reason| Some((notes.since + limit, reason));
        let asking = match notes.phase {
            Phase::Fresh => after(patience.first_byte, "first_byte"),
            Phase::Head => after(patience.header, "header"),
            // A client can hold the answers of HTTP/2 back without the socket showing it.
            Phase::Busy if notes.multiplexed => after(patience.idle, "answer"),
            Phase::Busy => None,
            Phase::Idle => after(patience.idle, "idle"),
        };
        let taking = notes.unsent.map(|(since, bytes)| (since + patience.pace.allowance(bytes), "answer"));
        [asking, taking].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

impl Notes {
    fn turn(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::Pace;

    const PATIENCE: Patience = Patience {
        first_byte: Duration::from_secs(1),
        header: Duration::from_secs(2),
        idle: Duration::from_secs(60),
        pace: Pace { grace: Duration::from_secs(5), bytes_per_second: 100 },
    };

    /// In how many seconds the connection is late, and why.
    fn late(pulse: &Pulse) -> Option<(u64, &'static str)> {
        pulse.deadline(&PATIENCE).map(|(at, reason)| ((at - Instant::now()).as_secs(), reason))
    }

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_part_of_a_clients_side_has_its_time() {
        let pulse = Pulse::of_http1();
        assert_eq!(late(&pulse), Some((1, "first_byte")));
        pulse.heard();
        assert_eq!(late(&pulse), Some((2, "header")));
        pass(1).await;
        pulse.heard();
        assert_eq!(late(&pulse), Some((1, "header")), "more bytes are not more time");
        pulse.asked();
        assert_eq!(late(&pulse), None);
        pulse.heard();
        assert_eq!(late(&pulse), None, "the body's time is kept elsewhere");
        pulse.answered();
        assert_eq!(late(&pulse), Some((60, "idle")));
        pulse.heard();
        assert_eq!(late(&pulse), Some((2, "header")));
    }

    #[tokio::test(start_paused = true)]
    async fn where_requests_go_side_by_side_something_has_to_move() {
        let pulse = Pulse::of_http2();
        assert_eq!(late(&pulse), Some((1, "first_byte")));
        pulse.heard();
        pass(10).await;
        pulse.heard();
        assert_eq!(late(&pulse), Some((50, "idle")), "bytes that ask nothing are not more time");
        pulse.asked();
        pulse.asked();
        pass(10).await;
        pulse.answered();
        pass(10).await;
        assert_eq!(late(&pulse), Some((50, "answer")));
        pulse.answering();
        assert_eq!(late(&pulse), Some((60, "answer")));
        pulse.answered();
        assert_eq!(late(&pulse), Some((60, "idle")));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_taken_at_a_pace() {
        let pulse = Pulse::of_http1();
        pulse.asked();
        pulse.took(1_000);
        assert_eq!(late(&pulse), None, "who takes all is never late");
        pulse.took(0);
        pass(4).await;
        assert_eq!(late(&pulse), Some((1, "answer")));
        pulse.took(200);
        pulse.took(0);
        assert_eq!(late(&pulse), Some((3, "answer")), "each byte buys its time");
        pulse.took_all();
        assert_eq!(late(&pulse), None);
    }
}
