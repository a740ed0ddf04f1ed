//! What a client says about its device.

use anser_types::{Clock, DeviceId, Error, Result};

const NAME_BYTES: usize = 128;
const PLATFORM_BYTES: usize = 32;

#[derive(Clone, Debug)]
pub(crate) struct Device {
    /// A UUID in its usual text form, in lower case.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) platform: String,
}

impl Device {
    /// Checks the shape; a client that names no device gets an id for this login.
    pub(crate) fn of(id: &str, name: &str, platform: &str, clock: &Clock) -> Result<Self> {
        let id = match id {
            "" => uuid_text(&DeviceId::new(clock).0),
            given if is_uuid(given) => given.to_ascii_lowercase(),
            _ => return Err(Error::field("device_id", "must be a UUID such as 0192f0c1-2345-7abc-8def-0123456789ab")),
        };
        let name = line("device_name", name, NAME_BYTES)?;
        let platform = line("platform", platform, PLATFORM_BYTES)?;
        Ok(Self { id, name, platform })
    }
}

fn line(field: &str, text: &str, most: usize) -> Result<String> {
    if text.len() > most {
        return Err(Error::field(field, format!("must be at most {most} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::field(field, "must not hold control characters"));
    }
    Ok(text.to_owned())
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, name: &str, platform: &str) -> Result<Device> {
        Device::of(id, name, platform, &Clock::fixed(1_700_000_000_000))
    }

    #[test]
    fn a_device_is_a_uuid_with_short_descriptions() {
        let given = "0192F0C1-2345-7ABC-8DEF-0123456789AB";
        assert_eq!(device(given, "Ada’s phone", "android").unwrap().id, given.to_lowercase());
        let made = device("", "", "").unwrap().id;
        assert!(is_uuid(&made) && made != device("", "", "").unwrap().id);
        for bad in ["phone", "0192f0c1-2345-7abc-8def-0123456789a", "0192f0c123457abc8def0123456789ab", "é"] {
            assert!(device(bad, "", "").is_err(), "{bad}");
        }
        assert!(device("", &"x".repeat(129), "").is_err());
        assert!(device("", "", &"x".repeat(33)).is_err());
        assert!(device("", "a\nb", "").is_err());
    }
}
