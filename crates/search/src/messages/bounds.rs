//! What times the blocks of a segment span, so that a search for the newest can leave most of them out.
//!
//! Entries stand in a segment about in the order in which they came, not quite: an edited message comes again, and merges put
//! segments behind each other as they like. The bounds are true whatever the order; the better it is, the more they save.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tantivy::{DocId, Searcher, SegmentReader, index::SegmentId};

/// Entries of a block.
pub const BLOCK: DocId = 4_096;

/// The earliest and the latest time in a block, as [`super::when`] has them.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The earliest.
    pub first: u64,
    /// The latest.
    pub last: u64,
}

/// The bounds of the segments that searches use now.
#[derive(Default)]
pub struct BoundsCache {
    segments: Mutex<HashMap<SegmentId, Arc<Vec<Bounds>>>>,
}

impl BoundsCache {
    /// The bounds of each block of each segment of `searcher`, in its order. What is not known is found, once.
    pub fn of(&self, searcher: &Searcher) -> tantivy::Result<Vec<Arc<Vec<Bounds>>>> {
        let find = |segment: &SegmentReader| {
            let known = self.segments.lock().get(&segment.segment_id()).cloned();
            if let Some(known) = known {
                return Ok(known);
            }
            let found = Arc::new(bounds(segment)?);
            self.segments.lock().insert(segment.segment_id(), found.clone());
            Ok(found)
        };
        searcher.segment_readers().iter().map(find).collect()
    }

    /// The same, and forgets every other segment.
    pub fn keep_only(&self, searcher: &Searcher) -> tantivy::Result<()> {
        self.of(searcher)?;
        let used: Vec<SegmentId> = searcher.segment_readers().iter().map(SegmentReader::segment_id).collect();
        self.segments.lock().retain(|segment, _| used.contains(segment));
        Ok(())
    }
}

fn bounds(segment: &SegmentReader) -> tantivy::Result<Vec<Bounds>> {
    let at = segment.fast_fields().u64("at")?;
    let mut buffer = vec![0; BLOCK as usize];
    let blocks = (0..segment.max_doc()).step_by(BLOCK as usize).map(|begin| {
        let times = &mut buffer[..BLOCK.min(segment.max_doc() - begin) as usize];
        // Every entry has one, so the column's rows are the entries.
        at.values.get_range(u64::from(begin), times);
        let (first, last) = times.iter().fold((u64::MAX, 0), |(first, last), &at| (first.min(at), last.max(at)));
        Bounds { first, last }
    });
    Ok(blocks.collect())
}
