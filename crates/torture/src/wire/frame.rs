//! The parts of frames that clients and checker look at. Everything else in a frame is ignored.

use serde::Deserialize;
use serde_json::Value;

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default)]
        #[allow(missing_docs, reason = "the fields are those of the protocol document")]
        pub struct $name { $(pub $field: $type),* }
    )*};
}

messages! {
    /// What a client sends: one of these.
    ClientFrame { hello: Option<Hello>, request: Option<Request>, ack: Option<Ack>, ping: Option<Value> }
    /// The first frame.
    Hello { device_id: String, resume: String }
    /// A push was processed.
    Ack { push_no: u64 }
    /// A question.
    Request {
        id: u32,
        send: Option<Send>,
        sync_heads: Option<SyncHeads>,
        sync_conversation: Option<SyncFrom>,
        sync_conversations: Option<SyncConversations>,
        read: Option<MoveRead>,
        edit: Option<Edit>,
        recall: Option<Recall>,
        react: Option<React>,
    }
    /// A message to store.
    Send { conversation_id: String, client_msg_id: String, content: Value }
    /// Which conversations moved?
    SyncHeads { token: String }
    /// What stands after this seq?
    SyncFrom { conversation_id: String, after_seq: i64 }
    /// The same for several.
    SyncConversations { items: Vec<SyncFrom> }
    /// Move the read cursor.
    MoveRead { conversation_id: String, read_seq: i64 }
    /// Put other words in the place of a message's.
    Edit { conversation_id: String, seq: i64, content: Value }
    /// Take a message back.
    Recall { conversation_id: String, seq: i64 }
    /// React to a message, or no longer.
    React { conversation_id: String, seq: i64, emoji: String, remove: bool }

    /// What a server sends: one of these.
    ServerFrame {
        welcome: Option<Welcome>,
        reply: Option<Reply>,
        push: Option<Push>,
        sync_required: Option<Value>,
        reconnect: Option<Reconnect>,
        pong: Option<Pong>,
    }
    /// The session stands.
    Welcome { user_id: String, session_id: String, resume: String, resumed: bool, me_changed: bool }
    /// Come back later.
    Reconnect { after_ms: u64 }
    /// The answer to a ping.
    Pong { resume: String }
    /// The answer to a request.
    Reply {
        id: u32,
        send: Option<SendAck>,
        sync_heads: Option<HeadsPage>,
        sync_conversation: Option<SyncPage>,
        sync_conversations: Option<SyncPages>,
        sync_me: Option<Value>,
        read: Option<ReadMoved>,
        edit: Option<Changed>,
        recall: Option<Changed>,
        react: Option<Changed>,
        error: Option<Problem>,
    }
    /// A message was changed: the version it has now, and the entry that tells of it, if one does.
    Changed { conversation_id: String, seq: i64, version: i64, change_seq: i64 }
    /// A message is stored.
    SendAck { client_msg_id: String, conversation_id: String, seq: i64, server_ts: i64, dup: bool }
    /// Conversations that moved.
    HeadsPage { items: Vec<Head>, next_token: String, has_more: bool }
    /// One conversation's state as its reader may see it.
    Head { conversation_id: String, head_seq: i64, earliest_seq: i64, read_seq: i64, unread: i64, mentions: i64 }
    /// A page of a log.
    SyncPage {
        conversation_id: String,
        entries: Vec<Entry>,
        targets: Vec<Entry>,
        hidden: Vec<HiddenRange>,
        next_seq: i64,
        head_seq: i64,
        earliest_seq: i64,
        has_more: bool,
    }
    /// Pages of several logs.
    SyncPages { items: Vec<SyncResult> }
    /// One of them.
    SyncResult { conversation_id: String, page: Option<SyncPage>, error: Option<Problem> }
    /// Entries that exist and that this reader may not see.
    HiddenRange { from_seq: i64, to_seq: i64 }
    /// The read cursor moved.
    ReadMoved { conversation_id: String, read_seq: i64, unread: i64 }
    /// What went wrong.
    Problem { code: String, detail: String, retryable: bool, retry_after_ms: Option<u64> }
    /// Something happened.
    Push { push_no: u64, resume: String, events: Vec<Event> }
    /// One thing that happened.
    Event {
        entry: Option<Entry>,
        own_entry: Option<OwnEntry>,
        read: Option<ReadMoved>,
        conversation_joined: Option<ConversationJoined>,
        friend_added: Option<Value>,
        friend_removed: Option<Value>,
        friend_request: Option<Value>,
        invitation: Option<Value>,
        session_ended: Option<Value>,
        deleted: Option<Deleted>,
        target: Option<Entry>,
    }
    /// What somebody deleted for themselves.
    Deleted { conversation_id: String, ranges: Vec<HiddenRange> }
    /// How many reacted so.
    Reaction { emoji: String, count: i64 }
    /// An entry of a log.
    Entry {
        conversation_id: String,
        seq: i64,
        sender_id: String,
        client_msg_id: String,
        server_ts: i64,
        version: i64,
        countable: bool,
        fallback_text: String,
        content: Value,
        edited_at: i64,
        reactions: Vec<Reaction>,
    }
    /// An entry that this very connection sent.
    OwnEntry { conversation_id: String, seq: i64, client_msg_id: String }
    /// A conversation to sync.
    ConversationJoined { conversation_id: String, earliest_seq: i64 }
}
