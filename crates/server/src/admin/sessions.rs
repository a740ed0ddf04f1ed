//! `anser admin sessions`.

use anser_contract::v1::{ListSessionsOfRequest, RevokeSessionsRequest};
use anser_types::SessionId;
use serde_json::json;

use super::{
    cli::Sessions,
    ctx,
    reach::Reached,
    say::{Say, time},
    users,
};
use crate::{config::Config, peers::AdminServices};

/// Does it.
pub async fn run(config: &Config, command: Sessions, say: &Say) -> anyhow::Result<()> {
    if matches!(command, Sessions::Revoke { all: true, .. }) {
        say.confirm("Everybody will have to log in again")?;
    }
    let reached = Reached::all(config).await?;
    let outcome = command.run(&reached.admin, say).await;
    reached.leave().await;
    outcome
}

impl Sessions {
    async fn run(self, admin: &AdminServices, say: &Say) -> anyhow::Result<()> {
        match self {
            Sessions::List { name } => {
                let user_id = users::find(admin, &name).await?.user_id;
                let sessions = admin.accounts.list_sessions_of(&ctx(), ListSessionsOfRequest { user_id }).await?;
                say.result(&sessions, || {
                    let lines = sessions.items.iter().map(|session| {
                        let id = SessionId::try_from(&session.session_id[..]).unwrap_or_default();
                        let (since, seen) = (time(session.created_at), time(session.last_seen_at));
                        let device = [&session.platform[..], &session.device_name[..]].join(" ");
                        format!("{id}  since {since}  last seen {seen}  {}", device.trim())
                    });
                    let lines: Vec<_> = lines.collect();
                    if lines.is_empty() { "no open session".into() } else { lines.join("\n") }
                })
            }
            Sessions::Revoke { name, session, all } => {
                let mut request = RevokeSessionsRequest { all, ..RevokeSessionsRequest::default() };
                if let Some(name) = name {
                    request.user_id = users::find(admin, &name).await?.user_id;
                }
                if let Some(session) = session {
                    request.session_id = session.parse::<SessionId>()?.to_vec();
                }
                let revoked = revoke(admin, request).await?;
                say.result(&json!({ "revoked": revoked }), || format!("{revoked} sessions ended"))
            }
        }
    }
}

/// Ends sessions while there are more; answers how many.
pub async fn revoke(admin: &AdminServices, request: RevokeSessionsRequest) -> anyhow::Result<u32> {
    let mut revoked = 0;
    loop {
        let reply = admin.accounts.revoke_sessions(&ctx(), request.clone()).await?;
        revoked += reply.revoked;
        if !reply.more {
            return Ok(revoked);
        }
    }
}
