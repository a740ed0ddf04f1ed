//! How far devices have got: by maximum, within what the person may see, where few people are.

use anser_contract::{
    Context, Streaming,
    v1::{
        Attach, Conversations, DeliveredBatch, DeliveredItem, ErasePersonRequest, LinkDown, LinkOpen, LinkUp,
        ListReadersReply, ListReadersRequest, Messages, MoveReadCursorRequest, link_down::Down, link_up::Up,
    },
};
use anser_types::{ConversationId, SessionId, UserId};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::house::{House, acting, person};

const PHONE: SessionId = SessionId([1; 16]);
const LAPTOP: SessionId = SessionId([2; 16]);

/// A gateway, as messaging hears it.
struct Gateway {
    up: mpsc::Sender<anser_types::Result<LinkUp>>,
    down: Streaming<LinkDown>,
}

impl Gateway {
    async fn open(house: &House) -> Self {
        let (up, receiver) = mpsc::channel(16);
        let open = LinkOpen { gateway: "test".into(), ..LinkOpen::default() };
        up.send(Ok(LinkUp { up: Some(Up::Open(open)) })).await.unwrap();
        let down = house.service.link(&Context::service(), Box::pin(ReceiverStream::new(receiver))).await.unwrap();
        Self { up, down }
    }

    async fn says(&self, up: Up) {
        self.up.send(Ok(LinkUp { up: Some(up) })).await.unwrap();
    }

    async fn hears<T>(&mut self, mut wanted: impl FnMut(Down) -> Option<T>) -> T {
        loop {
            let message = self.down.next().await.expect("the stream stands").unwrap();
            if let Some(found) = message.down.and_then(&mut wanted) {
                return found;
            }
        }
    }

    /// Says what devices hold, and waits until messaging has heard it.
    async fn tells(&mut self, held: &[(ConversationId, UserId, SessionId, i64)]) {
        let item = |&(conversation, user, session, seq): &(ConversationId, UserId, SessionId, i64)| DeliveredItem {
            conversation_id: conversation.to_vec(),
            user_id: user.to_vec(),
            session_id: session.to_vec(),
            seq,
        };
        self.says(Up::Delivered(DeliveredBatch { items: held.iter().map(item).collect() })).await;
        self.says(Up::Attach(Attach { user_ids: vec![person(999).to_vec()] })).await;
        self.hears(|down| matches!(down, Down::Attached(_)).then_some(())).await;
    }
}

async fn delivered(house: &House, user: UserId, conversation: ConversationId) -> i64 {
    house.see(user, conversation).await.unwrap().delivered_seq
}

async fn readers(house: &House, user: UserId, conversation: ConversationId, seq: i64) -> ListReadersReply {
    let request = ListReadersRequest { conversation_id: conversation.to_vec(), seq, ..Default::default() };
    house.service.list_readers(&acting(user), request).await.unwrap()
}

async fn pair() -> (House, UserId, UserId, ConversationId) {
    let house = House::new().await;
    let (alice, bob) = (person(1), person(2));
    let direct = house.relate(alice, bob, 1, true).await.conversation_id;
    let direct = ConversationId::try_from(&direct[..]).unwrap();
    for text in ["one", "two", "three"] {
        house.say(alice, direct, text).await.unwrap();
    }
    (house, alice, bob, direct)
}

#[tokio::test]
async fn it_is_the_furthest_device_and_never_goes_back_or_too_far() {
    let (house, alice, bob, direct) = pair().await;
    let mut gateway = Gateway::open(&house).await;
    assert_eq!(delivered(&house, alice, direct).await, 0);
    gateway.tells(&[(direct, bob, PHONE, 2), (direct, bob, LAPTOP, 3), (direct, bob, LAPTOP, 1)]).await;
    assert_eq!(house.service.keep_delivered().await, Ok(2));
    assert_eq!(delivered(&house, alice, direct).await, 3);
    assert_eq!(readers(&house, alice, direct, 3).await.delivered_to, 1);
    assert_eq!(readers(&house, alice, direct, 4).await.delivered_to, 0);
    gateway.tells(&[(direct, bob, LAPTOP, 2), (direct, bob, PHONE, 2)]).await;
    assert_eq!(house.service.keep_delivered().await, Ok(0));
    gateway.tells(&[(direct, bob, PHONE, 1_000), (direct, person(9), PHONE, 4)]).await;
    assert_eq!(house.service.keep_delivered().await, Ok(1));
    assert_eq!(delivered(&house, alice, direct).await, 4);
    assert_eq!(house.service.keep_delivered().await, Ok(0));
}

