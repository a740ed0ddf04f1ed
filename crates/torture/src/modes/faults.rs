//! Planted faults: a server that breaks one promise on purpose must be caught breaking exactly that one.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Party, Server, kill,
    torment::{self, Torment},
};
use crate::{
    check::{Invariant, Report},
    drive::Habits,
};

/// A fault that a server built with the feature `planted-faults` commits where `ANSER_PLANT` names it.
#[derive(Debug)]
pub struct Fault {
    /// Its name in `ANSER_PLANT`.
    pub name: &'static str,
    /// The promise that it breaks.
    pub breaks: Invariant,
    /// Where in the server's path the hook stands.
    pub place: &'static str,
    /// What the hook does there.
    pub does: &'static str,
    /// Under what it shows as itself.
    pub under: Under,
}

/// Under what a fault shows as itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// Everything that people do.
    Bustle,
    /// Everything except going away and coming back, which would make something else of it.
    Staying,
    /// Kills of the server.
    Kills,
}

const fn fault(name: &'static str, breaks: Invariant, place: &'static str, does: &'static str) -> Fault {
    Fault { name, breaks, place, does, under: Under::Bustle }
}

/// All of them, at least one for each invariant. `docs/testing.md` has the same table for people.
pub const FAULTS: &[Fault] = &[
    fault(
        "seq_reused",
        Invariant::SeqsDense,
        "messaging, send lane: where an entry takes head + 1",
        "every 40th message takes the head's own seq instead, and its row replaces the one that stood there",
    ),
    fault(
        "key_forgotten",
        Invariant::SameKeySameAck,
        "messaging, send lane: where known keys are looked up",
        "no key is ever found; the key row is written with OR REPLACE",
    ),
    fault(
        "reader_differs",
        Invariant::ReadersAgree,
        "messaging, sync: where a stored row becomes an Entry of a page",
        "every 50th text that is read gets a ` ` at its end",
    ),
    fault(
        "phantom",
        Invariant::NoPhantom,
        "messaging, send lane: after a message was appended",
        "every 40th message is appended a second time under a fresh client_msg_id",
    ),
    Fault {
        name: "ack_before_commit",
        breaks: Invariant::AckedInLogOnce,
        place: "messaging, send lane: where outcomes leave after the commit",
        does: "the acks of new messages leave before the COMMIT, which then waits 50 ms; hints leave after it as ever",
        under: Under::Kills,
    },
    fault(
        "order_swapped",
        Invariant::AckRealTimeOrder,
        "messaging, wherever an entry's seq is told: acks, hints, pages, resumes",
        "every 10th seq of a conversation changes places with the next one, for all readers alike",
    ),
    fault(
        "batch_reversed",
        Invariant::SendOrder,
        "messaging, send lane: where the batch is taken from the queue",
        "the batch is worked off from its end",
    ),
    fault(
        "recall_keeps_words",
        Invariant::RecallGone,
        "messaging, recall: where the words give way",
        "they stay, in the row and in what is pushed; the recall is told all the same",
    ),
    fault(
        "version_repeated",
        Invariant::ChangeHasTarget,
        "messaging, log: where a changed row takes its next version",
        "every 10th change leaves the version as it was",
    ),
    fault(
        "edit_lost",
        Invariant::OneRecord,
        "messaging, edit: where the new words are written",
        "every 5th edit keeps the old words, and is told as any other",
    ),
    fault(
        "reaction_forgotten",
        Invariant::ReactionsTold,
        "messaging, reaction: where a message is noted as still to be told of",
        "every 2nd time it is not noted",
    ),
    fault(
        "leave_forgotten",
        Invariant::ActsKept,
        "messaging, leaving and removal: where the stay ends",
        "nothing happens, and the answer says that it did",
    ),
    fault(
        "block_ignored",
        Invariant::BlockHolds,
        "messaging, membership: where it is found how the two of a direct conversation stand",
        "blocks count for nothing",
    ),
    fault(
        "target_to_outsider",
        Invariant::Entitlement,
        "messaging, fanout: where it is found who may see the message that was changed",
        "everybody who gets the change gets the message",
    ),
    fault(
        "deleted_shown",
        Invariant::SyncExact,
        "messaging, membership: where what somebody deleted for themselves is left out of their view",
        "it is not left out",
    ),
    fault(
        "recalled_counted",
        Invariant::UnreadCorrect,
        "messaging, membership: where recalled messages are subtracted from what is unread",
        "they are not",
    ),
    fault(
        "ts_backwards",
        Invariant::ServerTsMonotone,
        "messaging, send lane: where server_ts is set",
        "every 40th message is dated ten seconds earlier",
    ),
    fault(
        "delivery_after_removal",
        Invariant::Entitlement,
        "messaging, after the commit: where the recipients of an entry are found",
        "people who were removed or left still count as members",
    ),
    fault(
        "hidden_entry_shown",
        Invariant::Entitlement,
        "messaging, sync: where a page is cut by the reader's membership ranges",
        "every 5th page of somebody who did not join at seq 1 ignores the ranges",
    ),
    fault(
        "stale_read",
        Invariant::ReadsOwnAcks,
        "messaging, sync/heads and sync/conversation: where the head is read",
        "every 10th head told is two entries lower, where it is greater than three",
    ),
    fault(
        "sync_skips",
        Invariant::SyncExact,
        "messaging, sync: where a page's entries are collected",
        "every 20th page of at least two entries lacks its first",
    ),
    fault(
        "frame_dropped",
        Invariant::ConnectionOrder,
        "gateway, socket: where entries are put into a connection's queue",
        "every 100th time they are dropped; push_no goes on as if nothing were missing",
    ),
    fault(
        "resume_skips",
        Invariant::ResumeComplete,
        "messaging, resume: where the entries to replay are collected",
        "of each conversation the first entry is left out",
    ),
    Fault {
        name: "connection_forgotten",
        breaks: Invariant::DeviceConverges,
        place: "gateway, socket: where entries are put into a connection's queue",
        does: "a connection that got five pushes gets no more entries, and stays open",
        under: Under::Staying,
    },
    fault(
        "cursor_set_back",
        Invariant::ReadCursorMonotone,
        "messaging, read cursor: where the greater of old and new is taken",
        "the new one is taken",
    ),
    fault(
        "unread_wrong",
        Invariant::UnreadCorrect,
        "messaging, heads: where unread is told",
        "every 10th count is one too many",
    ),
    fault(
        "file_torn",
        Invariant::FilesKept,
        "file: where a piece of a file is read",
        "the first byte of every 5th piece is another",
    ),
    fault(
        "search_forgets",
        Invariant::SearchExact,
        "search: where an entry of the log is taken into the index",
        "every 3rd message is left out",
    ),
];

