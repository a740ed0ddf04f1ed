//! What a file may be called. Names are for people: nothing of ours is ever found by one.

use anser_types::{Error, Result};

/// The longest name, in bytes.
const MOST: usize = 255;
/// What a file is called whose name has nothing that could be shown.
const NAMELESS: &str = "file";

/// The name without what steers terminals and eyes, or leads out of a folder: whoever stores a file under it later stays
/// where they are.
pub(crate) fn clean(name: &str) -> Result<String> {
    if name.len() > MOST {
        return Err(Error::field("name", format!("must be at most {MOST} bytes")));
    }
    let shown: String = name
        .chars()
        .filter(|character| !character.is_control() && !steers(*character))
        .map(|character| if matches!(character, '/' | '\\') { '_' } else { character })
        .collect();
    let shown = shown.trim();
    let says_nothing = shown.chars().all(|character| character == '.');
    Ok(if says_nothing { NAMELESS.to_owned() } else { shown.to_owned() })
}

/// Marks that turn the direction of what follows, or cannot be seen at all.
fn steers(character: char) -> bool {
    matches!(character,
        '\u{061c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_shown_as_they_were_given_unless_they_steer() {
        for (given, shown) in [
            ("holiday.jpg", "holiday.jpg"),
            ("报告 2024.pdf", "报告 2024.pdf"),
            ("👩‍🚀.png", "👩‍🚀.png"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("C:\\boot.ini", "C:_boot.ini"),
            ("a\0b\r\nSet-Cookie: x", "abSet-Cookie: x"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("..", "file"),
            ("", "file"),
            (" \u{feff}\u{200b} ", "file"),
        ] {
            assert_eq!(clean(given).unwrap(), shown, "{given:?}");
        }
        assert!(clean(&"x".repeat(256)).is_err());
        assert_eq!(clean(&"x".repeat(255)).unwrap().len(), 255);
    }

    proptest! {
        #[test]
        fn no_name_leads_anywhere(name in "\\PC{0,40}|[./\\\\\u{0}-\u{20}\u{202a}-\u{202e}]{0,12}") {
            let shown = clean(&name).unwrap();
            prop_assert!(!shown.is_empty() && shown != "." && shown != "..");
            let leads = shown.contains(['/', '\\', '\0', '\n', '\r', '\u{202e}']);
            prop_assert!(!leads);
            prop_assert_eq!(clean(&shown).unwrap(), shown);
        }
    }
}
