//! One history: what happens between three people, and when the watched devices are looked at.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    Stage,
    fresh::{State, fresh},
    watched::Watched,
};
use crate::drive::{Answer, Dice, Encoding, Person, finale::Reader, persist};

/// How often a step is tried that a restart cut off.
const TRIES: usize = 5;

pub(super) struct Story<'s> {
    stage: &'s Stage,
    pub(super) dice: Dice,
    pub(super) host: Arc<Person>,
    /// Whose devices are watched.
    pub(super) guest: Arc<Person>,
    pub(super) third: Arc<Person>,
    group: String,
    direct: String,
    devices: Vec<Watched>,
    steps: Vec<String>,
    /// Messages that stand: where, which, whose.
    pub(super) said: Vec<(String, i64, Arc<Person>)>,
    /// When somebody reacted last: that is told only a moment later.
    pub(super) reacted_at: Option<Instant>,
}

/// How long it may take until reactions are told.
const TOLD: Duration = Duration::from_secs(4);

/// Tells the history of `seed`. A failure comes with the steps that led to it.
pub async fn tell(stage: &Stage, seed: u64) -> Result<(), (anyhow::Error, Vec<String>)> {
    let mut story = begin(stage, seed).await.map_err(|error| (error, vec!["the beginning".to_owned()]))?;
    match story.go_on().await {
        Ok(()) => Ok(()),
        Err(error) => Err((error, story.steps)),
    }
}

async fn begin(stage: &Stage, seed: u64) -> Result<Story<'_>> {
    let _standing = stage.standing.read().await;
    let mut dice = Dice::new(seed, 40_000);
    let world = &stage.world;
    let mut people = Vec::new();
    for role in ["host", "guest", "third"] {
        let name = format!("{role}-{:x}-{:x}", world.unix_ms(), dice.roll() as u32);
        people.push(Arc::new(Person::register(&world.http, name, &mut dice).await?));
    }
    let [host, guest, third] = <[Arc<Person>; 3]>::try_from(people).ok().context("three people")?;
    for (one, other) in [(&host, &guest), (&host, &third), (&guest, &third)] {
        one.befriend(other).await?;
    }
    // The guest is there from the beginning, or has to be brought in and then misses what was before.
    let first = if dice.chance(50) { vec![&guest.id, &third.id] } else { vec![&third.id] };
    let body = json!({"title": "a group", "member_ids": first});
    let group = host.insist("POST", "/v1/conversations", body).await?.text("conversation_id").to_owned();
    let direct = host.insist("POST", "/v1/conversations", json!({"user_id": guest.id})).await?;
    let direct = direct.text("conversation_id").to_owned();
    let mut devices = Vec::new();
    for encoding in [Encoding::Json, Encoding::Proto] {
        devices.push(Watched::new(world.clone(), guest.clone(), encoding, &mut dice).await?);
    }
    Ok(Story {
        stage,
        dice,
        host,
        guest,
        third,
        group,
        direct,
        devices,
        steps: Vec::new(),
        said: Vec::new(),
        reacted_at: None,
    })
}

