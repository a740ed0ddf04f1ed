//! What an operator may see of conversations: how one stands, and whether the log adds up. Never what was said.
//!
//! The checks are the auditor's ([`crate::audit`]), in parts that one call each does, so that no snapshot lives long.

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{
        ConversationReport, LogAdmin, LogMismatch, ShowConversationRequest, Stay, VerifyAt, VerifyLogReply,
        VerifyLogRequest,
    },
};
use anser_engine::Db;
use anser_types::{Clock, Code, ConversationId, Error, Result, UserId};

use crate::{
    audit::{Mismatch, members::stays_after, walk::Walk},
    conversation, log,
    log::{Log, Snapshot},
    message,
    options::MessagingOptions,
};

/// Rows that one call checks, give or take the last extent's end.
const ROWS: usize = 5_000;
/// Stays in one report.
const STAYS: u32 = 1_000;

/// The operator's hand in this room.
pub struct LogKeeper {
    db: Db,
    log: Log,
}

impl LogKeeper {
    pub(crate) fn new(db: &Db, log: &Log) -> Arc<Self> {
        Arc::new(Self { db: db.clone(), log: log.clone() })
    }

    /// The keeper of a log that nobody appends to, as in a copy of a store.
    pub async fn of_copy(db: &Db) -> Result<Arc<Self>> {
        let db = db.scoped("messaging");
        let log = Log::open(&db, MessagingOptions::default().index_run, Clock::system()).await?;
        Ok(Arc::new(Self { db, log }))
    }

    /// The journal's last position.
    pub async fn last_position(&self) -> Result<i64> {
        self.db.read(log::last_position).await
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Snapshot<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let log = self.log.clone();
        self.db.read(move |reader| question(&log.at(reader)?)).await
    }
}

#[async_trait::async_trait]
impl LogAdmin for LogKeeper {
    async fn show_conversation(&self, ctx: &Context, request: ShowConversationRequest) -> Result<ConversationReport> {
        ctx.require_service()?;
        let conversation = ConversationId::try_from(&request.conversation_id[..])?;
        let after = match &request.after_user[..] {
            [] => None,
            user => Some(UserId::try_from(user)?),
        };
        let limit = request.limit.clamp(1, STAYS) as usize;
        self.read(move |log| show(log, conversation, after, limit)).await
    }

    async fn verify_log(&self, ctx: &Context, request: VerifyLogRequest) -> Result<VerifyLogReply> {
        ctx.require_service()?;
        let alone = match &request.conversation_id[..] {
            [] => None,
            id => Some(ConversationId::try_from(id)?),
        };
        self.read(move |log| verify(log, alone, request.next.as_ref())).await
    }
}

fn show(
    log: &Snapshot<'_>,
    conversation: ConversationId,
    after: Option<UserId>,
    limit: usize,
) -> Result<ConversationReport> {
    let row = conversation::store::conversation(log, conversation)?.ok_or_else(|| Error::not_found("conversation"))?;
    let head = log.head(conversation)?;
    let mut stays = stays_after(log, conversation, after, limit + 1)?;
    // Somebody's stays are not torn apart: the next page begins after a person.
    let has_more = stays.len() > limit;
    if let Some(next) = stays.get(limit).map(|stay| stay.user)
        && stays[0].user != next
    {
        stays.retain(|stay| stay.user != next);
    }
    let stays = stays.into_iter().map(|stay| {
        let (read_seq, _) = message::store::cursor(log, conversation, stay.user)?;
        Ok(Stay {
            user_id: stay.user.to_vec(),
            role: stay.role as i32,
            from_seq: stay.from_seq,
            to_seq: stay.to_seq.unwrap_or(0),
            read_seq,
        })
    });
    Ok(ConversationReport {
        conversation_id: conversation.to_vec(),
        kind: row.kind.into(),
        title: row.title,
        created_at: row.created_at,
        dismissed_at: row.dismissed_at,
        member_count: row.member_count,
        head_seq: head.seq,
        head_position: head.position,
        head_at: head.at,
        countable: head.countable,
        stays: stays.collect::<Result<_>>()?,
        has_more,
    })
}

fn verify(log: &Snapshot<'_>, alone: Option<ConversationId>, next: Option<&VerifyAt>) -> Result<VerifyLogReply> {
    let (mut walk, first) = match (next, alone) {
        (Some(at), _) => (Walk::from_message(at)?, false),
        (None, Some(id)) => {
            conversation::store::conversation(log, id)?.ok_or_else(|| Error::not_found("conversation"))?;
            (Walk::of(id), true)
        }
        (None, None) => (Walk::counting(log.last_position()), false),
    };
    let mut reply = VerifyLogReply { conversations: u32::from(first), ..VerifyLogReply::default() };
    let mut found = Vec::new();
    while (reply.rows as usize) < ROWS {
        let begins = walk.between();
        match walk.step(log, ROWS - reply.rows as usize, &mut found) {
            Ok(taken) => reply.rows += taken as u32,
            Err(error) if error.code == Code::Internal => found.push(walk.pass_unreadable()),
            Err(error) => return Err(error),
        }
        let through = match alone {
            Some(_) => walk.between(),
            None => walk.at_start(),
        };
        reply.conversations += u32::from(begins && !walk.at_start());
        if through {
            if alone.is_none() && walk.missed() != 0 {
                let what = "the journal lacks entries, or has some that no conversation names";
                found.push(Mismatch { conversation: ConversationId::default(), seq: 0, user: None, what });
            }
            reply.mismatches = found.into_iter().map(told).collect();
            return Ok(reply);
        }
    }
    reply.mismatches = found.into_iter().map(told).collect();
    reply.next = Some(walk.to_message());
    Ok(reply)
}

fn told(mismatch: Mismatch) -> LogMismatch {
    LogMismatch {
        conversation_id: mismatch.conversation.to_vec(),
        seq: mismatch.seq,
        user_id: mismatch.user.map(UserId::to_vec).unwrap_or_default(),
        what: mismatch.what.into(),
    }
}
