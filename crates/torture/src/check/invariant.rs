//! The invariants, from causes to consequences: where one fault breaks several, the first in this order is its name.

use std::fmt;

macro_rules! invariants {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal,)*) => {
        /// A promise that a history can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant {
            $($(#[doc = $doc])* $name,)*
        }

        impl Invariant {
            /// All of them, causes first.
            pub const ALL: &'static [Invariant] = &[$(Invariant::$name,)*];

            /// Its name in reports and documents.
            pub fn name(self) -> &'static str {
                match self { $(Invariant::$name => $word,)* }
            }
        }
    };
}

invariants! {
    /// If a was acknowledged before b was sent, then a stands before b.
    AckRealTimeOrder = "ack_real_time_order",
    /// Seqs of a conversation are 1…n, and within one life of the server none is given to two messages.
    SeqsDense = "seqs_dense",
    /// Every acknowledgement of one key says the same, all but one of them with `dup`; another payload is refused.
    SameKeySameAck = "same_key_same_ack",
    /// A change names an earlier message, its versions rise without holes, and each acknowledged one stands there once.
    ChangeHasTarget = "change_has_target",
    /// All readers see the same entry at the same seq, on every way.
    ReadersAgree = "readers_agree",
    /// What stands in the log was sent, by that person, with that content, and was not refused; what was shown is there.
    NoPhantom = "no_phantom",
    /// An acknowledged message stands in the log exactly once, at its seq.
    AckedInLogOnce = "acked_in_log_once",
    /// What was recalled is not said any more, a second after.
    RecallGone = "recall_gone",
    /// A message says at each version, for everybody, what its changes up to there made of it.
    OneRecord = "one_record",
    /// When all is quiet, the reactions that are told are those that people have.
    ReactionsTold = "reactions_told",
    /// Who came, went, was blocked or unblocked is so when all is quiet, and so are the links into groups.
    ActsKept = "acts_kept",
    /// Nothing is said between two people while one of them blocks the other.
    BlockHolds = "block_holds",
    /// What one connection sent to one conversation stands in the order in which it was sent.
    SendOrder = "send_order",
    /// `server_ts` never goes back in a conversation.
    ServerTsMonotone = "server_ts_monotone",
    /// Nobody receives or writes an entry outside their membership.
    Entitlement = "entitlement",
    /// After an acknowledgement every later read of that person shows the message.
    ReadsOwnAcks = "reads_own_acks",
    /// A page of sync holds exactly the visible entries of its range and names the hidden ones.
    SyncExact = "sync_exact",
    /// On one connection the entries of a conversation rise without gaps until the server says so.
    ConnectionOrder = "connection_order",
    /// A resumed connection goes on where the one before it ended.
    ResumeComplete = "resume_complete",
    /// When all is quiet, every device holds every entry that its owner may see.
    DeviceConverges = "device_converges",
    /// Read cursors never go back and never pass the head.
    ReadCursorMonotone = "read_cursor_monotone",
    /// Unread counts are those of the definition, and so are the counts of messages that are meant for somebody.
    UnreadCorrect = "unread_correct",
    /// Whoever may read a message that holds a file gets its bytes, and nobody else; nobody gets others.
    FilesKept = "files_kept",
    /// Search shows what stands in the log and its reader may see; when all is quiet, all of it, once each.
    SearchExact = "search_exact",
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
