//! The words every other crate speaks.
//!
//! Here live: ids ([`id`]), the one table of error codes ([`error`]), time ([`clock`]), base32 ([`base32`]),
//! authenticated page tokens ([`page`]), buckets for limits ([`limiter`]), what short texts may be ([`text`]) and the one
//! function that decides who may do what ([`access`]).
//! Here does not live: anything asynchronous, anything that touches a disk or a socket.

pub mod access;
pub mod base32;
pub mod clock;
pub mod error;
pub mod id;
pub mod limiter;
pub mod page;
pub mod plant;
pub mod text;

pub use access::{Action, Standing, authorise};
pub use clock::{Clock, Timestamp};
pub use error::{Code, Error, FieldError, Result};
pub use id::{
    ConversationId, DeviceId, FileId, FriendCategoryId, FriendRequestId, Id, JoinLinkId, MessageId, SessionId, UserId,
};
