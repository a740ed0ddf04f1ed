//! The frames' protobuf shapes as tables, copied from the protocol document by hand.

/// What a field holds.
#[derive(Clone, Copy)]
pub enum Kind {
    /// 16 bytes, in JSON 26 characters.
    Id,
    /// UTF-8 text.
    Text,
    /// Any integer.
    Number,
    /// A boolean.
    Flag,
    /// An enum, in JSON a word.
    Word(&'static [&'static str]),
    /// Another message.
    Message(Shape),
}

/// One field of a message.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its number.
    pub number: u32,
    /// Its JSON name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it is a list.
    pub many: bool,
}

/// A message: its fields.
pub type Shape = &'static [Field];

const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, many: false }
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, many: true }
}

use Kind::{Flag, Id, Message, Number, Text};

const ROLE: Kind = Kind::Word(&["unspecified", "member", "admin", "owner"]);
const REQUEST_STATE: Kind = Kind::Word(&["unspecified", "pending", "accepted", "rejected", "expired"]);

const INVITERS: Kind = Kind::Word(&["unspecified", "members", "admins"]);
const HISTORY_FOR: Kind = Kind::Word(&["unspecified", "joining", "all"]);

const EMPTY: Shape = &[];
const ONE_USER: Shape = &[one(1, "user_id", Id)];

const CONTENT: Shape = &[
    one(1, "text", Message(&[one(1, "text", Text)])),
    one(2, "custom", Message(&[one(1, "type", Text), one(2, "payload", Text), one(3, "fallback_text", Text)])),
    one(3, "image", Message(&[one(1, "file_id", Id), one(2, "name", Text), one(7, "caption", Text)])),
    one(4, "file", Message(&[one(1, "file_id", Id), one(2, "name", Text), one(5, "caption", Text)])),
    one(5, "voice", Message(&[one(1, "file_id", Id), one(2, "name", Text), one(6, "transcript", Text)])),
    one(16, "created", Message(&[one(1, "title", Text)])),
    one(17, "joined", Message(&[many(1, "user_ids", Id)])),
    one(18, "left", Message(ONE_USER)),
    one(19, "removed", Message(ONE_USER)),
    one(20, "role_changed", Message(&[one(1, "user_id", Id), one(2, "role", ROLE)])),
    one(21, "opened", Message(EMPTY)),
    one(22, "closed", Message(EMPTY)),
    one(26, "owner_changed", Message(ONE_USER)),
    one(28, "member_muted", Message(&[one(1, "user_id", Id), one(2, "until_at", Number)])),
    one(29, "all_muted", Message(&[one(1, "until_at", Number)])),
    one(
        31,
        "rules_changed",
        Message(&[one(
            1,
            "rules",
            Message(&[one(1, "approval", Flag), one(2, "inviters", INVITERS), one(3, "history", HISTORY_FOR)]),
        )]),
    ),
    one(32, "withdrawn", Message(&[one(1, "user_id", Id), one(2, "at", Number)])),
    one(40, "edited", Message(VERSIONED)),
    one(41, "recalled", Message(VERSIONED)),
    one(
        42,
        "reacted",
        Message(&[one(1, "target_seq", Number), one(2, "version", Number), many(3, "reactions", Message(REACTION))]),
    ),
    one(43, "pinned", Message(&[one(1, "target_seq", Number)])),
    one(44, "unpinned", Message(&[one(1, "target_seq", Number)])),
    one(45, "transcribed", Message(VERSIONED)),
    one(51, "mentions", Message(&[many(1, "user_ids", Id), one(2, "all", Flag)])),
];

const VERSIONED: Shape = &[one(1, "target_seq", Number), one(2, "version", Number)];
const REACTION: Shape = &[one(1, "emoji", Text), one(2, "count", Number)];

const ENTRY: Shape = &[
    one(1, "conversation_id", Id),
    one(2, "seq", Number),
    one(3, "sender_id", Id),
    one(4, "client_msg_id", Id),
    one(5, "server_ts", Number),
    one(6, "version", Number),
    one(7, "countable", Flag),
    one(8, "fallback_text", Text),
    one(9, "content", Message(CONTENT)),
    one(10, "edited_at", Number),
    many(11, "reactions", Message(REACTION)),
];

const FRIEND: Shape = &[one(1, "user_id", Id), one(2, "since_at", Number), one(3, "conversation_id", Id)];

const FRIEND_REQUEST: Shape = &[
    one(1, "request_id", Id),
    one(2, "from_user_id", Id),
    one(3, "to_user_id", Id),
    one(4, "message", Text),
    one(5, "state", REQUEST_STATE),
    one(6, "created_at", Number),
    one(7, "expires_at", Number),
    one(8, "conversation_id", Id),
];

