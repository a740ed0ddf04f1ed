//! What a user name may be, and when two of them are the same name.
//!
//! A name is shown in its NFKC form and compared after case folding as well (Unicode, section 3.13, definition D146).
//! It holds letters, marks, numbers, symbols, punctuation and single spaces inside. Nothing in it is invisible, except
//! where emoji need it: a zero-width joiner between emoji, and the selector that asks for an emoji's colourful form.

use anser_types::{Error, Result, UserId};
use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory};

const JOINER: char = '\u{200D}';
const EMOJI_SELECTOR: char = '\u{FE0F}';
const KEYCAP: char = '\u{20E3}';

/// A well-formed user name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Username {
    /// As people see it.
    pub(crate) shown: String,
    /// As names are compared.
    pub(crate) key: String,
}

impl Username {
    /// What stands for a name where somebody has none: their id, which is nobody else's.
    pub(crate) fn of(user: UserId) -> Self {
        Self { shown: user.to_string(), key: user.to_string() }
    }

    /// A name of at most `most` bytes, as given and in each of its forms.
    pub(crate) fn parse(text: &str, most: usize) -> Result<Self> {
        if text.is_empty() {
            return refused("must not be empty");
        }
        if text.len() > most {
            return refused(&format!("must be at most {most} bytes"));
        }
        let shown: String = text.nfkc().collect();
        check_characters(&shown)?;
        let key = fold(&shown);
        if shown.len() > most || key.len() > most {
            return refused(&format!("must be at most {most} bytes after normalisation"));
        }
        Ok(Self { shown, key })
    }
}

fn refused<T>(detail: &str) -> Result<T> {
    Err(Error::field("username", detail))
}

/// The selector only changes how an emoji looks, so it does not make another name.
fn fold(shown: &str) -> String {
    shown
        .chars()
        .filter(|&character| character != EMOJI_SELECTOR)
        .nfd()
        .default_case_fold()
        .nfkd()
        .default_case_fold()
        .nfkc()
        .collect()
}

fn check_characters(shown: &str) -> Result<()> {
    let characters: Vec<char> = shown.chars().collect();
    for (index, &character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| characters[index]);
        let after = characters.get(index + 1).copied();
        let allowed = match character {
            ' ' if before.is_none() || after.is_none() || before == Some(' ') => {
                return refused("spaces stand inside only, one at a time");
            }
            ' ' => true,
            JOINER => joins_emoji(&characters[..index], after),
            EMOJI_SELECTOR => before.is_some_and(|before| takes_selector(before, after)),
            _ => is_visible(character) && (before.is_some() || !is_mark(character)),
        };
        if !allowed {
            return refused(
                "only letters, marks, digits, symbols, punctuation and single inner spaces; nothing invisible",
            );
        }
    }
    Ok(())
}

/// Whether a joiner stands between two emoji; the first may carry a selector or a skin tone.
fn joins_emoji(before: &[char], after: Option<char>) -> bool {
    let first = before.iter().rev().find(|&&character| character != EMOJI_SELECTOR);
    first.is_some_and(|&first| is_emoji(first)) && after.is_some_and(is_emoji)
}

/// Whether the emoji selector may follow: after an emoji, or inside a keycap (a digit, the selector, the cap).
fn takes_selector(before: char, after: Option<char>) -> bool {
    is_emoji(before) || (before.is_ascii() && before.is_emoji_char() && after == Some(KEYCAP))
}

/// Digits, # and * count as emoji in the tables, because keycaps begin with them; here they do not.
fn is_emoji(character: char) -> bool {
    !character.is_ascii() && character.is_emoji_char()
}

fn is_mark(character: char) -> bool {
    character.general_category_group() == GeneralCategoryGroup::Mark
}

fn is_visible(character: char) -> bool {
    use GeneralCategoryGroup::{Letter, Mark, Number, Punctuation, Symbol};
    matches!(character.general_category_group(), Letter | Mark | Number | Punctuation | Symbol) && !is_blank(character)
}

