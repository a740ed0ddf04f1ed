//! A party: people who know each other, groups, and everybody's devices, from the first registration to the verdict.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use super::judge;
use crate::{
    check::Report,
    drive::{Dice, Habits, Http, Person, World, device::Device, finale, social},
    history::{Recorder, What},
};

/// A running party.
pub struct Party {
    /// What its people share.
    pub world: Arc<World>,
    guests: JoinSet<()>,
    devices: u64,
}

impl Party {
    /// Registers `people`, makes them friends, makes three groups of them.
    pub async fn prepare(
        url: &str,
        history: &Path,
        mode: &str,
        people: usize,
        habits: Habits,
        seed: u64,
    ) -> Result<Self> {
        let recorder = Arc::new(Recorder::create(history)?);
        recorder.note(What::Run { mode: mode.to_owned(), seed });
        let http = Http::new(url, recorder.clone())?;
        let unix_ms = unix_ms();
        let mut dice = Dice::new(seed ^ unix_ms as u64, 0);
        let mut all = Vec::new();
        for number in 0..people {
            let name = format!("t{:08x}p{number}", dice.roll() as u32);
            let person = Person::register(&http, name, &mut dice).await?;
            recorder.note(What::User { user: person.id.clone() });
            all.push(Arc::new(person));
        }
        social::befriend_all(&all).await.context("make friends")?;
        let world = World::new(http, recorder, all, habits, seed, unix_ms);
        for group in 0..3.min(people) {
            let members: Vec<usize> =
                (0..people).filter(|&member| member != group && (member + group) % 4 != 3).collect();
            social::make_group(&world, group, &members, &format!("group {group}")).await.context("make a group")?;
        }
        Ok(Self { world, guests: JoinSet::new(), devices: 0 })
    }

    /// Logs two devices of everybody in and lets things happen.
    pub async fn begin(&mut self) -> Result<()> {
        let people = self.world.people.clone();
        for round in 0..2 {
            for (index, person) in people.iter().enumerate() {
                let mut dice = Dice::new(self.world.seed, 5_000 + round * 1_000 + index as u64);
                let login = person.log_in(&mut dice).await?;
                let device = Device::new(self.world.clone(), person.clone(), login, self.devices + round);
                self.devices += 1;
                self.guests.spawn(device.run());
            }
        }
        for lane in 0..self.world.habits.social_lanes {
            self.guests.spawn(social::run(self.world.clone(), lane));
        }
        Ok(())
    }

    /// Lets everybody finish, reads everything back, and judges. Whatever could not be finished is an error.
    pub async fn finish(self, history: &Path) -> Result<Report> {
        let Finished { report, quiet, read } = self.finish_anyhow(history, Duration::from_secs(40)).await?;
        read.with_context(|| format!("what was read until then says: {report}"))?;
        ensure!(quiet || !report.clean(), "it never became quiet: something was left without an answer");
        Ok(report)
    }

    /// The same with a server of which nothing good is expected: the verdict is what counts.
    pub async fn finish_anyhow(mut self, history: &Path, patience: Duration) -> Result<Finished> {
        let quiet = self.world.settle(patience).await;
        self.world.end();
        while let Some(guest) = self.guests.join_next().await {
            guest.context("a virtual client panicked")?;
        }
        let read = finale::read_everything(&self.world, &self.world.people).await;
        self.world.recorder.finish()?;
        Ok(Finished { report: judge(history).await?, quiet, read })
    }
}

/// How a party ended.
pub struct Finished {
    /// The verdict.
    pub report: Report,
    /// Whether everything came to its end in time.
    pub quiet: bool,
    /// Whether everything could be read back.
    pub read: Result<()>,
}

/// The time, for ids and names.
#[expect(clippy::disallowed_methods, reason = "the one place where the virtual clients look at a wall clock")]
pub fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
