//! What this terminal knows, and what it hears.

use std::{collections::HashMap, time::Duration};

use anser_types::{ConversationId, MessageId, UserId};
use tokio::time::{Instant, sleep};

use super::show::printable;
use crate::{
    Client, Connection, Notice, Order, Place, Result,
    http::{ConversationView, InvitationView, text_message},
    v1::{Entry, FriendRequestState, FriendRequestView, JoinRequestState, event, event::Event as Kind},
};

/// How long a message is tried before the person is told that it did not go.
const SEND_FOR: Duration = Duration::from_secs(30);

pub(super) struct Room {
    pub client: Client,
    pub connection: Connection,
    pub me: UserId,
    pub names: HashMap<UserId, String>,
    /// The conversations as they were listed last: what numbers mean.
    pub listed: Vec<ConversationView>,
    pub requests: Vec<FriendRequestView>,
    pub invitations: Vec<InvitationView>,
    /// The one that is talked in.
    pub open: Option<ConversationId>,
    /// Where the history that was shown begins.
    pub shown_from: i64,
    titles: HashMap<ConversationId, String>,
    order: Order,
    heads_token: String,
    away: bool,
    /// Lines to be shown, for what came by itself.
    pub told: Vec<String>,
}

impl Room {
    pub async fn new(client: Client, connection: Connection) -> Result<Self> {
        let me = client.me()?;
        let mut room = Self {
            client,
            connection,
            me,
            names: HashMap::new(),
            listed: Vec::new(),
            requests: Vec::new(),
            invitations: Vec::new(),
            open: None,
            shown_from: 0,
            titles: HashMap::new(),
            order: Order::new(),
            heads_token: String::new(),
            away: false,
            told: Vec::new(),
        };
        room.note_heads().await?;
        Ok(room)
    }

    /// Says what waits for this person.
    pub async fn greet(&mut self) -> Result<()> {
        let profile = self.client.profile().await?;
        println!("You are {} ({}).", printable(&profile.nickname), printable(&profile.username));
        self.refresh_list().await?;
        let unread: i64 = self.listed.iter().map(|conversation| conversation.unread).sum();
        let requests = self.client.friend_requests(false, 50, "").await?;
        let pending = requests.items.iter().filter(|view| is_pending(view)).count();
        if unread > 0 {
            println!("{unread} unread; /list shows where.");
        }
        if pending > 0 {
            println!("{pending} friend requests wait; /requests shows them.");
        }
        Ok(())
    }

    pub fn prompt(&self) -> String {
        self.open.map_or_else(|| "> ".into(), |open| format!("{}> ", self.title(open)))
    }

    pub fn title(&self, conversation: ConversationId) -> String {
        self.titles.get(&conversation).cloned().unwrap_or_else(|| conversation.to_string())
    }

    /// Lists the conversations anew, newest first.
    pub async fn refresh_list(&mut self) -> Result<()> {
        self.listed = self.client.conversations(100, "").await?.items;
        for conversation in &self.listed {
            if let Ok(id) = ConversationId::try_from(&conversation.conversation_id[..]) {
                self.titles.insert(id, printable(&conversation.title));
            }
        }
        Ok(())
    }

