//! What people want to say: the form that is stored is canonical, so a repeat in either encoding has the same hash; and
//! a mask changes words, never their shape.
#![no_main]

use std::sync::{Arc, LazyLock};

use anser_contract::{fallback_text, v1::Content};
use anser_messaging::{
    WordsMode,
    fuzzing::{Words, depth, prepared},
};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

const BODY_BYTES: usize = 4 << 10;

static ANY: LazyLock<Arc<Words>> = LazyLock::new(|| Arc::new(Words::none()));
static MASKED: LazyLock<Arc<Words>> =
    LazyLock::new(|| Arc::new(Words::of("e\nrude\n坏话\nß", WordsMode::Mask).expect("a list")));

fn decode(body: &[u8]) -> Content {
    Content::decode(body).expect("what was encoded is decoded")
}

fn check(content: Content) {
    // Stored by others, it may be anything.
    let fallback = fallback_text(&content);
    assert_eq!(fallback, fallback_text(&decode(&content.encode_to_vec())));
    assert!(depth(&content) <= 100);

    let Ok((body, hash)) = prepared(content.clone(), BODY_BYTES, ANY.clone()) else { return };
    assert!(body.len() <= BODY_BYTES);
    assert_eq!(depth(&content), 0, "bundles are made by forwarding only");
    assert_eq!(prepared(decode(&body), BODY_BYTES, ANY.clone()), Ok((body.clone(), hash)), "canonical");
    let json = serde_json::to_vec(&content).expect("contents are plain JSON");
    let over_json: Content = serde_json::from_slice(&json).expect("what was written is read");
    assert_eq!(prepared(over_json, BODY_BYTES, ANY.clone()), Ok((body.clone(), hash)), "the same in JSON");

    let (masked, same_hash) = prepared(content, BODY_BYTES, MASKED.clone()).expect("a mask refuses nothing");
    assert_eq!(same_hash, hash, "of what was said, not of what a mask left of it");
    assert!(masked.len() <= body.len());
    let (before, after) = (fallback_text(&decode(&body)), fallback_text(&decode(&masked)));
    assert_eq!(before.chars().count(), after.chars().count());
    assert_eq!(prepared(decode(&masked), BODY_BYTES, MASKED.clone()).map(|(body, _)| body), Ok(masked), "masked once");
}

fuzz_target!(|data: &[u8]| {
    if let Ok(content) = serde_json::from_slice(data) {
        check(content);
    }
    if let Ok(content) = Content::decode(data) {
        check(content);
    }
});
