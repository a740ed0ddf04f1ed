//! Everything that is somebody's, as JSON, an object a line, read as they would read it: what they may not see is not in it.
//!
//! Nothing is held in memory but a page. The last line says that it is whole.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anser_contract::v1::{
    Account, Block, Conversation, ConversationSettings, Entry, Friend, FriendCategory, GetConversationRequest,
    GetMeRequest, GetPasswordHashRequest, HeadsRequest, ListBlocksRequest, ListCategoriesRequest, ListFriendsRequest,
    OwnProfile, SyncFrom, SyncManyRequest, SyncSettingsRequest,
};
use anser_types::{Clock, UserId};
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::{acting, ctx, reach::Reached, say::Say, users};

/// The format, which every export names first.
pub const FORMAT: u32 = 1;
const PAGE: u32 = 200;
const PAGE_BYTES: u32 = 1 << 20;

/// What goes into an export.
#[derive(Clone, Copy)]
pub struct What {
    /// The hash of the password.
    pub password_hash: bool,
    /// What was said.
    pub messages: bool,
}

/// A line of an export.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first.
    Export { format: u32, at: i64, messages: bool },
    /// Whose it is.
    Account {
        account: Account,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        password_hash: Option<String>,
    },
    /// What they see of themselves.
    Profile(OwnProfile),
    /// A category of friends.
    Category(FriendCategory),
    /// A friend, with the name by which an import recognises them.
    Friend { friend: Friend, username: String },
    /// Somebody they block.
    Block { block: Block, username: String },
    /// What they set about a conversation.
    Settings(ConversationSettings),
    /// A conversation that they are in, or were.
    Conversation(Box<Conversation>),
    /// An entry of it, in order.
    Entry(Box<Entry>),
    /// The last, with how many came before it.
    End { lines: u64 },
}

/// Writes the export of `name` into the new file `output`, or to standard output.
pub async fn run(reached: &Reached, name: &str, what: What, output: Option<&Path>, say: &Say) -> anyhow::Result<()> {
    let account = users::find(&reached.admin, name).await?;
    let mut writer = Lines::new(output)?;
    let outcome = write(reached, account, what, &mut writer).await;
    if let (Err(_), Some(path)) = (&outcome, output) {
        let _half = std::fs::remove_file(path);
    }
    let lines = outcome?;
    if let Some(path) = output {
        say.note(&format!("{lines} lines in {}", path.display()));
    }
    Ok(())
}

async fn write(reached: &Reached, account: Account, what: What, to: &mut Lines) -> anyhow::Result<u64> {
    let people = &reached.people;
    let user = UserId::try_from(&account.user_id[..])?;
    let me = || acting(user);
    to.line(&Line::Export { format: FORMAT, at: Clock::system().now(), messages: what.messages })?;
    let password_hash = match what.password_hash {
        true => {
            let request = GetPasswordHashRequest { user_id: account.user_id.clone() };
            Some(reached.admin.accounts.get_password_hash(&ctx(), request).await?.password_hash)
        }
        false => None,
    };
    to.line(&Line::Account { account, password_hash })?;
    to.line(&Line::Profile(people.users.get_me(&me(), GetMeRequest {}).await?))?;
    for category in people.contacts.list_categories(&me(), ListCategoriesRequest {}).await?.items {
        to.line(&Line::Category(category))?;
    }

    let mut request = ListFriendsRequest { limit: PAGE, ..ListFriendsRequest::default() };
    loop {
        let page = people.contacts.list_friends(&me(), request).await?;
        for friend in page.items {
            let username = username(reached, &friend.user_id).await?;
            to.line(&Line::Friend { friend, username })?;
        }
        if page.next_cursor.is_empty() {
            break;
        }
        request = ListFriendsRequest { limit: PAGE, cursor: page.next_cursor };
    }
    let mut request = ListBlocksRequest { limit: PAGE, ..ListBlocksRequest::default() };
    loop {
        let page = people.contacts.list_blocks(&me(), request).await?;
        for block in page.items {
            let username = username(reached, &block.user_id).await?;
            to.line(&Line::Block { block, username })?;
        }
        if page.next_cursor.is_empty() {
            break;
        }
        request = ListBlocksRequest { limit: PAGE, cursor: page.next_cursor };
    }
    settings(reached, user, to).await?;
    conversations(reached, user, what, to).await?;
    to.end()
}