/// How long a fault may stay hidden.
const PATIENCE: Duration = Duration::from_secs(15);

/// Plants each of `names` (all, if empty) and requires that it is caught in time under its own name; then requires that
/// a run without a fault is clean. Answers whether all was as it must be.
pub async fn run(program: &Path, scratch: &Path, names: &[String], seed: u64) -> Result<bool> {
    let chosen = FAULTS.iter().filter(|fault| names.is_empty() || names.iter().any(|name| name == fault.name));
    let chosen: Vec<&Fault> = chosen.collect();
    ensure!(!chosen.is_empty(), "no such fault");
    let mut good = true;
    for fault in chosen {
        let began = Instant::now();
        let place = scratch.join(fault.name);
        std::fs::create_dir_all(&place)?;
        let caught = timeout(PATIENCE * 3, plant(program, &place, fault, seed)).await;
        let took = began.elapsed();
        let verdict = match caught {
            Ok(Ok(report)) if report.primary() == Some(fault.breaks) && took <= PATIENCE => "caught".to_owned(),
            Ok(Ok(report)) if report.primary() == Some(fault.breaks) => "CAUGHT TOO LATE".to_owned(),
            Ok(Ok(report)) => format!("NOT CAUGHT, wanted {}:\n{report}", fault.breaks),
            Ok(Err(error)) => format!("NOT CAUGHT: {error:#}"),
            Err(_) => "NOT CAUGHT: the run does not end".to_owned(),
        };
        good &= verdict == "caught";
        println!("{:<24} {:<22} {:>5.1} s  {verdict}", fault.name, fault.breaks.name(), took.as_secs_f64());
    }
    if names.is_empty() {
        let plain = Torment { seconds: 10, seed, people: 6, habits: habits(Under::Bustle) };
        let report = torment::run_own(program, scratch, &[], &scratch.join("history.jsonl"), &plain).await?;
        println!("without a fault: {report}");
        good &= report.clean();
    }
    Ok(good)
}

async fn plant(program: &Path, place: &Path, fault: &Fault, seed: u64) -> Result<Report> {
    let (environment, history) = ([("ANSER_PLANT", fault.name)], place.join("history.jsonl"));
    if fault.under == Under::Kills {
        return Ok(kill::run(program, &place.join("data"), &history, 2, seed, &environment).await?.report);
    }
    // A fault that spoils what the index is made of must not be refused by the index first.
    let mut server = Server::new(program, &place.join("data"))?.set("messaging.index_run=1000000");
    server.start(&environment).await?;
    let mut party = Party::prepare(&server.url(), &history, "fault", 6, habits(fault.under), seed).await?;
    party.begin().await?;
    sleep(Duration::from_secs(5)).await;
    let finished = party.finish_anyhow(&history, Duration::from_secs(3)).await;
    server.kill().await?;
    Ok(finished?.report)
}

fn habits(under: Under) -> Habits {
    let disconnects = if under == Under::Staying { 0 } else { 5 };
    let (pause, social_pause) = (Duration::from_millis(70), Some(Duration::from_millis(70)));
    Habits { pause, social_pause, social_lanes: 6, disconnects, ..Habits::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_has_a_fault() {
        for invariant in Invariant::ALL {
            assert!(FAULTS.iter().any(|fault| fault.breaks == *invariant), "{invariant}");
        }
    }
}
