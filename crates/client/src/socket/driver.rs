//! The task behind a [`super::Socket`]: the only one that touches the wire.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{Frame, Incoming, RawSocket, Taken};
use crate::{
    Closed, Error, Result,
    v1::{Ack, Ping, Request, client_frame, reply::Outcome, request::Op},
};

/// A push waits at most so long for its acknowledgement once the application has taken it.
const ACK_WITHIN: Duration = Duration::from_millis(200);
/// So many taken pushes, or bytes of them, are acknowledged at once: long before the server's windows are full.
const ACK_EACH: usize = 32;
const ACK_BYTES: usize = 48 << 10;

pub(super) enum Command {
    Request { op: Box<Op>, deadline_ms: u32, answer: oneshot::Sender<Result<Outcome>> },
    Ack(u64),
    Ping(oneshot::Sender<String>),
    Close,
    Cut,
}

enum Next {
    Go,
    Close,
    Cut,
}

struct Driver {
    raw: RawSocket,
    incoming: mpsc::Sender<Incoming>,
    open: HashMap<u32, oneshot::Sender<Result<Outcome>>>,
    pings: VecDeque<oneshot::Sender<String>>,
    last_id: u32,
    taken: Arc<Taken>,
    /// Pushes that were not acknowledged, with their bytes.
    unacked: VecDeque<(u64, usize)>,
    ack_at: Option<Instant>,
}

pub(super) async fn drive(
    raw: RawSocket,
    mut commands: mpsc::Receiver<Command>,
    incoming: mpsc::Sender<Incoming>,
    taken: Arc<Taken>,
) {
    let mut driver = Driver {
        raw,
        incoming,
        open: HashMap::new(),
        pings: VecDeque::new(),
        last_id: 0,
        taken,
        unacked: VecDeque::new(),
        ack_at: None,
    };
    let end = driver.run(&mut commands).await;
    commands.close();
    let closed = match end {
        Ok(true) => return driver.raw.cut(),
        Ok(false) => Closed { code: None, reason: "closed by this client".into() },
        Err(Error::Closed(closed)) => closed,
        Err(other) => Closed { code: None, reason: other.to_string() },
    };
    for (_, answer) in driver.open.drain() {
        let _ = answer.send(Err(Error::Closed(closed.clone())));
    }
    let _ = driver.incoming.send(Incoming::Closed(closed)).await;
    driver.raw.close().await;
}

impl Driver {
    /// Runs until the end; answers whether the connection is to be cut without a word.
    async fn run(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<bool> {
        loop {
            let ack_at = self.ack_at;
            let taken = Arc::clone(&self.taken);
            tokio::select! {
                command = commands.recv() => {
                    // A socket that nobody holds any more is closed.
                    let Some(command) = command else { return Ok(false) };
                    match self.obey(command, commands).await? {
                        Next::Go => {}
                        Next::Close => return Ok(false),
                        Next::Cut => return Ok(true),
                    }
                }
                frame = self.raw.next() => self.take(frame?).await?,
                () = taken.moved.notified() => self.note_taken().await?,
                () = sleep_until(ack_at.unwrap_or_else(Instant::now)), if ack_at.is_some() => self.ack().await?,
            }
        }
    }

    /// Obeys this command and all that wait behind it, in one flush.
    async fn obey(&mut self, first: Command, commands: &mut mpsc::Receiver<Command>) -> Result<Next> {
        let mut next = Some(first);
        while let Some(command) = next {
            match command {
                Command::Request { op, deadline_ms, answer } => {
                    self.last_id = self.last_id.wrapping_add(1);
                    let id = self.last_id;
                    self.open.insert(id, answer);
                    self.raw.feed(client_frame::Frame::Request(Request { id, deadline_ms, op: Some(*op) })).await?;
                }
                Command::Ack(push_no) => {
                    self.forget(push_no);
                    self.raw.feed(client_frame::Frame::Ack(Ack { push_no })).await?;
                }
                Command::Ping(answer) => {
                    self.pings.push_back(answer);
                    self.raw.feed(client_frame::Frame::Ping(Ping {})).await?;
                }
                Command::Close => {
                    self.raw.flush().await?;
                    return Ok(Next::Close);
                }
                Command::Cut => return Ok(Next::Cut),
            }
            next = commands.try_recv().ok();
        }
        self.raw.flush().await?;
        Ok(Next::Go)
    }

    async fn take(&mut self, frame: Frame) -> Result<()> {
        let item = match frame {
            Frame::Reply(reply) => {
                // An outcome of a kind that is not known here is still an answer.
                let outcome = reply.outcome.ok_or_else(|| Error::Protocol("a reply without an outcome".into()));
                // A reply that nobody waits for any more came after its time-out.
                if let Some(answer) = self.open.remove(&reply.id) {
                    let _ = answer.send(outcome);
                }
                return Ok(());
            }
            Frame::Pong(pong) => {
                if let Some(answer) = self.pings.pop_front() {
                    let _ = answer.send(pong.resume);
                }
                return Ok(());
            }
            Frame::Welcome(_) => return Err(Error::Protocol("a second welcome".into())),
            Frame::Push(push) => {
                self.unacked.push_back((push.push_no, self.raw.last_length()));
                Incoming::Push(push)
            }
            Frame::SyncRequired(required) => Incoming::SyncRequired(required.reason),
            Frame::Reconnect(reconnect) => Incoming::Reconnect(Duration::from_millis(u64::from(reconnect.after_ms))),
        };
        // Where nobody listens any more, pushes are dropped and stay un-acknowledged.
        let _ = self.incoming.send(item).await;
        Ok(())
    }

    async fn note_taken(&mut self) -> Result<()> {
        let taken = self.taken.push_no.load(Ordering::Relaxed);
        let waiting = self.unacked.iter().take_while(|(push_no, _)| *push_no <= taken);
        let (count, bytes) = waiting.fold((0, 0), |(count, sum), (_, bytes)| (count + 1, sum + bytes));
        if count >= ACK_EACH || bytes >= ACK_BYTES {
            return self.ack().await;
        }
        if count > 0 && self.ack_at.is_none() {
            self.ack_at = Some(Instant::now() + ACK_WITHIN);
        }
        Ok(())
    }

    async fn ack(&mut self) -> Result<()> {
        self.ack_at = None;
        let taken = self.taken.push_no.load(Ordering::Relaxed);
        if self.unacked.front().is_some_and(|(push_no, _)| *push_no <= taken) {
            self.forget(taken);
            self.raw.ack(taken).await?;
        }
        Ok(())
    }

    fn forget(&mut self, acked: u64) {
        while self.unacked.pop_front_if(|(push_no, _)| *push_no <= acked).is_some() {}
    }
}
