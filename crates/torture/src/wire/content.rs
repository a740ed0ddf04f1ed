//! What an entry says, in a form in which both encodings compare equal.

use serde_json::Value;

/// For whom a message is meant, beside everybody who reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mentions {
    /// These.
    pub users: Vec<String>,
    /// All.
    pub all: bool,
}

impl Mentions {
    /// Whether it is meant for `user`.
    pub fn name(&self, user: &str) -> bool {
        self.all || self.users.iter().any(|named| named == user)
    }
}

/// The content of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// What a person wrote.
    Text(String, Mentions),
    /// Something the applications at both ends understand: type, payload, fallback.
    Custom(String, String, String),
    /// A file, and what is said to it, or in it where it is a voice.
    File(String, String),
    /// In place of words that somebody recalled.
    Withdrawn(String),
    /// A group was made.
    Created(String),
    /// People came in.
    Joined(Vec<String>),
    /// Somebody left.
    Left(String),
    /// Somebody was removed.
    Removed(String),
    /// Somebody's role changed.
    RoleChanged(String, String),
    /// A group has another owner.
    OwnerChanged(String),
    /// A direct conversation may be used.
    Opened,
    /// A direct conversation may no longer be used.
    Closed,
    /// Somebody may not send until then.
    MemberMuted(String, i64),
    /// Plain members may not send until then.
    AllMuted(i64),
    /// The rules changed; whether newcomers now see everything.
    RulesChanged(bool),
    /// An earlier message changed.
    Change(Change),
    /// Something this crate does not know, or nothing.
    Other,
}

/// A change of an earlier message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// The message.
    pub target: i64,
    /// The version that it has by this; 0 where this changes none.
    pub version: i64,
    /// What changed.
    pub what: Changed,
}

/// What changed of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Changed {
    /// Its words.
    Edited,
    /// Its words are gone.
    Recalled,
    /// Its reactions, which are these now.
    Reacted(Vec<(String, i64)>),
    /// Whether it is pinned.
    Pinned,
}

/// What stands beside the kind of a content.
const BESIDE: &[&str] = &["reply_to", "mentions", "forwarded"];

impl Content {
    /// Reads the content out of its JSON form.
    pub fn read(value: &Value) -> Self {
        let members = value.as_object().into_iter().flatten();
        let mut kinds = members.filter(|(name, body)| !body.is_null() && !BESIDE.contains(&name.as_str()));
        let Some((kind, body)) = kinds.next() else { return Content::Other };
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| body.get(name).and_then(Value::as_i64).unwrap_or_default();
        let change = |what| Content::Change(Change { target: number("target_seq"), version: number("version"), what });
        match kind.as_str() {
            "text" => Content::Text(text("text"), mentions(value.get("mentions"))),
            "custom" => Content::Custom(text("type"), text("payload"), text("fallback_text")),
            "image" | "file" => Content::File(text("file_id"), text("caption")),
            "voice" => Content::File(text("file_id"), text("transcript")),
            "withdrawn" => Content::Withdrawn(text("user_id")),
            "created" => Content::Created(text("title")),
            "joined" => Content::Joined(ids(body)),
            "left" => Content::Left(text("user_id")),
            "removed" => Content::Removed(text("user_id")),
            "role_changed" => Content::RoleChanged(text("user_id"), text("role")),
            "owner_changed" => Content::OwnerChanged(text("user_id")),
            "opened" => Content::Opened,
            "closed" => Content::Closed,
            "member_muted" => Content::MemberMuted(text("user_id"), number("until_at")),
            "all_muted" => Content::AllMuted(number("until_at")),
            "rules_changed" => {
                Content::RulesChanged(body.pointer("/rules/history").and_then(Value::as_str) == Some("all"))
            }
            // What was said in a voice message is written beside it.
            "edited" | "transcribed" => change(Changed::Edited),
            "recalled" => change(Changed::Recalled),
            "reacted" => change(Changed::Reacted(reactions(body.get("reactions")))),
            "pinned" | "unpinned" => change(Changed::Pinned),
            _ => Content::Other,
        }
    }

    /// Whether a person sent it: all else comes from what happened.
    pub fn is_message(&self) -> bool {
        matches!(self, Content::Text(..) | Content::Custom(..) | Content::File(..) | Content::Withdrawn(_))
    }

    /// The words that are gone when it is recalled.
    pub fn words(&self) -> Option<&str> {
        match self {
            Content::Text(words, _) | Content::Custom(_, words, _) | Content::File(_, words) => Some(words),
            _ => None,
        }
    }

    /// The change that it tells of, if it does.
    pub fn change(&self) -> Option<&Change> {
        match self {
            Content::Change(change) => Some(change),
            _ => None,
        }
    }
}

fn ids(body: &Value) -> Vec<String> {
    let ids = body.get("user_ids").and_then(Value::as_array);
    let mut ids: Vec<String> = ids.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    ids.sort();
    ids
}

fn mentions(value: Option<&Value>) -> Mentions {
    value.map_or_else(Mentions::default, |value| Mentions {
        users: ids(value),
        all: value.get("all").and_then(Value::as_bool).unwrap_or_default(),
    })
}

/// Reactions in the order of their emoji.
pub fn reactions(value: Option<&Value>) -> Vec<(String, i64)> {
    let mut reactions: Vec<(String, i64)> = value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|one| Some((one.get("emoji")?.as_str()?.to_owned(), one.get("count")?.as_i64()?)))
        .collect();
    reactions.sort();
    reactions
}
