//! What is being done to open uploads at this moment: how far each part has come, who writes, and whether it is being
//! completed. Only memory: after a start a part begins anew.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use anser_types::{Error, Result, UploadId};
use parking_lot::Mutex;

/// Uploads that something is being done to. One more is refused.
const MOST: usize = 10_000;
/// Parts of one upload that are being written.
const PARTS: usize = 64;

/// The notes about all open uploads.
#[derive(Clone, Default)]
pub(crate) struct Desk(Arc<Mutex<HashMap<UploadId, Notes>>>);

#[derive(Default)]
struct Notes {
    writers: usize,
    completing: bool,
    /// How many bytes of a part are written.
    parts: HashMap<u32, i64>,
}

impl Notes {
    fn is_blank(&self) -> bool {
        self.writers == 0 && !self.completing && self.parts.is_empty()
    }
}

/// Something is being done until this is dropped.
pub(crate) struct Doing {
    desk: Desk,
    upload: UploadId,
    writes: bool,
}

impl Desk {
    /// `length` bytes are to be written at `offset` of a part. A piece is what follows the one before it, or the one
    /// before it once more, or the first.
    pub(crate) fn write(&self, upload: UploadId, part: u32, offset: i64, length: i64) -> Result<Doing> {
        let mut desk = self.0.lock();
        let full = desk.len() >= MOST;
        let notes = match desk.entry(upload) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if full => return Err(Error::unavailable("too many uploads at once")),
            Entry::Vacant(free) => free.insert(Notes::default()),
        };
        let written = notes.parts.get(&part).copied();
        let refused = if notes.completing {
            Some(Error::unavailable("the upload is being completed"))
        } else if written.is_none() && notes.parts.len() >= PARTS {
            Some(Error::unavailable("too many parts at once"))
        } else if offset != 0 && written != Some(offset) && written != Some(offset + length) {
            Some(Error::unavailable("the part is written by somebody else, or was interrupted: begin it anew"))
        } else {
            None
        };
        if let Some(refused) = refused {
            if notes.is_blank() {
                desk.remove(&upload);
            }
            return Err(refused);
        }
        notes.writers += 1;
        notes.parts.insert(part, offset + length);
        Ok(Doing { desk: self.clone(), upload, writes: true })
    }

    /// A part is whole.
    pub(crate) fn part_done(&self, upload: UploadId, part: u32) {
        if let Some(notes) = self.0.lock().get_mut(&upload) {
            notes.parts.remove(&part);
        }
    }

    /// The upload is to be completed, or to go: nobody may write meanwhile.
    pub(crate) fn close(&self, upload: UploadId) -> Result<Doing> {
        let mut desk = self.0.lock();
        let notes = desk.entry(upload).or_default();
        if notes.completing || notes.writers > 0 {
            return Err(Error::unavailable("the upload is being written or completed"));
        }
        notes.completing = true;
        notes.parts.clear();
        Ok(Doing { desk: self.clone(), upload, writes: false })
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        let mut desk = self.desk.0.lock();
        let Some(notes) = desk.get_mut(&self.upload) else { return };
        if self.writes {
            notes.writers -= 1;
        } else {
            notes.completing = false;
        }
        if notes.is_blank() {
            desk.remove(&self.upload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLOAD: UploadId = UploadId([1; 16]);

    #[test]
    fn pieces_follow_each_other_and_a_part_may_begin_anew() {
        let desk = Desk::default();
        assert!(desk.write(UPLOAD, 1, 10, 5).is_err(), "nothing came before it");
        desk.write(UPLOAD, 1, 0, 10).unwrap();
        desk.write(UPLOAD, 1, 10, 5).unwrap();
        desk.write(UPLOAD, 1, 10, 5).expect("the last one again");
        assert!(desk.write(UPLOAD, 1, 20, 5).is_err(), "one is missing");
        desk.write(UPLOAD, 2, 0, 10).expect("another part");
        desk.write(UPLOAD, 1, 0, 10).expect("anew");
        assert!(desk.write(UPLOAD, 1, 15, 5).is_err(), "what was written before counts no more");
    }

    #[test]
    fn nobody_writes_into_what_is_being_completed_and_nothing_is_remembered_for_ever() {
        let desk = Desk::default();
        let writing = desk.write(UPLOAD, 1, 0, 10).unwrap();
        assert!(desk.close(UPLOAD).is_err());
        drop(writing);
        let completing = desk.close(UPLOAD).unwrap();
        assert!(desk.close(UPLOAD).is_err() && desk.write(UPLOAD, 1, 0, 10).is_err());
        drop(completing);
        desk.write(UPLOAD, 1, 0, 10).unwrap();
        desk.part_done(UPLOAD, 1);
        drop(desk.close(UPLOAD).unwrap());
        assert!(desk.0.lock().is_empty());
    }
}
