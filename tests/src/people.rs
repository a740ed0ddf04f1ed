//! People, and what they do.

use std::sync::atomic::{AtomicU32, Ordering};

use anser_client::{
    AckMode, Client, Encoding, Result, SocketOptions,
    http::{ConversationView, LoginDevice, Range, text_message},
    v1::{Entry, FriendRequestView, Head, SendAck, SendMessage, SyncPage},
};
use anser_types::{ConversationId, FriendRequestId, MessageId, UserId};

use crate::{Device, TestApp};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse";

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Person {
    /// Who they are.
    pub id: UserId,
    /// Their user name, which nobody else on the server has.
    pub username: String,
    /// Their session.
    pub client: Client,
}

impl Person {
    /// Registers and logs in. On a server that others use too the name gets a tail.
    pub(crate) async fn arrive(app: &TestApp, name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let tail = MessageId::new(&anser_types::Clock::system()).to_string();
        let username = format!("{name}-{}-{}", &tail[20..], COUNT.fetch_add(1, Ordering::Relaxed));
        let client = app.anonymous();
        let id = client.register(&username, PASSWORD, name).await.unwrap();
        client.login(&username, PASSWORD, &LoginDevice::default()).await.unwrap();
        Self { id, username, client }
    }

    /// The same person, logged in on another device.
    pub async fn on_another_device(&self) -> Self {
        self.on_device("").await
    }

    /// The same person, logged in on a device with this id.
    pub async fn on_device(&self, device_id: &str) -> Self {
        let client = self.client.fresh();
        let device = LoginDevice { id: device_id.to_owned(), ..LoginDevice::default() };
        client.login(&self.username, PASSWORD, &device).await.unwrap();
        Self { client, ..self.clone() }
    }

    /// The same session, used through another gateway.
    pub fn through(&self, url: &str) -> Self {
        let client = Client::new(url).unwrap();
        client.set_tokens(self.client.tokens());
        Self { client, ..self.clone() }
    }

    /// Goes online; protobuf.
    pub async fn online(&self) -> Device {
        Device::open(self, None, SocketOptions::default()).await.unwrap()
    }

    /// Goes online in a given encoding.
    pub async fn online_in(&self, encoding: Encoding) -> Device {
        Device::open(self, None, SocketOptions { encoding, ..SocketOptions::default() }).await.unwrap()
    }

    /// Goes online and acknowledges pushes by hand.
    pub async fn online_without_acks(&self) -> Device {
        let options = SocketOptions { acks: AckMode::ByHand, ..SocketOptions::default() };
        Device::open(self, None, options).await.unwrap()
    }

    /// Goes online from a resume point.
    pub async fn back_from(&self, resume: &str) -> Device {
        Device::open(self, Some(resume.to_owned()), SocketOptions::default()).await.unwrap()
    }

    /// Asks for friendship.
    pub async fn asks(&self, other: &Person) -> FriendRequestId {
        request_id(&self.client.request_friend(other.id, "").await.unwrap())
    }

    /// Becomes friends with somebody; answers their conversation.
    pub async fn befriends(&self, other: &Person) -> ConversationId {
        let request = self.asks(other).await;
        let accepted = other.client.accept_friend(request).await.unwrap();
        ConversationId::try_from(&accepted.request.unwrap().conversation_id[..]).unwrap()
    }

    /// The direct conversation with a friend.
    pub async fn with(&self, friend: &Person) -> ConversationId {
        let listed = self.client.conversations(200, "").await.unwrap().items;
        let found = listed.iter().find(|conversation| conversation.peer_id == friend.id.as_bytes());
        id_of(found.expect("friends have a conversation"))
    }

    /// Makes a group with friends.
    pub async fn group(&self, title: &str, members: &[&Person]) -> ConversationId {
        let ids: Vec<UserId> = members.iter().map(|member| member.id).collect();
        id_of(&self.client.create_group(title, &ids).await.unwrap())
    }

    /// Says something over HTTP.
    pub async fn says(&self, conversation: ConversationId, text: &str) -> SendAck {
        self.client.send_text(conversation, text).await.unwrap()
    }

    /// Says something over HTTP that may be refused.
    pub async fn tries_to_say(&self, conversation: ConversationId, text: &str) -> Result<SendAck> {
        self.client.send_text(conversation, text).await
    }

    /// A message under a new key, not sent yet.
    pub fn message(&self, conversation: ConversationId, text: &str) -> SendMessage {
        text_message(conversation, MessageId::new(self.client.clock()), text)
    }

    /// The newest entries.
    pub async fn history(&self, conversation: ConversationId) -> Vec<Entry> {
        let range = Range { limit: 200, ..Range::default() };
        self.client.history(conversation, range).await.unwrap().items
    }

    /// One's own view of a conversation.
    pub async fn sees(&self, conversation: ConversationId) -> ConversationView {
        self.client.conversation(conversation).await.unwrap()
    }

    /// How much is unread.
    pub async fn unread(&self, conversation: ConversationId) -> i64 {
        self.sees(conversation).await.unread
    }

    /// All heads, from the beginning.
    pub async fn heads(&self) -> Vec<Head> {
        let (mut token, mut heads) = (String::new(), Vec::new());
        loop {
            let page = self.client.sync_heads(&token, 0).await.unwrap();
            heads.extend(page.items);
            token = page.next_token;
            if !page.has_more {
                return heads;
            }
        }
    }

    /// The whole log as this person may see it, in one page where it is small.
    pub async fn syncs(&self, conversation: ConversationId) -> SyncPage {
        let mut whole = self.client.sync_conversation(conversation, 0, 0).await.unwrap();
        while whole.has_more {
            let next = self.client.sync_conversation(conversation, whole.next_seq, 0).await.unwrap();
            whole.entries.extend(next.entries);
            whole.hidden.extend(next.hidden);
            (whole.next_seq, whole.head_seq, whole.has_more) = (next.next_seq, next.head_seq, next.has_more);
        }
        whole
    }
}

/// The id of a request.
pub(crate) fn request_id(view: &FriendRequestView) -> FriendRequestId {
    FriendRequestId::try_from(&view.request.as_ref().unwrap().request_id[..]).unwrap()
}

fn id_of(conversation: &ConversationView) -> ConversationId {
    ConversationId::try_from(&conversation.conversation_id[..]).unwrap()
}
