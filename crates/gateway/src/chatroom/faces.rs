//! Small faces, for lists: a few kilobytes each, read a few at a time, and kept for a while. What a file says never
//! changes, so nothing kept here can be wrong.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anser_contract::{
    Context,
    v1::{FileVariant, Files, ReadFileRequest},
};
use anser_types::Id;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

/// A small face is never larger; what is, is not one.
const FACE_BYTES: usize = 8 << 10;
/// How many are kept; then all are forgotten, and read again.
const KEPT: usize = 2_048;
/// How many are read at a time for one answer.
const AT_ONCE: usize = 8;
/// How long an answer waits for faces. Those that are late are left out: an answer without a face is an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Small faces by their file.
#[derive(Default)]
pub(super) struct Faces(Mutex<HashMap<Id, Bytes>>);

impl Faces {
    /// These faces, as far as they can be had in time.
    pub async fn of(&self, files: &dyn Files, wanted: HashSet<Id>) -> HashMap<Id, Bytes> {
        let mut found = HashMap::with_capacity(wanted.len());
        let mut missing = Vec::new();
        {
            let kept = self.0.lock();
            for id in wanted {
                match kept.get(&id) {
                    Some(face) => drop(found.insert(id, face.clone())),
                    None => missing.push(id),
                }
            }
        }
        let deadline = Instant::now() + PATIENCE;
        let mut reading = stream::iter(missing).map(|id| async move { (id, read(files, id).await) });
        let mut reading = std::pin::pin!(reading.by_ref().buffer_unordered(AT_ONCE));
        while let Ok(Some((id, face))) = timeout_at(deadline, reading.next()).await {
            if let Some(face) = face {
                self.keep(id, face.clone());
                found.insert(id, face);
            }
        }
        found
    }

    fn keep(&self, id: Id, face: Bytes) {
        let mut kept = self.0.lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(id, face);
    }
}

async fn read(files: &dyn Files, id: Id) -> Option<Bytes> {
    let request = ReadFileRequest {
        file_id: id.0.to_vec(),
        variant: FileVariant::Small.into(),
        offset: 0,
        limit: FACE_BYTES as u32 + 1,
    };
    let reply = files.read_file(&Context::service(), request).await.ok()?;
    (1..=FACE_BYTES).contains(&reply.data.len()).then(|| reply.data.into())
}
