//! What configuration decides about messaging.

use std::path::PathBuf;

use crate::words::WordsMode;

/// Limits and settings; the defaults are the product's.
#[derive(Clone, Debug)]
pub struct MessagingOptions {
    /// Whether people who are not friends may talk and be brought into groups at once.
    pub strangers: bool,
    /// The largest encoded content of a message, in bytes.
    pub body_bytes: usize,
    /// Sends a second that a person may keep up; 0: no limit.
    pub sends_per_second: u32,
    /// Sends that a person may make at once.
    pub send_burst: u32,
    /// Conversations that a person may be in.
    pub conversations: i64,
    /// People in a group.
    pub group_members: i64,
    /// People that one call may invite.
    pub invite_batch: usize,
    /// Invitations that may wait for one person.
    pub invitations: i64,
    /// The longest title of a group, in bytes.
    pub title_bytes: usize,
    /// A member's name in a group, in bytes.
    pub nickname_bytes: usize,
    /// A group's announcement, in bytes.
    pub announcement_bytes: usize,
    /// How long its sender may edit a message, in milliseconds; 0: for ever.
    pub edit_within_ms: i64,
    /// How long its sender may recall a message, in milliseconds; 0: for ever.
    pub recall_within_ms: i64,
    /// How long owner and admins may recall the messages of others, in milliseconds; 0: for ever.
    pub recall_as_admin_within_ms: i64,
    /// How long an expiring message may stay at most, in milliseconds.
    pub expires_most_ms: i64,
    /// How far ahead a message may be scheduled, in milliseconds.
    pub schedule_most_ms: i64,
    /// Scheduled messages that one person may have.
    pub scheduled: i64,
    /// Whether the words that an edited message had before are kept, for owner and admins of its group.
    pub keep_versions: bool,
    /// The file with words that are not to be said; none: everything may be said.
    pub words_file: Option<PathBuf>,
    /// What happens to a message that has one.
    pub words_mode: WordsMode,
    /// Sends that may wait for the writer before `unavailable`.
    pub send_queue: usize,
    /// Entries in one page of a conversation's sync.
    pub sync_entries: usize,
    /// Bytes of bodies in one page of a conversation's sync; one entry comes whatever its size.
    pub sync_bytes: usize,
    /// Bytes of bodies in one answer that syncs several conversations.
    pub sync_many_bytes: usize,
    /// Missed entries that a returning device is sent; with more to send it has to sync.
    pub resume_entries: usize,
    /// Bytes of missed entries that a returning device is sent; with more to send it has to sync.
    pub resume_bytes: usize,
    /// Secret of the page tokens; the same in every process that serves the lists.
    pub page_key: [u8; 32],
    /// Entries that are left out of the index on disk, and held in memory instead, before a run moves them there. Until
    /// a run is through there are at most as many again.
    pub index_run: i64,
    /// Milliseconds between two looks of the auditor; 0: it does not run.
    pub audit_interval_ms: u64,
}

impl Default for MessagingOptions {
    fn default() -> Self {
        Self {
            strangers: false,
            body_bytes: 64 << 10,
            sends_per_second: 10,
            send_burst: 50,
            conversations: 1_000,
            group_members: 10_000,
            invite_batch: 500,
            invitations: 500,
            title_bytes: 128,
            nickname_bytes: 64,
            announcement_bytes: 4_096,
            edit_within_ms: 24 * 3_600_000,
            recall_within_ms: 24 * 3_600_000,
            recall_as_admin_within_ms: 0,
            expires_most_ms: 365 * 24 * 3_600_000,
            schedule_most_ms: 365 * 24 * 3_600_000,
            scheduled: 100,
            keep_versions: false,
            words_file: None,
            words_mode: WordsMode::Reject,
            send_queue: 16_384,
            sync_entries: 256,
            sync_bytes: 256 << 10,
            sync_many_bytes: 1 << 20,
            resume_entries: 1_000,
            resume_bytes: 1 << 20,
            page_key: [0; 32],
            index_run: 131_072,
            audit_interval_ms: 1_000,
        }
    }
}
