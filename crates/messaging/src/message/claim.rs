//! Sends that name files. Before such a send enters the lane, the file service is asked whether the file is complete and
//! the sender's, and keeps it for the message; what it knows of the file is written into the content. All other sends
//! pass at once: they cost one look at a number.
//!
//! **Order.** While a send waits for the file service, the later sends of the same person to the same conversation wait
//! behind it, with files or without, over whatever connection they came; so a text does not overtake the picture that was
//! sent before it. Sends of others, and to other conversations, do not wait.
//!
//! A forward names files too, but not its sender's: who may read the original may pass it on, so it is not asked about.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anser_contract::{
    Context,
    v1::{ClaimFilesRequest, Content, File, Files, Image, Voice, content::Kind},
};
use anser_engine::{Db, Reader};
use anser_types::{Code, ConversationId, Error, FileId, Result, UserId};
use parking_lot::Mutex;
use prost::Message as _;
use tokio::time::{Instant, timeout_at};

use super::{
    prepare::Sayable,
    send::{PendingSend, ReplyTo, SendLane, to_outcome},
};
use crate::{effects::LinkId, fanout::Fanout, log};

/// How long the file service may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Sends that may wait here; more are answered `unavailable`.
const MOST: usize = 4_096;
/// Files that are asked about in one call.
const A_CALL: usize = 200;

/// The way of sends into the lane.
pub struct Claims {
    files: Arc<dyn Files>,
    lane: Arc<SendLane>,
    db: Db,
    fanout: Fanout,
    sayable: Sayable,
    /// How many sends stand in `queues`.
    waiting: AtomicUsize,
    /// Taken before the lane's own lock: what leaves a queue is in the lane before anything later can pass.
    queues: Mutex<Queues>,
}

/// Whose sends, and where to.
type Key = (UserId, ConversationId);

#[derive(Default)]
struct Queues {
    /// The sends of one key in the order in which they came; none of them is empty.
    of: HashMap<Key, VecDeque<Place>>,
    /// Tickets given so far.
    tickets: u64,
}

/// A place in a queue.
enum Place {
    /// Of a send that the file service is being asked about, under this ticket.
    Asked(u64),
    /// Of one that is ready, and behind others.
    Ready(Box<PendingSend>),
}

/// A send that waits for the file service, and its ticket.
type Asked = (u64, PendingSend);

impl Claims {
    /// The way into `lane` past `files`.
    pub fn new(files: Arc<dyn Files>, lane: Arc<SendLane>, db: &Db, fanout: Fanout, sayable: Sayable) -> Self {
        let (waiting, queues) = (AtomicUsize::new(0), Mutex::default());
        Self { files, lane, db: db.clone(), fanout, sayable, waiting, queues }
    }

    /// Takes sends in order, into the lane or to wait for it; what does not fit comes back.
    pub fn push(self: &Arc<Self>, sends: Vec<PendingSend>) -> Vec<PendingSend> {
        if self.waiting.load(Ordering::Acquire) == 0 && !sends.iter().any(|send| is_claimed(&send.content)) {
            return self.lane.push(sends);
        }
        self.queue(sends)
    }

    /// Claims the file that a message names which is sent later.
    pub async fn claim(&self, user: UserId, content: &Content) -> Result<()> {
        let Some(id) = content.file_id() else { return Ok(()) };
        let known = self.ask(user, BTreeSet::from([id.to_vec()])).await?;
        if known.contains_key(id) { Ok(()) } else { Err(no_such_file()) }
    }

    fn queue(self: &Arc<Self>, sends: Vec<PendingSend>) -> Vec<PendingSend> {
        let (mut at_once, mut refused) = (Vec::new(), Vec::new());
        let mut asked: HashMap<UserId, Vec<Asked>> = HashMap::new();
        let mut queues = self.queues.lock();
        for send in sends {
            let (key, claimed) = ((send.user, send.conversation), is_claimed(&send.content));
            if !claimed && !queues.of.contains_key(&key) {
                at_once.push(send);
            } else if self.waiting.load(Ordering::Relaxed) >= MOST {
                refused.push(send);
            } else {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                queues.tickets += 1;
                let ticket = queues.tickets;
                let queue = queues.of.entry(key).or_default();
                if claimed {
                    queue.push_back(Place::Asked(ticket));
                    asked.entry(send.user).or_default().push((ticket, send));
                } else {
                    queue.push_back(Place::Ready(Box::new(send)));
                }
            }
        }
        if !at_once.is_empty() {
            refused.extend(self.lane.push(at_once));
        }
        drop(queues);
        for (user, sends) in asked {
            tokio::spawn(self.clone().claim_all(user, sends));
        }
        refused
    }

