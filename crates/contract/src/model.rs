//! Small facts about messages that both ends need.

use crate::v1::{Content, Entry, Event, content::Kind, event};

/// What sort of entry a content makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Written by a person: counts as unread.
    Message = 1,
    /// What happened in the conversation, written by the service.
    Notice = 2,
    /// What changed in an earlier entry.
    Change = 3,
}

impl Content {
    /// Which sort of entry this makes; `None` where it names no kind, or one that this version does not know.
    pub fn entry_kind(&self) -> Option<EntryKind> {
        Some(match self.kind.as_ref()? {
            Kind::Text(_)
            | Kind::Custom(_)
            | Kind::Image(_)
            | Kind::File(_)
            | Kind::Voice(_)
            | Kind::Location(_)
            | Kind::Card(_)
            | Kind::Bundle(_)
            | Kind::Withdrawn(_)
            | Kind::Expired(_) => EntryKind::Message,
            Kind::Edited(_)
            | Kind::Recalled(_)
            | Kind::Reacted(_)
            | Kind::Pinned(_)
            | Kind::Unpinned(_)
            | Kind::Transcribed(_) => EntryKind::Change,
            _ => EntryKind::Notice,
        })
    }

    /// The entry that this one changes.
    pub fn target_seq(&self) -> Option<i64> {
        Some(match self.kind.as_ref()? {
            Kind::Edited(edited) => edited.target_seq,
            Kind::Recalled(recalled) => recalled.target_seq,
            Kind::Reacted(reacted) => reacted.target_seq,
            Kind::Pinned(pinned) => pinned.target_seq,
            Kind::Unpinned(unpinned) => unpinned.target_seq,
            Kind::Transcribed(transcribed) => transcribed.target_seq,
            _ => return None,
        })
    }

    /// The file that it is about; those that a bundle passes on are not.
    pub fn file_id(&self) -> Option<&[u8]> {
        match self.kind.as_ref()? {
            Kind::Image(image) => Some(&image.file_id),
            Kind::File(file) => Some(&file.file_id),
            Kind::Voice(voice) => Some(&voice.file_id),
            _ => None,
        }
    }

    /// Every file that it names, those in bundles among them.
    pub fn file_ids(&self) -> Vec<&[u8]> {
        match &self.kind {
            Some(Kind::Bundle(bundle)) => {
                bundle.items.iter().filter_map(|item| item.content.as_ref()).flat_map(Content::file_ids).collect()
            }
            _ => self.file_id().into_iter().collect(),
        }
    }

    /// Whether these words are gone by `now`, having been sent at `sent_at`.
    pub fn is_over(&self, sent_at: i64, now: i64) -> bool {
        self.expiring.as_ref().is_some_and(|expiring| sent_at.saturating_add(expiring.after_ms) <= now)
    }

    /// The same, with when its words go.
    pub fn sent_at(mut self, sent_at: i64) -> Self {
        if let Some(expiring) = &mut self.expiring {
            expiring.expires_at = sent_at.saturating_add(expiring.after_ms);
        }
        self
    }
}

impl Entry {
    /// Whether its time is over: it has no words any more.
    pub fn is_expired(&self) -> bool {
        matches!(self.content.as_ref().and_then(|content| content.kind.as_ref()), Some(Kind::Expired(_)))
    }

    /// The entry that this one changes.
    pub fn target_seq(&self) -> Option<i64> {
        self.content.as_ref()?.target_seq()
    }
}

impl From<Kind> for Content {
    fn from(kind: Kind) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }
}

impl From<event::Event> for Event {
    fn from(event: event::Event) -> Self {
        Self { event: Some(event), target: None }
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
        Some(Kind::Image(image)) => labelled("image", [&image.caption, &image.name]),
        Some(Kind::File(file)) => labelled("file", [&file.caption, &file.name]),
        Some(Kind::Voice(voice)) => labelled("voice", [&voice.transcript]),
        Some(Kind::Location(location)) if location.title.is_empty() => "[location]".into(),
        Some(Kind::Location(location)) => format!("[location] {}", location.title),
        Some(Kind::Card(card)) => format!("[card] {}", card.title),
        Some(Kind::Bundle(bundle)) if bundle.title.is_empty() => format!("[{} messages]", bundle.items.len()),
        Some(Kind::Bundle(bundle)) => format!("[{} messages] {}", bundle.items.len(), bundle.title),
        Some(Kind::Withdrawn(_)) => "This message was recalled".into(),
        Some(Kind::Expired(_)) => "This message has expired".into(),
        Some(Kind::Edited(_)) => "A message was edited".into(),
        Some(Kind::Recalled(_)) => "A message was recalled".into(),
        Some(Kind::Reacted(_)) => "Somebody reacted to a message".into(),
        Some(Kind::Pinned(_)) => "A message was pinned".into(),
        Some(Kind::Unpinned(_)) => "A message is no longer pinned".into(),
        Some(Kind::Transcribed(_)) => "A voice message was put into words".into(),
        None => "[unknown message]".into(),
    }
}

/// A label for what cannot be shown as text, with the first words that say more.
fn labelled<const N: usize>(label: &str, words: [&String; N]) -> String {
    match words.iter().find(|words| !words.is_empty()) {
        Some(words) => format!("[{label}] {words}"),
        None => format!("[{label}]"),
    }
}
