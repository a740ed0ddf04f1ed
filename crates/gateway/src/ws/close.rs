//! Why connections end: the close codes of the protocol.

use std::sync::Arc;

use super::codec::Violation;
use crate::frames::Block;

/// The end of a connection, as its client is told.
#[derive(Clone, Debug)]
pub struct Close {
    /// The close code.
    pub code: u16,
    /// For people.
    pub reason: &'static str,
    /// A last push before the close frame, outside the window.
    pub farewell: Option<Arc<Block>>,
}

impl Close {
    /// A frame that is not one.
    pub const BAD_FRAME: Close = Close::new(4400, "bad frame");
    /// The first frame did not say who is there.
    pub const UNAUTHENTICATED: Close = Close::new(4401, "not authenticated");
    /// The first frame did not come in time.
    pub const LATE: Close = Close::new(4408, "authentication too late");
    /// Another connection took this one's place.
    pub const REPLACED: Close = Close::new(4409, "replaced");
    /// The session is over.
    pub const SESSION_ENDED: Close = Close::new(4410, "session ended");
    /// A message is larger than the limit.
    pub const TOO_LARGE: Close = Close::new(4413, "too large");
    /// The client did not keep up.
    pub const TOO_SLOW: Close = Close::new(4429, "too slow");
    /// The client sends more than anybody has to.
    pub const TOO_MUCH: Close = Close::new(4429, "too much");
    /// The server goes down or moves.
    pub const RESTART: Close = Close::new(1012, "restart");
    /// A part that is needed is away.
    pub const TRY_LATER: Close = Close::new(1013, "try again later");
    /// The client closed; its own code goes back.
    pub const NORMAL: Close = Close::new(1000, "");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason, farewell: None }
    }
}

impl From<Violation> for Close {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::Malformed(_) | Violation::NotText => Close::BAD_FRAME,
            Violation::TooLarge => Close::TOO_LARGE,
        }
    }
}
