//! `anser admin conversations`.

use anser_contract::v1::{ConversationReport, LogAdmin, LogMismatch, ShowConversationRequest, VerifyLogRequest};
use anser_types::{ConversationId, UserId};
use serde_json::json;

use super::{
    Found,
    cli::Conversations,
    ctx,
    reach::Reached,
    say::{Say, time},
};
use crate::config::Config;

/// Stays in one call.
const STAYS: u32 = 1_000;

/// Does it.
pub async fn run(config: &Config, command: Conversations, say: &Say) -> anyhow::Result<()> {
    let reached = Reached::all(config).await?;
    let log = &*reached.admin.log;
    let outcome = match command {
        Conversations::Show { id } => show(log, &id, say).await,
        Conversations::Verify { id, all: _ } => verify_said(log, id.as_deref(), say).await,
    };
    reached.leave().await;
    outcome
}

async fn show(log: &dyn LogAdmin, id: &str, say: &Say) -> anyhow::Result<()> {
    let conversation_id = id.parse::<ConversationId>()?.to_vec();
    let mut request = ShowConversationRequest { conversation_id, limit: STAYS, ..ShowConversationRequest::default() };
    let mut report = log.show_conversation(&ctx(), request.clone()).await?;
    while report.has_more {
        request.after_user = report.stays.last().map(|stay| stay.user_id.clone()).unwrap_or_default();
        let next = log.show_conversation(&ctx(), request.clone()).await?;
        report.stays.extend(next.stays);
        report.has_more = next.has_more;
    }
    say.result(&report, || in_words(&report))
}

fn in_words(report: &ConversationReport) -> String {
    let kind = format!("{:?}", report.kind()).to_lowercase();
    let mut text = format!("{kind} {:?}, made {}", report.title, time(report.created_at));
    if report.dismissed_at > 0 {
        text += &format!(", closed {}", time(report.dismissed_at));
    }
    let (head, position, at) = (report.head_seq, report.head_position, time(report.head_at));
    text += &format!("\nhead {head} at position {position}, {at}; {} countable", report.countable);
    text += &format!("\n{} members", report.member_count);
    for stay in &report.stays {
        let user = UserId::try_from(&stay.user_id[..]).unwrap_or_default();
        let to = if stay.to_seq == 0 { "now".into() } else { stay.to_seq.to_string() };
        let role = format!("{:?}", stay.role()).to_lowercase();
        text += &format!("\n  {user}  {role:<6}  {}..{to}  read {}", stay.from_seq, stay.read_seq);
    }
    text
}

async fn verify_said(log: &dyn LogAdmin, id: Option<&str>, say: &Say) -> anyhow::Result<()> {
    let checked = verify(log, id, say).await?;
    for mismatch in &checked.mismatches {
        say.result(&json!({ "mismatch": mismatch }), || mismatch_in_words(mismatch))?;
    }
    let found = checked.mismatches.len();
    let summary = json!({ "conversations": checked.conversations, "rows": checked.rows, "mismatches": found });
    say.result(&summary, || {
        let outcome = if found == 0 { "everything adds up".into() } else { format!("{found} mismatches") };
        format!("{} conversations, {} rows: {outcome}", checked.conversations, checked.rows)
    })?;
    if found == 0 { Ok(()) } else { Err(Found(found).into()) }
}

/// What a check of logs saw.
#[derive(Default)]
pub struct Checked {
    /// Conversations.
    pub conversations: u64,
    /// Rows.
    pub rows: u64,
    /// What does not add up; of a store that is wrong everywhere the first [`REPORTED`].
    pub mismatches: Vec<LogMismatch>,
}

/// Mismatches that are reported.
const REPORTED: usize = 1_000;

/// Checks the log of a conversation, or of all.
pub async fn verify(log: &dyn LogAdmin, id: Option<&str>, say: &Say) -> anyhow::Result<Checked> {
    let conversation_id = id.map(str::parse::<ConversationId>).transpose()?.map(ConversationId::to_vec);
    let mut request = VerifyLogRequest { conversation_id: conversation_id.unwrap_or_default(), next: None };
    let mut checked = Checked::default();
    loop {
        let reply = log.verify_log(&ctx(), request.clone()).await?;
        checked.conversations += u64::from(reply.conversations);
        checked.rows += u64::from(reply.rows);
        let room = REPORTED - checked.mismatches.len();
        checked.mismatches.extend(reply.mismatches.into_iter().take(room));
        if reply.next.is_none() {
            say.progress("");
            return Ok(checked);
        }
        request.next = reply.next;
        say.progress(&format!("{} conversations, {} rows", checked.conversations, checked.rows));
    }
}

/// What does not add up, and where.
pub fn mismatch_in_words(mismatch: &LogMismatch) -> String {
    let mut place = String::new();
    match ConversationId::try_from(&mismatch.conversation_id[..]) {
        Ok(id) if id != ConversationId::default() => place += &format!("conversation {id}"),
        _ => place += "the journal",
    }
    if mismatch.seq > 0 {
        place += &format!(" seq {}", mismatch.seq);
    }
    if let Ok(user) = UserId::try_from(&mismatch.user_id[..]) {
        place += &format!(" person {user}");
    }
    format!("{place}: {}", mismatch.what)
}
