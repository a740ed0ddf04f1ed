//! What words about a group may be: title, picture, announcement, names within it.

use anser_types::{Error, Result};

use crate::MessagingOptions;

/// The longest reference to a picture, in bytes.
const AVATAR_BYTES: usize = 256;

/// A group's title: one line, not blank.
pub fn title(title: &str, options: &MessagingOptions) -> Result<()> {
    line("title", title, options.title_bytes)?;
    if title.trim().is_empty() {
        return Err(Error::field("title", "must not be blank"));
    }
    Ok(())
}

/// A reference to a picture; may be empty.
pub fn avatar(avatar: &str) -> Result<()> {
    line("avatar", avatar, AVATAR_BYTES)
}

/// A member's name in a group; may be empty.
pub fn nickname(nickname: &str, options: &MessagingOptions) -> Result<()> {
    line("nickname", nickname, options.nickname_bytes)?;
    if !nickname.is_empty() && nickname.trim().is_empty() {
        return Err(Error::field("nickname", "must not be blank"));
    }
    Ok(())
}

/// An announcement: several lines; may be empty.
pub fn announcement(text: &str, options: &MessagingOptions) -> Result<()> {
    if text.len() > options.announcement_bytes {
        return Err(Error::field("announcement", format!("{} bytes at most", options.announcement_bytes)));
    }
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        return Err(Error::field("announcement", "no control characters but line breaks and tabs"));
    }
    Ok(())
}

/// One line of text, of `most` bytes at most.
pub fn line(field: &str, text: &str, most: usize) -> Result<()> {
    if text.len() > most {
        return Err(Error::field(field, format!("{most} bytes at most")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::field(field, "no control characters"));
    }
    Ok(())
}