const FRIEND_VIEW: Shape = &[one(1, "friend", Message(FRIEND))];
const REQUEST_VIEW: Shape = &[one(1, "request", Message(FRIEND_REQUEST))];

const HEAD: Shape = &[
    one(1, "conversation_id", Id),
    one(2, "head_seq", Number),
    one(3, "earliest_seq", Number),
    one(4, "read_seq", Number),
    one(5, "unread", Number),
    one(6, "mentions", Number),
];

const HIDDEN_RANGE: Shape = &[one(1, "from_seq", Number), one(2, "to_seq", Number)];
const DELETED: Shape = &[one(1, "conversation_id", Id), many(2, "ranges", Message(HIDDEN_RANGE))];

const SYNC_PAGE: Shape = &[
    one(1, "conversation_id", Id),
    many(2, "entries", Message(ENTRY)),
    many(3, "targets", Message(ENTRY)),
    many(4, "hidden", Message(HIDDEN_RANGE)),
    one(5, "next_seq", Number),
    one(6, "head_seq", Number),
    one(7, "earliest_seq", Number),
    one(8, "has_more", Flag),
];

const READ_MOVED: Shape = &[one(1, "conversation_id", Id), one(2, "read_seq", Number), one(3, "unread", Number)];

const PROBLEM: Shape = &[
    one(1, "code", Text),
    one(2, "detail", Text),
    one(3, "retryable", Flag),
    one(4, "retry_after_ms", Number),
    one(6, "status", Number),
    one(7, "request_id", Text),
];

const REQUEST: Shape = &[
    one(1, "id", Number),
    one(2, "deadline_ms", Number),
    one(
        3,
        "send",
        Message(&[one(1, "conversation_id", Id), one(2, "client_msg_id", Id), one(3, "content", Message(CONTENT))]),
    ),
    one(4, "sync_heads", Message(&[one(1, "token", Text), one(2, "limit", Number)])),
    one(
        5,
        "sync_conversation",
        Message(&[one(1, "conversation_id", Id), one(2, "after_seq", Number), one(3, "limit", Number)]),
    ),
    one(
        6,
        "sync_conversations",
        Message(&[many(1, "items", Message(&[one(1, "conversation_id", Id), one(2, "after_seq", Number)]))]),
    ),
    one(7, "sync_me", Message(&[one(1, "token", Text)])),
    one(8, "read", Message(&[one(1, "conversation_id", Id), one(2, "read_seq", Number)])),
    one(
        9,
        "edit",
        Message(&[one(1, "conversation_id", Id), one(2, "seq", Number), one(3, "content", Message(CONTENT))]),
    ),
    one(10, "recall", Message(&[one(1, "conversation_id", Id), one(2, "seq", Number)])),
    one(
        11,
        "react",
        Message(&[one(1, "conversation_id", Id), one(2, "seq", Number), one(3, "emoji", Text), one(4, "remove", Flag)]),
    ),
];

const CHANGED: Shape =
    &[one(1, "conversation_id", Id), one(2, "seq", Number), one(3, "version", Number), one(4, "change_seq", Number)];

/// What clients send.
pub const CLIENT_FRAME: Shape = &[
    one(
        1,
        "hello",
        Message(&[
            one(1, "access_token", Text),
            one(2, "ticket", Text),
            one(3, "device_id", Text),
            one(4, "resume", Text),
        ]),
    ),
    one(2, "request", Message(REQUEST)),
    one(3, "ack", Message(&[one(1, "push_no", Number)])),
    one(4, "ping", Message(EMPTY)),
];

const REPLY: Shape = &[
    one(1, "id", Number),
    one(
        2,
        "send",
        Message(&[
            one(1, "client_msg_id", Id),
            one(2, "conversation_id", Id),
            one(3, "seq", Number),
            one(4, "server_ts", Number),
            one(5, "dup", Flag),
        ]),
    ),
    one(
        3,
        "sync_heads",
        Message(&[many(1, "items", Message(HEAD)), one(2, "next_token", Text), one(3, "has_more", Flag)]),
    ),
    one(4, "sync_conversation", Message(SYNC_PAGE)),
    one(
        5,
        "sync_conversations",
        Message(&[many(
            1,
            "items",
            Message(&[
                one(1, "conversation_id", Id),
                one(2, "page", Message(SYNC_PAGE)),
                one(3, "error", Message(PROBLEM)),
            ]),
        )]),
    ),
    one(
        6,
        "sync_me",
        Message(&[
            many(2, "friends", Message(FRIEND_VIEW)),
            many(3, "requests", Message(REQUEST_VIEW)),
            many(4, "removed", Id),
            one(5, "next_token", Text),
            one(6, "has_more", Flag),
            many(8, "deleted", Message(DELETED)),
        ]),
    ),
    one(7, "read", Message(READ_MOVED)),
    one(8, "edit", Message(CHANGED)),
    one(9, "recall", Message(CHANGED)),
    one(10, "react", Message(CHANGED)),
    one(15, "error", Message(PROBLEM)),
];