impl Story<'_> {
    async fn go_on(&mut self) -> Result<()> {
        let steps = 12 + self.dice.below(18);
        for _ in 0..steps {
            if self.dice.chance(1) {
                self.steps.push("the server is restarted".into());
                self.stage.restart().await?;
            }
            let standing = self.stage.standing.read().await;
            self.step().await?;
            drop(standing);
        }
        for device in 0..self.devices.len() {
            let _standing = self.stage.standing.read().await;
            self.look(device).await?;
        }
        for device in &mut self.devices {
            device.leave(true).await;
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<()> {
        let device = self.dice.below(self.devices.len());
        match self.dice.weighted(&[24, 8, 6, 8, 8, 5, 4, 4, 14, 8, 14, 10, 20, 5, 4, 3]) {
            0 => self.others_talk().await,
            1 => self.guest_talks(device).await,
            2 => self.call("the guest is removed", &self.host.clone(), "DELETE", self.member_path(), Value::Null).await,
            3 => self.comes_back().await,
            4 => {
                self.call("the guest leaves", &self.guest.clone(), "POST", self.group_path(":leave"), Value::Null).await
            }
            5 => {
                let path = format!("/v1/friends/{}", self.guest.id);
                self.call("the host ends the friendship", &self.host.clone(), "DELETE", path, Value::Null).await
            }
            6 => {
                self.steps.push("they make friends again".into());
                let _already = self.host.befriend(&self.guest).await;
                Ok(())
            }
            7 => self.flood().await,
            8 => {
                self.steps.push(format!("device {device} connects anew"));
                self.connected(device, true).await
            }
            9 => {
                self.steps.push(format!("device {device} goes away"));
                let politely = self.dice.chance(50);
                self.devices[device].leave(politely).await;
                Ok(())
            }
            10 => self.look(device).await,
            11 => self.reads(device).await,
            12 => self.something_changes().await,
            13 => self.guest_deletes().await,
            14 => self.rules_change().await,
            _ => self.somebody_blocks().await,
        }
    }

    pub(super) fn group_path(&self, rest: &str) -> String {
        format!("/v1/conversations/{}{rest}", self.group)
    }

    fn member_path(&self) -> String {
        self.group_path(&format!("/members/{}", self.guest.id))
    }

    /// Does something whose refusal is no failure: one who is not there cannot be removed.
    pub(super) async fn call(
        &mut self,
        step: &str,
        who: &Person,
        method: &str,
        path: String,
        body: Value,
    ) -> Result<()> {
        self.ask(step, who, method, path, body).await.map(drop)
    }

    async fn ask(&mut self, step: &str, who: &Person, method: &str, path: String, body: Value) -> Result<Answer> {
        self.steps.push(step.into());
        let answer = persist(|| who.call(method, &path, body.clone())).await;
        ensure!(!answer.unknown(), "{step}: {} {}", answer.status, answer.body);
        Ok(answer)
    }

    async fn comes_back(&mut self) -> Result<()> {
        let (host, guest) = (self.host.clone(), self.guest.clone());
        let body = json!({"user_ids": [guest.id]});
        self.call("the guest is invited", &host, "POST", self.group_path("/members"), body).await?;
        if self.dice.chance(70) {
            let path = format!("/v1/invitations/{}:accept", self.group);
            self.call("the guest accepts, if asked", &guest, "POST", path, Value::Null).await?;
        }
        Ok(())
    }

    fn some_conversation(&mut self) -> String {
        if self.dice.chance(60) { self.group.clone() } else { self.direct.clone() }
    }

    pub(super) fn words(&mut self) -> Value {
        json!({"text": {"text": format!("words {}", self.dice.roll())}})
    }

    async fn others_talk(&mut self) -> Result<()> {
        let (host, third) = (self.host.clone(), self.third.clone());
        for _ in 0..1 + self.dice.below(4) {
            let conversation = self.some_conversation();
            let who = if conversation == self.group && self.dice.chance(40) { &third } else { &host };
            self.talk(who, &conversation).await?;
        }
        Ok(())
    }

    async fn talk(&mut self, who: &Arc<Person>, conversation: &str) -> Result<()> {
        let body = json!({"client_msg_id": self.dice.id(self.stage.world.unix_ms()), "content": self.words()});
        let step = format!("a message to {}", if conversation == self.group { "the group" } else { "the guest" });
        let path = format!("/v1/conversations/{conversation}/messages");
        let answer = self.ask(&step, who, "POST", path, body).await?;
        if let Some(seq) = answer.body.get("seq").and_then(Value::as_i64) {
            self.said.push((conversation.to_owned(), seq, who.clone()));
        }
        Ok(())
    }

    async fn guest_talks(&mut self, device: usize) -> Result<()> {
        let conversation = self.some_conversation();
        if self.dice.chance(50) {
            let guest = self.guest.clone();
            return self.talk(&guest, &conversation).await;
        }
        self.steps.push(format!("device {device} sends"));
        let cmid = self.dice.id(self.stage.world.unix_ms());
        let send = json!({"conversation_id": conversation, "client_msg_id": cmid, "content": self.words()});
        self.connected(device, false).await?;
        if self.devices[device].say(send).await.is_err() {
            self.devices[device].leave(false).await;
        }
        Ok(())
    }

    /// More than the push window holds, while nobody reads.
    async fn flood(&mut self) -> Result<()> {
        let (host, conversation) = (self.host.clone(), self.some_conversation());
        let count = 20 + self.dice.below(60);
        self.steps.push(format!("{count} messages at once"));
        let mut sends = Vec::new();
        for _ in 0..count {
            let cmid = self.dice.id(self.stage.world.unix_ms());
            sends.push(json!({"conversation_id": conversation, "client_msg_id": cmid, "content": self.words()}));
        }
        let mut reader = Reader::open(&self.stage.world, &host, &host.desk, false, &mut self.dice).await?;
        for some in sends.chunks(50) {
            reader.send_at_once(some.to_vec()).await?;
        }
        reader.close().await;
        Ok(())
    }

    async fn reads(&mut self, device: usize) -> Result<()> {
        let conversation = self.some_conversation();
        let place = self.devices[device].place(&conversation);
        let read_seq = (place - self.dice.below(6) as i64).max(0);
        self.steps.push(format!("device {device} has read {read_seq}"));
        self.connected(device, false).await?;
        // Somebody who never was there, or a socket that is gone: nothing to compare.
        if self.devices[device].read(&conversation, read_seq).await.is_err() {
            self.devices[device].leave(false).await;
        }
        Ok(())
    }

    async fn connected(&mut self, device: usize, anew: bool) -> Result<()> {
        let mut last = Ok(());
        for _ in 0..TRIES {
            if self.devices[device].connected() && !anew {
                return Ok(());
            }
            last = self.devices[device].connect(&mut self.dice).await;
            if last.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(100)).await;
        }
        last.context("a device could not connect")
    }

    /// Looks at a device: pushes must keep it complete, and after a sync it must hold what a fresh device holds.
    async fn look(&mut self, device: usize) -> Result<()> {
        self.steps.push(format!("device {device} is looked at"));
        self.connected(device, false).await?;
        let _cut_off = self.devices[device].listen(Duration::from_millis(3)).await;
        if self.devices[device].connected() && self.devices[device].continuous && self.dice.chance(50) {
            self.pushed_state(device).await?;
        }
        let deadline = Instant::now() + TOLD;
        loop {
            self.synced(device).await?;
            let right = self.fresh().await?;
            let Some(found) = self.devices[device].state.difference(&right, &self.guest.id) else { return Ok(()) };
            // Reactions may be told between the sync and the look of the fresh device.
            let being_told = self.reacted_at.is_some_and(|at| at.elapsed() < TOLD) && Instant::now() < deadline;
            ensure!(being_told, "after a sync, device {device} differs: {found}");
            sleep(Duration::from_millis(300)).await;
        }
    }

    async fn synced(&mut self, device: usize) -> Result<()> {
        let mut tried = 0;
        loop {
            self.connected(device, false).await?;
            match self.devices[device].sync(&mut self.dice).await {
                Ok(()) => return Ok(()),
                Err(error) if tried == TRIES => return Err(error.context("a device could not sync")),
                Err(_cut_off) => self.devices[device].leave(false).await,
            }
            tried += 1;
        }
    }

    /// A device that lost nothing is complete without asking, within moments.
    async fn pushed_state(&mut self, device: usize) -> Result<()> {
        let mut right = self.fresh().await?;
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            if self.devices[device].listen(Duration::from_millis(5)).await.is_err() || !self.devices[device].continuous
            {
                return Ok(());
            }
            let mine = State { entries: self.devices[device].state.entries.clone(), ..right.clone() };
            let Some(found) = mine.difference(&right, &self.guest.id) else { return Ok(()) };
            ensure!(Instant::now() < deadline, "device {device} was not told by pushes: {found}");
            if self.reacted_at.is_some() {
                right = self.fresh().await?;
            }
        }
    }

    async fn fresh(&mut self) -> Result<State> {
        let mut last = None;
        for _ in 0..TRIES {
            match fresh(&self.stage.world, &self.guest, &mut self.dice).await {
                Ok(state) => return Ok(state),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no try")?).context("a fresh device could not sync")
    }
}
