//! What people, their phones and their reactions may be called: what is accepted keeps the rules, and is the same in each form.
#![no_main]

use anser_auth::fuzzing::{phone, username};
use anser_messaging::fuzzing::check_emoji;
use anser_types::text::{check_line, check_name};
use libfuzzer_sys::fuzz_target;

const MOST: usize = 64;

fuzz_target!(init: {
    // The first number reads what is known about all, which takes some seconds under a sanitizer.
    phone("+8613800138000").expect("a number");
}, |text: &str| {
    if let Some((shown, key)) = username(text, MOST) {
        for form in [&shown, &key] {
            assert!((1..=MOST).contains(&form.len()));
            assert!(!form.starts_with(' ') && !form.ends_with(' ') && !form.contains("  "));
            assert!(!form.chars().any(char::is_control));
        }
        assert_eq!(username(&shown, MOST), Some((shown, key.clone())), "the shown form is the same name");
        if let Some((_, again)) = username(&key, MOST) {
            assert_eq!(again, key, "folding twice changes nothing");
        }
    }
    if let Some(number) = phone(text) {
        let digits = number.strip_prefix('+').expect("E.164");
        assert!((7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
        assert!(text.starts_with('+') && text.len() <= 32);
        assert_eq!(phone(&number), Some(number), "it means itself");
    }
    let line = check_line("remark", text, MOST).is_ok();
    assert_eq!(line, text.len() <= MOST && !text.chars().any(char::is_control));
    let name = check_name("nickname", text, MOST).is_ok();
    assert!(line || !name, "a name is a line");
    if check_emoji(text).is_ok() {
        assert!(name && !text.contains(char::is_whitespace), "a reaction is a short line in one piece");
    }
});
