//! Somebody's account as an export has it.
//!
//! Made again: the account under its own id, the profile, who may do what about them, categories, friends, what they
//! noted about friends, blocks. Friends and blocked people are those who have the same id *and* the same user name here: who
//! has only the name may be somebody else. Not made again: sessions, and everything of conversations; logs are their
//! members' common record, and nobody's alone to bring.
//!
//! Each step is one that changes nothing the second time, so an import that stopped is run again.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use anser_contract::v1::{
    AnswerRequest, Block, BlockRequest, CreateCategoryRequest, Friend, FriendCategory, FriendRequestState,
    ImportAccountRequest, InCategory, ListCategoriesRequest, OwnProfile, RequestFriendRequest, UpdateFriendRequest,
    UpdatePrivacyRequest, UpdateProfileRequest,
};
use anser_types::{Code, Error, UserId};
use anyhow::{Context, ensure};
use serde::Serialize;

use super::{
    acting, ctx,
    export::{FORMAT, Line},
    reach::Reached,
    say::Say,
    secret, users,
};

/// People and categories that a file may name; more is no export of ours.
const MOST: usize = 100_000;
/// The longest line that is read.
const LINE_BYTES: usize = 4 << 20;

/// What an import takes from a file.
#[derive(Default)]
struct Wanted {
    user: UserId,
    password_hash: Option<String>,
    profile: OwnProfile,
    categories: Vec<FriendCategory>,
    friends: Vec<(Friend, String)>,
    blocks: Vec<(Block, String)>,
}

/// What came of it.
#[derive(Default, Serialize)]
struct Outcome {
    user_id: String,
    username: String,
    was_there: bool,
    /// Made up here, where the export has no hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    friends: u32,
    blocks: u32,
    categories: u32,
    /// What could not be made again, and why.
    skipped: Vec<String>,
}

/// Imports what stands in `file`.
pub async fn run(reached: &Reached, file: &Path, say: &Say) -> anyhow::Result<()> {
    let wanted = if file == Path::new("-") {
        read(io::stdin().lock())?
    } else {
        read(BufReader::new(File::open(file).with_context(|| format!("cannot read {}", file.display()))?))?
    };
    let outcome = import(reached, wanted).await?;
    say.result(&outcome, || {
        let how = if outcome.was_there { "was here already" } else { "imported" };
        let (friends, blocks, categories) = (outcome.friends, outcome.blocks, outcome.categories);
        let mut text = format!(
            "{}  {}  {how}: {friends} friends, {categories} categories, {blocks} blocks",
            outcome.user_id, outcome.username
        );
        outcome.password.iter().for_each(|password| text += &format!("\npassword: {password}"));
        outcome.skipped.iter().for_each(|skipped| text += &format!("\nskipped: {skipped}"));
        text
    })
}

/// Reads a whole export; what an import has no use for is passed over.
fn read(mut from: impl BufRead) -> anyhow::Result<Wanted> {
    let mut wanted = Wanted::default();
    let (mut count, mut line) = (0u64, Vec::new());
    let mut named = false;
    loop {
        line.clear();
        let read = io::Read::take(&mut from, LINE_BYTES as u64).read_until(b'\n', &mut line)?;
        ensure!(read > 0, "the export is not whole: its last line is missing");
        ensure!(line.ends_with(b"\n"), "line {} is too long, or the last and cut off", count + 1);
        let parsed: Line = serde_json::from_slice(&line).with_context(|| format!("line {}", count + 1))?;
        let first = count == 0;
        match parsed {
            Line::Export { format, .. } => ensure!(first && format == FORMAT, "an export of another format"),
            Line::Account { account, password_hash } => {
                wanted.user = UserId::try_from(&account.user_id[..])?;
                wanted.password_hash = password_hash;
                named = true;
            }
            Line::Profile(profile) => wanted.profile = profile,
            Line::Category(category) => wanted.categories.push(category),
            Line::Friend { friend, username } => wanted.friends.push((friend, username)),
            Line::Block { block, username } => wanted.blocks.push((block, username)),
            Line::Settings(_) | Line::Conversation(_) | Line::Entry(_) => {}
            Line::End { lines } => {
                ensure!(lines == count, "the export is not whole: {count} lines of {lines}");
                ensure!(named && !wanted.profile.username.is_empty(), "the export names nobody");
                return Ok(wanted);
            }
        }
        ensure!(wanted.friends.len() + wanted.blocks.len() + wanted.categories.len() <= MOST, "too many people");
        count += 1;
    }
}

