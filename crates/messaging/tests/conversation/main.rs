//! Conversations and who is in them, through the service as the gateway holds it.

mod house;
mod verbs;
mod visibility;
