//! How the newest entries come into the index: in runs, behind the journal.
//!
//! [`Log`] holds the rows of the newest entries in memory ([`Recent`]). When there are enough of them a run begins: all
//! rows up to a committed position, in the order of the tables. Each transaction that appends also moves a slice of
//! the run, so nobody waits for the whole of it, and one page of the index takes the rows of many commits. How far the
//! run is stands in `messaging_indexed` and moves in the same transaction as the rows; a run depends on the journal
//! alone, so after a restart it goes on where it was.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use anser_contract::EntryKind;
use anser_engine::{Db, Reader, Tx, failpoint::failpoint};
use anser_types::{Clock, ConversationId, Error, Result, UserId};
use parking_lot::Mutex;

use super::{
    Extent, Snapshot, last_position,
    recent::{Own, Recent},
};
use crate::message::store;

/// Rows that a transaction moves besides as many as it adds; few in tests, so that runs take several.
const ROWS_AT_LEAST: usize = if cfg!(test) { 1 } else { 64 };

/// The log of all conversations. Cheap to clone.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    recent: Mutex<Recent>,
    /// The run that is being moved, as long as this process has moved any of it. The writer's alone.
    run: Mutex<Option<Run>>,
    /// A position that was committed.
    committed: AtomicI64,
    /// The end of the last finished run but one: no question that knows less than this should still be open.
    forgettable: AtomicI64,
    run_entries: i64,
    /// Whose words are over by now is never read.
    clock: Clock,
}

/// The row of `messaging_indexed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Indexed {
    through: i64,
    run_end: i64,
    done: i64,
}

/// What a run writes, in the order in which it is written.
struct Run {
    end: i64,
    rows: Vec<IndexRow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IndexRow {
    Extent(ConversationId, Extent),
    /// Sending reads: the last seq of somebody's own, and its position.
    Cursor(ConversationId, UserId, i64, i64),
}

impl Log {
    /// The log of a store. Reads what the index does not have yet. A run begins whenever `run_entries` are not in it.
    pub async fn open(db: &Db, run_entries: i64, clock: Clock) -> Result<Self> {
        let (indexed, end) = db.read(|reader| Ok((indexed(reader)?, last_position(reader)?))).await?;
        let (from, run_end) = (indexed.through, indexed.run_end);
        let middle = from + (end - from) / 2;
        // Two readers at once: this is what a start after a crash waits for.
        let part = |from, to| db.read(move |reader| Part::read(reader, from, to, run_end));
        let (first, second) = tokio::try_join!(part(from, middle), part(middle, end))?;
        let mut recent = Recent::after(from, first.extents.len() + second.extents.len());
        first.put_into(&mut recent);
        second.put_into(&mut recent);
        // The first transaction must not pay for all of it.
        recent.take_added();
        Ok(Self(Arc::new(Inner {
            forgettable: AtomicI64::new(recent.gone()),
            recent: Mutex::new(recent),
            run: Mutex::new(None),
            committed: AtomicI64::new(end),
            run_entries: run_entries.max(1),
            clock,
        })))
    }

    /// The log as a question or transaction sees it now.
    pub fn at<'r>(&'r self, reader: &'r Reader<'_>) -> Result<Snapshot<'r>> {
        Ok(Snapshot { reader, log: self, end: last_position(reader)?, indexed: indexed(reader)?.through })
    }

    /// The clock that words expire by.
    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Looks into memory for a snapshot whose index goes up to `indexed`. Refused where memory has let go of what that
    /// index does not have: a snapshot so old has lived too long.
    pub(super) fn recent<T>(&self, indexed: i64, look: impl FnOnce(&Recent) -> T) -> Result<T> {
        let recent = self.0.recent.lock();
        if recent.gone() > indexed {
            return Err(Error::unavailable("the question took too long"));
        }
        Ok(look(&recent))
    }

    /// Takes in the extent that this transaction has just appended.
    pub(super) fn put(&self, conversation: ConversationId, extent: Extent, own: &[(UserId, Own)]) {
        self.0.recent.lock().put(conversation, extent, own);
    }

    /// Moves a slice into the index; called once in each transaction that appended. It is as many rows as were added
    /// since, and some more: so a run is through before as much again has come, however the rows are spread.
    pub fn keep_index(&self, tx: &mut Tx<'_>) -> Result<()> {
        let mut recent = self.0.recent.lock();
        let rows = ROWS_AT_LEAST + recent.take_added();
        recent.forget(self.0.forgettable.load(Ordering::Relaxed), rows);
        drop(recent);
        let (log, end) = (self.0.clone(), last_position(tx)?);
        tx.after_commit(move || log.committed.store(end, Ordering::Relaxed));

        let mut at = indexed(tx)?;
        if at.run_end == 0 {
            let committed = self.0.committed.load(Ordering::Relaxed);
            if committed - at.through < self.0.run_entries {
                return Ok(());
            }
            at = Indexed { run_end: committed, done: 0, ..at };
        }
        self.move_slice(tx, at, rows)
    }

    /// Moves all of it at once, and forgets what was moved.
    #[cfg(test)]
    pub async fn settle(&self, db: &Db) {
        let log = self.clone();
        let finish = move |tx: &mut Tx<'_>| {
            let at = Indexed { run_end: last_position(tx)?, ..indexed(tx)? };
            log.move_slice(tx, at, usize::MAX)
        };
        db.write(finish).await.unwrap();
        self.0.recent.lock().forget(i64::MAX, usize::MAX);
    }

    fn move_slice(&self, tx: &mut Tx<'_>, mut at: Indexed, rows: usize) -> Result<()> {
        let mut run = self.0.run.lock();
        // Nothing at or before a committed position ever changes, so a run is known by its end.
        if run.as_ref().is_none_or(|run| run.end != at.run_end) {
            *run = Some(Run { end: at.run_end, rows: run_rows(&self.0.recent.lock(), at.through, at.run_end) });
        }
        let all = run.as_ref().map_or(&[][..], |run| &run.rows);
        let slice: Vec<IndexRow> = all.iter().skip(at.done as usize).take(rows).copied().collect();
        let ends = at.done as usize + slice.len() == all.len();
        drop(run);
        for row in &slice {
            match *row {
                IndexRow::Extent(conversation, extent) => insert_extent(tx, conversation, &extent)?,
                IndexRow::Cursor(conversation, user, seq, position) => {
                    store::raise_cursor(tx, conversation, user, seq, position - 1)?;
                }
            }
        }
        failpoint("index");
        at.done += slice.len() as i64;
        if ends {
            let (log, before) = (self.0.clone(), at.through);
            tx.after_commit(move || {
                log.forgettable.store(before, Ordering::Relaxed);
                *log.run.lock() = None;
            });
            at = Indexed { through: at.run_end, run_end: 0, done: 0 };
        }
        tx.exec(
            "UPDATE messaging_indexed SET through = ?, run_end = ?, done = ? WHERE id = 1",
            &[at.through.into(), at.run_end.into(), at.done.into()],
        )?;
        Ok(())
    }
}

