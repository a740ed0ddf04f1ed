//! What processes of ours tell each other: messages, circumstances, refusals. A peer may be of another version, or gone mad.
#![no_main]

use anser_contract::{
    PeerSecret,
    fuzzing::{circumstances, refusal},
    v1,
};
use anser_types::Code;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use prost::Message;

/// What decodes is encoded and decodes to the same.
fn stable<M: Message + Default>(data: &[u8]) {
    if let Ok(message) = M::decode(data) {
        let bytes = message.encode_to_vec();
        let again = M::decode(&bytes[..]).expect("what was encoded is decoded");
        assert_eq!(again.encode_to_vec(), bytes);
    }
}

/// Headers, a line each: `name: value`.
fn headers(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

fuzz_target!(|data: &[u8]| {
    stable::<v1::LinkUp>(data);
    stable::<v1::LinkDown>(data);
    stable::<v1::ServiceEvent>(data);
    stable::<v1::EventBatch>(data);
    stable::<v1::ResumeReply>(data);
    stable::<v1::SyncManyReply>(data);
    stable::<v1::AppendRequest>(data);
    stable::<v1::SessionClaims>(data);
    stable::<v1::MePage>(data);

    let secret = PeerSecret::new("secret");
    let mut headers = headers(data);
    let shown = headers.get("authorization").is_some_and(|value| value.as_bytes() == b"Bearer secret");
    assert!(shown || circumstances(headers.clone(), &secret).is_none(), "nobody comes in without the secret");
    headers.insert("authorization", HeaderValue::from_static("Bearer secret"));
    if let Some(context) = circumstances(headers, &secret) {
        let _ = (context.remaining(), format!("{context:?}"));
    }

    let error =
        refusal(data.first().map_or(0, |code| i32::from(*code) - 1), data.get(1..).unwrap_or_default().to_vec());
    assert!(Code::parse(error.code.as_str()).is_some());
});