    /// Sends a text into the open conversation, again and again under one key until there is an answer.
    pub async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        let Some(open) = self.open else {
            anyhow::bail!("nobody is listening yet: /open NAME first, or /help");
        };
        let message = text_message(open, MessageId::new(self.client.clock()), text);
        let until = Instant::now() + SEND_FOR;
        loop {
            let handle = tokio::time::timeout_at(until, self.connection.online()).await??;
            match handle.send(message.clone()).await {
                Ok(_) => return Ok(()),
                Err(error) if error.retryable() && Instant::now() < until => {
                    sleep(Duration::from_millis(error.retry_after_ms().unwrap_or(300))).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes in what the server tells; what is to be shown of it stands in `told` afterwards.
    pub async fn hear(&mut self, notice: Notice) -> Result<()> {
        match notice {
            Notice::Online(welcome) => {
                if self.away {
                    self.told.push("* back online".into());
                    self.away = false;
                }
                if !welcome.resumed {
                    self.catch_up().await?;
                }
            }
            Notice::SyncRequired(_) => self.catch_up().await?,
            Notice::Push(push) => {
                for event in push.events.into_iter().filter_map(|event| event.event) {
                    self.happen(event).await?;
                }
            }
            Notice::Offline { cause, .. } => {
                if !self.away {
                    self.told.push(format!("* offline ({cause}); trying again"));
                }
                self.away = true;
            }
            Notice::Ended(_) => {}
        }
        Ok(())
    }

    async fn happen(&mut self, event: event::Event) -> Result<()> {
        match event {
            Kind::Entry(entry) => self.arrive(entry).await?,
            Kind::OwnEntry(own) => {
                if let Ok(conversation) = ConversationId::try_from(&own.conversation_id[..]) {
                    self.order.advance(conversation, own.seq);
                }
            }
            Kind::FriendRequest(view) if is_pending(&view) && !self.is_mine(&view) => {
                let from = view.from.unwrap_or_default();
                let message = view.request.map(|request| request.message).unwrap_or_default();
                let quoted =
                    if message.is_empty() { String::new() } else { format!(": “{}”", printable(&message)) };
                self.told.push(format!(
                    "* {} would like to be friends{quoted} (/accept {})",
                    printable(&from.nickname),
                    from.username
                ));
            }
            Kind::FriendAdded(added) => {
                let profile = added.friend.and_then(|view| view.profile).unwrap_or_default();
                self.told.push(format!("* {} is your friend now", printable(&profile.nickname)));
            }
            Kind::FriendRemoved(removed) => {
                let name = self.name_of(&removed.user_id).await;
                self.told.push(format!("* {name} is no longer your friend"));
            }
            Kind::ConversationJoined(joined) => {
                if let Ok(conversation) = ConversationId::try_from(&joined.conversation_id[..]) {
                    self.order.advance(conversation, joined.earliest_seq - 1);
                    self.refresh_list().await?;
                    let last = self.order.last(conversation);
                    self.fetch(conversation, last).await?;
                }
            }
            Kind::Invitation(invitation) => {
                self.told.push(format!("* you are invited into “{}” (/invitations)", printable(&invitation.title)));
            }
            Kind::JoinRequest(told) if told.state() == JoinRequestState::Waiting => {
                let request = told.request.unwrap_or_default();
                let name = self.name_of(&request.user_id).await;
                let group = ConversationId::try_from(&request.conversation_id[..]).unwrap_or_default();
                self.told.push(format!("* {name} would like to come into {}", self.title(group)));
            }
            // Nothing that this chat shows.
            _ => {}
        }
        Ok(())
    }

    fn is_mine(&self, view: &FriendRequestView) -> bool {
        view.request.as_ref().is_some_and(|request| request.from_user_id == self.me.as_bytes())
    }

    /// The client's rule: the next entry is shown, a known one dropped, a gap filled from the log.
    async fn arrive(&mut self, entry: Entry) -> Result<()> {
        let Ok(conversation) = ConversationId::try_from(&entry.conversation_id[..]) else { return Ok(()) };
        match self.order.place(conversation, entry.seq) {
            Place::Next => self.show(conversation, &entry).await,
            Place::Known => Ok(()),
            Place::Gap { after_seq } => self.fetch(conversation, after_seq).await,
        }
    }

    async fn show(&mut self, conversation: ConversationId, entry: &Entry) -> Result<()> {
        if !self.titles.contains_key(&conversation) {
            self.refresh_list().await?;
        }
        let line = self.line(entry).await;
        if self.open == Some(conversation) {
            self.told.push(format!("  {line}"));
            self.client.mark_read(conversation, entry.seq).await?;
        } else {
            self.told.push(format!("[{}] {line}", self.title(conversation)));
        }
        Ok(())
    }

    async fn fetch(&mut self, conversation: ConversationId, mut after_seq: i64) -> Result<()> {
        loop {
            let page = self.client.sync_conversation(conversation, after_seq, 0).await?;
            for entry in &page.entries {
                self.show(conversation, entry).await?;
            }
            after_seq = page.next_seq;
            self.order.advance(conversation, page.next_seq);
            if !page.has_more {
                return Ok(());
            }
        }
    }

    /// Fetches what was missed.
    async fn catch_up(&mut self) -> Result<()> {
        loop {
            let heads = self.client.sync_heads(&self.heads_token, 0).await?;
            for head in heads.items {
                let Ok(conversation) = ConversationId::try_from(&head.conversation_id[..]) else { continue };
                let last = self.order.last(conversation).max(head.earliest_seq - 1);
                if head.head_seq > last {
                    self.fetch(conversation, last).await?;
                }
            }
            self.heads_token = heads.next_token;
            if !heads.has_more {
                return Ok(());
            }
        }
    }

    /// Everything that is there already counts as seen by this terminal; /history shows it.
    async fn note_heads(&mut self) -> Result<()> {
        loop {
            let heads = self.client.sync_heads(&self.heads_token, 0).await?;
            for head in heads.items {
                if let Ok(conversation) = ConversationId::try_from(&head.conversation_id[..]) {
                    self.order.advance(conversation, head.head_seq);
                }
            }
            self.heads_token = heads.next_token;
            if !heads.has_more {
                return Ok(());
            }
        }
    }
}

pub(super) fn is_pending(view: &FriendRequestView) -> bool {
    view.request.as_ref().is_some_and(|request| request.state() == FriendRequestState::Pending)
}
