//! The lines of a history file.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::{decode, shape::Shape};

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Nanoseconds since the run began, monotonic over the whole file.
    pub t: u64,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The run began.
    Run {
        /// Which kind of run.
        mode: String,
        /// The seed of its dice.
        seed: u64,
    },
    /// A person was registered.
    User {
        /// Their id.
        user: String,
    },
    /// A connection is being opened; `conn` names it from here on.
    Open {
        /// The connection's number.
        conn: u64,
        /// Who opens it.
        user: String,
        /// On which device.
        device: String,
        /// Whether it is one of the last readers, which read everything when all is quiet.
        last: bool,
    },
    /// A frame is about to be sent.
    Out {
        /// The connection's number.
        conn: u64,
        /// The frame, without the token.
        frame: Raw,
    },
    /// A frame came.
    In {
        /// The connection's number.
        conn: u64,
        /// The frame as it came.
        frame: Raw,
    },
    /// A connection ended.
    Closed {
        /// The connection's number.
        conn: u64,
        /// The close code, where the server gave one.
        code: Option<u16>,
        /// Whether the client ended it.
        by_client: bool,
    },
    /// An HTTP request is about to be sent.
    Call {
        /// The call's number.
        call: u64,
        /// Who calls.
        user: String,
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// The body.
        body: Value,
    },
    /// An HTTP request was answered.
    Answer {
        /// The call's number.
        call: u64,
        /// The status; 0 where no answer came.
        status: u16,
        /// The body.
        body: Value,
    },
    /// Something happened to the server.
    Server {
        /// What: `started`, `killed`, `ended`.
        event: String,
        /// More about it.
        detail: String,
    },
    /// Nothing is under way any more: from here on only the last readers read.
    Quiet {},
}

/// A frame as it was on the wire.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Raw {
    /// A text frame.
    Json(String),
    /// A binary frame, in base64.
    Proto(String),
}

impl Raw {
    /// A text frame.
    pub fn text(text: &str) -> Self {
        Raw::Json(text.to_owned())
    }

    /// A binary frame.
    pub fn binary(bytes: &[u8]) -> Self {
        Raw::Proto(BASE64.encode(bytes))
    }

    /// The frame as a value; `None` if it cannot be read.
    pub fn value(&self, shape: Shape) -> Option<Value> {
        match self {
            Raw::Json(text) => serde_json::from_str(text).ok(),
            Raw::Proto(text) => decode(shape, &BASE64.decode(text).ok()?),
        }
    }
}
