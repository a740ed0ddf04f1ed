//! Words that are not to be said: a list in a file, looked for in what people write. What has one is refused, or they
//! are masked, as the configuration says. The file is read again when it changes; a bad one changes nothing.
//!
//! The search is Aho and Corasick's ("Efficient string matching", 1975): its time does not grow with the list.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use aho_corasick::{AhoCorasick, MatchKind};
use anser_contract::v1::{Content, content::Kind};
use anser_types::{Code, Error, Result};
use parking_lot::RwLock;
use tokio::time::{Duration, MissedTickBehavior, interval};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(5);
/// The largest file, in bytes.
const FILE_BYTES: u64 = 4 << 20;

/// What happens to a message that has such a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WordsMode {
    /// It is refused.
    #[default]
    Reject,
    /// Each of the word's characters becomes a star.
    Mask,
}

/// The list in force.
pub struct Words {
    mode: WordsMode,
    list: RwLock<Option<Arc<AhoCorasick>>>,
}

impl Words {
    /// No words.
    pub fn none() -> Self {
        Self { mode: WordsMode::Reject, list: RwLock::new(None) }
    }

    /// The words of a file: one a line, blank lines and lines that begin with `#` left out.
    pub fn read(path: &Path, mode: WordsMode) -> Result<Self> {
        Self::of(&load(path)?, mode)
    }

    /// The words of such a file's text.
    pub fn of(text: &str, mode: WordsMode) -> Result<Self> {
        Ok(Self { mode, list: RwLock::new(list(text)?) })
    }

    /// Looks at what somebody wants to say: refuses it, or masks what is not to be said. Answers whether it masked.
    pub fn apply(&self, content: &mut Content) -> Result<bool> {
        let Some(list) = self.list.read().clone() else { return Ok(false) };
        let mut masked = false;
        for text in texts(content) {
            if !list.is_match(text.as_str()) {
                continue;
            }
            if self.mode == WordsMode::Reject {
                return Err(refusal());
            }
            let mut out = String::with_capacity(text.len());
            list.replace_all_with(text, &mut out, |_, word, out| {
                out.extend(word.chars().map(|_| '*'));
                true
            });
            *text = out;
            masked = true;
        }
        Ok(masked)
    }

    /// Refuses a name or title with such a word, in either mode: half a name is none.
    pub fn check(&self, text: &str) -> Result<()> {
        let list = self.list.read().clone();
        if list.is_some_and(|list| list.is_match(text)) { Err(refusal()) } else { Ok(()) }
    }
}

/// Reads the file again whenever it changes, until the list is dropped.
pub fn follow(words: &Arc<Words>, path: PathBuf) {
    let (words, mut seen) = (Arc::downgrade(words), changed_at(&path));
    tokio::spawn(async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(words) = words.upgrade() else { return };
            let now = changed_at(&path);
            if now == seen {
                continue;
            }
            seen = now;
            match load(&path).and_then(|text| list(&text)) {
                Ok(list) => {
                    *words.list.write() = list;
                    tracing::info!("the list of words was read again");
                }
                Err(error) => {
                    metrics::counter!("anser_messaging_words_refused_total").increment(1);
                    tracing::error!(%error, "the list of words could not be read; the one before stays in force");
                }
            }
        }
    });
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

fn load(path: &Path) -> Result<String> {
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > FILE_BYTES {
        return Err(unreadable(format!("it is larger than {FILE_BYTES} bytes")));
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))
}

fn list(text: &str) -> Result<Option<Arc<AhoCorasick>>> {
    // Some editors put a mark at the beginning of a file.
    let words: Vec<&str> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if words.is_empty() {
        return Ok(None);
    }
    let list = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).ascii_case_insensitive(true).build(words);
    list.map(|list| Some(Arc::new(list))).map_err(|error| unreadable(error.to_string()))
}

fn unreadable(why: String) -> Error {
    Error::invalid(format!("the list of words cannot be used: {why}"))
}

fn refusal() -> Error {
    Error::new(Code::Forbidden, "this has words that are not said here")
}

/// Every text of a content that readers see as words.
fn texts(content: &mut Content) -> Vec<&mut String> {
    match &mut content.kind {
        Some(Kind::Text(text)) => vec![&mut text.text],
        Some(Kind::Custom(custom)) => vec![&mut custom.fallback_text],
        Some(Kind::Location(location)) => vec![&mut location.title, &mut location.address],
        Some(Kind::Image(image)) => vec![&mut image.name, &mut image.caption],
        Some(Kind::File(file)) => vec![&mut file.name, &mut file.caption],
        Some(Kind::Voice(voice)) => vec![&mut voice.name, &mut voice.transcript],
        Some(Kind::Card(card)) => vec![&mut card.title, &mut card.text],
        Some(Kind::Bundle(bundle)) => {
            let items = bundle.items.iter_mut().filter_map(|item| item.content.as_mut()).flat_map(texts);
            std::iter::once(&mut bundle.title).chain(items).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use anser_contract::v1::Text;

    use super::*;

    fn list(words: &str, mode: WordsMode) -> (tempfile::TempDir, Words) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words");
        std::fs::write(&path, words).unwrap();
        let words = Words::read(&path, mode).unwrap();
        (dir, words)
    }

    fn said(words: &Words, text: &str) -> Result<String, Code> {
        let mut content = Content::from(Kind::Text(Text { text: text.into() }));
        words.apply(&mut content).map_err(|error| error.code)?;
        Ok(anser_contract::fallback_text(&content))
    }

    #[test]
    fn words_are_refused_or_masked_wherever_they_stand_and_the_longest_counts() {
        let (_dir, reject) = list("# rude\n\nrude\nrudeness\n 坏话 \n", WordsMode::Reject);
        for bad in ["rude", "how RUDE!", "说坏话的人"] {
            assert_eq!(said(&reject, bad), Err(Code::Forbidden), "{bad}");
        }
        assert_eq!(said(&reject, "# nice").as_deref(), Ok("# nice"));
        assert!(reject.check("a rude group").is_err() && reject.check("a nice group").is_ok());
        let (_dir, mask) = list("\u{feff}rude\nrudeness\n坏话", WordsMode::Mask);
        assert_eq!(said(&mask, "such Rudeness, 坏话!").as_deref(), Ok("such ********, **!"));
    }

    #[test]
    fn an_empty_list_lets_everything_pass_and_a_missing_one_is_an_error() {
        let (dir, words) = list("# nothing yet\n", WordsMode::Reject);
        assert_eq!(said(&words, "rude").as_deref(), Ok("rude"));
        assert!(Words::read(&dir.path().join("missing"), WordsMode::Reject).is_err());
    }
}