    /// Asks about the files of these sends, and lets go on what may.
    async fn claim_all(self: Arc<Self>, user: UserId, sends: Vec<Asked>) {
        let ids = sends.iter().filter_map(|(_, send)| send.content.file_id()).map(<[u8]>::to_vec).collect();
        let known = self.ask(user, ids).await;
        let mut outcomes = Vec::with_capacity(sends.len());
        for (ticket, mut send) in sends {
            let outcome = match &known {
                Ok(files) => match send.content.file_id().and_then(|id| files.get(id)) {
                    Some(file) => self.describe(&mut send, file),
                    None => Err(no_such_file()),
                },
                Err(error) => Err(error.clone()),
            };
            outcomes.push((ticket, send, outcome));
        }
        self.pass_repeats(&mut outcomes).await;
        self.settle(outcomes).await;
    }

    /// What the file service knows of these files, as far as they are complete and `user`'s own.
    async fn ask(&self, user: UserId, ids: BTreeSet<Vec<u8>>) -> Result<HashMap<Vec<u8>, File>> {
        let ctx = Context { deadline: Instant::now() + PATIENCE, ..Context::service() };
        let ids: Vec<Vec<u8>> = ids.into_iter().collect();
        let mut known = HashMap::with_capacity(ids.len());
        for file_ids in ids.chunks(A_CALL) {
            let request = ClaimFilesRequest { user_id: user.to_vec(), file_ids: file_ids.to_vec() };
            let reply = timeout_at(ctx.deadline, self.files.claim_files(&ctx, request)).await;
            let files = reply.map_err(|_| away())?.map_err(|error| {
                tracing::warn!(%error, "files could not be claimed for messages");
                away()
            })?;
            known.extend(files.items.into_iter().map(|file| (file.file_id.clone(), file)));
        }
        Ok(known)
    }

    /// Writes what is known of the file into the content. What the key stands for is what the client sent, as before.
    fn describe(&self, send: &mut PendingSend, file: &File) -> Result<()> {
        describe(&mut send.content, file);
        self.sayable.words.apply(&mut send.content)?;
        send.body = send.content.encode_to_vec();
        if send.body.len() > self.sayable.body_bytes {
            let most = self.sayable.body_bytes;
            return Err(Error::new(Code::TooLarge, format!("a message's content is at most {most} bytes")));
        }
        Ok(())
    }

    /// A send that was stored before gets its first answer again, whatever became of its file: it goes on, and the lane,
    /// which knows its key, stores nothing.
    async fn pass_repeats(&self, outcomes: &mut [(u64, PendingSend, Result<()>)]) {
        let refused = outcomes.iter().filter(|(_, _, outcome)| outcome.is_err());
        let keys: Vec<_> = refused.map(|(_, send, _)| (send.conversation, send.user, send.cmid)).collect();
        if keys.is_empty() {
            return;
        }
        let look = move |reader: &Reader<'_>| {
            let known = keys.iter().map(|key| Ok(log::find_key(reader, key.0, key.1, key.2)?.is_some()));
            known.collect::<Result<Vec<bool>>>()
        };
        let known = self.db.read(look).await;
        let refused = outcomes.iter_mut().filter(|(_, _, outcome)| outcome.is_err());
        for (index, (_, _, outcome)) in refused.enumerate() {
            match &known {
                Ok(known) if known[index] => *outcome = Ok(()),
                Ok(_) => {}
                Err(error) => *outcome = Err(error.clone()),
            }
        }
    }

    /// Puts what was asked about back into its places, and all that waits for nothing more into the lane.
    async fn settle(&self, outcomes: Vec<(u64, PendingSend, Result<()>)>) {
        let (mut refused, mut ready) = (Vec::new(), Vec::new());
        {
            let mut queues = self.queues.lock();
            for (ticket, send, outcome) in outcomes {
                let key = (send.user, send.conversation);
                let Some(queue) = queues.of.get_mut(&key) else { continue };
                let place = queue.iter().position(|place| matches!(place, Place::Asked(asked) if *asked == ticket));
                match (place, outcome) {
                    (Some(place), Ok(())) => queue[place] = Place::Ready(Box::new(send)),
                    (Some(place), Err(error)) => {
                        queue.remove(place);
                        self.waiting.fetch_sub(1, Ordering::Release);
                        refused.push((send.reply_to, error));
                    }
                    (None, _) => {}
                }
                while matches!(queue.front(), Some(Place::Ready(_))) {
                    if let Some(Place::Ready(send)) = queue.pop_front() {
                        ready.push(*send);
                    }
                }
                if queue.is_empty() {
                    queues.of.remove(&key);
                }
            }
            let count = ready.len();
            let too_many = || Error::unavailable("too many sends are waiting");
            refused.extend(self.lane.push(ready).into_iter().map(|send| (send.reply_to, too_many())));
            // Only now: whoever sees that nothing waits comes after these in the lane.
            self.waiting.fetch_sub(count, Ordering::Release);
        }
        self.refuse(refused).await;
    }

    async fn refuse(&self, refused: Vec<(ReplyTo, Error)>) {
        let mut links: HashMap<LinkId, Vec<_>> = HashMap::new();
        for (reply_to, error) in refused {
            match reply_to {
                ReplyTo::Call(reply) => drop(reply.send(Err(error))),
                ReplyTo::Link(link, tag) => links.entry(link).or_default().push(to_outcome(tag, Err(error))),
            }
        }
        for (link, outcomes) in links {
            self.fanout.refuse(link, outcomes).await;
        }
    }
}

