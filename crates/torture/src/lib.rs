//! Torments a server over real sockets and proves from the record that nothing of the delivery contract was broken.
//!
//! [`drive`] holds the virtual people and their devices, [`history`] the record that they write, [`check`] the judge
//! that reads nothing but the record, [`modes`] the kinds of runs. [`wire`] is the protocol, written a second time.
//! Nothing here uses the server's crates or the client library, so that a mistake there cannot excuse itself here.

pub mod check;
pub mod drive;
pub mod history;
pub mod modes;
pub mod wire;
