//! How long questions take over an index of many messages, without a server and a log in between.
//!
//! `cargo bench -p anser-search --bench questions -- 1000000` makes an index of so many messages, distributed like language over
//! 10,000 conversations, in `target/` (and uses it again the next time), and asks each kind of question some hundred times.
#![allow(missing_docs, clippy::unwrap_used, reason = "a program for whoever measures")]

use std::{path::Path, time::Duration};

use anser_bench::prose::{Chance, Prose};
use anser_contract::v1::{Content, Entry, SearchMessagesRequest, SearchOrder, Text, VisibleRange, content::Kind};
use anser_search::{
    messages::{BoundsCache, Fields, Readable, VERSION, ask, walk::Walk},
    volume::{Mark, Pen, Volume},
};
use tokio::time::Instant;

const CONVERSATIONS: u64 = 10_000;
/// Conversations of the one who asks.
const MINE: u64 = 1_000;
const TIMES: usize = 300;
const EPOCH: [u8; 16] = [1; 16];

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse::<u64>().ok()).unwrap_or(1_000_000);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(format!("questions-{count}"));
    let (schema, fields) = Fields::schema();
    let volume = Volume::new(&root, "messages", VERSION, schema);
    let prose = Prose::new();
    if volume.open(EPOCH).unwrap().is_none_or(|mark| mark.through < count as i64) {
        volume.begin().unwrap();
        make(&volume, &fields, &prose, count);
    }
    let searcher = volume.searcher().unwrap();
    let bounds = BoundsCache::default();
    let began = Instant::now();
    bounds.of(&searcher).unwrap();
    println!("{count} messages, {} segments, bounds in {:?}", searcher.segment_readers().len(), began.elapsed());
    println!("{:<28} {:>9} {:>9} {:>9} {:>9}", "question", "p50 ms", "p99 ms", "most ms", "hits");

    let mine = readable((0..MINE).map(|number| number * (CONVERSATIONS / MINE)));
    let few = readable((0..20).map(|number| number * (CONVERSATIONS / 20)));
    for wanted in prose.wanted() {
        for (kind, readable, request) in [
            ("one", &mine, one(&wanted.word)),
            ("all", &mine, all(&wanted.word)),
            ("all_of_few", &few, all(&wanted.word)),
            ("best", &mine, SearchMessagesRequest { order: SearchOrder::Best.into(), ..all(&wanted.word) }),
        ] {
            let mut took = Vec::new();
            let mut hits = 0;
            for _ in 0..if kind == "best" { TIMES / 10 } else { TIMES } {
                let began = Instant::now();
                let phrases = ask::phrases(&request.query).unwrap();
                let query = ask::query(&fields, &searcher, &phrases, &request, readable).unwrap();
                let walk = Walk {
                    query: &*query,
                    readable,
                    best: kind == "best",
                    after: None,
                    from: 0,
                    until: u64::MAX,
                    limit: 51,
                    deadline: began + Duration::from_secs(60),
                };
                hits = walk.run(&searcher, &bounds).unwrap().len();
                took.push(began.elapsed());
            }
            took.sort_unstable();
            let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
            let name = format!("{kind}_{}", wanted.name);
            println!("{name:<28} {:>9.3} {:>9.3} {:>9.3} {hits:>9}", at(0.5), at(0.99), at(1.0));
        }
    }
}

fn make(volume: &Volume, fields: &Fields, prose: &Prose, count: u64) {
    let (mut pen, mut chance, began) = (Pen::new(50 << 20), Chance::new(3), Instant::now());
    let mut seqs = vec![0; CONVERSATIONS as usize];
    for number in 1..=count {
        let conversation = chance.number() % CONVERSATIONS;
        let seq = &mut seqs[conversation as usize];
        *seq += 1;
        let text = Kind::Text(Text { text: prose.message(&mut chance) });
        let entry = Entry {
            conversation_id: id(conversation),
            seq: *seq,
            sender_id: id(chance.number() % 1_000),
            server_ts: 1_700_000_000_000 + number as i64 * 10,
            content: Some(Content::from(text)),
            ..Entry::default()
        };
        pen.writer(volume).unwrap().add_document(fields.document(&entry).unwrap()).unwrap();
        if number % 100_000 == 0 || number == count {
            pen.commit(volume, &Mark { epoch: EPOCH, through: number as i64, cleaned_at: 0 }).unwrap();
            eprint!("\r{number} of {count}, {:.0} a second ", number as f64 / began.elapsed().as_secs_f64());
        }
    }
    pen.rest();
    eprintln!();
    volume.refresh().unwrap();
}

/// An id whose random half is spread like that of a real one.
fn id(number: u64) -> Vec<u8> {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 63;
    [[0; 8], mixed.to_be_bytes()].concat()
}

fn readable(conversations: impl Iterator<Item = u64>) -> Readable {
    let ranges: Vec<_> =
        conversations.map(|number| VisibleRange { conversation_id: id(number), from_seq: 1, to_seq: 0 }).collect();
    Readable::new(&ranges, None)
}

fn all(word: &str) -> SearchMessagesRequest {
    SearchMessagesRequest { query: word.into(), ..SearchMessagesRequest::default() }
}

fn one(word: &str) -> SearchMessagesRequest {
    SearchMessagesRequest { conversation_id: id(0), ..all(word) }
}
