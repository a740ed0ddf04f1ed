//! People as these clients see them: profiles without a phone, with a small face.

use std::collections::{HashMap, HashSet};

use anser_contract::{
    Context,
    chatroom::UserInfo,
    v1::{OwnProfile, PublicProfile},
};
use anser_types::{Id, Result, UserId};
use bytes::Bytes;

use super::{Room, words::CLOSED_ACCOUNT};
use crate::sync_me;

/// How many bytes of faces one answer holds; the rest of a very long list is without.
const FACES_BYTES: usize = 4 << 20;

/// The country whose numbers these clients know, and know without it.
const COUNTRY: &str = "+86";

/// People by their id, in bytes as services give them.
pub(super) type People = HashMap<Vec<u8>, UserInfo>;

impl Room {
    /// These people, once each; who does not exist is left out.
    pub async fn people(&self, ctx: &Context, ids: Vec<Vec<u8>>) -> Result<People> {
        if ids.is_empty() {
            return Ok(People::new());
        }
        let profiles = sync_me::profiles(&self.gateway.services, ctx, ids).await?;
        Ok(self.with_faces(profiles.into_values().collect()).await)
    }

    /// People of whom the profile is known, with their faces.
    pub async fn with_faces(&self, profiles: Vec<PublicProfile>) -> People {
        let wanted: HashSet<Id> = profiles.iter().filter_map(|profile| face_of(&profile.avatar)).collect();
        let faces = self.faces.of(&*self.gateway.services.files, wanted).await;
        let mut bytes = 0;
        let mut person = |profile: PublicProfile| {
            let face = face_of(&profile.avatar).and_then(|id| faces.get(&id).cloned()).unwrap_or_default();
            bytes += face.len();
            let face = if bytes <= FACES_BYTES { face } else { Bytes::new() };
            (profile.user_id.clone(), UserInfo { avatar: face, ..faceless(&profile) })
        };
        profiles.into_iter().map(&mut person).collect()
    }

    /// Somebody as they see themselves.
    pub async fn myself(&self, me: OwnProfile) -> UserInfo {
        let OwnProfile { user_id, username, nickname, avatar, signature, phone, .. } = me;
        let profile = PublicProfile { user_id, username, nickname, avatar, signature, ..PublicProfile::default() };
        let person = self.with_faces(vec![profile]).await.into_values().next().unwrap_or_default();
        UserInfo { phone: without_country(phone), ..person }
    }
}

/// Somebody without a face.
pub(super) fn faceless(profile: &PublicProfile) -> UserInfo {
    let name = if profile.nickname.is_empty() { &profile.username } else { &profile.nickname };
    UserInfo {
        user_id: id_text(&profile.user_id),
        nickname: if profile.closed { CLOSED_ACCOUNT.to_owned() } else { name.clone() },
        description: profile.signature.clone(),
        phone: String::new(),
        avatar: Bytes::new(),
    }
}

/// Somebody of whom nothing is known but the id.
pub(super) fn nameless(user_id: &[u8]) -> UserInfo {
    UserInfo { user_id: id_text(user_id), nickname: CLOSED_ACCOUNT.to_owned(), ..UserInfo::default() }
}

/// The person in `people`, or all that can be said of them.
pub(super) fn one_of(people: &People, user_id: &[u8]) -> UserInfo {
    people.get(user_id).cloned().unwrap_or_else(|| nameless(user_id))
}

/// The file of a face: its id, or an address that ends with it.
fn face_of(avatar: &str) -> Option<Id> {
    avatar.rsplit('/').next()?.parse().ok()
}

/// An id of a service's, as text.
pub(super) fn id_text(bytes: &[u8]) -> String {
    Id::try_from(bytes).map(|id| id.to_string()).unwrap_or_default()
}

/// A user's id as a client gives it.
pub(super) fn user_id(text: &str) -> Option<UserId> {
    text.parse().ok()
}

/// A number as these clients write it, in full; `None`: it is none of theirs.
pub(super) fn with_country(number: &str) -> Option<String> {
    let bytes = number.as_bytes();
    let proper = bytes.len() == 11
        && bytes[0] == b'1'
        && (b'3'..=b'9').contains(&bytes[1])
        && bytes.iter().all(u8::is_ascii_digit);
    proper.then(|| format!("{COUNTRY}{number}"))
}

/// A number in full, as these clients write it.
fn without_country(number: String) -> String {
    match number.strip_prefix(COUNTRY) {
        Some(national) => national.to_owned(),
        None => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_chinese_mobiles_without_their_country() {
        assert_eq!(with_country("13800138000").as_deref(), Some("+8613800138000"));
        assert_eq!(without_country("+8613800138000".into()), "13800138000");
        assert_eq!(without_country("+4915112345678".into()), "+4915112345678");
        for wrong in
            ["", "12800138000", "1380013800", "138001380000", "+8613800138000", "1380013800a", "１３８００１３８０００"]
        {
            assert_eq!(with_country(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_face_is_a_file_or_an_address_that_ends_with_one() {
        let id = Id([7; 16]);
        assert_eq!(face_of(&id.to_string()), Some(id));
        assert_eq!(face_of(&format!("/v1/files/{id}")), Some(id));
        assert_eq!((face_of(""), face_of("https://example.com/me.png")), (None, None));
    }

    #[test]
    fn people_show_no_phone_and_closed_accounts_no_name() {
        let profile = PublicProfile {
            user_id: vec![1; 16],
            username: "ada".into(),
            signature: "hi".into(),
            ..PublicProfile::default()
        };
        let ada = faceless(&profile);
        assert_eq!((ada.nickname.as_str(), ada.description.as_str(), ada.phone.as_str()), ("ada", "hi", ""));
        let closed = PublicProfile { closed: true, username: String::new(), ..profile };
        assert_eq!(faceless(&closed).nickname, CLOSED_ACCOUNT);
    }
}
