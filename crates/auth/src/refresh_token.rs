//! Refresh tokens: what they look like, how they are stored, and how one follows from another.
//!
//! A token is `ar_` and 32 bytes in base32. The first of a session is random. Each later one is
//! HMAC(pepper, salt ‖ token before), with a random salt that is stored beside it; the store holds HMACs of tokens and
//! never a token. So a client whose answer was lost shows its old token again and gets *the same* successor, although
//! the successor was not kept anywhere: who has only the store, or only the pepper, or both without a token of that
//! session, can make none.

use anser_types::{Error, Result, base32};
use ring::hmac;

use crate::unauthenticated;

const PREFIX: &str = "ar_";

/// A refresh token in the clear. Its Debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken([u8; 32]);

/// The key that tokens are stored and continued under.
pub(crate) struct Pepper(hmac::Key);

impl Pepper {
    pub(crate) fn new(pepper: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, pepper))
    }

    /// HMAC over parts, told apart by `purpose` and by their lengths.
    pub(crate) fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }
}

impl RefreshToken {
    /// The first of a session.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let bytes = text.strip_prefix(PREFIX).and_then(base32::decode).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| unauthenticated("the refresh token is not valid"))
    }

    pub(crate) fn text(&self) -> String {
        format!("{PREFIX}{}", base32::encode(&self.0))
    }

    /// As it is stored.
    pub(crate) fn hash(&self, pepper: &Pepper) -> [u8; 32] {
        pepper.mac("refresh token", &[&self.0])
    }

    /// The token after this one.
    pub(crate) fn next(&self, pepper: &Pepper, salt: &[u8]) -> Self {
        Self(pepper.mac("next refresh token", &[salt, &self.0]))
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// The salt of a token that is made now.
pub(crate) fn salt() -> [u8; 32] {
    rand::random()
}

/// An error for tokens that were good once.
pub(crate) fn spent() -> Error {
    unauthenticated("the refresh token was used before; its session has ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_as_text() {
        let token = RefreshToken::random();
        let text = token.text();
        assert_eq!((&text[..3], text.len()), ("ar_", 3 + 52));
        assert_eq!(RefreshToken::parse(&text).unwrap(), token);
        for foreign in ["", "ar_", "xx_00", &text[3..], &text[..54], "ar_!!!!"] {
            assert!(RefreshToken::parse(foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn the_successor_depends_on_token_salt_and_pepper() {
        let (pepper, other) = (Pepper::new(&[1; 32]), Pepper::new(&[2; 32]));
        let token = RefreshToken::random();
        let next = token.next(&pepper, &[5; 32]);
        assert_eq!(next, token.next(&pepper, &[5; 32]));
        assert_ne!(next, token.next(&pepper, &[6; 32]));
        assert_ne!(next, token.next(&other, &[5; 32]));
        assert_ne!(next, RefreshToken::random().next(&pepper, &[5; 32]));
        assert_ne!(token.hash(&pepper), token.hash(&other));
    }

    #[test]
    fn macs_are_told_apart_by_purpose_and_boundaries() {
        let pepper = Pepper::new(&[1; 32]);
        assert_ne!(pepper.mac("a", &[b"bc"]), pepper.mac("ab", &[b"c"]));
        assert_ne!(pepper.mac("a", &[b"b", b"c"]), pepper.mac("a", &[b"bc"]));
    }
}
