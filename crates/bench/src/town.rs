//! The people and conversations of a measurement, made through the public API, and found again in a kept store.

use std::{future::Future, io::IsTerminal, path::PathBuf};

use anser_client::{Client, Encoding, Socket, SocketOptions, http::LoginDevice};
use anser_types::{ConversationId, FriendRequestId, UserId};
use anyhow::{Context as _, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::{
    link::{Key, Link, id},
    measure::progress,
    server::Server,
};

const PASSWORD: &str = "bench-password";
/// Calls in flight while people are made.
const AT_ONCE: usize = 32;

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Person {
    /// Their session.
    pub client: Client,
    /// Who they are.
    pub id: UserId,
}

impl Person {
    /// Opens one of the lean sockets.
    pub async fn link(&self, encoding: Encoding) -> anyhow::Result<Link> {
        let tokens = self.client.tokens().context("nobody is logged in")?;
        Link::open(self.client.base(), &tokens.access_token, &tokens.device_id, encoding).await
    }

    /// Opens an ordinary socket.
    pub async fn socket(&self) -> anyhow::Result<Socket> {
        let options = SocketOptions { timeout: std::time::Duration::from_secs(60), ..SocketOptions::default() };
        Ok(Socket::open(&self.client, None, options).await?)
    }
}

/// One who sends, one who receives, and where they talk.
pub struct Pair {
    /// Sends.
    pub sender: Person,
    /// Receives.
    pub recipient: Person,
    /// Their direct conversation, and groups of two where more are wanted.
    pub conversations: Vec<Key>,
}

/// What a kept store holds.
#[derive(Serialize, Deserialize, Default)]
struct Register {
    prefix: String,
    /// By pair; ids as text.
    conversations: Vec<Vec<ConversationId>>,
    /// Messages that were sent to fill the store.
    messages: u64,
}

/// Pairs of people on one server.
pub struct Town {
    /// The pairs.
    pub pairs: Vec<Pair>,
    register: Register,
    file: Option<PathBuf>,
}

impl Town {
    /// `pairs` pairs with `conversations` conversations in all, made or found again.
    pub async fn settle(server: &Server, pairs: usize, conversations: usize) -> anyhow::Result<Self> {
        let file = server.data_dir().map(|dir| dir.join("town.json"));
        let mut register = match file.as_ref().and_then(|file| std::fs::read(file).ok()) {
            Some(bytes) => serde_json::from_slice(&bytes).context("town.json")?,
            None => Register { prefix: prefix(), ..Register::default() },
        };
        let fresh = register.conversations.is_empty();
        let each = conversations.div_ceil(pairs).max(1);
        if !fresh && (register.conversations.len() < pairs || register.conversations[0].len() < each) {
            bail!(
                "the kept store has {} pairs with {} conversations each; make another for this measurement",
                register.conversations.len(),
                register.conversations[0].len()
            );
        }
        let base = Client::new(&server.url)?;
        let names: Vec<String> = (0..pairs * 2).map(|index| format!("{}-{index}", register.prefix)).collect();
        let people = all("people", names, |name| arrive(&base, name, fresh)).await?;
        let couples: Vec<_> = people.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        let made: Vec<Pair> = if fresh {
            let befriended = all("friends", couples, |(sender, recipient)| async move {
                let direct = befriend(&sender, &recipient).await?;
                Ok(Pair { sender, recipient, conversations: vec![direct.0] })
            });
            more_conversations(befriended.await?, each).await?
        } else {
            let listed = register.conversations.iter();
            let pair = |((sender, recipient), ids): ((Person, Person), &Vec<ConversationId>)| Pair {
                sender,
                recipient,
                conversations: ids.iter().take(each).map(|id| id.0).collect(),
            };
            couples.into_iter().zip(listed).map(pair).collect()
        };
        if fresh {
            register.conversations =
                made.iter().map(|pair| pair.conversations.iter().map(|id| ConversationId(*id)).collect()).collect();
        }
        let town = Self { pairs: made, register, file };
        town.save()?;
        Ok(town)
    }

    /// How many messages were sent to fill the store.
    pub fn messages(&self) -> u64 {
        self.register.messages
    }

    /// Notes that the store was filled further.
    pub fn filled(&mut self, messages: u64) -> anyhow::Result<()> {
        self.register.messages += messages;
        self.save()
    }

    fn save(&self) -> anyhow::Result<()> {
        if let Some(file) = &self.file {
            std::fs::write(file, serde_json::to_vec(&self.register)?).context("town.json")?;
        }
        Ok(())
    }
}

/// Somebody in the middle, and many friends of theirs.
pub struct Crowd {
    /// Knows everybody.
    pub host: Person,
    /// The others.
    pub guests: Vec<Person>,
}

impl Crowd {
    /// A host with `count` friends.
    pub async fn gather(server: &Server, count: usize) -> anyhow::Result<Self> {
        let base = Client::new(&server.url)?;
        let prefix = prefix();
        let host = arrive(&base, format!("{prefix}-host"), true).await?;
        let names: Vec<String> = (0..count).map(|index| format!("{prefix}-{index}")).collect();
        let guests = all("people", names, |name| {
            let (base, host) = (&base, &host);
            async move {
                let guest = arrive(base, name, true).await?;
                befriend(&guest, host).await?;
                Ok(guest)
            }
        });
        Ok(Self { guests: guests.await?, host })
    }

    /// A group of the host with these guests.
    pub async fn group(&self, title: &str, guests: &[Person]) -> anyhow::Result<Key> {
        let ids: Vec<UserId> = guests.iter().map(|guest| guest.id).collect();
        let made = self.host.client.create_group(title, &[]).await?;
        let conversation = ConversationId::try_from(&made.conversation_id[..])?;
        for batch in ids.chunks(500) {
            let reply = self.host.client.invite(conversation, batch).await?;
            if reply.joined.len() != batch.len() {
                bail!("{} of {} came into the group", reply.joined.len(), batch.len());
            }
        }
        Ok(conversation.0)
    }
}

fn prefix() -> String {
    format!("b{:08x}", rand::random::<u32>())
}

/// Runs `make` for every item, some at once, and shows how far it is; the order stays.
async fn all<I, T, F, Fut>(what: &str, items: Vec<I>, make: F) -> anyhow::Result<Vec<T>>
where
    F: FnMut(I) -> Fut,
    Fut: Future<Output = anyhow::Result<T>>,
{
    let (terminal, count) = (std::io::stderr().is_terminal(), items.len());
    let mut done = Vec::with_capacity(count);
    let mut made = stream::iter(items).map(make).buffered(AT_ONCE);
    while let Some(item) = made.try_next().await? {
        done.push(item);
        if done.len().is_multiple_of(if terminal { 100 } else { 5_000 }) {
            progress(terminal, &format!("{what}: {} of {count}", done.len()));
        }
    }
    if terminal && count >= 100 {
        eprintln!();
    }
    Ok(done)
}

async fn arrive(base: &Client, name: String, fresh: bool) -> anyhow::Result<Person> {
    let client = base.fresh();
    if fresh {
        client.register(&name, PASSWORD, &name).await.context("register")?;
    }
    client.login(&name, PASSWORD, &LoginDevice::default()).await.context("log in")?;
    let id = client.me()?;
    Ok(Person { client, id })
}

async fn befriend(asking: &Person, asked: &Person) -> anyhow::Result<ConversationId> {
    let view = asking.client.request_friend(asked.id, "").await.context("ask for friendship")?;
    let request = view.request.context("an answer without a request")?;
    let accepted = asked.client.accept_friend(FriendRequestId::try_from(&request.request_id[..])?).await;
    let request = accepted.context("accept")?.request.context("an answer without a request")?;
    Ok(ConversationId(id(&request.conversation_id)?))
}

/// Groups of two until each pair has `each` conversations.
async fn more_conversations(mut pairs: Vec<Pair>, each: usize) -> anyhow::Result<Vec<Pair>> {
    let wanted: Vec<usize> = (0..pairs.len()).flat_map(|pair| std::iter::repeat_n(pair, each - 1)).collect();
    let made = all("conversations", wanted, |index| {
        let pair = &pairs[index];
        let (client, guest) = (pair.sender.client.clone(), pair.recipient.id);
        async move {
            let group = client.create_group("bench", &[guest]).await.context("make a group")?;
            Ok((index, id(&group.conversation_id)?))
        }
    });
    for (index, conversation) in made.await? {
        pairs[index].conversations.push(conversation);
    }
    Ok(pairs)
}
