//! The send path without sockets: a link's stream in, outcomes out, on a real disk with fsync.
//!
//! `cargo bench -p anser-messaging --bench send_lane -- [CONVERSATIONS] [WINDOW] [SECONDS] [MEMBERS]` prints durable
//! acknowledgements a second. With MEMBERS the conversations are groups of so many people, all of them offline: a send
//! must not cost more for them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anser_contract::{
    Actor, Context, Peer, PeerSecret,
    v1::{
        Content, Conversations, CreateGroupRequest, InviteRequest, LinkOpen, LinkUp, Messages, RemoteFiles, SendBatch,
        SendItem, SendMessage, Text, content::Kind, link_down::Down, link_up::Up,
    },
};
use anser_engine::{Db, DbOptions};
use anser_messaging::{MIGRATIONS, Messaging, MessagingOptions, MessagingService};
use anser_types::{Clock, MessageId, SessionId, UserId};
use futures_util::StreamExt;
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;

#[tokio::main]
async fn main() -> anser_types::Result<()> {
    let numbers: Vec<u64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let (pairs, window) = (*numbers.first().unwrap_or(&64), *numbers.get(1).unwrap_or(&32));
    let seconds = Duration::from_secs(*numbers.get(2).unwrap_or(&5));
    let members = *numbers.get(3).unwrap_or(&2);
    let dir = tempfile::tempdir_in(".").expect("a folder to work in");
    let clock = Clock::system();
    let db = Db::open(&DbOptions::new(dir.path()), MIGRATIONS, clock.clone())?;
    let options = MessagingOptions { sends_per_second: 0, strangers: true, ..MessagingOptions::default() };
    let nowhere = Peer::new("http://127.0.0.1:1", PeerSecret::new("nobody's"))?;
    let files = Arc::new(RemoteFiles::new(nowhere));
    let service = Messaging::start(&db, files, options, clock.clone()).await?;

    let mut talks = Vec::new();
    for _ in 0..pairs {
        let owner = UserId::new(&clock);
        talks.push((owner, group(&service, &clock, owner, members).await?));
    }
    let (up, receiver) = mpsc::channel(1_024);
    let open = LinkUp { up: Some(Up::Open(LinkOpen { gateway: "bench".into(), ..LinkOpen::default() })) };
    up.send(Ok(open)).await.expect("the link stands");
    let mut down = service.link(&Context::service(), Box::pin(ReceiverStream::new(receiver))).await?;

    let mut sent_at: HashMap<u64, Instant> = HashMap::new();
    let mut tag = 0;
    let mut item = |talk: &(UserId, Vec<u8>), sent_at: &mut HashMap<u64, Instant>| {
        tag += 1;
        sent_at.insert(tag, Instant::now());
        let content = Content::from(Kind::Text(Text { text: "x".repeat(256) }));
        let send = SendMessage {
            conversation_id: talk.1.clone(),
            client_msg_id: MessageId::new(&clock).to_vec(),
            content: Some(content),
            ..SendMessage::default()
        };
        SendItem { tag, user_id: talk.0.to_vec(), session_id: vec![0; 16], send: Some(send), deadline_ms: 30_000 }
    };
    let first = (0..pairs * window).map(|n| item(&talks[(n % pairs) as usize], &mut sent_at)).collect();
    up.send(Ok(LinkUp { up: Some(Up::Sends(SendBatch { items: first })) })).await.expect("the link stands");

    let (began, mut acked, mut latencies) = (Instant::now(), 0u64, Vec::new());
    while began.elapsed() < seconds {
        let Some(Ok(message)) = down.next().await else { break };
        let Some(Down::Outcomes(outcomes)) = message.down else { continue };
        let mut again = Vec::with_capacity(outcomes.items.len());
        for outcome in outcomes.items {
            assert!(outcome.ack.is_some(), "a send failed");
            if let Some(at) = sent_at.remove(&outcome.tag) {
                latencies.push(at.elapsed());
            }
            acked += 1;
            again.push(item(&talks[(acked % pairs) as usize], &mut sent_at));
        }
        up.send(Ok(LinkUp { up: Some(Up::Sends(SendBatch { items: again })) })).await.expect("the link stands");
    }
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let rate = acked as f64 / began.elapsed().as_secs_f64();
    println!(
        "{pairs} conversations of {members}, window {window}: {rate:.0} acks/s, p50 {:.1} ms, p99 {:.1} ms",
        at(0.5),
        at(0.99)
    );
    Ok(())
}

/// A group of `members` people, made in steps.
async fn group(service: &MessagingService, clock: &Clock, owner: UserId, members: u64) -> anser_types::Result<Vec<u8>> {
    let ctx = Context::new(Actor::User(owner, SessionId::new(clock)), "bench");
    let create = CreateGroupRequest { title: "bench".into(), ..CreateGroupRequest::default() };
    let conversation_id = service.create_group(&ctx, create).await?.conversation_id;
    let mut missing = members.saturating_sub(1);
    while missing > 0 {
        let step = missing.min(500);
        let user_ids = (0..step).map(|_| UserId::new(clock).to_vec()).collect();
        let invite = InviteRequest { conversation_id: conversation_id.clone(), user_ids, ..InviteRequest::default() };
        let ctx = Context::new(ctx.actor, "bench");
        service.invite(&ctx, invite).await?;
        missing -= step;
    }
    Ok(conversation_id)
}
