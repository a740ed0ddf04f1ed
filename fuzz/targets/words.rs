//! A list of words and a text, a NUL between them: what is on the list is found, and a mask covers it and no more.
#![no_main]

use anser_contract::v1::{Content, Text, content::Kind};
use anser_messaging::{WordsMode, fuzzing::Words};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    let (list, text) = data.split_once('\0').unwrap_or(("rude\nrudeness", data));
    let (Ok(mask), Ok(reject)) = (Words::of(list, WordsMode::Mask), Words::of(list, WordsMode::Reject)) else {
        return;
    };
    let said = |text: &str| Content::from(Kind::Text(Text { text: text.into() }));
    let mut content = said(text);
    let masked = mask.apply(&mut content).expect("a mask refuses nothing");
    let Some(Kind::Text(Text { text: shown })) = content.kind else { panic!("a text stays one") };

    assert_eq!(reject.apply(&mut said(text)).is_err(), masked, "both modes find the same");
    assert_eq!(reject.check(text).is_err(), masked);
    assert!(masked || shown == text);
    assert!(shown.len() <= text.len());
    assert_eq!(shown.chars().count(), text.chars().count());
    assert!(shown.chars().zip(text.chars()).all(|(shown, said)| shown == said || shown == '*'));
    if !list.contains('*') {
        assert!(reject.check(&shown).is_ok(), "nothing of the list is left");
    }
    let words = list
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .filter(|word| !word.is_empty() && !word.starts_with('#'));
    let found = words.into_iter().any(|word| text.to_ascii_lowercase().contains(&word.to_ascii_lowercase()));
    assert_eq!(found, masked, "found by simple search too");
});
