//! A very large group: most members are away, a thousand listen, people come and go while five talk. Nobody may get an
//! entry from before they came or after they went.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::{
    sync::{Barrier, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{Server, judge, party::unix_ms};
use crate::{
    check::Report,
    drive::{Dice, Encoding, Habits, Http, Person, Received, Socket, World, finale},
    history::{Recorder, What},
};

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Members.
    pub members: usize,
    /// Those with an open connection.
    pub online: usize,
    /// Those who talk.
    pub talkers: usize,
    /// How long they talk.
    pub seconds: u64,
}

/// How many prepare things at a time.
const HANDS: usize = 16;

/// Fills the group, lets it live, judges.
pub async fn run(program: &Path, scratch: &Path, history: &Path, size: Size, seed: u64) -> Result<Report> {
    raise_open_files();
    let online = size.online.min(size.members - 1);
    let mut server = Server::new(program, &scratch.join("data"))?
        .set(&format!("limits.group_members={}", size.members))
        .set("messaging.strangers_may_talk=true")
        .set("gateway.handshakes_per_second=1000000");
    server.start(&[]).await?;
    let recorder = Arc::new(Recorder::create(history)?);
    recorder.note(What::Run { mode: "bigroup".into(), seed });
    let http = Http::new(&server.url(), recorder.clone())?;
    let mut dice = Dice::new(seed, 50_000);
    let owner = Arc::new(Person::register(&http, format!("owner-{:x}", unix_ms()), &mut dice).await?);
    recorder.note(What::User { user: owner.id.clone() });
    let answer = owner.insist("POST", "/v1/conversations", json!({"title": "everybody"})).await?;
    let group = answer.text("conversation_id").to_owned();
    bring_absent(&http, &owner, &group, size.members - 1 - online, seed).await?;
    // The last to come listen: what they may see begins late.
    let listeners = bring_listeners(&http, &owner, &group, online, seed).await?;
    eprintln!("{} members in {:.1?}", size.members, recorder.age());
    listeners.iter().for_each(|person| recorder.note(What::User { user: person.id.clone() }));
    let mut people = vec![owner];
    people.extend(listeners);
    let world = World::new(http, recorder, people, Habits::default(), seed, unix_ms());
    live(&world, &group, size).await?;

    let mut readers: Vec<Arc<Person>> = world.people.iter().take(1 + size.talkers).cloned().collect();
    readers.extend(world.people.iter().rev().take(20).cloned());
    world.recorder.note(What::Quiet {});
    let read = finale::read_everything(&world, &readers).await;
    world.recorder.finish()?;
    server.kill().await?;
    read?;
    judge(history).await
}

/// Registers people who never log in, and brings them in.
async fn bring_absent(http: &Http, owner: &Person, group: &str, count: usize, seed: u64) -> Result<()> {
    let mut hands = JoinSet::new();
    for hand in 0..HANDS {
        let (http, mine) = (http.clone(), (count + hand) / HANDS);
        hands.spawn(async move {
            let mut dice = Dice::new(seed, 51_000 + hand as u64);
            let mut ids = Vec::new();
            for _ in 0..mine {
                ids.push(Person::register_absent(&http, &some_name(&mut dice)).await?);
            }
            anyhow::Ok(ids)
        });
    }
    while let Some(hand) = hands.join_next().await {
        for some in hand?.context("register people")?.chunks(500) {
            invite(owner, group, &some.iter().map(|id| &**id).collect::<Vec<_>>()).await?;
        }
    }
    Ok(())
}

/// Registers people who will listen, and brings them in.
async fn bring_listeners(
    http: &Http,
    owner: &Person,
    group: &str,
    count: usize,
    seed: u64,
) -> Result<Vec<Arc<Person>>> {
    let mut hands = JoinSet::new();
    for hand in 0..HANDS {
        let (http, mine) = (http.clone(), (count + hand) / HANDS);
        hands.spawn(async move {
            let mut dice = Dice::new(seed, 51_500 + hand as u64);
            let mut people = Vec::new();
            for _ in 0..mine {
                people.push(Arc::new(Person::register(&http, some_name(&mut dice), &mut dice).await?));
            }
            anyhow::Ok(people)
        });
    }
    let mut all = Vec::new();
    while let Some(hand) = hands.join_next().await {
        let people = hand?.context("register listeners")?;
        for some in people.chunks(500) {
            invite(owner, group, &some.iter().map(|person| &*person.id).collect::<Vec<_>>()).await?;
        }
        all.extend(people);
    }
    Ok(all)
}

fn some_name(dice: &mut Dice) -> String {
    format!("m{:x}-{:x}", dice.roll() as u32, unix_ms())
}

async fn invite(owner: &Person, group: &str, ids: &[&str]) -> Result<()> {
    let answer = owner.insist("POST", &format!("/v1/conversations/{group}/members"), json!({"user_ids": ids})).await?;
    let joined = answer.body.get("joined").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(joined == ids.len(), "{joined} of {} came in", ids.len());
    Ok(())
}

