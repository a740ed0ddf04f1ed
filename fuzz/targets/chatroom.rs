//! What chat-room clients say: any bytes are one of their requests or frames, or none, and mean the same when written again.
//! The first byte names a call; it is answered with status 200 and one of that protocol's messages, whatever comes.
#![no_main]

#[path = "../../crates/gateway/tests/http/fakes.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "the tests of the gateway use the rest of it; there a panic is how they fail"
)]
mod fakes;

use std::{cell::RefCell, sync::LazyLock};

use anser_gateway::{
    Gateway, GatewayOptions, chatroom,
    fuzzing::chatroom_said,
    rates::{Allowance, Allowances},
};
use axum::{Router, body::Body};
use http::{Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

/// The fake services note every call, so now and then they are made anew.
const REQUESTS: usize = 20_000;

const CALLS: [&str; 28] = [
    "file/get_multi_file",
    "file/get_single_file",
    "file/put_multi_file",
    "file/put_single_file",
    "friend/add_friend_apply",
    "friend/add_friend_process",
    "friend/create_chat_session",
    "friend/get_chat_session_list",
    "friend/get_chat_session_member",
    "friend/get_friend_list",
    "friend/get_pending_friend_events",
    "friend/remove_friend",
    "friend/search_friend",
    "message_storage/get_history",
    "message_storage/get_recent",
    "message_storage/search_history",
    "message_transmit/new_message",
    "speech/recognition",
    "user/get_phone_verify_code",
    "user/get_user_info",
    "user/phone_login",
    "user/phone_register",
    "user/set_avatar",
    "user/set_description",
    "user/set_nickname",
    "user/set_phone",
    "user/username_login",
    "user/username_register",
];

struct House {
    router: Router,
    requests: usize,
}

impl House {
    fn new() -> Self {
        let fake = fakes::Fake::new();
        let unlimited = Allowance { per_second: 0, burst: 1 };
        let allowances = Allowances {
            public: unlimited,
            session: unlimited,
            read: unlimited,
            write: unlimited,
            search: unlimited,
            speech: unlimited,
        };
        let options = GatewayOptions { allowances, ..GatewayOptions::default() };
        let gateway = Gateway::new(fake.services(), options, fake.clock.clone());
        gateway.identities.ended().complete();
        Self { router: chatroom::router(gateway), requests: 0 }
    }
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

thread_local! {
    static HOUSE: RefCell<Option<House>> = const { RefCell::new(None) };
}

async fn ask(router: Router, call: &str, body: &[u8]) {
    let request = Request::post(format!("/service/{call}")).body(Body::from(body.to_vec())).expect("a request");
    let answer = router.oneshot(request).await.expect("the router never fails");
    assert_eq!(
        (answer.status(), answer.headers()[CONTENT_TYPE].as_bytes()),
        (StatusCode::OK, &b"application/x-protobuf"[..])
    );
    answer.into_body().collect().await.expect("a body");
}

fuzz_target!(|data: &[u8]| {
    let Some((&call, body)) = data.split_first() else { return };
    for message in chatroom_said(body) {
        assert!(chatroom_said(&message).contains(&message));
    }
    HOUSE.with_borrow_mut(|house| {
        RUNTIME.block_on(async {
            if house.as_ref().is_none_or(|house| house.requests >= REQUESTS) {
                *house = Some(House::new());
            }
            let Some(house) = house else { return };
            house.requests += 1;
            ask(house.router.clone(), CALLS[usize::from(call) % CALLS.len()], body).await;
        });
    });
});
