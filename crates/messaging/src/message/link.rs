//! The one stream between a gateway and messaging: sends, attach and detach, and what devices hold, up; outcomes, hints and beacons down.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anser_contract::{
    Context, Streaming,
    v1::{LinkDown, LinkUp, SendItem, link_up::Up},
};
use anser_types::{Error, Result, UserId};
use futures_util::StreamExt;
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    prepare::{Sayable, prepare},
    send::{ReplyTo, to_outcome},
};
use crate::{Messaging, effects::LinkId};

/// Messages down that may wait for a gateway; one that is further behind loses its stream.
const DOWN_QUEUE: usize = 2_048;
const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// Opens a gateway's stream. Its first message must be `open`.
pub async fn link(room: &Arc<Messaging>, ctx: &Context, mut up: Streaming<LinkUp>) -> Result<Streaming<LinkDown>> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    ctx.require_service()?;
    let Some(Ok(LinkUp { up: Some(Up::Open(open)) })) = up.next().await else {
        return Err(Error::invalid("a link begins with open"));
    };
    let link = NEXT.fetch_add(1, Ordering::Relaxed);
    let (down, receiver) = mpsc::channel(DOWN_QUEUE);
    let replay_after = (open.after_position > 0).then_some(open.after_position);
    room.fanout.open(link, down, replay_after, user_ids(open.user_ids)).await;
    let room = room.clone();
    tokio::spawn(async move {
        while let Some(Ok(message)) = up.next().await {
            take(&room, link, message).await;
        }
        room.fanout.close(link).await;
    });
    Ok(Box::pin(ReceiverStream::new(receiver)))
}

async fn take(room: &Messaging, link: LinkId, message: LinkUp) {
    match message.up {
        Some(Up::Sends(batch)) => take_sends(room, link, batch.items).await,
        Some(Up::Attach(attach)) => room.fanout.attach(link, user_ids(attach.user_ids)).await,
        Some(Up::Delivered(batch)) => room.deliveries.note(&batch.items, room.clock.now()),
        Some(Up::Detach(detach)) => room.fanout.detach(link, user_ids(detach.user_ids)).await,
        Some(Up::Watch(watch)) => {
            room.fanout.watch(link, user_ids(watch.user_ids), user_ids(watch.no_longer)).await;
        }
        Some(Up::Open(_)) | None => {}
    }
}

async fn take_sends(room: &Messaging, link: LinkId, items: Vec<SendItem>) {
    let now = Instant::now();
    let mut ready = Vec::with_capacity(items.len());
    let (mut refused, sayable) = (Vec::new(), room.sayable());
    for item in items {
        let tag = item.tag;
        match admit(room, link, item, &sayable, now) {
            Ok(send) => ready.push(send),
            Err(error) => refused.push(to_outcome(tag, Err(error))),
        }
    }
    for send in room.claims.push(ready) {
        if let ReplyTo::Link(_, tag) = send.reply_to {
            refused.push(to_outcome(tag, Err(Error::unavailable("too many sends are waiting"))));
        }
    }
    room.fanout.refuse(link, refused).await;
}

fn admit(
    room: &Messaging,
    link: LinkId,
    item: SendItem,
    sayable: &Sayable,
    now: Instant,
) -> Result<super::send::PendingSend> {
    let user = UserId::try_from(&item.user_id[..])?;
    room.admit(user)?;
    let send = item.send.ok_or_else(|| Error::invalid("a send without content"))?;
    let deadline = match item.deadline_ms {
        0 => now + DEFAULT_DEADLINE,
        milliseconds => now + Duration::from_millis(milliseconds.into()),
    };
    prepare(user, send, sayable, deadline, ReplyTo::Link(link, item.tag)).map_err(|(_, error)| error)
}

fn user_ids(ids: Vec<Vec<u8>>) -> Vec<UserId> {
    ids.iter().filter_map(|id| UserId::try_from(&id[..]).ok()).collect()
}