/// Listeners listen, talkers talk, a part of the listeners leaves, is removed and comes back.
async fn live(world: &Arc<World>, group: &str, size: Size) -> Result<()> {
    let over = watch::Sender::new(false);
    let heard = Arc::new(AtomicU64::new(0));
    let there = Arc::new(Barrier::new(world.people.len() + 1));
    let mut listening = JoinSet::new();
    for (index, person) in world.people.iter().enumerate() {
        let (world, person, over) = (world.clone(), person.clone(), over.subscribe());
        let (heard, there) = (heard.clone(), there.clone());
        listening.spawn(async move { listen(&world, &person, index, over, &heard, &there).await });
    }
    timeout(Duration::from_secs(120), there.wait()).await.context("not everybody could connect")?;
    eprintln!("{} listen after {:.1?}", world.people.len(), world.recorder.age());

    let mut acting = JoinSet::new();
    for talker in 1..=size.talkers {
        acting.spawn(talk(world.clone(), group.to_owned(), talker, over.subscribe()));
    }
    let restless: Vec<usize> = (size.talkers + 1..world.people.len()).collect();
    for (lane, part) in restless.chunks(restless.len().div_ceil(4).max(1)).enumerate() {
        acting.spawn(come_and_go(world.clone(), group.to_owned(), part.to_vec(), lane as u64, over.subscribe()));
    }
    sleep(Duration::from_secs(size.seconds)).await;
    // First nobody acts any more, then the pushes that are on the way arrive.
    over.send_replace(true);
    let mut done = 0;
    while let Some(acted) = acting.join_next().await {
        done += acted?;
    }
    let mut arrivals = world.recorder.arrivals();
    loop {
        sleep(Duration::from_millis(700)).await;
        if std::mem::replace(&mut arrivals, world.recorder.arrivals()) == world.recorder.arrivals() {
            break;
        }
    }
    drop(over);
    while let Some(listener) = listening.join_next().await {
        listener?.context("a listener failed")?;
    }
    eprintln!("{done} messages and changes, {} entries heard", heard.load(Ordering::Relaxed));
    ensure!(heard.load(Ordering::Relaxed) > 0, "nobody heard anything");
    Ok(())
}

async fn listen(
    world: &World,
    person: &Person,
    index: usize,
    mut over: watch::Receiver<bool>,
    heard: &AtomicU64,
    there: &Barrier,
) -> Result<()> {
    // Not all at once: a listener waits for its turn of the processor anyway.
    sleep(Duration::from_millis(index as u64 * 2)).await;
    let whose = (&*person.id, &*person.desk.device, false);
    let encoding = if index.is_multiple_of(10) { Encoding::Json } else { Encoding::Proto };
    let mut socket = Socket::connect(world.http.authority(), encoding, world.recorder.clone(), whose).await?;
    socket.hello(&person.token(&person.desk).await, &person.desk.device, "").await?;
    let mut waits = true;
    let (mut pushed, mut acked, mut acked_at) = (0, 0, Instant::now());
    loop {
        tokio::select! {
            received = timeout(Duration::from_millis(400), socket.next()) => match received {
                Ok(Received::Frame(frame)) => {
                    if frame.welcome.is_some() && std::mem::take(&mut waits) {
                        there.wait().await;
                    }
                    if let Some(push) = frame.push {
                        pushed = push.push_no;
                        heard.fetch_add(push.events.len() as u64, Ordering::Relaxed);
                    }
                }
                Ok(Received::Other) | Err(_) => {}
                Ok(Received::End(code)) => anyhow::bail!("a listener's connection ended: {code:?}"),
            },
            // The sender is dropped when all is over.
            gone = over.changed() => if gone.is_err() { break },
        }
        if pushed - acked >= 32 || pushed > acked && acked_at.elapsed() > Duration::from_millis(400) {
            (acked, acked_at) = (pushed, Instant::now());
            socket.send(&json!({"ack": {"push_no": pushed}})).await?;
        }
    }
    socket.leave(false).await;
    Ok(())
}

async fn talk(world: Arc<World>, group: String, talker: usize, over: watch::Receiver<bool>) -> usize {
    let mut dice = Dice::new(world.seed, 52_000 + talker as u64);
    let mut done = 0;
    while !*over.borrow() {
        let words = format!("{talker} says {done}");
        let body = json!({"client_msg_id": dice.id(world.unix_ms()), "content": {"text": {"text": words}}});
        let path = format!("/v1/conversations/{group}/messages");
        done += usize::from(world.people[talker].call("POST", &path, body).await.good());
        sleep(Duration::from_millis(150 + dice.below(200) as u64)).await;
    }
    done
}

async fn come_and_go(
    world: Arc<World>,
    group: String,
    restless: Vec<usize>,
    lane: u64,
    over: watch::Receiver<bool>,
) -> usize {
    let mut dice = Dice::new(world.seed, 53_000 + lane);
    let (mut done, owner) = (0, &world.people[0]);
    let mut away: Vec<usize> = Vec::new();
    while !*over.borrow() {
        let back = away.len() > 10 || !away.is_empty() && dice.chance(45);
        let answer = if back {
            let guest = &world.people[away.swap_remove(dice.below(away.len()))];
            let path = format!("/v1/conversations/{group}/members");
            owner.call("POST", &path, json!({"user_ids": [guest.id]})).await
        } else {
            let Some(&one) = dice.pick(&restless) else { return done };
            away.push(one);
            let person = &world.people[one];
            if dice.chance(50) {
                person.call("POST", &format!("/v1/conversations/{group}:leave"), Value::Null).await
            } else {
                let path = format!("/v1/conversations/{group}/members/{}", person.id);
                owner.call("DELETE", &path, Value::Null).await
            }
        };
        done += usize::from(answer.good());
        sleep(Duration::from_millis(100 + dice.below(100) as u64)).await;
    }
    done
}

/// A thousand sockets are more files than many shells allow at first.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    // If it is not allowed, connecting will say so.
    let _refused = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum });
}
