//! What a directory holds after a crash: computed from the log of events alone.

use std::{collections::BTreeMap, fs, path::Path};

use crate::Event;

/// The medium does not write less than this at once.
const SECTOR: usize = 512;

/// The content of a directory's files. SQLite's shared index (`-shm`) is not part of it: it does not outlive a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image(BTreeMap<String, Vec<u8>>);

/// What becomes of bytes that no sync has covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// All there: the process ended, the kernel did not.
    Kept,
    /// All gone: the medium has what was synced and nothing else.
    Gone,
    /// Some sectors there, some not, in no order, as this number decides.
    Torn(u64),
}

impl Image {
    /// The files of `dir`.
    pub fn read(dir: &Path) -> Self {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(dir).expect("a directory").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with("-shm") && entry.path().is_file() {
                files.insert(name, fs::read(entry.path()).expect("a file"));
            }
        }
        Self(files)
    }

    /// Puts the files into `dir`.
    pub fn write(&self, dir: &Path) {
        for (name, content) in &self.0 {
            fs::write(dir.join(name), content).expect("a file in a test's directory");
        }
    }

    /// What the directory holds after `events`.
    pub fn after(events: &[Event], unsynced: Unsynced) -> Self {
        let mut synced_upto = BTreeMap::new();
        for event in events {
            if let Event::Sync { file, began } = event {
                // Of two syncs at once the one that began earlier may end later.
                let upto = synced_upto.entry(file.as_str()).or_insert(0);
                *upto = (*upto).max(*began);
            }
        }
        let mut image = Self::default();
        for (at, event) in events.iter().enumerate() {
            let covered = |file: &str| synced_upto.get(file).is_some_and(|upto| at < *upto);
            match event {
                Event::Write { file, offset, data } if covered(file) => image.put(file, *offset as usize, data),
                Event::Write { file, offset, data } => image.put_unsynced(file, *offset as usize, data, unsynced, at),
                Event::Truncate { file, length } if covered(file) || unsynced.keeps(at, 0) => {
                    image.0.entry(file.clone()).or_default().resize(*length as usize, 0);
                }
                Event::Delete { file } => {
                    image.0.remove(file);
                }
                Event::Truncate { .. } | Event::Sync { .. } | Event::Note(_) => {}
            }
        }
        image
    }

    /// The events that a log begins with where the medium has `synced` and the kernel has `cached`.
    pub(crate) fn as_events(synced: &Self, cached: &Self) -> Vec<Event> {
        let mut events = Vec::new();
        for (file, content) in &synced.0 {
            events.push(Event::Write { file: file.clone(), offset: 0, data: content.clone() });
            events.push(Event::Sync { file: file.clone(), began: events.len() });
        }
        for (file, content) in cached.0.iter().filter(|(file, content)| synced.0.get(*file) != Some(*content)) {
            events.push(Event::Truncate { file: file.clone(), length: content.len() as u64 });
            events.push(Event::Write { file: file.clone(), offset: 0, data: content.clone() });
        }
        events
    }

    fn put(&mut self, file: &str, offset: usize, data: &[u8]) {
        let content = self.0.entry(file.to_owned()).or_default();
        if content.len() < offset + data.len() {
            content.resize(offset + data.len(), 0);
        }
        content[offset..offset + data.len()].copy_from_slice(data);
    }

    fn put_unsynced(&mut self, file: &str, offset: usize, data: &[u8], unsynced: Unsynced, at: usize) {
        let mut from = 0;
        while from < data.len() {
            let sector = (offset + from) / SECTOR;
            let to = ((sector + 1) * SECTOR - offset).min(data.len());
            if unsynced.keeps(at, sector) {
                self.put(file, offset + from, &data[from..to]);
            }
            from = to;
        }
    }
}

impl Unsynced {
    fn keeps(self, event: usize, sector: usize) -> bool {
        match self {
            Self::Kept => true,
            Self::Gone => false,
            Self::Torn(seed) => {
                // splitmix64: one number in, one well mixed out; a test must find the same tear again.
                let mut mixed = seed ^ ((event as u64) << 32) ^ sector as u64;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                (mixed ^ (mixed >> 31)) & 1 == 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(offset: u64, byte: u8) -> Event {
        Event::Write { file: "f".into(), offset, data: vec![byte; 1_024] }
    }

    #[test]
    fn a_sync_covers_what_was_written_before_it_began() {
        let log = [write(0, 1), write(1_024, 2), Event::Sync { file: "f".into(), began: 1 }];
        let content = |unsynced| Image::after(&log, unsynced).0["f"].clone();
        assert_eq!(content(Unsynced::Gone), [1; 1_024]);
        assert_eq!(content(Unsynced::Kept).len(), 2_048);
        let lengths: Vec<usize> = (0..32).map(|seed| content(Unsynced::Torn(seed)).len()).collect();
        assert!([1_024, 1_536, 2_048].iter().all(|length| lengths.contains(length)), "{lengths:?}");
    }

    #[test]
    fn what_only_the_kernel_has_is_not_synced() {
        let synced = Image(BTreeMap::from([("f".to_owned(), vec![1; 4])]));
        let cached = Image(BTreeMap::from([("f".to_owned(), vec![2; 2])]));
        let log = Image::as_events(&synced, &cached);
        assert_eq!(Image::after(&log, Unsynced::Gone), synced);
        assert_eq!(Image::after(&log, Unsynced::Kept), cached);
    }
}
