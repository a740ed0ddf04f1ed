//! The HTTP side as clients meet it: a real listener, real requests, fake services.
#![expect(clippy::unwrap_used, reason = "a panic is how tests and their helpers fail")]

mod acme;
mod bodies;
mod docs;
mod edge;
mod errors;
mod fakes;
mod files;
mod house;
mod keys;
mod listener;
mod probes;
mod resources;
mod speech;
mod table;
mod tls;
