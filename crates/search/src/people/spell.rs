//! What Chinese names sound like: pinyin without tones, and its initials.

use std::collections::BTreeSet;

use pinyin::ToPinyinMulti;

use super::prefixes;
use crate::fold::folded;

/// Readings of a whole name that are kept: characters with several readings multiply.
const READINGS: usize = 8;
/// Characters of a name whose sound is kept.
const CHARACTERS: usize = 16;

/// What a name sounds like.
#[derive(Debug, Default)]
pub struct Sounds {
    /// Every beginning of what can be heard or abbreviated from any of its characters on.
    pub beginnings: BTreeSet<String>,
    /// All of it.
    pub whole: BTreeSet<String>,
}

/// The sounds of a name; none where no character of it is Chinese.
pub fn sounds(name: &str) -> Sounds {
    let characters = folded(name).chars().filter(|character| character.is_alphanumeric()).collect::<Vec<_>>();
    let spoken: Vec<Vec<String>> = characters.iter().take(CHARACTERS).map(|&character| readings(character)).collect();
    let mut sounds = Sounds::default();
    for (start, &character) in characters.iter().enumerate().take(CHARACTERS) {
        if character.to_pinyin_multi().is_none() {
            continue;
        }
        for reading in combined(&spoken[start..]) {
            let all: String = reading.concat();
            let initials: String = reading.iter().filter_map(|sound| sound.chars().next()).collect();
            sounds.beginnings.extend(prefixes(&all).chain(prefixes(&initials)));
            if start == 0 {
                sounds.whole.insert(all);
            }
        }
    }
    sounds
}

/// How one character may be read; what is not Chinese reads as it is.
fn readings(character: char) -> Vec<String> {
    let Some(several) = character.to_pinyin_multi() else { return vec![character.to_string()] };
    let mut readings: Vec<String> = Vec::new();
    for reading in several.into_iter().map(|reading| reading.plain()) {
        // Keyboards have no ü: people type v, and some u.
        let typed = match reading.contains('ü') {
            true => vec![reading.replace('ü', "v"), reading.replace('ü', "u")],
            false => vec![reading.to_owned()],
        };
        for reading in typed {
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
    }
    readings
}

/// The readings of all of them together, the most common first.
fn combined(characters: &[Vec<String>]) -> Vec<Vec<&str>> {
    let mut all: Vec<Vec<&str>> = vec![Vec::new()];
    for readings in characters {
        let longer = readings
            .iter()
            .flat_map(|reading| all.iter().map(move |begun| begun.iter().copied().chain([reading.as_str()]).collect()));
        all = longer.take(READINGS).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_found_by_sound_and_by_initials_from_any_character_on() {
        let sounds = sounds("王小明");
        for heard in ["wangxiaoming", "wang", "wangxi", "xiaoming", "ming", "wxm", "xm", "w"] {
            assert!(sounds.beginnings.contains(heard), "{heard}");
        }
        assert!(!sounds.beginnings.contains("wangming"));
        assert!(sounds.whole.contains("wangxiaoming"));
    }

    #[test]
    fn characters_with_several_readings_are_found_by_each() {
        let sounds = sounds("单乐");
        for heard in ["shanle", "danle", "shanyue", "sl", "dy"] {
            assert!(sounds.beginnings.contains(heard), "{heard}");
        }
        assert!(sounds_of("吕布").contains("lvbu") && sounds_of("吕布").contains("lubu"));
    }

    #[test]
    fn names_without_chinese_have_no_sound() {
        assert!(sounds("Alice").beginnings.is_empty());
        assert!(sounds_of("小K").contains("xiaok"));
    }

    fn sounds_of(name: &str) -> BTreeSet<String> {
        sounds(name).beginnings
    }

    proptest! {
        #[test]
        fn any_name_has_so_many_sounds_at_most(name in prop_oneof![any::<String>(), "[一-龥]{0,40}"]) {
            let sounds = sounds(&name);
            prop_assert!(sounds.whole.len() <= READINGS);
            prop_assert!(sounds.beginnings.iter().all(|heard| !heard.is_empty()));
            // From each character on: each reading's letters, six at most for a character, and its initials.
            prop_assert!(sounds.beginnings.len() <= CHARACTERS * READINGS * CHARACTERS * 7);
        }
    }
}
