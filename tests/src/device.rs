//! A device that is online: what it hears, in order.

use std::{collections::VecDeque, time::Duration};

use anser_client::{
    Closed, Incoming, Result, Socket, SocketOptions,
    v1::{self, Entry, content::Kind, event::Event},
};
use tokio::sync::Mutex;

use crate::{Person, SOON, within};

/// A device with an open WebSocket.
pub struct Device {
    /// The socket, for calls.
    pub socket: Socket,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    /// Events that came and that nobody asked for yet.
    waiting: VecDeque<v1::Event>,
    /// The newest push and its resume point.
    push_no: u64,
    resume: String,
}

impl Device {
    /// Opens a socket as somebody.
    pub async fn open(person: &Person, resume: Option<String>, options: SocketOptions) -> Result<Self> {
        let socket = Socket::open(&person.client, resume, options).await?;
        let heard = Heard { resume: socket.welcome().resume.clone(), ..Heard::default() };
        Ok(Self { socket, heard: Mutex::new(heard) })
    }

    /// The next event that `wanted` takes; others before it are left out.
    pub async fn hears<T>(&self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        self.hears_whole(what, |event| event.event.as_ref().and_then(&mut wanted)).await
    }

    /// The next entry that changes another: its kind, and the other as it now stands, if it came along.
    pub async fn hears_change(&self, what: &str) -> (Kind, Option<Entry>) {
        self.hears_whole(what, |event| match &event.event {
            Some(Event::Entry(entry)) if entry.target_seq().is_some() => {
                Some((entry.content.clone()?.kind?, event.target.as_deref().cloned()))
            }
            _ => None,
        })
        .await
    }

    async fn hears_whole<T>(&self, what: &str, mut wanted: impl FnMut(&v1::Event) -> Option<T>) -> T {
        within(SOON, what, async {
            let mut heard = self.heard.lock().await;
            loop {
                while let Some(event) = heard.waiting.pop_front() {
                    if let Some(found) = wanted(&event) {
                        return found;
                    }
                }
                match self.socket.next().await {
                    Incoming::Push(push) => {
                        assert_eq!(push.push_no, heard.push_no + 1, "pushes are numbered without gaps");
                        heard.push_no = push.push_no;
                        heard.resume = push.resume;
                        heard.waiting.extend(push.events);
                    }
                    other => panic!("{what}: instead came {other:?}"),
                }
            }
        })
        .await
    }

    /// The next entry.
    pub async fn hears_entry(&self) -> Entry {
        self.hears("an entry", |event| if let Event::Entry(entry) = event { Some(entry.clone()) } else { None }).await
    }

    /// The next text, which must be this one.
    pub async fn hears_text(&self, text: &str) -> Entry {
        let entry = self
            .hears(&format!("the text {text:?}"), |event| match event {
                Event::Entry(entry) if text_of(entry).is_some() => Some(entry.clone()),
                _ => None,
            })
            .await;
        assert_eq!(text_of(&entry), Some(text));
        entry
    }

    /// The next frame that is not a push; pushes before it are left out.
    pub async fn hears_frame(&self, what: &str) -> Incoming {
        within(SOON, what, async {
            loop {
                match self.socket.next().await {
                    Incoming::Push(push) => {
                        let mut heard = self.heard.lock().await;
                        heard.push_no = push.push_no;
                        heard.resume = push.resume;
                    }
                    other => return other,
                }
            }
        })
        .await
    }

    /// Hears, and acknowledges by hand, until a text comes (true) or the server says that entries were lost (false).
    pub async fn hears_before_reset(&self, text: &str) -> bool {
        within(SOON, text, async {
            loop {
                match self.socket.next().await {
                    Incoming::Push(push) => {
                        let mut heard = self.heard.lock().await;
                        heard.push_no = push.push_no;
                        heard.resume = push.resume;
                        self.socket.ack(push.push_no).await.unwrap();
                        let came = |event: v1::Event| match event.event {
                            Some(Event::Entry(entry)) => text_of(&entry) == Some(text),
                            _ => false,
                        };
                        if push.events.into_iter().any(came) {
                            return true;
                        }
                    }
                    Incoming::SyncRequired(_) => return false,
                    other => panic!("{text:?}: instead came {other:?}"),
                }
            }
        })
        .await
    }

    /// How the connection ends, within a given time.
    pub async fn ends_within(&self, limit: Duration) -> Closed {
        within(limit, "the connection ends", async {
            loop {
                if let Incoming::Closed(closed) = self.socket.next().await {
                    return closed;
                }
            }
        })
        .await
    }

    /// The resume point of the last push that was heard.
    pub async fn resume_point(&self) -> String {
        self.heard.lock().await.resume.clone()
    }

    /// Acknowledges everything that was heard, by hand.
    pub async fn acks(&self) {
        let push_no = self.heard.lock().await.push_no;
        self.socket.ack(push_no).await.unwrap();
    }
}

/// The text of an entry, where it is one.
pub fn text_of(entry: &Entry) -> Option<&str> {
    match entry.content.as_ref()?.kind.as_ref()? {
        Kind::Text(text) => Some(&text.text),
        _ => None,
    }
}

/// The texts among entries, in order.
pub fn texts(entries: &[Entry]) -> Vec<&str> {
    entries.iter().filter_map(text_of).collect()
}
