//! Resume points: what a client holds of the stream, as one opaque text.
//!
//! A low-water mark: everything up to its position was put on the connection before it, and everything about its
//! user up to its versions. It names the store it belongs to, so that a point of another store is never mistaken. It
//! carries no rights: whoever shows one is authenticated apart from it, and gets only what is theirs.

use anser_types::base32;

const FORMAT: u8 = 2;
const STORE_BYTES: usize = 6;

/// The part of a store's epoch that a resume point carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreName([u8; STORE_BYTES]);

impl StoreName {
    /// How long it is.
    pub const BYTES: usize = STORE_BYTES;

    /// The name as bytes.
    pub fn bytes(self) -> [u8; STORE_BYTES] {
        self.0
    }

    /// The name of the store with this epoch.
    pub fn of(epoch: &[u8]) -> Self {
        let mut name = [0; STORE_BYTES];
        let known = epoch.len().min(STORE_BYTES);
        name[..known].copy_from_slice(&epoch[..known]);
        Self(name)
    }
}

/// How far a connection has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// Which store the numbers are of.
    pub store: StoreName,
    /// Every entry up to this position that the user may see was put on the connection.
    pub position: i64,
    /// What was told about the user themselves.
    pub me: MeVersions,
}

/// Versions of "everything about me". None: not known, so a returning client must ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeVersions {
    /// Of the user's friends and requests.
    pub contacts: Option<i64>,
    /// Of the user's profile.
    pub profile: Option<i64>,
    /// Of what the user set about conversations.
    pub settings: Option<i64>,
}

impl ResumePoint {
    /// The point as clients get it.
    pub fn to_text(self) -> String {
        let mut bytes = [0; 1 + STORE_BYTES + 4 * 10];
        bytes[0] = FORMAT;
        bytes[1..=STORE_BYTES].copy_from_slice(&self.store.0);
        let mut length = 1 + STORE_BYTES;
        let version = |version: Option<i64>| version.map_or(0, |version| version as u64 + 1);
        let me = [self.me.contacts, self.me.profile, self.me.settings].map(version);
        for number in [self.position as u64].into_iter().chain(me) {
            length += put_varint(&mut bytes[length..], number);
        }
        base32::encode(&bytes[..length])
    }

    /// The point that `text` says, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = base32::decode(text)?;
        let (&[FORMAT], rest) = bytes.split_at_checked(1)? else { return None };
        let (store, mut rest) = rest.split_at_checked(STORE_BYTES)?;
        let position = i64::try_from(take_varint(&mut rest)?).ok()?;
        let contacts = version(take_varint(&mut rest)?)?;
        let profile = version(take_varint(&mut rest)?)?;
        let settings = version(take_varint(&mut rest)?)?;
        let store = StoreName(store.try_into().ok()?);
        rest.is_empty().then_some(Self { store, position, me: MeVersions { contacts, profile, settings } })
    }
}

/// Versions travel one up: zero is "not known".
fn version(number: u64) -> Option<Option<i64>> {
    match number {
        0 => Some(None),
        number => Some(Some(i64::try_from(number - 1).ok()?)),
    }
}

/// Writes a base-128 varint; answers its length.
pub(crate) fn put_varint(out: &mut [u8], mut number: u64) -> usize {
    let mut length = 0;
    while number >= 0x80 {
        out[length] = number as u8 | 0x80;
        number >>= 7;
        length += 1;
    }
    out[length] = number as u8;
    length + 1
}

/// Reads a base-128 varint from the front of `bytes`.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn points_round_trip(position in 0i64..i64::MAX, contacts in proptest::option::of(0i64..i64::MAX - 1), profile in proptest::option::of(0i64..9), settings in proptest::option::of(0i64..900)) {
            let me = MeVersions { contacts, profile, settings };
            let point = ResumePoint { store: StoreName::of(b"a store's epoch"), position, me };
            prop_assert_eq!(ResumePoint::parse(&point.to_text()), Some(point));
        }

        #[test]
        fn foreign_text_is_no_point_and_no_panic(text in ".{0,60}") {
            let _ = ResumePoint::parse(&text);
        }
    }

    #[test]
    fn a_point_is_short() {
        let me = MeVersions { contacts: Some(40), profile: Some(2), settings: Some(300) };
        let point = ResumePoint { store: StoreName::of(&[9; 16]), position: 10_000_000, me };
        assert!(point.to_text().len() <= 28);
    }
}