fn indexed(reader: &Reader<'_>) -> Result<Indexed> {
    let row = reader.row("SELECT through, run_end, done FROM messaging_indexed WHERE id = 1", &[], |row| {
        Ok(Indexed { through: row.int(0)?, run_end: row.int(1)?, done: row.int(2)? })
    })?;
    row.ok_or_else(|| Error::internal("the store does not say how far its index goes"))
}

/// The rows of the run over the entries after `through` up to and with `end`: by conversation, first its extents, those
/// that touch made one, then the cursors of those who sent.
fn run_rows(recent: &Recent, through: i64, end: i64) -> Vec<IndexRow> {
    let mut tails: Vec<_> = recent.tails().collect();
    tails.sort_unstable_by_key(|(conversation, _)| *conversation);
    let mut rows = Vec::new();
    for (conversation, tail) in tails {
        let within = |position: i64| through < position && position <= end;
        let mut whole: Option<Extent> = None;
        for extent in tail.extents.iter().filter(|extent| within(extent.last_position())) {
            match &mut whole {
                Some(whole) if whole.last_position() + 1 == extent.first_position => whole.extend(extent),
                _ => rows.extend(whole.replace(*extent).map(|whole| IndexRow::Extent(conversation, whole))),
            }
        }
        rows.extend(whole.map(|whole| IndexRow::Extent(conversation, whole)));
        let mut own: Vec<_> = tail.own.iter().collect();
        own.sort_unstable_by_key(|(user, _)| *user);
        for (user, messages) in own {
            let last = messages.iter().rev().find(|(_, position)| within(*position));
            rows.extend(last.map(|&(seq, position)| IndexRow::Cursor(conversation, *user, seq, position)));
        }
    }
    rows
}

fn insert_extent(tx: &mut Tx<'_>, conversation: ConversationId, extent: &Extent) -> Result<()> {
    tx.exec(
        "INSERT INTO messaging_extent (conversation, first_seq, first_position, entries, countable, last_at)
         VALUES (?, ?, ?, ?, ?, ?)",
        &[
            (&conversation).into(),
            extent.first_seq.into(),
            extent.first_position.into(),
            extent.entries.into(),
            extent.countable.into(),
            extent.last_at.into(),
        ],
    )?;
    Ok(())
}

/// A part of the journal as the index needs it: extents as a run would make them, none over the end of a run that has
/// begun, and each sender's last message in each of them, all in the order of positions.
#[derive(Default)]
struct Part {
    extents: Vec<(ConversationId, Extent)>,
    own: Vec<(UserId, Own)>,
}

impl Part {
    /// The entries after `from` up to and with `to`.
    fn read(reader: &Reader<'_>, from: i64, to: i64, run_end: i64) -> Result<Self> {
        let mut part = Self::default();
        let mut own: Vec<(UserId, Own)> = Vec::new();
        reader.rows(
            "SELECT position, conversation, seq, sender, at, kind, countable_no FROM messaging_entry
             WHERE position > ? AND position <= ? ORDER BY position",
            &[from.into(), to.into()],
            |row| {
                let (position, conversation, seq) = (row.int(0)?, row.id(1)?, row.int(2)?);
                let (countable, last_at) = (row.int(6)?, row.int(4)?);
                let one = Extent { first_seq: seq, first_position: position, entries: 1, countable, last_at };
                match part.extents.last_mut() {
                    Some((same, extent)) if *same == conversation && extent.last_position() != run_end => {
                        extent.extend(&one);
                    }
                    _ => {
                        part.own.append(&mut own);
                        part.extents.push((conversation, one));
                    }
                }
                if row.int(5)? == EntryKind::Message as i64 {
                    note(&mut own, row.id(3)?, (seq, position));
                }
                Ok(())
            },
        )?;
        part.own.append(&mut own);
        Ok(part)
    }

    fn put_into(self, recent: &mut Recent) {
        let mut own = &self.own[..];
        for (conversation, extent) in self.extents {
            let within = own.partition_point(|(_, (_, position))| *position <= extent.last_position());
            let (here, later) = own.split_at(within);
            recent.put(conversation, extent, here);
            own = later;
        }
    }
}

/// Keeps the last message of each sender.
pub(super) fn note(own: &mut Vec<(UserId, Own)>, user: UserId, message: Own) {
    match own.iter_mut().find(|(known, _)| *known == user) {
        Some((_, last)) => *last = message,
        None => own.push((user, message)),
    }
}
