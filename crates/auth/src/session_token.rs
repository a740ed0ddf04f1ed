//! The one token of an opaque session: 32 random bytes in base32. The store has its MAC.

use std::fmt;

use anser_types::{Result, base32};

use crate::{refresh_token::Pepper, unauthenticated};

/// A session token in the clear. Its Debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionToken([u8; 32]);

impl SessionToken {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let bytes = if text.len() == 52 { base32::decode(text) } else { None };
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| unauthenticated("the session token is not valid"))
    }

    pub(crate) fn text(&self) -> String {
        base32::encode(&self.0)
    }

    /// As it is stored.
    pub(crate) fn hash(&self, pepper: &Pepper) -> [u8; 32] {
        pepper.mac("session token", &[&self.0])
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_written_and_other_texts_are_none(
            bytes: [u8; 32],
            text in prop_oneof![any::<String>(), "[0-9a-z]{50,54}"],
        ) {
            let token = SessionToken(bytes);
            prop_assert_eq!(token.text().len(), 52);
            prop_assert_eq!(SessionToken::parse(&token.text()), Ok(token));
            if let Ok(other) = SessionToken::parse(&text) {
                prop_assert_eq!(SessionToken::parse(&other.text()), Ok(other));
            }
        }
    }
}
