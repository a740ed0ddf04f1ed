//! The seams between services and the machine, and their embedded implementations.
//!
//! Here live: [`Db`] (one writer, a pool of readers, migrations), the outbox that carries events to gateways
//! ([`outbox`]), the idempotency helper ([`Tx::once`]) and named fail-points. Here does not live: any table of a
//! service, any rule of the product.

mod db;
pub mod failpoint;
mod migrate;
mod once;
pub mod outbox;
mod readers;
mod sqlite;
mod tx;
mod value;
mod writer;

pub use db::{Db, DbOptions, Durability};
pub use migrate::Migration;
pub use once::Once;
pub use tx::{Reader, Tx};
pub use value::{Row, Value};
pub use writer::Lane;
