//! Ids and secrets in text: what is understood is written in one way, and bytes come back as they were.
#![no_main]

use anser_auth::fuzzing::{redeems, refresh_token, session_token};
use anser_types::{ConversationId, Id, UserId, base32};
use libfuzzer_sys::fuzz_target;

/// The one spelling among those that are forgiven (Crockford's look-alikes).
fn proper(text: &str) -> String {
    text.to_ascii_lowercase().replace('o', "0").replace(['i', 'l'], "1")
}

fuzz_target!(|data: &[u8]| {
    assert_eq!(base32::decode(&base32::encode(data)).as_deref(), Some(data));
    if let Ok(id) = Id::try_from(data) {
        let text = id.to_string();
        assert_eq!((text.len(), text.parse()), (26, Ok(id)));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(bytes) = base32::decode(text) {
        assert_eq!(base32::encode(&bytes), proper(text));
    }
    if let Ok(id) = text.parse::<UserId>() {
        assert_eq!(id.to_string(), proper(text));
        assert_eq!(text.parse::<ConversationId>().map(|id| id.0), Ok(id.0));
        let json = serde_json::to_string(&id).expect("a string");
        assert_eq!(serde_json::from_str::<UserId>(&json).ok(), Some(id));
    }
    if let Some(token) = refresh_token(text) {
        assert_eq!(token[3..], proper(&text[3..]));
        assert_eq!(refresh_token(&token), Some(token));
    }
    if let Some(token) = session_token(text) {
        assert_eq!((token.len(), &*token), (52, &*proper(text)));
        assert_eq!(session_token(&token), Some(token));
    }
    assert!(!redeems(text), "a ticket that nobody gave");
});
