//! A connection that comes back by itself: with jitter, as late as the server asks, and from where it was.

use std::time::Duration;

use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::sleep,
};

use crate::{
    Client, Closed, Error, Incoming, Result, Socket, SocketOptions,
    socket::Handle,
    v1::{Push, Welcome},
};

/// What the application hears.
#[derive(Clone, Debug)]
pub enum Notice {
    /// Connected. Unless it says `resumed`, sync from the log; if it says `me_changed`, sync that too.
    Online(Box<Welcome>),
    /// Events, in order.
    Push(Push),
    /// Some were lost: sync from the log.
    SyncRequired(String),
    /// The connection is lost and will be tried again after this time.
    Offline {
        /// Why.
        cause: Error,
        /// When it is tried again.
        again_in: Duration,
    },
    /// The session has ended or the device logged in anew: nothing follows.
    Ended(Error),
}

/// A connection that comes back by itself, until it is dropped or the session ends.
pub struct Connection {
    notices: mpsc::Receiver<Notice>,
    handle: watch::Receiver<Option<Handle>>,
    task: AbortHandle,
}

/// Pauses between attempts grow from the first to the second of these.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(20));

/// Close codes after which coming back makes no sense: replaced by a newer login, session ended.
const FINAL: [u16; 2] = [4409, 4410];

impl Connection {
    /// Begins to connect as the client's person.
    pub fn open(client: Client, options: SocketOptions) -> Self {
        let (notices_in, notices) = mpsc::channel(64);
        let (handle_in, handle) = watch::channel(None);
        let keeper = Keeper { client, options, notices: notices_in, handle: handle_in, resume: None };
        let task = tokio::spawn(keeper.run()).abort_handle();
        Self { notices, handle, task }
    }

    /// What happens next; `None` after [`Notice::Ended`].
    pub async fn next(&mut self) -> Option<Notice> {
        self.notices.recv().await
    }

    /// The calling half of the socket that is open now; waits for one.
    pub async fn online(&self) -> Result<Handle> {
        let mut handle = self.handle.clone();
        let open = handle.wait_for(Option::is_some).await;
        let gone = || Error::Closed(Closed { code: None, reason: "the session has ended".into() });
        open.ok().and_then(|open| open.clone()).ok_or_else(gone)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Keeper {
    client: Client,
    options: SocketOptions,
    notices: mpsc::Sender<Notice>,
    handle: watch::Sender<Option<Handle>>,
    resume: Option<String>,
}

/// How one socket ended.
enum End {
    /// Come back after a pause of our own.
    Lost(Error),
    /// Come back after the server's pause.
    Moved(Duration),
    /// The application listens no more.
    Unheard,
}

impl Keeper {
    async fn run(mut self) {
        let mut failures = 0;
        loop {
            let (cause, again_in) = match self.connect().await {
                Ok(socket) => {
                    failures = 0;
                    match self.listen(&socket).await {
                        End::Unheard => return,
                        End::Lost(cause) if is_final(&cause) => return self.tell(Notice::Ended(cause)).await,
                        End::Lost(cause) => (cause, pause(0, None)),
                        End::Moved(after) => {
                            let cause = Closed { code: None, reason: "the server asked to come back".into() };
                            (Error::Closed(cause), after + pause(0, None))
                        }
                    }
                }
                Err(cause) if is_final(&cause) => return self.tell(Notice::Ended(cause)).await,
                Err(cause) => {
                    failures += 1;
                    let again_in = pause(failures, cause.retry_after_ms());
                    (cause, again_in)
                }
            };
            self.handle.send_replace(None);
            self.tell(Notice::Offline { cause, again_in }).await;
            if self.notices.is_closed() {
                return;
            }
            sleep(again_in).await;
        }
    }

    async fn tell(&self, notice: Notice) {
        // Where nobody listens any more the caller finds out by itself.
        let _ = self.notices.send(notice).await;
    }

    /// Opens a socket; an access token that has expired is refreshed first.
    async fn connect(&self) -> Result<Socket> {
        let open = || Socket::open(&self.client, self.resume.clone(), self.options.clone());
        match open().await {
            Err(Error::Closed(Closed { code: Some(4401), .. })) => {
                self.client.refresh().await?;
                open().await
            }
            outcome => outcome,
        }
    }

    async fn listen(&mut self, socket: &Socket) -> End {
        self.resume = Some(socket.welcome().resume.clone());
        self.handle.send_replace(Some(socket.handle()));
        self.tell(Notice::Online(Box::new(socket.welcome().clone()))).await;
        loop {
            let notice = match socket.next().await {
                Incoming::Push(push) => {
                    self.resume = Some(push.resume.clone());
                    Notice::Push(push)
                }
                Incoming::SyncRequired(reason) => Notice::SyncRequired(reason),
                Incoming::Reconnect(after) => {
                    socket.close().await;
                    return End::Moved(after);
                }
                Incoming::Closed(closed) => return End::Lost(Error::Closed(closed)),
            };
            if self.notices.send(notice).await.is_err() {
                return End::Unheard;
            }
        }
    }
}

fn is_final(error: &Error) -> bool {
    match error {
        Error::Closed(closed) => closed.code.is_some_and(|code| FINAL.contains(&code)),
        // The refresh token is no good any more.
        error => error.code() == Some(anser_types::Code::Unauthenticated),
    }
}

/// Full jitter under a doubling bound, so that clients that lost one server do not come back as one; never earlier than
/// the server advised.
fn pause(failures: u32, retry_after_ms: Option<u64>) -> Duration {
    let (first, most) = PAUSES;
    let bound = most.min(first * 2u32.saturating_pow(failures.min(16)));
    let jitter = Duration::from_millis(rand::random_range(0..=bound.as_millis() as u64));
    Duration::from_millis(retry_after_ms.unwrap_or(0)) + jitter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_stay_bounded_and_obey_the_server() {
        for failures in 0..40 {
            assert!(pause(failures, None) <= PAUSES.1);
            assert!(pause(failures, Some(60_000)) >= Duration::from_secs(60));
        }
    }

    #[test]
    fn replaced_and_ended_sessions_do_not_come_back() {
        let closed = |code| Error::Closed(Closed { code: Some(code), reason: String::new() });
        assert!(is_final(&closed(4409)) && is_final(&closed(4410)));
        assert!(!is_final(&closed(1012)) && !is_final(&closed(4429)));
    }
}
