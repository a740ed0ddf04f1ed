//! What is asked of a file and how it is called: a range lies within the file, and a name is one header that leads nowhere.
//! A line is the header `Range`, the rest a file's name.
#![no_main]

use anser_file::fuzzing::file_name;
use anser_gateway::fuzzing::{Asked, asked_range, disposition};
use http::HeaderValue;
use libfuzzer_sys::fuzz_target;

/// The name that a client finds that reads RFC 8187, or the plain one.
fn told(header: &str) -> String {
    let quoted = header.strip_prefix("attachment; filename=\"").expect("a name");
    let (plain, rest) = quoted.split_once('"').expect("between quotes");
    if rest.is_empty() {
        return plain.to_owned();
    }
    let extended = rest.strip_prefix("; filename*=UTF-8''").expect("the name as it is");
    let (mut bytes, mut rest) = (Vec::new(), extended.as_bytes());
    while let Some((&byte, later)) = rest.split_first() {
        let (byte, later) = match (byte, later.split_at_checked(2)) {
            (b'%', Some((digits, later))) => {
                let digits = std::str::from_utf8(digits).expect("digits");
                (u8::from_str_radix(digits, 16).expect("hexadecimal digits"), later)
            }
            _ => (byte, later),
        };
        bytes.push(byte);
        rest = later;
    }
    String::from_utf8(bytes).expect("a name is text")
}

fuzz_target!(|data: &str| {
    let (range, name) = data.split_once('\n').unwrap_or((data, data));
    for size in [0, 1, 10, u64::from(u32::MAX), u64::MAX] {
        match asked_range(Some(range), size) {
            Asked::Whole => {}
            Asked::Nothing => assert!(range.trim().starts_with("bytes=")),
            Asked::Part(part) => {
                assert!(part.start < part.end && part.end <= size);
                let again = format!("bytes={}-{}", part.start, part.end - 1);
                assert_eq!(asked_range(Some(&again), size), Asked::Part(part));
            }
        }
    }

    let Some(kept) = file_name(name) else {
        assert!(name.len() > 255);
        return;
    };
    assert_eq!(file_name(&kept).as_deref(), Some(&*kept), "cleaned once");
    assert!(kept.len() <= 255 && !kept.is_empty() && kept != "." && kept != "..");
    assert!(!kept.contains(['/', '\\', '\u{202e}']) && !kept.chars().any(char::is_control));
    // Also a name that nobody has cleaned stays one header.
    for name in [&*kept, name] {
        let header = disposition(name, false);
        assert!(header.is_ascii() && HeaderValue::from_str(&header).is_ok());
        let quotes = header.bytes().filter(|byte| *byte == b'"').count();
        assert!(quotes == 2 && !header.contains('\\'), "{header}");
        assert_eq!(told(&header), name);
    }
});
