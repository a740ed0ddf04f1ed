//! `anser admin users`, but for exports and imports.

use anser_contract::v1::{
    Account, FindAccountRequest, GetUsersRequest, ListAccountsRequest, PublicProfile, RegisterRequest,
    RenameAccountRequest, ResetPasswordRequest, SetDisabledRequest,
};
use anser_types::{Code, UserId};
use serde_json::json;

use super::{cli::Users, ctx, export, import, reach::Reached, say::Say, secret};
use crate::{config::Config, peers::AdminServices};

/// Accounts in one call.
const PAGE: u32 = 500;

/// Does it.
pub async fn run(config: &Config, command: Users, say: &Say) -> anyhow::Result<()> {
    // What the operator is asked comes before anything is opened: others may want the store meanwhile.
    let password = match &command {
        Users::Create { password, .. } | Users::ResetPassword { password, .. } => Some(secret::password(password)?),
        Users::Disable { name } => {
            say.confirm(&format!("All sessions of {name} will end, and nobody logs in as {name}"))?;
            None
        }
        _ => None,
    };
    let reached = Reached::all(config).await?;
    let outcome = act(&reached, command, password.unwrap_or_default(), say).await;
    reached.leave().await;
    outcome
}

async fn act(reached: &Reached, command: Users, password: (String, bool), say: &Say) -> anyhow::Result<()> {
    let accounts = &*reached.admin.accounts;
    match command {
        Users::Create { name, nickname, password: _ } => {
            let (password, made_up) = password;
            let nickname = nickname.unwrap_or_default();
            let request =
                RegisterRequest { username: name, password: password.clone(), nickname, ..Default::default() };
            let user_id = reached.people.auth.register(&ctx(), request).await?.user_id;
            let account = accounts.find_account(&ctx(), FindAccountRequest { user_id, ..Default::default() }).await?;
            told(&account, made_up.then_some(&password), "made", say)
        }
        Users::Show { name } => show(reached, &name, say).await,
        Users::List { after, limit } => list(reached, after, limit, say).await,
        Users::Disable { name } => {
            let user_id = find(&reached.admin, &name).await?.user_id;
            let account = accounts.set_disabled(&ctx(), SetDisabledRequest { user_id, disabled: true }).await?;
            told(&account, None, "disabled", say)
        }
        Users::Enable { name } => {
            let user_id = find(&reached.admin, &name).await?.user_id;
            let account = accounts.set_disabled(&ctx(), SetDisabledRequest { user_id, disabled: false }).await?;
            told(&account, None, "enabled", say)
        }
        Users::Rename { name, new_name } => {
            let request = RenameAccountRequest { username: name, new_username: new_name };
            let account = accounts.rename_account(&ctx(), request).await?;
            told(&account, None, "renamed", say)
        }
        Users::ResetPassword { name, password: _ } => {
            let (password, made_up) = password;
            let user_id = find(&reached.admin, &name).await?.user_id;
            let request = ResetPasswordRequest { user_id, password: password.clone() };
            let account = accounts.reset_password(&ctx(), request).await?;
            told(&account, made_up.then_some(&password), "given another password", say)
        }
        Users::Export { name, with_password_hash, without_messages, output } => {
            let what = export::What { password_hash: with_password_hash, messages: !without_messages };
            export::run(reached, &name, what, output.as_deref(), say).await
        }
        Users::Import { file } => import::run(reached, &file, say).await,
    }
}

fn told(account: &Account, made_up: Option<&String>, what: &str, say: &Say) -> anyhow::Result<()> {
    let mut value = json!({ "account": account });
    if let Some(password) = made_up {
        value["password"] = json!(password);
    }
    say.result(&value, || {
        let password = made_up.map(|password| format!("\npassword: {password}")).unwrap_or_default();
        format!("{}{password}", line(account, what))
    })
}

fn line(account: &Account, what: &str) -> String {
    let id = UserId::try_from(&account.user_id[..]).unwrap_or_default();
    format!("{id}  {:<24} {what}", account.name)
}

/// The account that is meant: by its name, or by its id where nobody has that name.
pub async fn find(admin: &AdminServices, name: &str) -> anser_types::Result<Account> {
    let by_name = FindAccountRequest { username: name.to_owned(), ..FindAccountRequest::default() };
    match (admin.accounts.find_account(&ctx(), by_name).await, name.parse::<UserId>()) {
        (Err(error), Ok(id)) if error.code == Code::NotFound => {
            let by_id = FindAccountRequest { user_id: id.to_vec(), ..FindAccountRequest::default() };
            admin.accounts.find_account(&ctx(), by_id).await
        }
        (outcome, _) => outcome,
    }
}

/// What others see of somebody.
pub async fn profile(reached: &Reached, user_id: &[u8]) -> anser_types::Result<Option<PublicProfile>> {
    let request = GetUsersRequest { user_ids: vec![user_id.to_vec()] };
    Ok(reached.people.users.get_users(&ctx(), request).await?.users.into_iter().next())
}

async fn show(reached: &Reached, name: &str, say: &Say) -> anyhow::Result<()> {
    let account = find(&reached.admin, name).await?;
    let profile = profile(reached, &account.user_id).await?;
    say.result(&json!({ "account": account, "profile": profile }), || {
        let state = format!("{:?}", account.state()).to_lowercase();
        let mut text = line(&account, &format!("{state}, {} open sessions", account.sessions));
        if let Some(profile) = &profile {
            text += &format!("\nuser name  {}\nnickname   {}", profile.username, profile.nickname);
        }
        text
    })
}

async fn list(reached: &Reached, mut after: String, limit: Option<usize>, say: &Say) -> anyhow::Result<()> {
    let mut left = limit.unwrap_or(usize::MAX);
    while left > 0 {
        let request = ListAccountsRequest { after, limit: PAGE.min(left.try_into().unwrap_or(PAGE)) };
        let page = reached.admin.accounts.list_accounts(&ctx(), request).await?;
        for account in &page.items {
            let state = format!("{:?}", account.state()).to_lowercase();
            say.result(account, || line(account, &state))?;
        }
        left -= page.items.len().min(left);
        let Some(last) = page.items.last().filter(|_| page.has_more) else { break };
        after = last.name.clone();
    }
    Ok(())
}