async fn import(reached: &Reached, wanted: Wanted) -> anyhow::Result<Outcome> {
    let (user, people) = (wanted.user, &reached.people);
    let password = wanted.password_hash.is_none().then(secret::generate);
    let request = ImportAccountRequest {
        user_id: user.to_vec(),
        username: wanted.profile.username.clone(),
        nickname: wanted.profile.nickname.clone(),
        password: password.clone().unwrap_or_default(),
        password_hash: wanted.password_hash.unwrap_or_default(),
    };
    let imported = reached.admin.accounts.import_account(&ctx(), request).await?;
    let mut outcome = Outcome {
        user_id: user.to_string(),
        username: wanted.profile.username.clone(),
        was_there: imported.was_there,
        password: password.filter(|_| !imported.was_there),
        ..Outcome::default()
    };
    let OwnProfile { nickname, signature, privacy, .. } = wanted.profile;
    let request = UpdateProfileRequest { nickname: Some(nickname), signature: Some(signature), ..Default::default() };
    people.users.update_profile(&acting(user), request).await?;

    let ids = categories(reached, user, &wanted.categories, &mut outcome).await?;
    for (friend, username) in wanted.friends {
        let other = UserId::try_from(&friend.user_id[..])?;
        let made = match is_here(reached, other, &username).await? {
            true => befriend(reached, user, other, &friend, &ids).await,
            false => Err(Error::not_found("person")),
        };
        match made {
            Ok(()) => outcome.friends += 1,
            Err(error) => outcome.skipped.push(format!("friend {username} ({other}): {}", error.detail)),
        }
    }
    for (block, username) in wanted.blocks {
        let other = UserId::try_from(&block.user_id[..])?;
        let request = BlockRequest { user_id: block.user_id, ..BlockRequest::default() };
        let made = match is_here(reached, other, &username).await? {
            true => people.contacts.block(&acting(user), request).await.map(drop),
            false => Err(Error::not_found("person")),
        };
        match made {
            Ok(()) => outcome.blocks += 1,
            Err(error) => outcome.skipped.push(format!("block of {username} ({other}): {}", error.detail)),
        }
    }
    // Last, so that it does not stand in the way of what came before.
    let request = UpdatePrivacyRequest { privacy, ..UpdatePrivacyRequest::default() };
    people.users.update_privacy(&acting(user), request).await?;
    Ok(outcome)
}

/// Whether somebody has this id and this name.
async fn is_here(reached: &Reached, user: UserId, username: &str) -> anyhow::Result<bool> {
    let profile = users::profile(reached, user.as_bytes()).await?;
    Ok(profile.is_some_and(|profile| !profile.closed && profile.username == username))
}

/// Makes the categories that are missing; answers what their ids of the export are here.
async fn categories(
    reached: &Reached,
    user: UserId,
    wanted: &[FriendCategory],
    outcome: &mut Outcome,
) -> anyhow::Result<HashMap<Vec<u8>, Vec<u8>>> {
    let contacts = &reached.people.contacts;
    let mut known = contacts.list_categories(&acting(user), ListCategoriesRequest {}).await?.items;
    let mut ids = HashMap::new();
    for category in wanted {
        if !known.iter().any(|known| known.name == category.name) {
            let request = CreateCategoryRequest { name: category.name.clone(), ..CreateCategoryRequest::default() };
            known.push(contacts.create_category(&acting(user), request).await?);
            outcome.categories += 1;
        }
        let here = known.iter().find(|known| known.name == category.name);
        ids.extend(here.map(|here| (category.category_id.clone(), here.category_id.clone())));
    }
    Ok(ids)
}

/// Makes two people friends who were, and notes again what one noted about the other. The other one asks, because
/// whoever comes from elsewhere may have more friends than one may ask in a day.
async fn befriend(
    reached: &Reached,
    user: UserId,
    other: UserId,
    friend: &Friend,
    categories: &HashMap<Vec<u8>, Vec<u8>>,
) -> anser_types::Result<()> {
    let contacts = &reached.people.contacts;
    let request = RequestFriendRequest { to_user_id: user.to_vec(), ..RequestFriendRequest::default() };
    match contacts.request_friend(&acting(other), request).await {
        Ok(asked) if asked.state() == FriendRequestState::Pending => {
            let answer = AnswerRequest { request_id: asked.request_id, ..AnswerRequest::default() };
            contacts.accept_request(&acting(user), answer).await?;
        }
        Ok(_) => {}
        Err(error) if error.code == Code::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    if friend.remark.is_empty() && friend.category_id.is_empty() {
        return Ok(());
    }
    let category = categories.get(&friend.category_id).cloned();
    let request = UpdateFriendRequest {
        user_id: other.to_vec(),
        remark: Some(friend.remark.clone()),
        category: category.map(|category_id| InCategory { category_id }),
        ..UpdateFriendRequest::default()
    };
    contacts.update_friend(&acting(user), request).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(lines: &[&str]) -> String {
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn half_an_export_is_none() {
        let id = UserId::try_from(&[7; 16][..]).unwrap().to_string();
        let account = format!(r#"{{"account":{{"account":{{"user_id":"{id}","name":"ada"}}}}}}"#);
        let profile = format!(r#"{{"profile":{{"user_id":"{id}","username":"Ada","nickname":"Ada"}}}}"#);
        let first = r#"{"export":{"format":1,"at":5,"messages":false}}"#;
        let whole = export(&[first, &account, &profile, r#"{"end":{"lines":3}}"#]);
        let wanted = read(whole.as_bytes()).unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!((wanted.user, &wanted.profile.username[..]), (UserId([7; 16]), "Ada"));
        for cut in [0, 1, whole.len() / 2, whole.len() - 2] {
            assert!(read(&whole.as_bytes()[..cut]).is_err(), "cut at {cut}");
        }
        let missing = export(&[first, &profile, r#"{"end":{"lines":3}}"#]);
        assert!(read(missing.as_bytes()).is_err(), "a line is missing");
        let foreign = whole.replace(r#""format":1"#, r#""format":2"#);
        assert!(read(foreign.as_bytes()).is_err(), "another format");
        assert!(read(export(&["{}"]).as_bytes()).is_err());
    }
}
