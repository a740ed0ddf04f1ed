//! What an entry says, in a form in which both encodings compare equal.

use serde_json::Value;

/// The content of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// What a person wrote.
    Text(String),
    /// Something the applications at both ends understand: type, payload, fallback.
    Custom(String, String, String),
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
    /// A direct conversation may be used.
    Opened,
    /// A direct conversation may no longer be used.
    Closed,
    /// Something this crate does not know, or nothing.
    Other(String),
}

impl Content {
    /// Reads the content out of its JSON form.
    pub fn read(value: &Value) -> Self {
        let Some((kind, body)) = value.as_object().and_then(|object| object.iter().find(|(_, body)| !body.is_null()))
        else {
            return Content::Other(String::new());
        };
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match kind.as_str() {
            "text" => Content::Text(text("text")),
            "custom" => Content::Custom(text("type"), text("payload"), text("fallback_text")),
            "created" => Content::Created(text("title")),
            "joined" => {
                let ids = body.get("user_ids").and_then(Value::as_array);
                let mut ids: Vec<String> =
                    ids.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
                ids.sort();
                Content::Joined(ids)
            }
            "left" => Content::Left(text("user_id")),
            "removed" => Content::Removed(text("user_id")),
            "role_changed" => Content::RoleChanged(text("user_id"), text("role")),
            "opened" => Content::Opened,
            "closed" => Content::Closed,
            other => Content::Other(other.to_owned()),
        }
    }

    /// Whether a person sent it: text and custom come from people, all else from what happened.
    pub fn is_message(&self) -> bool {
        matches!(self, Content::Text(_) | Content::Custom(..))
    }
}
