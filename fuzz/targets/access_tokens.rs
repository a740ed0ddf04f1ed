//! Access tokens: the first line as a token, and what follows (a header, then claims) under a good signature. Only a
//! whole token of this server, of this time, speaks for somebody.
#![no_main]

#[path = "../../crates/gateway/tests/http/fakes.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "the tests of the gateway use the rest of it; there a panic is how they fail"
)]
mod fakes;

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use anser_gateway::identity::Identities;
use anser_types::{Code, UserId};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

struct Door {
    runtime: Runtime,
    fake: Arc<fakes::Fake>,
    identities: Identities,
}

static DOOR: LazyLock<Door> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let fake = fakes::Fake::new();
    let identities = Identities::new(fake.clone(), fake.clock.clone(), Duration::from_secs(660));
    identities.ended().complete();
    Door { runtime, fake, identities }
});

/// Who a token speaks for.
fn speaks_for(token: &str) -> Option<UserId> {
    match DOOR.runtime.block_on(DOOR.identities.verify(token)) {
        Ok(identity) => Some(identity.user),
        Err(error) => {
            assert_eq!(error.code, Code::Unauthenticated, "{error}");
            None
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    if let Some(Ok(token)) = lines.next().map(std::str::from_utf8) {
        assert_eq!(speaks_for(token), None, "nobody guesses a signature");
    }
    let (Some(header), Some(claims)) = (lines.next(), lines.next()) else { return };
    if let Some(user) = speaks_for(&DOOR.fake.sign(header, claims)) {
        let said: Value = serde_json::from_slice(claims).expect("claims are JSON");
        let number = |name: &str| said[name].as_i64().expect("a number");
        let now = DOOR.fake.clock.now() / 1_000;
        assert!(number("exp") + 60 >= now && number("iat") - 60 <= now, "of this time");
        assert_eq!((said["iss"].as_str(), said["aud"].as_str()), (Some("anser"), Some("anser")));
        assert_eq!(said["sub"].as_str().and_then(|sub| sub.parse().ok()), Some(user));
    }
});
