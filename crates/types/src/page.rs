//! Page tokens: what `next_cursor` holds. Opaque, authenticated, bound to the user and the query they were made for.
//!
//! A token is base32 of `payload ‖ tag`, the tag being the first 16 bytes of HMAC-SHA-256 over user, query name and
//! payload. A token of another user or another list is `invalid_argument`, as is any other foreign text.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Error, Result, UserId, base32};

const TAG_BYTES: usize = 16;

/// Makes and opens page tokens under one secret.
#[derive(Clone)]
pub struct PageTokens {
    key: [u8; 32],
}

impl PageTokens {
    /// Tokens under `key`, which must be the same in every process that serves the lists.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A token for `user`'s list `query` that carries `payload`, normally the key of the last row.
    pub fn seal(&self, user: UserId, query: &str, payload: &[u8]) -> String {
        let mut bytes = payload.to_vec();
        bytes.extend_from_slice(&self.tag(user, query, payload));
        base32::encode(&bytes)
    }

    /// The payload of `token`, if it was made for `user` and `query`.
    pub fn open(&self, user: UserId, query: &str, token: &str) -> Result<Vec<u8>> {
        let refused = || Error::field("cursor", "not a cursor of this list");
        let mut bytes = base32::decode(token).ok_or_else(refused)?;
        let payload_length = bytes.len().checked_sub(TAG_BYTES).ok_or_else(refused)?;
        let tag = bytes.split_off(payload_length);
        // The tag guards against mistakes and probing, not against a timing attacker who could forge only
        // cursors into lists that are authorised again anyway; a plain comparison is enough.
        if tag != self.tag(user, query, &bytes) {
            return Err(refused());
        }
        Ok(bytes)
    }

    fn tag(&self, user: UserId, query: &str, payload: &[u8]) -> [u8; TAG_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(user.as_bytes());
        mac.update(&(query.len() as u32).to_be_bytes());
        mac.update(query.as_bytes());
        mac.update(payload);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG_BYTES]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_good_as_it_was_given_and_in_no_other_way(
            (user, other) in any::<([u8; 16], [u8; 16])>(),
            (list, foreign) in ("[a-z ]{1,20}", "[a-z ]{1,20}"),
            payload in prop::collection::vec(any::<u8>(), 0..40),
            (place, bit) in (any::<prop::sample::Index>(), 0..8u8),
        ) {
            let tokens = PageTokens::new([7; 32]);
            let token = tokens.seal(UserId(user), &list, &payload);
            prop_assert_eq!(tokens.open(UserId(user), &list, &token), Ok(payload));
            prop_assert_eq!(tokens.open(UserId(other), &list, &token).is_ok(), user == other);
            prop_assert_eq!(tokens.open(UserId(user), &foreign, &token).is_ok(), list == foreign);
            prop_assert!(PageTokens::new([8; 32]).open(UserId(user), &list, &token).is_err());
            let mut forged = base32::decode(&token).unwrap();
            let place = place.index(forged.len());
            forged[place] ^= 1 << bit;
            prop_assert!(tokens.open(UserId(user), &list, &base32::encode(&forged)).is_err());
            prop_assert!(tokens.open(UserId(user), &list, &token[..token.len() - 1]).is_err());
        }
    }

    #[test]
    fn a_token_opens_only_for_its_user_and_list() {
        let tokens = PageTokens::new([7; 32]);
        let (alice, bob) = (UserId([1; 16]), UserId([2; 16]));
        let token = tokens.seal(alice, "friends", b"row 9");
        assert_eq!(tokens.open(alice, "friends", &token).as_deref(), Ok(&b"row 9"[..]));
        assert!(tokens.open(bob, "friends", &token).is_err());
        assert!(tokens.open(alice, "members", &token).is_err());
        assert!(tokens.open(alice, "friends", "nonsense!").is_err());
        assert!(tokens.open(alice, "friends", "").is_err());
    }
}
