//! One index on disk: opened or made anew, written by one [`Pen`], read by anybody.
//!
//! An index is derived from a log, so nothing in it is worth repairing: another version of the schema, another store, a file
//! that cannot be read, all mean that it is removed and made again. How far it has read stands in its own commits ([`Mark`]),
//! so a crash repeats some reading and loses nothing.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use anser_types::{Error, Result, Timestamp};
use parking_lot::RwLock;
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyError,
    index::SegmentId,
    indexer::{IndexWriterOptions, LogMergePolicy},
    schema::Schema,
};

use crate::words::WordTokenizer;

/// The name under which schemas ask for our words.
pub const WORDS: &str = "words";

/// How far an index has read, as its newest commit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Of which store.
    pub epoch: [u8; 16],
    /// Through which place of what it follows.
    pub through: i64,
    /// When what was deleted was last taken out of its files.
    pub cleaned_at: Timestamp,
}

impl Mark {
    fn text(&self) -> String {
        format!("{} {} {}", u128::from_be_bytes(self.epoch), self.through, self.cleaned_at)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let epoch = parts.next()?.parse::<u128>().ok()?.to_be_bytes();
        let (through, cleaned_at) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { epoch, through, cleaned_at })
    }
}

/// An index on disk.
pub struct Volume {
    name: &'static str,
    root: PathBuf,
    dir: PathBuf,
    schema: Schema,
    opened: RwLock<Option<Opened>>,
    damaged: AtomicBool,
}

#[derive(Clone)]
struct Opened {
    index: Index,
    reader: IndexReader,
}

impl Volume {
    /// The index `name` of this version in `root`; nothing is read or made yet.
    pub fn new(root: &Path, name: &'static str, version: u32, schema: Schema) -> Self {
        let (root, dir) = (root.to_owned(), root.join(format!("{name}-{version}")));
        Self { name, root, dir, schema, opened: RwLock::new(None), damaged: AtomicBool::new(false) }
    }

    /// Opens it and answers how far it has read; `None` where it has to begin. Other versions of it are removed.
    pub fn open(&self, epoch: [u8; 16]) -> Result<Option<Mark>> {
        let name = self.name;
        make(&self.root).map_err(|error| broken(name, &error))?;
        remove_others(&self.root, name, &self.dir).map_err(|error| broken(name, &error))?;
        if self.dir.exists() {
            // Of files that are not what they were the library may say so in a panic.
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.take_up())) {
                Ok(Ok(None)) => return Ok(None),
                Ok(Ok(Some(mark))) if mark.epoch == epoch => return Ok(Some(mark)),
                Ok(Ok(_)) => tracing::warn!(index = name, "the index is of another store; it is made again"),
                Ok(Err(error)) => tracing::warn!(index = name, %error, "the index cannot be used; it is made again"),
                Err(_) => tracing::warn!(index = name, "the index cannot be read; it is made again"),
            }
            metrics::counter!("anser_search_rebuilds_total", "index" => name).increment(1);
        }
        self.begin().map(|()| None)
    }

    /// Opens what is there, and says how far it has read; `None`: nothing was ever committed.
    fn take_up(&self) -> tantivy::Result<Option<Mark>> {
        let index = Index::open_in_dir(&self.dir)?;
        if index.schema() != self.schema {
            return Err(TantivyError::SchemaError("another schema".into()));
        }
        let metas = index.load_metas()?;
        let mark = metas.payload.as_deref().and_then(Mark::parse);
        if mark.is_none() && !metas.segments.is_empty() {
            return Err(TantivyError::SchemaError("it does not say how far it has read".into()));
        }
        self.place(index)?;
        Ok(mark)
    }

    /// Removes what is there and begins an empty index.
    pub fn begin(&self) -> Result<()> {
        *self.opened.write() = None;
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(broken(self.name, &error)),
            _ => make(&self.dir).map_err(|error| broken(self.name, &error))?,
        }
        let made = Index::create_in_dir(&self.dir, self.schema.clone()).and_then(|index| self.place(index));
        made.map_err(|error| broken(self.name, &error))?;
        self.damaged.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn place(&self, index: Index) -> tantivy::Result<()> {
        index.tokenizers().register(WORDS, WordTokenizer);
        // Whoever commits says when there is something new; a watcher would be a thread that looks each half second.
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        *self.opened.write() = Some(Opened { index, reader });
        Ok(())
    }

    /// What was committed last; nothing while the index is being begun.
    pub fn searcher(&self) -> Option<Searcher> {
        Some(self.opened.read().as_ref()?.reader.searcher())
    }

    /// Shows searches what was committed.
    pub fn refresh(&self) -> Result<()> {
        let opened = self.opened()?;
        opened.reader.reload().map_err(|error| broken(self.name, &error))
    }

    /// Its files cannot be trusted any more: whoever writes it will make it again.
    pub fn give_up(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    /// Whether somebody gave it up.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Whether every file is as it was written. Reads all of it.
    pub fn is_sound(&self) -> bool {
        self.opened().is_ok_and(|opened| opened.index.validate_checksum().is_ok_and(|bad| bad.is_empty()))
    }

    fn opened(&self) -> Result<Opened> {
        self.opened.read().clone().ok_or_else(|| Error::unavailable("the index is being made"))
    }
}