const EVENT: Shape = &[
    one(1, "entry", Message(ENTRY)),
    one(2, "own_entry", Message(&[one(1, "conversation_id", Id), one(2, "seq", Number), one(3, "client_msg_id", Id)])),
    one(3, "read", Message(READ_MOVED)),
    one(4, "friend_request", Message(REQUEST_VIEW)),
    one(5, "friend_removed", Message(&[one(1, "user_id", Id), one(2, "conversation_id", Id)])),
    one(6, "friend_added", Message(&[one(1, "friend", Message(FRIEND_VIEW))])),
    one(7, "conversation_joined", Message(&[one(1, "conversation_id", Id), one(2, "earliest_seq", Number)])),
    one(8, "invitation", Message(&[one(1, "conversation_id", Id), one(2, "user_id", Id)])),
    one(9, "session_ended", Message(&[one(1, "session_id", Id), one(2, "reason", Text)])),
    one(12, "deleted", Message(DELETED)),
    one(32, "target", Message(ENTRY)),
];

/// What servers send.
pub const SERVER_FRAME: Shape = &[
    one(
        1,
        "welcome",
        Message(&[
            one(1, "user_id", Id),
            one(2, "session_id", Id),
            one(3, "resume", Text),
            one(5, "resumed", Flag),
            one(6, "me_changed", Flag),
            one(7, "server_ts", Number),
        ]),
    ),
    one(2, "reply", Message(REPLY)),
    one(3, "push", Message(&[one(1, "push_no", Number), one(2, "resume", Text), many(3, "events", Message(EVENT))])),
    one(4, "sync_required", Message(&[one(1, "reason", Text)])),
    one(5, "reconnect", Message(&[one(1, "after_ms", Number)])),
    one(6, "pong", Message(&[one(1, "resume", Text)])),
];

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Message → field → (number, type, whether it is a list), read from the text of the protocol's files.
    type Messages = HashMap<String, HashMap<String, (u32, String, bool)>>;

    fn messages() -> Messages {
        let mut out = Messages::new();
        for file in ["model", "gateway"] {
            let path = format!("{}/../../proto/anser/v1/{file}.proto", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).expect("the protocol's file");
            let text: String =
                text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
            for part in text.split("\nmessage ").skip(1) {
                let (name, rest) = part.split_once('{').expect("a message has a body");
                let body = rest.split("\nenum ").next().unwrap_or(rest);
                let fields = out.entry(name.trim().to_owned()).or_default();
                for field in body.split([';', '{', '}']).filter_map(|field| field.split_once(" = ")) {
                    let words: Vec<&str> = field.0.split_whitespace().collect();
                    if let ([.., kind, name], Ok(number)) = (&*words, field.1.trim().parse()) {
                        let many = words.contains(&"repeated");
                        fields.insert((*name).to_owned(), (number, (*kind).to_owned(), many));
                    }
                }
            }
        }
        out
    }

    fn same(messages: &Messages, name: &str, shape: Shape) {
        let fields = messages.get(name).unwrap_or_else(|| panic!("{name} is in no file"));
        for field in shape {
            let (number, kind, many) =
                fields.get(field.name).unwrap_or_else(|| panic!("{name} has no field {}", field.name));
            assert_eq!((field.number, field.many), (*number, *many), "{name}.{}", field.name);
            match field.kind {
                Id => assert_eq!(kind, "bytes", "{name}.{}", field.name),
                Text => assert_eq!(kind, "string", "{name}.{}", field.name),
                Flag => assert_eq!(kind, "bool", "{name}.{}", field.name),
                Number => assert!(kind.contains("int"), "{name}.{}", field.name),
                Kind::Word(_) => assert!(!messages.contains_key(kind), "{name}.{}", field.name),
                Message(inner) => same(messages, kind, inner),
            }
        }
    }

    #[test]
    fn the_tables_say_what_the_protocol_says() {
        let messages = messages();
        same(&messages, "ClientFrame", CLIENT_FRAME);
        same(&messages, "ServerFrame", SERVER_FRAME);
    }
}