#[tokio::test]
async fn who_is_online_is_told_and_the_devices_own_person_is_not() {
    let (house, alice, bob, direct) = pair().await;
    let mut gateway = Gateway::open(&house).await;
    gateway.says(Up::Attach(Attach { user_ids: vec![alice.to_vec(), bob.to_vec()] })).await;
    gateway.hears(|down| matches!(down, Down::Attached(_)).then_some(())).await;
    gateway.tells(&[(direct, bob, PHONE, 4)]).await;
    house.service.keep_delivered().await.unwrap();
    let hint = gateway
        .hears(|down| match down {
            Down::Hints(hints) => hints.items.into_iter().find(|hint| hint.delivered.is_some()),
            _ => None,
        })
        .await;
    let told = hint.delivered.unwrap();
    assert_eq!((&told.items[0].user_id, told.items[0].delivered_seq), (&bob.to_vec(), 4));
    assert_eq!(hint.user_ids, [alice.to_vec()]);
}

#[tokio::test]
async fn what_was_read_was_delivered() {
    let (house, alice, bob, direct) = pair().await;
    let read = MoveReadCursorRequest { conversation_id: direct.to_vec(), read_seq: 3 };
    house.service.move_read_cursor(&acting(bob), read).await.unwrap();
    assert_eq!(delivered(&house, alice, direct).await, 3);
    let counts = readers(&house, alice, direct, 3).await;
    assert_eq!((counts.read_by, counts.delivered_to), (1, 1));
}

#[tokio::test]
async fn nothing_is_kept_where_many_are_nor_of_who_left() {
    let house = House::new().await;
    let (alice, bob) = (person(1), person(2));
    let many: Vec<UserId> = (2..=51).map(person).collect();
    house.befriend(alice, &many).await;
    let (large, small) = (house.group(alice, &many).await, house.group(alice, &many[..2]).await);
    let (in_large, in_small) =
        (house.say(alice, large, "all").await.unwrap(), house.say(alice, small, "few").await.unwrap());
    let mut gateway = Gateway::open(&house).await;
    gateway.tells(&[(large, bob, PHONE, in_large), (small, bob, PHONE, in_small)]).await;
    assert_eq!(house.service.keep_delivered().await, Ok(1));
    assert_eq!(readers(&house, alice, small, in_small).await.delivered_to, 1);
    assert_eq!(readers(&house, alice, large, in_large).await.delivered_to, 0);
    house.leave(person(3), small).await.unwrap();
    let later = house.say(alice, small, "fewer").await.unwrap();
    gateway.tells(&[(small, person(3), PHONE, later)]).await;
    assert_eq!(house.service.keep_delivered().await, Ok(0));
    assert_eq!(readers(&house, alice, small, later).await.delivered_to, 0);
}

#[tokio::test]
async fn devices_that_were_not_heard_of_give_way_and_all_go_with_the_account() {
    let (house, alice, bob, direct) = pair().await;
    let mut gateway = Gateway::open(&house).await;
    let device = |number: u8, seq| (direct, bob, SessionId([number; 16]), seq);
    gateway.tells(&[device(1, 4)]).await;
    assert_eq!(house.service.keep_delivered().await, Ok(1));
    for number in 2..=20 {
        gateway.tells(&[device(number, 3)]).await;
        assert_eq!(house.service.keep_delivered().await, Ok(1));
    }
    assert_eq!(delivered(&house, alice, direct).await, 4, "the furthest one stays");
    house.service.erase_person(&Context::service(), ErasePersonRequest { user_id: bob.to_vec() }).await.unwrap();
    assert!(delivered(&house, alice, direct).await < 4);
}
