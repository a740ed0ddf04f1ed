//! Small facts about messages that both ends need.

use crate::v1::{Content, content::Kind};

/// Whether a content is a person's message or a notice the service wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Text, custom: written by a person, countable.
    Message,
    /// Membership and relation: written by the service.
    Notice,
}

impl Content {
    /// Which kind this is; `None` where it names no kind, or one that this version does not know.
    pub fn notice_kind(&self) -> Option<NoticeKind> {
        match self.kind.as_ref()? {
            Kind::Text(_) | Kind::Custom(_) => Some(NoticeKind::Message),
            _ => Some(NoticeKind::Notice),
        }
    }
}

/// What a client that does not know an entry's kind can show in its place.
pub fn fallback_text(content: &Content) -> String {
    match &content.kind {
        Some(Kind::Text(text)) => text.text.clone(),
        Some(Kind::Custom(custom)) if custom.fallback_text.is_empty() => format!("[{}]", custom.r#type),
        Some(Kind::Custom(custom)) => custom.fallback_text.clone(),
        Some(Kind::Created(created)) => format!("The group “{}” was created", created.title),
        Some(Kind::Joined(joined)) if joined.user_ids.len() == 1 => "A member joined".into(),
        Some(Kind::Joined(joined)) => format!("{} members joined", joined.user_ids.len()),
        Some(Kind::Left(_)) => "A member left".into(),
        Some(Kind::Removed(_)) => "A member was removed".into(),
        Some(Kind::RoleChanged(_)) => "A member's role changed".into(),
        Some(Kind::Opened(_)) => "You can now talk to each other".into(),
        Some(Kind::Closed(_)) => "You can no longer talk to each other".into(),
        Some(Kind::Renamed(renamed)) => format!("The group is now called “{}”", renamed.title),
        Some(Kind::AvatarChanged(_)) => "The group's picture changed".into(),
        Some(Kind::Announced(announced)) if announced.text.is_empty() => "The announcement was taken down".into(),
        Some(Kind::Announced(announced)) => format!("Announcement: {}", announced.text),
        Some(Kind::OwnerChanged(_)) => "The group has a new owner".into(),
        Some(Kind::Dismissed(_)) => "The group was closed".into(),
        Some(Kind::MemberMuted(muted)) if muted.until_at == 0 => "A member may send again".into(),
        Some(Kind::MemberMuted(_)) => "A member was muted".into(),
        Some(Kind::AllMuted(muted)) if muted.until_at == 0 => "All members may send again".into(),
        Some(Kind::AllMuted(_)) => "Only owner and admins may send now".into(),
        Some(Kind::MemberRenamed(_)) => "A member has another name here".into(),
        Some(Kind::RulesChanged(_)) => "The rules of the group changed".into(),
        None => "[unknown message]".into(),
    }
}
