//! For fuzz targets only: what clients send as text, decoded.

use crate::{
    phone::Phone, refresh_token::RefreshToken, session_token::SessionToken, tickets::Tickets, username::Username,
};

/// A user name as people see it and as it is compared; `None`: it is none.
pub fn username(text: &str, most: usize) -> Option<(String, String)> {
    Username::parse(text, most).ok().map(|name| (name.shown, name.key))
}

/// The refresh token that `text` is, written again; `None`: it is none.
pub fn refresh_token(text: &str) -> Option<String> {
    RefreshToken::parse(text).ok().map(|token| token.text())
}

/// Whether a service that gave no ticket takes `text` for one.
pub fn redeems(text: &str) -> bool {
    Tickets::new(30_000).redeem(text, 0).is_some()
}

/// The phone number that `text` is, in E.164; `None`: it is none that a text message can be for.
pub fn phone(text: &str) -> Option<String> {
    Phone::parse(text, &[]).ok().map(|phone| phone.as_str().to_owned())
}

/// The token of an opaque session that `text` is, written again; `None`: it is none.
pub fn session_token(text: &str) -> Option<String> {
    SessionToken::parse(text).ok().map(|token| token.text())
}