/// The name by which people know somebody; empty where the account is closed.
async fn username(reached: &Reached, user_id: &[u8]) -> anyhow::Result<String> {
    Ok(users::profile(reached, user_id).await?.map(|profile| profile.username).unwrap_or_default())
}

async fn settings(reached: &Reached, user: UserId, to: &mut Lines) -> anyhow::Result<()> {
    let mut newest = HashMap::new();
    let mut since = 0;
    loop {
        let page = reached.people.conversations.sync_settings(&acting(user), SyncSettingsRequest { since }).await?;
        newest.extend(page.items.into_iter().map(|settings| (settings.conversation_id.clone(), settings)));
        since = page.version;
        if !page.has_more {
            break;
        }
    }
    newest.into_values().try_for_each(|settings| to.line(&Line::Settings(settings)))
}

/// Every conversation that somebody may read anything of, each followed by its entries.
async fn conversations(reached: &Reached, user: UserId, what: What, to: &mut Lines) -> anyhow::Result<()> {
    let mut token = String::new();
    loop {
        let heads = reached.people.messages.heads(&acting(user), HeadsRequest { token, limit: PAGE }).await?;
        for head in heads.items {
            let request = GetConversationRequest { conversation_id: head.conversation_id.clone() };
            let mut conversation = reached.people.conversations.get_conversation(&acting(user), request).await?;
            if !what.messages {
                conversation.last_message = None;
            }
            to.line(&Line::Conversation(Box::new(conversation)))?;
            if what.messages {
                entries(reached, user, head.conversation_id, to).await?;
            }
        }
        if !heads.has_more {
            return Ok(());
        }
        token = heads.next_token;
    }
}

async fn entries(reached: &Reached, user: UserId, conversation_id: Vec<u8>, to: &mut Lines) -> anyhow::Result<()> {
    let mut after_seq = 0;
    loop {
        let items = vec![SyncFrom { conversation_id: conversation_id.clone(), after_seq }];
        let request = SyncManyRequest { items, limit: 0, max_bytes: PAGE_BYTES };
        let reply = reached.people.messages.sync_many(&acting(user), request).await?;
        let result = reply.items.into_iter().next().context("a sync without an outcome")?;
        let page = match (result.page, result.error) {
            (Some(page), _) => page,
            (None, Some(problem)) => return Err(anser_types::Error::from(problem).into()),
            (None, None) => anyhow::bail!("a sync without an outcome"),
        };
        page.entries.into_iter().try_for_each(|entry| to.line(&Line::Entry(Box::new(entry))))?;
        if !page.has_more {
            return Ok(());
        }
        ensure!(page.next_seq > after_seq, "a page of the log that leads nowhere");
        after_seq = page.next_seq;
    }
}

/// Where the lines go.
struct Lines {
    to: BufWriter<Box<dyn Write + Send>>,
    file: Option<File>,
    count: u64,
}

impl Lines {
    fn new(output: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = output else {
            return Ok(Self { to: BufWriter::new(Box::new(io::stdout())), file: None, count: 0 });
        };
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = made.with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { to: BufWriter::new(Box::new(file.try_clone()?)), file: Some(file), count: 0 })
    }

    fn line(&mut self, line: &Line) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        self.to.write_all(b"\n")?;
        self.count += 1;
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<u64> {
        self.line(&Line::End { lines: self.count })?;
        self.to.flush()?;
        self.file.as_ref().map_or(Ok(()), File::sync_all)?;
        Ok(self.count)
    }
}
