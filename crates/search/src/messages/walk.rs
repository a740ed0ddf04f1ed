//! Goes through the entries that match, the newest first, and stops as soon as nothing better can come.
//!
//! Lists of places in an index run forward only, and the newest stand last. So the segments are cut into blocks whose times
//! are known ([`super::bounds`]), and the blocks are visited from the latest to the earliest, at first one by one, then twice as
//! many each time: a frequent word fills its page from the first few blocks, and a rare one costs a dozen rounds.

use std::{cmp::Reverse, collections::BinaryHeap};

use anser_types::{Code, Error, Result};
use tantivy::{
    DocId, DocSet, Score, Searcher, TERMINATED,
    query::{EnableScoring, Query, Weight},
};
use tokio::time::Instant;

use super::{
    Readable,
    bounds::{BLOCK, Bounds, BoundsCache},
};

/// Blocks of a round at most.
const MOST_BLOCKS: usize = 512;
/// Matches that are weighed for the best of them; what is older is not looked at.
const MOST_WEIGHED: usize = 500_000;

/// The place of a hit in the order of the answer: the greatest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// How well it matches, as the bits of a number that is not negative; 0 where the newest comes first.
    pub score: u32,
    /// See [`super::when`].
    pub at: u64,
    /// See [`super::short`].
    pub conversation: u64,
}

impl Rank {
    /// As a cursor holds it.
    pub fn to_bytes(self) -> Vec<u8> {
        [&self.score.to_be_bytes()[..], &self.at.to_be_bytes(), &self.conversation.to_be_bytes()].concat()
    }

    /// What [`Rank::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (score, rest) = bytes.split_first_chunk::<4>()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        Some(Self {
            score: u32::from_be_bytes(*score),
            at: u64::from_be_bytes(*at),
            conversation: u64::from_be_bytes(rest.try_into().ok()?),
        })
    }
}

/// An entry that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Its place in the answer.
    pub rank: Rank,
    /// Its number in the conversation.
    pub seq: u64,
}

/// What to look for.
pub struct Walk<'a> {
    /// The words and whatever else the index can decide.
    pub query: &'a dyn Query,
    /// What may be read.
    pub readable: &'a Readable,
    /// The best first, instead of the newest.
    pub best: bool,
    /// Only what comes after this one in the answer.
    pub after: Option<Rank>,
    /// From this time on, see [`super::when`].
    pub from: u64,
    /// Before this one.
    pub until: u64,
    /// How many hits.
    pub limit: usize,
    /// When the answer is no longer wanted.
    pub deadline: Instant,
}

struct Block {
    segment: usize,
    number: DocId,
    bounds: Bounds,
}

