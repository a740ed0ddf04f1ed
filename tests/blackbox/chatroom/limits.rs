//! Who asks too often is told so, with status 200; a code that cannot be sent is another matter.

use super::{
    client::{field, number},
    town::{
        APPLY, GET_CODE, GET_FRIENDS, GET_RECENT, LOG_IN, PASSWORD, REGISTER, SEARCH_FRIEND, SEARCH_HISTORY,
        SET_DESCRIPTION, TOO_OFTEN, Town,
    },
};

/// Asks until it is refused; others must go well.
async fn comes_to_be_refused(what: &str, mut ask: impl AsyncFnMut(usize) -> String) {
    for time in 0..200 {
        let refused = ask(time).await;
        if !refused.is_empty() {
            assert_eq!(refused, TOO_OFTEN, "{what}");
            assert!(time > 0, "{what}: not at once");
            return;
        }
    }
    panic!("{what}: is never refused");
}

#[tokio::test]
async fn who_asks_too_often_is_told_so() {
    let settings = [
        "limits.friend_requests_per_day=3",
        "limits.logins_per_minute_per_name=5",
        "limits.read_burst=8",
        "limits.reads_per_second=1",
        "limits.registrations_per_minute_per_ip=12",
        "limits.search_burst=3",
        "limits.searches_per_second=1",
        "limits.send_burst=3",
        "limits.sends_per_second=1",
        "limits.write_burst=20",
        "limits.writes_per_second=1",
        "sms.codes_per_minute_per_ip=3",
    ];
    let Some(town) = Town::start_with(&settings).await else { return };
    let (alice, bob, room) = town.friends("alice", "bob").await;
    comes_to_be_refused("sends", async |_| alice.tries_to_say(&room, "hi").await.errmsg()).await;
    let mut strangers = Vec::new();
    for name in ["carol", "dave", "eve", "frank"] {
        strangers.push(town.person(name).await.id);
    }
    comes_to_be_refused("applications", async |at| alice.refused(APPLY, &[field(4, &strangers[at])]).await).await;
    comes_to_be_refused("searches for people", async |_| bob.refused(SEARCH_FRIEND, &[field(2, "carol")]).await).await;
    let search = [field(4, &room), field(5, "hi")];
    comes_to_be_refused("searches", async |_| alice.refused(SEARCH_HISTORY, &search).await).await;
    let recent = [field(2, &room), number(3, 50)];
    comes_to_be_refused("reads", async |_| alice.refused(GET_RECENT, &recent).await).await;
    comes_to_be_refused("writes", async |_| bob.refused(SET_DESCRIPTION, &[field(4, "me")]).await).await;
    assert_eq!(bob.refused(GET_FRIENDS, &[]).await, "", "others, and other calls, are as free as before");

    let who = [field(2, "carol"), field(3, PASSWORD)];
    comes_to_be_refused("logins", async |_| town.asks(LOG_IN, &who).await.errmsg()).await;
    let register = async |at: usize| {
        let who = [field(2, format!("somebody {at}")), field(3, PASSWORD)];
        town.asks(REGISTER, &who).await.errmsg()
    };
    comes_to_be_refused("registrations", register).await;
    comes_to_be_refused("codes", async |_| town.asks(GET_CODE, &[field(2, town.phone())]).await.errmsg()).await;
}

#[tokio::test]
async fn a_number_gets_one_code_at_a_time() {
    let Some(town) = Town::start_with(&["sms.cooldown_s=60"]).await else { return };
    let phone = town.phone();
    town.code(&phone).await;
    assert_eq!(town.asks(GET_CODE, &[field(2, &phone)]).await.errmsg(), TOO_OFTEN);
    town.code(&town.phone()).await;
}

#[tokio::test]
async fn a_code_that_cannot_be_sent() {
    let Some(town) = Town::start_with(&["sms.countries=DE"]).await else { return };
    let refused = town.asks(GET_CODE, &[field(2, town.phone())]).await;
    assert_eq!((refused.errmsg().as_str(), refused.has(4)), ("短信验证码发送失败!", false));
}
