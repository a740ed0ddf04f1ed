//! How codes reach phones: the seam, and what can stand behind it.
//!
//! A provider takes a message once. It repeats nothing that may have been sent already, answers by the deadline, and says
//! whether a message that failed can have gone out all the same. Whether somebody may have a message at all is not its affair.

mod aliyun;
mod outbox;
mod signature;

use std::fmt;

use anser_contract::v1::CodePurpose;
use anser_types::{Error, Timestamp};
use tokio::time::Instant;

pub use aliyun::{Aliyun, AliyunOptions};
pub use outbox::SmsOutbox;

/// A code on its way to a phone. Its Debug form shows neither.
#[derive(Clone)]
pub struct Sms {
    /// Whom it is for, in E.164.
    pub phone: String,
    /// The digits.
    pub code: String,
    /// What the code is good for.
    pub purpose: CodePurpose,
    /// When it was made.
    pub at: Timestamp,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms").field("purpose", &self.purpose).field("at", &self.at).finish_non_exhaustive()
    }
}

/// Why there was no answer that it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmsFailure {
    /// It was certainly not.
    NotSent(Error),
    /// It may have been.
    Unknown(Error),
}

/// Sends codes to phones.
#[async_trait::async_trait]
pub trait SmsProvider: Send + Sync {
    /// Sends one message, or says by the deadline that it could not.
    async fn send(&self, sms: &Sms, deadline: Instant) -> Result<(), SmsFailure>;
}
