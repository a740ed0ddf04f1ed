//! The seams between services and the machine, and their embedded implementations.
//!
//! Here live: [`Db`] (one writer, a pool of readers, migrations), the outbox that carries events to gateways
//! ([`outbox`]), the idempotency helper ([`Tx::once`]), named fail-points, and what a store needs around it: the data
//! directory, secrets, the check of what the promises rest on. Here does not live: any table of a service, any rule of
//! the product.

mod admin;
mod checkpoint;
mod copy;
pub mod data_dir;
mod db;
pub mod failpoint;
mod failure;
mod fingerprints;
mod job;
mod lock;
mod migrate;
mod once;
pub mod outbox;
mod readers;
pub mod restore;
mod round;
mod scope;
mod secrets;
mod selfcheck;
mod space;
mod sqlite;
mod tx;
mod value;
mod writer;

pub use admin::{StoreKeeper, check_file};
pub use checkpoint::CheckpointLimits;
pub use db::{Db, DbOptions, Durability};
pub use failure::{EXIT_STORE_FAILED, OnFatal};
pub use fingerprints::Fingerprints;
pub use job::Lane;
pub use lock::StoreLock;
pub use migrate::Migration;
pub use once::{KEPT_MS as ONCE_KEPT_MS, Once};
pub use secrets::Secrets;
pub use selfcheck::{Finding, Level, selfcheck};
pub use space::SpaceLimits;
pub use tx::{Reader, Tx};
pub use value::{Row, Value};