/// What writes one index. It holds threads and memory only between the first change and [`Pen::rest`].
pub struct Pen {
    memory: usize,
    writer: Option<IndexWriter>,
    committed: bool,
}

impl Pen {
    /// A pen that keeps so many bytes of changes before it writes them out.
    pub fn new(memory: usize) -> Self {
        Self { memory, writer: None, committed: false }
    }

    /// To change something with.
    pub fn writer(&mut self, volume: &Volume) -> Result<&mut IndexWriter> {
        if self.writer.is_none() {
            let options = IndexWriterOptions::builder()
                .num_worker_threads(1)
                .num_merge_threads(1)
                .memory_budget_per_thread(self.memory)
                .build();
            let writer: IndexWriter =
                volume.opened()?.index.writer_with_options(options).map_err(|error| broken(volume.name, &error))?;
            let mut policy = LogMergePolicy::default();
            // A segment of which a fifth is deleted is written again without waiting for its like.
            policy.set_del_docs_ratio_before_merge(0.2);
            writer.set_merge_policy(Box::new(policy));
            self.writer = Some(writer);
        }
        self.writer.as_mut().ok_or_else(|| Error::internal("a pen without a writer"))
    }

    /// Stores what was changed, together with how far it goes, and shows it.
    pub fn commit(&mut self, volume: &Volume, mark: &Mark) -> Result<()> {
        let writer = self.writer(volume)?;
        let mut commit = || -> tantivy::Result<()> {
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(&mark.text());
            prepared.commit().map(|_| ())
        };
        commit().map_err(|error| broken(volume.name, &error))?;
        self.committed = true;
        volume.refresh()
    }

    /// Whether something was committed since it was taken up.
    pub fn has_committed(&self) -> bool {
        self.committed
    }

    /// Gives threads and memory back, after what is being merged.
    pub fn rest(&mut self) {
        if let Some(writer) = self.writer.take()
            && let Err(error) = writer.wait_merging_threads()
        {
            tracing::warn!(%error, "an index could not be merged");
        }
    }

    /// Drops what was not committed, and what is being merged.
    pub fn drop_all(&mut self) {
        self.writer = None;
    }

    /// Writes every segment again that holds something deleted, so that its words leave the disk.
    pub fn clean(&mut self, volume: &Volume) -> Result<()> {
        let segments: Vec<SegmentId> = {
            let metas = volume.opened()?.index.searchable_segment_metas();
            let metas = metas.map_err(|error| broken(volume.name, &error))?;
            metas.iter().filter(|meta| meta.num_deleted_docs() > 0).map(|meta| meta.id()).collect()
        };
        let writer = self.writer(volume)?;
        for segment in segments {
            // It may have been merged with others meanwhile, and is then gone: as good.
            if let Err(error) = writer.merge(&[segment]).wait() {
                tracing::debug!(%error, "a segment was not cleaned");
            }
        }
        writer.garbage_collect_files().wait().map_err(|error| broken(volume.name, &error))?;
        volume.refresh()
    }
}

/// An error of the files or of what stands in them.
pub fn broken(name: &str, error: &dyn std::fmt::Display) -> Error {
    tracing::warn!(index = name, %error, "the index failed");
    Error::unavailable("the index cannot be used just now")
}

fn remove_others(root: &Path, name: &str, dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
        if path != dir && file.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')) {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// Makes a folder for its owner alone: words of people are in it.
fn make(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
