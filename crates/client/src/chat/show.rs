//! Entries as lines of text.

use anser_types::UserId;

use super::room::Room;
use crate::v1::{Entry, content::Kind};

impl Room {
    /// An entry as one line, without the conversation's name.
    pub(super) async fn line(&mut self, entry: &Entry) -> String {
        let sender = self.name_of(&entry.sender_id).await;
        let kind = entry.content.as_ref().and_then(|content| content.kind.as_ref());
        match kind {
            Some(Kind::Text(text)) => format!("{sender}: {}", printable(&text.text)),
            Some(Kind::Created(created)) => format!("* {sender} made the group “{}”", printable(&created.title)),
            Some(Kind::Joined(joined)) if joined.user_ids == [entry.sender_id.clone()] => format!("* {sender} joined"),
            Some(Kind::Joined(joined)) => {
                let mut names = Vec::new();
                let others: Vec<_> = joined.user_ids.iter().filter(|user| **user != entry.sender_id).collect();
                for user in others.iter().take(5) {
                    names.push(self.name_of(user).await);
                }
                let more = others.len().saturating_sub(names.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("* {sender} brought in {}{more}", names.join(", "))
            }
            Some(Kind::Left(left)) => format!("* {} left", self.name_of(&left.user_id).await),
            Some(Kind::Removed(removed)) => {
                format!("* {sender} removed {}", self.name_of(&removed.user_id).await)
            }
            Some(Kind::RoleChanged(changed)) => {
                let role = format!("{:?}", changed.role()).to_lowercase();
                format!("* {sender} made {} {role}", self.name_of(&changed.user_id).await)
            }
            Some(Kind::Renamed(renamed)) => format!("* {sender} named the group “{}”", printable(&renamed.title)),
            _ if !entry.countable => format!("* {}", printable(&entry.fallback_text)),
            _ => format!("{sender}: {}", printable(&entry.fallback_text)),
        }
    }

    /// What somebody is called; their profile is fetched once.
    pub(super) async fn name_of(&mut self, user: &[u8]) -> String {
        let Ok(user) = UserId::try_from(user) else { return "somebody".into() };
        if user == self.me {
            return "you".into();
        }
        if let Some(name) = self.names.get(&user) {
            return name.clone();
        }
        match self.client.user(user).await {
            Ok(profile) => {
                let name = printable(&profile.nickname);
                self.names.insert(user, name.clone());
                name
            }
            // A closed account, or no way to the server just now.
            Err(_) => "somebody".into(),
        }
    }
}

/// Other people's text must not move the cursor or change colours.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn escapes_do_not_reach_the_terminal() {
        assert_eq!(super::printable("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