/// Characters of the allowed categories that show nothing: the ones of `Default_Ignorable_Code_Point` that are not
/// format characters (those are refused by category), and the empty braille pattern.
fn is_blank(character: char) -> bool {
    matches!(character,
        '\u{034F}'                  // combining grapheme joiner
        | '\u{115F}' | '\u{1160}'   // Hangul fillers
        | '\u{17B4}' | '\u{17B5}'   // Khmer inherent vowels
        | '\u{180B}'..='\u{180F}'   // Mongolian selectors
        | '\u{2800}'                // braille without dots
        | '\u{3164}' | '\u{FFA0}'   // Hangul fillers
        | '\u{FE00}'..='\u{FE0F}'   // variation selectors
        | '\u{E0100}'..='\u{E01EF}' // more variation selectors
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Username::parse(text, 64).unwrap().key
    }

    #[test]
    fn takes_the_names_people_have() {
        for good in [
            "a",
            "Ada Lovelace",
            "jean-luc.picard@ncc_1701",
            "Ångström",
            "小明",
            "Дмитрий",
            "محمد",
            "अनु",
            "ก้อง",
            "😀",
            "👩‍🚀 to the moon",
            "👩🏽‍🚀",
            "❤️‍🔥",
            "🏳️‍🌈",
            "1️⃣",
            "🇫🇷",
            "$€™",
            &"x".repeat(64),
        ] {
            assert!(Username::parse(good, 64).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn refuses_what_is_invisible_or_steers_text() {
        for bad in [
            "",
            " ",
            " a",
            "a ",
            "a  b",
            "a\u{a0}\u{a0}b",
            "a\nb",
            "a\tb",
            "a\0b",
            "\u{202E}abc",
            "a\u{2066}b",
            "a\u{200B}b",
            "a\u{200C}b",
            "a\u{200D}b",
            "1\u{200D}2",
            "😀\u{200D}",
            "\u{200D}😀",
            "😀\u{200D}\u{200D}😀",
            "a\u{FE0F}",
            "1\u{FE0F}",
            "😀\u{FE0F}\u{FE0F}",
            "a\u{FE0E}",
            "a\u{FEFF}b",
            "a\u{AD}b",
            "a\u{34F}b",
            "\u{3164}",
            "\u{FFA0}",
            "\u{2800}",
            "\u{301}a",
            "\u{E000}",
            "a\u{E0100}",
            "a\u{2028}b",
            &"x".repeat(65),
            "\u{FDFA}\u{FDFA}",
        ] {
            assert!(Username::parse(bad, 64).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_that_look_or_sound_the_same_are_the_same() {
        assert_eq!(key("ADA"), key("ada"));
        assert_eq!(key("Straße"), key("STRASSE"));
        assert_eq!(key("ａｄａ"), key("ada"));
        assert_eq!(key("e\u{301}"), key("É"));
        assert_eq!(key("ΣΑΣ"), key("σας"));
        assert_eq!(key("ﬁn"), key("FIN"));
        assert_eq!(key("❤️"), key("❤"));
        assert_ne!(key("👩‍🚀"), key("👩🚀"));
        assert_eq!(Username::parse("Ａda", 64).unwrap().shown, "Ada");
    }

    /// Text in which the interesting characters are frequent.
    fn texts() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            4 => any::<char>(),
            4 => prop::char::range('!', '~'),
            2 => prop::sample::select(vec![
                ' ', 'ß', 'İ', 'ı', 'ſ', 'ς', 'Å', 'ﬃ', 'ͅ', '\u{1E9E}', '\u{345}', '\u{390}', '\u{3B0}', '\u{1F80}',
                '\u{200D}', '\u{FE0F}', '\u{20E3}', '😀', '👩', '🚀', '🏽', '\u{301}', '\u{327}', '\u{202E}', '\u{13A0}',
                '\u{AB70}',
            ]),
        ];
        prop::collection::vec(character, 0..12).prop_map(String::from_iter)
    }

    /// Control characters, and format characters that hide or turn text round.
    fn steers(character: char) -> bool {
        character.is_control()
            || matches!(character,
                '\u{61C}' | '\u{200B}' | '\u{200C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    }

    proptest! {
        #[test]
        fn what_is_accepted_keeps_the_rules(text in texts()) {
            if let Ok(name) = Username::parse(&text, 64) {
                for form in [&name.shown, &name.key] {
                    prop_assert!((1..=64).contains(&form.len()));
                    prop_assert!(!form.starts_with(' ') && !form.ends_with(' ') && !form.contains("  "));
                    prop_assert!(!form.chars().any(steers));
                }
            }
        }

        #[test]
        fn folding_twice_changes_nothing(text in texts()) {
            if let Ok(name) = Username::parse(&text, 64) {
                prop_assert_eq!(fold(&name.key), name.key.clone());
                // The shown form is a name of its own, and the same one.
                prop_assert_eq!(Username::parse(&name.shown, 64), Ok(name));
            }
        }

        #[test]
        fn case_and_composition_do_not_make_another_name(text in texts()) {
            let variants = [text.to_lowercase(), text.nfd().collect(), text.nfkc().collect(), text.nfkd().collect()];
            if let Ok(name) = Username::parse(&text, 64) {
                for variant in variants {
                    // A variant may be too long, or lose its first letter's mark; if it is a name, it is this one.
                    // Turkish İ is the one letter whose lower case folds differently from itself.
                    if let Ok(other) = Username::parse(&variant, 64) && !text.contains('İ') {
                        prop_assert_eq!(other.key, name.key.clone());
                    }
                }
            }
        }
    }
}
