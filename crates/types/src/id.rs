//! Ids: UUIDv7 (RFC 9562, section 5.7), 16 bytes in tables and protobuf, 26 characters of base32 in text.
//!
//! Each kind of thing has an id type of its own, so that a user is never mistaken for a conversation. Ids are opaque
//! to clients; that they begin with the time is used only to keep index pages together.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Clock, Error, base32};

/// Sixteen bytes that name something. The typed ids below wrap it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub [u8; 16]);

impl Id {
    /// A new UUIDv7: 48 bits of milliseconds from `clock`, 74 random bits.
    pub fn new(clock: &Clock) -> Self {
        let mut bytes: [u8; 16] = rand::random();
        bytes[..6].copy_from_slice(&clock.now().to_be_bytes()[2..]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(bytes)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32::encode(&self.0))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = base32::decode(text).ok_or_else(malformed)?;
        Self::try_from(&bytes[..])
    }
}

impl TryFrom<&[u8]> for Id {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self(bytes.try_into().map_err(|_| malformed())?))
    }
}

fn malformed() -> Error {
    Error::invalid("an id is 16 bytes, or 26 characters of base32 in text")
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// A new id, made now.
            pub fn new(clock: &Clock) -> Self {
                Self(Id::new(clock).0)
            }

            /// The id's bytes, as tables and protobuf hold them.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The id's bytes as an owned vector, as protobuf fields want them.
            pub fn to_vec(self) -> Vec<u8> {
                self.0.to_vec()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Id(self.0).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), Id(self.0))
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                text.parse::<Id>().map(|id| Self(id.0))
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = Error;

            fn try_from(bytes: &[u8]) -> Result<Self, Error> {
                Id::try_from(bytes).map(|id| Self(id.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(|error: Error| serde::de::Error::custom(error.detail))
            }
        }
    )*};
}

typed_ids!(
    /// Names a person.
    UserId,
    /// Names a conversation.
    ConversationId,
    /// Names a login of one device of one person.
    SessionId,
    /// Names a device; made by the client.
    DeviceId,
    /// Names a friend request.
    FriendRequestId,
    /// Names a link into a group.
    JoinLinkId,
    /// Names one of a person's categories of friends.
    FriendCategoryId,
    /// The sending client's id of one intent to send (`client_msg_id`), kept over all retries.
    MessageId,
    /// Names a file.
    FileId,
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_read_as_they_were_written_and_sort_in_text_as_in_bytes(one: [u8; 16], other: [u8; 16]) {
            let (one, other) = (UserId(one), UserId(other));
            prop_assert_eq!(one.to_string().parse::<UserId>(), Ok(one));
            prop_assert_eq!(UserId::try_from(one.as_bytes()), Ok(one));
            let json = serde_json::to_string(&one).unwrap();
            prop_assert_eq!(serde_json::from_str::<UserId>(&json).unwrap(), one);
            prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        }

        #[test]
        fn what_is_read_as_an_id_is_written_so(text in "[0-9a-zA-Z]{24,28}") {
            if let Ok(id) = text.parse::<Id>() {
                let proper = text.to_lowercase().replace('o', "0").replace(['i', 'l'], "1");
                prop_assert_eq!(id.to_string(), proper);
            }
        }

        #[test]
        fn only_sixteen_bytes_are_an_id(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(Id::try_from(&bytes[..]).is_ok(), bytes.len() == 16);
            prop_assert_eq!(base32::encode(&bytes).parse::<Id>().is_ok(), bytes.len() == 16);
        }

        #[test]
        fn ids_rise_with_time(times in prop::collection::vec(0..1i64 << 47, 2..20)) {
            let mut ids: Vec<(i64, Id)> = times.iter().map(|&at| (at, Id::new(&Clock::fixed(at)))).collect();
            ids.sort_unstable_by_key(|(_, id)| *id);
            prop_assert!(ids.is_sorted_by_key(|(at, _)| *at));
        }
    }

    #[test]
    fn ids_are_uuid_v7_and_round_trip_as_text() {
        let id = UserId::new(&Clock::fixed(1_700_000_000_000));
        assert_eq!(id.0[6] >> 4, 7);
        assert_eq!(id.0[8] >> 6, 2);
        let text = id.to_string();
        assert_eq!(text.len(), 26);
        assert_eq!(text.parse::<UserId>(), Ok(id));
    }

    #[test]
    fn later_ids_sort_later() {
        let earlier = ConversationId::new(&Clock::fixed(1_000));
        let later = ConversationId::new(&Clock::fixed(1_001));
        assert!(earlier < later && earlier.to_string() < later.to_string());
    }

    #[test]
    fn malformed_ids_are_refused() {
        assert!("".parse::<UserId>().is_err());
        assert!("hello".parse::<UserId>().is_err());
        assert!(UserId::try_from(&[0u8; 15][..]).is_err());
    }
}