/// Whether the file service has to be asked before this is sent.
fn is_claimed(content: &Content) -> bool {
    matches!(content.kind, Some(Kind::Image(_) | Kind::File(_) | Kind::Voice(_))) && content.forwarded.is_none()
}

/// Writes what the file service knows into a content that names the file, in the place of what its sender said.
fn describe(content: &mut Content, file: &File) {
    let (name, media_type) = (file.name.clone(), file.media_type.clone());
    match &mut content.kind {
        Some(Kind::Image(image)) => {
            (image.name, image.size, image.media_type) = (name, file.size, media_type);
            (image.width, image.height) = (file.width, file.height);
        }
        Some(Kind::File(attachment)) => {
            (attachment.name, attachment.size, attachment.media_type) = (name, file.size, media_type);
        }
        Some(Kind::Voice(voice)) => {
            (voice.name, voice.size, voice.media_type) = (name, file.size, media_type);
            if file.duration_ms > 0 {
                voice.duration_ms = file.duration_ms;
            }
            voice.transcript.clear();
        }
        _ => {}
    }
}

/// A message that is edited keeps its file: nothing but the caption is another.
pub fn keep_file(before: &Content, after: &mut Content) -> Result<()> {
    if before.file_id() != after.file_id() {
        return Err(Error::field("content", "an edited message keeps its file: only the caption is another"));
    }
    match (&before.kind, &mut after.kind) {
        (Some(Kind::Image(before)), Some(Kind::Image(after))) => {
            **after = Image { caption: std::mem::take(&mut after.caption), ..Image::clone(before) };
        }
        (Some(Kind::File(before)), Some(Kind::File(after))) => {
            let caption = std::mem::take(&mut after.caption);
            after.clone_from(before);
            after.caption = caption;
        }
        (Some(Kind::Voice(before)), Some(Kind::Voice(after))) => **after = Voice::clone(before),
        _ => {}
    }
    Ok(())
}

/// What is wrong with the file that a content names, from its shape.
pub fn check_file(content: &Content) -> Result<()> {
    let kind = match &content.kind {
        Some(Kind::Image(_)) => "image",
        Some(Kind::File(_)) => "file",
        Some(Kind::Voice(voice)) if voice.duration_ms < 0 => {
            return Err(Error::field("content.voice.duration_ms", "0 or more"));
        }
        Some(Kind::Voice(_)) => "voice",
        _ => return Ok(()),
    };
    let id = content.file_id().unwrap_or_default();
    FileId::try_from(id).map(drop).map_err(|_| Error::field(format!("content.{kind}.file_id"), "missing or not an id"))
}

fn no_such_file() -> Error {
    Error::not_found("file")
}

/// Nobody can say anything about files at the moment.
pub fn away() -> Error {
    Error::new(Code::FileStoreUnavailable, "files cannot be looked at for the moment").retry_after(1_000)
}
