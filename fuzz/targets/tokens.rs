//! Cursors, resume points and sync tokens: foreign text is refused, what was changed is refused, what is good says the
//! same again.
#![no_main]

use std::sync::LazyLock;

use anser_gateway::fuzzing::{ResumePoint, sync_token};
use anser_messaging::fuzzing::heads_token;
use anser_types::{UserId, base32, page::PageTokens};
use libfuzzer_sys::fuzz_target;

const ALICE: UserId = UserId([1; 16]);
const BOB: UserId = UserId([2; 16]);
static PAGES: LazyLock<PageTokens> = LazyLock::new(|| PageTokens::new([7; 32]));

fuzz_target!(|data: &[u8]| {
    // Whatever it carries, a cursor is good for its person, its list and as it was given.
    let cursor = PAGES.seal(ALICE, "friends", data);
    assert_eq!(PAGES.open(ALICE, "friends", &cursor).as_deref(), Ok(data));
    assert!(PAGES.open(BOB, "friends", &cursor).is_err() && PAGES.open(ALICE, "members", &cursor).is_err());
    assert!(PageTokens::new([8; 32]).open(ALICE, "friends", &cursor).is_err());
    let mut forged = base32::decode(&cursor).expect("base32");
    let place = data.iter().fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    let length = forged.len();
    forged[place % length] ^= 1 << (place % 8);
    assert!(PAGES.open(ALICE, "friends", &base32::encode(&forged)).is_err());

    if let Some(bytes) = heads_token(data) {
        assert_eq!(bytes, data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert!(PAGES.open(ALICE, "friends", text).is_err(), "nobody makes a cursor but who has the key");
    if let Some(point) = ResumePoint::parse(text) {
        assert!(point.position >= 0);
        assert_eq!(ResumePoint::parse(&point.to_text()), Some(point));
    }
    if let Some(token) = sync_token(text) {
        assert_eq!(sync_token(&token), Some(token));
    }
});