impl Walk<'_> {
    /// The first hits, in order.
    pub fn run(&self, searcher: &Searcher, cache: &BoundsCache) -> Result<Vec<Hit>> {
        let mut blocks = self.blocks(searcher, cache).map_err(|error| failed(&error))?;
        blocks.sort_unstable_by_key(|block| Reverse(block.bounds.last));
        let scoring = match self.best {
            true => EnableScoring::enabled_from_searcher(searcher),
            false => EnableScoring::disabled_from_searcher(searcher),
        };
        let weight = self.query.weight(scoring).map_err(|error| failed(&error))?;
        let mut found = Found { hits: BinaryHeap::with_capacity(self.limit + 1), limit: self.limit, weighed: 0 };
        let (mut rest, mut round) = (&mut blocks[..], 1);
        while let Some(next) = rest.first() {
            if found.is_complete(self.best, next.bounds.last) {
                break;
            }
            if Instant::now() >= self.deadline {
                return Err(Error::new(Code::DeadlineExceeded, "the search took too long"));
            }
            let (now, later) = rest.split_at_mut(round.min(rest.len()));
            // Each segment's list is gone through once, forward.
            now.sort_unstable_by_key(|block| (block.segment, block.number));
            for blocks in now.chunk_by(|one, other| one.segment == other.segment) {
                self.visit(&*weight, searcher, blocks, &mut found).map_err(|error| failed(&error))?;
            }
            (rest, round) = (later, (round * 2).min(MOST_BLOCKS));
        }
        let mut hits: Vec<Hit> = found.hits.into_iter().map(|Reverse(hit)| hit).collect();
        hits.sort_unstable_by_key(|&hit| Reverse(hit));
        Ok(hits)
    }

    /// The blocks in which there may be something.
    fn blocks(&self, searcher: &Searcher, cache: &BoundsCache) -> tantivy::Result<Vec<Block>> {
        let newest = match self.after {
            Some(after) if !self.best => after.at,
            _ => u64::MAX,
        };
        let mut blocks = Vec::new();
        for (segment, all) in cache.of(searcher)?.iter().enumerate() {
            for (number, &bounds) in all.iter().enumerate() {
                if bounds.last >= self.from && bounds.first < self.until && bounds.first <= newest {
                    blocks.push(Block { segment, number: number as DocId, bounds });
                }
            }
        }
        Ok(blocks)
    }

    fn visit(
        &self,
        weight: &dyn Weight,
        searcher: &Searcher,
        blocks: &[Block],
        found: &mut Found,
    ) -> tantivy::Result<()> {
        let Some(first) = blocks.first() else { return Ok(()) };
        let segment = searcher.segment_reader(first.segment as u32);
        let columns = segment.fast_fields();
        let (at, rooms, seqs) = (columns.u64("at")?, columns.u64("conversation")?, columns.u64("seq")?);
        let alive = segment.alive_bitset();
        let mut matching = weight.scorer(segment, 1.0 as Score)?;
        for block in blocks {
            let (begin, end) = (block.number * BLOCK, (block.number + 1) * BLOCK);
            let mut doc = if matching.doc() < begin { matching.seek(begin) } else { matching.doc() };
            while doc < end && doc != TERMINATED {
                let (conversation, seq) = (rooms.values.get_val(doc), seqs.values.get_val(doc));
                if alive.is_none_or(|alive| alive.is_alive(doc)) && self.readable.allows(conversation, seq) {
                    let at = at.values.get_val(doc);
                    let score = if self.best { matching.score().max(0.0).to_bits() } else { 0 };
                    let rank = Rank { score, at, conversation };
                    let wanted = self.from <= at && at < self.until && self.after.is_none_or(|after| rank < after);
                    found.weighed += 1;
                    if wanted {
                        found.offer(Hit { rank, seq });
                    }
                }
                doc = matching.advance();
            }
        }
        Ok(())
    }
}

struct Found {
    hits: BinaryHeap<Reverse<Hit>>,
    limit: usize,
    weighed: usize,
}

impl Found {
    fn offer(&mut self, hit: Hit) {
        self.hits.push(Reverse(hit));
        if self.hits.len() > self.limit {
            self.hits.pop();
        }
    }

    /// Whether nothing of `latest` and before can change what was found.
    fn is_complete(&self, best: bool, latest: u64) -> bool {
        if best {
            return self.weighed >= MOST_WEIGHED;
        }
        self.hits.len() >= self.limit && self.hits.peek().is_none_or(|Reverse(hit)| hit.rank.at > latest)
    }
}

fn failed(error: &tantivy::TantivyError) -> Error {
    crate::volume::broken("messages", error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_what_it_was_made_of_and_other_bytes_are_none(
            score: u32, at: u64, conversation: u64, bytes in prop::collection::vec(any::<u8>(), 0..30),
        ) {
            let rank = Rank { score, at, conversation };
            prop_assert_eq!(Rank::from_bytes(&rank.to_bytes()), Some(rank));
            prop_assert_eq!(Rank::from_bytes(&bytes).map(Rank::to_bytes), (bytes.len() == 20).then_some(bytes));
        }
    }
}
