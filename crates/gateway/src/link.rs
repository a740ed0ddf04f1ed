//! The one stream to messaging: sends and who is here up; outcomes and hints down.
//!
//! Down messages are numbered, and a beacon comes each second. A gap in the numbers, silence or the end of the stream is
//! a break: sends that were handed over are answered `unavailable` (nobody knows what became of them), and the stream
//! is opened again, first at once, then with growing pauses, from the position that was handed out. While it is down, sends
//! wait for a moment and are then refused. Connections stay open through all of it.

mod intake;

use std::{collections::HashSet, sync::Arc, time::Duration};

use anser_contract::{
    Context, Streaming,
    v1::{LinkDown, link_down::Down},
};
use anser_types::{Error, Result};
use futures_util::StreamExt;
use tokio::time::timeout;

pub use intake::{Intake, Offer};

use crate::{hub::Roll, resume::StoreName, state::Gateway};

/// How long sends may wait for a stream that is down.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps the stream open until it is dropped.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let timings = &gateway.options.timings;
    let mut pause = Duration::ZERO;
    loop {
        match follow(&gateway).await {
            Ok(()) => pause = timings.reconnect_first,
            Err(error) => {
                tracing::debug!(%error, "the stream from messaging does not open");
                pause = (pause * 2).clamp(timings.reconnect_first, timings.reconnect_most);
            }
        }
        gateway.meters.link_up.set(0.0);
        tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
    }
}

/// Answers sends that waited too long for a stream that is down. The sweeper calls it.
pub(crate) fn refuse_waiting(gateway: &Gateway) {
    if gateway.intake.down_longer_than(PATIENCE) {
        gateway.intake.clear_sends();
        refuse_all_but(gateway, &HashSet::new());
    }
}

/// Opens the stream and hands out what comes until it breaks. An error: it did not open.
async fn follow(gateway: &Arc<Gateway>) -> Result<()> {
    let patience = gateway.options.timings.beacon;
    let mut up = None;
    let (mut opening, mut blind) = (HashSet::new(), false);
    gateway.hub.roll(|roll: &Roll| {
        // Position zero asks for nothing, so what was stored meanwhile in an empty log would never come.
        blind = roll.again && roll.position == 0;
        opening = roll.users.iter().map(|user| user.to_vec()).collect();
        up = Some(gateway.intake.begin(&gateway.options.name, roll));
    });
    let Some(up) = up else { return Ok(()) };
    let opened = timeout(patience, async {
        let mut down = gateway.services.messages.link(&Context::service(), Box::pin(up)).await?;
        let first = down.next().await.ok_or_else(|| Error::unavailable("the stream ended at once"))??;
        Ok::<_, Error>((down, first))
    });
    let (mut down, first) = opened.await.map_err(|_| Error::unavailable("the stream did not open in time"))??;
    gateway.intake.set_up();
    gateway.meters.link_opened.increment(1);
    gateway.meters.link_up.set(1.0);
    let mut reader = Reader { gateway, number: 0, opening, blind };
    reader.take(first);
    let reason = reader.read(&mut down, patience).await;
    tracing::warn!(reason, "the stream from messaging broke");
    // What was handed over is lost from sight; what still waits here goes with the next stream.
    let waiting = gateway.intake.set_down();
    refuse_all_but(gateway, &waiting);
    Ok(())
}

fn refuse_all_but(gateway: &Gateway, waiting: &HashSet<u64>) {
    let error = Error::unavailable("messages cannot be taken at the moment");
    let desk = gateway.desk();
    for socket in gateway.hub.sockets() {
        socket.refuse_sends(|id| !waiting.contains(&crate::hub::tag(socket.number, id)), &error, &desk);
    }
}

/// Reads one stream.
struct Reader<'g> {
    gateway: &'g Gateway,
    number: u64,
    /// Who was announced with the stream's opening. Until messaging has attached them, positions say nothing about what
    /// they were given, so they are not believed.
    opening: HashSet<Vec<u8>>,
    /// What was stored before messaging attached them is not told by this stream.
    blind: bool,
}

impl Reader<'_> {
    /// Reads until the stream breaks; answers why.
    async fn read(&mut self, down: &mut Streaming<LinkDown>, patience: Duration) -> &'static str {
        loop {
            let message = match timeout(patience, down.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(_))) => return "error",
                Ok(None) => return "end",
                Err(_) => return "silence",
            };
            if message.number != self.number + 1 {
                return "gap";
            }
            self.take(message);
        }
    }

    fn take(&mut self, message: LinkDown) {
        let (gateway, hub) = (self.gateway, &self.gateway.hub);
        let desk = gateway.desk();
        self.number = message.number;
        if hub.set_store(StoreName::of(&message.epoch)) {
            hub.reset(0, &desk);
            self.opening.clear();
        }
        let known = self.opening.is_empty();
        match message.down {
            Some(Down::Outcomes(outcomes)) => hub.outcomes(outcomes.items, &desk),
            Some(Down::Hints(hints)) => hub.hints(hints.items, known.then_some(hints.through_position), &desk),
            Some(Down::Beacon(beacon)) if known => hub.advance(beacon.through_position),
            Some(Down::Beacon(_)) => {}
            Some(Down::Attached(attached)) => {
                if attached.user_ids.iter().any(|user| self.opening.contains(user)) {
                    self.opening.clear();
                    hub.advance(attached.position);
                    if self.blind {
                        hub.reset(attached.position, &desk);
                    }
                }
                hub.attached(&attached.user_ids, attached.position, &gateway.intake);
            }
            Some(Down::Presences(presences)) => hub.watches.tell(presences.items, hub.position(), &desk),
            Some(Down::Reset(reset)) => hub.reset(reset.position, &desk),
            None => {}
        }
    }
}
